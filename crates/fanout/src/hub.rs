//! The handle of the fan-out: rooms by id, their rings, and the way to the shards.
//!
//! Invariant: what a shard gets for a room is queued under that room's lock, in the order of the numbers.
//! So an arrival that was given everything up to `tail` is followed in its shard's queue by `tail + 1`.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;

use busk_base::RoomId;
use bytes::Bytes;

use crate::beat;
use crate::envelope::{self, Event, Rights};
use crate::inbox::{self, Arrival, Command, Inbox};
use crate::ring::Ring;
use crate::shard::Shard;
use crate::stats::{Counters, Stats};
use crate::{Config, ConnId, Inbound, Socket, Whom, protocol};

/// Everyone in every room. A cheap handle; when the last one is dropped the shards stop.
pub struct Fanout<V>(Arc<Hub<V>>);

struct Hub<V> {
    config: Arc<Config>,
    rooms: RwLock<HashMap<RoomId, Arc<RoomEntry>>>,
    inboxes: Vec<Arc<Inbox<V>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    counters: Arc<Counters>,
    hasher: std::hash::RandomState,
}

/// A room, shared by the hub and the shards that hold members of it.
pub(crate) struct RoomEntry {
    pub id: RoomId,
    log: Mutex<Log>,
    /// Members by shard, those on their way included.
    pub members: Box<[AtomicU32]>,
    /// The ring's tail, for shards that want to know whether they missed something.
    pub tail: AtomicU64,
}

struct Log {
    epoch: u32,
    ring: Ring,
    totals: Vec<(&'static str, u64)>,
}

/// Who is behind a socket that is attached.
#[derive(Debug)]
pub struct Member<V> {
    pub room: RoomId,
    /// The person: what [`crate::Audience::One`] and [`Whom::Person`] speak of.
    pub key: u128,
    pub rights: Rights,
    /// Whatever the program wants to be told again with each message.
    pub viewer: V,
}

/// Where a room's numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub epoch: u32,
    pub tail: u64,
}

/// Why a socket was not attached, in this order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AttachError {
    #[error("the room is not open here")]
    NotOpen,
    #[error("too many connections")]
    Full,
    #[error("the socket is broken")]
    Broken,
    #[error("the ring no longer reaches back to this number, or the epoch is another")]
    Behind,
}

/// Gives the socket back, to try again with a newer hello or to [`Socket::refuse`].
#[derive(Debug)]
pub struct Refused<V> {
    pub why: AttachError,
    pub socket: Socket,
    pub member: Member<V>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    #[error("events must follow the last number: expected {expected}")]
    Gap { expected: u64 },
    #[error("the room is already in epoch {current}")]
    OldEpoch { current: u32 },
}

impl Socket {
    /// Says why and closes; best effort, for sockets that are not attached.
    pub fn refuse(self, code: u16, reason: &str) {
        use std::io::Write as _;
        let mut stream = &self.stream;
        if stream.write(&protocol::close_frame(code, reason)).is_ok() {
            // Nothing more to do for a client that is already gone.
            let _ = stream.shutdown(std::net::Shutdown::Write);
        }
    }
}

impl<V> Clone for Fanout<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<V> Drop for Hub<V> {
    fn drop(&mut self) {
        for inbox in &self.inboxes {
            inbox.insist(Command::Stop);
        }
    }
}

