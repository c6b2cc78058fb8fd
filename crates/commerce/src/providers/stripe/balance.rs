//! Balance transactions: every movement of the account's money, with Stripe's fee.

use busk_base::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::client::Client;
use super::event::at;
use crate::providers::{ProviderError, Settlement, SettlementKind};

/// Of a hundred lines each.
const PAGES_MAX: usize = 1_000;

#[derive(Deserialize)]
struct Page {
    data: Vec<Line>,
    has_more: bool,
}

#[derive(Deserialize)]
struct Line {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    amount: i64,
    fee: i64,
    currency: String,
    created: i64,
    source: Option<Value>,
}

/// All of a time, oldest first. Stripe counts in seconds and gives the newest first.
pub(super) async fn settlements(
    client: &Client,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Settlement>, ProviderError> {
    let (from, until) = (from.unix_s(), until.unix_s());
    let of_all = format!("limit=100&expand[]=data.source&created[gte]={from}&created[lt]={until}");
    let (mut lines, mut query) = (Vec::new(), of_all.clone());
    for _ in 0..PAGES_MAX {
        let page: Page = client.get("/v1/balance_transactions", &query).await?;
        let last = page.data.last().map(|line| line.id.clone());
        lines.extend(page.data.into_iter().map(settlement));
        match last {
            Some(last) if page.has_more => query = format!("{of_all}&starting_after={last}"),
            Some(_) | None => {
                lines.reverse();
                return Ok(lines);
            }
        }
    }
    Err(ProviderError::Refused(
        "too much was moved in this time: ask for less of it".into(),
    ))
}

fn settlement(line: Line) -> Settlement {
    let kind = kind(&line);
    Settlement {
        of: subject(&line, kind),
        kind,
        id: line.id,
        gross: line.amount,
        fee: line.fee,
        currency: line.currency.to_ascii_uppercase(),
        at: at(line.created),
    }
}

/// Of Stripe's types (<https://docs.stripe.com/reports/balance-transaction-types>).
fn kind(line: &Line) -> SettlementKind {
    let object = line
        .source
        .as_ref()
        .and_then(|source| source.get("object")?.as_str());
    match (line.kind.as_str(), object) {
        ("charge" | "payment", _) => SettlementKind::Payment,
        ("refund" | "payment_refund" | "refund_failure" | "payment_failure_refund", _) => {
            SettlementKind::Refund
        }
        ("adjustment", Some("dispute")) => SettlementKind::Dispute,
        ("transfer" | "transfer_refund" | "transfer_cancel" | "transfer_failure", _) => {
            SettlementKind::Payout
        }
        // Its own fees, payouts to the operator's bank, reserves.
        (_, _) => SettlementKind::Other,
    }
}

/// What the line is of: as we named it where we did, else as Stripe does.
fn subject(line: &Line, kind: SettlementKind) -> String {
    let text = |path: &str| {
        let found = line.source.as_ref()?.pointer(path)?.as_str()?;
        Some(found.to_owned())
    };
    let named = match kind {
        SettlementKind::Payment => text("/payment_intent"),
        SettlementKind::Refund => text("/metadata/refund"),
        SettlementKind::Payout => text("/metadata/payout").or_else(|| text("/transfer")),
        SettlementKind::Dispute | SettlementKind::Other => None,
    };
    named.or_else(|| text("/id")).unwrap_or_else(|| line.id.clone())
}
