//! People pay: coins, gifts, what creators earn by them, and how that reaches their banks.
//!
//! ```text
//!   card ─► provider ─notice─► coins::deliver ─► wallet ─► gifts::send ─► diamonds.pending
//!                                                     earnings::release ─► diamonds.available
//!                                                     earnings::redeem  ─► earnings.available
//!   card ─► provider ─notice─► sales::deliver ─► earnings.pending ─► earnings::release_money ─► earnings.available
//!                                                     payouts::request  ─► in transit ─► the creator's bank
//! ```
//!
//! Badges are bought with money at once (`badges`), tickets and stage passes before their event (`tickets`, `events`); a
//! channel's members pay by the month (`subscriptions`). Who gave what is added up beside the gifts' way, a beat behind
//! (`tally`, `supporters`, `goals`).
//!
//! Every movement is a posting of the ledger; the accounts are named in [`accounts`] and nowhere else.

pub mod accounts;
pub mod badges;
pub mod caps;
#[cfg(test)]
mod chance;
#[cfg(test)]
mod clocks;
pub mod coins;
pub mod debts;
pub mod disputes;
pub mod earnings;
pub mod events;
#[cfg(test)]
mod faults;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod gifts;
pub mod goals;
mod html;
pub mod leaving;
mod listing;
#[cfg(test)]
mod model;
pub mod notices;
mod operator;
pub mod own;
pub mod payments;
pub mod payouts;
pub mod policies;
#[cfg(test)]
mod power;
pub mod providers;
pub mod refunds;
pub mod rules;
pub mod sales;
#[cfg(test)]
mod scene;
mod schema;
pub mod settlements;
pub mod statements;
#[cfg(test)]
mod storm;
pub mod subscriptions;
pub mod supporters;
pub mod tally;
pub mod tickets;

pub use schema::MIGRATIONS;

use busk_api::{OpenApiRouter, Site};
use payments::Till;
use payouts::Payouts;
use providers::sandbox::Sandbox;
use providers::stripe;

/// All addresses of this crate.
pub fn routes(
    site: Site,
    till: Till,
    payouts: Payouts,
    sandbox: Sandbox,
    stripe: stripe::Door,
) -> OpenApiRouter {
    gifts::routes(site.clone())
        .merge(coins::routes(till.clone()))
        .merge(badges::routes(till.clone()))
        .merge(subscriptions::routes(till.clone()))
        .merge(tickets::routes(till.clone()))
        .merge(settlements::routes(till))
        .merge(goals::routes(site.clone()))
        .merge(supporters::routes(site.clone()))
        .merge(payments::routes(site.clone()))
        .merge(refunds::routes(site.clone()))
        .merge(disputes::routes(site.clone()))
        .merge(debts::routes(site.clone()))
        .merge(notices::aside::routes(site.clone()))
        .merge(caps::routes(site.clone()))
        .merge(earnings::routes(site.clone()))
        .merge(operator::routes(site.clone()))
        .merge(policies::routes(site.clone()))
        .merge(statements::routes(site))
        .merge(payouts::routes(payouts.clone()))
        .merge(payouts::desk_routes(payouts))
        .merge(providers::sandbox::routes(sandbox))
        .merge(stripe::routes(stripe))
}
