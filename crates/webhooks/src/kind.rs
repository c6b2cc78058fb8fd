//! What a webhook can tell of.

use std::fmt;

use busk_store::StoreError;
use serde::{Deserialize, Serialize};

/// One kind of thing that happens in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = WebhookKind)]
pub enum Kind {
    /// A live is on the air.
    #[serde(rename = "live.began")]
    LiveBegan,
    /// It has ended; not when its camera is only lost for a while.
    #[serde(rename = "live.ended")]
    LiveEnded,
    /// Somebody gave a gift.
    #[serde(rename = "gift")]
    Gift,
    /// Somebody bought hearts.
    #[serde(rename = "badge")]
    Badge,
    /// Somebody subscribed, or was renewed.
    #[serde(rename = "subscription")]
    Subscription,
    /// Somebody bought a ticket.
    #[serde(rename = "ticket")]
    Ticket,
    /// Somebody follows the channel; told once, however often they come and go.
    #[serde(rename = "follow")]
    Follow,
    /// Sent by hand, to see whether it arrives.
    #[serde(rename = "test")]
    Test,
}

impl Kind {
    pub(crate) const ALL: [Kind; 8] = [
        Kind::LiveBegan,
        Kind::LiveEnded,
        Kind::Gift,
        Kind::Badge,
        Kind::Subscription,
        Kind::Ticket,
        Kind::Follow,
        Kind::Test,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Kind::LiveBegan => "live.began",
            Kind::LiveEnded => "live.ended",
            Kind::Gift => "gift",
            Kind::Badge => "badge",
            Kind::Subscription => "subscription",
            Kind::Ticket => "ticket",
            Kind::Follow => "follow",
            Kind::Test => "test",
        }
    }

    pub(crate) fn parse(word: &str) -> Result<Self, StoreError> {
        let found = Kind::ALL.into_iter().find(|kind| kind.word() == word);
        found.ok_or_else(|| StoreError::Broken(format!("a webhook tells of {word:?}")))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// As they are stored: words with a space between.
pub(crate) fn words(kinds: &[Kind]) -> String {
    let chosen = Kind::ALL.into_iter().filter(|kind| kinds.contains(kind));
    chosen.map(Kind::word).collect::<Vec<_>>().join(" ")
}

pub(crate) fn parse(words: &str) -> Result<Vec<Kind>, StoreError> {
    words.split_whitespace().map(Kind::parse).collect()
}
