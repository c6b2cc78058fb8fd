//! What the books have with a provider in a time: payments that came in; refunds, disputes and payouts that went out.

use busk_base::{DisputeId, PaymentId, PayoutId, RefundId, Timestamp};
use busk_store::{Read, Row, StoreError, params};

use super::Booked;
use crate::providers::SettlementKind;

/// All of them, by when they were booked.
pub fn booked(
    db: &mut impl Read,
    provider: &str,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Booked>, StoreError> {
    let mut all = payments(db, provider, from, until)?;
    all.extend(refunds(db, provider, from, until)?);
    all.extend(disputes(db, provider, from, until)?);
    all.extend(payouts(db, provider, from, until)?);
    Ok(all)
}

fn payments(
    db: &mut impl Read,
    provider: &str,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Booked>, StoreError> {
    let rows = db.rows(
        "SELECT id, charge, price, currency, settled_at FROM payment \
         WHERE state = 'paid' AND provider = $1 AND settled_at >= $2 AND settled_at < $3 ORDER BY settled_at",
        params![provider, from, until],
    )?;
    let booked = rows.iter().map(|row| {
        let charge: Option<String> = row.get(1)?;
        Ok(Booked {
            kind: SettlementKind::Payment,
            names: charge
                .into_iter()
                .chain([row.get::<PaymentId>(0)?.to_string()])
                .collect(),
            gross: row.get(2)?,
            fee: 0,
            currency: row.get(3)?,
            at: row.get(4)?,
        })
    });
    booked.collect()
}

/// Those that were granted and did not fail. Providers name them by our id.
fn refunds(
    db: &mut impl Read,
    provider: &str,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Booked>, StoreError> {
    let rows = db.rows(
        "SELECT r.id, r.amount, p.currency, a.at FROM refund r JOIN payment p ON p.id = r.payment \
         JOIN refund_act a ON a.refund = r.id AND a.state = 'granted' \
         WHERE r.state IN ('granted', 'done') AND p.provider = $1 AND a.at >= $2 AND a.at < $3 ORDER BY a.at",
        params![provider, from, until],
    )?;
    let booked = rows.iter().map(|row| {
        Ok(Booked {
            kind: SettlementKind::Refund,
            names: vec![row.get::<RefundId>(0)?.to_string()],
            gross: -row.get::<i64>(1)?,
            fee: 0,
            currency: row.get(2)?,
            at: row.get(3)?,
        })
    });
    booked.collect()
}

/// Each went out when it was opened, with its fee, and came in again if it was won.
fn disputes(
    db: &mut impl Read,
    provider: &str,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Booked>, StoreError> {
    let rows = db.rows(
        "SELECT d.id, d.name, d.amount, p.currency, d.opened_at, d.fee, d.state, d.changed_at \
         FROM dispute d JOIN payment p ON p.id = d.payment \
         WHERE p.provider = $1 AND ((d.opened_at >= $2 AND d.opened_at < $3) \
            OR (d.changed_at >= $2 AND d.changed_at < $3)) ORDER BY d.opened_at",
        params![provider, from, until],
    )?;
    let mut booked = Vec::new();
    for row in &rows {
        let (amount, won) = (row.get::<i64>(2)?, row.get::<String>(6)? == "won");
        let out = dispute(row, -amount, row.get(5)?, row.get(4)?)?;
        booked.extend(Some(out).filter(|out| (from..until).contains(&out.at)));
        let back = dispute(row, amount, 0, row.get(7)?)?;
        booked.extend(Some(back).filter(|back| won && (from..until).contains(&back.at)));
    }
    Ok(booked)
}

fn dispute(row: &Row, gross: i64, fee: i64, at: Timestamp) -> Result<Booked, StoreError> {
    Ok(Booked {
        kind: SettlementKind::Dispute,
        names: vec![row.get(1)?, row.get::<DisputeId>(0)?.to_string()],
        gross,
        fee,
        currency: row.get(3)?,
        at,
    })
}

/// Each went out when it was paid, and came in again if the bank sent it back. Providers name them by our id.
fn payouts(
    db: &mut impl Read,
    provider: &str,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Booked>, StoreError> {
    let rows = db.rows(
        "SELECT p.id, CASE WHEN a.act = 'pay' THEN -p.amount ELSE p.amount END, p.currency, a.at \
         FROM payout p JOIN payout_act a ON a.payout = p.id AND a.act IN ('pay', 'return') \
         WHERE p.provider = $1 AND a.at >= $2 AND a.at < $3 ORDER BY a.at",
        params![provider, from, until],
    )?;
    let booked = rows.iter().map(|row| {
        Ok(Booked {
            kind: SettlementKind::Payout,
            names: vec![row.get::<PayoutId>(0)?.to_string()],
            gross: row.get(1)?,
            fee: 0,
            currency: row.get(2)?,
            at: row.get(3)?,
        })
    });
    booked.collect()
}
