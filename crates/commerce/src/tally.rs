//! The tally: what a room's log says of gifts, added up beside their way. A gift writes its event and wakes the tally;
//! a beat later `step` reads what came since, and counts it to supporters, goals and streaks.
//!
//! Invariant: every gift of the log is counted exactly once, and every streak ends exactly once. How far the log is
//! counted (`through`) changes in the transaction that counts, so a program that dies goes on where it was.
//!
//! A streak ends in two moves. First it is *sealed*: its run is taken from its sender's row, so no gift can carry it
//! on. Then, once the log is counted up to the number it had at that moment, all of the streak's gifts are, and the
//! end is told. So a gift that waits in the writer's queue neither is lost to its streak nor comes after its end.

mod count;
mod sql;
#[cfg(test)]
mod tests;

use busk_base::{RoomId, Timestamp};
use busk_rooms::{Room, Rooms, TopSupporter, What, board};
use busk_store::{Ahead, Store, StoreError, Tx};

use crate::gifts::{self, Runs};
use crate::rules::Rules;
use crate::supporters;
use count::Counted;
use sql::{GiftRun, Tally};

/// Events read at once; the rest waits for the next beat.
const EVENTS_MAX: i64 = 20_000;
/// Streaks ended at once.
const ENDS_MAX: i64 = 1_000;
/// Rooms looked after at once.
const ROOMS_MAX: i64 = 256;

/// Names the row that [`wake`] will want.
pub(crate) fn ahead(ahead: &mut Ahead, room: RoomId) {
    ahead.want::<Tally>(room);
}

/// Has the room's log counted at the next beat.
pub(crate) fn wake(tx: &mut Tx, room: RoomId) -> Result<(), StoreError> {
    match tx.find::<Tally>(&room)? {
        Some(tally) if tally.open => {}
        Some(tally) => Tally { open: true, ..tally }.save(tx, room),
        None => Tally::add(tx, room),
    }
    Ok(())
}

/// Counts what came in every room since the last beat, and tells rooms who has given most.
pub async fn beat(rooms: &Rooms, rules: &Rules) -> Result<(), StoreError> {
    let store = rooms.site().store();
    for room in store.read(|db| sql::open(db, ROOMS_MAX)).await? {
        if let Some(top) = step(store, room, rules, rooms.site().now()).await? {
            rooms.tell_top(room, &top);
        }
    }
    Ok(())
}

/// Counts what came in a room since the last step; gives who has given most when that changed.
pub(crate) async fn step(
    store: &Store,
    room: RoomId,
    rules: &Rules,
    now: Timestamp,
) -> Result<Option<Vec<TopSupporter>>, StoreError> {
    let before = now - gifts::window(rules);
    let read = store.read(move |db| {
        db.snapshot(|db| {
            let Some(from) = sql::through(db, room)? else {
                return Ok(None);
            };
            let events = sql::events(db, room, from, EVENTS_MAX)?;
            let goals = board::read(db, room)?.goals;
            let over = sql::over(db, room, before, ENDS_MAX)?;
            Ok(Some((from, events, goals, over)))
        })
    });
    let Some((from, events, goals, over)) = read.await? else {
        return Ok(None);
    };
    let counted = Counted::of(from, &events, &goals)?;
    let (wanted, rules) = (counted.clone(), rules.clone());
    let applied = store.write_ahead(
        move |rows| {
            wanted.ahead(rows, room);
            for run in &over {
                rows.want::<Runs>(run.sender);
            }
        },
        move |tx| apply(tx, room, &counted, &rules, now),
    );
    applied.await
}

fn apply(
    tx: &mut Tx,
    room: RoomId,
    counted: &Counted,
    rules: &Rules,
    now: Timestamp,
) -> Result<Option<Vec<TopSupporter>>, StoreError> {
    // Counted by somebody else meanwhile: theirs holds.
    let tally = tx.find::<Tally>(&room)?;
    if tally.is_none_or(|tally| tally.through != counted.from) {
        return Ok(None);
    }
    let gone = || StoreError::Broken(format!("room {room} is gone"));
    let Room { seq, channel, .. } = tx.find::<Room>(&room)?.ok_or_else(gone)?;

    for given in counted.given(room, channel) {
        supporters::give(tx, &given, &rules.policy)?;
    }
    for (streak, grown) in &counted.streaks {
        GiftRun::grow(tx, room, *streak, grown)?;
    }
    seal(tx, room, seq, rules, now)?;
    end(tx, room, counted.through, now)?;
    board::move_goals(tx, room, &counted.goals(rules), now)?;
    let all_read = counted.through == seq;
    let open = !(all_read && sql::no_runs(tx, room)?);
    let through = counted.through;
    Tally { through, open }.save(tx, room);
    let top = supporters::top(tx, room)?;
    let changed = board::set_top(tx, room, top.clone())?;
    Ok(changed.then_some(top))
}

/// Seals the streaks whose time has passed; the log's number is then `seq`.
fn seal(tx: &mut Tx, room: RoomId, seq: i64, rules: &Rules, now: Timestamp) -> Result<(), StoreError> {
    let before = now - gifts::window(rules);
    for run in sql::over(tx, room, before, ENDS_MAX)? {
        if Runs::seal(tx, run.sender, run.id, run.last_at)? {
            run.seal(tx, seq);
        }
    }
    Ok(())
}

/// Tells the end of the streaks that are counted wholly.
fn end(tx: &mut Tx, room: RoomId, through: i64, now: Timestamp) -> Result<(), StoreError> {
    let whole = sql::whole(tx, room, through, ENDS_MAX)?;
    if whole.is_empty() {
        return Ok(());
    }
    for run in &whole {
        let what = What::StreakEnd {
            streak: run.id,
            from: run.from.clone(),
            kind: run.kind.clone(),
            count: run.count,
            total: run.total,
        };
        busk_rooms::log::append(tx, room, what, now)?;
        run.end(tx);
    }
    sql::forget_ended(tx, room)
}
