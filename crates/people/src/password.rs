//! Passwords: argon2id, with the parameters OWASP gives for 19 MiB.
//!
//! A hash takes 19 MiB and tens of milliseconds of a core, so two run at a time on threads that may
//! block, a bounded number waits, and the rest is told to come back.

use std::sync::Arc;

use argon2::password_hash::{PasswordHash, SaltString};
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use busk_api::{Problem, StatusCode};
use tokio::sync::Semaphore;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const RUNNING_MAX: usize = 2;
const WAITING_MAX: usize = 64;
const SALT_BYTES: usize = 16;

/// Why a password is refused at sign-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("must have at least 8 characters")]
    TooShort,
    #[error("must have at most 200 characters")]
    TooLong,
}

/// Passwords have 8–200 characters; nothing else is asked of them (NIST SP 800-63B §3.1.1.2).
pub fn check(password: &str) -> Result<(), PasswordError> {
    match password.chars().take(201).count() {
        0..8 => Err(PasswordError::TooShort),
        8..=200 => Ok(()),
        _ => Err(PasswordError::TooLong),
    }
}

/// Hashes a password, on this thread. Blocks for tens of milliseconds.
pub fn hash(password: &str, salt: [u8; 32]) -> String {
    let salt = SaltString::encode_b64(&salt[..SALT_BYTES]).expect("16 bytes are a salt of legal length");
    argon2id()
        .hash_password(password.as_bytes(), &salt)
        .expect("the parameters are within argon2's limits, and so is any password that was checked")
        .to_string()
}

/// Whether a password has this hash. Without a hash (nobody by that name) it takes as long and says no.
fn verify(password: &str, hash: Option<&str>) -> bool {
    let Some(hash) = hash else {
        let _ = self::hash(password, [0; 32]);
        return false;
    };
    match PasswordHash::new(hash) {
        Ok(hash) => argon2id().verify_password(password.as_bytes(), &hash).is_ok(),
        Err(error) => {
            tracing::error!(%error, "a stored password hash cannot be read");
            false
        }
    }
}

fn argon2id() -> Argon2<'static> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).expect("constant parameters within argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Hashes and verifies away from the threads that serve requests.
#[derive(Clone)]
pub(crate) struct Passwords {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self {
            running: Arc::new(Semaphore::new(RUNNING_MAX)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
        }
    }

    pub(crate) async fn hash(&self, password: String, salt: [u8; 32]) -> Result<String, Problem> {
        self.run(move || hash(&password, salt)).await
    }

    pub(crate) async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Problem> {
        self.run(move || verify(&password, hash.as_deref())).await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let busy = || {
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "Too many people are signing in right now",
            )
            .retry_after(2)
        };
        let _place = self.waiting.try_acquire().map_err(|_| busy())?;
        let turn = Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(|_| busy())?;
        // The turn goes with the work: a client that hangs up must not let a third one start.
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        done.await.map_err(|error| {
            tracing::error!(%error, "hashing a password failed");
            Problem::internal()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_argon2id_and_fits_only_its_password() {
        let stored = hash("correct horse", [3; 32]);
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(verify("correct horse", Some(&stored)));
        assert!(!verify("correct horsf", Some(&stored)));
        assert!(!verify("correct horse", None));
        assert!(!verify("correct horse", Some("not a hash")));
    }

    #[test]
    fn length_is_measured_in_characters() {
        assert_eq!(check("1234567"), Err(PasswordError::TooShort));
        assert_eq!(check("éééééééé"), Ok(()));
        assert_eq!(check(&"x".repeat(200)), Ok(()));
        assert_eq!(check(&"x".repeat(201)), Err(PasswordError::TooLong));
    }
}
