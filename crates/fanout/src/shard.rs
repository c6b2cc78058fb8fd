//! A shard: one thread, one epoll, the sockets it owns. Read `run` downward.
//!
//! Nothing in here waits: sockets are written with `write` until they take no more, a sweep stops every
//! 256 sockets to look at what came in, and the program is told things through [`Inbound`], which must
//! not block. Sockets are registered once, edge-triggered, for both directions: no system call but reads
//! and writes happens per message.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use busk_base::RoomId;
use bytes::Bytes;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use crate::beat::{self, Swept};
use crate::conn::{self, Conn, Delivered, Lost};
use crate::envelope::{Event, Rights};
use crate::inbox::{Arrival, Command, Inbox};
use crate::protocol::{self, Incoming};
use crate::room::{Room, Sweep};
use crate::stats::Counters;
use crate::{Config, ConnId, Inbound, Peer, Whom};

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
    born: Instant,
    now: Instant,
    next_tick: Instant,
    stopping: Option<Instant>,
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

    // ---- commands

    fn obey(&mut self, command: Command<V>) {
        match command {
            Command::Attach(arrival) => self.arrive(*arrival),
            Command::Publish { room, events } => self.publish(room, &events),
            Command::Totals { room } => {
                if let Some(room) = self.by_id.get(&room).copied() {
                    self.rooms[room as usize].totals.stale = true;
                    self.schedule_totals(room);
                }
            }
            Command::Rights { room, key, rights } => {
                let Some(room) = self.by_id.get(&room) else { return };
                for slot in &self.rooms[*room as usize].members {
                    let conn = &mut self.conns[*slot as usize];
                    if conn.key == key {
                        conn.rights = rights;
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
            stream,
            early,
            room: entry,
            tail,
            epoch,
            seen,
            greeting,
            key,
            rights,
            viewer,
        } = arrival;
        self.generation = self.generation.wrapping_add(1);
        let stream = mio::net::TcpStream::from_std(stream);
        let mut conn = Conn::new(stream, self.generation, key, rights, seen, viewer);
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
                .register(conn.stream(), token, interest)
                .is_err()
        {
            entry.members[usize::from(self.index)].fetch_sub(1, Ordering::Relaxed);
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
        self.counters.joined.add(1);
        // A first message may be longer than what may wait later: it is bounded by its maker.
        let sent = conn.send(greeting, &self.config, self.now);
        self.rooms[room as usize].totals.stale = true;
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
        room.pending.extend(events.iter().cloned());
        self.list(index);
    }

    /// This shard missed events of the room: its members must resume from their own numbers.
    fn resync(&mut self, room: u32) {
        tracing::warn!(room = %self.rooms[room as usize].entry.id, "a fan-out shard was overrun");
        for slot in self.rooms[room as usize].members.clone() {
            self.lose(slot, &Lost::Overflow);
        }
    }

    // ---- sweeping

    fn list(&mut self, index: u32) {
        let room = &mut self.rooms[index as usize];
        if !std::mem::replace(&mut room.listed, true) {
            self.busy.push(index);
        }
    }

    /// Gives every busy room a step of its sweep.
    fn sweep(&mut self) {
        let mut at = 0;
        while let Some(index) = self.busy.get(at).copied() {
            let now = self.now;
            let room = &mut self.rooms[index as usize];
            if room.sweep.is_none() {
                match room.due() {
                    Some(due) if due <= now => room.begin(now),
                    Some(_) => {
                        at += 1;
                        continue;
                    }
                    None => {
                        room.listed = false;
                        self.busy.swap_remove(at);
                        continue;
                    }
                }
            }
            self.step(index);
            // A room that emptied meanwhile is gone from the list, and another stands in its place.
            at += usize::from(self.busy.get(at) == Some(&index));
        }
    }

    fn step(&mut self, index: u32) {
        let began = self.now;
        let room = &mut self.rooms[index as usize];
        let Some(mut sweep) = room.sweep.take() else {
            return;
        };
        sweep.left = sweep.left.min(room.members.len());
        let until = sweep.left.saturating_sub(STEP);
        let mut lost = Vec::new();
        let (mut sent, mut skipped) = (0, 0);
        for slot in room.members[until..sweep.left].iter().rev() {
            let conn = &mut self.conns[*slot as usize];
            match serve(conn, room.entry.id, &mut sweep, &self.config, began) {
                Ok(Some(Delivered::Sent)) => sent += 1,
                Ok(Some(Delivered::Skipped)) => skipped += 1,
                Ok(None) => {}
                Err(error) => lost.push((*slot, error)),
            }
        }
        self.counters.frames.add(sent);
        self.counters.skipped.add(skipped);
        self.read_clock();
        sweep.left = until;
        sweep.busy += self.now - began;
        let room = &mut self.rooms[index as usize];
        if until > 0 {
            room.sweep = Some(sweep);
        } else {
            self.counters.sweeps.add(1);
            room.rest_until = beat::next(Swept {
                members: room.members.len(),
                started: sweep.started,
                ended: self.now,
                busy: sweep.busy,
                waiting: !room.pending.is_empty(),
            });
        }
        // Last: it may empty the room.
        for (slot, error) in lost {
            self.lose(slot, &error);
        }
    }

    // ---- once a second

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
            match self.conns[slot as usize].is_closing() {
                true => self.remove(slot),
                false => self.lose(slot, &Lost::Overflow),
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
            room.totals.stale = true;
        }
        self.schedule_totals(index);
    }

    /// Totals go with the next events, or alone after a while, which is longer in a large room.
    fn schedule_totals(&mut self, index: u32) {
        let room = &mut self.rooms[index as usize];
        if room.totals.stale && room.totals.due.is_none() {
            let small = room.members.len() < beat::SMALL;
            let patience = if small { TICK / 10 } else { TICK };
            room.totals.due = Some(self.now + patience);
            self.list(index);
        }
    }

    // ---- single sockets

    fn writable(&mut self, slot: u32) {
        let Some(conn) = self.conns.get_mut(slot as usize) else {
            return;
        };
        let room = conn.room.map(|room| self.rooms[room as usize].entry.id);
        if let Err(lost) = conn.drain(room, self.now) {
            self.lose(slot, &lost);
        }
    }

    fn readable(&mut self, slot: u32) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut turns = 0;
        // A message may have closed it.
        while let Some(conn) = self.conns.get_mut(slot as usize) {
            if turns == READS {
                self.unread.push(slot);
                break;
            }
            turns += 1;
            match conn.read(&mut buffer) {
                Ok(0) => {
                    self.remove(slot);
                    break;
                }
                Ok(count) => {
                    self.take_in(slot, &mut buffer[..count]);
                    // A short read has emptied the socket; what comes later is a new edge.
                    if count < buffer.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.remove(slot);
                    break;
                }
            }
        }
        self.buffer = buffer;
    }

    /// Understands what a client sent; after a close, its words no longer count.
    fn take_in(&mut self, slot: u32, mut input: &mut [u8]) {
        let (now_ms, now_s) = (self.age_ms(), self.age_s());
        let Some(conn) = self.conns.get_mut(slot as usize) else {
            return;
        };
        let Some(room) = conn.room.filter(|_| !conn.is_closing()) else {
            return;
        };
        let room = self.rooms[room as usize].entry.id;
        conn.heard_s = now_s;
        let mut end = None;
        if !conn.may_speak(Some(input.len()), &self.config, now_ms) {
            end = Some((1008, "too many messages"));
        }
        let mut decoder = conn.take_decoder();
        let mut farewell = None;
        while end.is_none() && farewell.is_none() {
            let incoming = match decoder.next(&mut input, self.config.message_bytes_max) {
                Ok(Some(incoming)) => incoming,
                Ok(None) => break,
                Err(violation) => {
                    end = Some((violation.close_code(), "protocol violation"));
                    break;
                }
            };
            let conn = &mut self.conns[slot as usize];
            if !conn.may_speak(None, &self.config, now_ms) {
                end = Some((1008, "too many messages"));
                break;
            }
            match incoming {
                Incoming::Text(text) => {
                    self.counters.messages.add(1);
                    self.inbound.message(&peer(self.index, slot, room, conn), text);
                }
                Incoming::Binary(_) => end = Some((1003, "text only")),
                Incoming::Ping(payload) => {
                    if let Err(lost) = conn.send(protocol::pong_frame(payload), &self.config, self.now) {
                        return self.lose(slot, &lost);
                    }
                }
                Incoming::Pong => {}
                Incoming::Close(code) => farewell = Some(protocol::close_echo(code)),
            }
        }
        self.conns[slot as usize].keep_decoder(decoder);
        if let Some((code, reason)) = end {
            self.counters.closed_rude.add(1);
            self.close(slot, protocol::close_frame(code, reason));
        } else if let Some(frame) = farewell {
            self.close(slot, frame);
        }
    }

    /// A connection that cannot go on: with a word, when there is still a socket to say it on.
    fn lose(&mut self, slot: u32, lost: &Lost) {
        match lost {
            Lost::Overflow => {
                self.counters.closed_slow.add(1);
                self.close(slot, conn::resume_frame());
            }
            Lost::Broken => self.remove(slot),
        }
    }

    /// Leaves the room at once and says goodbye; the socket goes when the client answers or is overdue.
    fn close(&mut self, slot: u32, frame: Bytes) {
        self.leave(slot);
        let Some(conn) = self.conns.get_mut(slot as usize) else {
            return;
        };
        conn.close(frame, self.now);
        if conn.drain(None, self.now).is_err() {
            self.remove(slot);
        }
    }

    fn remove(&mut self, slot: u32) {
        self.leave(slot);
        if let Some(mut conn) = self.conns.try_remove(slot as usize) {
            // Closing the descriptor takes it out of the epoll as well; this only fails if that is broken.
            let _ = self.poll.registry().deregister(conn.stream());
            self.counters.connections.sub(1);
        }
    }

    fn leave(&mut self, slot: u32) {
        let Some(conn) = self.conns.get_mut(slot as usize) else {
            return;
        };
        let Some(index) = conn.room.take() else { return };
        let place = conn.place as usize;
        let room = &mut self.rooms[index as usize];
        let id = room.entry.id;
        room.members.swap_remove(place);
        if let Some(moved) = room.members.get(place) {
            self.conns[*moved as usize].place = place as u32;
        }
        room.entry.members[usize::from(self.index)].fetch_sub(1, Ordering::Relaxed);
        if room.members.is_empty() {
            self.rooms.remove(index as usize);
            self.by_id.remove(&id);
            self.busy.retain(|busy| *busy != index);
        }
        self.inbound
            .left(&peer(self.index, slot, id, &self.conns[slot as usize]));
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

/// One member's part of a sweep: one write when it keeps up.
fn serve<V>(
    conn: &mut Conn<V>,
    room: RoomId,
    sweep: &mut Sweep,
    config: &Config,
    now: Instant,
) -> Result<Option<Delivered>, Lost> {
    let (rights, key, seen): (Rights, u128, u64) = (conn.rights, conn.key, conn.seen);
    let (behind, last) = (conn.is_behind(), sweep.batch.last);
    let mut delivered = None;
    if let Some(frame) = sweep.batch.frame(rights, key, seen, !behind) {
        if seen < last {
            let kept = || sweep.batch.kept(rights, key, seen);
            delivered = Some(conn.deliver(room, frame, last, kept, config, now)?);
        } else {
            conn.total(frame, now)?;
        }
    }
    if behind && let Some(totals) = &sweep.batch.totals {
        conn.total(totals.clone(), now)?;
    }
    conn.seen = seen.max(last);
    Ok(delivered)
}
