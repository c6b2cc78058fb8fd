//! Rows of disputes.

use busk_base::{DisputeId, PaymentId, PersonId, Timestamp};
use busk_store::{Entity, Insert, Read, Row, StoreError, Tx, Type, Update, Value, params, row};

use super::DisputeState;
use crate::coins::lots::Lot;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    pub id: DisputeId,
    /// The provider's name for it.
    pub name: String,
    pub payment: PaymentId,
    /// In the currency's minor unit.
    pub amount: i64,
    pub fee: i64,
    /// In the bank's words.
    pub reason: String,
    pub state: DisputeState,
    /// Coins that were still there when it was opened.
    pub frozen: i64,
    pub frozen_promotional: i64,
    /// What the payer owed when it was lost.
    pub owed: i64,
    pub opened_at: Timestamp,
    pub changed_at: Timestamp,
}

static DISPUTE: Insert = Insert {
    table: "dispute",
    columns: &[
        ("id", Type::Blob),
        ("name", Type::Text),
        ("payment", Type::Blob),
        ("amount", Type::Int),
        ("fee", Type::Int),
        ("reason", Type::Text),
        ("state", Type::Text),
        ("frozen", Type::Int),
        ("frozen_promotional", Type::Int),
        ("owed", Type::Int),
        ("opened_at", Type::Int),
        ("changed_at", Type::Int),
    ],
};

static CHANGED: Update = Update {
    table: "dispute",
    columns: &[
        ("id", Type::Blob),
        ("state", Type::Text),
        ("fee", Type::Int),
        ("owed", Type::Int),
        ("changed_at", Type::Int),
    ],
};

impl DisputeState {
    const ALL: [Self; 3] = [Self::Opened, Self::Won, Self::Lost];

    pub(super) fn word(self) -> &'static str {
        match self {
            DisputeState::Opened => "opened",
            DisputeState::Won => "won",
            DisputeState::Lost => "lost",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|state| state.word() == word);
        found.ok_or_else(|| StoreError::Broken(format!("a dispute in the state {word}")))
    }
}

impl Dispute {
    pub(super) fn lot(&self) -> Lot {
        Lot {
            coins: self.frozen,
            promotional: self.frozen_promotional,
        }
    }

    pub(super) fn add(self, tx: &mut Tx) {
        tx.insert(
            &DISPUTE,
            row![
                self.id,
                self.name.as_str(),
                self.payment,
                self.amount,
                self.fee,
                self.reason.as_str(),
                self.state.word(),
                self.frozen,
                self.frozen_promotional,
                self.owed,
                self.opened_at,
                self.changed_at
            ],
        );
        tx.put::<Dispute>(self.id, self);
    }

    pub(super) fn close(mut self, tx: &mut Tx, state: DisputeState, owed: i64, now: Timestamp) {
        self.state = state;
        self.owed = owed;
        self.changed_at = now;
        self.save(tx);
    }

    pub(super) fn save(&self, tx: &mut Tx) {
        let state = self.state.word();
        tx.update(
            &CHANGED,
            row![self.id, state, self.fee, self.owed, self.changed_at],
        );
        tx.put::<Dispute>(self.id, self.clone());
    }
}

impl Entity for Dispute {
    type Key = DisputeId;
    const SELECT: &'static str = "SELECT id, name, payment, amount, fee, reason, state, frozen, frozen_promotional, owed, opened_at, \
         changed_at FROM dispute WHERE id";
    const KEY: Type = Type::Blob;

    fn key(key: &DisputeId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(DisputeId, Self), StoreError> {
        let dispute = read(row)?;
        Ok((dispute.id, dispute))
    }
}

fn read(row: &Row) -> Result<Dispute, StoreError> {
    Ok(Dispute {
        id: row.get(0)?,
        name: row.get(1)?,
        payment: row.get(2)?,
        amount: row.get(3)?,
        fee: row.get(4)?,
        reason: row.get(5)?,
        state: DisputeState::parse(&row.get::<String>(6)?)?,
        frozen: row.get(7)?,
        frozen_promotional: row.get(8)?,
        owed: row.get(9)?,
        opened_at: row.get(10)?,
        changed_at: row.get(11)?,
    })
}

/// A dispute, and whose payment it is of, for the operator.
pub(super) struct Listed {
    pub dispute: Dispute,
    pub payer: PersonId,
    pub payer_name: String,
    pub order: String,
}

/// Disputes opened before a moment, newest first; those not decided when `open`.
pub(super) fn listed(
    db: &mut impl Read,
    open: bool,
    before: Timestamp,
    max: i64,
) -> Result<Vec<Listed>, StoreError> {
    let rows = db.rows(
        "SELECT d.id, d.name, d.payment, d.amount, d.fee, d.reason, d.state, d.frozen, d.frozen_promotional, \
         d.owed, d.opened_at, d.changed_at, p.payer, COALESCE(n.display_name, ''), p.kind \
         FROM dispute d JOIN payment p ON p.id = d.payment LEFT JOIN person n ON n.id = p.payer \
         WHERE d.opened_at < $1 AND (CAST($2 AS BIGINT) = 0 OR d.state = 'opened') ORDER BY d.opened_at DESC, d.id DESC LIMIT $3",
        params![before, i64::from(open), max],
    )?;
    let listed = rows.iter().map(|row| {
        Ok(Listed {
            dispute: read(row)?,
            payer: row.get(12)?,
            payer_name: row.get(13)?,
            order: row.get(14)?,
        })
    });
    listed.collect()
}
