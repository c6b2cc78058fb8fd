//! How the rest of the program speaks to a shard: a bounded queue and a wake-up.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use busk_base::RoomId;
use bytes::Bytes;

use crate::envelope::{Event, Rights};
use crate::rooms::{RoomEntry, Whose};
use crate::{ConnId, Socket, Whom};

pub(crate) enum Command<V> {
    Attach(Box<Arrival<V>>),
    Publish { room: RoomId, events: Arc<[Event]> },
    Totals { room: RoomId, whose: Whose },
    OnStage { room: RoomId, key: u128, stage: bool },
    Reply { conn: ConnId, frame: Bytes },
    Disconnect { whom: Whom, code: u16, reason: Arc<str> },
    Stop,
}

/// A socket on its way to its shard.
pub(crate) struct Arrival<V> {
    pub socket: Socket,
    pub room: Arc<RoomEntry>,
    /// The room's last number when this was queued: everything later is queued behind it.
    pub tail: u64,
    pub epoch: u32,
    /// Everything up to here is in `greeting`, or known to the client.
    pub seen: u64,
    /// The hello and what the ring replays, as frames.
    pub greeting: Bytes,
    pub key: u128,
    pub rights: Rights,
    pub counted: bool,
    pub viewer: V,
}

pub(crate) struct Inbox<V> {
    /// `None` once the shard has ended.
    queue: Mutex<Option<VecDeque<Command<V>>>>,
    /// A wake-up is on its way, another would be a system call for nothing.
    woken: AtomicBool,
    waker: mio::Waker,
    most: usize,
}

impl<V> Inbox<V> {
    pub fn new(waker: mio::Waker, most: usize) -> Self {
        Self {
            queue: Mutex::new(Some(VecDeque::new())),
            woken: AtomicBool::new(false),
            waker,
            most,
        }
    }

    /// Queues a command, or gives it back when the shard is too far behind or has ended.
    pub fn offer(&self, command: Command<V>) -> Result<(), Command<V>> {
        match &mut *self.lock() {
            Some(queue) if queue.len() < self.most => queue.push_back(command),
            _ => return Err(command),
        }
        self.wake();
        Ok(())
    }

    /// Queues what must not be lost; used only for what is rare.
    pub fn insist(&self, command: Command<V>) {
        if let Some(queue) = &mut *self.lock() {
            queue.push_back(command);
        }
        self.wake();
    }

    /// Everything queued since the last call.
    pub fn take(&self, into: &mut VecDeque<Command<V>>) {
        // Before the queue is looked at: who pushes after that wakes again.
        self.woken.store(false, Ordering::SeqCst);
        if let Some(queue) = &mut *self.lock() {
            into.append(queue);
        }
    }

    /// The shard ends: nothing is taken any more, and sockets on their way are closed.
    pub fn end(&self) {
        let queue = self.lock().take();
        drop(queue);
    }

    fn wake(&self) {
        if !self.woken.swap(true, Ordering::SeqCst)
            && let Err(error) = self.waker.wake()
        {
            tracing::error!(%error, "a fan-out shard cannot be woken");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<VecDeque<Command<V>>>> {
        // Nothing that can panic runs under this lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The socket's options: no waiting for more to send, and a kernel queue so small that a slow reader is
/// noticed here instead of filling the kernel's memory.
pub(crate) fn prepare(socket: &Socket, send_buffer: usize) -> io::Result<()> {
    let socket = socket.link.socket();
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(send_buffer)
}
