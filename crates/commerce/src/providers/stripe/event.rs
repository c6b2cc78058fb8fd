//! Stripe's events (<https://docs.stripe.com/api/events/types>) as notices. No I/O: bytes in, a notice out.
//!
//! Invariant: ids, amount and currency are the event's own, so that [`crate::notices::hear`] can weigh them; what is
//! not about this site's payments, refunds, disputes, payouts or creators says nothing.

use std::collections::HashMap;
use std::str::FromStr;

use busk_base::{DisputeId, RefundId, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::API_VERSION;
use crate::providers::{
    About, AccountNotice, DisputeNotice, DisputeSaid, Identity, Notice, PaymentNotice, PaymentSaid,
    PayoutNotice, PayoutSaid, RefundNotice, RefundSaid,
};

/// Of an event's own id; Stripe's have 28 letters.
const ID_BYTES_MAX: usize = 255;

/// Whether money is real: a key, a webhook and an event are of one mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Test,
    Live,
}

impl Mode {
    /// Of Stripe's `livemode`.
    pub fn of(live: bool) -> Self {
        match live {
            true => Mode::Live,
            false => Mode::Test,
        }
    }
}

/// What an event is to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Says(Notice),
    /// Why there is nothing to hear.
    Nothing(&'static str),
}

/// Why an event is not taken, in order of precedence. Stripe sends it again for three days.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    #[error("the event cannot be read: {0}")]
    Malformed(String),
    #[error("the webhook speaks version {0}; set it to {API_VERSION}")]
    Version(String),
    #[error("the event is of the other mode than the secret key")]
    Mode,
}

#[derive(Deserialize)]
struct Envelope {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    api_version: Option<String>,
    created: i64,
    livemode: bool,
    /// The connected account that it is of.
    account: Option<String>,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Value,
}

/// Reads an event whose signature was verified.
pub fn read(body: &[u8], mode: Mode) -> Result<Event, EventError> {
    let event: Envelope = parse(serde_json::from_slice(body))?;
    if event.id.is_empty() || event.id.len() > ID_BYTES_MAX {
        return Err(EventError::Malformed("id".into()));
    }
    let version = event.api_version.unwrap_or_default();
    if version != API_VERSION {
        return Err(EventError::Version(version.chars().take(40).collect()));
    }
    if Mode::of(event.livemode) != mode {
        // A webhook for connected accounts is told of both modes when it is live.
        return match event.account {
            Some(_) => Ok(Event::Nothing("a connected account in the other mode")),
            None => Err(EventError::Mode),
        };
    }
    let about = about(&event.kind, event.data.object, event.created)?;
    Ok(match about {
        Ok(about) => Event::Says(Notice { id: event.id, about }),
        Err(why) => Event::Nothing(why),
    })
}

/// What an event says, or why it says nothing.
type Said = Result<About, &'static str>;

const NOT_OURS: &str = "not of this site";

fn about(kind: &str, object: Value, created: i64) -> Result<Said, EventError> {
    match kind {
        "checkout.session.completed" => session(object, None),
        "checkout.session.async_payment_succeeded" => session(object, Some(PaymentSaid::Settled)),
        "checkout.session.async_payment_failed" => session(object, Some(PaymentSaid::Declined)),
        "checkout.session.expired" => session(object, Some(PaymentSaid::Expired)),
        "payment_intent.succeeded" => intent(object, PaymentSaid::Settled),
        "payment_intent.payment_failed" => intent(object, PaymentSaid::Declined),
        "refund.created" | "refund.updated" | "refund.failed" => refund(object),
        "charge.refunded" => Ok(Err("the refund's own events say it")),
        "charge.dispute.created" | "charge.dispute.funds_withdrawn" => dispute(object, false),
        "charge.dispute.closed" => dispute(object, true),
        "account.updated" => account(object, created),
        "transfer.created" => transfer(object, false),
        "transfer.reversed" => transfer(object, true),
        "payout.paid" | "payout.failed" => Ok(Err("between Stripe and the creator's bank")),
        _ => Ok(Err("of a kind that is not listened to")),
    }
}

fn parse<T>(parsed: serde_json::Result<T>) -> Result<T, EventError> {
    parsed.map_err(|error| EventError::Malformed(error.to_string()))
}

