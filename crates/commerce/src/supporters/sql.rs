//! Rows of supporters: one for each person in each live.

use busk_base::{ChannelId, PersonId, RoomId, Timestamp};
use busk_store::{Entity, Insert, Read, Row, StoreError, Tx, Type, Update, Value, params, row};

use super::Given;

/// What a person has given in a live.
#[derive(Clone, Debug)]
pub(crate) struct Support {
    gifts: i64,
    coins: i64,
    badges: i64,
    money: i64,
    value: i64,
    last_at: Timestamp,
}

static NEW: Insert = Insert {
    table: "supporter",
    columns: &[
        ("id", Type::Blob),
        ("room", Type::Blob),
        ("channel", Type::Blob),
        ("person", Type::Blob),
        ("gifts", Type::Int),
        ("coins", Type::Int),
        ("badges", Type::Int),
        ("money", Type::Int),
        ("value", Type::Int),
        ("last_at", Type::Int),
    ],
};

static MORE: Update = Update {
    table: "supporter",
    columns: &[
        ("id", Type::Blob),
        ("gifts", Type::Int),
        ("coins", Type::Int),
        ("badges", Type::Int),
        ("money", Type::Int),
        ("value", Type::Int),
        ("last_at", Type::Int),
    ],
};

impl Support {
    pub(super) fn last_at(&self) -> Timestamp {
        self.last_at
    }

    /// Adds to what there was before.
    pub(super) fn add(tx: &mut Tx, before: Option<Self>, given: &Given, value: i64) {
        let key = (given.room, given.person);
        let id = Self::key(&key);
        let now = match &before {
            None => Self {
                gifts: given.gifts,
                coins: given.coins,
                badges: given.badges,
                money: given.money,
                value,
                last_at: given.at,
            },
            Some(before) => Self {
                gifts: before.gifts + given.gifts,
                coins: before.coins + given.coins,
                badges: before.badges + given.badges,
                money: before.money + given.money,
                value: before.value + value,
                last_at: before.last_at.max(given.at),
            },
        };
        let Self {
            gifts,
            coins,
            badges,
            money,
            value,
            last_at,
        } = now;
        if before.is_some() {
            tx.update(&MORE, row![id, gifts, coins, badges, money, value, last_at]);
        } else {
            let (room, channel, person) = (given.room, given.channel, given.person);
            tx.insert(
                &NEW,
                row![
                    id, room, channel, person, gifts, coins, badges, money, value, last_at
                ],
            );
        }
        tx.put::<Support>(key, now);
    }
}

/// The room, then the person: one column, as the batch wants it.
impl Entity for Support {
    type Key = (RoomId, PersonId);
    const SELECT: &'static str =
        "SELECT room, person, gifts, coins, badges, money, value, last_at FROM supporter WHERE id";
    const KEY: Type = Type::Blob;

    fn key((room, person): &(RoomId, PersonId)) -> Value {
        Value::from([&room.as_bytes()[..], &person.as_bytes()[..]].concat())
    }

    fn read(row: &Row) -> Result<(Self::Key, Self), StoreError> {
        let support = Self {
            gifts: row.get(2)?,
            coins: row.get(3)?,
            badges: row.get(4)?,
            money: row.get(5)?,
            value: row.get(6)?,
            last_at: row.get(7)?,
        };
        Ok(((row.get(0)?, row.get(1)?), support))
    }
}

/// A place of a ranking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub person: PersonId,
    pub name: String,
    /// In the currency's minor unit.
    pub value: i64,
}

fn place(row: &Row) -> Result<Place, StoreError> {
    Ok(Place {
        person: row.get(0)?,
        name: row.get(1)?,
        value: row.get(2)?,
    })
}

/// Who has given most in a live; of those who gave the same, who had done so first.
pub fn ranking_of_room(db: &mut impl Read, room: RoomId, max: i64) -> Result<Vec<Place>, StoreError> {
    let rows = db.rows(
        "SELECT s.person, p.display_name, s.value FROM supporter s JOIN person p ON p.id = s.person \
         WHERE s.room = $1 AND s.gifts + s.badges > 0 ORDER BY s.value DESC, s.last_at, s.person LIMIT $2",
        params![room, max],
    )?;
    rows.iter().map(place).collect()
}

/// Who has given most in a channel's lives since.
pub fn ranking_of_channel(
    db: &mut impl Read,
    channel: ChannelId,
    since: Timestamp,
    max: i64,
) -> Result<Vec<Place>, StoreError> {
    let rows = db.rows(
        "SELECT s.person, p.display_name, CAST(SUM(s.value) AS BIGINT) AS value \
         FROM supporter s JOIN person p ON p.id = s.person WHERE s.channel = $1 AND s.last_at > $2 \
         AND s.gifts + s.badges > 0 GROUP BY s.person, p.display_name ORDER BY value DESC, MAX(s.last_at), s.person LIMIT $3",
        params![channel, since, max],
    )?;
    rows.iter().map(place).collect()
}

/// Someone who gave, as the creator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supporter {
    pub person: PersonId,
    pub handle: String,
    pub name: String,
    pub gifts: i64,
    pub coins: i64,
    pub badges: i64,
    /// Of all of it, in the currency's minor unit.
    pub value: i64,
    pub lives: i64,
    pub last_at: Timestamp,
}

fn supporter(row: &Row) -> Result<Supporter, StoreError> {
    Ok(Supporter {
        person: row.get(0)?,
        handle: row.get(1)?,
        name: row.get(2)?,
        gifts: row.get(3)?,
        coins: row.get(4)?,
        badges: row.get(5)?,
        value: row.get(6)?,
        lives: row.get(7)?,
        last_at: row.get(8)?,
    })
}

/// Where a page of supporters ended: by value, then by person.
pub type After = Option<(i64, PersonId)>;

macro_rules! supporters {
    ($of:literal) => {
        concat!(
            "SELECT s.person, p.handle, p.display_name, CAST(SUM(s.gifts) AS BIGINT), CAST(SUM(s.coins) AS BIGINT), \
             CAST(SUM(s.badges) AS BIGINT), CAST(SUM(s.value) AS BIGINT), COUNT(*), MAX(s.last_at) \
             FROM supporter s JOIN person p ON p.id = s.person WHERE ",
            $of,
            " = $1 AND s.gifts + s.badges > 0 GROUP BY s.person, p.handle, p.display_name \
             HAVING CAST(SUM(s.value) AS BIGINT) < $2 OR (CAST(SUM(s.value) AS BIGINT) = $2 AND s.person > $3) \
             ORDER BY SUM(s.value) DESC, s.person LIMIT $4"
        )
    };
}

const FIRST: (i64, PersonId) = (i64::MAX, PersonId(uuid::Uuid::nil()));

/// A channel's supporters, over all its lives; who gave most first.
pub fn of_channel(
    db: &mut impl Read,
    channel: ChannelId,
    after: After,
    max: i64,
) -> Result<Vec<Supporter>, StoreError> {
    let (value, person) = after.unwrap_or(FIRST);
    let rows = db.rows(supporters!("s.channel"), params![channel, value, person, max])?;
    rows.iter().map(supporter).collect()
}

/// Those of one live.
pub fn of_room(
    db: &mut impl Read,
    room: RoomId,
    after: After,
    max: i64,
) -> Result<Vec<Supporter>, StoreError> {
    let (value, person) = after.unwrap_or(FIRST);
    let rows = db.rows(supporters!("s.room"), params![room, value, person, max])?;
    rows.iter().map(supporter).collect()
}
