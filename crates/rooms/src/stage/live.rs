//! What an act on the stage brings about beyond the log: in the media plane and for those who watch.

use busk_api::Problem;
use busk_base::{JobId, PersonId, RoomId};
use busk_fanout::Whom;
use busk_media::program::{self, Shown, ShownSeat};
use busk_people::{Moderator, block};
use busk_store::{Reader, StoreError, Tx, jobs};
use uuid::Uuid;

use super::{Act, Actor, Away, Changed, Layout, Stage, StageError, StageView, act, of, sql, view};
use crate::Room;
use crate::event::SpeakerKind;
use crate::http::room_unknown;
use crate::live::Rooms;
use crate::view as rooms_view;

/// Close code of those who were blocked: coming back is of no use.
const CLOSE_BLOCKED: u16 = 4003;
/// Close code of those whose ticket or subscription does not hold any more.
const CLOSE_UNADMITTED: u16 = 4005;
/// Close code of those who are not in a hangout any more.
const CLOSE_GONE: u16 = 4004;

impl Rooms {
    /// Does one act, and carries out what follows from it.
    pub(crate) async fn stage_act(&self, room: RoomId, by: Actor, what: Act) -> Result<Changed, StageError> {
        let (now, away) = (self.site().now(), self.away());
        let changed = self
            .site()
            .store()
            .write(move |tx: &mut Tx| act(tx, room, &by, &what, away, now))
            .await?;
        self.carry_out(&changed).await?;
        Ok(changed)
    }

    async fn moderates(&self, room: &Room, person: Uuid) -> Result<bool, StoreError> {
        let channel = room.channel;
        let read = self
            .site()
            .store()
            .read(move |db: &mut Reader| Moderator::of(db, channel, PersonId(person)));
        Ok(read.await?.is_some())
    }

    /// When a seat that is without a camera from now on is given up.
    pub(crate) fn away(&self) -> Away {
        let (site, now) = (self.site(), self.site().now());
        Away {
            job: JobId::new(now, site.entropy()),
            until: now + std::time::Duration::from_secs(site.policy().resume_window_s),
        }
    }

    pub(crate) async fn carry_out(&self, changed: &Changed) -> Result<(), StoreError> {
        let Changed { room, before, after } = changed;
        let rights = |person: Uuid, stage: bool| {
            self.fanout().set_on_stage(room.id, person.as_u128(), stage);
        };
        for place in before.on() {
            let is = after.seat_of(room, place.who.id);
            if is != Some(place.seat) {
                self.media().clear_seat(room.id, place.seat).await;
            }
            if is.is_none() {
                // Who moderates goes on seeing what the stage sees.
                rights(place.who.id, self.moderates(room, place.who.id).await?);
            }
            // Who is not on camera in a hangout is not there at all.
            if is.is_none() && before.hangout.is_some() {
                self.send_out(room.id, place.who.id, CLOSE_GONE, "gone").await;
            }
        }
        for place in after.on().filter(|place| !before.has(room, place.who.id)) {
            rights(place.who.id, true);
            if place.who.kind == SpeakerKind::Person {
                self.show_out_of(room.id, PersonId(place.who.id)).await?;
            }
        }
        let seats = after.on().map(|place| place.seat).chain([0]);
        for seat in seats.filter(|seat| before.switches(*seat) != after.switches(*seat)) {
            let (muted, hidden) = after.switches(seat);
            self.media().switch(room.id, seat, muted, hidden);
        }
        if before != after && after.hangout.is_none() {
            self.show(room.id).await?;
        }
        if before.hangout.is_some() && after.hangout.is_none() {
            self.media().broadcast(room.id);
        }
        Ok(())
    }

    /// Has the program show the stage as it is now.
    pub(crate) async fn show(&self, room: RoomId) -> Result<(), StoreError> {
        let read = self.site().store().read(move |db: &mut Reader| {
            let Some(shown) = rooms_view::one(db, room)? else {
                return Ok(None);
            };
            let stage = of(db, room)?;
            let view = view(db, &shown.room, &stage, None)?;
            Ok::<_, StoreError>(Some(view))
        });
        if let Some(view) = read.await? {
            self.media().show(room, in_program(view));
        }
        Ok(())
    }

    /// The stage as somebody sees it.
    pub(crate) async fn stage_view(&self, room: RoomId, asker: Option<Uuid>) -> Result<StageView, Problem> {
        let read = self.site().store().read(move |db: &mut Reader| {
            let Some(shown) = rooms_view::one(db, room)? else {
                return Ok(None);
            };
            let stage = of(db, room)?;
            view(db, &shown.room, &stage, asker).map(Some)
        });
        let view = read.await.map_err(|error: StoreError| Problem::from(error))?;
        view.ok_or_else(room_unknown)
    }

    pub(crate) async fn stage_of(&self, room: RoomId) -> Result<Stage, StoreError> {
        self.site().store().read(move |db| of(db, room)).await
    }

