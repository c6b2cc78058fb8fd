//! Erasing accounts that are due. One after the other, each in transactions of at most so many rows; what reads much reads
//! beside the writer.
//!
//! Invariant: it can end anywhere. What is done is not undone, what is not is found again: all statements are asked again
//! after a crash, and of the logs, which are long, how far they are is kept. Two nodes at once do no harm.

use std::time::Duration;

use busk_base::{PersonId, RoomId, Timestamp};
use busk_commerce::coins;
use busk_people::deletion::{self, Deletion};
use busk_people::erase::{self, Bodies, Erase, Gone};
use busk_rooms::Rooms;
use busk_rooms::erase::{EraseReplaysError, rooms_after, traces};
use busk_store::{Reader, Store, StoreError, Tx};

use super::against;
use crate::own::{ALL_BODIES, ALL_ERASED};

/// Accounts looked at in one beat.
const AT_ONCE_MAX: i64 = 20;
/// Rooms between two notes of how far the logs are.
const ROOMS_AT_ONCE: i64 = 100;
/// What is against it is looked at again after so long.
const WAITS: Duration = Duration::from_secs(24 * 3_600);

/// Why an account is not erased yet.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the recordings: {0}")]
    Replays(#[from] EraseReplaysError),
}

/// Erases what is due. One that fails is tried again at the next beat, and holds up no other.
pub async fn beat(rooms: &Rooms) -> Result<(), EraseError> {
    let site = rooms.site();
    let now = site.now();
    let due = site.store().read(move |db| deletion::due(db, now, AT_ONCE_MAX));
    for due in due.await? {
        let person = due.person;
        match one(rooms, due).await {
            Ok(true) => tracing::info!(%person, "an account is erased"),
            Ok(false) => tracing::info!(%person, "an account is not erased: something stands against it"),
            Err(error) => tracing::warn!(%person, %error, "an account is not erased yet"),
        }
    }
    Ok(())
}

/// Erases one; false when something stands against it.
async fn one(rooms: &Rooms, due: Deletion) -> Result<bool, EraseError> {
    let site = rooms.site();
    let (now, person) = (site.now(), due.person);
    let begins = site.store().write(move |tx| begin(tx, person, now));
    if !begins.await? {
        return Ok(false);
    }
    rooms.erase_replays(person).await?;
    everything(site.store().clone(), person, due.through, now).await?;
    Ok(true)
}

/// Erases all that the database has of somebody, from any state in which it was stopped before.
pub(super) async fn everything(
    store: Store,
    person: PersonId,
    through: Vec<u8>,
    now: Timestamp,
) -> Result<(), StoreError> {
    store.write(move |tx| deletion::unname(tx, person)).await?;
    let gone = store.read(move |db| Gone::of(db, person)).await?;
    for erased in ALL_ERASED {
        for erase in *erased {
            rows(&store, erase, person).await?;
        }
    }
    for channel in gone.channels.clone() {
        let emotes = move |tx: &mut Tx| busk_rooms::erase::erase_emotes(tx, channel);
        store.write(emotes).await?;
    }
    for found in ALL_BODIES {
        for which in *found {
            bodies(&store, which, &gone).await?;
        }
    }
    logs(&store, &gone, through).await?;
    store.write(move |tx| deletion::end(tx, person, now)).await
}

/// Whether it begins, or has begun; else it waits.
pub(super) fn begin(tx: &mut Tx, person: PersonId, now: Timestamp) -> Result<bool, StoreError> {
    let Some(due) = deletion::of(tx, person)?.filter(|due| due.erased_at.is_none()) else {
        return Ok(false);
    };
    if due.begun_at.is_some() {
        return Ok(true);
    }
    if due.due_at > now {
        return Ok(false);
    }
    let more_coins = coins::balance(tx, person)? > due.coins;
    if more_coins || !against(tx, person, now)?.is_empty() {
        deletion::put_off(tx, person, now + WAITS)?;
        return Ok(false);
    }
    deletion::begin(tx, person, now)?;
    Ok(true)
}

async fn rows(store: &Store, which: &'static Erase, person: PersonId) -> Result<(), StoreError> {
    while store.write(move |tx| erase::run(tx, which, person)).await? {}
    Ok(())
}

async fn bodies(store: &Store, which: &'static Bodies, gone: &Gone) -> Result<(), StoreError> {
    let mut after = Vec::new();
    loop {
        let (whose, from) = (gone.clone(), after.clone());
        let found = store.read(move |db: &mut Reader| erase::find(db, which, &whose, &from));
        let keys: Vec<Vec<u8>> = found.await?;
        let Some(last) = keys.last() else { return Ok(()) };
        after.clone_from(last);
        let whose = gone.clone();
        let write = move |tx: &mut Tx| erase::rewrite(tx, which, &whose, &keys);
        store.write(write).await?;
    }
}

/// Erases them from the logs of all rooms, in the order of the rooms' ids.
async fn logs(store: &Store, gone: &Gone, through: Vec<u8>) -> Result<(), StoreError> {
    let mut after = through;
    loop {
        let from = after.clone();
        let next = store.read(move |db: &mut Reader| rooms_after(db, &from, ROOMS_AT_ONCE));
        let rooms: Vec<RoomId> = next.await?;
        let Some(last) = rooms.last() else { return Ok(()) };
        after = last.as_bytes().to_vec();
        for room in rooms {
            log(store, gone, room).await?;
        }
        let (person, through) = (gone.person, after.clone());
        let note = move |tx: &mut Tx| deletion::went_through(tx, person, &through);
        store.write(note).await?;
    }
}

async fn log(store: &Store, gone: &Gone, room: RoomId) -> Result<(), StoreError> {
    let mut after = Some(0);
    while let Some(number) = after {
        let whose = gone.clone();
        let found = store
            .read(move |db: &mut Reader| traces(db, room, &whose, number))
            .await?;
        after = found.next();
        if !found.is_empty() {
            let whose = gone.clone();
            let erases = move |tx: &mut Tx| busk_rooms::erase::erase(tx, room, &whose, &found);
            store.write(erases).await?;
        }
    }
    Ok(())
}
