//! What becomes of tickets: an event that was held brings each their part of the money, one that was not brings
//! everybody theirs back. Read `settle` downward.
//!
//! | what happened | tickets | stage passes |
//! |---|---|---|
//! | it was live, and has ended | `deferred` → `earnings.pending`, `platform_revenue`, `tax_payable` | without a turn: refunded |
//! | a pass's holder came on stage | | the same, at once |
//! | the host ended it before it was live, or it was not live in time | refunded | refunded |
//!
//! A refund that fails after that is seen to by [`tickets::given_again`], by the same table.
//!
//! Invariant: the hold of a ticket's money begins when its event has ended, since that is when it is delivered; no
//! ticket is both delivered and refunded by what stands here, however often it runs.
//!
//! Rooms know nothing of tickets, so their ends are looked for, once a beat, among the offers that are not closed.

use std::time::Duration;

use busk_api::Site;
use busk_base::{Policy, RoomId, Timestamp};
use busk_rooms::{Room, State};
use busk_store::{Read, StoreError, Tx, params};

use crate::notices::HearError;
use crate::payments::Payment;
use crate::refunds;
use crate::rules::Rules;
use crate::tickets::{self, Ticket, offer_of};

/// Tickets that are seen to in one transaction.
const AT_ONCE: i64 = 100;

/// How an event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Held,
    NotHeld,
}

fn fate(room: &Room, offered_at: Timestamp, policy: &Policy, now: Timestamp) -> Option<Fate> {
    let at = room.scheduled_at.unwrap_or(offered_at);
    let late = now >= at + Duration::from_secs(policy.ticket_no_show_s);
    match (room.started_at, room.state) {
        (Some(_), State::Ended) => Some(Fate::Held),
        (None, State::Ended) => Some(Fate::NotHeld),
        (None, _) if late => Some(Fate::NotHeld),
        _ => None,
    }
}

/// Rooms with tickets that may be to settle.
pub fn due(db: &mut impl Read, policy: &Policy, now: Timestamp) -> Result<Vec<RoomId>, StoreError> {
    let late = now - Duration::from_secs(policy.ticket_no_show_s);
    let rows = db.rows(
        "SELECT o.room FROM ticket_offer o JOIN room r ON r.id = o.room WHERE NOT o.closed AND (r.state = 'ended' \
         OR (r.started_at IS NULL AND COALESCE(r.scheduled_at, o.created_at) <= $1)) LIMIT $2",
        params![late, AT_ONCE],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Settles some of an event's tickets; whether all are.
pub fn settle(tx: &mut Tx, room: RoomId, rules: &Rules, now: Timestamp) -> Result<bool, HearError> {
    let (Some(offer), Some(room)) = (offer_of(tx, room)?, tx.find::<Room>(&room)?) else {
        return Ok(true);
    };
    let Some(fate) = fate(&room, offer.created_at, &rules.policy, now).filter(|_| !offer.closed) else {
        return Ok(true);
    };
    let held = tickets::held(tx, room.id, AT_ONCE)?;
    for ticket in &held {
        match (fate, ticket.stage) {
            (Fate::Held, false) => hand_over(tx, ticket, rules, now)?,
            // Those who had a turn are seen to first.
            (Fate::Held, true) => back(
                tx,
                ticket,
                "no turn",
                "The live ended before your turn",
                rules,
                now,
            )?,
            (Fate::NotHeld, _) => back(tx, ticket, "not held", "The event was not held", rules, now)?,
        }
    }
    let done = (held.len() as i64) < AT_ONCE;
    if done {
        tickets::close(tx, room.id, fate == Fate::Held)?;
    }
    Ok(done)
}

/// Posts the money of stage passes whose holders came on stage.
pub fn post_turns(tx: &mut Tx, rules: &Rules, now: Timestamp) -> Result<usize, HearError> {
    let had = tickets::turns(tx, AT_ONCE)?;
    for ticket in &had {
        hand_over(tx, ticket, rules, now)?;
    }
    Ok(had.len())
}

fn hand_over(tx: &mut Tx, ticket: &Ticket, rules: &Rules, now: Timestamp) -> Result<(), HearError> {
    let payment = payment(tx, ticket)?;
    tickets::hand_over(tx, ticket, &payment, rules, now)
}

fn back(
    tx: &mut Tx,
    ticket: &Ticket,
    word: &str,
    reason: &str,
    rules: &Rules,
    now: Timestamp,
) -> Result<(), HearError> {
    let payment = payment(tx, ticket)?;
    refunds::by_rule(tx, &payment, word, reason, rules, now)?;
    // What a bank has taken back was all there was.
    tickets::given_back(tx, payment.id, payment.id.0, now)?;
    Ok(())
}

fn payment(tx: &mut Tx, ticket: &Ticket) -> Result<Payment, StoreError> {
    let payment = tx.find::<Payment>(&ticket.payment)?;
    payment.ok_or_else(|| StoreError::Broken("a ticket without its payment".into()))
}

/// Looks once for events that are over, and for turns that were had. What there is to do is asked for beside the
/// writer, since mostly it is nothing.
pub async fn beat(site: &Site, rules: &Rules) -> Result<(), HearError> {
    let (now, policy) = (site.now(), rules.policy.clone());
    let read = site
        .store()
        .read(move |db| Ok::<_, StoreError>((due(db, &policy, now)?, !tickets::turns(db, 1)?.is_empty())));
    let (rooms, mut turns) = read.await?;
    while turns {
        let rules = rules.clone();
        turns = site.store().write(move |tx| post_turns(tx, &rules, now)).await? > 0;
    }
    for room in rooms {
        loop {
            let rules = rules.clone();
            if site
                .store()
                .write(move |tx| settle(tx, room, &rules, now))
                .await?
            {
                break;
            }
        }
    }
    Ok(())
}
