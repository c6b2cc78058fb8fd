//! How what is held of a person is erased. Each crate says so of its own tables, beside what it [shows](crate::own) of
//! them; a test compares both with every column there is.
//!
//! Invariant: erasing is bounded and can be stopped anywhere. A statement changes at most so many rows, and none that it
//! has changed before; so it is asked again until it changes none, and after a crash all is simply asked again.

use busk_base::{ChannelId, PersonId};
use busk_store::{Read, StoreError, Tx, Value};
use serde_json::Value as Json;

use crate::deletion::{self, NAME};

/// Rows changed at once.
pub const ROWS_MAX: i64 = 500;

/// Statements that run together, by the person `$1`, each for at most `$2` rows. They are asked again until the last one
/// changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct Erase {
    /// The columns that say whose a row is, as `table.column`, or a table of their channels.
    pub of: &'static [&'static str],
    pub sql: &'static [&'static str],
}

/// What stays, by `table.column`, and why.
pub type Kept = &'static [(&'static str, &'static str)];

/// Runs it once; whether there may be more to do.
pub fn run(tx: &mut Tx, erase: &Erase, person: PersonId) -> Result<bool, StoreError> {
    let mut changed = 0;
    for sql in erase.sql {
        changed = tx.execute(sql, &[Value::from(person), Value::from(ROWS_MAX)])?;
    }
    Ok(changed > 0)
}

/// JSON that may name somebody.
#[derive(Clone, Copy, Debug)]
pub struct Bodies {
    /// The keys of those that contain the text `$1`, after the key `$2`, in order, at most `$3`.
    pub find: &'static str,
    /// One, by its key.
    pub read: &'static str,
    /// Changes it, by its key.
    pub write: &'static str,
}

