//! Where every provider's notices go once their signature was verified: to [`crate::notices::hear`], in one
//! transaction.

use busk_api::{Problem, Site};

use super::Notice;
use crate::notices::{self, HearError, Heard};
use crate::rules::Rules;

/// Has a notice heard. An error is for the provider to send it again.
pub(super) async fn hear(site: &Site, provider: &'static str, notice: Notice) -> Result<(), Problem> {
    let ((now, rules), id) = (Rules::now(site), notice.id.clone());
    let heard = site
        .store()
        .write(move |tx| notices::hear(tx, provider, &notice, &rules, now))
        .await;
    match heard {
        Ok(Heard::SetAside(why)) => tracing::warn!(provider, notice = id, "set aside: {why}"),
        Ok(heard) => tracing::info!(provider, notice = id, ?heard, "heard"),
        Err(HearError::Store(error)) => return Err(error.into()),
        Err(HearError::Ledger(error)) => {
            tracing::error!(provider, notice = id, "the ledger refused: {error}");
            return Err(Problem::internal());
        }
    }
    Ok(())
}
