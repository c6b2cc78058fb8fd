//! Rooms as they are shown.

use busk_base::{ChannelId, PersonId, RoomId, Timestamp};
use busk_people::{Caller, ChannelRef};
use busk_store::{Read, Reader, Row, StoreError, params};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Access;
use crate::{Room, State};

/// A room as its audience sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RoomView {
    pub id: RoomId,
    pub channel: ChannelRef,
    pub title: String,
    pub state: State,
    /// Whom it is for.
    pub access: Access,
    pub scheduled_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    /// Until when a lost camera may come back.
    pub resume_until: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// Open sockets in the room.
    pub viewers: u32,
    /// Of when its thumbnail is; null when there is none.
    pub thumbnail_at: Option<Timestamp>,
    pub epoch: i64,
    /// The last number of the room's log.
    pub seq: i64,
    /// Whether the asker is its host.
    pub mine: bool,
}

/// A room with its channel's names.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) room: Room,
    pub(crate) access: Access,
    channel: ChannelRef,
}

impl Shown {
    pub(crate) fn channel(&self) -> &ChannelRef {
        &self.channel
    }

    /// Whether only those on stage may know of it; its host always does.
    pub(crate) fn is_hidden_from(&self, caller: &Caller) -> bool {
        self.room.private && caller.person_id() != Some(self.room.host)
    }

    pub(crate) fn view(
        self,
        viewers: u32,
        thumbnail_at: Option<Timestamp>,
        asker: Option<PersonId>,
    ) -> RoomView {
        let Shown {
            room,
            access,
            channel,
        } = self;
        RoomView {
            id: room.id,
            channel,
            mine: asker == Some(room.host),
            title: room.title,
            state: room.state,
            access,
            scheduled_at: room.scheduled_at,
            started_at: room.started_at,
            resume_until: room.resume_until,
            ended_at: room.ended_at,
            viewers,
            thumbnail_at,
            epoch: room.epoch,
            seq: room.seq,
        }
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, r.channel, r.host, r.title, r.state, r.epoch, s.last, r.created_at, \
             r.scheduled_at, r.started_at, r.resume_until, r.ended_at, r.live_on_camera, r.private, \
             c.handle, c.name, COALESCE(a.kind, 'free') FROM room r JOIN room_seq s ON s.room = r.id \
             JOIN channel c ON c.id = r.channel LEFT JOIN room_access a ON a.room = r.id ",
            $rest
        )
    };
}

fn shown(row: &Row) -> Result<Shown, StoreError> {
    let room = Room::from_row(row)?;
    let channel = ChannelRef {
        id: room.channel,
        handle: row.get(14)?,
        name: row.get(15)?,
    };
    let access = Access::parse(&row.get::<String>(16)?)?;
    Ok(Shown {
        room,
        access,
        channel,
    })
}

/// One whose owner's account is to be deleted is not there any more.
pub(crate) fn one(db: &mut impl Read, id: RoomId) -> Result<Option<Shown>, StoreError> {
    db.row(
        select!("WHERE r.id = $1 AND NOT EXISTS (SELECT 1 FROM person_deletion d WHERE d.person = c.owner)"),
        params![id],
    )?
    .as_ref()
    .map(shown)
    .transpose()
}

/// The channel's open room, else its next scheduled one.
pub(crate) fn of_channel(db: &mut impl Read, channel: ChannelId) -> Result<Option<Shown>, StoreError> {
    let rows = db.rows(
        select!(
            "WHERE r.channel = $1 AND r.state NOT IN ('ended', 'hangout') \
             ORDER BY CASE WHEN r.state = 'scheduled' THEN 1 ELSE 0 END, r.scheduled_at LIMIT 1"
        ),
        params![channel],
    )?;
    rows.first().map(shown).transpose()
}

/// Rooms on air, the newest first, then those scheduled, the soonest first.
pub(crate) fn listed(db: &mut impl Read, max: i64) -> Result<Vec<Shown>, StoreError> {
    let rows = db.rows(
        select!(
            "WHERE r.state IN ('live', 'interrupted', 'scheduled') \
             AND NOT EXISTS (SELECT 1 FROM person_deletion d WHERE d.person = c.owner) \
             ORDER BY CASE WHEN r.state = 'scheduled' THEN 1 ELSE 0 END, r.scheduled_at, \
             r.started_at DESC LIMIT $1"
        ),
        params![max],
    )?;
    rows.iter().map(shown).collect()
}

/// Rooms that have a stage: in the lobby, live or interrupted, and hangouts.
pub(crate) fn open(db: &mut Reader) -> Result<Vec<RoomId>, StoreError> {
    let rows = db.rows(
        "SELECT id FROM room WHERE state IN ('lobby', 'live', 'interrupted', 'hangout')",
        &[],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}
