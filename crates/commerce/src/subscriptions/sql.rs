//! Rows of subscriptions, and of the months that were ordered.

use busk_base::{ChannelId, PaymentId, PersonId, Timestamp};
use busk_store::{Entity, Insert, Read, Row, StoreError, Tx, Type, Update, Value, params, row};

use super::tiers::small;

/// The tables of subscriptions. A subscription's id is the channel's, then the person's.
pub(crate) const SUBSCRIPTIONS: &str = "
CREATE TABLE subscription_tier (
    channel BYTEA NOT NULL,
    place BIGINT NOT NULL CHECK (place BETWEEN 1 AND 3),
    name TEXT NOT NULL,
    about TEXT NOT NULL,
    price BIGINT NOT NULL CHECK (price > 0),
    ticket_discount BIGINT NOT NULL CHECK (ticket_discount BETWEEN 0 AND 100),
    offered BOOLEAN NOT NULL,
    PRIMARY KEY (channel, place)
)/*sqlite: WITHOUT ROWID*/;

CREATE TABLE subscription (
    id BYTEA PRIMARY KEY,
    channel BYTEA NOT NULL,
    person BYTEA NOT NULL,
    tier BIGINT NOT NULL,
    price BIGINT NOT NULL CHECK (price > 0),
    anchor BIGINT NOT NULL,
    months BIGINT NOT NULL CHECK (months >= 0),
    until BIGINT NOT NULL,
    bought BIGINT NOT NULL,
    root BYTEA NOT NULL,
    renews BOOLEAN NOT NULL,
    declines BIGINT NOT NULL,
    next_tier BIGINT,
    provider TEXT NOT NULL,
    method TEXT
)/*sqlite: WITHOUT ROWID*/;
CREATE INDEX subscription_by_channel ON subscription (channel, until);
CREATE INDEX subscription_by_person ON subscription (person);

CREATE TABLE subscription_order (
    payment BYTEA PRIMARY KEY,
    channel BYTEA NOT NULL,
    person BYTEA NOT NULL,
    tier BIGINT NOT NULL,
    kind TEXT NOT NULL,
    monthly BIGINT NOT NULL,
    number BIGINT,
    until BIGINT,
    taken_back BOOLEAN NOT NULL
)/*sqlite: WITHOUT ROWID*/;
";

/// Tiers by a number of their own, which stays theirs whatever else is offered.
pub(crate) const TIERS: &str = "
CREATE TABLE channel_tier (
    channel BYTEA NOT NULL,
    id BIGINT NOT NULL CHECK (id > 0),
    name TEXT NOT NULL,
    about TEXT NOT NULL,
    price BIGINT NOT NULL CHECK (price > 0),
    ticket_discount BIGINT NOT NULL CHECK (ticket_discount BETWEEN 0 AND 100),
    offered BOOLEAN NOT NULL,
    PRIMARY KEY (channel, id)
)/*sqlite: WITHOUT ROWID*/;
INSERT INTO channel_tier (channel, id, name, about, price, ticket_discount, offered)
    SELECT channel, place, name, about, price, ticket_discount, offered FROM subscription_tier;
DROP TABLE subscription_tier;
";

/// A person's subscription to a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    pub channel: ChannelId,
    pub person: PersonId,
    pub tier: u8,
    /// By the month, as it was agreed; in the currency's minor unit.
    pub price: i64,
    /// The day that months are counted from.
    pub anchor: Timestamp,
    /// Months since then that are paid.
    pub months: i64,
    /// The end of the last of them.
    pub until: Timestamp,
    /// Months ever bought: the next one's number.
    pub bought: i64,
    /// The payment that it began with: those of its renewals follow from it.
    pub root: PaymentId,
    /// Not when it was cancelled.
    pub renews: bool,
    /// How often the next month's charge was declined.
    pub declines: u32,
    /// The cheaper tier that was chosen for the next period.
    pub next_tier: Option<u8>,
    pub provider: String,
    /// What the provider keeps of the card.
    pub method: Option<String>,
}

