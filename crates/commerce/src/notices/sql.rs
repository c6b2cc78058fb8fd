//! Rows of notices that were heard.

use busk_base::Timestamp;
use busk_store::{Entity, Insert, Read, Row, StoreError, Tx, Type, Value, params, row};

use super::Heard;
use crate::providers::{About, Notice};

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
        ("waits_for", Type::Text),
        ("body", Type::Text),
    ],
};

impl Heard {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Heard::Settled => "settled",
            Heard::Declined => "declined",
            Heard::Expired => "expired",
            Heard::Taken => "taken",
            Heard::GivenBack => "given_back",
            Heard::Refunded => "refunded",
            Heard::RefundFailed => "refund_failed",
            Heard::Disputed => "disputed",
            Heard::DisputeWon => "dispute_won",
            Heard::DisputeLost => "dispute_lost",
            Heard::Waiting => "waiting",
            Heard::Nothing | Heard::Again => "nothing",
            Heard::SetAside(_) => "set_aside",
        }
    }

    pub(super) fn why(&self) -> Option<&'static str> {
        match self {
            Heard::SetAside(why) => Some(why),
            Heard::Settled
            | Heard::Declined
            | Heard::Expired
            | Heard::Taken
            | Heard::GivenBack
            | Heard::Refunded
            | Heard::RefundFailed
            | Heard::Disputed
            | Heard::DisputeWon
            | Heard::DisputeLost
            | Heard::Waiting
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
            row![
                notice.id.as_str(),
                provider,
                now,
                heard.word(),
                heard.why(),
                waits_for(notice, heard),
                body
            ],
        );
        tx.put::<Known>(notice.id.clone(), Known);
        Ok(())
    }
}

/// The charge whose payment a notice waits for.
fn waits_for<'a>(notice: &'a Notice, heard: &Heard) -> Option<&'a str> {
    match (heard, &notice.about) {
        (Heard::Waiting, About::Dispute(said)) => Some(&said.charge),
        _ => None,
    }
}

/// The notices that wait for a charge's payment, in the order in which they came.
pub(super) fn waiting_for(tx: &mut Tx, provider: &str, charge: &str) -> Result<Vec<Notice>, StoreError> {
    let rows = tx.rows(
        "SELECT body FROM provider_notice WHERE waits_for = $1 AND provider = $2 ORDER BY received_at, id",
        params![charge, provider],
    )?;
    rows.iter().map(|row| parse(&row.get::<String>(0)?)).collect()
}

/// Notes what came of a notice that was heard once more.
pub(super) fn heard_again(tx: &mut Tx, notice: &Notice, heard: &Heard) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE provider_notice SET outcome = $2, set_aside = $3, waits_for = $4 WHERE id = $1",
        params![
            notice.id.as_str(),
            heard.word(),
            heard.why(),
            waits_for(notice, heard)
        ],
    )?;
    Ok(())
}

pub(super) fn parse(body: &str) -> Result<Notice, StoreError> {
    serde_json::from_str(body).map_err(|e| StoreError::Broken(format!("a notice that cannot be read: {e}")))
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
