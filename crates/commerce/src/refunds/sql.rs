//! Rows of refunds, and of what was done about each.

use busk_base::{PaymentId, PersonId, RefundId, Timestamp};
use busk_store::{Entity, Insert, Read, Row, StoreError, Tx, Type, Update, Value, params, row};

use super::{Ask, RefundState};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    pub id: RefundId,
    pub payment: PaymentId,
    pub asked_by: PersonId,
    pub reason: String,
    /// In the currency's minor unit.
    pub amount: i64,
    /// What was taken from the payer's wallet.
    pub coins: i64,
    pub promotional: i64,
    pub state: RefundState,
    /// The operator's answer, or why it failed.
    pub answer: Option<String>,
    pub asked_at: Timestamp,
    pub changed_at: Timestamp,
}

static REFUND: Insert = Insert {
    table: "refund",
    columns: &[
        ("id", Type::Blob),
        ("payment", Type::Blob),
        ("asked_by", Type::Blob),
        ("reason", Type::Text),
        ("amount", Type::Int),
        ("coins", Type::Int),
        ("promotional", Type::Int),
        ("state", Type::Text),
        ("asked_at", Type::Int),
        ("changed_at", Type::Int),
    ],
};

static CHANGED: Update = Update {
    table: "refund",
    columns: &[
        ("id", Type::Blob),
        ("coins", Type::Int),
        ("promotional", Type::Int),
        ("state", Type::Text),
        ("answer", Type::Text),
        ("changed_at", Type::Int),
    ],
};

impl RefundState {
    const ALL: [Self; 5] = [
        Self::Requested,
        Self::Granted,
        Self::Done,
        Self::Failed,
        Self::Refused,
    ];

    pub(super) fn word(self) -> &'static str {
        match self {
            RefundState::Requested => "requested",
            RefundState::Granted => "granted",
            RefundState::Done => "done",
            RefundState::Failed => "failed",
            RefundState::Refused => "refused",
        }
    }

    pub(crate) fn parse(word: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|state| state.word() == word);
        found.ok_or_else(|| StoreError::Broken(format!("a refund in the state {word}")))
    }
}

impl Refund {
    pub(super) fn new(ask: &Ask, amount: i64, now: Timestamp) -> Self {
        Self {
            id: ask.id,
            payment: ask.payment,
            asked_by: ask.by.person(),
            reason: ask.reason.clone(),
            amount,
            coins: 0,
            promotional: 0,
            state: RefundState::Requested,
            answer: None,
            asked_at: now,
            changed_at: now,
        }
    }

    /// Whether this is the refund that is asked for.
    pub(super) fn is(&self, ask: &Ask) -> bool {
        self.payment == ask.payment
            && self.asked_by == ask.by.person()
            && self.reason == ask.reason
            && ask.amount.is_none_or(|amount| amount == self.amount)
    }

    pub(super) fn add(self, tx: &mut Tx, who: Option<PersonId>, now: Timestamp) {
        tx.insert(
            &REFUND,
            row![
                self.id,
                self.payment,
                self.asked_by,
                self.reason.as_str(),
                self.amount,
                self.coins,
                self.promotional,
                self.state.word(),
                self.asked_at,
                self.changed_at
            ],
        );
        tx.insert(
            &ACT,
            row![
                self.id,
                1,
                now,
                who,
                self.state.word(),
                Some(self.reason.as_str())
            ],
        );
        tx.put::<Refund>(self.id, self);
    }

