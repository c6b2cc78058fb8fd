//! Rows of caps.

use busk_base::{PersonId, Timestamp};
use busk_store::{Entity, Insert, Read, Row, StoreError, Tx, Type, Update, Value, params, row};

use super::{Cap, Caps, Raise};

const COLUMNS: &[(&str, Type)] = &[
    ("person", Type::Blob),
    ("day", Type::Int),
    ("day_raise", Type::Int),
    ("day_raise_at", Type::Int),
    ("month", Type::Int),
    ("month_raise", Type::Int),
    ("month_raise_at", Type::Int),
];

static NEW: Insert = Insert {
    table: "spending_cap",
    columns: COLUMNS,
};

static CHANGED: Update = Update {
    table: "spending_cap",
    columns: COLUMNS,
};

impl Caps {
    pub(super) fn keep(self, tx: &mut Tx, person: PersonId, new: bool) {
        let raise = |cap: Cap| {
            (
                cap.raise.and_then(|raise| raise.limit),
                cap.raise.map(|raise| raise.at),
            )
        };
        let ((day_raise, day_at), (month_raise, month_at)) = (raise(self.day), raise(self.month));
        let row = row![
            person,
            self.day.limit,
            day_raise,
            day_at,
            self.month.limit,
            month_raise,
            month_at
        ];
        if new {
            tx.insert(&NEW, row);
        } else {
            tx.update(&CHANGED, row);
        }
        tx.put::<Caps>(person, self);
    }
}

impl Entity for Caps {
    type Key = PersonId;
    const SELECT: &'static str = "SELECT person, day, day_raise, day_raise_at, month, month_raise, month_raise_at \
         FROM spending_cap WHERE person";
    const KEY: Type = Type::Blob;

    fn key(key: &PersonId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(PersonId, Self), StoreError> {
        let cap = |at: usize| {
            let raise_at: Option<Timestamp> = row.get(at + 2)?;
            let limit = row.get(at + 1)?;
            Ok::<_, StoreError>(Cap {
                limit: row.get(at)?,
                raise: raise_at.map(|at| Raise { limit, at }),
            })
        };
        let (day, month) = (cap(1)?, cap(4)?);
        Ok((row.get(0)?, Caps { day, month }))
    }
}

/// A person's caps; none were set by most.
pub(super) fn caps(db: &mut impl Read, person: PersonId) -> Result<Caps, StoreError> {
    let row = db.row(
        "SELECT person, day, day_raise, day_raise_at, month, month_raise, month_raise_at \
         FROM spending_cap WHERE person = $1",
        params![person],
    )?;
    let known = row.as_ref().map(Caps::read).transpose()?;
    Ok(known.map(|(_, caps)| caps).unwrap_or_default())
}
