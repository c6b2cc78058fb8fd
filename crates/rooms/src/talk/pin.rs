//! A message of the chat that the host pins above it, for everyone.

use busk_base::{MessageId, PersonId, RoomId, Timestamp};
use busk_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Circle, HostError, find, message, moderated, tell};
use crate::log::{self, Audience};
use crate::{Speaker, What};

/// A message that is pinned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Pin {
    pub message: MessageId,
    pub from: Speaker,
    pub text: String,
}

/// Why nothing was pinned, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PinError {
    #[error(transparent)]
    Host(#[from] HostError),
    /// Also one of the sub room: it is not everyone's.
    #[error("there is no such message in the chat")]
    MessageUnknown,
}

impl From<StoreError> for PinError {
    fn from(error: StoreError) -> Self {
        PinError::Host(error.into())
    }
}

/// Pins a message, in the place of any other; the same again changes nothing.
pub fn pin(tx: &mut Tx, room: RoomId, by: PersonId, id: MessageId, now: Timestamp) -> Result<Pin, PinError> {
    let room = moderated(tx, room, by, Circle::Everyone)?;
    let mut talk = find(tx, room.id)?;
    if let Some(pin) = talk.pin.as_ref().filter(|pin| pin.message == id) {
        return Ok(pin.clone());
    }
    let found = message(tx, room.id, id)?;
    let found = found.filter(|found| found.audience == Audience::Everyone && !found.removed);
    let found = found.ok_or(PinError::MessageUnknown)?;

    let pin = Pin {
        message: id,
        from: found.from,
        text: found.text,
    };
    talk.pin = Some(pin.clone());
    talk.save(tx, room.id)?;
    let n = tell(tx, room.id, Circle::Everyone, What::Pin { pin: pin.clone() }, now)?;
    log::quotes(tx, room.id, n, id);
    Ok(pin)
}

/// Takes the pinned message off; once more is no error.
pub fn unpin(tx: &mut Tx, room: RoomId, by: PersonId, now: Timestamp) -> Result<(), HostError> {
    let room = moderated(tx, room, by, Circle::Everyone)?;
    Ok(take_off(tx, room.id, now)?)
}

pub(super) fn take_off(tx: &mut Tx, room: RoomId, now: Timestamp) -> Result<(), StoreError> {
    let mut talk = find(tx, room)?;
    let Some(pin) = talk.pin.take() else {
        return Ok(());
    };
    talk.save(tx, room)?;
    let message = pin.message;
    tell(tx, room, Circle::Everyone, What::Unpin { message }, now)?;
    Ok(())
}
