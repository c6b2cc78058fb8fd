//! From a live to its channel's followers: some hundred at a time, each piece in a transaction with how far it came. A
//! program that dies goes on where it was; two nodes that take the same piece are told apart by where it began.

use std::collections::HashMap;

use busk_base::{ChannelId, NoticeId, PersonId, PushId, RoomId, Timestamp};
use busk_store::{Read, Reader, StoreError, Tx, params};

use crate::begin::NEWS;
use crate::delivery::{Delivery, Way};

/// Followers in one piece.
pub(crate) const PIECE: i64 = 500;
/// Lives that are spread at once, a piece of each in turn: one with a hundred thousand followers holds up no other.
const LIVES_MAX: i64 = 32;

/// Lives whose followers are not all seen to, the oldest first.
pub(crate) fn spreading(db: &mut Reader) -> Result<Vec<RoomId>, StoreError> {
    let rows = db.rows(
        "SELECT room FROM notice_live WHERE NOT spread ORDER BY at LIMIT $1",
        params![LIVES_MAX],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// A follower, and by which ways they want to be told.
struct Follower {
    person: PersonId,
    email: bool,
    push: bool,
}

/// Sees to the next piece of a live's followers; whether there may be more.
pub(crate) fn step(tx: &mut Tx, room: RoomId, piece: i64, now: Timestamp) -> Result<bool, StoreError> {
    let row = tx.row(
        "SELECT n.channel, c.owner, n.at, n.through FROM notice_live n JOIN channel c ON c.id = n.channel \
         WHERE n.room = $1 AND NOT n.spread",
        params![room],
    )?;
    let Some(row) = row else { return Ok(false) };
    let (channel, owner, at): (ChannelId, PersonId, Timestamp) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let from: Vec<u8> = row.get(3)?;
    let late = now.since(at) >= NEWS;
    let followers = match late {
        true => Vec::new(),
        false => followers(tx, (channel, owner), at, &from, piece)?,
    };
    let through = match followers.last() {
        Some(last) => last.person.as_bytes().to_vec(),
        None => from.clone(),
    };
    let spread = (followers.len() as i64) < piece;

    let mut browsers = browsers(tx, channel, &from, &through)?;
    for follower in &followers {
        if follower.email {
            deliver(tx, (room, follower.person), Way::Mail, at, now);
        }
        let browsers = browsers.remove(&follower.person).unwrap_or_default();
        for push in browsers.into_iter().filter(|_| follower.push) {
            deliver(tx, (room, follower.person), Way::Push(push), at, now);
        }
    }
    tx.execute(
        "UPDATE notice_live SET through = $2, spread = $3 WHERE room = $1",
        params![room, through, spread],
    )?;
    Ok(!spread)
}

fn deliver(tx: &mut Tx, (room, person): (RoomId, PersonId), way: Way, at: Timestamp, now: Timestamp) {
    let delivery = Delivery {
        id: id_of(room, person, way, at),
        way,
        person,
        room: Some(room),
        attempts: 0,
    };
    delivery.add(tx, now, at + NEWS);
}

/// Follows from the live, the person and the way: the same again has the same name, also where it arrives.
fn id_of(room: RoomId, person: PersonId, way: Way, at: Timestamp) -> NoticeId {
    let browser = match way {
        Way::Push(push) => push.as_bytes().to_vec(),
        Way::Mail | Way::Confirm | Way::Post => Vec::new(),
    };
    crate::delivery::id_of(&[room.as_bytes(), person.as_bytes(), &browser], at)
}

/// Who followed before the live began, whom its owner has not blocked, and for whom the channel's bell is on.
fn followers(
    tx: &mut Tx,
    (channel, owner): (ChannelId, PersonId),
    at: Timestamp,
    after: &[u8],
    max: i64,
) -> Result<Vec<Follower>, StoreError> {
    let rows = tx.rows(
        "SELECT f.person, \
         f.since <= $3 AND q.person IS NULL AND b.blocked IS NULL \
         AND NOT EXISTS (SELECT 1 FROM person_deletion d WHERE d.person = f.person), \
         a.confirmed_at IS NOT NULL AND COALESCE(c.email, TRUE), COALESCE(c.push, TRUE) \
         FROM channel_follow f \
         LEFT JOIN notice_quiet q ON q.person = f.person AND q.channel = f.channel \
         LEFT JOIN person_block b ON b.blocker = $2 AND b.blocked = f.person \
         LEFT JOIN notice_choice c ON c.person = f.person \
         LEFT JOIN notice_address a ON a.person = f.person \
         WHERE f.channel = $1 AND f.person > $4 ORDER BY f.person LIMIT $5",
        params![channel, owner, at, after.to_vec(), max],
    )?;
    let follower = |row: &busk_store::Row| {
        let told: bool = row.get(1)?;
        Ok(Follower {
            person: row.get(0)?,
            email: told && row.get(2)?,
            push: told && row.get(3)?,
        })
    };
    rows.iter().map(follower).collect()
}

/// The browsers of a piece's followers.
fn browsers(
    tx: &mut Tx,
    channel: ChannelId,
    after: &[u8],
    through: &[u8],
) -> Result<HashMap<PersonId, Vec<PushId>>, StoreError> {
    let rows = tx.rows(
        "SELECT f.person, s.id FROM channel_follow f JOIN notice_push s ON s.person = f.person \
         WHERE f.channel = $1 AND f.person > $2 AND f.person <= $3",
        params![channel, after.to_vec(), through.to_vec()],
    )?;
    let mut browsers: HashMap<PersonId, Vec<PushId>> = HashMap::new();
    for row in rows {
        browsers.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    Ok(browsers)
}
