//! Letters that other parts of the site write about what concerns somebody: to a person's own address, or to one that
//! was left with what the letter answers. They are no news: they go out whatever ways somebody has switched off, and
//! there is nothing in them to end.
//!
//! Invariant: a letter is left in the transaction of what it tells of, and goes to a person only while they have an
//! address that they have confirmed. Its words are gone once it is handed over or given up.

use std::time::Duration;

use busk_base::{NoticeId, PersonId, Timestamp};
use busk_store::{Insert, Read, StoreError, Tx, Type, params, row};
use uuid::Uuid;

use crate::delivery::{Delivery, Way, id_of};
use crate::{Notices, address};

pub use crate::letters::Language;
pub use busk_mail::Address;

/// For so long a relay that is away is tried again.
const GOOD_FOR: Duration = Duration::from_secs(2 * 24 * 3_600);
/// Whose delivery it is when it goes to an address that is no account's.
const NOBODY: PersonId = PersonId(Uuid::nil());

/// To whom a letter goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// Their own address, whichever it is by then.
    Person(PersonId),
    Address(Address),
}

/// What a letter says; lines end with `\n`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    pub subject: String,
    pub text: String,
}

static LETTER: Insert = Insert {
    table: "notice_letter",
    columns: &[
        ("id", Type::Blob),
        ("address", Type::Text),
        ("subject", Type::Text),
        ("text", Type::Text),
    ],
};

/// The language of somebody's letters; none where there is no address that they have confirmed, so nothing to write.
pub fn language_of(db: &mut impl Read, person: PersonId) -> Result<Option<Language>, StoreError> {
    let kept = address::of(db, person)?.filter(|kept| kept.confirmed_at.is_some());
    Ok(kept.map(|kept| kept.language))
}

/// Leaves a letter. `about` names it: the same at the same time is the same letter, also in a mailbox.
pub fn leave(tx: &mut Tx, about: &[&[u8]], to: &To, words: &Words, now: Timestamp) {
    let (person, address) = match to {
        To::Person(person) => (*person, None),
        To::Address(address) => (NOBODY, Some(address.as_str().to_owned())),
    };
    let whom = address.as_deref().unwrap_or_default().as_bytes();
    let parts: Vec<&[u8]> = about
        .iter()
        .copied()
        .chain([&person.as_bytes()[..], whom])
        .collect();
    let delivery = Delivery {
        id: id_of(&parts, now),
        way: Way::Post,
        person,
        room: None,
        attempts: 0,
    };
    delivery.add(tx, now, now + GOOD_FOR);
    tx.insert(
        &LETTER,
        row![delivery.id, address, words.subject.clone(), words.text.clone()],
    );
}

/// A letter that is due, and the address that was left for it.
pub(crate) fn left(db: &mut impl Read, id: NoticeId) -> Result<Option<(Option<String>, Words)>, StoreError> {
    let row = db.row(
        "SELECT address, subject, text FROM notice_letter WHERE id = $1",
        params![id],
    )?;
    let left = row.map(|row| {
        let words = Words {
            subject: row.get(1)?,
            text: row.get(2)?,
        };
        Ok((row.get(0)?, words))
    });
    left.transpose()
}

/// Forgets what a letter said.
pub(crate) fn forget(tx: &mut Tx, id: NoticeId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM notice_letter WHERE id = $1", params![id])?;
    Ok(())
}

/// Forgets letters whose deliveries are gone: given up, or of somebody who is.
pub(crate) fn sweep(tx: &mut Tx) -> Result<u64, StoreError> {
    tx.execute(
        "DELETE FROM notice_letter WHERE NOT EXISTS \
         (SELECT 1 FROM notice_delivery d WHERE d.id = notice_letter.id)",
        &[],
    )
}

impl Notices {
    /// Whether this site sends letters at all.
    pub fn sends_letters(&self) -> bool {
        self.0.relay.is_some()
    }

    /// Says that there may be something to deliver.
    pub fn wake(&self) {
        self.0.due.notify_one();
    }
}