    pub(crate) async fn room(&self, room: RoomId) -> Result<Option<Room>, StoreError> {
        let read = self.site().store().read(move |db| rooms_view::one(db, room));
        Ok(read.await?.map(|shown| shown.room))
    }

    /// Sends whom `blocker` has just blocked out of the rooms on whose stage `blocker` is.
    pub(crate) async fn show_out(&self, blocker: PersonId, blocked: PersonId) -> Result<(), StoreError> {
        let with = self.site().store().read(move |db| sql::rooms_with(db, blocker));
        for (room, host) in with.await? {
            if host == blocker {
                // Nobody else can put a guest off the stage.
                let removed = self.stage_act(room, Actor::Host, Act::Remove(blocked.0)).await;
                if let Err(error) = removed {
                    tracing::warn!(%room, "a blocked guest stays on stage: {error}");
                }
            }
            // In a hangout only the host puts out who is in; others' blocks keep out who is not.
            let stage = self.stage_of(room).await?;
            if stage.hangout.is_none() || !stage.on().any(|place| place.who.id == blocked.0) {
                self.send_out(room, blocked.0, CLOSE_BLOCKED, "blocked").await;
            }
        }
        Ok(())
    }

    /// Shuts what is open of somebody whose account was suspended: they are on no stage any more, and their sockets come
    /// back as a stranger's. Rooms of their own have ended.
    pub async fn shut_out(&self, person: PersonId) -> Result<(), StoreError> {
        let with = self.site().store().read(move |db| sql::rooms_with(db, person));
        for (room, host) in with.await? {
            if host != person {
                let removed = self.stage_act(room, Actor::Host, Act::Remove(person.0)).await;
                if let Err(error) = removed {
                    tracing::warn!(%room, "somebody suspended stays on stage: {error}");
                }
            }
            self.media().close_person(room, person.0.as_u128()).await;
        }
        let whom = Whom::Person(person.0.as_u128());
        self.fanout()
            .disconnect(whom, busk_fanout::CLOSE_RESUME, "your rights have changed");
        Ok(())
    }

    /// Sends all whom a newcomer on stage has blocked out of the room.
    async fn show_out_of(&self, room: RoomId, blocker: PersonId) -> Result<(), StoreError> {
        let blocked = self
            .site()
            .store()
            .read(move |db| block::ids_blocked_by(db, blocker));
        for person in blocked.await? {
            self.send_out(room, person.0, CLOSE_BLOCKED, "blocked").await;
        }
        Ok(())
    }

    async fn send_out(&self, room: RoomId, person: Uuid, code: u16, why: &'static str) {
        let key = person.as_u128();
        self.fanout().disconnect(Whom::Member(room, key), code, why);
        self.media().close_person(room, key).await;
        self.passes().forget_person(room, person);
    }

    /// Sends out whose subscription has ended.
    pub(crate) async fn show_out_unsubscribed(&self, room: RoomId, person: Uuid) {
        self.send_out(room, person, CLOSE_UNADMITTED, "unadmitted").await;
    }

    /// Does a [`SHOW_OUT_JOB`](crate::access::SHOW_OUT_JOB).
    pub async fn show_out_unadmitted(&self, job: &jobs::Job) -> Result<(), String> {
        let (room, person) = serde_json::from_str(&job.body).map_err(|e| e.to_string())?;
        // They may have been let in again.
        if !self
            .still_admitted(room, person)
            .await
            .map_err(|e| e.to_string())?
        {
            self.send_out(room, person, CLOSE_UNADMITTED, "unadmitted").await;
        }
        let id = job.id;
        let done = self.site().store().write(move |tx| jobs::done(tx, id));
        done.await.map_err(|e: StoreError| e.to_string())
    }

    /// Does a [`GIVE_UP_JOB`](super::GIVE_UP_JOB).
    pub async fn give_up_seat(&self, job: &jobs::Job) -> Result<(), String> {
        let (room, person, since) = serde_json::from_str(&job.body).map_err(|e| e.to_string())?;
        let gives_up = Act::GiveUp { person, since };
        match self.stage_act(room, Actor::System, gives_up).await {
            Ok(_) | Err(StageError::WrongState(_) | StageError::RoomUnknown) => {}
            Err(error) => return Err(error.to_string()),
        }
        let id = job.id;
        let done = self.site().store().write(move |tx| jobs::done(tx, id));
        done.await.map_err(|e: StoreError| e.to_string())
    }
}

/// The stage as the program shows it: those whose cameras are there.
fn in_program(view: StageView) -> Shown {
    let layout = match view.layout {
        Layout::Solo => program::Layout::Solo,
        Layout::Split => program::Layout::Split,
        Layout::Grid => program::Layout::Grid,
        Layout::Spotlight => program::Layout::Spotlight,
    };
    let there = view.seats.into_iter().filter(|seat| seat.on_air);
    let seats = there.map(|seat| ShownSeat {
        seat: seat.seat,
        name: seat.who.name,
        muted: seat.muted,
        hidden: seat.hidden,
    });
    Shown {
        layout,
        focus: view.focus,
        seats: seats.collect(),
    }
}
