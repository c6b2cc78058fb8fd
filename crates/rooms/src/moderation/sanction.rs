//! What holds of a person in a channel's chats: one row, of those it was ever done to.

use busk_base::{ChannelId, GuestId, PersonId, Timestamp};
use busk_people::{guest, person};
use busk_store::{Entity, Insert, Read, Row, StoreError, Tx, Type, Update, Value, params, row};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::event::SpeakerKind;

/// What holds of a person; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Sanction {
    /// Cannot write.
    pub banned: bool,
    /// Writes, and only moderators see it.
    pub shadowed: bool,
    /// Cannot write until then.
    pub silent_until: Option<Timestamp>,
}

/// Somebody of whom something holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Sanctioned {
    pub person: Uuid,
    /// As they were called when it was done.
    pub name: String,
    pub sanction: Sanction,
    /// When it was last changed.
    pub at: Timestamp,
}

/// A person or a guest, by the id that stands beside what they say.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) kind: SpeakerKind,
}

pub(crate) fn known(db: &mut impl Read, id: Uuid) -> Result<Option<Known>, StoreError> {
    if let Some(found) = person(db, PersonId(id))? {
        return Ok(Some(Known {
            name: found.display_name,
            kind: SpeakerKind::Person,
        }));
    }
    let found = guest::guest(db, GuestId(id))?;
    Ok(found.map(|guest| Known {
        name: guest.name,
        kind: SpeakerKind::Guest,
    }))
}

/// What holds of one person.
pub(crate) fn of_person(
    db: &mut impl Read,
    channel: ChannelId,
    person: Uuid,
) -> Result<Sanction, StoreError> {
    let row = db.row(
        "SELECT id, banned, shadowed, silent_until FROM channel_sanction WHERE id = $1",
        params![Sanction::key(&(channel, person))],
    )?;
    let read = row.as_ref().map(<Sanction as Entity>::read).transpose()?;
    Ok(read.map(|(_, sanction)| sanction).unwrap_or_default())
}

/// Everybody in a channel of whom something holds now, the latest first.
pub fn sanctioned(
    db: &mut impl Read,
    channel: ChannelId,
    now: Timestamp,
    max: i64,
) -> Result<Vec<Sanctioned>, StoreError> {
    let rows = db.rows(
        "SELECT person, name, banned, shadowed, silent_until, at FROM channel_sanction \
         WHERE channel = $1 AND (banned OR shadowed OR silent_until > $2) ORDER BY at DESC LIMIT $3",
        params![channel, now, max],
    )?;
    let read = |row: &Row| {
        let silent_until: Option<Timestamp> = row.get(4)?;
        Ok(Sanctioned {
            person: row.get(0)?,
            name: row.get(1)?,
            sanction: Sanction {
                banned: row.get(2)?,
                shadowed: row.get(3)?,
                silent_until: silent_until.filter(|until| now < *until),
            },
            at: row.get(5)?,
        })
    };
    rows.iter().map(read).collect()
}

pub(super) fn keep(
    tx: &mut Tx,
    key: (ChannelId, Uuid),
    person: &Known,
    is: &Sanction,
    now: Timestamp,
) -> Result<(), StoreError> {
    let id = Sanction::key(&key);
    let name = person.name.as_str();
    let Sanction {
        banned,
        shadowed,
        silent_until,
    } = *is;
    if tx.find::<Sanction>(&key)?.is_some() {
        tx.update(&CHANGE, row![id, name, banned, shadowed, silent_until, now]);
    } else {
        let (channel, person) = key;
        tx.insert(
            &NEW,
            row![id, channel, person, name, banned, shadowed, silent_until, now],
        );
    }
    tx.put::<Sanction>(key, *is);
    Ok(())
}

static NEW: Insert = Insert {
    table: "channel_sanction",
    columns: &[
        ("id", Type::Blob),
        ("channel", Type::Blob),
        ("person", Type::Blob),
        ("name", Type::Text),
        ("banned", Type::Bool),
        ("shadowed", Type::Bool),
        ("silent_until", Type::Int),
        ("at", Type::Int),
    ],
};

static CHANGE: Update = Update {
    table: "channel_sanction",
    columns: &[
        ("id", Type::Blob),
        ("name", Type::Text),
        ("banned", Type::Bool),
        ("shadowed", Type::Bool),
        ("silent_until", Type::Int),
        ("at", Type::Int),
    ],
};

/// The channel, then the person: one column, as the batch wants it.
impl Entity for Sanction {
    type Key = (ChannelId, Uuid);
    const SELECT: &'static str = "SELECT id, banned, shadowed, silent_until FROM channel_sanction WHERE id";
    const KEY: Type = Type::Blob;

    fn key((channel, person): &Self::Key) -> Value {
        Value::from([&channel.as_bytes()[..], &person.as_bytes()[..]].concat())
    }

    fn read(row: &Row) -> Result<(Self::Key, Self), StoreError> {
        let id: Vec<u8> = row.get(0)?;
        let halves = id.split_at_checked(16);
        let key = halves.and_then(|(channel, person)| {
            Some((ChannelId::from_slice(channel)?, Uuid::from_slice(person).ok()?))
        });
        let key = key.ok_or_else(|| StoreError::Broken("a sanction of nobody".into()))?;
        let sanction = Sanction {
            banned: row.get(1)?,
            shadowed: row.get(2)?,
            silent_until: row.get(3)?,
        };
        Ok((key, sanction))
    }
}
