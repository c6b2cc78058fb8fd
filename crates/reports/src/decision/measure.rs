//! What an operator can do about what was reported, and taking it back. Each is done by who owns it: messages and
//! sanctions by the rooms' moderation, accounts by people.
//!
//! What cannot be taken back: a message stays removed, since every screen has forgotten its words and the log tells that
//! it went; a live that was ended stays ended. A reversal says so instead of pretending.

use busk_base::{MessageId, PersonId, RecordId, RoomId, Timestamp};
use busk_people::{Moderator, suspension};
use busk_rooms::chat::{self, DeleteError};
use busk_rooms::moderation::{self, Act, ActError, ActKind};
use busk_rooms::state::{self, By, ChangeError};
use busk_rooms::{SpeakerKind, hidden, reported};
use busk_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Decision;
use crate::report::{ObjectKind, Report};

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReportMeasure)]
pub enum Measure {
    /// Nothing: it is neither against the law nor against the rules.
    None,
    RemoveMessage,
    /// They cannot write in the channel for a time.
    TimeOut,
    /// They cannot write in the channel any more.
    Ban,
    EndLive,
    /// It is ended, and neither it nor its replay is shown.
    HideRoom,
    /// The account is shut, for a time or until it is opened again.
    Suspend,
}

impl Measure {
    pub const ALL: [Measure; 7] = [
        Measure::None,
        Measure::RemoveMessage,
        Measure::TimeOut,
        Measure::Ban,
        Measure::EndLive,
        Measure::HideRoom,
        Measure::Suspend,
    ];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Measure::None => "none",
            Measure::RemoveMessage => "remove_message",
            Measure::TimeOut => "time_out",
            Measure::Ban => "ban",
            Measure::EndLive => "end_live",
            Measure::HideRoom => "hide_room",
            Measure::Suspend => "suspend",
        }
    }

    pub(crate) fn parse(word: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|measure| measure.word() == word);
        found.ok_or_else(|| StoreError::Broken(format!("the measure {word:?}")))
    }

    /// Whether it can be done about this.
    pub fn fits(self, report: &Report) -> bool {
        match self {
            Measure::None => true,
            Measure::RemoveMessage => report.kind == ObjectKind::Message,
            Measure::TimeOut | Measure::Ban => {
                report.kind != ObjectKind::Room && report.channel.is_some() && report.room.is_some()
            }
            Measure::EndLive | Measure::HideRoom => report.kind == ObjectKind::Room,
            Measure::Suspend => report.person_kind == SpeakerKind::Person,
        }
    }

    /// Whether a reversal can take it back.
    pub fn can_be_taken_back(self) -> bool {
        match self {
            Measure::TimeOut | Measure::Ban | Measure::HideRoom | Measure::Suspend => true,
            Measure::None | Measure::RemoveMessage | Measure::EndLive => false,
        }
    }
}

/// What follows when the transaction is committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Follows {
    /// Rooms that have ended.
    pub ended: Vec<RoomId>,
    /// Whose account is suspended now.
    pub shut_out: Option<PersonId>,
}

/// Why nothing was done, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MeasureError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("nobody acts against the channel's team or the site's operators")]
    Protected,
    #[error("it is gone: {0}")]
    Gone(String),
}

impl From<ActError> for MeasureError {
    fn from(error: ActError) -> Self {
        match error {
            ActError::Store(error) => MeasureError::Store(error),
            ActError::Protected => MeasureError::Protected,
            error @ (ActError::Why(_) | ActError::Seconds | ActError::Right(_) | ActError::PersonUnknown) => {
                MeasureError::Gone(error.to_string())
            }
        }
    }
}

impl From<DeleteError> for MeasureError {
    fn from(error: DeleteError) -> Self {
        match error {
            DeleteError::Store(error) => MeasureError::Store(error),
            error @ (DeleteError::MessageUnknown | DeleteError::NotYours) => {
                MeasureError::Gone(error.to_string())
            }
        }
    }
}

