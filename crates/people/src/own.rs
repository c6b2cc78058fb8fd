//! What the site holds of one person, for that person (Regulation (EU) 2016/679, Articles 15 and 20).
//!
//! Each crate says of its own tables which rows are somebody's, as [`Part`]s; whoever is above all of them puts them
//! together. So nothing below has to know who asks, and a table that is forgotten is found by a test that looks at every
//! column there is.

use busk_base::PersonId;
use busk_store::{Read, Row, StoreError, Value};
use serde_json::Value as Json;

/// How a column is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Id,
    Text,
    Number,
    Truth,
    Time,
    /// Text that is JSON already.
    Json,
}

/// Rows of one kind that are somebody's.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// What they are called outside.
    pub name: &'static str,
    /// The table's columns that say whose a row is, as `table.column`.
    pub of: &'static [&'static str],
    /// By the person `$1`, after the key `$2` in its order, at most `$3`. The key stands first; it is not shown.
    pub sql: &'static str,
    /// What stands behind the key.
    pub columns: &'static [(&'static str, Shown)],
}

/// Rows read at once.
pub const PAGE: i64 = 200;

/// A page of a part, and the key that the next goes on after; none when it is the last.
pub fn page(
    db: &mut impl Read,
    part: &Part,
    person: PersonId,
    after: Vec<u8>,
) -> Result<(Vec<Json>, Option<Vec<u8>>), StoreError> {
    let rows = db.rows(
        part.sql,
        &[Value::from(person), Value::from(after), Value::from(PAGE)],
    )?;
    let full = rows.len() as i64 == PAGE;
    let next = rows.last().map(|row| row.get(0)).transpose()?.filter(|_| full);
    let shown = rows.iter().map(|row| object(part, row));
    Ok((shown.collect::<Result<_, StoreError>>()?, next))
}

fn object(part: &Part, row: &Row) -> Result<Json, StoreError> {
    let mut object = serde_json::Map::new();
    for (place, (name, shown)) in part.columns.iter().enumerate() {
        object.insert((*name).to_owned(), value(row, place + 1, *shown)?);
    }
    Ok(Json::Object(object))
}

fn value(row: &Row, at: usize, shown: Shown) -> Result<Json, StoreError> {
    Ok(match shown {
        Shown::Id => row.get::<Option<uuid::Uuid>>(at)?.map(|id| id.to_string()).into(),
        Shown::Text => row.get::<Option<String>>(at)?.into(),
        Shown::Number => row.get::<Option<i64>>(at)?.into(),
        Shown::Truth => row.get::<Option<bool>>(at)?.into(),
        Shown::Time => row
            .get::<Option<busk_base::Timestamp>>(at)?
            .map(|time| time.to_string())
            .into(),
        Shown::Json => match row.get::<Option<String>>(at)? {
            None => Json::Null,
            Some(text) => serde_json::from_str(&text)
                .map_err(|e| StoreError::Broken(format!("what is kept is no JSON: {e}")))?,
        },
    })
}

use Shown::{Id, Text, Time};

pub const PARTS: &[Part] = &[
    Part {
        name: "profile",
        of: &["person.id"],
        sql: "SELECT id, id, handle, display_name, about, role, created_at FROM person \
              WHERE id = $1 AND id > $2 ORDER BY id LIMIT $3",
        columns: &[
            ("id", Id),
            ("handle", Text),
            ("display_name", Text),
            ("about", Text),
            ("role", Text),
            ("created_at", Time),
        ],
    },
    Part {
        name: "channels",
        of: &["channel.owner"],
        sql: "SELECT c.id, c.id, c.kind, c.handle, c.name, c.about, c.created_at, k.created_at FROM channel c \
              LEFT JOIN stream_key k ON k.channel = c.id WHERE c.owner = $1 AND c.id > $2 ORDER BY c.id LIMIT $3",
        columns: &[
            ("id", Id),
            ("kind", Text),
            ("handle", Text),
            ("name", Text),
            ("about", Text),
            ("created_at", Time),
            ("stream_key_made_at", Time),
        ],
    },
    Part {
        name: "sessions",
        of: &["session.person"],
        sql: "SELECT id, id, opened_at, expires_at FROM session WHERE person = $1 AND id > $2 ORDER BY id LIMIT $3",
        columns: &[("id", Id), ("opened_at", Time), ("expires_at", Time)],
    },
    Part {
        name: "blocked",
        of: &["person_block.blocker"],
        sql: "SELECT b.blocked, p.handle, b.created_at FROM person_block b JOIN person p ON p.id = b.blocked \
              WHERE b.blocker = $1 AND b.blocked > $2 ORDER BY b.blocked LIMIT $3",
        columns: &[("handle", Text), ("since", Time)],
    },
    Part {
        name: "adult",
        of: &["person_adult.person"],
        sql: "SELECT person, declared_at FROM person_adult WHERE person = $1 AND person > $2 ORDER BY person LIMIT $3",
        columns: &[("declared_at", Time)],
    },
    Part {
        name: "suspension",
        of: &["person_suspension.person"],
        sql: "SELECT person, since, until FROM person_suspension WHERE person = $1 AND person > $2 \
              ORDER BY person LIMIT $3",
        columns: &[("since", Time), ("until", Time)],
    },
    Part {
        name: "teams",
        of: &["channel_team.person"],
        sql: "SELECT t.channel, c.handle, t.role, t.since FROM channel_team t JOIN channel c ON c.id = t.channel \
              WHERE t.person = $1 AND t.channel > $2 ORDER BY t.channel LIMIT $3",
        columns: &[("channel", Text), ("role", Text), ("since", Time)],
    },
    Part {
        name: "follows",
        of: &["channel_follow.person"],
        sql: "SELECT f.channel, c.handle, f.since FROM channel_follow f JOIN channel c ON c.id = f.channel \
              WHERE f.person = $1 AND f.channel > $2 ORDER BY f.channel LIMIT $3",
        columns: &[("channel", Text), ("since", Time)],
    },
    Part {
        name: "tokens",
        of: &["access_token.person"],
        sql: "SELECT id, id, name, scopes, created_at, expires_at FROM access_token WHERE person = $1 AND id > $2 \
              ORDER BY id LIMIT $3",
        columns: &[
            ("id", Id),
            ("name", Text),
            ("scopes", Text),
            ("created_at", Time),
            ("expires_at", Time),
        ],
    },
];
