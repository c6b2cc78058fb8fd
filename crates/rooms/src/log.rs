//! The room log: appending inside a transaction, and reading what came after a number.
//!
//! Invariant: a room's numbers are 1, 2, 3 … without a gap, and an event is announced only after the
//! commit that wrote it. The log is therefore its own outbox: whatever was not delivered is read again.
//! Only a hangout's is forgotten, when it ends or gets an audience (`forget`).

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use busk_base::{MessageId, RoomId, Timestamp};
use busk_fanout::Class;
use busk_store::{Announcement, Insert, Read, Row, StoreError, Tx, Type, params, row};
use bytes::Bytes;
use uuid::Uuid;

use crate::{Room, RoomEvent, What};

static EVENT: Insert = Insert {
    table: "room_event",
    columns: &[
        ("room", Type::Blob),
        ("n", Type::Int),
        ("audience", Type::Text),
        ("body", Type::Text),
    ],
};

/// Events kept at hand in a snapshot.
pub const RECENT: i64 = 60;
/// Who is further behind than this gets a snapshot.
pub const CATCH_UP_MAX: i64 = 400;

const EVERYONE: &str = "everyone";
const SUBSCRIBERS: &str = "subscribers";
const STAGE: &str = "stage";

/// Who may see an event; it is never sent to anyone else, also not as a hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Everyone,
    /// Who may read the [sub room](crate::subroom).
    Subscribers,
    /// Hosts, guests and moderators.
    Stage,
    /// One person.
    One(Uuid),
}

impl Audience {
    fn text(self) -> Cow<'static, str> {
        match self {
            Audience::Everyone => EVERYONE.into(),
            Audience::Subscribers => SUBSCRIBERS.into(),
            Audience::Stage => STAGE.into(),
            Audience::One(person) => person.to_string().into(),
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            EVERYONE => Audience::Everyone,
            SUBSCRIBERS => Audience::Subscribers,
            STAGE => Audience::Stage,
            person => Audience::One(person.parse().ok()?),
        })
    }
}

/// Who reads a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogReader {
    pub person: Option<Uuid>,
    /// Whether they see what the stage sees.
    pub stage: bool,
    /// Whether they may read the sub room.
    pub subscriber: bool,
}

/// Gives what happened the room's next number, and has everybody told after the commit.
pub fn append(tx: &mut Tx, room: RoomId, what: What, now: Timestamp) -> Result<RoomEvent, StoreError> {
    append_for(tx, room, Audience::Everyone, what, now)
}

/// As [`append`], for fewer.
pub fn append_for(
    tx: &mut Tx,
    room: RoomId,
    audience: Audience,
    what: What,
    now: Timestamp,
) -> Result<RoomEvent, StoreError> {
    let row = tx
        .find::<Room>(&room)?
        .ok_or_else(|| StoreError::Broken(format!("no room {room} to write to")))?;
    let kept = class_of(&what);
    let epoch = row.epoch;
    // Who looks for a hangout in the log of the live that it became finds nothing, also not later.
    let audience = match audience {
        Audience::Everyone if row.private => Audience::Stage,
        other => other,
    };
    let event = RoomEvent {
        n: row.number(tx),
        at: now,
        what,
    };
    let body = serde_json::to_string(&event).map_err(|e| StoreError::Broken(e.to_string()))?;
    tx.insert(
        &EVENT,
        row![room, event.n, audience.text().as_ref(), body.as_str()],
    );
    tx.announce(Announcement {
        subject: room.0,
        number: event.n,
        tag: tag(kept, epoch, audience),
        body: Bytes::from(body),
    });
    Ok(event)
}

/// Who may see what has number `n`.
pub(crate) fn audience_of(tx: &mut Tx, room: RoomId, n: i64) -> Result<Audience, StoreError> {
    let row = tx.row(
        "SELECT audience FROM room_event WHERE room = $1 AND n = $2",
        params![room, n],
    )?;
    // Of what is forgotten, those on stage alone might know.
    let audience = row.map_or(Ok(STAGE.to_owned()), |row| row.get::<String>(0))?;
    let broken = || StoreError::Broken(format!("an event for {audience}"));
    Audience::parse(&audience).ok_or_else(broken)
}

/// Chat may be skipped for slow readers; all else is kept.
fn class_of(what: &What) -> Class {
    match what {
        What::Said { .. } | What::SubRoomSaid { .. } | What::Shadowed { .. } => Class::Chat,
        What::Deleted { .. }
        | What::Cleared { .. }
        | What::Held { .. }
        | What::HeldEnded { .. }
        | What::HeldMine { .. }
        | What::ChatMode { .. }
        | What::Raid { .. }
        | What::Removed {}
        | What::Gift { .. }
        | What::StreakEnd { .. }
        | What::Badge { .. }
        | What::Subscription { .. }
        | What::SubscriptionGift { .. }
        | What::Ticket { .. }
        | What::Follow { .. }
        | What::Goal { .. }
        | What::Topic { .. }
        | What::Poll { .. }
        | What::Spotlight { .. }
        | What::SpotlightEnd { .. }
        | What::Pin { .. }
        | What::Unpin { .. }
        | What::Question { .. }
        | What::RoomState { .. }
        | What::Title { .. }
        | What::Stage { .. }
        | What::StageWaiting { .. }
        | What::StageMine { .. }
        | What::Redirect { .. }
        | What::Arrivals { .. }
        | What::Announcement { .. }
        | What::Hangout { .. } => Class::Kept,
    }
}

