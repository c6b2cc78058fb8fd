//! Rows of what was ordered.

use busk_base::PaymentId;
use busk_store::{Entity, Insert, Read, Row, StoreError, Tx, Type, Update, Value, params, row};

/// The coins that a payment is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoinOrder {
    pub payment: PaymentId,
    pub pack: String,
    pub coins: i64,
    pub promotional: i64,
    /// Coins of it that the payer no longer has by right: given back, frozen, or gone for a debt.
    pub coins_back: i64,
    pub promotional_back: i64,
}

static ORDER: Insert = Insert {
    table: "coin_order",
    columns: &[
        ("payment", Type::Blob),
        ("pack", Type::Text),
        ("coins", Type::Int),
        ("promotional", Type::Int),
    ],
};

static BACK: Update = Update {
    table: "coin_order",
    columns: &[
        ("payment", Type::Blob),
        ("coins_back", Type::Int),
        ("promotional_back", Type::Int),
    ],
};

impl CoinOrder {
    pub(super) fn save(self, tx: &mut Tx) {
        tx.update(&BACK, row![self.payment, self.coins_back, self.promotional_back]);
        tx.put::<CoinOrder>(self.payment, self);
    }

    pub(super) fn add(self, tx: &mut Tx) {
        tx.insert(
            &ORDER,
            row![self.payment, self.pack.as_str(), self.coins, self.promotional],
        );
        tx.put::<CoinOrder>(self.payment, self);
    }
}

impl Entity for CoinOrder {
    type Key = PaymentId;
    const SELECT: &'static str = "SELECT payment, pack, coins, promotional, coins_back, promotional_back \
         FROM coin_order WHERE payment";
    const KEY: Type = Type::Blob;

    fn key(key: &PaymentId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(PaymentId, Self), StoreError> {
        let order = CoinOrder {
            payment: row.get(0)?,
            pack: row.get(1)?,
            coins: row.get(2)?,
            promotional: row.get(3)?,
            coins_back: row.get(4)?,
            promotional_back: row.get(5)?,
        };
        Ok((order.payment, order))
    }
}

/// What a payment is for, for a reader.
pub fn order(db: &mut impl Read, payment: PaymentId) -> Result<Option<CoinOrder>, StoreError> {
    let row = db.row(
        "SELECT payment, pack, coins, promotional, coins_back, promotional_back FROM coin_order WHERE payment = $1",
        params![payment],
    )?;
    let read = row.as_ref().map(<CoinOrder as Entity>::read).transpose()?;
    Ok(read.map(|(_, order)| order))
}
