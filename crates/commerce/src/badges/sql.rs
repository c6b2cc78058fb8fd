//! Rows of badges that were ordered.

use busk_base::{PaymentId, PersonId, RoomId, Timestamp};
use busk_store::{Entity, Insert, Read, Row, StoreError, Tx, Type, Update, Value, params, row};

use super::Buy;
use crate::payments::{Payment, PaymentState, payment};

/// The badge that a payment is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadgeOrder {
    pub payment: PaymentId,
    pub room: RoomId,
    pub person: PersonId,
    pub hearts: u8,
}

static ORDER: Insert = Insert {
    table: "badge_order",
    columns: &[
        ("payment", Type::Blob),
        ("room", Type::Blob),
        ("person", Type::Blob),
        ("hearts", Type::Int),
    ],
};

static DELIVERED: Update = Update {
    table: "badge_order",
    columns: &[("payment", Type::Blob), ("delivered_at", Type::Int)],
};

impl BadgeOrder {
    pub(super) fn new(buy: &Buy) -> Self {
        Self {
            payment: buy.id,
            room: buy.room,
            person: buy.person,
            hearts: buy.hearts,
        }
    }

    /// Whether this is the badge that is asked for.
    pub(super) fn is(&self, buy: &Buy) -> bool {
        *self == Self::new(buy)
    }

    pub(super) fn add(self, tx: &mut Tx) {
        let hearts = i64::from(self.hearts);
        tx.insert(&ORDER, row![self.payment, self.room, self.person, hearts]);
        tx.put::<BadgeOrder>(self.payment, self);
    }

    pub(super) fn delivered(&self, tx: &mut Tx, now: Timestamp) {
        tx.update(&DELIVERED, row![self.payment, now]);
    }

    /// It is not there any more.
    pub(super) fn undelivered(&self, tx: &mut Tx) -> Result<(), StoreError> {
        tx.execute(
            "UPDATE badge_order SET delivered_at = NULL WHERE payment = $1",
            params![self.payment],
        )?;
        Ok(())
    }
}

fn number(hearts: i64) -> Result<u8, StoreError> {
    u8::try_from(hearts).map_err(|_| StoreError::Broken(format!("{hearts} hearts")))
}

impl Entity for BadgeOrder {
    type Key = PaymentId;
    const SELECT: &'static str = "SELECT payment, room, person, hearts FROM badge_order WHERE payment";
    const KEY: Type = Type::Blob;

    fn key(key: &PaymentId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(PaymentId, Self), StoreError> {
        let order = BadgeOrder {
            payment: row.get(0)?,
            room: row.get(1)?,
            person: row.get(2)?,
            hearts: number(row.get(3)?)?,
        };
        Ok((order.payment, order))
    }
}

/// What a payment is for, for a reader.
pub fn order(db: &mut impl Read, of: PaymentId) -> Result<Option<(Payment, BadgeOrder)>, StoreError> {
    let row = db.row(
        "SELECT payment, room, person, hearts FROM badge_order WHERE payment = $1",
        params![of],
    )?;
    let read = row.as_ref().map(<BadgeOrder as Entity>::read).transpose()?;
    Ok(payment(db, of)?.zip(read.map(|(_, order)| order)))
}

/// A person's badge in a live, and where its payment is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bought {
    pub payment: PaymentId,
    pub hearts: u8,
    pub state: PaymentState,
    /// Whether some of the money is still here.
    pub kept: bool,
    pub expires_at: Timestamp,
}

impl Bought {
    /// Whether its page is still open.
    pub fn can_be_paid(&self, now: Timestamp) -> bool {
        self.state == PaymentState::Pending && now < self.expires_at
    }
}

/// All badges that a person has begun to buy in a live: a handful.
pub fn bought(db: &mut impl Read, room: RoomId, person: PersonId) -> Result<Vec<Bought>, StoreError> {
    let rows = db.rows(
        "SELECT payment, hearts FROM badge_order WHERE room = $1 AND person = $2 ORDER BY payment",
        params![room, person],
    )?;
    let mut all = Vec::new();
    for row in rows {
        let (of, hearts) = (row.get(0)?, number(row.get(1)?)?);
        let paid = payment(db, of)?;
        let paid = paid.ok_or_else(|| StoreError::Broken(format!("a badge without the payment {of}")))?;
        all.push(Bought {
            payment: of,
            hearts,
            state: paid.state,
            kept: paid.kept() > 0,
            expires_at: paid.expires_at,
        });
    }
    Ok(all)
}

/// Whether the same badge was delivered to the same person in the same live.
pub(super) fn was_delivered(tx: &mut Tx, order: &BadgeOrder) -> Result<bool, StoreError> {
    let row = tx.row(
        "SELECT 1 FROM badge_order WHERE room = $1 AND person = $2 AND hearts = $3 AND delivered_at IS NOT NULL",
        params![order.room, order.person, i64::from(order.hearts)],
    )?;
    Ok(row.is_some())
}

/// The badge of a payment, if it is there.
pub(super) fn delivered(tx: &mut Tx, payment: PaymentId) -> Result<Option<BadgeOrder>, StoreError> {
    let row = tx.row(
        "SELECT 1 FROM badge_order WHERE payment = $1 AND delivered_at IS NOT NULL",
        params![payment],
    )?;
    match row {
        Some(_) => tx.find::<BadgeOrder>(&payment),
        None => Ok(None),
    }
}

/// The most hearts of a person's badges in a live; none where they have no badge.
pub(super) fn most_hearts(tx: &mut Tx, room: RoomId, person: PersonId) -> Result<u8, StoreError> {
    let row = tx.row(
        "SELECT CAST(COALESCE(MAX(hearts), 0) AS BIGINT) FROM badge_order \
         WHERE room = $1 AND person = $2 AND delivered_at IS NOT NULL",
        params![room, person],
    )?;
    row.map_or(Ok(0), |row| number(row.get(0)?))
}
