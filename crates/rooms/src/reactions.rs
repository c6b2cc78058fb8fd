//! Reactions: hearts that viewers tap beside a live. They are no events: they are counted, and told as a total at a
//! steady beat of their own, of which the latest holds: keeping them is a write, and holds up no other totals.
//!
//! Invariant: only a live that has an audience is counted; a total never falls, also over a restart.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use busk_api::Problem;
use busk_base::RoomId;
use busk_store::{Read, StoreError, Tx, params};

use crate::live::{Rooms, Viewer};

/// Taps that a client may tell at once.
const AT_ONCE_MAX: u8 = 20;
const BEAT: Duration = Duration::from_millis(400);
/// How often one viewer may tell of theirs.
const TOLD_MAX: u32 = 4;
const TOLD_WINDOW: Duration = Duration::from_secs(1);

pub(crate) const REACTIONS: &str = "
CREATE TABLE room_reactions (room BYTEA PRIMARY KEY, total BIGINT NOT NULL CHECK (total >= 0));
";

/// Taps since the last beat, by room.
#[derive(Default)]
pub(crate) struct Reactions(Mutex<HashMap<RoomId, i64>>);

impl Reactions {
    fn count(&self, room: RoomId, taps: u8) {
        let mut taps_of = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *taps_of.entry(room).or_default() += i64::from(taps);
    }

    fn take(&self) -> HashMap<RoomId, i64> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Rooms {
    /// Counts somebody's taps. Nobody waits for an answer, so that none is given but a refusal.
    pub(crate) fn react(&self, room: RoomId, viewer: &Viewer, taps: u8) -> Result<(), Problem> {
        if !(1..=AT_ONCE_MAX).contains(&taps) {
            return Err(Problem::invalid("count", format!("must be 1 to {AT_ONCE_MAX}")));
        }
        let now = self.site().now();
        let from = viewer.speaker.as_ref().ok_or_else(crate::socket::name_needed)?;
        let told = self.reaction_rates().take(from.id, TOLD_MAX, TOLD_WINDOW, now);
        told.map_err(|wait| crate::socket::waits("too_fast", "You are tapping too fast".into(), wait))?;
        self.reactions().count(room, taps);
        Ok(())
    }

    /// Tells what is tapped, for as long as the program runs.
    pub(crate) async fn beat_hearts(self) {
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            self.tell_reactions().await;
        }
    }

    /// Keeps what was tapped since the last beat, and tells the totals.
    async fn tell_reactions(&self) {
        let taps = self.reactions().take();
        if taps.is_empty() {
            return;
        }
        let added = self.site().store().write(move |tx: &mut Tx| {
            let mut totals = Vec::with_capacity(taps.len());
            for (room, taps) in &taps {
                totals.extend(add(tx, *room, *taps)?.map(|total| (*room, total)));
            }
            Ok::<_, StoreError>(totals)
        });
        match added.await {
            Ok(totals) => {
                for (room, total) in totals {
                    self.fanout().totals(room, "reactions", total.to_string());
                }
            }
            Err(error) => tracing::warn!("reactions could not be kept: {error}"),
        }
    }
}

/// Adds to a live's total; gives it, unless nothing is on the air.
fn add(tx: &mut Tx, room: RoomId, taps: i64) -> Result<Option<i64>, StoreError> {
    let row = tx.row(
        "INSERT INTO room_reactions (room, total) \
         SELECT id, $2 FROM room WHERE id = $1 AND state IN ('live', 'interrupted') AND NOT private \
         ON CONFLICT (room) DO UPDATE SET total = room_reactions.total + excluded.total RETURNING total",
        params![room, taps],
    )?;
    row.map(|row| row.get(0)).transpose()
}

/// How many a live has had.
pub(crate) fn total(db: &mut impl Read, room: RoomId) -> Result<i64, StoreError> {
    let row = db.row("SELECT total FROM room_reactions WHERE room = $1", params![room])?;
    row.map_or(Ok(0), |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use busk_testkit::each_db;

    use super::*;
    use crate::state::{self, By};
    use crate::talk::tests::{ADA, LIVE, NOW, Stand};

    each_db!(taps_add_up_while_a_live_is_on, async |db| {
        let stand = Stand::set(db).await;
        let taps = async |taps: i64| stand.store.write(move |tx| add(tx, LIVE, taps)).await.unwrap();
        let kept = async || stand.store.read(|db| total(db, LIVE)).await.unwrap();
        assert_eq!(kept().await, 0);
        assert_eq!(taps(3).await, Some(3));
        assert_eq!(taps(20).await, Some(23));
        let ended = stand.store.write(|tx| state::end(tx, LIVE, By::Person(ADA), NOW));
        ended.await.unwrap();
        assert_eq!(taps(1).await, None, "a live that is over has had what it has had");
        assert_eq!(kept().await, 23);
    });
}
