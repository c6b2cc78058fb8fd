//! The handle of the fan-out: what the program can ask for, and the way to the shards.
//!
//! Invariant: what a shard gets for a room is queued under that room's lock, in the order of the numbers.
//! So an arrival that was given everything up to `tail` is followed in its shard's queue by `tail + 1`.

use std::hash::BuildHasher as _;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use busk_base::RoomId;
use bytes::Bytes;

use crate::beat;
use crate::deflate::Deflater;
use crate::envelope::{self, Event, Rights};
use crate::inbox::{self, Arrival, Command, Inbox};
use crate::ring::Ring;
use crate::rooms::{Log, RoomEntry, Rooms, Total, Whose};
use crate::shard::Shard;
use crate::stats::{Counters, Stats};
use crate::{Config, ConnId, Inbound, Socket, Whom, protocol};

/// Everyone in every room. A cheap handle; when the last one is dropped the shards stop.
pub struct Fanout<V>(Arc<Hub<V>>);

struct Hub<V> {
    config: Arc<Config>,
    rooms: Rooms,
    inboxes: Vec<Arc<Inbox<V>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    counters: Arc<Counters>,
    /// For what is said to one who comes; each shard has its own for what is said to all.
    deflater: Mutex<Deflater>,
    hasher: std::hash::RandomState,
}

/// Who is behind a socket that is attached.
#[derive(Debug)]
pub struct Member<V> {
    pub room: RoomId,
    /// The person: what [`crate::Audience::One`] and [`Whom::Person`] speak of.
    pub key: u128,
    pub rights: Rights,
    /// Whether they are among the room's viewers; an overlay, which is part of its picture, is not.
    pub counted: bool,
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
        let mut link = self.link;
        if link.write(&protocol::close_frame(code, reason)).is_ok() {
            link.finish();
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
        let shards = config.shards.clamp(1, usize::from(u16::MAX));
        let config = Arc::new(Config { shards, ..config });
        let counters = Arc::new(Counters::default());
        let mut inboxes = Vec::new();
        let mut threads = Vec::new();
        for index in 0..shards {
            let (shard, inbox) = Shard::new(index as u16, config.clone(), inbound.clone(), counters.clone())?;
            inboxes.push(inbox);
            let thread = std::thread::Builder::new().name(format!("fanout-{index}"));
            threads.push(thread.spawn(move || shard.run())?);
        }
        Ok(Self(Arc::new(Hub {
            config,
            rooms: Rooms::default(),
            inboxes,
            threads: Mutex::new(threads),
            counters,
            deflater: Mutex::new(Deflater::new()),
            hasher: std::hash::RandomState::new(),
        })))
    }

    /// Opens a room whose log ends at `tail`. A room that is open already in this epoch stays as it is.
    pub fn open(&self, room: RoomId, epoch: u32, tail: u64) {
        self.with_log(room, epoch, tail, |entry, log| {
            if log.epoch < epoch {
                self.renumber(entry, log, epoch, tail);
            }
        });
    }

    /// Forgets a room and closes whoever is in it.
    pub fn close(&self, room: RoomId, code: u16, reason: &str) {
        self.0
            .rooms
            .remove(room, || self.disconnect(Whom::Room(room), code, reason));
    }

    /// Delivers events that follow each other and the room's last one. Those already published are left
    /// out, so that publishing twice is harmless. A room that is not open is opened.
    pub fn publish(&self, room: RoomId, epoch: u32, events: Vec<Event>) -> Result<(), PublishError> {
        let Some(before) = events.first().map(|event| event.n.saturating_sub(1)) else {
            return Ok(());
        };
        self.with_log(room, epoch, before, |entry, log| {
            if epoch < log.epoch {
                return Err(PublishError::OldEpoch { current: log.epoch });
            }
            if epoch > log.epoch {
                self.renumber(entry, log, epoch, before);
            }
            self.append(entry, log, events)
        })
    }

    fn append(&self, entry: &RoomEntry, log: &mut Log, mut events: Vec<Event>) -> Result<(), PublishError> {
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
        for inbox in self.inboxes_of(entry) {
            // A shard whose inbox is full finds the hole by the numbers and lets its members resume.
            let (room, events) = (entry.id, events.clone());
            let _ = inbox.offer(Command::Publish { room, events });
        }
        Ok(())
    }

    /// Sets one of the room's totals, already JSON; the members get the latest value with the next beat.
    pub fn totals(&self, room: RoomId, name: &'static str, json: impl Into<Arc<str>>) {
        self.total(room, name, Whose::Everyones, json.into());
    }

