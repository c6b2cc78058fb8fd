//! Who may be in a room, and as what: asked at every door (socket, WHEP, LL-HLS, chat). Whoever watches one that is
//! not for everybody does so with a device ([`passes`](crate::passes)).

use busk_api::Problem;
use busk_base::{PersonId, RoomId};
use busk_fanout::Whom;
use busk_people::session::{self, TokenHash};
use busk_people::{Caller, Moderator};
use busk_store::{Reader, StoreError};
use http::HeaderMap;
use uuid::Uuid;

use crate::access::{self, Access};
use crate::event::SpeakerRole;
use crate::hidden;
use crate::http::room_unknown;
use crate::live::{Rooms, Viewer};
use crate::log::LogReader;
use crate::moderation;
use crate::passes::{Comer, DEVICES_MAX};
use crate::socket::speaker;
use crate::stage::{self, Stage};
use crate::subroom::doors::Coming;
use crate::subroom::{self, Right};
use crate::view::{self, Shown};

/// Somebody who may be in a room.
pub(crate) struct Entered {
    pub(crate) shown: Shown,
    pub(crate) viewer: Viewer,
}

impl Viewer {
    pub(crate) fn reader(&self) -> LogReader {
        LogReader {
            person: self.speaker.as_ref().map(|speaker| speaker.id),
            stage: self.stage,
            subscriber: self.right.is_open(),
        }
    }
}

impl Rooms {
    /// Lets the caller in, unless somebody on stage has blocked them or the room is not for them. A private room is
    /// there for those on stage only.
    pub(crate) async fn entered(&self, room: RoomId, caller: &Caller) -> Result<Entered, Problem> {
        let (asker, operator, now) = (caller.person_id(), caller.is_operator(), self.site().now());
        let who = speaker(caller, false).map(|who| who.id);
        let read = self.site().store().read(move |db: &mut Reader| {
            let Some(shown) = view::one(db, room)? else {
                return Ok(None);
            };
            let stage = stage::of(db, room)?;
            if shown.room.private && !who.is_some_and(|who| stage.has(&shown.room, who)) {
                return Ok(None);
            }
            let blocked = match asker {
                Some(person) if !stage.has(&shown.room, person.0) => {
                    stage::is_blocked(db, &shown.room, &stage, person.0)?
                }
                _ => false,
            };
            let always = operator || who.is_some_and(|who| stage.has(&shown.room, who));
            let moderates = match asker {
                Some(person) => Moderator::of(db, shown.room.channel, person)?.is_some(),
                None => false,
            };
            let always = always || moderates;
            let admitted = always || access::admits(db, &shown.room, shown.access, asker, now)?;
            let right = subroom::right(db, &shown.room, asker, operator, now)?;
            let hidden = !operator && hidden::is(db, room)?;
            Ok::<_, StoreError>(Some((shown, stage, hidden, blocked, admitted, right, moderates)))
        });
        let found = read.await?.ok_or_else(room_unknown)?;
        let (shown, stage, hidden, blocked, admitted, right, moderates) = found;
        if hidden {
            return Err(hidden::refusal());
        }
        if blocked {
            return Err(Problem::forbidden("blocked", "You cannot be in this room"));
        }
        if !admitted {
            return Err(shown.access.refusal(asker.is_some()));
        }
        let viewer = viewer(caller, &shown, &stage, right, moderates);
        Ok(Entered { shown, viewer })
    }

    /// Whether somebody who has entered is banned from the channel's chats.
    pub(crate) async fn is_banned(&self, entered: &Entered) -> Result<bool, StoreError> {
        let Some(who) = entered.viewer.speaker.as_ref().map(|who| who.id) else {
            return Ok(false);
        };
        let channel = entered.shown.room.channel;
        let read = self
            .site()
            .store()
            .read(move |db: &mut Reader| moderation::of_person(db, channel, who));
        Ok(read.await?.banned)
    }

    /// Lets somebody who has entered watch with the device that the headers are of. Nothing is counted in a room
    /// that is for everybody.
    pub(crate) async fn comes_with(&self, entered: &Entered, headers: &HeaderMap) -> Option<Comer> {
        let Entered { shown, viewer } = entered;
        let (access, person) = (shown.access, viewer.speaker.as_ref()?.id);
        let session: TokenHash = session::token_hash(headers)?;
        if access == Access::Free {
            return None;
        }
        let comer = Comer {
            room: shown.room.id,
            person,
            session,
        };
        if access == Access::Subscribers {
            self.doors().watches(Coming {
                room: shown.room.id,
                channel: shown.room.channel,
                person,
                right: viewer.right,
            });
        }
        let max = match access {
            Access::Ticket if !viewer.stage => usize::from(self.site().policy().ticket_devices_max),
            Access::Free | Access::Followers | Access::Subscribers | Access::Ticket => DEVICES_MAX,
        };
        for pushed in self.passes().come(comer, max, self.site().now()) {
            for conn in pushed.sockets {
                self.fanout()
                    .disconnect(Whom::Conn(conn), CLOSE_ELSEWHERE, "elsewhere");
            }
            for session in pushed.media {
                self.media().close(session).await;
            }
        }
        Some(comer)
    }

    /// Whether somebody who was let in still is.
    pub(crate) async fn still_admitted(&self, room: RoomId, person: Uuid) -> Result<bool, StoreError> {
        let now = self.site().now();
        let read = self.site().store().read(move |db: &mut Reader| {
            let Some(shown) = view::one(db, room)? else {
                return Ok(false);
            };
            let stage = stage::of(db, room)?;
            let moderates = Moderator::of(db, shown.room.channel, PersonId(person))?.is_some();
            if moderates || stage.has(&shown.room, person) {
                return Ok(true);
            }
            Ok(!stage::is_blocked(db, &shown.room, &stage, person)?
                && access::admits(db, &shown.room, shown.access, Some(PersonId(person)), now)?)
        });
        read.await
    }
}

/// Close code of sockets whose ticket plays on other devices now.
const CLOSE_ELSEWHERE: u16 = 4006;

fn viewer(caller: &Caller, shown: &Shown, stage: &Stage, right: Right, moderates: bool) -> Viewer {
    let host = caller.person_id() == Some(shown.room.host);
    let mut speaker = speaker(caller, host);
    if let Some(who) = speaker.as_mut().filter(|who| moderates && who.role.is_none()) {
        who.role = Some(SpeakerRole::Moderator);
    }
    let on_stage = speaker.as_ref().is_some_and(|who| stage.has(&shown.room, who.id));
    Viewer {
        stage: on_stage || moderates,
        right,
        moderates,
        comer: None,
        overlay: None,
        token: None,
        speaker,
    }
}
