//! Rows of sales.

use busk_base::{ChannelId, PaymentId, Timestamp};
use busk_store::{Entity, Insert, Read, Row, StoreError, Tx, Type, Update, Value, params, row};

use super::Parts;

/// A payment that was delivered, and who has what of it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sale {
    pub payment: PaymentId,
    pub channel: ChannelId,
    pub parts: Parts,
    pub delivered_at: Timestamp,
}

static SALE: Insert = Insert {
    table: "sale",
    columns: &[
        ("payment", Type::Blob),
        ("channel", Type::Blob),
        ("tax", Type::Int),
        ("creator", Type::Int),
        ("platform", Type::Int),
        ("delivered_at", Type::Int),
    ],
};

static PARTS: Update = Update {
    table: "sale",
    columns: &[
        ("payment", Type::Blob),
        ("tax", Type::Int),
        ("creator", Type::Int),
        ("platform", Type::Int),
    ],
};

impl Sale {
    pub(super) fn add(self, tx: &mut Tx) {
        let Parts {
            tax,
            creator,
            platform,
        } = self.parts;
        let row = row![
            self.payment,
            self.channel,
            tax,
            creator,
            platform,
            self.delivered_at
        ];
        tx.insert(&SALE, row);
        tx.put::<Sale>(self.payment, self);
    }

    pub(super) fn save(self, tx: &mut Tx) {
        let Parts {
            tax,
            creator,
            platform,
        } = self.parts;
        tx.update(&PARTS, row![self.payment, tax, creator, platform]);
        tx.put::<Sale>(self.payment, self);
    }
}

/// What banks have taken of a payment for good.
pub(super) fn lost(tx: &mut Tx, payment: PaymentId) -> Result<i64, StoreError> {
    let row = tx.row(
        "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM dispute WHERE payment = $1 AND state = 'lost'",
        params![payment],
    )?;
    row.map_or(Ok(0), |row| row.get(0))
}

impl Entity for Sale {
    type Key = PaymentId;
    const SELECT: &'static str =
        "SELECT payment, channel, tax, creator, platform, delivered_at FROM sale WHERE payment";
    const KEY: Type = Type::Blob;

    fn key(key: &PaymentId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(PaymentId, Self), StoreError> {
        let sale = Sale {
            payment: row.get(0)?,
            channel: row.get(1)?,
            parts: Parts {
                tax: row.get(2)?,
                creator: row.get(3)?,
                platform: row.get(4)?,
            },
            delivered_at: row.get(5)?,
        };
        Ok((sale.payment, sale))
    }
}
