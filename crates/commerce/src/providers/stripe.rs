//! Stripe (<https://docs.stripe.com/api>), by its HTTP interface alone.
//!
//! ```text
//!   checkout ─► Checkout Session ┐
//!   charge   ─► PaymentIntent    │
//!   refund   ─► Refund           ├─ events ─► webhook (signature) ─► event (one notice each) ─► notices::hear
//!   onboard  ─► Express account  │
//!   transfer ─► Transfer         ┘            settlements ◄─ balance transactions
//! ```
//!
//! Invariant: every request names the version of the interface and, where it changes something, an idempotency key
//! made of our id; what comes of it is believed from signed events alone.
//!
//! Amounts are in the currency's smallest unit on both sides. Stripe counts the francs and yen of its zero-decimal
//! currencies as ISO 4217 does, whose minor unit they are; so nothing is converted.

mod balance;
mod charge;
mod checkout;
mod client;
mod config;
mod connect;
mod event;
mod http;
mod refund;
#[cfg(test)]
mod tests;
mod webhook;

use std::sync::Arc;

use busk_api::Site;
use busk_base::Timestamp;

use self::client::Client;
use super::{
    Asked, Charge, Checkout, Onboard, Onboarding, Opened, Provider, ProviderError, Refund, Settlement,
    Transfer,
};
pub use config::{StripeConfig, StripeConfigError};
pub use event::{Event, EventError, Mode, read};
pub use http::{Door, routes};
pub use webhook::{SignatureError, sign, verify};

pub const PROVIDER: &str = "stripe";
/// The version of Stripe's interface that all requests name, and that the webhook must be set to.
pub const API_VERSION: &str = "2025-08-27.basil";

/// Stripe, as this site asks it. Clones share it.
#[derive(Clone)]
pub struct Stripe(Arc<Parts>);

struct Parts {
    site: Site,
    config: StripeConfig,
    client: Client,
}

impl Stripe {
    pub fn new(site: Site, config: StripeConfig) -> Result<Self, reqwest::Error> {
        let client = Client::new(&config)?;
        Ok(Self(Arc::new(Parts { site, config, client })))
    }

    fn client(&self) -> &Client {
        &self.0.client
    }

    /// A page of this site, for Stripe's pages to lead back to.
    fn page(&self, path: &str) -> String {
        format!("{}{path}", self.0.site.public_url())
    }
}

impl Provider for Stripe {
    fn name(&self) -> &'static str {
        PROVIDER
    }

    fn checkout<'a>(&'a self, wanted: &'a Checkout) -> Asked<'a, Opened> {
        Box::pin(checkout::open(self, wanted))
    }

    fn charge<'a>(&'a self, wanted: &'a Charge) -> Asked<'a, ()> {
        Box::pin(charge::renew(self, wanted))
    }

    fn refund<'a>(&'a self, wanted: &'a Refund) -> Asked<'a, ()> {
        Box::pin(refund::give_back(self, wanted))
    }

    fn onboard<'a>(&'a self, wanted: &'a Onboard) -> Asked<'a, Onboarding> {
        Box::pin(connect::onboard(self, wanted))
    }

    fn transfer<'a>(&'a self, wanted: &'a Transfer) -> Asked<'a, ()> {
        Box::pin(connect::transfer(self, wanted))
    }

    fn settlements<'a>(&'a self, from: Timestamp, until: Timestamp) -> Asked<'a, Vec<Settlement>> {
        Box::pin(balance::settlements(self.client(), from, until))
    }
}

/// Stripe's report of a time, asked for without a site.
pub async fn report(
    config: &StripeConfig,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Settlement>, ProviderError> {
    let client = Client::new(config).map_err(|error| ProviderError::Unavailable(error.to_string()))?;
    balance::settlements(&client, from, until).await
}
