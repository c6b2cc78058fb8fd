//! People pay: coins, gifts, and what creators earn by them.
//!
//! ```text
//!   card ─► provider ─notice─► coins::deliver ─► wallet ─► gifts::send ─► diamonds.pending
//!                                                     earnings::release ─► diamonds.available
//!                                                     earnings::redeem  ─► earnings.available
//! ```
//!
//! Badges are bought with money at once (`badges`). Who gave what is added up beside the gifts' way, a beat behind
//! (`tally`, `supporters`, `goals`).
//!
//! Every movement is a posting of the ledger; the accounts are named in [`accounts`] and nowhere else.

pub mod accounts;
pub mod badges;
pub mod caps;
pub mod coins;
pub mod earnings;
pub mod gifts;
pub mod goals;
pub mod notices;
mod operator;
pub mod payments;
pub mod providers;
pub mod rules;
pub mod sales;
#[cfg(test)]
mod scene;
mod schema;
pub mod supporters;
pub mod tally;

pub use schema::MIGRATIONS;

use busk_api::{OpenApiRouter, Site};
use payments::Till;
use providers::sandbox::Sandbox;

/// All addresses of this crate.
pub fn routes(site: Site, till: Till, sandbox: Sandbox) -> OpenApiRouter {
    gifts::routes(site.clone())
        .merge(badges::routes(till.clone()))
        .merge(goals::routes(site.clone()))
        .merge(supporters::routes(site.clone()))
        .merge(coins::routes(till))
        .merge(caps::routes(site.clone()))
        .merge(earnings::routes(site.clone()))
        .merge(operator::routes(site))
        .merge(providers::sandbox::routes(sandbox))
}
