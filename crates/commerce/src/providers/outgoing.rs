//! The one client that providers are asked with, and the sandbox delivers its notices with.
//!
//! Invariant: a redirect is never followed and a proxy of the environment never used, so that keys and notices go
//! to the configured address and nowhere else; nothing waits for ever.

use std::time::Duration;

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Less than a job or a request may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

pub(super) fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_WITHIN)
        .timeout(ANSWER_WITHIN)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
}
