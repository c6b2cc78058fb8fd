//! Rows of payments.

use busk_base::{PaymentId, PersonId, Timestamp};
use busk_store::{Entity, Insert, Read, Row, StoreError, Tx, Type, Update, Value, params, row};

use super::{Order, PaymentState};

#[derive(Clone, Debug, PartialEq)]
pub struct Payment {
    pub id: PaymentId,
    pub payer: PersonId,
    pub order: Order,
    /// In the currency's minor unit.
    pub price: i64,
    pub currency: String,
    pub provider: String,
    /// The provider's name for the page to pay at; none for a renewal.
    pub checkout: Option<String>,
    pub checkout_url: Option<String>,
    pub state: PaymentState,
    /// The provider's name for the charge, once it is settled.
    pub charge: Option<String>,
    /// What the provider kept for renewals.
    pub method: Option<String>,
    /// Where the means of payment is from: ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// What was given back of the price.
    pub refunded: i64,
    /// What the payer's bank has taken back of it, for the time being or for good.
    pub disputed: i64,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub settled_at: Option<Timestamp>,
}

static PAYMENT: Insert = Insert {
    table: "payment",
    columns: &[
        ("id", Type::Blob),
        ("payer", Type::Blob),
        ("kind", Type::Text),
        ("price", Type::Int),
        ("currency", Type::Text),
        ("provider", Type::Text),
        ("state", Type::Text),
        ("refunded", Type::Int),
        ("created_at", Type::Int),
        ("expires_at", Type::Int),
    ],
};

static CHANGED: Update = Update {
    table: "payment",
    columns: &[
        ("id", Type::Blob),
        ("checkout", Type::Text),
        ("checkout_url", Type::Text),
        ("state", Type::Text),
        ("charge", Type::Text),
        ("method", Type::Text),
        ("country", Type::Text),
        ("refunded", Type::Int),
        ("disputed", Type::Int),
        ("settled_at", Type::Int),
    ],
};

impl Order {
    const ALL: [Self; 5] = [
        Self::Coins,
        Self::Badge,
        Self::Ticket,
        Self::Subscription,
        Self::GiftedSubscription,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Order::Coins => "coins",
            Order::Badge => "badge",
            Order::Ticket => "ticket",
            Order::Subscription => "subscription",
            Order::GiftedSubscription => "gifted_subscription",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|order| order.word() == word);
        found.ok_or_else(|| StoreError::Broken(format!("a payment for {word}")))
    }
}

impl PaymentState {
    const ALL: [Self; 4] = [Self::Pending, Self::Paid, Self::Declined, Self::Expired];

    pub(crate) fn word(self) -> &'static str {
        match self {
            PaymentState::Pending => "pending",
            PaymentState::Paid => "paid",
            PaymentState::Declined => "declined",
            PaymentState::Expired => "expired",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|state| state.word() == word);
        found.ok_or_else(|| StoreError::Broken(format!("a payment in the state {word}")))
    }
}

impl Payment {
    pub(super) fn add(self, tx: &mut Tx) {
        tx.insert(
            &PAYMENT,
            row![
                self.id,
                self.payer,
                self.order.word(),
                self.price,
                self.currency.as_str(),
                self.provider.as_str(),
                self.state.word(),
                self.refunded,
                self.created_at,
                self.expires_at
            ],
        );
        tx.put::<Payment>(self.id, self);
    }

    pub(super) fn change(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(super) fn save(self, tx: &mut Tx) -> Self {
        tx.update(
            &CHANGED,
            row![
                self.id,
                self.checkout.clone(),
                self.checkout_url.clone(),
                self.state.word(),
                self.charge.clone(),
                self.method.clone(),
                self.country.clone(),
                self.refunded,
                self.disputed,
                self.settled_at
            ],
        );
        tx.put::<Payment>(self.id, self.clone());
        self
    }
}

impl Entity for Payment {
    type Key = PaymentId;
    const SELECT: &'static str = "SELECT id, payer, kind, price, currency, provider, checkout, checkout_url, state, charge, \
         method, country, refunded, created_at, expires_at, settled_at, disputed FROM payment WHERE id";
    const KEY: Type = Type::Blob;

