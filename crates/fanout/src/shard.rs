//! A shard: one thread, one epoll, the sockets it owns. Read `run` downward.
//!
//! Nothing in here waits: sockets are written with `write` until they take no more, a sweep stops every
//! 256 sockets to look at what came in, and the program is told things through [`Inbound`], which must
//! not block. Sockets are registered once, edge-triggered, for both directions: no system call but reads
//! and writes happens per message.

mod sockets;
mod sweep;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use busk_base::RoomId;
use bytes::Bytes;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use crate::beat;
use crate::conn::{Conn, Lost};
use crate::deflate::{Deflater, Inflater};
use crate::envelope::Event;
use crate::inbox::{Arrival, Command, Inbox};
use crate::protocol;
use crate::room::Room;
use crate::rooms::Whose;
use crate::stats::Counters;
use crate::{Config, ConnId, Inbound, Peer, Socket, Whom};

/// Sockets written, commands obeyed and reads of one socket before others get their turn.
const STEP: usize = 256;
const READS: usize = 8;
const READ_BUFFER: usize = 64 * 1024;
const TICK: Duration = Duration::from_secs(1);
/// How long the last close frames may take.
const STOP_WITHIN: Duration = Duration::from_secs(2);
const WAKE: Token = Token(usize::MAX);

pub(crate) struct Shard<V> {
    index: u16,
    config: Arc<Config>,
    inbound: Arc<dyn Inbound<V>>,
    counters: Arc<Counters>,
    poll: Poll,
    inbox: Arc<Inbox<V>>,
    todo: VecDeque<Command<V>>,
    conns: Slab<Conn<V>>,
    generation: u32,
    rooms: Slab<Room>,
    by_id: HashMap<RoomId, u32>,
    /// Rooms that sweep or have something to sweep.
    busy: Vec<u32>,
    /// Sockets that had more to read than their turn allowed.
    unread: Vec<u32>,
    buffer: Box<[u8]>,
    inflater: Inflater,
    deflater: Deflater,
    born: Instant,
    now: Instant,
    next_tick: Instant,
    stopping: Option<Instant>,
}

impl<V> Drop for Shard<V> {
    /// However it ends, by a panic too: nobody is left waiting for it.
    fn drop(&mut self) {
        self.inbox.end();
        self.counters.connections.sub(self.conns.len() as u64);
        for (_, room) in &self.rooms {
            let inside = room
                .members
                .iter()
                .filter_map(|slot| self.conns.get(*slot as usize));
            let uncounted = inside.filter(|conn| !conn.counted).count();
            room.entry.ended(usize::from(self.index), uncounted as u32);
        }
    }
}

