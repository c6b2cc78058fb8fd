//! Webhooks: a channel's owner has addresses of theirs told what happens: that a live began or ended, gifts, badges,
//! subscriptions, tickets. As Standard Webhooks says (<https://www.standardwebhooks.com>), so that any of its
//! libraries can verify what comes.
//!
//! ```text
//!   a room's log ─► read.rs ─┐
//!                            ├─► deliveries, by endpoint ─► work.rs ─► send.rs ─► the endpoint
//!   commerce ─► tell() ──────┘                                ▲ retries, over three days
//! ```
//!
//! Invariants: what is told was committed, and is told at least once, by one id; a secret is sealed where it is kept
//! and shown once; nothing but public addresses is connected to; a slow endpoint holds up nobody else.
//!
//! What the log has is read from it, a moment after its commit and up to a mark, as the tally does: so a gift costs
//! nothing more, whether somebody listens or not.

mod delivery;
mod endpoint;
mod kind;
pub mod own;
mod read;
mod schema;
mod secret;
mod send;
mod tell;
mod work;

use std::sync::Arc;

use axum::extract::FromRef;
use busk_api::{OpenApiRouter, Site};
use busk_base::net::Network;
use busk_outward::{Reach, Tls};
use busk_rooms::Rooms;
use busk_rooms::restream::SealingKey;
use tokio::sync::Notify;

pub use kind::Kind;
pub use read::follow;
pub use schema::MIGRATIONS;
pub use tell::{Telling, tell};
pub use work::work;

/// What webhooks are made of.
pub struct WebhooksConfig {
    pub rooms: Rooms,
    /// Seals what is kept of secrets.
    pub sealing: SealingKey,
    /// Where they may lead, beside public addresses; by `http://`, too.
    pub private_networks: Vec<Network>,
}

/// A site's webhooks. Clones share them.
#[derive(Clone)]
pub struct Webhooks(Arc<Parts>);

struct Parts {
    rooms: Rooms,
    sealing: SealingKey,
    reach: Reach,
    tls: Tls,
    /// Told when there is something to deliver.
    due: Notify,
}

impl Webhooks {
    /// Blocks while the machine's certificate authorities are read.
    pub fn new(config: WebhooksConfig) -> Self {
        let tls = Tls::of_machine().unwrap_or_else(|error| {
            tracing::warn!("webhooks by https:// cannot be delivered: {error}");
            Tls::none()
        });
        Self(Arc::new(Parts {
            rooms: config.rooms,
            sealing: config.sealing,
            reach: Reach {
                private: config.private_networks,
            },
            tls,
            due: Notify::new(),
        }))
    }

    fn site(&self) -> &Site {
        self.0.rooms.site()
    }
}

impl FromRef<Webhooks> for Site {
    fn from_ref(webhooks: &Webhooks) -> Self {
        webhooks.site().clone()
    }
}

/// All addresses of this crate.
pub fn routes(webhooks: Webhooks) -> OpenApiRouter {
    OpenApiRouter::new()
        .merge(endpoint::routes())
        .merge(delivery::routes())
        .with_state(webhooks)
}
