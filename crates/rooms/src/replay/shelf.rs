//! Recordings at hand: those that were opened lately, so that a player's requests do not read the index each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use busk_base::{RoomId, Timestamp};
use busk_replay::{Archive, ArchiveError, Plan, Recording};

/// Opened recordings that are kept.
const OPEN_MAX: usize = 32;
/// One that is still being made is read again after so long.
const GROWS: Duration = Duration::from_secs(2);

/// An opened recording, and the MP4 file it can be had as, once somebody has asked for it.
pub(crate) struct Volume {
    pub(crate) recording: Recording,
    plan: Mutex<Option<Arc<Plan>>>,
    opened_at: Timestamp,
}

impl Volume {
    pub(crate) fn mp4(&self) -> Option<Arc<Plan>> {
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        if plan.is_none() {
            *plan = self.recording.mp4().ok().map(Arc::new);
        }
        plan.clone()
    }
}

/// The archive, and what of it is open.
pub(crate) struct Shelf {
    archive: Archive,
    open: Mutex<HashMap<RoomId, Arc<Volume>>>,
}

impl Shelf {
    pub(crate) fn new(archive: Archive) -> Self {
        Self {
            archive,
            open: Mutex::default(),
        }
    }

    pub(crate) fn archive(&self) -> &Archive {
        &self.archive
    }

    fn at_hand(&self) -> MutexGuard<'_, HashMap<RoomId, Arc<Volume>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn open(&self, room: RoomId, now: Timestamp) -> Result<Arc<Volume>, ArchiveError> {
        let known = self.at_hand().get(&room).cloned();
        if let Some(volume) = known
            && (volume.recording.is_over() || now.since(volume.opened_at) < GROWS)
        {
            return Ok(volume);
        }
        let volume = Arc::new(Volume {
            recording: self.archive.open(room).await?,
            plan: Mutex::default(),
            opened_at: now,
        });
        let mut open = self.at_hand();
        if open.len() >= OPEN_MAX
            && let Some(oldest) = open
                .iter()
                .min_by_key(|(_, volume)| volume.opened_at)
                .map(|(room, _)| *room)
        {
            open.remove(&oldest);
        }
        open.insert(room, volume.clone());
        Ok(volume)
    }

    pub(crate) fn forget(&self, room: RoomId) {
        self.at_hand().remove(&room);
    }

    pub(crate) async fn remove(&self, room: RoomId) -> Result<(), ArchiveError> {
        self.forget(room);
        self.archive.remove(room).await
    }
}
