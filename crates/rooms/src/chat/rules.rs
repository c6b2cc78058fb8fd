//! What a room's chat asks of somebody who wants to say something: nobody silenced, the mode kept, no unwanted words.
//! Whoever makes the rules (the host, moderators, the site's operators) is asked for nothing.

use std::time::Duration;

use busk_base::{ChannelId, PersonId, Timestamp};
use busk_people::follow;
use busk_store::{Ahead, Entity, Insert, Read, Row, StoreError, Tx, Type, Update, Value, params, row};
use uuid::Uuid;

use super::filter::ChatFilter;
use super::mode::{self, ChatMode, Links, ModeRow};
use super::{Place, Say, SayError, link, plain};
use crate::event::{SpeakerKind, What};
use crate::moderation::{HeldWhy, Sanction};
use crate::{Room, RoomEvent, members};

/// Messages looked at for the same again.
const REPEATS_LOOKED_AT: i64 = 5;

/// What becomes of a message that is not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Said,
    /// Only its author and the moderators see it.
    Shadowed,
    Held(HeldWhy),
}

/// Names the rows that [`judge`] will want.
pub(super) fn ahead(ahead: &mut Ahead, say: &Say) {
    ahead.want::<ModeRow>(say.room);
    if let Some(room) = ahead.want::<Room>(say.room) {
        ahead.want::<FilterRow>(room.channel);
        ahead.want::<Sanction>((room.channel, say.from.id));
    }
}

/// Refuses, or says what becomes of it.
pub(super) fn judge(
    tx: &mut Tx,
    room: &Room,
    say: &Say,
    text: &str,
    now: Timestamp,
) -> Result<Verdict, SayError> {
    // Those in a hangout are among themselves.
    if say.trusted || room.private {
        return Ok(Verdict::Said);
    }
    let sanction = tx.find::<Sanction>(&(room.channel, say.from.id))?;
    let sanction = sanction.unwrap_or_default();
    if sanction.banned {
        return Err(SayError::Banned);
    }
    if let Some(until) = sanction.silent_until.filter(|until| now < *until) {
        return Err(SayError::TimedOut(until.since(now)));
    }
    let mode = mode::find(tx, room.id)?.at(now);
    admitted(tx, room, say, &mode, now)?;
    let filter = self::filter(tx, room.channel)?;
    let wait = Duration::from_secs(u64::from(mode.slow_s));
    if !wait.is_zero()
        && let Some(last) = last_said(tx, room, say.from.id)?
        && now.since(last) < wait
    {
        return Err(SayError::Slow(wait - now.since(last)));
    }
    if filter.repeat_s > 0 && is_repeated(tx, room, say.from.id, text, filter.repeat_s, now)? {
        return Err(SayError::Repeated);
    }
    let linked = mode.links != Links::Allowed && link::is_in(text);
    if linked && mode.links == Links::Refused {
        return Err(SayError::Link);
    }
    let unwanted = filter.has_unwanted(text);
    if unwanted && filter.action == super::filter::WordAction::Refuse {
        return Err(SayError::Word);
    }
    // Nothing shows somebody who is shadowed that they are; what waits would not either, but costs moderators work.
    let verdict = match (sanction.shadowed, unwanted, linked) {
        (true, _, _) => Verdict::Shadowed,
        (false, true, _) => Verdict::Held(HeldWhy::Word),
        (false, false, true) => Verdict::Held(HeldWhy::Link),
        (false, false, false) => Verdict::Said,
    };
    // Nothing waits in the sub room: those who would judge it need not be those who may read it.
    match (say.place, verdict) {
        (Place::SubRoom { .. }, Verdict::Held(HeldWhy::Word)) => Err(SayError::Word),
        (Place::SubRoom { .. }, Verdict::Held(HeldWhy::Link)) => Err(SayError::Link),
        (_, verdict) => Ok(verdict),
    }
}

