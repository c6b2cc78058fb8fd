//! The sandbox: a payment provider without money, with its own checkout page, and with the bad habits of
//! the real ones: its notices come late, twice and out of order, signed as Standard Webhooks are
//! (<https://www.standardwebhooks.com>, v1: HMAC-SHA256 over `id.timestamp.body`).
//!
//! It knows its own checkouts only; what it says reaches the books like any provider's word, by
//! [`crate::notices::hear`].

mod http;
mod notice;
mod page;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use busk_api::Site;
use busk_base::{JobId, PaymentId, PersonId, Timestamp};
use busk_store::{Insert, Read, Row, Store, StoreError, Tx, Type, jobs, params, row};

use super::{
    About, Asked, Charge, Notice, Onboard, Onboarding, Opened, PaymentNotice, PaymentSaid, Provider,
    ProviderError, Refund, Settlement, Transfer,
};
pub use http::routes;
pub use notice::{SignatureError, sign, verify};

pub const PROVIDER: &str = "sandbox";
/// The job that delivers one notice.
pub const NOTICE_JOB: &str = "sandbox.notice";

/// The sandbox of a site. Clones share it.
#[derive(Clone)]
pub struct Sandbox(Arc<Parts>);

struct Parts {
    site: Site,
    secret: [u8; 32],
    /// Where its notices go: the site's own address for them.
    notices_url: String,
    client: reqwest::Client,
}

impl axum::extract::FromRef<Sandbox> for Site {
    fn from_ref(sandbox: &Sandbox) -> Self {
        sandbox.0.site.clone()
    }
}

impl Sandbox {
    /// `notices_url` is where this site can be reached from itself.
    pub fn new(site: Site, secret: [u8; 32], notices_url: String) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self(Arc::new(Parts {
            site,
            secret,
            notices_url,
            client,
        })))
    }

    fn site(&self) -> &Site {
        &self.0.site
    }

    fn checkout_url(&self, checkout: &str) -> String {
        format!("{}/sandbox/checkout/{checkout}", self.0.site.public_url())
    }
}

impl Provider for Sandbox {
    fn name(&self) -> &'static str {
        PROVIDER
    }

    fn checkout<'a>(&'a self, wanted: &'a super::Checkout) -> Asked<'a, Opened> {
        Box::pin(async move {
            let new = Checkout {
                checkout: URL_SAFE_NO_PAD.encode(&self.site().secret()[..24]),
                payment: wanted.payment,
                payer: wanted.payer,
                amount: wanted.amount.value,
                currency: wanted.amount.unit.code().to_owned(),
                description: wanted.description.clone(),
                return_to: wanted.return_to.clone(),
                keep_method: wanted.keep_method,
                expires_at: wanted.expires_at,
                outcome: None,
            };
            let opened = self.site().store().write(move |tx| new.clone().open(tx)).await;
            let checkout =
                opened.map_err(|error: StoreError| ProviderError::Unavailable(error.to_string()))?;
            Ok(Opened {
                url: self.checkout_url(&checkout),
                checkout,
            })
        })
    }

    fn charge<'a>(&'a self, _: &'a Charge) -> Asked<'a, ()> {
        Box::pin(async { Err(ProviderError::Refused("not yet".into())) })
    }

    fn refund<'a>(&'a self, _: &'a Refund) -> Asked<'a, ()> {
        Box::pin(async { Err(ProviderError::Refused("not yet".into())) })
    }

    fn onboard<'a>(&'a self, _: &'a Onboard) -> Asked<'a, Onboarding> {
        Box::pin(async { Err(ProviderError::Refused("not yet".into())) })
    }

    fn transfer<'a>(&'a self, _: &'a Transfer) -> Asked<'a, ()> {
        Box::pin(async { Err(ProviderError::Refused("not yet".into())) })
    }

    fn settlements<'a>(&'a self, _: Timestamp, _: Timestamp) -> Asked<'a, Vec<Settlement>> {
        Box::pin(async { Err(ProviderError::Refused("not yet".into())) })
    }
}

/// The secret that notices are signed with: kept, and made from `fresh` at first.
pub async fn secret(store: &Store, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
    store
        .write(move |tx| {
            let row = tx.row("SELECT secret FROM sandbox_secret WHERE id = 1", &[])?;
            let Some(row) = row else {
                tx.execute(
                    "INSERT INTO sandbox_secret (id, secret) VALUES (1, $1)",
                    params![fresh.to_vec()],
                )?;
                return Ok(fresh);
            };
            let kept: Vec<u8> = row.get(0)?;
            kept.try_into()
                .map_err(|_| StoreError::Broken("the sandbox's secret is not 32 bytes".into()))
        })
        .await
}

