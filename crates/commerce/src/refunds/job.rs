//! Asking the provider: outside any transaction, as often as it takes.

use busk_base::RefundId;
use busk_store::jobs::{self, Job};
use busk_store::{Read, StoreError};
use serde::{Deserialize, Serialize};

use super::{RefundState, asked};
use crate::notices::HearError;
use crate::payments::{self, Till};
use crate::providers::{self, ProviderError};
use crate::rules::Rules;

#[derive(Serialize, Deserialize)]
struct Body {
    refund: RefundId,
}

pub(super) fn body(refund: RefundId) -> Result<String, StoreError> {
    serde_json::to_string(&Body { refund }).map_err(|e| StoreError::Broken(e.to_string()))
}

/// Does a [`REFUND_JOB`](super::REFUND_JOB). A provider that is not there is asked again later, under the same id.
pub async fn ask_provider(till: &Till, job: &Job) -> Result<(), String> {
    let Body { refund: id } = serde_json::from_str(&job.body).map_err(|e| e.to_string())?;
    let site = till.site();
    let wanted = site.store().read(move |db| wanted(db, id)).await;
    let answer = match wanted.map_err(|e: StoreError| e.to_string())? {
        None => Ok(()),
        Some((_, Err(refused))) => Err(refused),
        Some((name, Ok(wanted))) => {
            let provider = till.named(&name).ok_or("its provider is not set up")?;
            match provider.refund(&wanted).await {
                Err(ProviderError::Unavailable(why)) => return Err(why),
                answer => answer,
            }
        }
    };
    let (job, (now, rules)) = (job.id, Rules::now(site));
    let written = site.store().write(move |tx| {
        asked(tx, id, &answer, &rules, now)?;
        Ok::<_, HearError>(jobs::done(tx, job)?)
    });
    written.await.map_err(|e| e.to_string())
}

type Wanted = (String, Result<providers::Refund, ProviderError>);

/// What to ask of which provider, unless the refund is past it.
fn wanted(db: &mut impl Read, id: RefundId) -> Result<Option<Wanted>, StoreError> {
    let Some(refund) = super::sql::refund(db, id)?.filter(|refund| refund.state == RefundState::Granted)
    else {
        return Ok(None);
    };
    let payment = payments::payment(db, refund.payment)?;
    let payment =
        payment.ok_or_else(|| StoreError::Broken(format!("no payment {} of a refund", refund.payment)))?;
    let no_charge = || ProviderError::Refused("the charge has no name".into());
    let wanted = payment
        .charge
        .ok_or_else(no_charge)
        .map(|charge| providers::Refund {
            refund: id,
            payment: payment.id,
            charge,
            amount: refund.amount,
            currency: payment.currency,
        });
    Ok(Some((payment.provider, wanted)))
}
