//! Restreaming: a channel's lives are shown on other platforms, too. Up to three targets, each an RTMP address and a
//! stream key; those that are on are pushed to for as long as a room of the channel is on the air.
//!
//! `rows.rs` keeps the targets, `seal.rs` what nobody may read of them, `running.rs` pushes, `http.rs` is the API.
//!
//! Invariant: a stream key leaves this server towards its own target only. It is sealed where it is kept, no answer
//! and no log has it, and another address needs it typed in again.

mod http;
mod rows;
mod running;
mod seal;

use busk_base::net::Network;
use busk_base::{ChannelId, RestreamTargetId, TextError, Timestamp};
use busk_rtmp::push::{Target, TargetError};
use busk_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use http::routes;
pub(crate) use running::Restreams;
pub use seal::SealingKey;

/// Targets of one channel.
pub const TARGETS_MAX: usize = 3;
/// Characters of a name.
pub const NAME_MAX: usize = 40;
/// Of a key, these many are shown at its end, and only when there are enough others.
const KEY_SHOWN: usize = 4;
const KEY_HIDDEN_MIN: usize = 8;

/// What restreaming is made of.
pub struct RestreamConfig {
    /// Seals what is kept of targets.
    pub sealing: SealingKey,
    /// Where pushing may lead, beside public addresses.
    pub private_networks: Vec<Network>,
}

/// A target as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RestreamTarget {
    id: RestreamTargetId,
    name: String,
    /// Without the stream key. Null when what is kept of it can no longer be read: it has to be entered again.
    url: Option<String>,
    /// The last four characters of the stream key; empty when it is too short to show any.
    key_end: String,
    enabled: bool,
    created_at: Timestamp,
}

/// How pushing to a target goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RestreamState {
    /// It is switched off.
    Off,
    /// It is on, and the room shows nothing yet.
    Waiting,
    Connecting,
    Live,
    /// It failed, and is tried again by itself.
    Retrying,
    /// It failed, and is tried again when the target is changed.
    Refused,
}

/// A target during a live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Restream {
    target: RestreamTargetId,
    name: String,
    state: RestreamState,
    /// Since when it is in this state; null when it is off or waits.
    since: Option<Timestamp>,
    /// When it is tried again.
    retry_at: Option<Timestamp>,
    /// Why it is retrying or refused, in a sentence; may be the other platform's words.
    why: Option<String>,
    /// What was sent in the last second.
    kbps: u64,
    /// Pictures since it is live.
    pictures_sent: u64,
    /// Pictures that the other platform was too slow for, since it is live.
    pictures_dropped: u64,
}

/// Why a target was not kept or changed, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum RestreamError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("There is no such channel")]
    ChannelUnknown,
    #[error("Only the channel's owner may do this")]
    NotYours,
    #[error("There is no such target")]
    TargetUnknown,
    #[error("A channel has at most {TARGETS_MAX} targets. Remove one first.")]
    TooMany,
    #[error("the name {0}")]
    Name(TextError),
    #[error("{0}")]
    Url(TargetError),
    #[error("The address must not have the stream key in it.")]
    KeyInUrl,
    #[error("{0}")]
    Key(TargetError),
    #[error("Enter the stream key again: it is sent to no other address than the one it was entered for.")]
    KeyNeeded,
    #[error("It could not be sealed")]
    Sealing,
}

/// An address and a stream key that were looked at, and can be pushed to. Says nothing of itself.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret {
    url: String,
    key: String,
}

impl Secret {
    fn new(url: &str, key: &str) -> Result<Self, RestreamError> {
        let (url, key) = (url.trim(), key.trim());
        // Each with another that is right, so that it is known which is wrong.
        Target::parse(url, "key").map_err(RestreamError::Url)?;
        if key.is_empty() {
            return Err(RestreamError::Key(TargetError::Key));
        }
        Target::parse("rtmp://host/app", key).map_err(RestreamError::Key)?;
        let bare = bare(key);
        if bare.len() > KEY_SHOWN && url.contains(bare) {
            return Err(RestreamError::KeyInUrl);
        }
        Ok(Self {
            url: url.to_owned(),
            key: key.to_owned(),
        })
    }

    fn target(&self) -> Result<Target, TargetError> {
        Target::parse(&self.url, &self.key)
    }

    fn key_end(&self) -> String {
        // Keys are ASCII.
        let bare = bare(&self.key);
        let hidden = bare.len().saturating_sub(KEY_SHOWN);
        bare.get(hidden..)
            .filter(|_| hidden >= KEY_HIDDEN_MIN)
            .unwrap_or_default()
            .to_owned()
    }
}

/// A stream key without the settings that some platforms have behind it.
fn bare(key: &str) -> &str {
    key.split(['?', '&']).next().unwrap_or_default()
}

/// A target as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    id: RestreamTargetId,
    channel: ChannelId,
    name: String,
    /// [`Secret`], sealed for this target.
    sealed: Vec<u8>,
    enabled: bool,
    created_at: Timestamp,
}

impl Kept {
    fn secret(&self, sealing: &SealingKey) -> Option<Secret> {
        sealing.open(self.id, self.channel, &self.sealed)
    }

    fn view(self, sealing: &SealingKey) -> RestreamTarget {
        let secret = self.secret(sealing);
        RestreamTarget {
            key_end: secret.as_ref().map(Secret::key_end).unwrap_or_default(),
            url: secret.map(|secret| secret.url),
            id: self.id,
            name: self.name,
            enabled: self.enabled,
            created_at: self.created_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_pushed_to_is_refused_by_the_field() {
        use RestreamError::*;
        let refused = |url: &str, key: &str| Secret::new(url, key).err();
        let long = "k".repeat(1_025);
        for url in [
            "http://a/live",
            "rtmp://me:pw@a/live",
            "rtmp://a",
            "rtmp://a/li ve",
            &long,
        ] {
            assert!(matches!(refused(url, "key"), Some(Url(_))), "{url}");
        }
        for key in ["", "  ", "a b", "a\nb", &long] {
            assert!(matches!(refused("rtmp://a/live", key), Some(Key(_))), "{key}");
        }
        let within = refused("rtmp://a/live/secret-key", "secret-key?x=1");
        assert!(matches!(within, Some(KeyInUrl)));
        assert!(Secret::new(" rtmps://a:443/live ", " key ").is_ok());
    }

    #[test]
    fn of_a_key_only_the_end_is_shown() {
        for (key, end) in [
            ("live_1234_abcdefgh", "efgh"),
            ("live_1234_abcdefgh?bandwidthtest=true", "efgh"),
            ("twelve-chars", "hars"),
            ("elevenchars", ""),
            ("k", ""),
        ] {
            assert_eq!(Secret::new("rtmp://a/app", key).ok().unwrap().key_end(), end);
        }
    }
}
