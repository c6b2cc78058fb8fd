//! A hangout: a room without an audience, as in Messenger Rooms. Whoever has its link comes on camera at once,
//! with an account or without. What happens on its stage stands in `stage/hangout.rs`.
//!
//! Invariants: for whoever is not on camera in it there is no such room, at no door, also when it is over; nothing
//! of it is packaged, recorded or listed; what was said in it is forgotten when it ends or gets an audience.
//!
//! A channel has at most one hangout, beside its one open room. It has no time limit: it goes on without its host,
//! and ends when the host ends it, when nobody has been in it for the resume window, or when nobody has come to it
//! for a day.

mod http;
mod live;

use std::time::Duration;

use busk_base::{RoomId, TextError, Timestamp, bounded_text};
use busk_people::{Channel, secret};
use busk_store::{Insert, Read, StoreError, Tx, Type, params, row};
use uuid::Uuid;

use crate::stage::{self, Away, Hangout, PEOPLE_MAX, Stage};
use crate::state::TITLE_MAX;
use crate::{Room, State};

pub(crate) use http::routes;

/// How long a hangout waits for the first who comes.
pub(crate) const UNUSED: Duration = Duration::from_secs(24 * 3_600);

/// A hangout to be opened.
#[derive(Clone, Debug)]
pub struct NewHangout {
    pub id: RoomId,
    pub title: String,
    /// On camera at once; at most what the policy allows.
    pub people_max: u8,
    /// Of its link; only a hash of it is kept.
    pub secret: String,
}

/// Why no hangout was opened, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the title {0}")]
    Title(TextError),
    #[error("must be 2 to {0}")]
    People(u8),
    #[error("the channel has a hangout already")]
    AlreadyOpen(RoomId),
}

static LINK: Insert = Insert {
    table: "room_link",
    columns: &[("room", Type::Blob), ("secret_hash", Type::Blob)],
};

/// Opens one, empty; `unused` ends it when nobody comes.
pub fn start(
    tx: &mut Tx,
    channel: &Channel,
    new: &NewHangout,
    policy_max: u8,
    unused: Away,
    now: Timestamp,
) -> Result<Room, StartError> {
    let title = bounded_text(&new.title, 1, TITLE_MAX).map_err(StartError::Title)?;
    let most = policy_max.clamp(2, PEOPLE_MAX);
    if !(2..=most).contains(&new.people_max) {
        return Err(StartError::People(most));
    }
    if let Some(open) = open(tx, channel)? {
        return Err(StartError::AlreadyOpen(open));
    }

    let room = Room {
        id: new.id,
        channel: channel.id,
        host: channel.owner,
        title,
        state: State::Hangout,
        epoch: 1,
        seq: 0,
        created_at: now,
        scheduled_at: None,
        started_at: None,
        resume_until: None,
        ended_at: None,
        live_on_camera: false,
        private: true,
    };
    room.clone().add(tx);
    stage::begin_hangout(tx, room.id, Hangout::new(new.people_max, now))?;
    stage::leave_empty(tx, room.id, unused, now);
    tx.insert(&LINK, row![room.id, secret::hash(&new.secret).as_slice()]);
    Ok(room)
}

/// The channel's hangout.
pub fn open(db: &mut impl Read, channel: &Channel) -> Result<Option<RoomId>, StoreError> {
    let row = db.row(
        "SELECT id FROM room WHERE channel = $1 AND state = 'hangout'",
        params![channel.id],
    )?;
    row.map(|row| row.get(0)).transpose()
}

/// Whether the room has a link at all, and who comes knows it, is in the room, or is its host.
fn opens(
    db: &mut impl Read,
    room: &Room,
    stage: &Stage,
    comer: Option<Uuid>,
    key: Option<&str>,
) -> Result<bool, StoreError> {
    let row = db.row(
        "SELECT secret_hash FROM room_link WHERE room = $1",
        params![room.id],
    )?;
    let Some(row) = row else { return Ok(false) };
    let hash: Vec<u8> = row.get(0)?;
    let known = comer.is_some_and(|id| id == room.host.0 || stage.mine(id).is_some());
    Ok(known || key.is_some_and(|key| secret::hash(key).as_slice() == hash))
}

/// Makes `secret` the link's: who has the old link does not come in any more.
fn relink(tx: &mut Tx, room: RoomId, secret: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM room_link WHERE room = $1", params![room])?;
    tx.insert(&LINK, row![room, secret::hash(secret).as_slice()]);
    Ok(())
}
