//! Closing months: by themselves when they are over, and by `busk close`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use busk_api::Site;
use busk_base::Timestamp;
use busk_ledger::seal::{self, CloseError, Seal};
use busk_store::{Store, StoreError};
use serde::Serialize;

use crate::anchor::{self, AnchorError};
use crate::stop::Stop;

/// How often it is looked whether a month is over.
const EVERY: Duration = Duration::from_secs(60);

#[derive(Debug, thiserror::Error)]
pub enum ClosingError {
    #[error(transparent)]
    Close(#[from] CloseError),
    #[error(transparent)]
    Anchor(#[from] AnchorError),
}

impl From<StoreError> for ClosingError {
    fn from(error: StoreError) -> Self {
        Self::Close(error.into())
    }
}

/// Closes every month that is over and not closed; gives the new seals. Again, and beside another process that does
/// the same, it finds nothing left to do.
pub async fn close(store: &Store, folder: &Path, now: Timestamp) -> Result<Vec<Seal>, ClosingError> {
    // First, so that one missing line is mended before there could be two.
    anchored(store, folder).await?;
    let mut made = Vec::new();
    while let Some(until) = store.read(move |db| seal::due(db, now)).await? {
        store.write(move |tx| seal::begin(tx, until, now)).await?;
        let drawn = store
            .read(move |db| db.snapshot(|db| seal::draw(db, until)))
            .await?;
        // None: another process was quicker.
        if let Some(seal) = drawn {
            let kept = seal.clone();
            store
                .write::<_, StoreError, _>(move |tx| seal::keep(tx, &kept))
                .await?;
            made.push(seal);
        }
        anchored(store, folder).await?;
    }
    Ok(made)
}

async fn anchored(store: &Store, folder: &Path) -> Result<(), ClosingError> {
    let seals = store.read(seal::all).await?;
    Ok(anchor::write(folder, &seals)?)
}

/// Writes the anchor anew from the table.
pub async fn renew_anchor(store: &Store, folder: &Path) -> Result<(), ClosingError> {
    let seals = store.read(seal::all).await?;
    Ok(anchor::renew(folder, &seals)?)
}

/// Closes months as they end, until it is time to stop.
pub(crate) async fn close_months(site: Site, folder: PathBuf, mut stop: Stop) {
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.told() => return,
            _ = tick.tick() => {}
        }
        match close(site.store(), &folder, site.now()).await {
            Ok(seals) => seals.iter().for_each(|seal| {
                tracing::info!(seal = seal.number, until = %seal.until, hash = %seal.hash, "a month is closed");
            }),
            Err(error) => tracing::error!("the books cannot be closed: {error}"),
        }
    }
}

/// What `busk close --json` prints.
#[derive(Serialize)]
struct Closed {
    seals: Vec<SealView>,
}

#[derive(Serialize)]
struct SealView {
    number: i64,
    until: Timestamp,
    last_posting: i64,
    last_transfer: i64,
    sha256: String,
}

/// Prints the seals that were made, as JSON or for people.
pub fn print(seals: &[Seal], json: bool, out: &mut impl Write) -> io::Result<()> {
    if json {
        let seals = seals.iter().map(|seal| SealView {
            number: seal.number,
            until: seal.until,
            last_posting: seal.through.posting,
            last_transfer: seal.through.transfer,
            sha256: seal.hash.to_string(),
        });
        let closed = Closed {
            seals: seals.collect(),
        };
        serde_json::to_writer_pretty(&mut *out, &closed).map_err(io::Error::other)?;
        return writeln!(out);
    }
    for seal in seals {
        writeln!(out, "{}", seal::anchor::line(seal))?;
    }
    if seals.is_empty() {
        writeln!(out, "Every month that is over is closed.")?;
    }
    Ok(())
}
