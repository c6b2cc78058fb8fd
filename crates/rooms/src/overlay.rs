//! Overlays in a room: browser sources of OBS, which show over the picture what the log says. Whoever lets one in has
//! found its secret (the crate above keeps those).
//!
//! Invariant: an overlay reads what everyone in the room sees, and no more: it is nobody, whoever made it. Nothing of the
//! sub room, of the stage's own events or of what is told to one person reaches it, live, by resume or in a hello. As it is
//! the channel's own tool it opens rooms that are for some only; a hangout it never opens. It says
//! nothing, and is not counted among the viewers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::Request;
use axum::response::Response;
use busk_api::{Problem, StatusCode};
use busk_base::{ChannelId, OverlayId, RoomId};
use busk_fanout::{CLOSE_RESUME, ConnId, Whom};
use busk_people::Caller;
use busk_store::StoreError;

use crate::State;
use crate::http::room_unknown;
use crate::live::{Rooms, Viewer};
use crate::socket;
pub use crate::socket::Since;
use crate::view;

/// Sockets of one overlay: a few sources and machines of one studio. Whoever has a leaked address gets no more.
const SOCKETS_MAX: usize = 20;

/// An overlay as it was when its secret was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverlayPass {
    pub id: OverlayId,
    /// Another one since: what this pass has opened is closed.
    pub version: i64,
}

/// Sockets by the overlay that opened them.
#[derive(Default)]
pub(crate) struct Overlays(Mutex<HashMap<OverlayId, Vec<(ConnId, i64)>>>);

impl Overlays {
    fn open(&self) -> MutexGuard<'_, HashMap<OverlayId, Vec<(ConnId, i64)>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn socket_came(&self, pass: OverlayPass, conn: ConnId) {
        self.open().entry(pass.id).or_default().push((conn, pass.version));
    }

    pub(crate) fn socket_left(&self, pass: OverlayPass, conn: ConnId) {
        let mut open = self.open();
        let Some(sockets) = open.get_mut(&pass.id) else {
            return;
        };
        sockets.retain(|(known, _)| *known != conn);
        if sockets.is_empty() {
            open.remove(&pass.id);
        }
    }

    fn is_full(&self, id: OverlayId) -> bool {
        self.open()
            .get(&id)
            .is_some_and(|sockets| sockets.len() >= SOCKETS_MAX)
    }
}

impl Viewer {
    fn of_overlay(pass: OverlayPass) -> Self {
        Self {
            overlay: Some(pass),
            ..Self::default()
        }
    }
}

impl Rooms {
    /// The channel's room from its lobby to its end, if there is one.
    pub async fn room_for_overlay(&self, channel: ChannelId) -> Result<Option<RoomId>, StoreError> {
        let read = self.site().store().read(move |db| view::of_channel(db, channel));
        let open = read.await?.filter(|shown| shown.room.state != State::Scheduled);
        Ok(open.map(|shown| shown.room.id))
    }

    /// Opens an overlay's socket into a room of its channel.
    pub async fn open_overlay(
        &self,
        pass: OverlayPass,
        channel: ChannelId,
        room: RoomId,
        since: Since,
        request: Request,
    ) -> Result<Response, Problem> {
        let read = self.site().store().read(move |db| view::one(db, room));
        let shown = read.await?;
        shown
            .filter(|shown| shown.room.channel == channel && !shown.room.private)
            .ok_or_else(room_unknown)?;
        if self.overlays().is_full(pass.id) {
            let title = "The overlay is open in too many places";
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "full", title).retry_after(10));
        }
        let viewer = Arc::new(Viewer::of_overlay(pass));
        Ok(socket::upgrade(
            self.clone(),
            room,
            since,
            Caller::Nobody,
            viewer,
            request,
        ))
    }

    /// Overlays that have a socket open here.
    pub fn open_overlays(&self) -> Vec<OverlayId> {
        self.overlays().open().keys().copied().collect()
    }

    /// Closes what other versions of an overlay than this one have opened; they may come back.
    pub fn close_overlay(&self, id: OverlayId, version: Option<i64>) {
        let sockets = self.overlays().open().get(&id).cloned();
        let outdated = |(_, opened): &(ConnId, i64)| Some(*opened) != version;
        for (conn, _) in sockets.unwrap_or_default().into_iter().filter(outdated) {
            self.fanout()
                .disconnect(Whom::Conn(conn), CLOSE_RESUME, "the overlay was changed");
        }
    }
}
