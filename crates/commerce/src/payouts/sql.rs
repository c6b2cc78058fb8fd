//! Rows of payouts and of what was done with them.

use busk_base::{ChannelId, PayoutBatchId, PayoutId, PersonId, Timestamp};
use busk_store::{Entity, Insert, Read, Row, StoreError, Tx, Type, Update, Value, params, row};

use super::PayoutState;

/// Where a payout's money goes, as it was when it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payee {
    /// By a provider, to the creator's account there.
    Provider { provider: String, account: String },
    /// By a file for the bank; the details are sealed.
    Bank { sealed: Vec<u8>, shown: String },
}

/// A payout as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    pub id: PayoutId,
    pub channel: ChannelId,
    /// In the currency's minor unit.
    pub amount: i64,
    pub currency: String,
    pub payee: Payee,
    pub state: PayoutState,
    /// Why it was rejected, failed or came back.
    pub reason: Option<String>,
    pub batch: Option<PayoutBatchId>,
    /// How many acts there were.
    pub acts: i64,
    pub requested_at: Timestamp,
    pub changed_at: Timestamp,
}

/// What was done with a payout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Request,
    Approve,
    Reject,
    Cancel,
    Send,
    Pay,
    Fail,
    Return,
}

impl Act {
    pub fn word(self) -> &'static str {
        match self {
            Act::Request => "request",
            Act::Approve => "approve",
            Act::Reject => "reject",
            Act::Cancel => "cancel",
            Act::Send => "send",
            Act::Pay => "pay",
            Act::Fail => "fail",
            Act::Return => "return",
        }
    }
}

impl PayoutState {
    const ALL: [Self; 7] = [
        Self::Requested,
        Self::Approved,
        Self::Sent,
        Self::Paid,
        Self::Failed,
        Self::Returned,
        Self::Cancelled,
    ];

    pub fn word(self) -> &'static str {
        match self {
            PayoutState::Requested => "requested",
            PayoutState::Approved => "approved",
            PayoutState::Sent => "sent",
            PayoutState::Paid => "paid",
            PayoutState::Failed => "failed",
            PayoutState::Returned => "returned",
            PayoutState::Cancelled => "cancelled",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|state| state.word() == word);
        found.ok_or_else(|| StoreError::Broken(format!("a payout in the state {word}")))
    }
}

impl Payee {
    /// What may be shown of it.
    pub fn shown(&self) -> &str {
        match self {
            Payee::Provider { provider, .. } => provider,
            Payee::Bank { shown, .. } => shown,
        }
    }

    pub fn is_bank(&self) -> bool {
        matches!(self, Payee::Bank { .. })
    }
}

static PAYOUT: Insert = Insert {
    table: "payout",
    columns: &[
        ("id", Type::Blob),
        ("channel", Type::Blob),
        ("amount", Type::Int),
        ("currency", Type::Text),
        ("provider", Type::Text),
        ("account", Type::Text),
        ("bank", Type::Blob),
        ("shown", Type::Text),
        ("state", Type::Text),
        ("acts", Type::Int),
        ("requested_at", Type::Int),
        ("changed_at", Type::Int),
    ],
};

static CHANGED: Update = Update {
    table: "payout",
    columns: &[
        ("id", Type::Blob),
        ("state", Type::Text),
        ("reason", Type::Text),
        ("batch", Type::Blob),
        ("acts", Type::Int),
        ("changed_at", Type::Int),
    ],
};

static ACT: Insert = Insert {
    table: "payout_act",
    columns: &[
        ("payout", Type::Blob),
        ("number", Type::Int),
        ("act", Type::Text),
        ("person", Type::Blob),
        ("reason", Type::Text),
        ("at", Type::Int),
    ],
};

impl Payout {
    pub(super) fn add(self, tx: &mut Tx) {
        let (provider, account, bank) = match &self.payee {
            Payee::Provider { provider, account } => (Some(provider), Some(account), None),
            Payee::Bank { sealed, .. } => (None, None, Some(sealed.clone())),
        };
        let row = row![
            self.id,
            self.channel,
            self.amount,
            self.currency.as_str(),
            provider,
            account,
            bank,
            self.payee.shown(),
            self.state.word(),
            self.acts,
            self.requested_at,
            self.changed_at
        ];
        tx.insert(&PAYOUT, row);
        tx.put::<Payout>(self.id, self);
    }

    pub(super) fn becomes(self, state: PayoutState) -> Self {
        Self { state, ..self }
    }

    /// Keeps what was done and who did it, and the payout as it is after it.
    pub(super) fn act(
        mut self,
        tx: &mut Tx,
        act: Act,
        person: Option<PersonId>,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Self {
        self.acts += 1;
        self.changed_at = now;
        self.reason = reason.map(str::to_owned).or(self.reason);
        tx.insert(
            &ACT,
            row![
                self.id,
                self.acts,
                act.word(),
                person,
                reason.map(str::to_owned),
                now
            ],
        );
        tx.update(
            &CHANGED,
            row![
                self.id,
                self.state.word(),
                self.reason.clone(),
                self.batch,
                self.acts,
                now
            ],
        );
        tx.put::<Payout>(self.id, self.clone());
        self
    }
}

/// Every statement that reads payouts begins so.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, channel, amount, currency, provider, account, bank, shown, state, reason, batch, acts, \
             requested_at, changed_at FROM payout ",
            $rest
        )
    };
}

