//! A batch: approved payouts that leave in one file, which the operator gives to the bank. Euros leave as SEPA credit
//! transfers, anything else as a table.
//!
//! Invariant: a payout is in one batch at most, and is sent from the moment on in which it is in it. The file of a
//! batch is the same whenever it is made; it is not kept, since it has the accounts in the clear.

mod csv;
mod pain;

use busk_base::{Currency, PayoutBatchId, PersonId, Timestamp};
use busk_rooms::restream::SealingKey;
use busk_store::{Read, Row, StoreError, Tx, params};

use super::bank::{BankDetails, BankError};
use super::{Payee, Payout, outcome, sql};
use crate::accounts::CURRENCY;

/// Payouts in one batch; more go with the next.
const PAYOUTS_MAX: i64 = 500;

/// A batch as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub id: PayoutBatchId,
    pub currency: String,
    /// Whose account it is paid from; known for euros, whose file names it.
    pub debtor: Option<BankDetails>,
    pub payouts: i64,
    /// In the currency's minor unit.
    pub amount: i64,
    pub made_by: PersonId,
    pub made_at: Timestamp,
}

/// A file for the bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub name: String,
    pub content_type: &'static str,
    pub text: String,
}

/// One line of a file.
struct Credit {
    payout: Payout,
    to: BankDetails,
}

/// Why no batch was made, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BatchError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("This id was used for another operator's batch")]
    IdReused(PayoutBatchId),
    #[error("Say whose account the payouts are paid from")]
    DebtorMissing,
    #[error("No approved payout goes to a bank account")]
    Nothing,
}

/// Puts what is approved into a batch: it is sent.
pub fn make(
    tx: &mut Tx,
    id: PayoutBatchId,
    operator: PersonId,
    debtor: Option<&BankDetails>,
    now: Timestamp,
) -> Result<Batch, BatchError> {
    // First, so that a retry beats every later refusal.
    if let Some(past) = batch(tx, id)? {
        return if past.made_by == operator {
            Ok(past)
        } else {
            Err(BatchError::IdReused(id))
        };
    }
    if CURRENCY == Currency::EUR && debtor.is_none() {
        return Err(BatchError::DebtorMissing);
    }
    let payouts = sql::for_the_bank(tx, CURRENCY.code(), PAYOUTS_MAX)?;
    if payouts.is_empty() {
        return Err(BatchError::Nothing);
    }

    let made = Batch {
        id,
        currency: CURRENCY.code().to_owned(),
        debtor: debtor.cloned(),
        payouts: payouts.len() as i64,
        amount: payouts.iter().map(|payout| payout.amount).sum(),
        made_by: operator,
        made_at: now,
    };
    for payout in payouts {
        let batch = Some(id);
        outcome::sent(tx, Payout { batch, ..payout }, Some(operator), now);
    }
    tx.execute(
        "INSERT INTO payout_batch (id, currency, debtor_name, debtor_iban, payouts, amount, made_by, made_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![
            id,
            made.currency.as_str(),
            debtor.map(|debtor| debtor.name.as_str()),
            debtor.map(|debtor| debtor.iban.as_str()),
            made.payouts,
            made.amount,
            operator,
            now
        ],
    )?;
    Ok(made)
}

/// Reads a batch.
pub fn batch(db: &mut impl Read, id: PayoutBatchId) -> Result<Option<Batch>, StoreError> {
    let row = db.row(
        "SELECT id, currency, debtor_name, debtor_iban, payouts, amount, made_by, made_at FROM payout_batch \
         WHERE id = $1",
        params![id],
    )?;
    row.as_ref().map(read).transpose()
}

