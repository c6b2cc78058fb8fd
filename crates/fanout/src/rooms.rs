//! The rooms that are open here, by id, and what hub and shards share of each.
//!
//! Invariant: an entry is taken out of the map under its own lock, and marked. Whoever got hold of it
//! before finds the mark and looks again, so nobody joins a room that no longer gets events.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};

use busk_base::RoomId;

use crate::Config;
use crate::ring::Ring;

#[derive(Default)]
pub(crate) struct Rooms(RwLock<HashMap<RoomId, Arc<RoomEntry>>>);

/// A room, shared by the hub and the shards that hold members of it.
pub(crate) struct RoomEntry {
    pub id: RoomId,
    log: Mutex<Log>,
    /// Members by shard, those on their way included. Grows only under the lock of `log`.
    pub members: Box<[AtomicU32]>,
    /// How many of all of them are not counted as viewers.
    uncounted: AtomicU32,
    /// The ring's tail, for shards that want to know whether they missed something.
    pub tail: AtomicU64,
}

pub(crate) struct Log {
    pub epoch: u32,
    pub ring: Ring,
    /// Latest values.
    pub totals: Vec<Total>,
    /// No longer in the map.
    gone: bool,
}

/// A latest value, already JSON.
#[derive(Clone)]
pub(crate) struct Total {
    pub name: &'static str,
    pub whose: Whose,
    pub json: Arc<str>,
}

/// Who is told a latest value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    Everyones,
    /// Who may read the sub room; others do not even get a frame because of it.
    Subscribers,
}

impl Rooms {
    pub fn find(&self, room: RoomId) -> Option<Arc<RoomEntry>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&room)
            .cloned()
    }

    /// The room, opened with the log's `tail` if it was not. When too many stand empty, those go first:
    /// their rings are a convenience, the log has everything.
    pub fn find_or_open(&self, room: RoomId, epoch: u32, tail: u64, config: &Config) -> Arc<RoomEntry> {
        if let Some(entry) = self.find(room) {
            return entry;
        }
        let mut rooms = self.write();
        if rooms.len() >= config.rooms_kept {
            rooms.retain(|_, entry| {
                let mut log = entry.lock();
                log.gone = entry.connections() == 0;
                !log.gone
            });
        }
        let open = || Arc::new(RoomEntry::new(room, epoch, tail, config));
        rooms.entry(room).or_insert_with(open).clone()
    }

    /// Forgets a room; `then` runs before anyone can open it again.
    pub fn remove(&self, room: RoomId, then: impl FnOnce()) {
        let mut rooms = self.write();
        if let Some(entry) = rooms.remove(&room) {
            entry.lock().gone = true;
        }
        then();
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<RoomId, Arc<RoomEntry>>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RoomEntry {
    fn new(id: RoomId, epoch: u32, tail: u64, config: &Config) -> Self {
        let ring = Ring::new(tail, config.ring_events_max, config.ring_bytes_max);
        Self {
            id,
            log: Mutex::new(Log {
                epoch,
                ring,
                totals: Vec::new(),
                gone: false,
            }),
            members: (0..config.shards).map(|_| AtomicU32::new(0)).collect(),
            uncounted: AtomicU32::new(0),
            tail: AtomicU64::new(tail),
        }
    }

    /// The room's log, unless the room has been forgotten meanwhile: then look it up again.
    pub fn log(&self) -> Option<MutexGuard<'_, Log>> {
        Some(self.lock()).filter(|log| !log.gone)
    }

    /// A member is on the way to a shard. Under the lock of `log`.
    pub fn came(&self, shard: usize, counted: bool) {
        // First, so that nobody sees a viewer who is none.
        if !counted {
            self.uncounted.fetch_add(1, Ordering::Relaxed);
        }
        self.members[shard].fetch_add(1, Ordering::Relaxed);
    }

    pub fn went(&self, shard: usize, counted: bool) {
        self.members[shard].fetch_sub(1, Ordering::Relaxed);
        if !counted {
            self.uncounted.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// A shard has ended, with so many members that were not counted.
    pub fn ended(&self, shard: usize, uncounted: u32) {
        self.members[shard].store(0, Ordering::Relaxed);
        self.uncounted.fetch_sub(uncounted, Ordering::Relaxed);
    }

    pub fn connections(&self) -> u32 {
        let members = self.members.iter();
        members.map(|members| members.load(Ordering::Relaxed)).sum()
    }

    pub fn viewers(&self) -> u32 {
        self.connections()
            .saturating_sub(self.uncounted.load(Ordering::Relaxed))
    }

    pub fn totals(&self) -> Vec<Total> {
        self.lock().totals.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        // A panic under this lock could at worst leave the ring one event short, which the numbers show.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
