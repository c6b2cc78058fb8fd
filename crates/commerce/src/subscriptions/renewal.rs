//! Renewal: a job at the end of every period charges the kept card, and again on days 1, 3, 5 and 7 after the end
//! when it is declined; then the subscription is over. Read `charge` downward.
//!
//! Someone's own spending cap, a debt, or too many payments in an hour stand in a renewal's way as they would in any
//! payment's: the cap is a promise that no more is spent, so a renewal over it counts as declined and is tried again.
//!
//! Invariant: a job that runs twice, early, late or at a clock that jumped asks for the same payment, whose id follows
//! from the subscription, the month's number and the attempt. Only the provider's notice renews; access that was paid
//! for is never cut short here.

use std::time::Duration;

use busk_base::{Amount, ChannelId, JobId, PaymentId, PersonId, Timestamp};
use busk_store::jobs::{self, Job};
use busk_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};

use super::{DAY, Kind, MonthOrder, RETRIED_ON, Subscription, tiers};
use crate::accounts::CURRENCY;
use crate::payments::{self, BeginError, NewPayment, Order, Payment, PaymentState, Till};
use crate::providers::{Charge, ProviderError, sandbox, stripe};
use crate::rules::Rules;
use crate::sales::following;

/// The job that renews one subscription once.
pub const RENEWAL_JOB: &str = "commerce.subscription";
/// A charge is asked for a little before the period's end, so that access has no gap while the provider answers.
pub const AHEAD: Duration = Duration::from_secs(3_600);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Body {
    channel: ChannelId,
    person: PersonId,
    /// How many months had been bought when the job was left: once there are more, it is past.
    number: i64,
}

#[cfg(test)]
impl Body {
    pub(super) fn of(channel: ChannelId, person: PersonId, number: i64) -> Self {
        Self {
            channel,
            person,
            number,
        }
    }
}

/// Leaves the job that renews a subscription at its period's end, or tries again.
pub(super) fn leave(tx: &mut Tx, of: &Subscription, job: JobId) -> Result<(), StoreError> {
    let body = Body {
        channel: of.channel,
        person: of.person,
        number: of.bought,
    };
    let body = serde_json::to_string(&body).map_err(|e| StoreError::Broken(e.to_string()))?;
    jobs::leave(tx, job, RENEWAL_JOB, body, asked_at(of));
    Ok(())
}

/// When the next charge is asked for.
pub fn asked_at(of: &Subscription) -> Timestamp {
    match of.declines.checked_sub(1) {
        None => of.until - AHEAD,
        Some(retry) => of.until + DAY * RETRIED_ON.get(retry as usize).copied().unwrap_or(0),
    }
}

/// What a renewal's job finds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Due {
    /// Nothing is to be done for it any more.
    Past,
    /// The clock was wrong, or the period became longer.
    Later(Timestamp),
    /// To be asked of this provider.
    Charge { provider: String, charge: Charge },
}

/// Does a [`RENEWAL_JOB`]. A provider that is not there is asked again later, for the same payment.
pub async fn charge(till: &Till, job: &Job) -> Result<(), String> {
    let body: Body = serde_json::from_str(&job.body).map_err(|e| e.to_string())?;
    let (site, id) = (till.site(), job.id);
    let (now, rules) = Rules::now(site);
    let due = site.store().write(move |tx| {
        let due = due(tx, body, &rules, now)?;
        match &due {
            Due::Past => jobs::done(tx, id)?,
            Due::Later(at) => jobs::put_off(tx, id, *at, "not yet")?,
            Due::Charge { .. } => {}
        }
        Ok::<_, StoreError>(due)
    });
    let due = due.await.map_err(|e| e.to_string())?;
    let Due::Charge { provider, charge } = due else {
        return Ok(());
    };
    let provider = till.named(&provider).ok_or("its provider is not set up")?;
    let refused = match provider.charge(&charge).await {
        Err(ProviderError::Unavailable(why)) => return Err(why),
        Err(ProviderError::Refused(_)) => true,
        Ok(()) => false,
    };
    let written = site.store().write(move |tx| {
        if refused {
            payments::refused(tx, charge.payment, now)?;
            declined(tx, charge.payment)?;
        }
        jobs::done(tx, id)
    });
    written.await.map_err(|e: StoreError| e.to_string())
}