/// A checkout, as the provider sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkout {
    checkout: String,
    payment: PaymentId,
    payer: PersonId,
    amount: i64,
    currency: String,
    description: String,
    return_to: String,
    keep_method: bool,
    expires_at: Timestamp,
    outcome: Option<Outcome>,
}

/// What the payer chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Paid,
    Declined,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Outcome::Paid => "paid",
            Outcome::Declined => "declined",
        }
    }
}

static CHECKOUT: Insert = Insert {
    table: "sandbox_checkout",
    columns: &[
        ("checkout", Type::Text),
        ("payment", Type::Blob),
        ("payer", Type::Blob),
        ("amount", Type::Int),
        ("currency", Type::Text),
        ("description", Type::Text),
        ("return_to", Type::Text),
        ("keep_method", Type::Bool),
        ("expires_at", Type::Int),
    ],
};

impl Checkout {
    /// Opens it; gives the name of the one that is open for the same payment already.
    fn open(self, tx: &mut Tx) -> Result<String, StoreError> {
        let known = tx.row(
            "SELECT checkout FROM sandbox_checkout WHERE payment = $1",
            params![self.payment],
        )?;
        if let Some(row) = known {
            return row.get(0);
        }
        tx.insert(
            &CHECKOUT,
            row![
                self.checkout.as_str(),
                self.payment,
                self.payer,
                self.amount,
                self.currency,
                self.description,
                self.return_to,
                self.keep_method,
                self.expires_at
            ],
        );
        Ok(self.checkout)
    }

    /// Nothing can be paid there any more.
    fn is_expired(&self, now: Timestamp) -> bool {
        self.outcome.is_none() && self.expires_at <= now
    }

    fn find(db: &mut impl Read, checkout: &str) -> Result<Option<Self>, StoreError> {
        let row = db.row(
            "SELECT checkout, payment, payer, amount, currency, description, return_to, outcome, \
             expires_at, keep_method FROM sandbox_checkout WHERE checkout = $1",
            params![checkout],
        )?;
        row.as_ref().map(Self::read).transpose()
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        let outcome = match row.get::<Option<String>>(7)?.as_deref() {
            Some("paid") => Some(Outcome::Paid),
            Some("declined") => Some(Outcome::Declined),
            Some(other) => return Err(StoreError::Broken(format!("a checkout that is {other}"))),
            None => None,
        };
        Ok(Self {
            checkout: row.get(0)?,
            payment: row.get(1)?,
            payer: row.get(2)?,
            amount: row.get(3)?,
            currency: row.get(4)?,
            description: row.get(5)?,
            return_to: row.get(6)?,
            expires_at: row.get(8)?,
            keep_method: row.get(9)?,
            outcome,
        })
    }
}

/// When each notice of an outcome leaves, after the payer's choice: late, doubled and out of order on
/// purpose. The third repeats the second under the same id.
const SCHEDULE: [(PaymentSaid, u64, &str); 3] = [
    (PaymentSaid::Settled, 600, "settled"),
    (PaymentSaid::Pending, 1_500, "pending"),
    (PaymentSaid::Settled, 2_500, "settled"),
];

/// The payer's choice; the first one stands. Leaves the notices to be delivered.
fn decide(
    tx: &mut Tx,
    checkout: &str,
    outcome: Outcome,
    jobs: [JobId; 3],
    now: Timestamp,
) -> Result<Option<Checkout>, StoreError> {
    let Some(found) = Checkout::find(tx, checkout)? else {
        return Ok(None);
    };
    if found.outcome.is_some() || found.is_expired(now) {
        return Ok(Some(found));
    }
    tx.execute(
        "UPDATE sandbox_checkout SET outcome = $2 WHERE checkout = $1",
        params![checkout, outcome.word()],
    )?;
    for ((said, delay_ms, word), job) in SCHEDULE.into_iter().zip(jobs) {
        let declined = outcome == Outcome::Declined && said == PaymentSaid::Settled;
        let notice = Notice {
            id: format!("evt_{checkout}_{word}"),
            about: About::Payment(PaymentNotice {
                said: if declined { PaymentSaid::Declined } else { said },
                payment: found.payment,
                payer: found.payer,
                checkout: Some(found.checkout.clone()),
                charge: Some(format!("ch_{}", found.payment)),
                method: found.keep_method.then(|| format!("pm_{}", found.payment)),
                country: None,
                amount: found.amount,
                currency: found.currency.clone(),
            }),
        };
        let body = serde_json::to_string(&notice).map_err(|e| StoreError::Broken(e.to_string()))?;
        jobs::leave(tx, job, NOTICE_JOB, body, now + Duration::from_millis(delay_ms));
    }
    Ok(Some(Checkout {
        outcome: Some(outcome),
        ..found
    }))
}
