//! Closes what is open of overlays that were changed: another look, another secret, none any more. The page comes back
//! at once, and its secret is asked for anew.
//!
//! Each overlay that is open is looked up twice a second, so that it does not matter on which node it was changed; a
//! change here is looked for at once.

use std::time::Duration;

use busk_store::StoreError;
use tokio::time::timeout;

use crate::{Overlays, overlay};

/// Half of what a secret that was replaced may still show.
const LOOK_EVERY: Duration = Duration::from_millis(500);

impl Overlays {
    pub(crate) async fn keep(self) {
        loop {
            // Told or not: it is time to look.
            let _ = timeout(LOOK_EVERY, self.0.changed.notified()).await;
            if let Err(error) = self.close_outdated().await {
                tracing::warn!("overlays could not be looked up: {error}");
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }

    async fn close_outdated(&self) -> Result<(), StoreError> {
        let open = self.rooms().open_overlays();
        if open.is_empty() {
            return Ok(());
        }
        let read = self.site().store().read(move |db| overlay::versions(db, &open));
        for (id, version) in read.await? {
            self.rooms().close_overlay(id, version);
        }
        Ok(())
    }
}
