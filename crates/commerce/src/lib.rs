//! People pay: coins, gifts, and what creators earn by them.
//!
//! ```text
//!   card ─► provider ─notice─► coins::deliver ─► wallet ─► gifts::send ─► diamonds.pending
//!                                                     earnings::release ─► diamonds.available
//!                                                     earnings::redeem  ─► earnings.available
//! ```
//!
//! Every movement is a posting of the ledger; the accounts are named in [`accounts`] and nowhere else.

pub mod accounts;
pub mod caps;
#[cfg(test)]
mod chance;
pub mod coins;
pub mod debts;
pub mod disputes;
pub mod earnings;
pub mod gifts;
mod listing;
#[cfg(test)]
mod model;
pub mod notices;
mod operator;
pub mod payments;
pub mod providers;
pub mod refunds;
pub mod rules;
pub mod sales;
#[cfg(test)]
mod scene;
mod schema;
pub mod settlements;
#[cfg(test)]
mod storm;

pub use schema::MIGRATIONS;

use busk_api::{OpenApiRouter, Site};
use payments::Till;
use providers::sandbox::Sandbox;

/// All addresses of this crate.
pub fn routes(site: Site, till: Till, sandbox: Sandbox) -> OpenApiRouter {
    gifts::routes(site.clone())
        .merge(coins::routes(till.clone()))
        .merge(settlements::routes(till))
        .merge(refunds::routes(site.clone()))
        .merge(disputes::routes(site.clone()))
        .merge(debts::routes(site.clone()))
        .merge(notices::aside::routes(site.clone()))
        .merge(caps::routes(site.clone()))
        .merge(earnings::routes(site.clone()))
        .merge(operator::routes(site))
        .merge(providers::sandbox::routes(sandbox))
}
