//! What the threads share: which session is on which of them, and how many there are.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use busk_base::MediaSessionId;

use crate::webrtc::protocol::Remote;

pub(crate) struct Registry {
    sessions: Mutex<HashMap<MediaSessionId, usize>>,
    sessions_max: usize,
    remotes: RwLock<HashMap<Remote, usize>>,
    /// By thread.
    pub(crate) lost: Vec<AtomicU64>,
}

/// A session's place among those that may exist; given back when dropped.
pub(crate) struct MediaSession {
    registry: Arc<Registry>,
    id: MediaSessionId,
}

impl Registry {
    pub(crate) fn new(threads: usize, sessions_max: usize) -> Self {
        Self {
            sessions: Mutex::default(),
            sessions_max,
            remotes: RwLock::default(),
            lost: (0..threads).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    pub(crate) fn sessions(&self) -> MutexGuard<'_, HashMap<MediaSessionId, usize>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` when there are too many, or one with this id.
    pub(crate) fn enter(self: &Arc<Self>, id: MediaSessionId, thread: usize) -> Option<MediaSession> {
        let mut sessions = self.sessions();
        if sessions.len() >= self.sessions_max || sessions.contains_key(&id) {
            return None;
        }
        sessions.insert(id, thread);
        Some(MediaSession {
            registry: self.clone(),
            id,
        })
    }

    pub(crate) fn thread_of_session(&self, id: MediaSessionId) -> Option<usize> {
        self.sessions().get(&id).copied()
    }

    pub(crate) fn threads(&self) -> usize {
        self.lost.len()
    }

    /// The thread of the peer at this address, if another thread may have to know.
    pub(crate) fn thread_of(&self, remote: Remote) -> Option<usize> {
        self.remotes
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&remote)
            .copied()
    }

    pub(crate) fn learn(&self, remote: Remote, thread: usize) {
        if self.threads() > 1 {
            self.remotes
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(remote, thread);
        }
    }

    pub(crate) fn forget(&self, remote: Remote) {
        if self.threads() > 1 {
            self.remotes
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&remote);
        }
    }

    /// Peers may have a few connections each while they try addresses.
    pub(crate) fn has_room_for_connection(&self) -> bool {
        self.sessions().len() <= self.sessions_max
    }

    pub(crate) fn lost_to_send(&self, thread: usize, lost: u64) {
        self.lost[thread].store(lost, Ordering::Relaxed);
    }
}

impl Drop for MediaSession {
    fn drop(&mut self) {
        self.registry.sessions().remove(&self.id);
    }
}
