//! The vocabulary of the room log. What is written here is what clients get, byte for byte.

use busk_base::{GiftId, MessageId, RoomId, SpotlightId, StreakId, Timestamp, TopicId};
use busk_people::ChannelRef;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::chat::{ChatMode, Reply};
use crate::moderation::HeldWhy;
use crate::stage::{Layout, Outcome, Seat, Standing, Vote};
use crate::talk::{Pin, Poll, Question, Spotlight, Topic};
use crate::{Goal, State, UsedEmote};

/// One numbered entry of a room's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RoomEvent {
    /// From 1, without a gap.
    pub n: i64,
    pub at: Timestamp,
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum What {
    /// A chat message.
    Said {
        id: MessageId,
        from: Speaker,
        text: String,
        /// Those that are drawn where the text names them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        emotes: Vec<UsedEmote>,
        /// What it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply: Option<Reply>,
    },
    /// Said by somebody who is shadowed; told to moderators, and to its author as `said`.
    Shadowed {
        id: MessageId,
        from: Speaker,
        text: String,
    },
    /// A message waits for a moderator; told to them.
    Held { held: Held },
    /// It waits no more: it is said, or it is not.
    HeldEnded {
        message: MessageId,
        said: bool,
        by: Uuid,
    },
    /// One's own message waits for a moderator, or was dismissed; told to its author.
    HeldMine {
        id: MessageId,
        text: String,
        dismissed: bool,
    },
    /// How the chat is run from now on.
    ChatMode { mode: ChatMode },
    /// Many people at once write here for the first time; told to moderators, who decide.
    Raid {
        /// Of the last minute.
        newcomers: i64,
    },
    /// All that somebody has said here so far was taken away; clients hide it.
    Cleared {
        person: Uuid,
        by: Uuid,
        /// How long they cannot write; without it they are banned.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<u32>,
    },
    /// A message was taken away; clients hide it.
    Deleted { message: MessageId, by: Uuid },
    /// Stands in the log's replay where a deleted message stood.
    Removed {},
    /// A gift; `price` is of one, `total` of all, in coins.
    Gift {
        id: GiftId,
        from: Speaker,
        kind: String,
        count: i64,
        price: i64,
        total: i64,
        streak: Option<Streak>,
    },
    /// Nobody can carry a streak on any more; `total` is what all of it cost, in coins. Once of each streak.
    StreakEnd {
        streak: StreakId,
        from: Speaker,
        kind: String,
        count: i64,
        total: i64,
    },
    /// Someone bought hearts, which stand beside their name from now on.
    Badge { from: Speaker, hearts: u8 },
    /// Someone subscribed to the channel, or did so again; `months` of loyalty so far.
    Subscription { from: Speaker, tier: u8, months: i64 },
    /// Someone gave months as a member to others, to each one.
    SubscriptionGift {
        from: Speaker,
        tier: u8,
        to: Vec<Speaker>,
    },
    /// Someone bought a ticket while the room is on the air; with a turn on stage, or without.
    Ticket { from: Speaker, stage: bool },
    /// Somebody follows the channel; told once in a live.
    Follow { from: Speaker },
    /// A goal as it is now: set, moved on, reached, or removed.
    Goal { goal: Goal },
    /// Said in the sub room; told to those who may read it.
    SubRoomSaid {
        id: MessageId,
        from: Speaker,
        text: String,
        /// Those that are drawn where the text names them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        emotes: Vec<UsedEmote>,
        /// What was talked about then.
        topic: Option<TopicId>,
        /// The message that this is the host's answer to.
        answers: Option<MessageId>,
    },
    /// What the sub room talks about from now on; told to those who may read it.
    Topic { topic: Option<Topic> },
    /// A poll as it is now: opened, or closed with its result.
    Poll { poll: Poll },
    /// A message is over the picture from now on, in the place of any other.
    Spotlight { spotlight: Spotlight },
    /// A message is over the picture no more; `answered` when it was answered on camera meanwhile.
    SpotlightEnd { spotlight: SpotlightId, answered: bool },
    /// A message stands above the chat from now on, in the place of any other.
    Pin { pin: Pin },
    /// It does no more.
    Unpin { message: MessageId },
    /// A question as it is now: asked, answered, or dismissed.
    Question { question: Question },
    /// The room's state changed.
    RoomState {
        state: State,
        #[serde(skip_serializing_if = "Option::is_none")]
        resume_until: Option<Timestamp>,
    },
    /// The title changed.
    Title { title: String },
    /// Who is on stage, and how it is laid out, from now on.
    Stage {
        layout: Layout,
        /// The seat that the layout is about.
        focus: Option<u8>,
        seats: Vec<Seat>,
    },
    /// Who waits to come on stage; told to those on it.
    StageWaiting {
        asked: Vec<Speaker>,
        invited: Vec<Speaker>,
    },
    /// One's own standing; told to that person alone.
    StageMine {
        state: Standing,
        seat: Option<u8>,
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<Why>,
    },
    /// The host ends the live and takes its viewers along to another one.
    Redirect { room: RoomId, channel: ChannelRef },
    /// Viewers of another live are sent here.
    Arrivals {
        channel: ChannelRef,
        /// How many watched there.
        viewers: i64,
    },
    /// What the site's operators tell everybody who is in a live.
    Announcement { text: String },
    /// What is special about a hangout, from now on; told to those in it.
    Hangout {
        locked: bool,
        /// All are asked whether to go live.
        vote: Option<Vote>,
        /// How the last vote ended, when it did not end in going live.
        outcome: Option<Outcome>,
    },
}

/// A message that waits for a moderator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = HeldMessage)]
pub struct Held {
    pub id: MessageId,
    pub from: Speaker,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Reply>,
    pub why: HeldWhy,
    pub at: Timestamp,
}

/// Why someone's standing with the stage changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    Admitted,
    /// Their ask was dismissed, or an invitation withdrawn.
    Declined,
    Removed,
    Left,
    /// Their camera did not come back in time.
    Lost,
}

/// A run of the same gift by the same viewer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Streak {
    pub id: StreakId,
    /// How many of the gift so far.
    pub count: i64,
}

/// Who said or gave something, as others see them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Speaker {
    pub id: Uuid,
    pub name: String,
    pub kind: SpeakerKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<SpeakerRole>,
    /// The most hearts that they had bought in this live when they said it: 1 to 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub badge: Option<u8>,
    /// How many months they had been a member of the channel when they said it, while they were one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub months: Option<i64>,
    /// Their place among those who had given most in this live: 1 to 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SpeakerKind {
    Person,
    Guest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SpeakerRole {
    Host,
    /// Of the channel's team.
    Moderator,
    Operator,
}
