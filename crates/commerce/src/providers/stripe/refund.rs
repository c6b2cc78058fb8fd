//! Refunds.

use serde::Deserialize;

use super::Stripe;
use crate::providers::{ProviderError, Refund};

#[derive(Deserialize)]
struct Answer {}

/// Gives money back. Whether it arrives is said by events.
pub(super) async fn give_back(stripe: &Stripe, wanted: &Refund) -> Result<(), ProviderError> {
    // Payments are told by their intent; a charge of its own is what Stripe had before.
    let of = match wanted.charge.starts_with("pi_") {
        true => "payment_intent",
        false => "charge",
    };
    let form = vec![
        (of, wanted.charge.clone()),
        ("amount", wanted.amount.to_string()),
        ("metadata[refund]", wanted.refund.to_string()),
        ("metadata[payment]", wanted.payment.to_string()),
    ];
    let key = format!("refund-{}", wanted.refund);
    let Answer {} = stripe.client().post("/v1/refunds", &key, &form).await?;
    Ok(())
}
