//! What the sandbox moved, with its fees: its report for the books to be compared with.

use busk_base::Timestamp;
use busk_store::{Insert, Read, Row, StoreError, Tx, Type, params, row};

use crate::providers::{ProviderError, Settlement, SettlementKind};

/// Lines of one report.
const LINES_MAX: i64 = 100_000;

static MOVEMENT: Insert = Insert {
    table: "sandbox_movement",
    columns: &[
        ("id", Type::Text),
        ("kind", Type::Text),
        ("subject", Type::Text),
        ("gross", Type::Int),
        ("fee", Type::Int),
        ("currency", Type::Text),
        ("at", Type::Int),
    ],
};

/// What a payment costs: 2.9 % and 30 of the currency's minor unit, half a unit rounded up.
pub(super) fn payment_fee(gross: i64) -> i64 {
    (gross * 290 + 5_000) / 10_000 + 30
}

/// What a dispute costs, whoever wins it.
pub(super) const DISPUTE_FEE: i64 = 1_500;

impl SettlementKind {
    const ALL: [Self; 5] = [
        Self::Payment,
        Self::Refund,
        Self::Dispute,
        Self::Payout,
        Self::Other,
    ];
}

/// Notes a movement.
pub(super) fn note(tx: &mut Tx, movement: Settlement) {
    let row = row![
        movement.id,
        movement.kind.word(),
        movement.of,
        movement.gross,
        movement.fee,
        movement.currency,
        movement.at
    ];
    tx.insert(&MOVEMENT, row);
}

/// All that was moved in a time, oldest first.
pub(super) fn between(
    db: &mut impl Read,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Settlement>, ProviderError> {
    let rows = db.rows(
        "SELECT id, kind, subject, gross, fee, currency, at FROM sandbox_movement \
         WHERE at >= $1 AND at < $2 ORDER BY at, id LIMIT $3",
        params![from, until, LINES_MAX + 1],
    )?;
    if rows.len() as i64 > LINES_MAX {
        return Err(ProviderError::Refused(
            "too much was moved in this time: ask for less of it".into(),
        ));
    }
    Ok(rows.iter().map(read).collect::<Result<_, StoreError>>()?)
}

fn read(row: &Row) -> Result<Settlement, StoreError> {
    let word: String = row.get(1)?;
    let kind = SettlementKind::ALL.into_iter().find(|kind| kind.word() == word);
    Ok(Settlement {
        id: row.get(0)?,
        kind: kind.ok_or_else(|| StoreError::Broken(format!("a movement of the kind {word}")))?,
        of: row.get(2)?,
        gross: row.get(3)?,
        fee: row.get(4)?,
        currency: row.get(5)?,
        at: row.get(6)?,
    })
}