    /// As [`totals`](Self::totals), for those alone who may read the sub room. The name is another one.
    pub fn totals_for_subscribers(&self, room: RoomId, name: &'static str, json: impl Into<Arc<str>>) {
        self.total(room, name, Whose::Subscribers, json.into());
    }

    fn total(&self, room: RoomId, name: &'static str, whose: Whose, json: Arc<str>) {
        let Some(entry) = self.0.rooms.find(room) else {
            return;
        };
        let Some(mut log) = entry.log() else { return };
        match log.totals.iter_mut().find(|total| total.name == name) {
            Some(total) if total.json == json => return,
            Some(total) => total.json = json,
            None => log.totals.push(Total { name, whose, json }),
        }
        for inbox in self.inboxes_of(&entry) {
            // Lost when a shard is overrun; the next change or the viewers' count brings it along.
            let _ = inbox.offer(Command::Totals { room, whose });
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
        let Some(room) = self.0.rooms.find(member.room) else {
            return refuse(AttachError::NotOpen, socket, member);
        };
        if self.0.counters.read().connections >= config.connections_max as u64 {
            return refuse(AttachError::Full, socket, member);
        }
        if inbox::prepare(&socket, config.send_buffer).is_err() {
            return refuse(AttachError::Broken, socket, member);
        }
        let mut greeting = self.greeting(&socket, hello);
        let Some(log) = room.log() else {
            return refuse(AttachError::NotOpen, socket, member);
        };
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
        greeting.extend_from_slice(&replay);

        let shard = self.choose(&room);
        // Before the command: what is published after this lock is released must reach that shard.
        room.came(shard, member.counted);
        self.0.counters.connections.add(1);
        let arrival = Box::new(Arrival {
            socket,
            room: room.clone(),
            tail,
            epoch,
            seen: after.max(tail),
            greeting: Bytes::from(greeting),
            key: member.key,
            rights: member.rights,
            counted: member.counted,
            viewer: member.viewer,
        });
        let Err(Command::Attach(back)) = self.0.inboxes[shard].offer(Command::Attach(arrival)) else {
            return Ok(());
        };
        self.0.counters.connections.sub(1);
        room.went(shard, back.counted);
        let member = Member {
            room: room.id,
            key: back.key,
            rights: back.rights,
            counted: back.counted,
            viewer: back.viewer,
        };
        refuse(AttachError::Full, back.socket, member)
    }

    /// The first message, as short as this client takes it.
    fn greeting(&self, socket: &Socket, hello: &[u8]) -> Vec<u8> {
        let deflater = socket.deflate.then(|| self.0.deflater.lock());
        let deflated = deflater.and_then(|deflater| {
            let mut deflater = deflater.unwrap_or_else(PoisonError::into_inner);
            deflater.text_frame(hello)
        });
        deflated.unwrap_or_else(|| protocol::text_frame(hello).into())
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

    /// Changes whether a person sees what the stage sees in a room, from the next sweep on. The right to the sub
    /// room stays what it was when they came: whose right to it changes is [disconnected](Self::disconnect) and
    /// comes back, since what they must forget or catch up with takes a hello.
    pub fn set_on_stage(&self, room: RoomId, key: u128, stage: bool) {
        for inbox in &self.0.inboxes {
            inbox.insist(Command::OnStage { room, key, stage });
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

    /// Connections in a room now that count.
    pub fn viewers(&self, room: RoomId) -> u32 {
        self.0.rooms.find(room).map_or(0, |entry| entry.viewers())
    }

    /// Where an open room's numbers are.
    pub fn position(&self, room: RoomId) -> Option<Position> {
        let entry = self.0.rooms.find(room)?;
        let log = entry.log()?;
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

    /// Runs `run` under the lock of the room, which is opened if it was not.
    fn with_log<R>(
        &self,
        room: RoomId,
        epoch: u32,
        tail: u64,
        run: impl FnOnce(&RoomEntry, &mut Log) -> R,
    ) -> R {
        loop {
            let entry = self.0.rooms.find_or_open(room, epoch, tail, &self.0.config);
            // Forgotten between the two: the next one is another.
            if let Some(mut log) = entry.log() {
                return run(&entry, &mut log);
            };
        }
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
        if (room.connections() as usize) < beat::SMALL {
            return self.0.hasher.hash_one(room.id) as usize % shards;
        }
        let members = |shard: &usize| room.members[*shard].load(Ordering::Relaxed);
        (0..shards).min_by_key(members).unwrap_or(0)
    }
}
