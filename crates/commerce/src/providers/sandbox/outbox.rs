//! What the sandbox says by itself: left as jobs with the transaction that causes it, and delivered late, twice
//! and out of order on purpose.

use std::time::Duration;

use busk_base::{JobId, Timestamp};
use busk_store::{StoreError, Tx, jobs};
use sha2::{Digest, Sha256};

use super::NOTICE_JOB;
use crate::providers::{About, Notice};

/// One thing said, and when: more than once, under the same id.
pub(super) struct Saying {
    /// With what it is of, the notice's name.
    pub(super) word: &'static str,
    pub(super) about: About,
    /// After the moment that it is about, in milliseconds.
    pub(super) delays_ms: &'static [u64],
}

/// Leaves the notices to be delivered.
pub(super) fn say(tx: &mut Tx, of: &str, sayings: Vec<Saying>, at: Timestamp) -> Result<(), StoreError> {
    for saying in sayings {
        let notice = Notice {
            id: notice_id(of, saying.word),
            about: saying.about,
        };
        let body = serde_json::to_string(&notice).map_err(|e| StoreError::Broken(e.to_string()))?;
        for delay_ms in saying.delays_ms {
            let job = job_id(&notice.id, *delay_ms, at);
            jobs::leave(
                tx,
                job,
                NOTICE_JOB,
                body.clone(),
                at + Duration::from_millis(*delay_ms),
            );
        }
    }
    Ok(())
}

/// Takes back what was to be said later.
pub(super) fn unsay(
    tx: &mut Tx,
    of: &str,
    word: &str,
    delays_ms: &[u64],
    at: Timestamp,
) -> Result<(), StoreError> {
    for delay_ms in delays_ms {
        jobs::done(tx, job_id(&notice_id(of, word), *delay_ms, at))?;
    }
    Ok(())
}

fn notice_id(of: &str, word: &str) -> String {
    format!("evt_{of}_{word}")
}

/// Made of the notice, so that it can be named again.
fn job_id(notice: &str, delay_ms: u64, at: Timestamp) -> JobId {
    JobId::new(at, digest(&format!("{notice} {delay_ms}")))
}

/// Ten bytes that stand for a text.
pub(super) fn digest(text: &str) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&Sha256::digest(text)[..10]);
    bytes
}