fn object<T: DeserializeOwned>(value: Value) -> Result<T, EventError> {
    parse(serde_json::from_value(value))
}

/// What we wrote on Stripe's objects.
type Metadata = Option<HashMap<String, String>>;

/// An id of ours, if the object has it.
fn ours<T: FromStr>(metadata: &Metadata, name: &str) -> Result<Option<T>, EventError> {
    let text = metadata.as_ref().and_then(|metadata| metadata.get(name));
    let parse =
        |text: &String| T::from_str(text).map_err(|_| EventError::Malformed(format!("metadata.{name}")));
    text.map(parse).transpose()
}

/// Ten bytes that stand for a name of Stripe's.
fn digest(name: &str) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&Sha256::digest(name)[..10]);
    bytes
}

/// Of Stripe's times, in seconds.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_us(seconds.saturating_mul(1_000_000).max(0))
}

#[derive(Deserialize)]
struct Session {
    id: String,
    payment_status: String,
    amount_total: Option<i64>,
    currency: Option<String>,
    payment_intent: Option<String>,
    customer: Option<String>,
    customer_details: Option<CustomerDetails>,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct CustomerDetails {
    address: Option<Address>,
}

#[derive(Deserialize)]
struct Address {
    country: Option<String>,
}

/// `said` is none where the session itself says whether it is paid.
fn session(value: Value, said: Option<PaymentSaid>) -> Result<Said, EventError> {
    let session: Session = object(value)?;
    let (payment, payer) = (
        ours(&session.metadata, "payment")?,
        ours(&session.metadata, "payer")?,
    );
    let (Some(payment), Some(payer)) = (payment, payer) else {
        return Ok(Err(NOT_OURS));
    };
    let (Some(amount), Some(currency)) = (session.amount_total, session.currency) else {
        return Err(EventError::Malformed("amount_total, currency".into()));
    };
    let said = said.unwrap_or(match session.payment_status.as_str() {
        "paid" => PaymentSaid::Settled,
        _ => PaymentSaid::Pending,
    });
    let address = session.customer_details.and_then(|details| details.address);
    Ok(Ok(About::Payment(PaymentNotice {
        said,
        payment,
        payer,
        checkout: Some(session.id),
        charge: session.payment_intent,
        method: session.customer,
        country: address.and_then(|address| address.country),
        amount,
        currency: currency.to_ascii_uppercase(),
    })))
}

#[derive(Deserialize)]
struct Intent {
    id: String,
    amount: i64,
    amount_received: i64,
    currency: String,
    customer: Option<String>,
    metadata: Metadata,
}

/// A renewal's. Of a checkout, whose intent names no payment, the session has the word: a declined card there may
/// be followed by another.
fn intent(value: Value, said: PaymentSaid) -> Result<Said, EventError> {
    let intent: Intent = object(value)?;
    let (payment, payer) = (
        ours(&intent.metadata, "payment")?,
        ours(&intent.metadata, "payer")?,
    );
    let (Some(payment), Some(payer)) = (payment, payer) else {
        return Ok(Err(NOT_OURS));
    };
    Ok(Ok(About::Payment(PaymentNotice {
        said,
        payment,
        payer,
        checkout: None,
        charge: Some(intent.id),
        method: intent.customer,
        country: None,
        amount: match said {
            PaymentSaid::Settled => intent.amount_received,
            PaymentSaid::Pending | PaymentSaid::Declined | PaymentSaid::Expired => intent.amount,
        },
        currency: intent.currency.to_ascii_uppercase(),
    })))
}

#[derive(Deserialize)]
struct Refund {
    id: String,
    amount: i64,
    currency: String,
    created: i64,
    status: Option<String>,
    metadata: Metadata,
}

fn refund(value: Value) -> Result<Said, EventError> {
    let refund: Refund = object(value)?;
    let said = match refund.status.as_deref() {
        Some("succeeded") => RefundSaid::Succeeded,
        Some("failed" | "canceled") => RefundSaid::Failed,
        _ => return Ok(Err("not decided yet")),
    };
    // One that was made at Stripe has no id of ours: under one that nobody knows, the operator hears of it.
    let id = ours(&refund.metadata, "refund")?;
    let id = id.unwrap_or_else(|| RefundId::new(at(refund.created), digest(&refund.id)));
    Ok(Ok(About::Refund(RefundNotice {
        said,
        refund: id,
        amount: refund.amount,
        currency: refund.currency.to_ascii_uppercase(),
    })))
}

#[derive(Deserialize)]
struct Dispute {
    id: String,
    amount: i64,
    currency: String,
    charge: String,
    payment_intent: Option<String>,
    created: i64,
    reason: String,
    status: String,
    #[serde(default)]
    balance_transactions: Vec<Withdrawal>,
}

#[derive(Deserialize)]
struct Withdrawal {
    amount: i64,
    fee: i64,
}

fn dispute(value: Value, closed: bool) -> Result<Said, EventError> {
    let dispute: Dispute = object(value)?;
    let said = match (closed, dispute.status.as_str()) {
        // An inquiry takes no money.
        (_, status) if status.starts_with("warning_") => return Ok(Err("an inquiry moves nothing")),
        (false, _) => DisputeSaid::Opened,
        (true, "won") => DisputeSaid::Won,
        (true, "lost") => DisputeSaid::Lost,
        (true, status) => return Err(EventError::Malformed(format!("closed as {status}"))),
    };
    let taken = dispute
        .balance_transactions
        .iter()
        .filter(|moved| moved.amount < 0);
    Ok(Ok(About::Dispute(DisputeNotice {
        said,
        id: DisputeId::new(at(dispute.created), digest(&dispute.id)),
        dispute: dispute.id,
        charge: dispute.payment_intent.unwrap_or(dispute.charge),
        amount: dispute.amount,
        fee: taken.fold(0, |fee, moved| fee.saturating_add(moved.fee)),
        currency: dispute.currency.to_ascii_uppercase(),
        reason: dispute.reason,
    })))
}

#[derive(Deserialize)]
struct Account {
    id: String,
    details_submitted: bool,
    payouts_enabled: bool,
    requirements: Option<Requirements>,
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Requirements {
    disabled_reason: Option<String>,
    currently_due: Option<Vec<String>>,
    pending_verification: Option<Vec<String>>,
}

fn account(value: Value, created: i64) -> Result<Said, EventError> {
    let account: Account = object(value)?;
    if ours::<busk_base::ChannelId>(&account.metadata, "channel")?.is_none() {
        return Ok(Err(NOT_OURS));
    }
    Ok(Ok(About::Account(AccountNotice {
        identity: identity(&account),
        account: account.id,
        at: at(created),
    })))
}

/// What Stripe thinks of a creator (<https://docs.stripe.com/connect/handling-api-verification>).
fn identity(account: &Account) -> Identity {
    let none = Requirements::default();
    let wanted = account.requirements.as_ref().unwrap_or(&none);
    let some = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    let reason = wanted.disabled_reason.as_deref().unwrap_or_default();
    if reason.starts_with("rejected.") {
        return Identity::Rejected;
    }
    match (account.payouts_enabled, account.details_submitted) {
        (true, _) => Identity::Verified,
        (false, true) if some(&wanted.currently_due) => Identity::Unverified,
        (false, true) if some(&wanted.pending_verification) || !reason.is_empty() => Identity::Pending,
        (false, _) => Identity::Unverified,
    }
}

#[derive(Deserialize)]
struct Transfer {
    amount: i64,
    amount_reversed: i64,
    currency: String,
    metadata: Metadata,
}

/// A transfer that was made is paid: what follows is between Stripe and the creator. One that was reversed in part
/// is not the payout's amount, and so set aside.
fn transfer(value: Value, reversed: bool) -> Result<Said, EventError> {
    let transfer: Transfer = object(value)?;
    let Some(payout) = ours(&transfer.metadata, "payout")? else {
        return Ok(Err(NOT_OURS));
    };
    let (said, amount) = match reversed {
        true => (PayoutSaid::Returned, transfer.amount_reversed),
        false => (PayoutSaid::Paid, transfer.amount),
    };
    Ok(Ok(About::Payout(PayoutNotice {
        said,
        payout,
        amount,
        currency: transfer.currency.to_ascii_uppercase(),
        reason: reversed.then(|| "the transfer was reversed at Stripe".to_owned()),
    })))
}