/// Finds out what a job has to do, and begins its payment.
pub(super) fn due(tx: &mut Tx, body: Body, rules: &Rules, now: Timestamp) -> Result<Due, StoreError> {
    let current = tx.find::<Subscription>(&(body.channel, body.person))?;
    let current = current.filter(|current| current.renews && current.bought == body.number);
    let Some(current) = current else {
        return Ok(Due::Past);
    };
    let Some(method) = current.method.clone() else {
        return Ok(Due::Past);
    };
    let at = asked_at(&current);
    if now < at {
        return Ok(Due::Later(at));
    }
    let id = payment_of(&current);
    let payment = match tx.find::<Payment>(&id)? {
        Some(_)
            if tx
                .find::<MonthOrder>(&id)?
                .is_none_or(|order| order.number != Some(current.bought)) =>
        {
            return Err(StoreError::Broken(format!("the payment {id} is no renewal")));
        }
        Some(payment) if payment.state == PaymentState::Pending => payment,
        // Its notice has been heard, and left what follows.
        Some(_) => return Ok(Due::Past),
        None => match begin(tx, &current, id, rules, now) {
            Ok(payment) => payment,
            Err(BeginError::Store(error)) => return Err(error),
            Err(BeginError::TooMany) => return Ok(Due::Later(now + AHEAD)),
            Err(BeginError::AgeUndeclared | BeginError::InDebt { .. } | BeginError::CapReached(_)) => {
                return fail(tx, current).map(|next| match next.renews {
                    true => Due::Later(asked_at(&next)),
                    false => Due::Past,
                });
            }
        },
    };
    let charge = Charge {
        payment: payment.id,
        payer: payment.payer,
        method,
        amount: Amount::money(payment.price, CURRENCY),
        description: "Subscription: another month".into(),
    };
    let provider = payment.provider;
    Ok(Due::Charge { provider, charge })
}

fn begin(
    tx: &mut Tx,
    current: &Subscription,
    id: PaymentId,
    rules: &Rules,
    now: Timestamp,
) -> Result<Payment, BeginError> {
    let (tier, monthly) = next(tx, current)?;
    let new = NewPayment {
        id,
        payer: current.person,
        order: Order::Subscription,
        price: monthly,
        provider: provider_of(current)?,
    };
    let payment = payments::begin(tx, &new, &rules.policy, now)?;
    let order = MonthOrder {
        payment: id,
        channel: current.channel,
        person: current.person,
        tier,
        kind: Kind::Month,
        monthly,
        number: Some(current.bought),
        until: None,
        taken_back: false,
    };
    order.add(tx);
    Ok(payment)
}

/// The tier of the next period, and what it costs: one's own at the agreed price, or the cheaper one that was chosen.
fn next(tx: &mut Tx, current: &Subscription) -> Result<(u8, i64), StoreError> {
    let chosen = tiers::tiers(tx, current.channel)?
        .into_iter()
        .find(|tier| Some(tier.id) == current.next_tier && tier.price < current.price);
    Ok(chosen.map_or((current.tier, current.price), |tier| (tier.id, tier.price)))
}

/// The payment of the next attempt to pay the next month. Ids of payments are made by payers: this one follows from
/// an id that nobody but the subscriber was told, so that nobody else can take it first.
pub(super) fn payment_of(current: &Subscription) -> PaymentId {
    let word = format!("month {} attempt {}", current.bought, current.declines);
    PaymentId(following(current.root.0, &word).0)
}

/// A renewal's payment was declined: it is tried again on the next of its days, by a job, or the subscription ends.
pub(crate) fn declined(tx: &mut Tx, payment: PaymentId) -> Result<(), StoreError> {
    let order = tx.find::<MonthOrder>(&payment)?;
    let Some(order) = order.filter(|order| order.number.is_some()) else {
        return Ok(());
    };
    let current = tx.find::<Subscription>(&(order.channel, order.person))?;
    let current = current.filter(|current| payment_of(current) == payment);
    let Some(current) = current else {
        return Ok(());
    };
    let next = fail(tx, current)?;
    if next.renews {
        let job = JobId(following(payment.0, "retry").0);
        leave(tx, &next, job)?;
    }
    Ok(())
}

fn fail(tx: &mut Tx, current: Subscription) -> Result<Subscription, StoreError> {
    let declines = current.declines + 1;
    let renews = current.renews && declines as usize <= RETRIED_ON.len();
    let next = Subscription {
        declines,
        renews,
        ..current
    };
    next.clone().save(tx)?;
    Ok(next)
}

/// The provider's name, as payments want it.
fn provider_of(current: &Subscription) -> Result<&'static str, StoreError> {
    let known = [sandbox::PROVIDER, stripe::PROVIDER];
    let found = known.into_iter().find(|name| *name == current.provider);
    found.ok_or_else(|| StoreError::Broken(format!("a provider {}", current.provider)))
}
