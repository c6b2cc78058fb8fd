//! Single sockets: what comes in, and how they end.

use std::io;

use bytes::Bytes;

use super::{READS, Shard, peer};
use crate::conn::{self, Lost};
use crate::protocol::{self, Incoming};

impl<V: Send + 'static> Shard<V> {
    pub(super) fn writable(&mut self, slot: u32) {
        let Some(conn) = self.conns.get_mut(slot as usize) else {
            return;
        };
        let room = conn.room.map(|room| self.rooms[room as usize].entry.id);
        if let Err(lost) = conn.drain(room, self.now) {
            self.lose(slot, &lost);
        }
    }

    pub(super) fn readable(&mut self, slot: u32) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut turns = 0;
        // A message may have closed it.
        while let Some(conn) = self.conns.get_mut(slot as usize) {
            if turns == READS {
                self.unread.push(slot);
                break;
            }
            turns += 1;
            match conn.link().read(&mut buffer) {
                Ok(0) => {
                    self.remove(slot);
                    break;
                }
                Ok(count) => {
                    let emptied = conn.link().is_emptied_by(count, buffer.len());
                    self.take_in(slot, &mut buffer[..count]);
                    if emptied {
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
    pub(super) fn take_in(&mut self, slot: u32, mut input: &mut [u8]) {
        let (now_ms, now_s) = (self.age_ms(), self.age_s());
        let Some(conn) = self.conns.get_mut(slot as usize) else {
            return;
        };
        let Some(room) = conn.room.filter(|_| !conn.is_closing()) else {
            return;
        };
        let room = self.rooms[room as usize].entry.id;
        let mut end = None;
        if !conn.may_speak(Some(input.len()), &self.config, now_ms) {
            end = Some((1008, "too many messages"));
        }
        let mut decoder = conn.take_decoder();
        let deflate = conn.deflate;
        let mut farewell = None;
        while end.is_none() && farewell.is_none() {
            let inflater = deflate.then_some(&mut self.inflater);
            let incoming = match decoder.next(&mut input, inflater, self.config.message_bytes_max) {
                Ok(Some(incoming)) => incoming,
                Ok(None) => break,
                Err(violation) => {
                    end = Some((violation.close_code(), "protocol violation"));
                    break;
                }
            };
            let conn = &mut self.conns[slot as usize];
            // Bytes alone are no sign of life: a frame that trickles in for ever is nobody who listens.
            conn.heard_s = now_s;
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
    pub(super) fn lose(&mut self, slot: u32, lost: &Lost) {
        match lost {
            Lost::Overflow => {
                self.counters.closed_slow.add(1);
                self.close(slot, conn::resume_frame());
            }
            Lost::Broken => self.remove(slot),
        }
    }

    /// Leaves the room at once and says goodbye; the socket goes when the client answers or is overdue.
    pub(super) fn close(&mut self, slot: u32, frame: Bytes) {
        self.leave(slot);
        let Some(conn) = self.conns.get_mut(slot as usize) else {
            return;
        };
        conn.close(frame, self.now);
        if conn.drain(None, self.now).is_err() {
            self.remove(slot);
        }
    }

    pub(super) fn remove(&mut self, slot: u32) {
        self.leave(slot);
        if let Some(mut conn) = self.conns.try_remove(slot as usize) {
            // Closing the descriptor takes it out of the epoll as well; this only fails if that is broken.
            let _ = self.poll.registry().deregister(conn.link().stream());
            self.counters.connections.sub(1);
        }
    }

    fn leave(&mut self, slot: u32) {
        let Some(conn) = self.conns.get_mut(slot as usize) else {
            return;
        };
        let Some(index) = conn.room.take() else { return };
        let (place, counted) = (conn.place as usize, conn.counted);
        let room = &mut self.rooms[index as usize];
        let id = room.entry.id;
        room.members.swap_remove(place);
        if let Some(moved) = room.members.get(place) {
            self.conns[*moved as usize].place = place as u32;
        }
        room.entry.went(usize::from(self.index), counted);
        if room.members.is_empty() {
            self.rooms.remove(index as usize);
            self.by_id.remove(&id);
            self.busy.retain(|busy| *busy != index);
        }
        self.inbound
            .left(&peer(self.index, slot, id, &self.conns[slot as usize]));
    }
}