/// The keys of a page of such JSON. Beside the writer, since all of a table may have to be looked at.
pub fn find(
    db: &mut impl Read,
    bodies: &Bodies,
    gone: &Gone,
    after: &[u8],
) -> Result<Vec<Vec<u8>>, StoreError> {
    let rows = db.rows(
        bodies.find,
        &[
            Value::from(gone.pattern()),
            Value::from(after),
            Value::from(ROWS_MAX),
        ],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Erases what was found.
pub fn rewrite(tx: &mut Tx, bodies: &Bodies, gone: &Gone, keys: &[Vec<u8>]) -> Result<(), StoreError> {
    for key in keys {
        let row = tx.row(bodies.read, &[Value::from(key.as_slice())])?;
        let body: Option<String> = row.map(|row| row.get(0)).transpose()?;
        if let Some(erased) = body.map(|body| gone.without(&body)).transpose()?.flatten() {
            tx.execute(bodies.write, &[Value::from(key.as_slice()), Value::from(erased)])?;
        }
    }
    Ok(())
}

/// Whose names and words are erased.
#[derive(Clone, Debug)]
pub struct Gone {
    pub person: PersonId,
    pub channels: Vec<ChannelId>,
}

impl Gone {
    pub fn of(db: &mut impl Read, person: PersonId) -> Result<Self, StoreError> {
        let channels = deletion::channels_of(db, person)?;
        Ok(Self {
            person,
            channels: channels.into_iter().map(|channel| channel.id).collect(),
        })
    }

    /// What texts that name the person contain.
    pub fn pattern(&self) -> String {
        format!("%{}%", self.person)
    }

    /// The same JSON without their names and words; none when it has none of them.
    pub fn without(&self, body: &str) -> Result<Option<String>, StoreError> {
        let broken = |e: serde_json::Error| StoreError::Broken(format!("what is kept is no JSON: {e}"));
        let mut json: Json = serde_json::from_str(body).map_err(broken)?;
        if !self.erase(&mut json) {
            return Ok(None);
        }
        serde_json::to_string(&json).map(Some).map_err(broken)
    }

    /// Goes through all of a value; whether it changed.
    fn erase(&self, json: &mut Json) -> bool {
        match json {
            Json::Array(items) => items.iter_mut().fold(false, |any, item| self.erase(item) | any),
            Json::Object(object) => {
                let inside = object
                    .values_mut()
                    .fold(false, |any, value| self.erase(value) | any);
                let own = self.names(object) | self.answers(object) | self.says(object);
                inside | own
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
        }
    }

    /// Somebody, or a channel, by their id.
    fn names(&self, object: &mut serde_json::Map<String, Json>) -> bool {
        if !object.get("id").is_some_and(|id| self.is_id(id)) {
            return false;
        }
        let mut changed = set(object, "name", NAME);
        if let Some(id) = object
            .get("id")
            .and_then(Json::as_str)
            .and_then(|id| id.parse().ok())
        {
            changed |= set(object, "handle", &deletion::handle_of(id));
        }
        changed
    }

    /// What an answer repeats of what they said.
    fn answers(&self, object: &mut serde_json::Map<String, Json>) -> bool {
        let theirs = object.get("author").is_some_and(|id| self.is_id(id));
        theirs && (set(object, "name", NAME) | set(object, "excerpt", ""))
    }

    /// Whatever is from them: its words.
    fn says(&self, object: &mut serde_json::Map<String, Json>) -> bool {
        let from = object.get("from").and_then(|from| from.get("id"));
        if !from.is_some_and(|id| self.is_id(id)) {
            return false;
        }
        let emotes = object.get_mut("emotes").and_then(Json::as_array_mut);
        if let Some(emotes) = emotes {
            emotes.clear();
        }
        set(object, "text", "")
    }

    fn is_id(&self, id: &Json) -> bool {
        let id: Option<uuid::Uuid> = id.as_str().and_then(|id| id.parse().ok());
        id.is_some_and(|id| id == self.person.0 || self.channels.iter().any(|channel| channel.0 == id))
    }
}

/// Sets a text that is there; whether it changed.
fn set(object: &mut serde_json::Map<String, Json>, key: &str, to: &str) -> bool {
    match object.get_mut(key) {
        Some(Json::String(text)) if text != to => {
            to.clone_into(text);
            true
        }
        _ => false,
    }
}

/// What people hold.
pub const ERASED: &[Erase] = &[
    Erase {
        of: &["session.person"],
        sql: &[
            "DELETE FROM session WHERE token_hash IN (SELECT token_hash FROM session WHERE person = $1 LIMIT $2)",
        ],
    },
    Erase {
        of: &["access_token.person"],
        sql: &[
            "DELETE FROM access_token WHERE id IN (SELECT id FROM access_token WHERE person = $1 LIMIT $2)",
        ],
    },
    Erase {
        of: &["person_block.blocker", "person_block.blocked"],
        sql: &["DELETE FROM person_block WHERE (blocker, blocked) IN \
              (SELECT blocker, blocked FROM person_block WHERE blocker = $1 OR blocked = $1 LIMIT $2)"],
    },
    Erase {
        of: &["person_adult.person"],
        sql: &[
            "DELETE FROM person_adult WHERE person IN (SELECT person FROM person_adult WHERE person = $1 LIMIT $2)",
        ],
    },
    Erase {
        of: &["person_suspension.person"],
        sql: &["DELETE FROM person_suspension WHERE person IN \
              (SELECT person FROM person_suspension WHERE person = $1 LIMIT $2)"],
    },
    Erase {
        of: &["channel_team.person"],
        sql: &[
            "DELETE FROM channel_team WHERE (channel, person) IN (SELECT channel, person FROM channel_team \
              WHERE person = $1 OR channel IN (SELECT id FROM channel WHERE owner = $1) LIMIT $2)",
        ],
    },
    Erase {
        of: &["channel_follow.person"],
        sql: &[
            "UPDATE channel_followers SET followers = followers - 1 WHERE channel IN \
             (SELECT channel FROM channel_follow WHERE person = $1 ORDER BY since, channel LIMIT $2)",
            "DELETE FROM channel_follow WHERE person = $1 AND channel IN \
             (SELECT channel FROM channel_follow WHERE person = $1 ORDER BY since, channel LIMIT $2)",
        ],
    },
    Erase {
        of: &["channel_follow.channel"],
        sql: &[
            "DELETE FROM channel_follow WHERE (channel, person) IN (SELECT channel, person FROM channel_follow \
              WHERE channel IN (SELECT id FROM channel WHERE owner = $1) LIMIT $2)",
        ],
    },
    Erase {
        of: &["channel_followers.channel"],
        sql: &[
            "DELETE FROM channel_followers WHERE channel IN (SELECT channel FROM channel_followers \
              WHERE channel IN (SELECT id FROM channel WHERE owner = $1) LIMIT $2)",
        ],
    },
    Erase {
        of: &["stream_key.channel"],
        sql: &[
            "DELETE FROM stream_key WHERE channel IN (SELECT channel FROM stream_key \
              WHERE channel IN (SELECT id FROM channel WHERE owner = $1) LIMIT $2)",
        ],
    },
];

pub const KEPT: Kept = &[
    (
        "person.id",
        "the books name it: names, words and the password go from its row",
    ),
    (
        "channel.owner",
        "the books name the channel: its name, words and handle go from its row",
    ),
    ("person_deletion.person", "that the account was deleted, and when"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_words_go_and_all_else_stays() {
        let id = |number: u128| uuid::Uuid::from_u128(number);
        let gone = Gone {
            person: PersonId(id(1)),
            channels: vec![ChannelId(id(2))],
        };
        let (her, channel, other) = (id(1), id(2), id(3));
        let nobodys = deletion::handle_of(channel);
        let rows = [
            // A gift keeps what it is.
            (
                format!(r#"{{"n":1,"from":{{"id":"{her}","name":"Zoe"}},"kind":"rose","total":5}}"#),
                format!(r#"{{"n":1,"from":{{"id":"{her}","name":"{NAME}"}},"kind":"rose","total":5}}"#),
            ),
            // What she said is shown, and answered, by others.
            (
                format!(
                    r#"{{"pin":{{"from":{{"id":"{her}","name":"Zoe"}},"text":"hello","emotes":["a"]}}}}"#
                ),
                format!(r#"{{"pin":{{"from":{{"id":"{her}","name":"{NAME}"}},"text":"","emotes":[]}}}}"#),
            ),
            (
                format!(
                    r#"{{"text":"so it is","reply":{{"author":"{her}","name":"Zoe","excerpt":"hello"}}}}"#
                ),
                format!(r#"{{"text":"so it is","reply":{{"author":"{her}","name":"{NAME}","excerpt":""}}}}"#),
            ),
            // Viewers came from her channel.
            (
                format!(r#"{{"channel":{{"id":"{channel}","handle":"zoe","name":"Zoe"}},"viewers":9}}"#),
                format!(
                    r#"{{"channel":{{"id":"{channel}","handle":"{nobodys}","name":"{NAME}"}},"viewers":9}}"#
                ),
            ),
        ];
        let json = |text: &str| serde_json::from_str::<Json>(text).unwrap();
        for (body, expected) in rows {
            let erased = gone.without(&body).unwrap().unwrap();
            assert_eq!(json(&erased), json(&expected));
            assert_eq!(gone.without(&erased).unwrap(), None, "once more changes nothing");
        }
        let others = format!(r#"{{"from":{{"id":"{other}","name":"Ada"}},"text":"hello","by":"{her}"}}"#);
        assert_eq!(gone.without(&others).unwrap(), None);
    }
}
