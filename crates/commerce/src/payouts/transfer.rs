//! The job that asks a provider to send an approved payout. The payout's id is the idempotency key, so that asking
//! again asks for the same; what became of it, the provider says by a notice.

use busk_base::PayoutId;
use busk_store::jobs::{self, Job};
use busk_store::{StoreError, Tx};

use super::{Payee, Payout, PayoutState, Payouts, outcome, sql};
use crate::notices::HearError;
use crate::providers::{ProviderError, Transfer};
use crate::rules::Rules;

pub const TRANSFER_JOB: &str = "payout.transfer";

impl Payouts {
    /// Asks for what the job says. One that was refused for good has failed; any other failure is tried again.
    pub async fn send(&self, job: &Job) -> Result<(), String> {
        let wanted: Transfer = serde_json::from_str(&job.body).map_err(|error| error.to_string())?;
        let id = wanted.payout;
        let read = self.site().store().read(move |db| sql::payout(db, id));
        let payout = read.await.map_err(|error: StoreError| error.to_string())?;
        let named = payout.as_ref().and_then(|payout| match &payout.payee {
            Payee::Provider { provider, .. } => self.till.named(provider),
            Payee::Bank { .. } => None,
        });
        let provider = named.ok_or("no provider sends it")?;
        match provider.transfer(&wanted).await {
            Ok(()) => self.answered(job, id, None).await,
            Err(ProviderError::Refused(why)) => self.answered(job, id, Some(why)).await,
            Err(error @ ProviderError::Unavailable(_)) => Err(error.to_string()),
        }
    }

    /// Notes the answer, unless a notice was faster, and that the job is done.
    async fn answered(&self, job: &Job, id: PayoutId, refused: Option<String>) -> Result<(), String> {
        let (job, (now, rules)) = (job.id, Rules::now(self.site()));
        let noted = self.site().store().write(move |tx: &mut Tx| {
            let payout = tx
                .find::<Payout>(&id)?
                .filter(|payout| payout.state == PayoutState::Approved);
            match (payout, &refused) {
                (Some(payout), None) => {
                    outcome::sent(tx, payout, None, now);
                }
                (Some(payout), Some(why)) => {
                    outcome::failed(tx, payout, None, why, &rules, now)?;
                }
                (None, _) => {}
            }
            jobs::done(tx, job)?;
            Ok::<_, HearError>(())
        });
        noted.await.map_err(|error| error.to_string())
    }
}
