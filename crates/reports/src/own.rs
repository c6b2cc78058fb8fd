//! All that the site holds of a person, as one document for them (Regulation (EU) 2016/679, Articles 15 and 20); and all
//! that is erased when they delete their account (Article 17), and what is kept.
//!
//! It is made while it is sent: a page of a part at a time, each read for itself, so that neither memory nor a connection
//! is held however much there is. What happens meanwhile may be in it or not.
//!
//! Invariant: every column of every table that says whose a row is belongs to a part, or is named with a reason among
//! those that do not; and each of them is erased, or is named with a reason among those that are kept (`tests`).

mod http;
#[cfg(test)]
mod tests;

use busk_base::{PersonId, Timestamp};
use busk_people::erase::{self, Bodies, Erase, Kept};
use busk_people::own::Shown::{Id, Text, Time};
use busk_people::own::{self, Part};
use busk_store::{Read, StoreError};

pub(crate) use http::routes;

/// What this crate holds. Who reported somebody is not theirs to know, so reports about a person are told by decisions.
pub const PARTS: &[Part] = &[
    Part {
        name: "reports",
        of: &["report.reporter"],
        sql: "SELECT id, id, kind, object, ground, category, words, contact_name, contact_email, at FROM report \
              WHERE reporter = $1 AND id > $2 ORDER BY id LIMIT $3",
        columns: &[
            ("id", Id),
            ("kind", Text),
            ("object", Id),
            ("ground", Text),
            ("category", Text),
            ("words", Text),
            ("name", Text),
            ("email", Text),
            ("at", Time),
        ],
    },
    Part {
        name: "statements",
        of: &["decision.person"],
        sql: "SELECT id, id, measure, until, kind, room, said, ground, category, basis, facts, at, reversed_at \
              FROM decision WHERE person = $1 AND measure <> 'none' AND id > $2 ORDER BY id LIMIT $3",
        columns: &[
            ("id", Id),
            ("measure", Text),
            ("until", Time),
            ("kind", Text),
            ("room", Id),
            ("said", Text),
            ("ground", Text),
            ("category", Text),
            ("basis", Text),
            ("facts", Text),
            ("at", Time),
            ("reversed_at", Time),
        ],
    },
    Part {
        name: "appeals",
        of: &["appeal.appellant"],
        sql: "SELECT id, id, decision, words, at, outcome, answer, judged_at FROM appeal \
              WHERE appellant = $1 AND id > $2 ORDER BY id LIMIT $3",
        columns: &[
            ("id", Id),
            ("decision", Id),
            ("words", Text),
            ("at", Time),
            ("outcome", Text),
            ("answer", Text),
            ("judged_at", Time),
        ],
    },
    Part {
        name: "decided",
        of: &["decision.operator"],
        sql: "SELECT id, id, measure, basis, facts, at FROM decision WHERE operator = $1 AND id > $2 \
              ORDER BY id LIMIT $3",
        columns: &[
            ("id", Id),
            ("measure", Text),
            ("basis", Text),
            ("facts", Text),
            ("at", Time),
        ],
    },
];

/// Everybody's, in the order in which they are written.
pub const ALL: &[&[Part]] = &[
    own::PARTS,
    busk_rooms::own::PARTS,
    busk_webhooks::own::PARTS,
    busk_notices::own::PARTS,
    busk_commerce::own::PARTS,
    busk_overlays::own::PARTS,
    PARTS,
];

/// What this crate erases: their words, and copies of what they said. A decision stays, with its reasons, since the site
/// answers for it.
pub const ERASED: &[Erase] = &[
    Erase {
        of: &["report.reporter"],
        sql: &[
            "UPDATE report SET words = '', contact_name = NULL, contact_email = NULL WHERE id IN \
              (SELECT id FROM report WHERE reporter = $1 \
              AND (words <> '' OR contact_name IS NOT NULL OR contact_email IS NOT NULL) LIMIT $2)",
        ],
    },
    Erase {
        of: &["report.person"],
        sql: &[
            "UPDATE report SET person_name = 'Deleted account', said = NULL WHERE id IN \
              (SELECT id FROM report WHERE person = $1 AND (person_name <> 'Deleted account' OR said IS NOT NULL) LIMIT $2)",
        ],
    },
    Erase {
        of: &["decision.person"],
        sql: &["UPDATE decision SET said = NULL WHERE id IN \
              (SELECT id FROM decision WHERE person = $1 AND said IS NOT NULL LIMIT $2)"],
    },
    Erase {
        of: &["appeal.appellant"],
        sql: &["UPDATE appeal SET words = '' WHERE id IN \
              (SELECT id FROM appeal WHERE appellant = $1 AND words <> '' LIMIT $2)"],
    },
];

