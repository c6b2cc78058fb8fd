//! Creators by Stripe Connect: an Express account, a link to Stripe's own pages about it, and transfers to it. From
//! there Stripe pays it out to the creator's bank by itself, so that a transfer that was made is paid for us.

use serde::Deserialize;

use super::Stripe;
use super::charge::is_word;
use super::client::Form;
use crate::providers::{Onboard, Onboarding, ProviderError, Transfer};

#[derive(Deserialize)]
struct Account {
    id: String,
}

#[derive(Deserialize)]
struct Link {
    url: String,
}

#[derive(Deserialize)]
struct Moved {}

/// Opens Stripe's pages for a creator; a link is good once and for minutes, so each is a new one.
pub(super) async fn onboard(stripe: &Stripe, wanted: &Onboard) -> Result<Onboarding, ProviderError> {
    let account = match &wanted.account {
        Some(account) => account.clone(),
        None => account(stripe, wanted).await?,
    };
    let back = stripe.page(&wanted.return_to);
    let form = vec![
        ("account", account.clone()),
        ("type", "account_onboarding".into()),
        ("return_url", back.clone()),
        ("refresh_url", back),
    ];
    let once: String = stripe
        .0
        .site
        .entropy()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let key = format!("link-{account}-{once}");
    let link: Link = stripe.client().post("/v1/account_links", &key, &form).await?;
    Ok(Onboarding {
        account,
        url: link.url,
    })
}

async fn account(stripe: &Stripe, wanted: &Onboard) -> Result<String, ProviderError> {
    let form = vec![
        ("type", "express".into()),
        ("capabilities[transfers][requested]", "true".into()),
        ("metadata[channel]", wanted.channel.to_string()),
    ];
    let key = format!("account-{}", wanted.channel);
    let made: Account = stripe.client().post("/v1/accounts", &key, &form).await?;
    Ok(made.id)
}

/// Sends money to a creator's account at Stripe.
pub(super) async fn transfer(stripe: &Stripe, wanted: &Transfer) -> Result<(), ProviderError> {
    if !is_word(&wanted.account) {
        return Err(ProviderError::Refused("resource_missing: no such account".into()));
    }
    let form: Form = vec![
        ("amount", wanted.amount.to_string()),
        ("currency", wanted.currency.to_ascii_lowercase()),
        ("destination", wanted.account.clone()),
        ("metadata[payout]", wanted.payout.to_string()),
    ];
    let key = format!("transfer-{}", wanted.payout);
    let Moved {} = stripe.client().post("/v1/transfers", &key, &form).await?;
    Ok(())
}
