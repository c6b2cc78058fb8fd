//! Who may be in a room, and as what: asked at every door (socket, WHEP, LL-HLS, chat).

use busk_api::Problem;
use busk_base::RoomId;
use busk_people::Caller;
use busk_store::{Reader, StoreError};

use crate::http::room_unknown;
use crate::live::{Rooms, Viewer};
use crate::log::LogReader;
use crate::socket::speaker;
use crate::stage::{self, Stage};
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
        }
    }
}

impl Rooms {
    /// Lets the caller in, unless somebody on stage has blocked them. A private room is there for those on stage only.
    pub(crate) async fn entered(&self, room: RoomId, caller: &Caller) -> Result<Entered, Problem> {
        let asker = caller.person_id();
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
            Ok::<_, StoreError>(Some((shown, stage, blocked)))
        });
        let (shown, stage, blocked) = read.await?.ok_or_else(room_unknown)?;
        if blocked {
            return Err(Problem::forbidden("blocked", "You cannot be in this room"));
        }
        let viewer = viewer(caller, &shown, &stage);
        Ok(Entered { shown, viewer })
    }
}

fn viewer(caller: &Caller, shown: &Shown, stage: &Stage) -> Viewer {
    let host = caller.person_id() == Some(shown.room.host);
    let speaker = speaker(caller, host);
    let on_stage = speaker.as_ref().is_some_and(|who| stage.has(&shown.room, who.id));
    let operator = caller.is_operator();
    Viewer {
        stage: on_stage || operator,
        speaker,
        operator,
    }
}