/// The newest batches.
pub fn newest(db: &mut impl Read, max: i64) -> Result<Vec<Batch>, StoreError> {
    let rows = db.rows(
        "SELECT id, currency, debtor_name, debtor_iban, payouts, amount, made_by, made_at FROM payout_batch \
         ORDER BY made_at DESC, id LIMIT $1",
        params![max],
    )?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Batch, StoreError> {
    let (name, iban): (Option<String>, Option<String>) = (row.get(2)?, row.get(3)?);
    let debtor = name.zip(iban).map(|(name, iban)| BankDetails::new(&name, &iban));
    let broken = |error: BankError| StoreError::Broken(format!("a batch's own account {error}"));
    Ok(Batch {
        id: row.get(0)?,
        currency: row.get(1)?,
        debtor: debtor.transpose().map_err(broken)?,
        payouts: row.get(4)?,
        amount: row.get(5)?,
        made_by: row.get(6)?,
        made_at: row.get(7)?,
    })
}

/// The file of a batch.
pub fn file(db: &mut impl Read, batch: &Batch, key: &SealingKey) -> Result<File, StoreError> {
    let credits = sql::of_batch(db, batch.id)?.into_iter();
    let credits = credits.map(|payout| {
        let to = match &payout.payee {
            Payee::Bank { sealed, .. } => BankDetails::open(key, payout.channel, sealed),
            Payee::Provider { .. } => None,
        };
        let unreadable = || {
            StoreError::Broken(format!(
                "the bank details of payout {} cannot be opened",
                payout.id
            ))
        };
        let to = to.ok_or_else(unreadable)?;
        Ok(Credit { payout, to })
    });
    let credits: Vec<Credit> = credits.collect::<Result<_, StoreError>>()?;
    let name = format!("payouts-{}", batch.id);
    Ok(match &batch.debtor {
        Some(debtor) if batch.currency == Currency::EUR.code() => File {
            name: format!("{name}.xml"),
            content_type: "application/xml; charset=utf-8",
            text: pain::file(batch, debtor, &credits),
        },
        _ => File {
            name: format!("{name}.csv"),
            content_type: "text/csv; charset=utf-8",
            text: csv::file(&credits),
        },
    })
}

/// `12.34`: both kinds of file write amounts so.
fn decimal(minor: i64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

/// An id without its hyphens: the 35 characters of ISO 20022's `Max35Text` hold no more.
fn short(id: uuid::Uuid) -> String {
    id.simple().to_string()
}

#[cfg(test)]
mod tests {
    use busk_base::{ChannelId, PayoutId};
    use uuid::Uuid;

    use super::super::PayoutState;
    use super::*;

    fn batch(currency: &str) -> Batch {
        Batch {
            id: PayoutBatchId(Uuid::from_u128(9)),
            currency: currency.into(),
            debtor: BankDetails::new("Busk & Söhne GmbH", "DE89370400440532013000").ok(),
            payouts: 2,
            amount: 100_000_002_005,
            made_by: PersonId(Uuid::from_u128(1)),
            made_at: Timestamp::from_unix_us(1_795_252_800_123_000),
        }
    }

    fn credits(names: [&str; 2]) -> Vec<Credit> {
        let credit = |(number, name): (u128, &str)| Credit {
            payout: Payout {
                id: PayoutId(Uuid::from_u128(number)),
                channel: ChannelId(Uuid::from_u128(1)),
                amount: [2_005, 99_999_999_999][(number - 1) as usize],
                currency: "EUR".into(),
                payee: Payee::Bank {
                    sealed: Vec::new(),
                    shown: String::new(),
                },
                state: PayoutState::Sent,
                reason: None,
                batch: None,
                acts: 0,
                requested_at: Timestamp::from_unix_us(0),
                changed_at: Timestamp::from_unix_us(0),
            },
            to: BankDetails::new(name, "FR1420041010050500013M02606").unwrap(),
        };
        [1, 2].into_iter().zip(names).map(credit).collect()
    }

    #[test]
    fn euros_leave_as_sepa_credit_transfers() {
        let text = pain::file(
            &batch("EUR"),
            &batch("EUR").debtor.unwrap(),
            &credits(["Zoë </Nm> Łuk & Co", "=1+1"]),
        );
        for part in [
            "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.09\">",
            "<MsgId>00000000000000000000000000000009</MsgId>",
            "<CreDtTm>2026-11-21T09:20:00Z</CreDtTm>",
            "<CtrlSum>1000000020.04</CtrlSum>",
            "<Nm>Busk + Soehne GmbH</Nm>",
            "<ReqdExctnDt><Dt>2026-11-21</Dt></ReqdExctnDt>",
            "<EndToEndId>00000000000000000000000000000001</EndToEndId>",
            "<InstdAmt Ccy=\"EUR\">20.05</InstdAmt>",
            "<InstdAmt Ccy=\"EUR\">999999999.99</InstdAmt>",
            "<Nm>Zoe ./Nm. Luk + Co</Nm>",
            "<Nm>.1+1</Nm>",
            "<IBAN>FR1420041010050500013M02606</IBAN>",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert_eq!(text.matches("<NbOfTxs>2</NbOfTxs>").count(), 2);
        assert_eq!(text.matches("<CdtTrfTxInf>").count(), 2);
        assert!(text.is_ascii(), "banks know few letters:\n{text}");
        assert_closed(&text);
    }

    /// Every element that is opened is closed, in order.
    fn assert_closed(xml: &str) {
        let mut open: Vec<&str> = Vec::new();
        for tag in xml.split('<').skip(1).filter(|tag| !tag.starts_with('?')) {
            let tag = tag.split('>').next().unwrap();
            match tag.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop(), Some(name), "{xml}"),
                None => open.push(tag.split(' ').next().unwrap()),
            }
        }
        assert_eq!(open, Vec::<&str>::new());
    }

    #[test]
    fn a_table_starts_no_formula_and_keeps_its_columns() {
        let text = csv::file(&credits(["Zoë \"Z\", Łuk", "=HYPERLINK(\"x\")"]));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "payout,name,iban,amount,currency");
        assert_eq!(
            lines[1],
            "00000000-0000-0000-0000-000000000001,\"Zoë \"\"Z\"\", Łuk\",FR1420041010050500013M02606,20.05,EUR"
        );
        assert!(lines[2].contains(",\"'=HYPERLINK(\"\"x\"\")\","), "{}", lines[2]);
        assert_eq!(lines.len(), 3);
    }
}
