//! PaymentIntents with nobody there: renewals, with what was kept at an earlier payment.

use serde::Deserialize;

use super::Stripe;
use super::client::{Failure, Form};
use crate::providers::{Charge, ProviderError};

#[derive(Deserialize)]
struct Methods {
    data: Vec<Method>,
}

#[derive(Deserialize)]
struct Method {
    id: String,
}

#[derive(Deserialize)]
struct Intent {}

/// Charges the customer that the earlier session made. Each session makes its own, with one means of payment, so
/// that the same is asked however often it is asked.
pub(super) async fn renew(stripe: &Stripe, wanted: &Charge) -> Result<(), ProviderError> {
    let nothing = || ProviderError::Refused("resource_missing: nothing is kept".into());
    let is_customer = wanted.method.strip_prefix("cus_").is_some_and(is_word);
    if !is_customer {
        return Err(nothing());
    }
    let path = format!("/v1/customers/{}/payment_methods", wanted.method);
    let kept: Methods = stripe.client().get(&path, "limit=1").await?;
    let method = kept.data.into_iter().next().ok_or_else(nothing)?;

    let key = format!("charge-{}", wanted.payment);
    let form = form(wanted, method.id);
    match stripe.client().post("/v1/payment_intents", &key, &form).await {
        Ok(Intent {}) => Ok(()),
        // It was asked, and the card's bank said no: the intent's event says so as well.
        Err(Failure::Card(complaint)) if complaint.payment_intent.is_some() => Ok(()),
        Err(failure) => Err(failure.into()),
    }
}

fn form<'a>(wanted: &Charge, method: String) -> Form<'a> {
    vec![
        ("amount", wanted.amount.value.to_string()),
        ("currency", wanted.amount.unit.code().to_ascii_lowercase()),
        ("customer", wanted.method.clone()),
        ("payment_method", method),
        ("off_session", "true".into()),
        ("confirm", "true".into()),
        ("description", wanted.description.clone()),
        ("metadata[payment]", wanted.payment.to_string()),
        ("metadata[payer]", wanted.payer.to_string()),
    ]
}

/// Whether it can stand in a path as it is.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
