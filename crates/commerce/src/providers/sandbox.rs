//! The sandbox: a payment provider without money, with its own checkout page, and with the bad habits of
//! the real ones: its notices come late, twice and out of order, signed as Standard Webhooks are
//! (<https://www.standardwebhooks.com>, v1: HMAC-SHA256 over `id.timestamp.body`).
//!
//! It knows its own checkouts only; what it says reaches the books like any provider's word, by
//! [`crate::coins::hear`].

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
use busk_base::{JobId, PersonId, PurchaseId, Timestamp};
use busk_store::{Insert, Read, Row, Store, StoreError, Tx, Type, jobs, params, row};

use crate::coins::{CHECKOUT_LASTS, NoticeKind, ProviderNotice, Purchase};
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

    /// A name for a checkout that nobody can guess.
    pub fn new_checkout(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0.site.secret()[..24])
    }

    pub fn checkout_url(&self, checkout: &str) -> String {
        format!("{}/sandbox/checkout/{checkout}", self.0.site.public_url())
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
    purchase: PurchaseId,
    payer: PersonId,
    amount: i64,
    currency: String,
    description: String,
    return_to: String,
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
        ("purchase", Type::Blob),
        ("payer", Type::Blob),
        ("amount", Type::Int),
        ("currency", Type::Text),
        ("description", Type::Text),
        ("return_to", Type::Text),
        ("expires_at", Type::Int),
    ],
};

impl Checkout {
    pub fn of(purchase: &Purchase, return_to: &str) -> Self {
        Self {
            checkout: purchase.checkout.clone(),
            purchase: purchase.id,
            payer: purchase.person,
            amount: purchase.price,
            currency: purchase.currency.clone(),
            description: format!("{} coins", purchase.coins),
            return_to: return_to.to_owned(),
            expires_at: purchase.created_at + CHECKOUT_LASTS,
            outcome: None,
        }
    }

    pub fn add(self, tx: &mut Tx) {
        let Self {
            checkout,
            purchase,
            payer,
            amount,
            currency,
            description,
            return_to,
            expires_at,
            ..
        } = self;
        tx.insert(
            &CHECKOUT,
            row![
                checkout,
                purchase,
                payer,
                amount,
                currency,
                description,
                return_to,
                expires_at
            ],
        );
    }

    /// Nothing can be paid there any more.
    fn is_expired(&self, now: Timestamp) -> bool {
        self.outcome.is_none() && self.expires_at <= now
    }

    fn find(db: &mut impl Read, checkout: &str) -> Result<Option<Self>, StoreError> {
        let row = db.row(
            "SELECT checkout, purchase, payer, amount, currency, description, return_to, outcome, \
             expires_at FROM sandbox_checkout WHERE checkout = $1",
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
            purchase: row.get(1)?,
            payer: row.get(2)?,
            amount: row.get(3)?,
            currency: row.get(4)?,
            description: row.get(5)?,
            return_to: row.get(6)?,
            expires_at: row.get(8)?,
            outcome,
        })
    }
}

/// When each notice of an outcome leaves, after the payer's choice: late, doubled and out of order on
/// purpose. The third repeats the second under the same id.
const SCHEDULE: [(NoticeKind, u64, &str); 3] = [
    (NoticeKind::Settled, 600, "settled"),
    (NoticeKind::Pending, 1_500, "pending"),
    (NoticeKind::Settled, 2_500, "settled"),
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
    for ((kind, delay_ms, word), job) in SCHEDULE.into_iter().zip(jobs) {
        let declined = outcome == Outcome::Declined && kind == NoticeKind::Settled;
        let notice = ProviderNotice {
            id: format!("evt_{checkout}_{word}"),
            kind: if declined { NoticeKind::Declined } else { kind },
            checkout: found.checkout.clone(),
            order: found.purchase,
            payer: found.payer,
            amount: found.amount,
            currency: found.currency.clone(),
        };
        let body = serde_json::to_string(&notice).map_err(|e| StoreError::Broken(e.to_string()))?;
        jobs::leave(tx, job, NOTICE_JOB, body, now + Duration::from_millis(delay_ms));
    }
    Ok(Some(Checkout {
        outcome: Some(outcome),
        ..found
    }))
}
