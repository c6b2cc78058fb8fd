//! A room's way from scheduled to ended. Each change is one function, one transaction, one event.

use busk_base::{ChannelId, JobId, PersonId, RoomId, TextError, Timestamp, bounded_text};
use busk_people::{Channel, ChannelKind};
use busk_store::{Read, StoreError, Tx, jobs, params};

use crate::access::{self, Access};
use crate::{Room, State, What, log, talk};

pub const TITLE_MAX: usize = 100;
/// The job that ends a room whose camera did not come back.
pub const END_JOB: &str = "rooms.end_interrupted";

/// A room to be opened.
#[derive(Clone, Debug)]
pub struct NewRoom {
    pub id: RoomId,
    pub title: String,
    pub scheduled_at: Option<Timestamp>,
    pub live_on_camera: bool,
    pub access: Access,
}

/// Why no room was opened, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CreateError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the title {0}")]
    Title(TextError),
    #[error("the time is in the past")]
    Past,
    #[error("only pages sell tickets")]
    PageNeeded,
    #[error("the channel has a room that is open")]
    AlreadyOpen(RoomId),
}

/// Opens a room: scheduled when it has a time, else in the lobby.
pub fn create(tx: &mut Tx, channel: &Channel, new: &NewRoom, now: Timestamp) -> Result<Room, CreateError> {
    let title = bounded_text(&new.title, 1, TITLE_MAX).map_err(CreateError::Title)?;
    if new.scheduled_at.is_some_and(|at| at <= now) {
        return Err(CreateError::Past);
    }
    if new.access == Access::Ticket && channel.kind != ChannelKind::Page {
        return Err(CreateError::PageNeeded);
    }
    if new.scheduled_at.is_none()
        && let Some(open) = open_room(tx, channel.id)?
    {
        return Err(CreateError::AlreadyOpen(open));
    }

    let state = if new.scheduled_at.is_some() {
        State::Scheduled
    } else {
        State::Lobby
    };
    let room = Room {
        id: new.id,
        channel: channel.id,
        host: channel.owner,
        title,
        state,
        epoch: 1,
        seq: 0,
        created_at: now,
        scheduled_at: new.scheduled_at,
        started_at: None,
        resume_until: None,
        ended_at: None,
        live_on_camera: new.live_on_camera,
        private: false,
    };
    room.clone().add(tx);
    if new.access != Access::Free {
        access::set(tx, room.id, new.access)?;
    }
    Ok(room)
}

/// The channel's room in the lobby, live or interrupted.
pub fn open_room(db: &mut impl Read, channel: ChannelId) -> Result<Option<RoomId>, StoreError> {
    let row = db.row(
        "SELECT id FROM room WHERE channel = $1 AND state IN ('lobby', 'live', 'interrupted')",
        params![channel],
    )?;
    row.map(|row| row.get(0)).transpose()
}

/// Why a room was not changed, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChangeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such room")]
    RoomUnknown,
    #[error("the room is not yours")]
    NotYours,
    #[error("the room is {}", .0.word())]
    WrongState(State),
    #[error("another room of the channel is open")]
    AlreadyOpen(RoomId),
    #[error("no camera is connected")]
    NoCamera,
    #[error("the title {0}")]
    Title(TextError),
    #[error("the time is in the past")]
    Past,
}

/// Who asks for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Person(PersonId),
    /// The operator, who may end any room.
    Operator,
    /// The camera, the clock: no person.
    System,
}

fn find(tx: &mut Tx, id: RoomId, by: By) -> Result<Room, ChangeError> {
    let room = tx.find::<Room>(&id)?.ok_or(ChangeError::RoomUnknown)?;
    match by {
        By::Person(person) if person != room.host && room.private => Err(ChangeError::RoomUnknown),
        By::Person(person) if person != room.host => Err(ChangeError::NotYours),
        By::Person(_) | By::Operator | By::System => Ok(room),
    }
}

/// Scheduled → lobby.
pub fn enter_lobby(tx: &mut Tx, id: RoomId, by: By, now: Timestamp) -> Result<Room, ChangeError> {
    let room = find(tx, id, by)?;
    if room.state == State::Lobby {
        return Ok(room);
    }
    if room.state != State::Scheduled {
        return Err(ChangeError::WrongState(room.state));
    }
    if let Some(open) = open_room(tx, room.channel)? {
        return Err(ChangeError::AlreadyOpen(open));
    }
    change(
        tx,
        Room {
            state: State::Lobby,
            ..room
        },
        now,
    )
}