    pub(super) fn change(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Comes into a state by somebody's act, or by the provider's word.
    pub(super) fn turn(
        self,
        tx: &mut Tx,
        state: RefundState,
        who: Option<PersonId>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let turned = self.change(|refund| {
            refund.state = state;
            refund.changed_at = now;
        });
        tx.update(
            &CHANGED,
            row![
                turned.id,
                turned.coins,
                turned.promotional,
                state.word(),
                turned.answer.clone(),
                now
            ],
        );
        let acts = tx.row(
            "SELECT COUNT(*) FROM refund_act WHERE refund = $1",
            params![turned.id],
        )?;
        let acts: i64 = acts.map_or(Ok(0), |row| row.get(0))?;
        tx.insert(
            &ACT,
            row![turned.id, acts + 1, now, who, state.word(), turned.answer.clone()],
        );
        tx.put::<Refund>(turned.id, turned.clone());
        Ok(turned)
    }
}

/// Only ever added to: who brought a refund into which state, and what they said.
static ACT: Insert = Insert {
    table: "refund_act",
    columns: &[
        ("refund", Type::Blob),
        ("number", Type::Int),
        ("at", Type::Int),
        ("who", Type::Blob),
        ("state", Type::Text),
        ("note", Type::Text),
    ],
};

impl Entity for Refund {
    type Key = RefundId;
    const SELECT: &'static str = "SELECT id, payment, asked_by, reason, amount, coins, promotional, state, answer, asked_at, changed_at \
         FROM refund WHERE id";
    const KEY: Type = Type::Blob;

    fn key(key: &RefundId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(RefundId, Self), StoreError> {
        let refund = read(row)?;
        Ok((refund.id, refund))
    }
}

fn read(row: &Row) -> Result<Refund, StoreError> {
    Ok(Refund {
        id: row.get(0)?,
        payment: row.get(1)?,
        asked_by: row.get(2)?,
        reason: row.get(3)?,
        amount: row.get(4)?,
        coins: row.get(5)?,
        promotional: row.get(6)?,
        state: RefundState::parse(&row.get::<String>(7)?)?,
        answer: row.get(8)?,
        asked_at: row.get(9)?,
        changed_at: row.get(10)?,
    })
}

/// A refund, for a reader.
pub(super) fn refund(db: &mut impl Read, id: RefundId) -> Result<Option<Refund>, StoreError> {
    let row = db.row(
        "SELECT id, payment, asked_by, reason, amount, coins, promotional, state, answer, asked_at, changed_at \
         FROM refund WHERE id = $1",
        params![id],
    )?;
    row.as_ref().map(read).transpose()
}

/// Whether a request of this payment is still to be decided.
pub(super) fn is_waiting(tx: &mut Tx, payment: PaymentId) -> Result<bool, StoreError> {
    let row = tx.row(
        "SELECT 1 FROM refund WHERE payment = $1 AND state = 'requested'",
        params![payment],
    )?;
    Ok(row.is_some())
}

/// Refunds that are listed of one payment.
const LISTED_MAX: i64 = 100;

/// A payment's refunds, newest first.
pub fn of_payment(db: &mut impl Read, payment: PaymentId) -> Result<Vec<Refund>, StoreError> {
    let rows = db.rows(
        "SELECT id, payment, asked_by, reason, amount, coins, promotional, state, answer, asked_at, changed_at \
         FROM refund WHERE payment = $1 ORDER BY asked_at DESC, id DESC LIMIT $2",
        params![payment, LISTED_MAX],
    )?;
    rows.iter().map(read).collect()
}

/// A refund, and whose payment it is of, for the operator.
pub(super) struct Listed {
    pub refund: Refund,
    pub payer: String,
    pub order: String,
    pub price: i64,
}

/// Refunds asked for before a moment, newest first; those to decide or that failed when `open`.
pub(super) fn listed(
    db: &mut impl Read,
    open: bool,
    before: Timestamp,
    max: i64,
) -> Result<Vec<Listed>, StoreError> {
    let rows = db.rows(
        "SELECT r.id, r.payment, r.asked_by, r.reason, r.amount, r.coins, r.promotional, r.state, r.answer, \
         r.asked_at, r.changed_at, COALESCE(n.display_name, ''), p.kind, p.price \
         FROM refund r JOIN payment p ON p.id = r.payment LEFT JOIN person n ON n.id = p.payer \
         WHERE r.asked_at < $1 AND (CAST($2 AS BIGINT) = 0 OR r.state IN ('requested', 'failed')) \
         ORDER BY r.asked_at DESC, r.id DESC LIMIT $3",
        params![before, i64::from(open), max],
    )?;
    let listed = rows.iter().map(|row| {
        Ok(Listed {
            refund: read(row)?,
            payer: row.get(11)?,
            order: row.get(12)?,
            price: row.get(13)?,
        })
    });
    listed.collect()
}
