//! Rows of purchases and of providers' notices.

use busk_base::{PersonId, PurchaseId, Timestamp};
use busk_store::{Entity, Insert, Read, Row, StoreError, Tx, Type, Update, Value, params, row};

use super::{Heard, ProviderNotice, PurchaseState};

#[derive(Clone, Debug, PartialEq)]
pub struct Purchase {
    pub id: PurchaseId,
    pub person: PersonId,
    pub pack: String,
    pub coins: i64,
    /// In the currency's minor unit.
    pub price: i64,
    pub currency: String,
    pub state: PurchaseState,
    pub checkout: String,
    pub created_at: Timestamp,
}

static PURCHASE: Insert = Insert {
    table: "coin_purchase",
    columns: &[
        ("id", Type::Blob),
        ("person", Type::Blob),
        ("pack", Type::Text),
        ("coins", Type::Int),
        ("price", Type::Int),
        ("currency", Type::Text),
        ("state", Type::Text),
        ("checkout", Type::Text),
        ("created_at", Type::Int),
    ],
};

static STATE: Update = Update {
    table: "coin_purchase",
    columns: &[
        ("id", Type::Blob),
        ("state", Type::Text),
        ("settled_at", Type::Int),
    ],
};

impl PurchaseState {
    fn word(self) -> &'static str {
        match self {
            PurchaseState::Pending => "pending",
            PurchaseState::Paid => "paid",
            PurchaseState::Declined => "declined",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        let all = [
            PurchaseState::Pending,
            PurchaseState::Paid,
            PurchaseState::Declined,
        ];
        let found = all.into_iter().find(|state| state.word() == word);
        found.ok_or_else(|| StoreError::Broken(format!("a purchase in the state {word}")))
    }
}

impl Purchase {
    pub(super) fn add(self, tx: &mut Tx) {
        tx.insert(
            &PURCHASE,
            row![
                self.id,
                self.person,
                self.pack.as_str(),
                self.coins,
                self.price,
                self.currency.as_str(),
                self.state.word(),
                self.checkout.as_str(),
                self.created_at
            ],
        );
        tx.put::<Purchase>(self.id, self);
    }

    pub(super) fn becomes(self, tx: &mut Tx, state: PurchaseState, now: Timestamp) {
        tx.update(&STATE, row![self.id, state.word(), now]);
        tx.put::<Purchase>(self.id, Purchase { state, ..self });
    }
}

impl Entity for Purchase {
    type Key = PurchaseId;
    const SELECT: &'static str = "SELECT id, person, pack, coins, price, currency, state, checkout, \
         created_at FROM coin_purchase WHERE id";
    const KEY: Type = Type::Blob;

    fn key(key: &PurchaseId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(PurchaseId, Self), StoreError> {
        let purchase = read(row)?;
        Ok((purchase.id, purchase))
    }
}

fn read(row: &Row) -> Result<Purchase, StoreError> {
    Ok(Purchase {
        id: row.get(0)?,
        person: row.get(1)?,
        pack: row.get(2)?,
        coins: row.get(3)?,
        price: row.get(4)?,
        currency: row.get(5)?,
        state: PurchaseState::parse(&row.get::<String>(6)?)?,
        checkout: row.get(7)?,
        created_at: row.get(8)?,
    })
}

/// A person's own purchase; others' are unknown to them.
pub fn purchase(
    db: &mut impl Read,
    id: PurchaseId,
    person: PersonId,
) -> Result<Option<Purchase>, StoreError> {
    let row = db.row(
        "SELECT id, person, pack, coins, price, currency, state, checkout, created_at \
         FROM coin_purchase WHERE id = $1 AND person = $2",
        params![id, person],
    )?;
    row.as_ref().map(read).transpose()
}

/// A notice that was heard.
#[derive(Clone)]
pub(super) struct Notice;

static NOTICE: Insert = Insert {
    table: "provider_notice",
    columns: &[
        ("id", Type::Text),
        ("provider", Type::Text),
        ("received_at", Type::Int),
        ("outcome", Type::Text),
        ("body", Type::Text),
    ],
};

impl Notice {
    pub(super) fn add(
        tx: &mut Tx,
        provider: &'static str,
        notice: &ProviderNotice,
        heard: &Heard,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let outcome = match heard {
            Heard::Settled => "settled",
            Heard::Declined => "declined",
            Heard::Nothing | Heard::Again => "nothing",
            Heard::SetAside(why) => why,
        };
        let body = serde_json::to_string(notice).map_err(|e| StoreError::Broken(e.to_string()))?;
        tx.insert(&NOTICE, row![notice.id.as_str(), provider, now, outcome, body]);
        tx.put::<Notice>(notice.id.clone(), Notice);
        Ok(())
    }
}

impl Entity for Notice {
    type Key = String;
    const SELECT: &'static str = "SELECT id FROM provider_notice WHERE id";
    const KEY: Type = Type::Text;

    fn key(key: &String) -> Value {
        Value::from(key)
    }

    fn read(row: &Row) -> Result<(String, Self), StoreError> {
        Ok((row.get(0)?, Notice))
    }
}
