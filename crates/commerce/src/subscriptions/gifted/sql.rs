//! Rows of months for others, and of who got them.

use busk_base::{ChannelId, PaymentId, PersonId, RoomId, Timestamp};
use busk_store::{Entity, Insert, Read, Row, StoreError, Tx, Type, Update, Value, params, row};

use super::{Give, To};
use crate::subscriptions::tiers::small;

/// The tables of given months. An order is for one person, or for so many of those in a room.
pub(crate) const GIFTED: &str = "
CREATE TABLE subscription_gift (
    payment BYTEA PRIMARY KEY,
    channel BYTEA NOT NULL,
    giver BYTEA NOT NULL,
    tier BIGINT NOT NULL,
    monthly BIGINT NOT NULL CHECK (monthly > 0),
    person BYTEA,
    room BYTEA,
    count BIGINT NOT NULL CHECK (count > 0),
    handed_out BOOLEAN NOT NULL
)/*sqlite: WITHOUT ROWID*/;

CREATE TABLE subscription_gift_receiver (
    payment BYTEA NOT NULL,
    person BYTEA NOT NULL,
    until BIGINT NOT NULL,
    taken_back BOOLEAN NOT NULL,
    PRIMARY KEY (payment, person)
)/*sqlite: WITHOUT ROWID*/;
";

/// Months for others that were ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GiftOrder {
    pub payment: PaymentId,
    pub channel: ChannelId,
    pub giver: PersonId,
    pub tier: u8,
    /// What each of them costs.
    pub monthly: i64,
    pub to: To,
    /// Everybody who gets one has it.
    pub handed_out: bool,
}

static ORDER: Insert = Insert {
    table: "subscription_gift",
    columns: &[
        ("payment", Type::Blob),
        ("channel", Type::Blob),
        ("giver", Type::Blob),
        ("tier", Type::Int),
        ("monthly", Type::Int),
        ("person", Type::Blob),
        ("room", Type::Blob),
        ("count", Type::Int),
        ("handed_out", Type::Bool),
    ],
};

static CHANGE: Update = Update {
    table: "subscription_gift",
    columns: &[("payment", Type::Blob), ("handed_out", Type::Bool)],
};

impl GiftOrder {
    pub(super) fn is(&self, give: &Give) -> bool {
        (self.channel, self.giver, self.tier, self.to) == (give.channel, give.giver, give.tier, give.to)
    }

    pub(super) fn add(self, tx: &mut Tx) {
        let (person, room) = match self.to {
            To::Person(person) => (Some(person), None),
            To::Anybody { room, .. } => (None, Some(room)),
        };
        let row = row![
            self.payment,
            self.channel,
            self.giver,
            i64::from(self.tier),
            self.monthly,
            person,
            room,
            self.to.count(),
            self.handed_out
        ];
        tx.insert(&ORDER, row);
        tx.put::<Self>(self.payment, self);
    }

    pub(in crate::subscriptions) fn save(self, tx: &mut Tx) {
        tx.update(&CHANGE, row![self.payment, self.handed_out]);
        tx.put::<Self>(self.payment, self);
    }
}

impl Entity for GiftOrder {
    type Key = PaymentId;
    const SELECT: &'static str = "SELECT payment, channel, giver, tier, monthly, person, room, count, handed_out \
         FROM subscription_gift WHERE payment";
    const KEY: Type = Type::Blob;

    fn key(key: &PaymentId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(PaymentId, Self), StoreError> {
        let (person, room): (Option<PersonId>, Option<RoomId>) = (row.get(5)?, row.get(6)?);
        let count = small(row.get(7)?)?;
        let to = match (person, room) {
            (Some(person), _) => To::Person(person),
            (None, Some(room)) => To::Anybody { room, count },
            (None, None) => return Err(StoreError::Broken("months for nobody".into())),
        };
        let order = Self {
            payment: row.get(0)?,
            channel: row.get(1)?,
            giver: row.get(2)?,
            tier: small(row.get(3)?)?,
            monthly: row.get(4)?,
            to,
            handed_out: row.get(8)?,
        };
        Ok((order.payment, order))
    }
}

/// An order, for a reader.
pub(super) fn order(db: &mut impl Read, payment: PaymentId) -> Result<Option<GiftOrder>, StoreError> {
    let row = db.row(
        "SELECT payment, channel, giver, tier, monthly, person, room, count, handed_out FROM subscription_gift \
         WHERE payment = $1",
        params![payment],
    )?;
    let read = row.as_ref().map(<GiftOrder as Entity>::read).transpose()?;
    Ok(read.map(|(_, order)| order))
}

/// Who got a month of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    pub person: PersonId,
    /// The end of that month.
    pub until: Timestamp,
    /// The money went back, and the month with it.
    pub taken_back: bool,
}

pub(super) fn add_receiver(
    tx: &mut Tx,
    payment: PaymentId,
    person: PersonId,
    until: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO subscription_gift_receiver (payment, person, until, taken_back) VALUES ($1, $2, $3, FALSE)",
        params![payment, person, until],
    )?;
    Ok(())
}

/// Who got a month of an order: at most as many as can be given at once.
pub fn receivers(db: &mut impl Read, payment: PaymentId) -> Result<Vec<Receiver>, StoreError> {
    let rows = db.rows(
        "SELECT person, until, taken_back FROM subscription_gift_receiver WHERE payment = $1 ORDER BY person",
        params![payment],
    )?;
    let receivers = rows.iter().map(|row| {
        Ok(Receiver {
            person: row.get(0)?,
            until: row.get(1)?,
            taken_back: row.get(2)?,
        })
    });
    receivers.collect()
}

pub(in crate::subscriptions) fn set_taken_back(
    tx: &mut Tx,
    payment: PaymentId,
    person: PersonId,
    taken_back: bool,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE subscription_gift_receiver SET taken_back = $3 WHERE payment = $1 AND person = $2",
        params![payment, person, taken_back],
    )?;
    Ok(())
}