/// Does what was decided.
pub(super) fn take(
    tx: &mut Tx,
    decision: &Decision,
    seconds: Option<u32>,
    now: Timestamp,
) -> Result<Follows, MeasureError> {
    let mut follows = Follows::default();
    match decision.measure {
        Measure::None => {}
        Measure::RemoveMessage => {
            let delete = chat::Delete {
                room: decision.room.ok_or_else(nowhere)?,
                message: MessageId(decision.object),
                by: decision.operator.0,
                record: decision.record(),
            };
            chat::delete(tx, &delete, now)?;
        }
        Measure::TimeOut => sanction(
            tx,
            decision,
            ActKind::TimeOut,
            (decision.operator, decision.record()),
            seconds,
            now,
        )?,
        Measure::Ban => sanction(
            tx,
            decision,
            ActKind::Ban,
            (decision.operator, decision.record()),
            None,
            now,
        )?,
        Measure::EndLive => follows.ended.push(end(tx, RoomId(decision.object), now)?),
        Measure::HideRoom => {
            let room = end(tx, RoomId(decision.object), now)?;
            hidden::hide(tx, room, now)?;
            follows.ended.push(room);
        }
        Measure::Suspend => {
            let person = PersonId(decision.person);
            for room in reported::open_rooms_of(tx, person)? {
                follows.ended.push(end(tx, room, now)?);
            }
            suspension::suspend(tx, person, decision.until, now)?;
            follows.shut_out = Some(person);
        }
    }
    Ok(follows)
}

/// Takes back what can be taken back. What ended by itself meanwhile, or was lifted by somebody else, is no error.
pub(crate) fn take_back(
    tx: &mut Tx,
    decision: &Decision,
    by: (PersonId, RecordId),
    now: Timestamp,
) -> Result<(), MeasureError> {
    match decision.measure {
        Measure::None | Measure::RemoveMessage | Measure::EndLive => Ok(()),
        Measure::TimeOut => sanction(tx, decision, ActKind::EndTimeOut, by, None, now),
        Measure::Ban => sanction(tx, decision, ActKind::Unban, by, None, now),
        Measure::HideRoom => Ok(hidden::show(tx, RoomId(decision.object))?),
        Measure::Suspend => Ok(suspension::lift(tx, PersonId(decision.person))?),
    }
}

fn sanction(
    tx: &mut Tx,
    decision: &Decision,
    kind: ActKind,
    (operator, record): (PersonId, RecordId),
    seconds: Option<u32>,
    now: Timestamp,
) -> Result<(), MeasureError> {
    let channel = decision.channel.ok_or_else(nowhere)?;
    let right = Moderator::of(tx, channel, operator)?;
    let right = right.ok_or_else(|| MeasureError::Gone("the operator's right".into()))?;
    let room = match decision.room {
        Some(room) => reported::room_for(tx, room, None)?,
        None => None,
    };
    let act = Act {
        record,
        kind,
        person: decision.person,
        seconds,
        why: decision.basis.clone(),
    };
    moderation::act(tx, room.as_ref(), &right, &act, now)?;
    Ok(())
}

fn end(tx: &mut Tx, room: RoomId, now: Timestamp) -> Result<RoomId, MeasureError> {
    match state::end(tx, room, By::Operator, now) {
        Ok(room) => Ok(room.id),
        Err(ChangeError::Store(error)) => Err(MeasureError::Store(error)),
        Err(
            error @ (ChangeError::RoomUnknown
            | ChangeError::NotYours
            | ChangeError::WrongState(_)
            | ChangeError::AlreadyOpen(_)
            | ChangeError::NoCamera
            | ChangeError::Title(_)
            | ChangeError::Past),
        ) => Err(MeasureError::Gone(error.to_string())),
    }
}

fn nowhere() -> MeasureError {
    MeasureError::Gone("the room".into())
}