    fn key(key: &PaymentId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(PaymentId, Self), StoreError> {
        let payment = Payment {
            id: row.get(0)?,
            payer: row.get(1)?,
            order: Order::parse(&row.get::<String>(2)?)?,
            price: row.get(3)?,
            currency: row.get(4)?,
            provider: row.get(5)?,
            checkout: row.get(6)?,
            checkout_url: row.get(7)?,
            state: PaymentState::parse(&row.get::<String>(8)?)?,
            charge: row.get(9)?,
            method: row.get(10)?,
            country: row.get(11)?,
            refunded: row.get(12)?,
            created_at: row.get(13)?,
            expires_at: row.get(14)?,
            settled_at: row.get(15)?,
            disputed: row.get(16)?,
        };
        Ok((payment.id, payment))
    }
}

/// A payment, for a reader.
pub fn payment(db: &mut impl Read, id: PaymentId) -> Result<Option<Payment>, StoreError> {
    let row = db.row(
        "SELECT id, payer, kind, price, currency, provider, checkout, checkout_url, state, charge, method, country, \
         refunded, created_at, expires_at, settled_at, disputed FROM payment WHERE id = $1",
        params![id],
    )?;
    let read = row.as_ref().map(<Payment as Entity>::read).transpose()?;
    Ok(read.map(|(_, payment)| payment))
}

/// Whether a provider has any payment.
pub fn any_by(db: &mut impl Read, provider: &str) -> Result<bool, StoreError> {
    let row = db.row(
        "SELECT 1 FROM payment WHERE provider = $1 LIMIT 1",
        params![provider],
    )?;
    Ok(row.is_some())
}

/// The payment that a provider knows by this name of its charge.
pub(super) fn by_charge(tx: &mut Tx, provider: &str, charge: &str) -> Result<Option<Payment>, StoreError> {
    let row = tx.row(
        "SELECT id FROM payment WHERE charge = $1 AND provider = $2",
        params![charge, provider],
    )?;
    match row {
        Some(row) => tx.find::<Payment>(&row.get(0)?),
        None => Ok(None),
    }
}

/// The country of the payer's newest payment by a means of payment that the provider kept.
pub(super) fn country_of(
    db: &mut impl Read,
    payment: &Payment,
    method: &str,
) -> Result<Option<String>, StoreError> {
    let row = db.row(
        "SELECT country FROM payment WHERE payer = $1 AND provider = $2 AND method = $3 AND country IS NOT NULL \
         ORDER BY created_at DESC, id DESC LIMIT 1",
        params![payment.payer, &payment.provider, method],
    )?;
    row.map_or(Ok(None), |row| row.get(0))
}

/// How many payments a person has begun since, and how many of them were declined.
pub(super) fn begun_since(
    db: &mut impl Read,
    payer: PersonId,
    since: Timestamp,
) -> Result<(i64, i64), StoreError> {
    let row = db.row(
        "SELECT COUNT(*), COUNT(CASE WHEN state = 'declined' THEN 1 END) FROM payment \
         WHERE payer = $1 AND created_at > $2",
        params![payer, since],
    )?;
    row.map_or(Ok((0, 0)), |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Paid since, and not given back; and what a page that is still open may bring.
pub(super) fn spent(
    db: &mut impl Read,
    payer: PersonId,
    since: Timestamp,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let row = db.row(
        "SELECT CAST(COALESCE(SUM(price - refunded), 0) AS BIGINT) FROM payment WHERE payer = $1 AND created_at > $2 \
         AND (state = 'paid' OR (state = 'pending' AND expires_at > $3))",
        params![payer, since, now],
    )?;
    row.map_or(Ok(0), |row| row.get(0))
}
