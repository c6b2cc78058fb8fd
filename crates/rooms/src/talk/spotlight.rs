//! The spotlight: a message over the picture while the host answers it on camera. The log has when it began and ended,
//! so that a replay has a chapter of each question that was answered.
//!
//! A message of the sub room is shown to everyone only when the host says so each time: it is the host's choice.

use busk_base::{MessageId, PersonId, RoomId, SpotlightId, Timestamp};
use busk_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sql::Used;
use super::{Circle, HostError, find, hosted, message, tell};
use crate::log::{self, Audience};
use crate::{Speaker, What};

/// A message over the picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Spotlight {
    pub id: SpotlightId,
    pub message: MessageId,
    pub from: Speaker,
    pub text: String,
    pub to: Circle,
}

/// What the host wants to show.
#[derive(Clone, Copy, Debug)]
pub struct Show {
    /// Made by the client; permanent.
    pub id: SpotlightId,
    pub room: RoomId,
    pub by: PersonId,
    pub message: MessageId,
    pub to: Circle,
}

/// Why nothing is shown, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ShowError {
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("the id {0} was used before")]
    IdReused(SpotlightId),
    #[error("there is no such message")]
    MessageUnknown,
}

impl From<StoreError> for ShowError {
    fn from(error: StoreError) -> Self {
        ShowError::Host(error.into())
    }
}

/// Puts a message over the picture, in the place of any other. The same again changes nothing, also when it is over.
pub fn show(tx: &mut Tx, wanted: &Show, now: Timestamp) -> Result<Spotlight, ShowError> {
    let room = hosted(tx, wanted.room, wanted.by)?;
    let used = tx.find::<Used>(&wanted.id.0)?;
    if used.as_ref().is_some_and(|Used(of)| *of != room.id) {
        return Err(ShowError::IdReused(wanted.id));
    }
    let found = message(tx, room.id, wanted.message)?;
    let found = found.filter(|found| !found.removed);
    let found = found.filter(|found| matches!(found.audience, Audience::Everyone | Audience::Subscribers));
    let found = found.ok_or(ShowError::MessageUnknown)?;
    let spotlight = Spotlight {
        id: wanted.id,
        message: wanted.message,
        from: found.from,
        text: found.text,
        to: wanted.to,
    };
    if used.is_some() {
        return Ok(spotlight);
    }

    if find(tx, room.id)?.spotlight.is_some() {
        take_away(tx, room.id, false, now)?;
    }
    let mut talk = find(tx, room.id)?;
    talk.spotlight = Some(spotlight.clone());
    talk.save(tx, room.id)?;
    Used::note(tx, wanted.id.0, room.id);
    let what = What::Spotlight {
        spotlight: spotlight.clone(),
    };
    let n = tell(tx, room.id, wanted.to, what, now)?;
    log::quotes(tx, room.id, n, wanted.message);
    Ok(spotlight)
}

/// Takes what is over the picture away, if it is this one; once more is no error.
pub fn end(
    tx: &mut Tx,
    room: RoomId,
    by: PersonId,
    id: SpotlightId,
    answered: bool,
    now: Timestamp,
) -> Result<(), HostError> {
    let room = hosted(tx, room, by)?;
    let shown = find(tx, room.id)?.spotlight;
    let Some(shown) = shown.filter(|shown| shown.id == id) else {
        return Ok(());
    };
    take_away(tx, room.id, answered, now)?;
    if answered {
        super::question::answered(tx, room.id, shown.message, now)?;
    }
    Ok(())
}

pub(super) fn take_away(tx: &mut Tx, room: RoomId, answered: bool, now: Timestamp) -> Result<(), StoreError> {
    let mut talk = find(tx, room)?;
    let Some(shown) = talk.spotlight.take() else {
        return Ok(());
    };
    talk.save(tx, room)?;
    let what = What::SpotlightEnd {
        spotlight: shown.id,
        answered,
    };
    tell(tx, room, shown.to, what, now)?;
    Ok(())
}