/// Whether the mode lets somebody write at all.
fn admitted(tx: &mut Tx, room: &Room, say: &Say, mode: &ChatMode, now: Timestamp) -> Result<(), SayError> {
    let person = match say.from.kind {
        SpeakerKind::Person => Some(PersonId(say.from.id)),
        SpeakerKind::Guest => None,
    };
    if person.is_none() && !mode.guests {
        return Err(SayError::GuestsOff);
    }
    if mode.subscribers {
        let member = match person {
            Some(person) => members::is_member(tx, room.channel, person, now)?,
            None => false,
        };
        if !member {
            return Err(SayError::SubscribersOnly);
        }
    }
    if mode.followers_min.is_some() {
        let since = match person {
            Some(person) => follow::since(tx, room.channel, person)?,
            None => None,
        };
        if let Some(wait) = mode.wait_of_follower(since, now) {
            return Err(SayError::FollowersOnly(wait));
        }
    }
    Ok(())
}

fn last_said(tx: &mut Tx, room: &Room, author: Uuid) -> Result<Option<Timestamp>, StoreError> {
    let row = tx.row(
        "SELECT said_at FROM room_message WHERE room = $1 AND author = $2 ORDER BY n DESC LIMIT 1",
        params![room.id, author],
    )?;
    row.map(|row| row.get(0)).transpose()
}

fn is_repeated(
    tx: &mut Tx,
    room: &Room,
    author: Uuid,
    text: &str,
    within_s: u16,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let since = now - Duration::from_secs(u64::from(within_s));
    let rows = tx.rows(
        "SELECT e.body FROM room_message m JOIN room_event e ON e.room = m.room AND e.n = m.n \
         WHERE m.room = $1 AND m.author = $2 AND m.said_at > $3 ORDER BY m.n DESC LIMIT $4",
        params![room.id, author, since, REPEATS_LOOKED_AT],
    )?;
    let gist = plain::gist(text);
    for row in rows {
        let event: RoomEvent = serde_json::from_str(&row.get::<String>(0)?)
            .map_err(|e| StoreError::Broken(format!("an event that cannot be read: {e}")))?;
        let same = match &event.what {
            What::Said { text, .. } | What::SubRoomSaid { text, .. } | What::HeldMine { text, .. } => {
                plain::gist(text) == gist
            }
            _ => false,
        };
        if same {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A channel's filter in a batch; a channel without a row has none.
#[derive(Clone)]
pub(super) struct FilterRow(ChatFilter);

impl Entity for FilterRow {
    type Key = ChannelId;
    const SELECT: &'static str = "SELECT channel, body FROM channel_filter WHERE channel";
    const KEY: Type = Type::Blob;

    fn key(key: &ChannelId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(ChannelId, Self), StoreError> {
        Ok((row.get(0)?, Self(parsed(&row.get::<String>(1)?)?)))
    }
}

static NEW: Insert = Insert {
    table: "channel_filter",
    columns: &[("channel", Type::Blob), ("body", Type::Text)],
};

static CHANGE: Update = Update {
    table: "channel_filter",
    columns: &[("channel", Type::Blob), ("body", Type::Text)],
};

fn parsed(body: &str) -> Result<ChatFilter, StoreError> {
    serde_json::from_str(body).map_err(|e| StoreError::Broken(format!("a filter that cannot be read: {e}")))
}

fn filter(tx: &mut Tx, channel: ChannelId) -> Result<ChatFilter, StoreError> {
    Ok(tx
        .find::<FilterRow>(&channel)?
        .map(|row| row.0)
        .unwrap_or_default())
}

/// What a channel's chats do not want.
pub(crate) fn read_filter(db: &mut impl Read, channel: ChannelId) -> Result<ChatFilter, StoreError> {
    let row = db.row(
        "SELECT body FROM channel_filter WHERE channel = $1",
        params![channel],
    )?;
    row.map_or_else(|| Ok(ChatFilter::default()), |row| parsed(&row.get::<String>(0)?))
}

pub(crate) fn keep_filter(tx: &mut Tx, channel: ChannelId, filter: ChatFilter) -> Result<(), StoreError> {
    let body = serde_json::to_string(&filter).map_err(|e| StoreError::Broken(e.to_string()))?;
    if tx.find::<FilterRow>(&channel)?.is_some() {
        tx.update(&CHANGE, row![channel, body]);
    } else {
        tx.insert(&NEW, row![channel, body]);
    }
    tx.put::<FilterRow>(channel, FilterRow(filter));
    Ok(())
}
