//! Notices: whoever follows a channel is told when it goes live: on the site, by e-mail and by Web Push, each as they
//! want it. And lives that are announced, for others' programs: calendars, RSS, oEmbed.
//!
//! ```text
//!   a live on the air ─► begin.rs ─► notice_live ─┬─► inbox.rs: read by whoever follows
//!                                                 └─► spread.rs: followers, 500 at a time
//!                                                       └─► deliveries ─► work.rs ─┬─► letters.rs ─► the relay
//!                                                                                  └─► push/send.rs ─► push services
//! ```
//!
//! What others write to somebody ([`post`]: about reports) goes the way of letters, too.
//!
//! Invariants: a live is told of once, and a channel's lives not more often than [`begin::APART`]; each step and what
//! it leaves to be done are one transaction, so that a program that dies forgets nobody and tells nobody twice; nobody
//! is told by a way that they, or the bell of the channel, have switched off.
//!
//! That a live began is looked for, once a second, among the rooms that are on the air. It is not a job that the
//! beginning leaves: so a live costs nothing more for having followers, rooms know nothing of notices, and one that is
//! over before anybody looked is rightly told to nobody.

mod address;
mod begin;
mod bell;
mod choice;
mod delivery;
mod inbox;
mod keys;
mod letters;
mod lives;
mod oembed;
pub mod own;
pub mod post;
mod push;
mod schema;
mod spread;
#[cfg(test)]
mod tests;
mod unsubscribe;
mod work;

use std::sync::Arc;

use axum::extract::FromRef;
use busk_api::{OpenApiRouter, Site};
use busk_base::net::Network;
use busk_mail::Relay;
use busk_outward::{Reach, Tls};
use busk_rooms::restream::SealingKey;
use busk_store::StoreError;
use tokio::sync::Notify;

use crate::keys::Keys;

pub use schema::MIGRATIONS;
pub use work::work;

/// What notices are made of.
pub struct NoticesConfig {
    pub site: Site,
    /// Seals what is kept of secrets.
    pub sealing: SealingKey,
    /// Whom letters are handed to; without one there are none.
    pub relay: Option<Relay>,
    /// Where push services may be, beside public addresses; by `http://`, too.
    pub private_networks: Vec<Network>,
}

/// A site's notices. Clones share them.
#[derive(Clone)]
pub struct Notices(Arc<Parts>);

struct Parts {
    site: Site,
    keys: Keys,
    relay: Option<Relay>,
    reach: Reach,
    tls: Tls,
    /// Told when there is something to deliver.
    due: Notify,
}

impl Notices {
    /// Reads the site's keys, makes them at the first start.
    pub async fn new(config: NoticesConfig) -> Result<Self, StoreError> {
        let keys = keys::keep(&config.site, &config.sealing).await?;
        let tls = tokio::task::spawn_blocking(Tls::of_machine).await;
        let tls = tls.map_err(|panic| StoreError::Broken(panic.to_string()))?;
        Ok(Self(Arc::new(Parts {
            site: config.site,
            keys,
            relay: config.relay,
            reach: Reach {
                private: config.private_networks,
            },
            tls: tls.unwrap_or_else(|error| {
                tracing::warn!("neither push services nor a relay by TLS can be connected to: {error}");
                Tls::none()
            }),
            due: Notify::new(),
        })))
    }

    fn site(&self) -> &Site {
        &self.0.site
    }
}

impl FromRef<Notices> for Site {
    fn from_ref(notices: &Notices) -> Self {
        notices.site().clone()
    }
}

/// All addresses of this crate.
pub fn routes(notices: Notices) -> OpenApiRouter {
    OpenApiRouter::new()
        .merge(inbox::routes())
        .merge(choice::routes())
        .merge(bell::routes())
        .merge(address::routes())
        .merge(push::routes())
        .merge(unsubscribe::routes())
        .merge(lives::routes())
        .merge(oembed::routes())
        .with_state(notices)
}
