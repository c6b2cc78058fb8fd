//! Overlays: what a channel shows over its picture in OBS, as browser sources: alerts, goals, the chat, the message in
//! the spotlight. Each has an address with a secret of its own, which stays when the live ends: it finds the live that
//! is on, or the next one.
//!
//! ```text
//!   owner ─► overlay.rs: how it looks (look.rs), its secret         browser source ─► door.rs: by the secret alone
//!              └─ version + 1 ─► keep.rs: sockets of older versions are closed, and come back for what holds now
//! ```
//!
//! Invariants: a secret is shown when it is made and never after; its hash alone is kept. It opens one overlay of one
//! channel, and nothing that a session opens. What an overlay is told of a room stands in [`busk_rooms::overlay`].

mod door;
mod keep;
mod look;
mod overlay;
pub mod own;
mod schema;

use std::sync::Arc;

use axum::extract::FromRef;
use busk_api::{OpenApiRouter, Site};
use busk_rooms::Rooms;
use tokio::sync::Notify;

pub use look::{Look, LookError};
pub use overlay::{Kind, Overlay, OverlayError};
pub use schema::MIGRATIONS;

/// A site's overlays. Clones share them.
#[derive(Clone)]
pub struct Overlays(Arc<Parts>);

struct Parts {
    rooms: Rooms,
    /// Told when one was changed here.
    changed: Notify,
}

impl Overlays {
    /// Also looks after what is open, for as long as the program runs.
    pub fn start(rooms: Rooms) -> Self {
        let changed = Notify::new();
        let overlays = Self(Arc::new(Parts { rooms, changed }));
        tokio::spawn(overlays.clone().keep());
        overlays
    }

    fn rooms(&self) -> &Rooms {
        &self.0.rooms
    }

    fn site(&self) -> &Site {
        self.0.rooms.site()
    }
}

impl FromRef<Overlays> for Site {
    fn from_ref(overlays: &Overlays) -> Self {
        overlays.site().clone()
    }
}

/// All addresses of this crate.
pub fn routes(overlays: Overlays) -> OpenApiRouter {
    OpenApiRouter::new()
        .merge(overlay::routes())
        .merge(door::routes())
        .with_state(overlays)
}
