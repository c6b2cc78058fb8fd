//! Serving rooms: every busy room gets a step of its sweep in turn, so that a small room never waits for
//! the whole of a large one.

use std::time::Instant;

use busk_base::RoomId;

use super::{STEP, Shard};
use crate::Config;
use crate::beat::{self, Swept};
use crate::conn::{Conn, Delivered, Lost};
use crate::deflate::Deflater;
use crate::room::{Reader, Sweep};

impl<V: Send + 'static> Shard<V> {
    pub(super) fn list(&mut self, index: u32) {
        let room = &mut self.rooms[index as usize];
        if !std::mem::replace(&mut room.listed, true) {
            self.busy.push(index);
        }
    }

    /// Gives every busy room a step of its sweep.
    pub(super) fn sweep(&mut self) {
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
            match serve(
                conn,
                room.entry.id,
                &mut sweep,
                &mut self.deflater,
                &self.config,
                began,
            ) {
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
}

/// One member's part of a sweep: one write when it keeps up.
fn serve<V>(
    conn: &mut Conn<V>,
    room: RoomId,
    sweep: &mut Sweep,
    deflater: &mut Deflater,
    config: &Config,
    now: Instant,
) -> Result<Option<Delivered>, Lost> {
    let (rights, key, seen) = (conn.rights, conn.key, conn.seen);
    let reader = Reader { rights, key, seen };
    let (behind, last) = (conn.is_behind(), sweep.batch.last);
    let mut delivered = None;
    let deflater = conn.deflate.then_some(deflater);
    if let Some(frame) = sweep.batch.frame(reader, !behind, deflater) {
        if seen < last {
            let kept = || sweep.batch.kept(reader);
            delivered = Some(conn.deliver(room, frame, last, kept, config, now)?);
        } else {
            conn.total(frame, now)?;
        }
    }
    if behind && let Some(totals) = sweep.batch.totals.as_ref().and_then(|totals| totals.of(rights)) {
        conn.total(totals, now)?;
    }
    conn.seen = seen.max(last);
    Ok(delivered)
}