impl Entity for Payout {
    type Key = PayoutId;
    const SELECT: &'static str = select!("WHERE id");
    const KEY: Type = Type::Blob;

    fn key(key: &PayoutId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(PayoutId, Self), StoreError> {
        let (provider, account): (Option<String>, Option<String>) = (row.get(4)?, row.get(5)?);
        let (sealed, shown): (Option<Vec<u8>>, String) = (row.get(6)?, row.get(7)?);
        let payee = match (provider, account, sealed) {
            (Some(provider), Some(account), None) => Payee::Provider { provider, account },
            (None, None, Some(sealed)) => Payee::Bank { sealed, shown },
            _ => {
                return Err(StoreError::Broken(
                    "a payout that goes nowhere, or to two places".into(),
                ));
            }
        };
        let payout = Payout {
            id: row.get(0)?,
            channel: row.get(1)?,
            amount: row.get(2)?,
            currency: row.get(3)?,
            payee,
            state: PayoutState::parse(&row.get::<String>(8)?)?,
            reason: row.get(9)?,
            batch: row.get(10)?,
            acts: row.get(11)?,
            requested_at: row.get(12)?,
            changed_at: row.get(13)?,
        };
        Ok((payout.id, payout))
    }
}

fn all(rows: &[Row]) -> Result<Vec<Payout>, StoreError> {
    let read = |row: &Row| Payout::read(row).map(|(_, payout)| payout);
    rows.iter().map(read).collect()
}

/// Where a payout stands in a list; two may have been asked for at one time.
pub(super) type Place = (Timestamp, PayoutId);

/// A channel's payouts before a place, newest first.
pub(super) fn of_channel(
    db: &mut impl Read,
    channel: ChannelId,
    before: Place,
    max: i64,
) -> Result<Vec<Payout>, StoreError> {
    all(&db.rows(
        select!(
            "WHERE channel = $1 AND (requested_at, id) < ($2, $3) ORDER BY requested_at DESC, id DESC LIMIT $4"
        ),
        params![channel, before.0, before.1, max],
    )?)
}

/// Payouts in a state after a place, oldest first: they are seen to in that order.
pub(super) fn in_state(
    db: &mut impl Read,
    state: PayoutState,
    after: Place,
    max: i64,
) -> Result<Vec<Payout>, StoreError> {
    all(&db.rows(
        select!("WHERE state = $1 AND (requested_at, id) > ($2, $3) ORDER BY requested_at, id LIMIT $4"),
        params![state.word(), after.0, after.1, max],
    )?)
}

/// What is approved and goes by a file, oldest first.
pub(super) fn for_the_bank(db: &mut impl Read, currency: &str, max: i64) -> Result<Vec<Payout>, StoreError> {
    all(&db.rows(
        select!(
            "WHERE state = 'approved' AND bank IS NOT NULL AND currency = $1 ORDER BY requested_at, id LIMIT $2"
        ),
        params![currency, max],
    )?)
}

/// The payouts of a batch, always in the same order.
pub(super) fn of_batch(db: &mut impl Read, batch: PayoutBatchId) -> Result<Vec<Payout>, StoreError> {
    all(&db.rows(
        select!("WHERE batch = $1 ORDER BY requested_at, id"),
        params![batch],
    )?)
}

pub(super) fn payout(db: &mut impl Read, id: PayoutId) -> Result<Option<Payout>, StoreError> {
    let rows = db.rows(select!("WHERE id = $1"), params![id])?;
    Ok(all(&rows)?.pop())
}

/// How much a channel was paid.
pub(super) fn paid(db: &mut impl Read, channel: ChannelId) -> Result<i64, StoreError> {
    let row = db.row(
        "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM payout WHERE channel = $1 AND state = 'paid'",
        params![channel],
    )?;
    row.map_or(Ok(0), |row| row.get(0))
}

/// Who has approved it.
pub(super) fn approvers(db: &mut impl Read, payout: PayoutId) -> Result<Vec<PersonId>, StoreError> {
    let rows = db.rows(
        "SELECT person FROM payout_act WHERE payout = $1 AND act = 'approve' ORDER BY number",
        params![payout],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) act: String,
    /// The name of who did it; none when nobody did: the month's, or the provider's word.
    pub(super) by: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) at: Timestamp,
}

/// Everything that was done with it, oldest first.
pub(super) fn acts(db: &mut impl Read, payout: PayoutId) -> Result<Vec<Done>, StoreError> {
    let rows = db.rows(
        "SELECT a.act, p.display_name, a.reason, a.at FROM payout_act a LEFT JOIN person p ON p.id = a.person \
         WHERE a.payout = $1 ORDER BY a.number",
        params![payout],
    )?;
    let done = |row: &Row| {
        Ok(Done {
            act: row.get(0)?,
            by: row.get(1)?,
            reason: row.get(2)?,
            at: row.get(3)?,
        })
    };
    rows.iter().map(done).collect()
}