/// Lobby → live. `camera` says whether one is connected.
pub fn go_live(tx: &mut Tx, id: RoomId, by: By, camera: bool, now: Timestamp) -> Result<Room, ChangeError> {
    let room = find(tx, id, by)?;
    if room.state == State::Live {
        return Ok(room);
    }
    if room.state != State::Lobby {
        return Err(ChangeError::WrongState(room.state));
    }
    if !camera {
        return Err(ChangeError::NoCamera);
    }
    change(
        tx,
        Room {
            state: State::Live,
            started_at: Some(now),
            ..room
        },
        now,
    )
}

/// Live → interrupted: the camera is lost. Leaves a job that ends the room if it does not come back.
pub fn interrupt(
    tx: &mut Tx,
    id: RoomId,
    job: JobId,
    resume_until: Timestamp,
    now: Timestamp,
) -> Result<Room, ChangeError> {
    let room = find(tx, id, By::System)?;
    if room.state != State::Live {
        return Err(ChangeError::WrongState(room.state));
    }
    jobs::leave(tx, job, END_JOB, format!("\"{id}\""), resume_until);
    change(
        tx,
        Room {
            state: State::Interrupted,
            resume_until: Some(resume_until),
            ..room
        },
        now,
    )
}

/// The camera is there: interrupted → live, and lobby → live for a room that waits for it.
pub fn camera_connected(tx: &mut Tx, id: RoomId, now: Timestamp) -> Result<Room, ChangeError> {
    let room = find(tx, id, By::System)?;
    match room.state {
        State::Interrupted => change(
            tx,
            Room {
                state: State::Live,
                resume_until: None,
                ..room
            },
            now,
        ),
        State::Lobby if room.live_on_camera => change(
            tx,
            Room {
                state: State::Live,
                started_at: Some(now),
                ..room
            },
            now,
        ),
        _ => Ok(room),
    }
}

/// Any open state → ended. Ending twice is ending once.
pub fn end(tx: &mut Tx, id: RoomId, by: By, now: Timestamp) -> Result<Room, ChangeError> {
    let room = find(tx, id, by)?;
    if room.state == State::Ended {
        return Ok(room);
    }
    talk::end(tx, &room, now)?;
    let room = tx.find::<Room>(&id)?.ok_or(ChangeError::RoomUnknown)?;
    let ended = change(
        tx,
        Room {
            state: State::Ended,
            ended_at: Some(now),
            resume_until: None,
            ..room
        },
        now,
    )?;
    if ended.private {
        log::forget(tx, id, ended.seq)?;
    }
    Ok(ended)
}

/// Ends a room whose camera did not come back in time. `None` when there is nothing to end.
pub fn end_if_not_resumed(tx: &mut Tx, id: RoomId, now: Timestamp) -> Result<Option<Room>, ChangeError> {
    let room = find(tx, id, By::System)?;
    let over = room.state == State::Interrupted && room.resume_until.is_some_and(|until| until <= now);
    if over {
        end(tx, id, By::System, now).map(Some)
    } else {
        Ok(None)
    }
}

/// Changes the title, or the time of a scheduled room.
pub fn edit(
    tx: &mut Tx,
    id: RoomId,
    by: By,
    title: Option<&str>,
    scheduled_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Room, ChangeError> {
    let mut room = find(tx, id, by)?;
    if room.state == State::Ended {
        return Err(ChangeError::WrongState(room.state));
    }
    if scheduled_at.is_some() && room.state != State::Scheduled {
        return Err(ChangeError::WrongState(room.state));
    }
    if scheduled_at.is_some_and(|at| at <= now) {
        return Err(ChangeError::Past);
    }
    let title = title.map(|title| bounded_text(title, 1, TITLE_MAX)).transpose();
    let title = title.map_err(ChangeError::Title)?;

    let retitled = title.filter(|title| *title != room.title);
    room.scheduled_at = scheduled_at.or(room.scheduled_at);
    room.title = retitled.clone().unwrap_or(room.title);
    room.clone().save(tx);
    if let Some(title) = retitled {
        log::append(tx, id, What::Title { title }, now)?;
    }
    Ok(tx.find::<Room>(&id)?.unwrap_or(room))
}

pub(crate) fn change(tx: &mut Tx, room: Room, now: Timestamp) -> Result<Room, ChangeError> {
    let (id, state, resume_until) = (room.id, room.state, room.resume_until);
    room.save(tx);
    log::append(tx, id, What::RoomState { state, resume_until }, now)?;
    tx.find::<Room>(&id)?.ok_or(ChangeError::RoomUnknown)
}
