//! What the sub room talks about: one topic at a time, opened by the host. A new one takes the place of the old.

use busk_base::{PersonId, RoomId, TextError, Timestamp, TopicId, bounded_text};
use busk_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sql::Used;
use super::{Circle, HostError, find, hosted, tell};
use crate::What;

pub const TITLE_MAX: usize = 80;
/// Topics of one live.
pub const TOPICS_MAX: u32 = 100;

/// A topic that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Topic {
    pub id: TopicId,
    pub title: String,
}

/// Why no topic was opened, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OpenTopicError {
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("the id {0} was used before")]
    IdReused(TopicId),
    #[error("the title {0}")]
    Title(TextError),
    #[error("there were {TOPICS_MAX} topics in this live")]
    TooMany,
}

impl From<StoreError> for OpenTopicError {
    fn from(error: StoreError) -> Self {
        OpenTopicError::Host(error.into())
    }
}

/// Opens a topic; the same again changes nothing, also when another one is open by now.
pub fn open(
    tx: &mut Tx,
    room: RoomId,
    by: PersonId,
    id: TopicId,
    title: &str,
    now: Timestamp,
) -> Result<Topic, OpenTopicError> {
    let room = hosted(tx, room, by)?;
    let title = bounded_text(title, 1, TITLE_MAX);
    if let Some(Used(of)) = tx.find::<Used>(&id.0)? {
        let title = title.ok().filter(|_| of == room.id);
        let title = title.ok_or(OpenTopicError::IdReused(id))?;
        return Ok(Topic { id, title });
    }
    let title = title.map_err(OpenTopicError::Title)?;
    let mut talk = find(tx, room.id)?;
    if talk.topics_so_far >= TOPICS_MAX {
        return Err(OpenTopicError::TooMany);
    }

    let topic = Topic { id, title };
    talk.topic = Some(topic.clone());
    talk.topics_so_far += 1;
    talk.save(tx, room.id)?;
    Used::note(tx, id.0, room.id);
    let what = What::Topic {
        topic: Some(topic.clone()),
    };
    tell(tx, room.id, Circle::Subscribers, what, now)?;
    Ok(topic)
}

/// Closes the topic that is open, if it is this one; once more is no error.
pub fn close(tx: &mut Tx, room: RoomId, by: PersonId, id: TopicId, now: Timestamp) -> Result<(), HostError> {
    let room = hosted(tx, room, by)?;
    if find(tx, room.id)?.topic.is_some_and(|topic| topic.id == id) {
        close_now(tx, room.id, now)?;
    }
    Ok(())
}

pub(super) fn close_now(tx: &mut Tx, room: RoomId, now: Timestamp) -> Result<(), StoreError> {
    let mut talk = find(tx, room)?;
    talk.topic = None;
    talk.save(tx, room)?;
    tell(tx, room, Circle::Subscribers, What::Topic { topic: None }, now)?;
    Ok(())
}
