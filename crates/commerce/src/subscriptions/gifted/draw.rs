//! Who of those in a live gets a month: drawn by a job once it is paid, outside the transaction that gives it, since a
//! live may be large.

use busk_base::{PaymentId, PersonId, Timestamp};
use busk_people::channel;
use busk_rooms::Rooms;
use busk_store::jobs::{self, Job};
use busk_store::{Read, StoreError};
use sha2::{Digest, Sha256};
use std::time::Duration;

use super::{GiftOrder, To, hand_over, ordered, sql, unfit};
use crate::notices::HearError;
use crate::payments::Payment;
use crate::rules::Rules;

/// The job that draws, once for each payment.
pub const DRAW_JOB: &str = "commerce.gifted_subscription";
/// So many of those in a live are looked at: where nearly all are members, the money goes back.
const LOOKED_AT_MAX: usize = 1_000;
/// How long what is disputed before it was handed out waits for the dispute's end.
const AGAIN: Duration = Duration::from_secs(3_600);

pub(super) fn body(payment: PaymentId) -> Result<String, StoreError> {
    serde_json::to_string(&payment).map_err(|e| StoreError::Broken(e.to_string()))
}

/// Does a [`DRAW_JOB`].
pub async fn draw(rooms: &Rooms, job: &Job) -> Result<(), String> {
    let payment: PaymentId = serde_json::from_str(&job.body).map_err(|e| e.to_string())?;
    let (site, id) = (rooms.site(), job.id);
    let ((now, rules), seed) = (Rules::now(site), site.secret());
    let order = site.store().read(move |db| sql::order(db, payment)).await;
    let order = order.map_err(|e: StoreError| e.to_string())?;
    let order = order.ok_or("it has no order")?;
    let there = match order.to {
        To::Person(person) => vec![person],
        To::Anybody { room, .. } => rooms.present(room),
    };
    let wanted = order.clone();
    let found = site
        .store()
        .read(move |db| found(db, &wanted, in_turn(there, &seed), now));
    let found = found.await.map_err(|e: StoreError| e.to_string())?;
    let handed = site.store().write(move |tx| {
        let (order, payment) = (ordered(tx, payment)?, tx.find::<Payment>(&payment)?);
        match payment {
            Some(payment) if !order.handed_out && payment.disputed > 0 => {
                jobs::put_off(tx, id, now + AGAIN, "disputed")?;
            }
            Some(payment) if !order.handed_out => {
                hand_over(tx, &payment, order, &found, &rules, now)?;
                jobs::done(tx, id)?;
            }
            _ => jobs::done(tx, id)?,
        }
        Ok::<_, HearError>(())
    });
    handed.await.map_err(|e| e.to_string())
}

/// The first of these who can be given a month, as many as were paid for.
pub(super) fn found(
    db: &mut impl Read,
    order: &GiftOrder,
    in_turn: Vec<PersonId>,
    now: Timestamp,
) -> Result<Vec<PersonId>, StoreError> {
    let gone = || StoreError::Broken("a channel of given months is gone".into());
    let owner = channel(db, order.channel)?.ok_or_else(gone)?.owner;
    let mut found = Vec::new();
    for person in in_turn.into_iter().take(LOOKED_AT_MAX) {
        if found.len() as i64 == order.to.count() {
            break;
        }
        if unfit(db, order, owner, person, now)?.is_none() {
            found.push(person);
        }
    }
    Ok(found)
}

/// Each of these has the same chance to come first: the order is that of a secret's hashes.
pub(super) fn in_turn(mut there: Vec<PersonId>, seed: &[u8; 32]) -> Vec<PersonId> {
    there.sort_by_cached_key(|person| {
        let hash = Sha256::new().chain_update(seed).chain_update(person.as_bytes());
        <[u8; 32]>::from(hash.finalize())
    });
    there
}
