//! A delivery: one thing that one person is to be told by one way. Its row is gone once it is done, or was given up:
//! whether somebody was told is not kept.
//!
//! It is done at least once: between the relay's or push service's yes and our writing it down a program may die. One
//! delivery at most is then told again, under its own id, by which a mailbox or a browser knows it.

use std::time::Duration;

use busk_base::{NoticeId, PersonId, PushId, RoomId, Timestamp};
use busk_store::{Insert, Read, Row, StoreError, Tx, Type, params, row};
use sha2::{Digest, Sha256};

use crate::post;

/// Between an attempt and the next; the last again and again, until it is no news any more.
const WAITS: [Duration; 5] = [
    Duration::from_secs(15),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(30 * 60),
];

/// How somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// That a channel is live, by e-mail.
    Mail,
    /// To the address that they gave, whether it is theirs.
    Confirm,
    /// A letter that another part of the site wrote ([`post`]).
    Post,
    /// That a channel is live, to a browser of theirs.
    Push(PushId),
}

/// Which deliveries are worked on together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queue {
    Mail,
    Push,
}

impl Queue {
    fn word(self) -> &'static str {
        match self {
            Queue::Mail => "mail",
            Queue::Push => "push",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) id: NoticeId,
    pub(crate) way: Way,
    pub(crate) person: PersonId,
    /// The live; of a question whether an address is theirs there is none.
    pub(crate) room: Option<RoomId>,
    /// How often it was begun, this time included.
    pub(crate) attempts: i64,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Told, or never to be told: there is nothing left to do.
    Done,
    /// After a while again; not before this long, if the other side said so.
    Again(Option<Duration>),
    /// The browser has gone: so has its subscription.
    Gone,
}

static DELIVERY: Insert = Insert {
    table: "notice_delivery",
    columns: &[
        ("id", Type::Blob),
        ("way", Type::Text),
        ("person", Type::Blob),
        ("room", Type::Blob),
        ("push", Type::Blob),
        ("attempts", Type::Int),
        ("next_at", Type::Int),
        ("until", Type::Int),
    ],
};

impl Delivery {
    /// Leaves it to be done from `now` on, while it is of interest.
    pub(crate) fn add(&self, tx: &mut Tx, now: Timestamp, until: Timestamp) {
        let (queue, push) = match self.way {
            Way::Mail | Way::Confirm | Way::Post => (Queue::Mail, None),
            Way::Push(push) => (Queue::Push, Some(push)),
        };
        tx.insert(
            &DELIVERY,
            row![self.id, queue.word(), self.person, self.room, push, 0, now, until],
        );
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        let (room, push): (Option<RoomId>, Option<PushId>) = (row.get(2)?, row.get(3)?);
        Ok(Self {
            id: row.get(0)?,
            person: row.get(1)?,
            room,
            way: match (push, room) {
                (Some(push), _) => Way::Push(push),
                (None, Some(_)) => Way::Mail,
                (None, None) if row.get(5)? => Way::Post,
                (None, None) => Way::Confirm,
            },
            attempts: row.get::<i64>(4)? + 1,
        })
    }
}

/// An id that follows from what it is of.
pub(crate) fn id_of(parts: &[&[u8]], at: Timestamp) -> NoticeId {
    let hash = Sha256::digest(parts.concat());
    NoticeId::new(at, std::array::from_fn(|byte| hash[byte]))
}

/// Whether anything is due: asked first, so that a site without any writes nothing.
pub(crate) fn any_due(db: &mut impl Read, queue: Queue, now: Timestamp) -> Result<bool, StoreError> {
    let due = db.row(
        "SELECT 1 FROM notice_delivery WHERE way = $1 AND next_at <= $2 LIMIT 1",
        params![queue.word(), now],
    )?;
    Ok(due.is_some())
}

/// Takes deliveries that are due, and leases them: if the taker dies, they are due again after `lease`. What is of no
/// interest any more is forgotten instead.
pub(crate) fn take(
    tx: &mut Tx,
    queue: Queue,
    max: i64,
    lease: Duration,
    now: Timestamp,
) -> Result<Vec<Delivery>, StoreError> {
    tx.execute(
        "DELETE FROM notice_delivery WHERE way = $1 AND next_at <= $2 AND until <= $2",
        params![queue.word(), now],
    )?;
    let rows = tx.rows(
        "SELECT d.id, d.person, d.room, d.push, d.attempts, l.id IS NOT NULL FROM notice_delivery d \
         LEFT JOIN notice_letter l ON l.id = d.id WHERE d.way = $1 AND d.next_at <= $2 ORDER BY d.next_at LIMIT $3",
        params![queue.word(), now, max],
    )?;
    let due: Vec<Delivery> = rows.iter().map(Delivery::read).collect::<Result<_, _>>()?;
    for delivery in &due {
        tx.execute(
            "UPDATE notice_delivery SET next_at = $2, attempts = attempts + 1 WHERE id = $1",
            params![delivery.id, now + lease],
        )?;
    }
    Ok(due)
}

/// Writes what came of an attempt.
pub(crate) fn attempted(
    tx: &mut Tx,
    delivery: &Delivery,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<(), StoreError> {
    match outcome {
        Outcome::Done => {
            if delivery.way == Way::Post {
                post::forget(tx, delivery.id)?;
            }
            forget(tx, delivery.id)
        }
        Outcome::Again(after) => {
            let turn = usize::try_from(delivery.attempts - 1).unwrap_or(0);
            let wait = WAITS[turn.min(WAITS.len() - 1)].max(after.unwrap_or_default());
            tx.execute(
                "UPDATE notice_delivery SET next_at = $2 WHERE id = $1",
                params![delivery.id, now + wait],
            )?;
            Ok(())
        }
        Outcome::Gone => {
            if let Way::Push(push) = delivery.way {
                tx.execute("DELETE FROM notice_push WHERE id = $1", params![push])?;
            }
            forget(tx, delivery.id)
        }
    }
}

fn forget(tx: &mut Tx, id: NoticeId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM notice_delivery WHERE id = $1", params![id])?;
    Ok(())
}
