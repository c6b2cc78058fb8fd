//! The moderation log: who did what to whom, where, when and why. Rows are only added.

use busk_base::{ChannelId, MessageId, RecordId, RoomId, Timestamp};
use busk_people::Moderator;
use busk_store::{Insert, Read, Row, StoreError, Tx, Type, params, row};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::known;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ModerationDeed)]
pub enum Deed {
    /// A message was taken away.
    Delete,
    TimeOut,
    EndTimeOut,
    Ban,
    Unban,
    Shadow,
    Unshadow,
    /// A held message was said after all.
    Approve,
    /// A held message was not said.
    Dismiss,
    /// The chat's mode was changed.
    Mode,
    /// A raid was answered.
    Raid,
    EndRaid,
    /// The channel's words were changed.
    Filter,
}

impl Deed {
    const ALL: [(Deed, &'static str); 13] = [
        (Deed::Delete, "delete"),
        (Deed::TimeOut, "time_out"),
        (Deed::EndTimeOut, "end_time_out"),
        (Deed::Ban, "ban"),
        (Deed::Unban, "unban"),
        (Deed::Shadow, "shadow"),
        (Deed::Unshadow, "unshadow"),
        (Deed::Approve, "approve"),
        (Deed::Dismiss, "dismiss"),
        (Deed::Mode, "mode"),
        (Deed::Raid, "raid"),
        (Deed::EndRaid, "end_raid"),
        (Deed::Filter, "filter"),
    ];

    fn code(self) -> &'static str {
        let found = Self::ALL.iter().find(|(deed, _)| *deed == self);
        found.map_or("unknown", |(_, code)| code)
    }

    fn parse(code: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.iter().find(|(_, word)| *word == code);
        found
            .map(|(deed, _)| *deed)
            .ok_or_else(|| StoreError::Broken(format!("the deed {code:?}")))
    }
}

/// An entry to be.
#[derive(Clone, Debug)]
pub struct Record {
    id: RecordId,
    channel: ChannelId,
    pub(super) room: Option<RoomId>,
    at: Timestamp,
    by: Uuid,
    by_name: String,
    deed: Deed,
    person: Option<Uuid>,
    person_name: Option<String>,
    message: Option<MessageId>,
    pub(super) seconds: Option<i64>,
    pub(super) why: String,
}

/// An entry of the moderation log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ModerationRecord)]
pub struct RecordView {
    pub id: RecordId,
    pub at: Timestamp,
    pub room: Option<RoomId>,
    pub by: Uuid,
    /// Names are as they were then.
    pub by_name: String,
    pub deed: Deed,
    pub person: Option<Uuid>,
    pub person_name: Option<String>,
    pub message: Option<MessageId>,
    /// Of a time-out or a raid's answer.
    pub seconds: Option<i64>,
    /// The reason that was given; of a mode, the mode as JSON.
    pub why: String,
}

impl Record {
    pub(crate) fn of(id: RecordId, by: &Moderator, deed: Deed, at: Timestamp) -> Self {
        Self {
            id,
            channel: by.channel(),
            room: None,
            at,
            by: by.person().0,
            by_name: by.name().to_owned(),
            deed,
            person: None,
            person_name: None,
            message: None,
            seconds: None,
            why: String::new(),
        }
    }

    pub(crate) fn in_room(mut self, room: RoomId) -> Self {
        self.room = Some(room);
        self
    }

    pub(crate) fn about(mut self, tx: &mut Tx, person: Uuid) -> Result<Self, StoreError> {
        self.person_name = known(tx, person)?.map(|known| known.name);
        self.person = Some(person);
        Ok(self)
    }

    pub(crate) fn message(mut self, message: MessageId) -> Self {
        self.message = Some(message);
        self
    }

    pub(crate) fn write(self, tx: &mut Tx) {
        tx.insert(
            &RECORD,
            row![
                self.id,
                self.channel,
                self.room,
                self.at,
                self.by,
                self.by_name,
                self.deed.code(),
                self.person,
                self.person_name,
                self.message,
                self.seconds,
                self.why
            ],
        );
    }
}

/// A channel's log, the latest first, from what was done before a time on.
pub fn records_of(
    db: &mut impl Read,
    channel: ChannelId,
    before: Option<Timestamp>,
    max: i64,
) -> Result<Vec<RecordView>, StoreError> {
    let before = before.unwrap_or(Timestamp::from_unix_us(i64::MAX));
    let rows = db.rows(
        "SELECT id, at, room, by_person, by_name, deed, person, person_name, message, seconds, why \
         FROM moderation_record WHERE channel = $1 AND at < $2 ORDER BY at DESC LIMIT $3",
        params![channel, before, max],
    )?;
    rows.iter().map(read).collect()
}

/// What was done to one person in a channel, the latest first.
pub fn records_about(
    db: &mut impl Read,
    channel: ChannelId,
    person: Uuid,
    max: i64,
) -> Result<Vec<RecordView>, StoreError> {
    let rows = db.rows(
        "SELECT id, at, room, by_person, by_name, deed, person, person_name, message, seconds, why \
         FROM moderation_record WHERE channel = $1 AND person = $2 ORDER BY at DESC LIMIT $3",
        params![channel, person, max],
    )?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<RecordView, StoreError> {
    Ok(RecordView {
        id: row.get(0)?,
        at: row.get(1)?,
        room: row.get(2)?,
        by: row.get(3)?,
        by_name: row.get(4)?,
        deed: Deed::parse(&row.get::<String>(5)?)?,
        person: row.get(6)?,
        person_name: row.get(7)?,
        message: row.get(8)?,
        seconds: row.get(9)?,
        why: row.get(10)?,
    })
}

static RECORD: Insert = Insert {
    table: "moderation_record",
    columns: &[
        ("id", Type::Blob),
        ("channel", Type::Blob),
        ("room", Type::Blob),
        ("at", Type::Int),
        ("by_person", Type::Blob),
        ("by_name", Type::Text),
        ("deed", Type::Text),
        ("person", Type::Blob),
        ("person_name", Type::Text),
        ("message", Type::Blob),
        ("seconds", Type::Int),
        ("why", Type::Text),
    ],
};
