//! Checkout Sessions: a page of Stripe's at which one payment is made.

use serde::Deserialize;

use super::Stripe;
use super::client::Form;
use crate::providers::{Checkout, Opened, ProviderError};

#[derive(Deserialize)]
struct Session {
    id: String,
    url: Option<String>,
}

/// Opens the page. Stripe wants it to be open for half an hour at least: a payment whose page could not be opened
/// in its first half hour is refused then, and the payer begins another.
pub(super) async fn open(stripe: &Stripe, wanted: &Checkout) -> Result<Opened, ProviderError> {
    let key = format!("checkout-{}", wanted.payment);
    let form = form(stripe, wanted);
    let asked = stripe.client().post("/v1/checkout/sessions", &key, &form);
    let session: Session = asked.await?;
    let url = session
        .url
        .filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    Ok(Opened {
        checkout: session.id,
        url: url.ok_or_else(|| ProviderError::Refused("a session without a page".into()))?,
    })
}

fn form<'a>(stripe: &Stripe, wanted: &Checkout) -> Form<'a> {
    let (payment, payer) = (wanted.payment.to_string(), wanted.payer.to_string());
    let back = stripe.page(&wanted.return_to);
    let mut form = vec![
        ("mode", "payment".into()),
        ("client_reference_id", payment.clone()),
        ("metadata[payment]", payment.clone()),
        ("metadata[payer]", payer.clone()),
        ("line_items[0][quantity]", "1".into()),
        (
            "line_items[0][price_data][currency]",
            wanted.amount.unit.code().to_ascii_lowercase(),
        ),
        (
            "line_items[0][price_data][unit_amount]",
            wanted.amount.value.to_string(),
        ),
        (
            "line_items[0][price_data][product_data][name]",
            wanted.description.clone(),
        ),
        ("success_url", back.clone()),
        ("cancel_url", back),
        ("expires_at", wanted.expires_at.unix_s().to_string()),
        // For those who look at Stripe's pages; events of the intent are not ours while the session has the word.
        ("payment_intent_data[metadata][checkout_of]", payment),
        ("payment_intent_data[metadata][payer]", payer),
    ];
    if wanted.keep_method {
        form.push(("customer_creation", "always".into()));
        form.push(("payment_intent_data[setup_future_usage]", "off_session".into()));
    }
    form
}
