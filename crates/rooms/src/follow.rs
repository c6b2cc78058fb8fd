//! Following logs from within the program: what speaks another protocol than the room's socket (IRC), or tells of
//! it elsewhere (webhooks), reads what came after a number, as any client does, and is woken when there is more.
//!
//! Invariant: whoever follows is asked at each reading whether they may still be there, as at the door; and sees
//! what they would see by a socket, no more.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use busk_api::Problem;
use busk_base::{MessageId, RoomId};
use busk_people::{ByToken, Caller, ChannelRef, Scope, channel_by_handle, token};
use busk_store::{Reader, StoreError};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::live::Rooms;
use crate::{Room, RoomEvent, State, log, view};

/// What came meanwhile is read together.
const BEAT: Duration = Duration::from_millis(50);
/// How often it is asked, without news, whether the follower may still be there.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// Events read at once.
const EVENTS_MAX: i64 = 200;

#[derive(Default)]
struct Inner {
    rooms: HashMap<RoomId, Weak<Notify>>,
    /// Rooms of which more than chat was told; kept only once somebody asks for it.
    moved: Option<HashSet<RoomId>>,
}

/// Who is woken when a room's log grows.
#[derive(Default)]
pub(crate) struct Follows {
    inner: Mutex<Inner>,
    any: Notify,
}

impl Follows {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// More was told in a room; `kept` says whether it was more than chat.
    pub(crate) fn moved(&self, room: RoomId, kept: bool) {
        let mut inner = self.inner();
        match inner.rooms.get(&room).map(Weak::upgrade) {
            Some(Some(followers)) => followers.notify_waiters(),
            Some(None) => drop(inner.rooms.remove(&room)),
            None => {}
        }
        if kept && let Some(moved) = &mut inner.moved {
            moved.insert(room);
            self.any.notify_one();
        }
    }

    fn of(&self, room: RoomId) -> Arc<Notify> {
        let mut inner = self.inner();
        let known = inner.rooms.get(&room).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            inner.rooms.retain(|_, followers| followers.strong_count() > 0);
            let new = Arc::new(Notify::new());
            inner.rooms.insert(room, Arc::downgrade(&new));
            new
        })
    }
}

/// Somebody who follows a room's log.
pub struct Follower {
    rooms: Rooms,
    room: RoomId,
    caller: Caller,
    token: ByToken,
    seen: i64,
    told: Arc<Notify>,
}

/// Why there is nothing more to follow.
#[derive(Debug)]
pub enum Gone {
    /// They may not be in the room, or not any more; or it cannot be read.
    Refused(Problem),
    TokenEnded,
}

impl From<StoreError> for Gone {
    fn from(error: StoreError) -> Self {
        Gone::Refused(error.into())
    }
}

impl Follower {
    pub fn room(&self) -> RoomId {
        self.room
    }

    /// What came since; waits until there is something. Ends with the room, after its last event.
    pub async fn next(&mut self) -> Result<Option<Vec<RoomEvent>>, Gone> {
        loop {
            let told = Arc::clone(&self.told);
            let mut told = pin!(told.notified());
            told.as_mut().enable();
            let (state, events) = self.read().await?;
            if !events.is_empty() {
                return Ok(Some(events));
            }
            if state == State::Ended {
                return Ok(None);
            }
            if timeout(ASK_EVERY, told).await.is_ok() {
                sleep(BEAT).await;
            }
        }
    }

    async fn read(&mut self) -> Result<(State, Vec<RoomEvent>), Gone> {
        let (site, id) = (self.rooms.site(), self.token.id);
        let now = site.now();
        if !site.store().read(move |db| token::holds(db, id, now)).await? {
            return Err(Gone::TokenEnded);
        }
        let entered = self.rooms.entered(self.room, &self.caller).await;
        let entered = entered.map_err(Gone::Refused)?;
        let Room { state, seq, .. } = entered.shown.room;
        if seq == self.seen {
            return Ok((state, Vec::new()));
        }
        let (reader, room, seen) = (entered.viewer.reader(), self.room, self.seen);
        let read = site
            .store()
            .read(move |db| log::after(db, room, reader, seen, EVENTS_MAX));
        let rows = read.await?;
        // What is for others leaves no trace but its number.
        let all = rows.len() < EVENTS_MAX as usize;
        let last = rows.last().map_or(seq, |(n, _)| *n);
        self.seen = if all { last.max(seq) } else { last };
        let broken = |error: serde_json::Error| StoreError::Broken(error.to_string());
        let events = rows.iter().map(|(_, body)| serde_json::from_str(body));
        let events: Result<Vec<_>, _> = events.collect();
        Ok((state, events.map_err(broken)?))
    }
}

impl Rooms {
    /// Follows a room from now on; refuses as its door does.
    pub async fn follow(&self, room: RoomId, caller: Caller, token: ByToken) -> Result<Follower, Problem> {
        token.may(Scope::ChatRead)?;
        let told = self.follows().of(room);
        let entered = self.entered(room, &caller).await?;
        Ok(Follower {
            rooms: self.clone(),
            room,
            caller,
            token,
            seen: entered.shown.room.seq,
            told,
        })
    }

    /// Says something as a program, whose token has to be for it; gives its number.
    pub async fn say_by_token(
        &self,
        room: RoomId,
        caller: &Caller,
        token: ByToken,
        id: MessageId,
        text: String,
    ) -> Result<i64, Problem> {
        token.may(Scope::ChatWrite)?;
        let viewer = self.entered(room, caller).await?.viewer;
        Ok(self.say(room, &viewer, id, text, None).await?.n)
    }

    /// A channel, with its room while that is on the air.
    pub async fn on_air(&self, handle: String) -> Result<Option<(ChannelRef, Option<RoomId>)>, StoreError> {
        let read = self.site().store().read(move |db: &mut Reader| {
            let Some(channel) = channel_by_handle(db, &handle)? else {
                return Ok(None);
            };
            let shown = view::of_channel(db, channel.id)?;
            let room = shown.filter(|shown| shown.room.state.is_on_air());
            Ok(Some((
                ChannelRef::from(&channel),
                room.map(|shown| shown.room.id),
            )))
        });
        read.await
    }

    /// Rooms of which more than chat was told since it was last asked; waits until there is one. For one who asks.
    pub async fn moved(&self) -> Vec<RoomId> {
        loop {
            let moved = self.follows().inner().moved.replace(HashSet::new());
            match moved {
                Some(moved) if !moved.is_empty() => return moved.into_iter().collect(),
                _ => self.follows().any.notified().await,
            }
        }
    }
}