pub const KEPT: Kept = &[
    ("decision.operator", "who decided for the site"),
    ("appeal.operator", "who judged for the site"),
    ("kept_answer.caller", "a hash, with what is sealed, for a day"),
];

/// Everybody's, in the order in which they are erased: what lets somebody act first, what others are found by last.
pub const ALL_ERASED: &[&[Erase]] = &[
    erase::ERASED,
    busk_notices::own::ERASED,
    busk_webhooks::own::ERASED,
    busk_overlays::own::ERASED,
    busk_commerce::own::ERASED,
    ERASED,
    busk_rooms::own::ERASED,
];

/// JSON with names and words in it.
pub const ALL_BODIES: &[&[Bodies]] = &[busk_rooms::own::BODIES, busk_webhooks::own::BODIES];

pub const ALL_KEPT: &[Kept] = &[erase::KEPT, busk_rooms::own::KEPT, busk_commerce::own::KEPT, KEPT];

/// The document, as far as it is made.
pub(crate) struct Document {
    person: PersonId,
    at: Timestamp,
    parts: std::iter::Peekable<std::vec::IntoIter<&'static Part>>,
    after: Vec<u8>,
    stands: Stands,
}

/// Where the document stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    Begins,
    /// Before a part; the first of all has no comma before it.
    Before {
        first: bool,
    },
    /// Within a part; its first row has no comma before it.
    Within {
        first: bool,
    },
    Over,
}

impl Document {
    pub(crate) fn new(person: PersonId, at: Timestamp) -> Self {
        let parts: Vec<&'static Part> = ALL.iter().flat_map(|parts| parts.iter()).collect();
        Self {
            person,
            at,
            parts: parts.into_iter().peekable(),
            after: Vec::new(),
            stands: Stands::Begins,
        }
    }

    /// The next piece of text; none after the last.
    pub(crate) fn next(&mut self, db: &mut impl Read) -> Result<Option<String>, StoreError> {
        match self.stands {
            Stands::Over => Ok(None),
            Stands::Begins => {
                self.stands = Stands::Before { first: true };
                Ok(Some(format!(
                    "{{\"format\":\"busk-person/1\",\"made_at\":\"{}\",\"person\":\"{}\",\"parts\":{{",
                    self.at, self.person
                )))
            }
            Stands::Before { first } => {
                let Some(part) = self.parts.peek() else {
                    self.stands = Stands::Over;
                    return Ok(Some("}}\n".into()));
                };
                self.after = Vec::new();
                self.stands = Stands::Within { first: true };
                let comma = if first { "" } else { "," };
                Ok(Some(format!("{comma}\"{}\":[", part.name)))
            }
            Stands::Within { first } => self.rows(db, first).map(Some),
        }
    }

    fn rows(&mut self, db: &mut impl Read, first: bool) -> Result<String, StoreError> {
        let Some(part) = self.parts.peek() else {
            self.stands = Stands::Before { first: false };
            return Ok(String::new());
        };
        let (rows, next) = own::page(db, part, self.person, std::mem::take(&mut self.after))?;
        let mut text = String::new();
        for (place, row) in rows.iter().enumerate() {
            if place > 0 || !first {
                text.push(',');
            }
            text.push_str(&row.to_string());
        }
        match next {
            Some(next) => {
                self.after = next;
                self.stands = Stands::Within {
                    first: first && rows.is_empty(),
                };
            }
            None => {
                self.parts.next();
                self.stands = Stands::Before { first: false };
                text.push(']');
            }
        }
        Ok(text)
    }
}
