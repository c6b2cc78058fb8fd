//! Rows of notices that were heard.

use busk_base::Timestamp;
use busk_store::{Entity, Insert, Row, StoreError, Tx, Type, Value, row};

use super::Heard;
use crate::providers::Notice;

/// A notice that was heard.
#[derive(Clone)]
pub(super) struct Known;

static NOTICE: Insert = Insert {
    table: "provider_notice",
    columns: &[
        ("id", Type::Text),
        ("provider", Type::Text),
        ("received_at", Type::Int),
        ("outcome", Type::Text),
        ("set_aside", Type::Text),
        ("body", Type::Text),
    ],
};

impl Heard {
    fn word(&self) -> &'static str {
        match self {
            Heard::Settled => "settled",
            Heard::Declined => "declined",
            Heard::Expired => "expired",
            Heard::Taken => "taken",
            Heard::Nothing | Heard::Again => "nothing",
            Heard::SetAside(_) => "set_aside",
        }
    }

    fn why(&self) -> Option<&'static str> {
        match self {
            Heard::SetAside(why) => Some(why),
            Heard::Settled
            | Heard::Declined
            | Heard::Expired
            | Heard::Taken
            | Heard::Nothing
            | Heard::Again => None,
        }
    }
}

impl Known {
    pub(super) fn add(
        tx: &mut Tx,
        provider: &'static str,
        notice: &Notice,
        heard: &Heard,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let body = serde_json::to_string(notice).map_err(|e| StoreError::Broken(e.to_string()))?;
        tx.insert(
            &NOTICE,
            row![notice.id.as_str(), provider, now, heard.word(), heard.why(), body],
        );
        tx.put::<Known>(notice.id.clone(), Known);
        Ok(())
    }
}

impl Entity for Known {
    type Key = String;
    const SELECT: &'static str = "SELECT id FROM provider_notice WHERE id";
    const KEY: Type = Type::Text;

    fn key(key: &String) -> Value {
        Value::from(key)
    }

    fn read(row: &Row) -> Result<(String, Self), StoreError> {
        Ok((row.get(0)?, Known))
    }
}
