//! Payment providers: who takes money from cards and brings it to banks. One trait; every provider keeps its
//! own wire format to itself.
//!
//! A call here only *asks*. What became of it is said by a [`Notice`], which comes over HTTP to the provider's
//! own address, is verified there, and reaches the books by [`crate::notices::hear`] alone. Every call carries
//! an id of ours, which the provider takes as the idempotency key: asking again asks for the same.

mod inbox;
mod outgoing;
pub mod sandbox;
pub mod stripe;

use busk_base::{Amount, ChannelId, DisputeId, PaymentId, PayoutId, PersonId, RefundId, Timestamp};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

/// A provider, as commerce asks it. No card number, no bank account ever passes through here.
pub trait Provider: Send + Sync {
    /// Its name in rows: `sandbox`, `stripe`.
    fn name(&self) -> &'static str;

    /// Opens a page of the provider's at which one payment can be made.
    fn checkout<'a>(&'a self, wanted: &'a Checkout) -> Asked<'a, Opened>;

    /// Charges what was kept at an earlier payment, with nobody there: a renewal.
    fn charge<'a>(&'a self, wanted: &'a Charge) -> Asked<'a, ()>;

    /// Gives money back.
    fn refund<'a>(&'a self, wanted: &'a Refund) -> Asked<'a, ()>;

    /// Opens a page of the provider's at which a creator says who they are and where their bank is.
    fn onboard<'a>(&'a self, wanted: &'a Onboard) -> Asked<'a, Onboarding>;

    /// Sends money to a creator's bank.
    fn transfer<'a>(&'a self, wanted: &'a Transfer) -> Asked<'a, ()>;

    /// What the provider says that it moved in a time, to be compared with the books.
    fn settlements<'a>(&'a self, from: Timestamp, until: Timestamp) -> Asked<'a, Vec<Settlement>>;
}

/// A provider's answer, to come.
pub type Asked<'a, T> = BoxFuture<'a, Result<T, ProviderError>>;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// Not reached, busy, or failing: the same may be asked again.
    #[error("the payment provider is not available: {0}")]
    Unavailable(String),
    /// Refused for good, in the provider's words.
    #[error("the payment provider refused: {0}")]
    Refused(String),
}

/// A payment to be made at the provider's page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    pub payment: PaymentId,
    pub payer: PersonId,
    pub amount: Amount,
    /// What is paid for, in the payer's words.
    pub description: String,
    /// The page of this site that the provider's leads back to: a path.
    pub return_to: String,
    pub expires_at: Timestamp,
    /// Whether the means of payment is kept for renewals.
    pub keep_method: bool,
}

/// A page to pay at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The provider's name for it.
    pub checkout: String,
    pub url: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    pub payment: PaymentId,
    pub payer: PersonId,
    /// What the provider kept, in its words.
    pub method: String,
    pub amount: Amount,
    pub description: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    pub refund: RefundId,
    pub payment: PaymentId,
    /// The provider's name for the charge.
    pub charge: String,
    /// In the currency's minor unit.
    pub amount: i64,
    pub currency: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Onboard {
    pub channel: ChannelId,
    /// The provider's name for the creator, where it has one already.
    pub account: Option<String>,
    /// A path of this site.
    pub return_to: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Onboarding {
    pub account: String,
    pub url: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    pub payout: PayoutId,
    pub account: String,
    /// In the currency's minor unit.
    pub amount: i64,
    pub currency: String,
}

/// A line of a provider's report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Settlement {
    /// The provider's name for the movement.
    pub id: String,
    pub kind: SettlementKind,
    /// What it is of: of a payment the provider's name for the charge, of a refund our [`RefundId`], of a dispute
    /// the provider's name, of a payout our [`PayoutId`]. What the provider did without us, it names itself.
    pub of: String,
    /// What came in, or went out (negative), before the fee; in the currency's minor unit.
    pub gross: i64,
    /// What the provider kept.
    pub fee: i64,
    pub currency: String,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SettlementKind {
    Payment,
    Refund,
    Dispute,
    Payout,
    Other,
}

impl SettlementKind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            SettlementKind::Payment => "payment",
            SettlementKind::Refund => "refund",
            SettlementKind::Dispute => "dispute",
            SettlementKind::Payout => "payout",
            SettlementKind::Other => "other",
        }
    }
}

/// What a provider says by itself, after its signature was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The notice's own id: the same again counts once.
    pub id: String,
    #[serde(flatten)]
    pub about: About,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "lowercase")]
pub enum About {
    Payment(PaymentNotice),
    Refund(RefundNotice),
    Dispute(DisputeNotice),
    Payout(PayoutNotice),
    Account(AccountNotice),
}

/// All of it must be the payment's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentNotice {
    pub said: PaymentSaid,
    pub payment: PaymentId,
    pub payer: PersonId,
    /// The provider's name for the page that was paid at; none for a renewal.
    pub checkout: Option<String>,
    /// The provider's name for the charge, by which refunds and disputes are told.
    pub charge: Option<String>,
    /// What the provider kept for renewals.
    pub method: Option<String>,
    /// ISO 3166-1 alpha-2: where the payer's means of payment is from.
    pub country: Option<String>,
    /// In the currency's minor unit.
    pub amount: i64,
    pub currency: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PaymentSaid {
    /// The card was presented; nothing is certain yet.
    Pending,
    Settled,
    Declined,
    /// The page can no longer be paid at.
    Expired,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundNotice {
    pub said: RefundSaid,
    pub refund: RefundId,
    pub amount: i64,
    pub currency: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefundSaid {
    Succeeded,
    Failed,
}

/// A payer's bank takes money back, or gives it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputeNotice {
    pub said: DisputeSaid,
    /// The provider's name for the dispute.
    pub dispute: String,
    /// Ours, made of the provider's: the dispute's postings are named after it. The notice has an `id` beside it.
    #[serde(rename = "dispute_id")]
    pub id: DisputeId,
    pub charge: String,
    pub amount: i64,
    /// What the provider takes for it.
    pub fee: i64,
    pub currency: String,
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DisputeSaid {
    Opened,
    Won,
    Lost,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutNotice {
    pub said: PayoutSaid,
    pub payout: PayoutId,
    pub amount: i64,
    pub currency: String,
    /// Why it failed, in the provider's words.
    pub reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PayoutSaid {
    Paid,
    /// It never reached the bank.
    Failed,
    /// The bank sent it back.
    Returned,
}

/// A creator's identity, as the provider knows it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountNotice {
    pub account: String,
    pub identity: Identity,
    /// When the provider says that it was so: an older word changes nothing.
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Identity {
    /// Nothing was said yet, or more is wanted.
    Unverified,
    Pending,
    Verified,
    Rejected,
}