impl<V: Send + 'static> Shard<V> {
    #[expect(clippy::disallowed_methods, reason = "a shard is an I/O shell")]
    pub fn new(
        index: u16,
        config: Arc<Config>,
        inbound: Arc<dyn Inbound<V>>,
        counters: Arc<Counters>,
    ) -> io::Result<(Self, Arc<Inbox<V>>)> {
        let poll = Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), WAKE)?;
        // Every connection may be attached and answered at once; what is more is a program run wild.
        let inbox = Arc::new(Inbox::new(
            waker,
            config.connections_max.saturating_mul(2).max(65_536),
        ));
        let now = Instant::now();
        let shard = Self {
            index,
            config,
            inbound,
            counters,
            poll,
            inbox: inbox.clone(),
            todo: VecDeque::new(),
            conns: Slab::new(),
            generation: 0,
            rooms: Slab::new(),
            by_id: HashMap::new(),
            busy: Vec::new(),
            unread: Vec::new(),
            buffer: vec![0; READ_BUFFER].into(),
            inflater: Inflater::default(),
            deflater: Deflater::new(),
            born: now,
            now,
            next_tick: now + TICK,
            stopping: None,
        };
        Ok((shard, inbox))
    }

    pub fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        while !self.is_stopped() {
            if let Err(error) = self.poll.poll(&mut events, Some(self.timeout()))
                && error.kind() != io::ErrorKind::Interrupted
            {
                // Without its epoll a shard can serve nobody; its members reconnect to another process.
                tracing::error!(%error, "a fan-out shard lost its epoll");
                return;
            }
            self.read_clock();
            for slot in std::mem::take(&mut self.unread) {
                self.readable(slot);
            }
            for event in &events {
                if event.token() == WAKE {
                    continue;
                }
                let slot = event.token().0 as u32;
                if event.is_writable() {
                    self.writable(slot);
                }
                if event.is_readable() || event.is_error() || event.is_read_closed() {
                    self.readable(slot);
                }
            }
            self.inbox.take(&mut self.todo);
            for _ in 0..STEP {
                let Some(command) = self.todo.pop_front() else {
                    break;
                };
                self.obey(command);
            }
            if self.now >= self.next_tick {
                self.tick();
            }
            self.sweep();
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopping
            .is_some_and(|deadline| self.conns.is_empty() || self.now >= deadline)
    }

    #[expect(clippy::disallowed_methods, reason = "a shard is an I/O shell")]
    fn read_clock(&mut self) {
        self.now = Instant::now();
    }

    fn timeout(&self) -> Duration {
        if !self.todo.is_empty() || !self.unread.is_empty() {
            return Duration::ZERO;
        }
        let mut until = self.next_tick;
        for room in &self.busy {
            let room = &self.rooms[*room as usize];
            match room.due() {
                _ if room.sweep.is_some() => return Duration::ZERO,
                Some(due) => until = until.min(due),
                None => {}
            }
        }
        until.saturating_duration_since(self.now)
    }

    fn age_ms(&self) -> u32 {
        // Wraps after 49 days; only differences of it are used.
        (self.now - self.born).as_millis() as u32
    }

    fn age_s(&self) -> u32 {
        (self.now - self.born).as_secs() as u32
    }

    fn obey(&mut self, command: Command<V>) {
        match command {
            Command::Attach(arrival) => self.arrive(*arrival),
            Command::Publish { room, events } => self.publish(room, &events),
            Command::Totals { room, whose } => {
                if let Some(room) = self.by_id.get(&room).copied() {
                    self.rooms[room as usize].totals.is_stale(whose);
                    self.schedule_totals(room);
                }
            }
            Command::OnStage { room, key, stage } => {
                let Some(room) = self.by_id.get(&room) else { return };
                for slot in &self.rooms[*room as usize].members {
                    let conn = &mut self.conns[*slot as usize];
                    if conn.key == key {
                        conn.rights.stage = stage;
                    }
                }
            }
            Command::Reply { conn, frame } => {
                let known = self.conns.get_mut(conn.slot as usize);
                let Some(known) = known.filter(|known| known.generation == conn.generation) else {
                    return;
                };
                if let Err(lost) = known.send(frame, &self.config, self.now) {
                    self.lose(conn.slot, &lost);
                }
            }
            Command::Disconnect { whom, code, reason } => {
                for slot in self.slots_of(whom) {
                    self.close(slot, protocol::close_frame(code, &reason));
                }
            }
            Command::Stop => {
                for slot in self.slots_of(Whom::Everyone) {
                    self.close(slot, protocol::close_frame(1001, "the server is going away"));
                }
                self.stopping = Some(self.now + STOP_WITHIN);
            }
        }
    }

    fn slots_of(&self, whom: Whom) -> Vec<u32> {
        let room = match whom {
            Whom::Room(room) | Whom::Member(room, _) => match self.by_id.get(&room) {
                Some(room) => Some(*room),
                None => return Vec::new(),
            },
            Whom::Everyone | Whom::Person(_) | Whom::Conn(_) => None,
        };
        let wanted = |slot: usize, conn: &Conn<V>| match whom {
            Whom::Everyone => true,
            Whom::Room(_) => conn.room == room,
            Whom::Person(key) => conn.key == key,
            Whom::Member(_, key) => conn.room == room && conn.key == key,
            Whom::Conn(id) => id == self.conn_id(slot as u32, conn),
        };
        self.conns
            .iter()
            .filter(|(slot, conn)| wanted(*slot, conn))
            .map(|(slot, _)| slot as u32)
            .collect()
    }

    fn arrive(&mut self, arrival: Arrival<V>) {
        let Arrival {
            socket,
            room: entry,
            tail,
            epoch,
            seen,
            greeting,
            key,
            rights,
            counted,
            viewer,
        } = arrival;
        self.generation = self.generation.wrapping_add(1);
        let Socket { link, early, deflate } = socket;
        let link = link.over(mio::net::TcpStream::from_std);
        let mut conn = Conn::new(link, self.generation, key, rights, seen, viewer);
        (conn.counted, conn.deflate) = (counted, deflate);
        let (now_ms, now_s) = (self.age_ms(), self.age_s());
        conn.fill_allowance(&self.config, now_ms);
        conn.heard_s = now_s;
        let vacant = self.conns.vacant_entry();
        let (slot, token) = (vacant.key() as u32, Token(vacant.key()));
        let interest = Interest::READABLE | Interest::WRITABLE;
        if self.stopping.is_some()
            || self
                .poll
                .registry()
                .register(conn.link().stream(), token, interest)
                .is_err()
        {
            entry.went(usize::from(self.index), counted);
            self.counters.connections.sub(1);
            return;
        }
        let id = entry.id;
        let room = *self
            .by_id
            .entry(id)
            .or_insert_with(|| self.rooms.insert(Room::new(entry, epoch, tail, self.now)) as u32);
        let members = &mut self.rooms[room as usize].members;
        (conn.room, conn.place) = (Some(room), members.len() as u32);
        members.push(slot);
        let conn = vacant.insert(conn);
        if conn.link().holds_unread() {
            self.unread.push(slot);
        }
        self.counters.joined.add(1);
        // A first message may be longer than what may wait later: it is bounded by its maker.
        let sent = conn.send(greeting, &self.config, self.now);
        self.rooms[room as usize].totals.is_stale(Whose::Everyones);
        self.inbound
            .joined(&peer(self.index, slot, id, &self.conns[slot as usize]));
        match sent {
            Err(lost) => self.lose(slot, &lost),
            Ok(()) if !early.is_empty() => self.take_in(slot, &mut early.to_vec()),
            Ok(()) => {}
        }
    }

    fn publish(&mut self, id: RoomId, events: &[Event]) {
        let Some(index) = self.by_id.get(&id).copied() else {
            return;
        };
        let room = &mut self.rooms[index as usize];
        if events.first().is_some_and(|first| first.n != room.tail + 1) {
            return self.resync(index);
        }
        room.tail += events.len() as u64;
        if !room.gather(events) {
            return self.resync(index);
        }
        self.list(index);
    }

    /// This shard missed events of the room: its members must resume from their own numbers.
    fn resync(&mut self, room: u32) {
        tracing::warn!(room = %self.rooms[room as usize].entry.id, "a fan-out shard was overrun");
        for slot in self.rooms[room as usize].members.clone() {
            self.lose(slot, &Lost::Overflow);
        }
    }

    fn tick(&mut self) {
        self.next_tick = self.now + TICK;
        let (now_s, every) = (self.age_s(), (self.config.ping_every.as_secs() as u32).max(1));
        let (mut overdue, mut silent, mut broken) = (Vec::new(), Vec::new(), Vec::new());
        for (slot, conn) in &mut self.conns {
            let silence = now_s.saturating_sub(conn.heard_s);
            if conn.is_overdue(self.now, self.config.behind_max) {
                overdue.push(slot as u32);
            } else if silence > every * 5 / 2 {
                silent.push(slot as u32);
            // Spread over the seconds, so that pings are never a sweep of their own.
            } else if silence > every / 2
                && slot as u32 % every == now_s % every
                && !conn.is_behind()
                && let Err(lost) = conn.send(Bytes::from_static(&protocol::PING), &self.config, self.now)
            {
                broken.push((slot as u32, lost));
            }
        }
        for slot in overdue {
            if self.conns[slot as usize].is_closing() {
                self.conns[slot as usize].abandon();
                self.remove(slot);
                continue;
            }
            self.lose(slot, &Lost::Overflow);
            if let Some(conn) = self.conns.get_mut(slot as usize) {
                conn.hurry(self.now);
            }
        }
        for slot in silent {
            self.counters.closed_silent.add(1);
            self.remove(slot);
        }
        for (slot, lost) in broken {
            self.lose(slot, &lost);
        }
        for room in self.by_id.values().copied().collect::<Vec<_>>() {
            self.tick_room(room);
        }
    }

    fn tick_room(&mut self, index: u32) {
        let room = &mut self.rooms[index as usize];
        if room.tail_before > room.tail {
            return self.resync(index);
        }
        room.tail_before = room.entry.tail.load(Ordering::Acquire);
        if room.entry.viewers() != room.totals.viewers_sent {
            room.totals.is_stale(Whose::Everyones);
        }
        self.schedule_totals(index);
    }

    /// Totals go with the next events, or alone after a while, which is longer in a large room.
    fn schedule_totals(&mut self, index: u32) {
        let room = &mut self.rooms[index as usize];
        if room.totals.stale.is_some() && room.totals.due.is_none() {
            let small = room.members.len() < beat::SMALL;
            let patience = if small { TICK / 10 } else { TICK };
            room.totals.due = Some(self.now + patience);
            self.list(index);
        }
    }

    fn conn_id(&self, slot: u32, conn: &Conn<V>) -> ConnId {
        ConnId {
            shard: self.index,
            slot,
            generation: conn.generation,
        }
    }
}

fn peer<V>(shard: u16, slot: u32, room: RoomId, conn: &Conn<V>) -> Peer<'_, V> {
    let conn_id = ConnId {
        shard,
        slot,
        generation: conn.generation,
    };
    Peer {
        conn: conn_id,
        room,
        key: conn.key,
        viewer: &conn.viewer,
    }
}
