//! A channel's overlays, for its owner: one of each kind, how it looks, and the secret of its address.
//!
//! Invariant: whatever an open overlay has to be told (another look, another secret, none) raises its version.

mod http;
mod sql;
#[cfg(test)]
mod tests;

use busk_base::{ChannelId, OverlayId, PersonId, Timestamp};
use busk_people::{Channel, channel_by_handle, secret};
use busk_store::{Read, StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::look::{Look, LookError};

pub(crate) use http::routes;
pub(crate) use sql::versions;

/// Makes a leaked secret easy to find.
const PREFIX: &str = "busk_overlay_";

/// What an overlay shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = OverlayKind)]
pub enum Kind {
    /// Gifts, badges, subscriptions and tickets, one after another.
    Alerts,
    /// What the live is given for.
    Goal,
    /// What is said.
    Chat,
    /// The message that the host has put over the picture.
    Spotlight,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Alerts, Kind::Goal, Kind::Chat, Kind::Spotlight];

    fn word(self) -> &'static str {
        match self {
            Kind::Alerts => "alerts",
            Kind::Goal => "goal",
            Kind::Chat => "chat",
            Kind::Spotlight => "spotlight",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        let known = Kind::ALL.into_iter().find(|kind| kind.word() == word);
        known.ok_or_else(|| StoreError::Broken(format!("an overlay is {word:?}")))
    }
}

/// An overlay as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    pub id: OverlayId,
    pub channel: ChannelId,
    pub kind: Kind,
    pub look: Look,
    /// When its secret was made, if it has one.
    pub secret_at: Option<Timestamp>,
    /// Raised by each change.
    pub version: i64,
}

/// Why an overlay was not changed, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OverlayError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such channel")]
    ChannelUnknown,
    #[error("only the channel's owner may do this")]
    NotYours,
    #[error(transparent)]
    Look(LookError),
}

impl Overlay {
    fn plain(id: OverlayId, channel: ChannelId, kind: Kind) -> Self {
        Self {
            id,
            channel,
            kind,
            look: Look::plain(kind),
            secret_at: None,
            version: 0,
        }
    }
}

/// A new secret's text.
pub(crate) fn new_secret(secret: [u8; 32]) -> String {
    format!("{PREFIX}{}", secret::text(secret))
}

/// A channel, for its owner and nobody else.
pub(crate) fn owned(db: &mut impl Read, handle: &str, by: PersonId) -> Result<Channel, OverlayError> {
    let channel = channel_by_handle(db, handle)?.ok_or(OverlayError::ChannelUnknown)?;
    if channel.owner != by {
        return Err(OverlayError::NotYours);
    }
    Ok(channel)
}

/// Those of a channel that were ever changed.
pub fn of_channel(db: &mut impl Read, channel: ChannelId) -> Result<Vec<Overlay>, StoreError> {
    sql::of_channel(db, channel)
}

/// Whose secret it is.
pub fn by_secret(db: &mut impl Read, secret: &str) -> Result<Option<Overlay>, StoreError> {
    if !secret.starts_with(PREFIX) {
        return Ok(None);
    }
    sql::by_hash(db, &secret::hash(secret))
}

/// Changes how an overlay looks. `id` is its own from now on, if it has none.
pub fn dress(
    tx: &mut Tx,
    channel: ChannelId,
    kind: Kind,
    look: Look,
    id: OverlayId,
) -> Result<Overlay, OverlayError> {
    let look = look.checked(kind).map_err(OverlayError::Look)?;

    let mut overlay = sql::kept(tx, channel, kind, id)?;
    overlay.look = look;
    overlay.version += 1;
    sql::save(tx, &overlay)?;
    Ok(overlay)
}

/// Makes `secret` the only one that opens an overlay.
pub fn rotate(
    tx: &mut Tx,
    channel: ChannelId,
    kind: Kind,
    secret: &str,
    id: OverlayId,
    now: Timestamp,
) -> Result<Overlay, OverlayError> {
    let mut overlay = sql::kept(tx, channel, kind, id)?;
    overlay.secret_at = Some(now);
    overlay.version += 1;
    sql::save(tx, &overlay)?;
    sql::set_secret(tx, overlay.id, Some((&secret::hash(secret), now)))?;
    Ok(overlay)
}

/// Has no secret open an overlay any more. Once more changes nothing.
pub fn shut(tx: &mut Tx, channel: ChannelId, kind: Kind, id: OverlayId) -> Result<Overlay, OverlayError> {
    let mut overlay = sql::kept(tx, channel, kind, id)?;
    if overlay.secret_at.take().is_none() {
        return Ok(overlay);
    }
    overlay.version += 1;
    sql::save(tx, &overlay)?;
    sql::set_secret(tx, overlay.id, None)?;
    Ok(overlay)
}
