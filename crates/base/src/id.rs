//! Ids: one type per kind of thing, all UUIDv7 (RFC 9562 §5.7), so that they sort by time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;

/// Builds a UUIDv7 from a time and 80 random bits of which 74 are used.
pub fn uuid_v7(now: Timestamp, random: [u8; 10]) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(now.unix_ms(), &random).into_uuid()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, format = Uuid)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id that sorts at `now`.
            pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
                Self(uuid_v7(now, random))
            }

            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                Uuid::from_slice(bytes).ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )*};
}

ids! {
    /// Someone who can sign in.
    PersonId,
    /// An anonymous viewer who gave a name.
    GuestId,
    /// The public face that goes live.
    ChannelId,
    /// A signed-in browser.
    SessionId,
    /// One live.
    RoomId,
    /// A chat message, made by its author.
    MessageId,
    /// A picture that a channel's members use in chat.
    EmoteId,
    /// What a sub room talks about, made by its host.
    TopicId,
    /// A question with answers to choose from, made by its host.
    PollId,
    /// A message over the picture, made by the host who puts it there.
    SpotlightId,
    /// An entry of the moderation log.
    RecordId,
    /// A gift, made by its sender; at once its idempotency key.
    GiftId,
    /// A run of the same gift by the same viewer.
    StreakId,
    /// What a live is given for, made by its host.
    GoalId,
    /// A payment, made by the payer; at once its idempotency key.
    PaymentId,
    /// Money given back of a payment.
    RefundId,
    /// Money on its way to a creator's bank.
    PayoutId,
    /// Payouts that are sent to a bank in one file.
    PayoutBatchId,
    /// A payer's objection at their bank.
    DisputeId,
    /// A redemption of diamonds, made by the creator.
    RedemptionId,
    /// One all-or-nothing list of transfers.
    PostingId,
    /// A piece of work that a transaction left to be done after it.
    JobId,
    /// One WHIP or WHEP session.
    MediaSessionId,
    /// A place on another platform that a channel's programs are pushed to.
    RestreamTargetId,
    /// What a channel shows over its picture: a browser source with a secret of its own.
    OverlayId,
    /// What lets a program act as a person.
    TokenId,
    /// An address of a channel's owner that is told what happens.
    WebhookId,
    /// One thing that is told to one of them.
    DeliveryId,
}
