//! People: who can sign in, their channels, sessions, guests and stream keys.
//!
//! Domain functions are plain functions over a transaction; times, ids and hashes are arguments. Who may
//! do what is decided by an extractor: [`Caller`], [`Named`], [`SignedIn`], [`Operator`]; and, where programs may
//! do it too, by [`Allowed`], which names the scope that their token needs. Whose account is
//! shut, because it is [suspended](suspension) or [to be deleted](deletion), is nobody to all of them; only
//! [`Concerned`] knows who they are.
//! No secret is stored: passwords as argon2id, session tokens, programs' tokens, stream keys and the set-up token
//! (256 random bits each) as SHA-256.

pub mod adult;
mod allowed;
mod attempts;
pub mod block;
mod caller;
mod channel;
pub mod confirm;
pub mod deletion;
pub mod erase;
pub mod follow;
pub mod guest;
pub mod me;
pub mod own;
pub mod page;
pub mod password;
mod person;
mod routes;
mod schema;
mod scope;
pub mod secret;
pub mod session;
pub mod setup;
mod shut;
pub mod sign_in;
pub mod sign_up;
pub mod stream_key;
pub mod suspension;
pub mod team;
pub mod token;

pub use allowed::{Acting, Allowed, ByToken};
pub use attempts::{AddressGate, Limits, Rate};
pub use caller::{Caller, Concerned, Named, Operator, OwnChannel, SignedIn};
pub use channel::{Channel, ChannelKind, ChannelRef, channel, channel_by_handle, channel_of, own_channel};
pub use confirm::Confirmation;
pub use guest::Guest;
pub use me::Coins;
pub use person::{Person, Role, person, person_by_handle};
pub use routes::routes;
pub use schema::MIGRATIONS;
pub use scope::{AnyScope, ChatRead, ChatWrite, Moderate, Needs, RoomRead, Scope, Scopes};
pub use shut::Shut;
pub use team::{Moderator, TeamRole};

#[cfg(test)]
mod tests;
