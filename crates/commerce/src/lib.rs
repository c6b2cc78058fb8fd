//! People pay: coins, gifts, and what creators earn by them.
//!
//! ```text
//!   card ─► provider ─notice─► coins::settle ─► wallet ─► gifts::send ─► diamonds.pending
//!                                                     earnings::release ─► diamonds.available
//!                                                     earnings::redeem  ─► earnings.available
//! ```
//!
//! Every movement is a posting of the ledger; the accounts are named in [`accounts`] and nowhere else.

pub mod accounts;
pub mod caps;
pub mod coins;
pub mod earnings;
pub mod gifts;
mod operator;
pub mod providers;
#[cfg(test)]
mod scene;
mod schema;
pub mod statements;

pub use schema::MIGRATIONS;

use busk_api::{OpenApiRouter, Site};
use providers::sandbox::Sandbox;

/// All addresses of this crate.
pub fn routes(site: Site, sandbox: Sandbox) -> OpenApiRouter {
    gifts::routes(site.clone())
        .merge(coins::routes(site.clone(), sandbox.clone()))
        .merge(caps::routes(site.clone()))
        .merge(earnings::routes(site.clone()))
        .merge(operator::routes(site.clone()))
        .merge(statements::routes(site))
        .merge(providers::sandbox::routes(sandbox))
}
