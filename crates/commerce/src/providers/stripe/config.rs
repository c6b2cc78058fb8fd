//! What an operator sets for Stripe: a secret key, the secrets of its webhooks, and where it is.

use std::fmt;

use super::event::Mode;

/// Where Stripe is, when nothing else is said.
const STRIPE_URL: &str = "https://api.stripe.com";

/// Made by [`StripeConfig::new`] only, so that what is here fits.
#[derive(Clone)]
pub struct StripeConfig {
    pub(super) secret_key: String,
    /// Several, for the account's own webhook and that of its connected accounts, and while one is changed.
    pub(super) webhook_secrets: Vec<String>,
    /// Without a slash at its end.
    pub(super) url: String,
    pub(super) mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StripeConfigError {
    #[error("stripe_secret_key must begin with sk_test_, sk_live_, rk_test_ or rk_live_")]
    SecretKey,
    #[error("stripe_secret_key needs stripe_webhook_secrets, each of which begins with whsec_")]
    WebhookSecrets,
    #[error("stripe_url must be http://… or https://… without a path")]
    Url,
}

impl StripeConfig {
    pub fn new(
        secret_key: String,
        webhook_secrets: Vec<String>,
        url: Option<String>,
    ) -> Result<Self, StripeConfigError> {
        // What is written into a header must be plain.
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let mode = match secret_key.get(..8) {
            Some("sk_test_" | "rk_test_") => Mode::Test,
            Some("sk_live_" | "rk_live_") => Mode::Live,
            _ => return Err(StripeConfigError::SecretKey),
        };
        if secret_key.len() == 8 || !is_plain(&secret_key) {
            return Err(StripeConfigError::SecretKey);
        }
        let is_secret = |text: &String| text.strip_prefix("whsec_").is_some_and(|rest| !rest.is_empty());
        if webhook_secrets.is_empty() || !webhook_secrets.iter().all(is_secret) {
            return Err(StripeConfigError::WebhookSecrets);
        }
        let url = url.unwrap_or_else(|| STRIPE_URL.to_owned());
        let url = url.strip_suffix('/').unwrap_or(&url).to_owned();
        let rest = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"));
        if rest.is_none_or(|rest| rest.is_empty() || rest.contains(['/', '?', '#', '@'])) {
            return Err(StripeConfigError::Url);
        }
        Ok(Self {
            secret_key,
            webhook_secrets,
            url,
            mode,
        })
    }
}

impl fmt::Debug for StripeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, mode, .. } = self;
        f.debug_struct("StripeConfig")
            .field("url", url)
            .field("mode", mode)
            .finish_non_exhaustive()
    }
}