static NEW: Insert = Insert {
    table: "subscription",
    columns: &[
        ("id", Type::Blob),
        ("channel", Type::Blob),
        ("person", Type::Blob),
        ("root", Type::Blob),
        ("tier", Type::Int),
        ("price", Type::Int),
        ("anchor", Type::Int),
        ("months", Type::Int),
        ("until", Type::Int),
        ("bought", Type::Int),
        ("renews", Type::Bool),
        ("declines", Type::Int),
        ("next_tier", Type::Int),
        ("provider", Type::Text),
        ("method", Type::Text),
    ],
};

static CHANGE: Update = Update {
    table: "subscription",
    columns: &[
        ("id", Type::Blob),
        ("root", Type::Blob),
        ("tier", Type::Int),
        ("price", Type::Int),
        ("anchor", Type::Int),
        ("months", Type::Int),
        ("until", Type::Int),
        ("bought", Type::Int),
        ("renews", Type::Bool),
        ("declines", Type::Int),
        ("next_tier", Type::Int),
        ("provider", Type::Text),
        ("method", Type::Text),
    ],
};

impl Subscription {
    pub(super) fn save(self, tx: &mut Tx) -> Result<(), StoreError> {
        let key = (self.channel, self.person);
        let id = Self::key(&key);
        let (tier, declines) = (i64::from(self.tier), i64::from(self.declines));
        let next_tier = self.next_tier.map(i64::from);
        let (provider, method) = (self.provider.clone(), self.method.clone());
        if tx.find::<Self>(&key)?.is_some() {
            let row = row![
                id,
                self.root,
                tier,
                self.price,
                self.anchor,
                self.months,
                self.until,
                self.bought,
                self.renews,
                declines,
                next_tier,
                provider,
                method
            ];
            tx.update(&CHANGE, row);
        } else {
            let row = row![
                id,
                self.channel,
                self.person,
                self.root,
                tier,
                self.price,
                self.anchor,
                self.months,
                self.until,
                self.bought,
                self.renews,
                declines,
                next_tier,
                provider,
                method
            ];
            tx.insert(&NEW, row);
        }
        tx.put::<Self>(key, self);
        Ok(())
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT channel, person, tier, price, anchor, months, until, bought, renews, declines, \
             next_tier, provider, method, root FROM subscription ",
            $rest
        )
    };
}

impl Entity for Subscription {
    type Key = (ChannelId, PersonId);
    const SELECT: &'static str = select!("WHERE id");
    const KEY: Type = Type::Blob;

    fn key((channel, person): &Self::Key) -> Value {
        Value::from([&channel.as_bytes()[..], &person.as_bytes()[..]].concat())
    }

    fn read(row: &Row) -> Result<(Self::Key, Self), StoreError> {
        let declines: i64 = row.get(9)?;
        let next_tier: Option<i64> = row.get(10)?;
        let read = Self {
            channel: row.get(0)?,
            person: row.get(1)?,
            tier: small(row.get(2)?)?,
            price: row.get(3)?,
            anchor: row.get(4)?,
            months: row.get(5)?,
            until: row.get(6)?,
            bought: row.get(7)?,
            renews: row.get(8)?,
            declines: u32::from(small(declines)?),
            next_tier: next_tier.map(small).transpose()?,
            provider: row.get(11)?,
            method: row.get(12)?,
            root: row.get(13)?,
        };
        Ok(((read.channel, read.person), read))
    }
}

/// One subscription, for a reader.
pub fn subscription(
    db: &mut impl Read,
    channel: ChannelId,
    person: PersonId,
) -> Result<Option<Subscription>, StoreError> {
    let row = db.row(
        select!("WHERE id = $1"),
        params![Subscription::key(&(channel, person))],
    )?;
    row.as_ref().map(of_row).transpose()
}

