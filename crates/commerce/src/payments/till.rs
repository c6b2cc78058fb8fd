//! The till: what opens a provider's page for a payment, and what of it is said over HTTP.

use std::sync::Arc;

use busk_api::{Problem, Site, StatusCode};
use busk_base::{Amount, Timestamp};
use busk_store::{StoreError, Tx};
use serde::Serialize;
use utoipa::ToSchema;

use super::{BeginError, CHECKOUT_LASTS, Order, Payment, PaymentState, Purchase, opened};
use crate::accounts::CURRENCY;
use crate::caps::{Period, Reached};
use crate::providers::{Checkout, ProviderError};
use crate::rules::Rules;

/// A provider that a till may hold.
pub type Provider = Arc<dyn crate::providers::Provider>;

/// The site, and the providers it knows. Clones share them.
#[derive(Clone)]
pub struct Till {
    site: Site,
    providers: Arc<[Provider]>,
}

impl axum::extract::FromRef<Till> for Site {
    fn from_ref(till: &Till) -> Self {
        till.site.clone()
    }
}

/// What a payer is led to.
struct Page {
    /// What is paid for, in the payer's words.
    description: String,
    /// A path of this site.
    return_to: String,
    keep_method: bool,
}

impl Till {
    /// The first provider takes new payments; the others see to what was paid through them before.
    pub fn new(site: Site, first: Provider, others: Vec<Provider>) -> Self {
        let providers = std::iter::once(first).chain(others).collect();
        Self { site, providers }
    }

    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Who takes new payments.
    pub fn provider(&self) -> &Provider {
        &self.providers[0]
    }

    /// Who took an earlier one.
    pub fn named(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.name() == name)
    }

    /// Begins a purchase of something, and opens the page to pay at: what every purchase does.
    pub(crate) async fn begin<O, E>(
        &self,
        return_to: &str,
        buy: impl FnMut(&mut Tx, &Rules, Timestamp) -> Result<Purchase<O>, E> + Send + 'static,
        describe: impl FnOnce(&O) -> String,
    ) -> Result<(StatusCode, Purchase<O>), Problem>
    where
        O: Send + 'static,
        E: From<StoreError> + Into<Problem> + Clone + Send + 'static,
    {
        let return_to = page_of_ours(return_to)?;
        let ((now, rules), mut buy) = (Rules::now(&self.site), buy);
        let begun = self.site.store().write(move |tx| buy(tx, &rules, now));
        let Purchase { payment, order, new } = begun.await.map_err(E::into)?;
        let page = Page {
            description: describe(&order),
            return_to,
            // For renewals, at which nobody is there.
            keep_method: payment.order == Order::Subscription,
        };
        let payment = self.open(payment, page).await?;
        let status = if new { StatusCode::CREATED } else { StatusCode::OK };
        Ok((status, Purchase { payment, order, new }))
    }

    /// Opens the provider's page for a payment that was begun, unless it is open or the payment is past it.
    async fn open(&self, payment: Payment, page: Page) -> Result<Payment, Problem> {
        if payment.checkout_url.is_some() || payment.state != PaymentState::Pending {
            return Ok(payment);
        }
        let provider = self.named(&payment.provider).ok_or_else(Problem::internal)?;
        let wanted = Checkout {
            payment: payment.id,
            payer: payment.payer,
            amount: Amount::money(payment.price, CURRENCY),
            description: page.description,
            return_to: page.return_to,
            expires_at: payment.created_at + CHECKOUT_LASTS,
            keep_method: page.keep_method,
        };
        let page = provider.checkout(&wanted).await.map_err(provider_problem)?;
        let id = payment.id;
        let kept = self
            .site
            .store()
            .write(move |tx| opened(tx, id, &page.checkout, &page.url));
        kept.await.map_err(|error: StoreError| error.into())
    }
}

/// An amount of money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Money {
    /// In the currency's minor unit.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
}

impl Money {
    /// In the site's currency.
    pub(crate) fn new(amount: i64) -> Self {
        Self {
            amount,
            currency: CURRENCY.code().to_owned(),
        }
    }
}

/// A path on this site: nothing that a browser could take for another host.
pub(crate) fn page_of_ours(path: &str) -> Result<String, Problem> {
    let ours = path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= 200
        && path
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'<' | b'>'));
    if ours {
        Ok(path.to_owned())
    } else {
        Err(Problem::invalid("return_to", "must be a path on this site"))
    }
}

pub(crate) fn provider_problem(error: ProviderError) -> Problem {
    match error {
        ProviderError::Unavailable(why) => {
            tracing::warn!("the payment provider is not available: {why}");
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "provider_unavailable",
                "The payment provider does not answer; nothing was charged",
            )
            .retry_after(5)
        }
        ProviderError::Refused(why) => {
            tracing::warn!("the payment provider refused: {why}");
            Problem::new(
                StatusCode::BAD_GATEWAY,
                "provider_refused",
                "The payment provider refused; nothing was charged",
            )
        }
    }
}

/// The answer to a payment that is not begun.
pub(crate) fn begin_problem(error: BeginError) -> Problem {
    match error {
        BeginError::Store(error) => error.into(),
        BeginError::AgeUndeclared => Problem::forbidden(
            "age_undeclared",
            "Say first that you are 18 or older (POST /api/v1/me/adult)",
        ),
        BeginError::InDebt { owed } => Problem::conflict(
            "in_debt",
            "You owe money of a disputed payment; coins for at least that amount settle it",
        )
        .detail(format!(
            "{}.{:02} {} is owed",
            owed / 100,
            owed % 100,
            CURRENCY.code()
        )),
        BeginError::CapReached(Reached { period, left }) => {
            let of = match period {
                Period::Day => "24 hours",
                Period::Month => "30 days",
            };
            let (whole, cents, currency) = (left / 100, left % 100, CURRENCY.code());
            Problem::conflict(
                "spending_cap_reached",
                "This would go over the cap that you have set",
            )
            .detail(format!(
                "{whole}.{cents:02} {currency} of your cap for {of} is left"
            ))
        }
        BeginError::TooMany => Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_payments",
            "Too many payments in an hour",
        )
        .retry_after(3_600),
    }
}
