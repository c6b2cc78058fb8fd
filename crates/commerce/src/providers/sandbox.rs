//! The sandbox: a payment provider without money, as an outside world of its own: cards, banks and creators that
//! behave as their buttons say. It has the bad habits of the real ones: its notices come late, twice and out of
//! order, signed as Standard Webhooks are (<https://www.standardwebhooks.com>, v1: HMAC-SHA256 over
//! `id.timestamp.body`).
//!
//! Invariant: it knows its own tables (`sandbox_*`) only; what it says reaches the books like any provider's word,
//! by [`crate::notices::hear`].

mod card;
mod charge;
mod checkout;
mod creator;
mod dispute;
mod http;
mod movements;
mod notice;
mod outbox;
mod page;
mod schema;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use busk_api::Site;
use busk_base::Timestamp;
use busk_store::{Read, Store, StoreError, Tx, params};

use self::checkout::Checkout;
use self::creator::{Account, Bank};
use super::{
    Asked, Charge, Identity, Onboard, Onboarding, Opened, Provider, ProviderError, Refund, Settlement,
    Transfer, outgoing,
};
pub use http::routes;
pub use notice::{SignatureError, sign, verify};
pub(crate) use schema::OUTSIDE_WORLD;

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
    is_open: bool,
}

impl axum::extract::FromRef<Sandbox> for Site {
    fn from_ref(sandbox: &Sandbox) -> Self {
        sandbox.0.site.clone()
    }
}

impl Sandbox {
    /// `notices_url` is where this site can be reached from itself. A sandbox that is not open takes no payments
    /// any more, since nothing stands behind them; it sees to earlier ones.
    pub fn new(
        site: Site,
        secret: [u8; 32],
        notices_url: String,
        is_open: bool,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self(Arc::new(Parts {
            site,
            secret,
            notices_url,
            client: outgoing::client()?,
            is_open,
        })))
    }

    fn site(&self) -> &Site {
        &self.0.site
    }

    /// A name that nobody can guess: whoever knows it may act at the page.
    fn name(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.site().secret()[..24])
    }

    fn is_open(&self) -> Result<(), ProviderError> {
        match self.0.is_open {
            true => Ok(()),
            false => Err(ProviderError::Refused(
                "the sandbox takes no payments beside a real provider".into(),
            )),
        }
    }

    /// Does what it is asked to in a transaction of its own.
    async fn write<T: Send + 'static>(
        &self,
        ask: impl Fn(&mut Tx, Timestamp) -> Result<T, ProviderError> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let now = self.site().now();
        self.site().store().write(move |tx| ask(tx, now)).await
    }
}

impl From<StoreError> for ProviderError {
    fn from(error: StoreError) -> Self {
        ProviderError::Unavailable(error.to_string())
    }
}

impl Provider for Sandbox {
    fn name(&self) -> &'static str {
        PROVIDER
    }

    fn checkout<'a>(&'a self, wanted: &'a super::Checkout) -> Asked<'a, Opened> {
        Box::pin(async move {
            self.is_open()?;
            let new = Checkout {
                checkout: self.name(),
                payment: wanted.payment,
                payer: wanted.payer,
                amount: wanted.amount.value,
                currency: wanted.amount.unit.code().to_owned(),
                description: wanted.description.clone(),
                return_to: wanted.return_to.clone(),
                keep_method: wanted.keep_method,
                expires_at: wanted.expires_at,
                card: None,
                outcome: None,
            };
            let checkout = self.write(move |tx, _| Ok(new.clone().open(tx)?)).await?;
            let url = format!("{}/sandbox/checkout/{checkout}", self.site().public_url());
            Ok(Opened { checkout, url })
        })
    }

    fn charge<'a>(&'a self, wanted: &'a Charge) -> Asked<'a, ()> {
        Box::pin(async move {
            self.is_open()?;
            let wanted = wanted.clone();
            self.write(move |tx, now| charge::renew(tx, &wanted, now)).await
        })
    }

    fn refund<'a>(&'a self, wanted: &'a Refund) -> Asked<'a, ()> {
        Box::pin(async move {
            let wanted = wanted.clone();
            self.write(move |tx, now| charge::refund(tx, &wanted, now)).await
        })
    }

    fn onboard<'a>(&'a self, wanted: &'a Onboard) -> Asked<'a, Onboarding> {
        Box::pin(async move {
            let new = Account {
                account: format!("acct_{}", self.name()),
                channel: wanted.channel,
                identity: Identity::Unverified,
                bank: Bank::Takes,
                return_to: wanted.return_to.clone(),
            };
            let account = self.write(move |tx, _| Ok(new.clone().open(tx)?)).await?;
            if wanted.account.as_ref().is_some_and(|known| *known != account) {
                return Err(ProviderError::Refused("resource_missing: no such account".into()));
            }
            let url = format!("{}/sandbox/account/{account}", self.site().public_url());
            Ok(Onboarding { account, url })
        })
    }

    fn transfer<'a>(&'a self, wanted: &'a Transfer) -> Asked<'a, ()> {
        Box::pin(async move {
            let wanted = wanted.clone();
            self.write(move |tx, now| creator::transfer(tx, &wanted, now))
                .await
        })
    }

    fn settlements<'a>(&'a self, from: Timestamp, until: Timestamp) -> Asked<'a, Vec<Settlement>> {
        Box::pin(async move {
            let store = self.site().store();
            store.read(move |db| movements::between(db, from, until)).await
        })
    }
}

/// The sandbox's report of a time, read without a site.
pub fn report(
    db: &mut impl Read,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Settlement>, ProviderError> {
    movements::between(db, from, until)
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
