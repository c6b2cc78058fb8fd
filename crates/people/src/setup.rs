//! The first operator sets the site up, with a token that only who started the program has seen.
//! Invariant: a token is worth something only while there is no operator; there is no default password.

mod http;

use busk_base::Timestamp;
use busk_store::{Insert, Read, StoreError, Tx, Type, params, row};

use crate::sign_up::{SignUp, SignUpError, sign_up};
use crate::{Person, Role, secret};

pub(crate) use http::routes;

static SETUP_TOKEN: Insert = Insert {
    table: "setup_token",
    columns: &[("token_hash", Type::Blob), ("made_at", Type::Int)],
};

#[derive(Debug, Clone, thiserror::Error)]
pub enum SetupError {
    #[error("the site has an operator already")]
    AlreadySetUp,
    #[error("the set-up token is not the one that was printed last")]
    TokenWrong,
    #[error(transparent)]
    SignUp(#[from] SignUpError),
}

impl From<StoreError> for SetupError {
    fn from(error: StoreError) -> Self {
        SetupError::SignUp(error.into())
    }
}

/// A new set-up token, to be shown once.
pub fn token(secret: [u8; 32]) -> String {
    secret::text(secret)
}

/// Makes `token` the one that sets the site up, in place of any before; false when there is an operator.
pub fn offer(tx: &mut Tx, token: &str, now: Timestamp) -> Result<bool, StoreError> {
    if has_operator(tx)? {
        return Ok(false);
    }
    tx.execute("DELETE FROM setup_token", params![])?;
    tx.insert(&SETUP_TOKEN, row![secret::hash(token).as_slice(), now]);
    Ok(true)
}

pub fn has_operator(db: &mut impl Read) -> Result<bool, StoreError> {
    let found = db.row("SELECT 1 FROM person WHERE role = 'operator' LIMIT 1", params![])?;
    Ok(found.is_some())
}

/// Makes the first operator and uses the token up.
pub fn set_up(tx: &mut Tx, token: &str, new: &SignUp, now: Timestamp) -> Result<Person, SetupError> {
    check(tx, token)?;
    let operator = SignUp {
        role: Role::Operator,
        ..new.clone()
    };
    let person = sign_up(tx, &operator, now)?;
    tx.execute("DELETE FROM setup_token", params![])?;
    Ok(person)
}

/// Refuses a token that would not set the site up.
pub fn check(db: &mut impl Read, token: &str) -> Result<(), SetupError> {
    if has_operator(db)? {
        return Err(SetupError::AlreadySetUp);
    }
    let hash = secret::hash(token);
    let known = db.row(
        "SELECT 1 FROM setup_token WHERE token_hash = $1",
        params![hash.as_slice()],
    )?;
    known.map(|_| ()).ok_or(SetupError::TokenWrong)
}