fn tag(class: Class, epoch: i64, audience: Audience) -> Cow<'static, str> {
    match (class, epoch, audience) {
        (Class::Chat, 1, Audience::Everyone) => "chat/1/everyone".into(),
        (Class::Kept, 1, Audience::Everyone) => "kept/1/everyone".into(),
        (Class::Chat, epoch, audience) => format!("chat/{epoch}/{}", audience.text()).into(),
        (Class::Kept, epoch, audience) => format!("kept/{epoch}/{}", audience.text()).into(),
    }
}

/// Reads an announcement back: its room, its epoch, and the event for the fan-out.
pub(crate) fn announced(announcement: Announcement) -> Option<(RoomId, u32, busk_fanout::Event)> {
    let mut parts = announcement.tag.splitn(3, '/');
    let (class, epoch, audience) = (parts.next()?, parts.next()?, parts.next()?);
    let class = match class {
        "chat" => Class::Chat,
        _ => Class::Kept,
    };
    let audience = match Audience::parse(audience)? {
        Audience::Everyone => busk_fanout::Audience::Everyone,
        Audience::Subscribers => busk_fanout::Audience::Subscribers,
        Audience::Stage => busk_fanout::Audience::Stage,
        Audience::One(person) => busk_fanout::Audience::One(person.as_u128()),
    };
    let event = busk_fanout::Event {
        n: announcement.number.try_into().ok()?,
        audience,
        class,
        json: announcement.body,
    };
    Some((RoomId(announcement.subject), epoch.parse().ok()?, event))
}

/// Events with their bodies; that of a deleted message, or of what quotes one, is empty, and its words come third.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT e.n, CASE WHEN m.n IS NULL AND qm.n IS NULL THEN e.body ELSE '' END, e.body \
             FROM room_event e \
             LEFT JOIN room_message m ON m.room = e.room AND m.n = e.n AND m.removed_by IS NOT NULL \
             LEFT JOIN room_quote q ON q.room = e.room AND q.n = e.n \
             LEFT JOIN room_message qm ON qm.id = q.message AND qm.removed_by IS NOT NULL ",
            $rest
        )
    };
}

/// The bodies of the events after `after` that a reader may see, oldest first, at most `max`; deleted messages
/// are blank.
pub fn after(
    db: &mut impl Read,
    room: RoomId,
    reader: LogReader,
    after: i64,
    max: i64,
) -> Result<Vec<(i64, String)>, StoreError> {
    let stage = if reader.stage { STAGE } else { EVERYONE };
    let subscriber = if reader.subscriber { SUBSCRIBERS } else { EVERYONE };
    let person = reader
        .person
        .map_or(EVERYONE.into(), |person| Audience::One(person).text());
    let rows = db.rows(
        select!(
            "WHERE e.room = $1 AND e.n > $2 AND e.audience IN ('everyone', $4, $5, $6) ORDER BY e.n LIMIT $3"
        ),
        params![room, after, max, stage, person.as_ref(), subscriber],
    )?;
    bodies(&rows)
}

/// The last events of the sub room, oldest first, at most `max`; whoever asks may read it.
pub(crate) fn of_sub_room(
    db: &mut impl Read,
    room: RoomId,
    max: i64,
) -> Result<Vec<(i64, String)>, StoreError> {
    let mut rows = db.rows(
        select!("WHERE e.room = $1 AND e.audience = 'subscribers' ORDER BY e.n DESC LIMIT $2"),
        params![room, max],
    )?;
    rows.reverse();
    bodies(&rows)
}

fn bodies(rows: &[Row]) -> Result<Vec<(i64, String)>, StoreError> {
    rows.iter()
        .map(|row| {
            let (n, body): (i64, String) = (row.get(0)?, row.get(1)?);
            let body = if body.is_empty() {
                blank(&row.get::<String>(2)?)?
            } else {
                body
            };
            Ok((n, body))
        })
        .collect()
}

/// Notes that event `n` has a message's words in it, so that they go when the message does.
pub(crate) fn quotes(tx: &mut Tx, room: RoomId, n: i64, message: MessageId) {
    tx.insert(&QUOTE, row![room, n, message]);
}

static QUOTE: Insert = Insert {
    table: "room_quote",
    columns: &[("room", Type::Blob), ("n", Type::Int), ("message", Type::Blob)],
};

/// Removes what happened before number `before`: what was private stays so when others come to read.
pub(crate) fn forget(tx: &mut Tx, room: RoomId, before: i64) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM room_event WHERE room = $1 AND n < $2",
        params![room, before],
    )?;
    Ok(())
}

/// What stands where a deleted message stood: its number and time, not its words.
fn blank(body: &str) -> Result<String, StoreError> {
    let broken = |e: serde_json::Error| StoreError::Broken(format!("an event that cannot be read: {e}"));
    let event: RoomEvent = serde_json::from_str(body).map_err(broken)?;
    serde_json::to_string(&RoomEvent {
        what: What::Removed {},
        ..event
    })
    .map_err(broken)
}
