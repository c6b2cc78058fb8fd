//! The ledger: accounts, transfers, postings. It knows no feature.
//!
//! A *transfer* moves an amount from a debit account to a credit account of the same unit; an unbalanced
//! entry cannot be written down. A *posting* is a list of transfers that all happen or none do, under an
//! id made by the client. Rows are only ever added: a correction is a new posting that names the old.
//!
//! An account's balance is what came in (credits) less what went out (debits). Only *floating* accounts
//! (the platform's counterparts of the outside world) may go below zero. A *pending* transfer reserves
//! its amount on the debit account until it is settled, wholly or in part, or released; once it has
//! expired it can only be released.
//!
//! Every transfer carries the running balances of both accounts, so that any later change of any row
//! shows in the [`audit`]. What a closed period holds is put under a [`seal`].

mod account;
pub mod audit;
mod form;
pub mod journal;
pub mod policy;
mod post;
mod posting;
mod schema;
pub mod seal;
mod statement;

pub use account::{Account, AccountKey, AccountRef};
pub use post::{LEGS_MAX, PostError, Posted, ahead, balance, post};
pub use posting::{Cause, Leg, Posting, TransferId};
pub use schema::MIGRATIONS;
pub use statement::{
    Line, Side, TransferRow, balance_of, lines, lines_after, lines_of, owners_with, transfers_of,
};