/// A person's, the longest first; at most `max`.
pub fn of_person(db: &mut impl Read, person: PersonId, max: i64) -> Result<Vec<Subscription>, StoreError> {
    let rows = db.rows(
        select!("WHERE person = $1 ORDER BY until DESC, id LIMIT $2"),
        params![person, max],
    )?;
    rows.iter().map(of_row).collect()
}

/// A channel's, the longest first; at most `max`.
pub fn of_channel(db: &mut impl Read, channel: ChannelId, max: i64) -> Result<Vec<Subscription>, StoreError> {
    let rows = db.rows(
        select!("WHERE channel = $1 ORDER BY until DESC, id LIMIT $2"),
        params![channel, max],
    )?;
    rows.iter().map(of_row).collect()
}

fn of_row(row: &Row) -> Result<Subscription, StoreError> {
    <Subscription as Entity>::read(row).map(|(_, read)| read)
}

/// What a payment of a subscription is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A month: the first, or another one.
    Month,
    /// The difference to a dearer tier.
    Upgrade,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Month => "month",
            Kind::Upgrade => "upgrade",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        let found = [Kind::Month, Kind::Upgrade].into_iter();
        let found = found.into_iter().find(|kind| kind.word() == word);
        found.ok_or_else(|| StoreError::Broken(format!("an order of a {word}")))
    }
}

/// A month that a payment is for, or a dearer tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthOrder {
    pub payment: PaymentId,
    pub channel: ChannelId,
    pub person: PersonId,
    pub tier: u8,
    pub kind: Kind,
    /// What a month of the tier costs from then on.
    pub monthly: i64,
    /// Of a renewal: how many months had been bought before.
    pub number: Option<i64>,
    /// The end of what it paid for, once it is paid.
    pub until: Option<Timestamp>,
    /// All of the money went back.
    pub taken_back: bool,
}

static ORDER: Insert = Insert {
    table: "subscription_order",
    columns: &[
        ("payment", Type::Blob),
        ("channel", Type::Blob),
        ("person", Type::Blob),
        ("tier", Type::Int),
        ("kind", Type::Text),
        ("monthly", Type::Int),
        ("number", Type::Int),
        ("until", Type::Int),
        ("taken_back", Type::Bool),
    ],
};

static ORDER_CHANGED: Update = Update {
    table: "subscription_order",
    columns: &[
        ("payment", Type::Blob),
        ("until", Type::Int),
        ("taken_back", Type::Bool),
    ],
};

impl MonthOrder {
    pub(super) fn add(self, tx: &mut Tx) {
        let row = row![
            self.payment,
            self.channel,
            self.person,
            i64::from(self.tier),
            self.kind.word(),
            self.monthly,
            self.number,
            self.until,
            self.taken_back
        ];
        tx.insert(&ORDER, row);
        tx.put::<Self>(self.payment, self);
    }

    pub(super) fn save(self, tx: &mut Tx) {
        tx.update(&ORDER_CHANGED, row![self.payment, self.until, self.taken_back]);
        tx.put::<Self>(self.payment, self);
    }
}

impl Entity for MonthOrder {
    type Key = PaymentId;
    const SELECT: &'static str = "SELECT payment, channel, person, tier, kind, monthly, number, until, taken_back \
         FROM subscription_order WHERE payment";
    const KEY: Type = Type::Blob;

    fn key(key: &PaymentId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(PaymentId, Self), StoreError> {
        let order = Self {
            payment: row.get(0)?,
            channel: row.get(1)?,
            person: row.get(2)?,
            tier: small(row.get(3)?)?,
            kind: Kind::parse(&row.get::<String>(4)?)?,
            monthly: row.get(5)?,
            number: row.get(6)?,
            until: row.get(7)?,
            taken_back: row.get(8)?,
        };
        Ok((order.payment, order))
    }
}
