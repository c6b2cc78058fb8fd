//! Hangouts at run time: looking in at the door, coming in, and the end of an empty one.

use busk_base::{JobId, RoomId, Timestamp};
use busk_people::{Caller, Channel, secret};
use busk_store::{Reader, StoreError, Tx, jobs};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{NewHangout, StartError, UNUSED, opens, relink, start};
use crate::live::Rooms;
use crate::socket::speaker;
use crate::stage::{self, Act, Actor, Away, Changed, PEOPLE_MAX, Stage, StageError};
use crate::state::{self, By, ChangeError};
use crate::view::{self, Shown};
use crate::{Room, Speaker, State};

/// A hangout as whoever has its link sees it before coming in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Door {
    room: RoomId,
    title: String,
    /// Name and handle of the channel whose it is.
    host: String,
    handle: String,
    /// `hangout`; `live` or `interrupted` once it has an audience; `ended`.
    state: State,
    /// Names of those on camera.
    people: Vec<String>,
    people_max: u8,
    locked: bool,
    /// All are being asked whether to go live; whoever comes in ends that.
    asked_live: bool,
    /// The asker is its host.
    mine: bool,
    /// The asker is on camera in it.
    inside: bool,
}

impl Rooms {
    /// Opens a hangout; gives it and its link's secret, this once.
    pub(super) async fn start_hangout(
        &self,
        channel: Channel,
        title: String,
        people_max: Option<u8>,
    ) -> Result<(RoomId, String), StartError> {
        let (site, now) = (self.site(), self.site().now());
        let policy_max = site.policy().hangout_people_max;
        let new = NewHangout {
            id: RoomId::new(now, site.entropy()),
            title,
            people_max: people_max.unwrap_or(policy_max.clamp(2, PEOPLE_MAX)),
            secret: secret::text(site.secret()),
        };
        let unused = Away {
            job: JobId::new(now, site.entropy()),
            until: now + UNUSED,
        };
        let secret = new.secret.clone();
        let started = move |tx: &mut Tx| start(tx, &channel, &new, policy_max, unused, now);
        Ok((site.store().write(started).await?.id, secret))
    }

    /// What stands at the door, for those whom it opens to.
    pub(super) async fn hangout_door(
        &self,
        room: RoomId,
        key: Option<String>,
        caller: &Caller,
    ) -> Result<Door, StageError> {
        let who = speaker(caller, false).map(|who| who.id);
        let read = self.site().store().read(move |db: &mut Reader| {
            let Some(shown) = view::one(db, room)? else {
                return Ok(Err(StageError::RoomUnknown));
            };
            let stage = stage::of(db, room)?;
            if !opens(db, &shown.room, &stage, who, key.as_deref())? {
                return Ok(Err(StageError::RoomUnknown));
            }
            let comes = who.filter(|who| !stage.has(&shown.room, *who) && *who != shown.room.host.0);
            let refused = match comes {
                Some(who) if stage.has_removed(who) => Some(StageError::Removed),
                Some(who) if stage::is_blocked(db, &shown.room, &stage, who)? => Some(StageError::Blocked),
                _ => None,
            };
            match refused {
                Some(refused) => Ok(Err(refused)),
                None => Ok::<_, StoreError>(Ok(door(shown, &stage, who))),
            }
        });
        read.await?
    }

    /// Brings somebody in whom the door opens to.
    pub(super) async fn enter_hangout(
        &self,
        room: RoomId,
        key: Option<String>,
        who: Speaker,
    ) -> Result<Changed, StageError> {
        let (now, away) = (self.site().now(), self.away());
        let entered = self.site().store().write(move |tx: &mut Tx| {
            let found = tx.find::<Room>(&room)?.ok_or(StageError::RoomUnknown)?;
            let stage = stage::of(tx, room)?;
            if !opens(tx, &found, &stage, Some(who.id), key.as_deref())? {
                return Err(StageError::RoomUnknown);
            }
            let by = match who.id == found.host.0 {
                true => Actor::Host,
                false => Actor::Other(who.clone()),
            };
            stage::act(tx, room, &by, &Act::Enter(who.clone()), away, now)
        });
        let changed = entered.await?;
        self.carry_out(&changed).await?;
        Ok(changed)
    }

    /// Gives a hangout of one's own another link.
    pub(super) async fn relink_hangout(&self, room: RoomId, host: Uuid) -> Result<String, StageError> {
        let secret = secret::text(self.site().secret());
        let new = secret.clone();
        let relinked = self.site().store().write(move |tx: &mut Tx| {
            let found = tx.find::<Room>(&room)?.filter(|room| room.private);
            let found = found.ok_or(StageError::RoomUnknown)?;
            if found.host.0 != host {
                let inside = stage::of(tx, room)?.mine(host).is_some();
                return Err(if inside {
                    StageError::NotHost
                } else {
                    StageError::RoomUnknown
                });
            }
            if found.state != State::Hangout {
                return Err(StageError::WrongState(found.state));
            }
            Ok(relink(tx, room, &new)?)
        });
        relinked.await?;
        Ok(secret)
    }

    /// Does an [`EMPTY_JOB`](stage::EMPTY_JOB).
    pub async fn end_empty_hangout(&self, job: &jobs::Job) -> Result<(), String> {
        let (room, since): (RoomId, Timestamp) =
            serde_json::from_str(&job.body).map_err(|e| e.to_string())?;
        let (now, id) = (self.site().now(), job.id);
        let ended = self.site().store().write(move |tx: &mut Tx| {
            let found = tx.find::<Room>(&room)?;
            let open = found.is_some_and(|found| found.state == State::Hangout);
            let over = open && stage::of(tx, room)?.empty_since() == Some(since);
            if over {
                state::end(tx, room, By::System, now)?;
            }
            jobs::done(tx, id)?;
            Ok::<_, ChangeError>(over)
        });
        if ended.await.map_err(|e| e.to_string())? {
            self.hang_up(room).await;
        }
        Ok(())
    }
}

fn door(shown: Shown, stage: &Stage, who: Option<Uuid>) -> Door {
    let hangout = stage.hangout.as_ref();
    let channel = shown.channel().clone();
    let room = shown.room;
    Door {
        inside: who.is_some_and(|who| stage.has(&room, who)),
        mine: who == Some(room.host.0),
        people: stage.on().map(|place| place.who.name.clone()).collect(),
        people_max: hangout.map_or(stage::SEATS, |hangout| hangout.seats_max),
        locked: hangout.is_some_and(|hangout| hangout.locked),
        asked_live: hangout.is_some_and(|hangout| hangout.vote.is_some()),
        room: room.id,
        title: room.title,
        host: channel.name,
        handle: channel.handle,
        state: room.state,
    }
}