impl<V: Send + 'static> Fanout<V> {
    /// Starts the shards' threads.
    pub fn start(config: Config, inbound: Arc<dyn Inbound<V>>) -> io::Result<Self> {
        let config = Arc::new(config);
        let counters = Arc::new(Counters::default());
        let mut inboxes = Vec::new();
        let mut threads = Vec::new();
        for index in 0..config.shards.clamp(1, usize::from(u16::MAX)) {
            let (shard, inbox) = Shard::new(index as u16, config.clone(), inbound.clone(), counters.clone())?;
            inboxes.push(inbox);
            let thread = std::thread::Builder::new().name(format!("fanout-{index}"));
            threads.push(thread.spawn(move || shard.run())?);
        }
        Ok(Self(Arc::new(Hub {
            config,
            rooms: RwLock::default(),
            inboxes,
            threads: Mutex::new(threads),
            counters,
            hasher: std::hash::RandomState::new(),
        })))
    }

    /// Opens a room whose log ends at `tail`. A room that is open already in this epoch stays as it is.
    pub fn open(&self, room: RoomId, epoch: u32, tail: u64) {
        let entry = self.entry(room, epoch, tail);
        let mut log = entry.lock();
        if log.epoch < epoch {
            self.renumber(&entry, &mut log, epoch, tail);
        }
    }

    /// Forgets a room and closes whoever is in it.
    pub fn close(&self, room: RoomId, code: u16, reason: &str) {
        self.rooms_mut().remove(&room);
        self.disconnect(Whom::Room(room), code, reason);
    }

    /// Delivers events that follow each other and the room's last one. Those already published are left
    /// out, so that publishing twice is harmless. A room that is not open is opened.
    pub fn publish(&self, room: RoomId, epoch: u32, mut events: Vec<Event>) -> Result<(), PublishError> {
        let Some(first) = events.first().map(|event| event.n) else {
            return Ok(());
        };
        let entry = self.entry(room, epoch, first.saturating_sub(1));
        let mut log = entry.lock();
        if epoch < log.epoch {
            return Err(PublishError::OldEpoch { current: log.epoch });
        }
        if epoch > log.epoch {
            self.renumber(&entry, &mut log, epoch, first.saturating_sub(1));
        }
        let next = log.ring.tail() + 1;
        events.retain(|event| event.n >= next);
        if let Some((expected, _)) = (next..)
            .zip(&events)
            .find(|(expected, event)| *expected != event.n)
        {
            return Err(PublishError::Gap { expected });
        }
        if events.is_empty() {
            return Ok(());
        }
        for event in &events {
            log.ring.push(event.clone());
        }
        entry.tail.store(log.ring.tail(), Ordering::Release);
        self.0.counters.events.add(events.len() as u64);
        let events: Arc<[Event]> = events.into();
        for inbox in self.inboxes_of(&entry) {
            // A shard whose inbox is full finds the hole by the numbers and lets its members resume.
            let _ = inbox.offer(Command::Publish {
                room,
                events: events.clone(),
            });
        }
        Ok(())
    }

    /// Sets one of the room's totals; the members get the latest value with the next beat.
    pub fn totals(&self, room: RoomId, name: &'static str, value: u64) {
        let Some(entry) = self.find(room) else { return };
        let mut log = entry.lock();
        match log.totals.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) if *old == value => return,
            Some((_, old)) => *old = value,
            None => log.totals.push((name, value)),
        }
        for inbox in self.inboxes_of(&entry) {
            // Lost when a shard is overrun; the next change or the viewers' count brings it along.
            let _ = inbox.offer(Command::Totals { room });
        }
    }

    /// Hands a socket to a shard. `hello` is the first message, already JSON, and tells the client
    /// everything up to `after`; then come the later events, from the ring and live, without gap or double.
    pub fn attach(
        &self,
        socket: Socket,
        member: Member<V>,
        hello: &[u8],
        epoch: u32,
        after: u64,
    ) -> Result<(), Box<Refused<V>>> {
        let config = &self.0.config;
        let refuse = |why, socket, member| Err(Box::new(Refused { why, socket, member }));
        let Some(room) = self.find(member.room) else {
            return refuse(AttachError::NotOpen, socket, member);
        };
        if self.0.counters.read().connections >= config.connections_max as u64 {
            return refuse(AttachError::Full, socket, member);
        }
        if inbox::prepare(&socket.stream, config.send_buffer).is_err() {
            return refuse(AttachError::Broken, socket, member);
        }
        let log = room.lock();
        let tail = log.ring.tail();
        let replay = match log.ring.after(after).filter(|_| log.epoch == epoch) {
            Some(_) if config.seeded_bug_no_replay => None,
            Some(events) => {
                let events = events.filter(|event| event.audience.includes(member.rights, member.key));
                envelope::events_frame(room.id, epoch, tail, events)
            }
            None => return refuse(AttachError::Behind, socket, member),
        };
        let replay = replay.unwrap_or_default();
        if replay.len() > config.queue_bytes_max {
            return refuse(AttachError::Behind, socket, member);
        }
        let mut greeting = Vec::with_capacity(hello.len() + 10 + replay.len());
        protocol::push_text_header(&mut greeting, hello.len());
        greeting.extend_from_slice(hello);
        greeting.extend_from_slice(&replay);

        let shard = self.choose(&room);
        // Before the command: what is published after this lock is released must reach that shard.
        room.members[shard].fetch_add(1, Ordering::Relaxed);
        self.0.counters.connections.add(1);
        let arrival = Box::new(Arrival {
            stream: socket.stream,
            early: socket.early,
            room: room.clone(),
            tail,
            epoch,
            seen: after.max(tail),
            greeting: Bytes::from(greeting),
            key: member.key,
            rights: member.rights,
            viewer: member.viewer,
        });
        let Err(Command::Attach(back)) = self.0.inboxes[shard].offer(Command::Attach(arrival)) else {
            return Ok(());
        };
        self.0.counters.connections.sub(1);
        room.members[shard].fetch_sub(1, Ordering::Relaxed);
        let socket = Socket {
            stream: back.stream,
            early: back.early,
        };
        let member = Member {
            room: room.id,
            key: back.key,
            rights: back.rights,
            viewer: back.viewer,
        };
        refuse(AttachError::Full, socket, member)
    }

    /// Sends one connection a message of its own. A reader who is too slow for it is closed.
    pub fn reply(&self, conn: ConnId, json: &[u8]) {
        if let Some(inbox) = self.0.inboxes.get(usize::from(conn.shard)) {
            // When the shard is overrun the client sees no answer, and asks again.
            let _ = inbox.offer(Command::Reply {
                conn,
                frame: protocol::text_frame(json),
            });
        }
    }

    /// Changes what a person may see in a room, from the next sweep on.
    pub fn set_rights(&self, room: RoomId, key: u128, rights: Rights) {
        for inbox in &self.0.inboxes {
            inbox.insist(Command::Rights { room, key, rights });
        }
    }

    /// Closes connections with a code (RFC 6455 §7.4) and a reason for people.
    pub fn disconnect(&self, whom: Whom, code: u16, reason: &str) {
        let reason: Arc<str> = reason.into();
        for inbox in &self.0.inboxes {
            inbox.insist(Command::Disconnect {
                whom,
                code,
                reason: reason.clone(),
            });
        }
    }

    /// Connections in a room now.
    pub fn viewers(&self, room: RoomId) -> u32 {
        self.find(room).map_or(0, |entry| entry.viewers())
    }

    /// Where an open room's numbers are.
    pub fn position(&self, room: RoomId) -> Option<Position> {
        let entry = self.find(room)?;
        let log = entry.lock();
        Some(Position {
            epoch: log.epoch,
            tail: log.ring.tail(),
        })
    }

    pub fn stats(&self) -> Stats {
        self.0.counters.read()
    }

    /// Says 1001 to everyone and waits for the shards, which take two seconds at most. Blocks.
    pub fn stop(&self) {
        for inbox in &self.0.inboxes {
            inbox.insist(Command::Stop);
        }
        let threads = std::mem::take(&mut *self.0.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a fan-out shard panicked");
            }
        }
    }

    fn entry(&self, room: RoomId, epoch: u32, tail: u64) -> Arc<RoomEntry> {
        if let Some(entry) = self.find(room) {
            return entry;
        }
        let config = &self.0.config;
        let new = || {
            Arc::new(RoomEntry {
                id: room,
                log: Mutex::new(Log {
                    epoch,
                    ring: Ring::new(tail, config.ring_events_max, config.ring_bytes_max),
                    totals: Vec::new(),
                }),
                members: self.0.inboxes.iter().map(|_| AtomicU32::new(0)).collect(),
                tail: AtomicU64::new(tail),
            })
        };
        self.rooms_mut().entry(room).or_insert_with(new).clone()
    }

    /// Begins a new epoch: its numbers have nothing to do with the old ones, so everyone starts afresh.
    fn renumber(&self, entry: &RoomEntry, log: &mut Log, epoch: u32, tail: u64) {
        log.epoch = epoch;
        log.ring = Ring::new(tail, self.0.config.ring_events_max, self.0.config.ring_bytes_max);
        entry.tail.store(tail, Ordering::Release);
        self.disconnect(Whom::Room(entry.id), crate::CLOSE_RESUME, "new epoch");
    }

    fn inboxes_of<'a>(&'a self, entry: &'a RoomEntry) -> impl Iterator<Item = &'a Arc<Inbox<V>>> {
        let held = entry
            .members
            .iter()
            .map(|members| members.load(Ordering::Relaxed) > 0);
        self.0
            .inboxes
            .iter()
            .zip(held)
            .filter(|(_, held)| *held)
            .map(|(inbox, _)| inbox)
    }

    /// Small rooms stay on one shard, so that publishing wakes one thread; large ones use them all.
    fn choose(&self, room: &RoomEntry) -> usize {
        let shards = self.0.inboxes.len();
        if (room.viewers() as usize) < beat::SMALL {
            return self.0.hasher.hash_one(room.id) as usize % shards;
        }
        let members = |shard: &usize| room.members[*shard].load(Ordering::Relaxed);
        (0..shards).min_by_key(members).unwrap_or(0)
    }

    fn find(&self, room: RoomId) -> Option<Arc<RoomEntry>> {
        self.0
            .rooms
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&room)
            .cloned()
    }

    fn rooms_mut(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<RoomId, Arc<RoomEntry>>> {
        self.0.rooms.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RoomEntry {
    pub fn viewers(&self) -> u32 {
        self.members
            .iter()
            .map(|members| members.load(Ordering::Relaxed))
            .sum()
    }

    pub fn totals(&self) -> Vec<(&'static str, u64)> {
        self.lock().totals.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        // A panic under this lock could at worst leave the ring one event short, which the numbers show.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
