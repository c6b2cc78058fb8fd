//! Replays: what a room's program showed, kept when the live is over. Its creator sees it at once, publishes it,
//! downloads it, deletes it; it goes by itself after a time (policy).
//!
//! Invariant: nothing of a private replay is given to anybody but its creator and the operator; of one for followers,
//! subscribers or ticket holders, to nobody else beside them.

pub(crate) mod files;
mod http;
mod shelf;

use busk_base::{PersonId, RoomId, Timestamp};
use busk_people::{Caller, ChannelRef};
use busk_replay::ArchiveError;
use busk_store::{Insert, Read, StoreError, Tx, Type, params, row};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::{self, Access};
use crate::hidden;
use crate::live::Rooms;
use crate::view::{self, Shown};
use crate::{RoomEvent, State};

pub(crate) use http::routes;
pub(crate) use shelf::Shelf;

/// Who may watch a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Its creator.
    #[default]
    Private,
    Public,
    /// Followers of its channel.
    Followers,
    /// Subscribers of its channel.
    Subscribers,
    /// Whose ticket of the live includes it.
    #[serde(rename = "ticket_holders")]
    TicketHolders,
}

impl Visibility {
    fn word(self) -> &'static str {
        match self {
            Visibility::Private => "private",
            Visibility::Public => "public",
            Visibility::Followers => "followers",
            Visibility::Subscribers => "subscribers",
            Visibility::TicketHolders => "ticket_holders",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        let all = [
            Visibility::Private,
            Visibility::Public,
            Visibility::Followers,
            Visibility::Subscribers,
            Visibility::TicketHolders,
        ];
        let found = all.into_iter().find(|visibility| visibility.word() == word);
        found.ok_or_else(|| StoreError::Broken(format!("a replay for {word}")))
    }

    /// What opens it, where something does.
    fn access(self) -> Option<Access> {
        match self {
            Visibility::Private => None,
            Visibility::Public => Some(Access::Free),
            Visibility::Followers => Some(Access::Followers),
            Visibility::Subscribers => Some(Access::Subscribers),
            Visibility::TicketHolders => Some(Access::Ticket),
        }
    }
}

/// A replay.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Replay {
    room: RoomId,
    title: String,
    channel: ChannelRef,
    /// The live goes on: more will come.
    recording: bool,
    visibility: Visibility,
    /// When what it shows first was.
    begun_at: Timestamp,
    duration_ms: u64,
    bytes: u64,
    /// Whether the asker is its creator.
    mine: bool,
}

/// An event of the room's log, placed on its replay.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Placed {
    /// Where the replay stands when it happened.
    position_ms: u64,
    event: RoomEvent,
}

/// Why there is no replay, in order of precedence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such replay")]
    Unknown,
    #[error("the replay is for some only")]
    Closed { to: Access, signed_in: bool },
    #[error("the replay is not yours")]
    NotYours,
    #[error("the live is not over")]
    NotOver,
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

static VISIBILITY: Insert = Insert {
    table: "room_replay",
    columns: &[("room", Type::Blob), ("visibility", Type::Text)],
};

/// Says who may watch.
fn publish(tx: &mut Tx, room: RoomId, visibility: Visibility) -> Result<(), StoreError> {
    tx.execute("DELETE FROM room_replay WHERE room = $1", params![room])?;
    if visibility != Visibility::Private {
        tx.insert(&VISIBILITY, row![room, visibility.word()]);
    }
    Ok(())
}

fn visibility(db: &mut impl Read, room: RoomId) -> Result<Visibility, StoreError> {
    let row = db.row(
        "SELECT visibility FROM room_replay WHERE room = $1",
        params![room],
    )?;
    row.map_or(Ok(Visibility::Private), |row| {
        Visibility::parse(&row.get::<String>(0)?)
    })
}

/// A room whose replay the asker may see, and whether it is theirs.
pub(crate) struct Opened {
    pub(crate) shown: Shown,
    pub(crate) visibility: Visibility,
    pub(crate) mine: bool,
}

impl Rooms {
    /// Opens a replay to whoever may see it; for others there is none.
    pub(crate) async fn open_replay(&self, room: RoomId, caller: &Caller) -> Result<Opened, ReplayError> {
        let (asker, operator, now) = (caller.person_id(), caller.is_operator(), self.site().now());
        let read = self.site().store().read(move |db| {
            let Some(shown) = view::one(db, room)? else {
                return Ok(None);
            };
            if !operator && hidden::is(db, room)? {
                return Ok(None);
            }
            let visibility = visibility(db, room)?;
            let opened = match visibility.access() {
                Some(access) => access::admits_to_replay(db, &shown.room, access, asker, now)?,
                None => false,
            };
            Ok::<_, StoreError>(Some((shown, visibility, opened)))
        });
        let (shown, visibility, opened) = read.await?.ok_or(ReplayError::Unknown)?;
        let mine = asker == Some(shown.room.host);
        if shown.room.started_at.is_none() {
            return Err(ReplayError::Unknown);
        }
        if !(mine || operator || opened) {
            let signed_in = asker.is_some();
            let closed = |to| ReplayError::Closed { to, signed_in };
            return Err(visibility.access().map_or(ReplayError::Unknown, closed));
        }
        Ok(Opened {
            shown,
            visibility,
            mine,
        })
    }

    /// Whether a replay is one's own, and whole.
    async fn own_replay(&self, room: RoomId, person: PersonId) -> Result<(), ReplayError> {
        let read = self.site().store().read(move |db| view::one(db, room));
        let shown = read.await?.filter(|shown| !shown.room.private);
        let shown = shown.ok_or(ReplayError::Unknown)?;
        if shown.room.host != person {
            return Err(ReplayError::NotYours);
        }
        if shown.room.state != State::Ended {
            return Err(ReplayError::NotOver);
        }
        Ok(())
    }

    /// Ends recordings whose rooms ended while nobody recorded them.
    pub async fn settle_replays(&self) {
        for room in self.recorded().await {
            self.settle_replay(room).await;
        }
    }

    /// Rooms of which there is a recording.
    async fn recorded(&self) -> Vec<RoomId> {
        let Some(shelf) = self.shelf() else {
            return Vec::new();
        };
        match shelf.archive().list().await {
            Ok(stored) => stored.into_iter().map(|stored| stored.room).collect(),
            Err(error) => {
                tracing::warn!(%error, "recordings could not be listed");
                Vec::new()
            }
        }
    }

    /// Ends a recording that nobody makes any more.
    pub(crate) async fn settle_replay(&self, room: RoomId) {
        let Some(shelf) = self.shelf() else { return };
        let state = self.site().store().read(move |db| view::one(db, room)).await;
        let ended = matches!(state, Ok(Some(shown)) if shown.room.state == State::Ended);
        if !ended || self.media().program(room).is_some() {
            return;
        }
        if let Err(error) = shelf.archive().settle(room).await {
            tracing::warn!(%room, %error, "a recording was not ended");
        }
        shelf.forget(room);
    }

    /// Removes replays that were kept long enough.
    pub async fn expire_replays(&self) {
        let Some(shelf) = self.shelf() else { return };
        let keep = std::time::Duration::from_secs(self.site().policy().replay_keep_days * 24 * 3_600);
        let before = self.site().now() - keep;
        for room in self.recorded().await {
            let read = self.site().store().read(move |db| view::one(db, room)).await;
            let ended_at = read.ok().flatten().and_then(|shown| shown.room.ended_at);
            if ended_at.is_some_and(|at| at <= before)
                && let Err(error) = shelf.remove(room).await
            {
                tracing::warn!(%room, %error, "an old replay was not removed");
            }
        }
    }
}
