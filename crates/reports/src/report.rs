//! Somebody points at a message, a person or a room. Read [`report`] downward.
//!
//! Invariant: a ReportId reports once; whoever has a name has at most one open report of the same thing. The words that
//! are reported are kept with the report as they were, since what they stand in may be taken away meanwhile.

mod http;
pub(crate) mod sql;
#[cfg(test)]
mod tests;

use busk_base::{ChannelId, DecisionId, MessageId, ReportId, RoomId, TextError, Timestamp, bounded_text};
use busk_rooms::{SpeakerKind, reported};
use busk_store::{Read, StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::category::{Category, Ground};

pub(crate) use http::{id_of, routes};

/// Characters of what somebody says about what they report.
pub const WORDS_MAX: usize = 2_000;
const NAME_MAX: usize = 100;
const EMAIL_MAX: usize = 254;

/// What can be pointed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReportObjectKind)]
pub enum ObjectKind {
    Message,
    /// A person or a guest.
    Person,
    Room,
}

impl ObjectKind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            ObjectKind::Message => "message",
            ObjectKind::Person => "person",
            ObjectKind::Room => "room",
        }
    }

    pub(crate) fn parse(word: &str) -> Result<Self, StoreError> {
        let all = [ObjectKind::Message, ObjectKind::Person, ObjectKind::Room];
        let found = all.into_iter().find(|kind| kind.word() == word);
        found.ok_or_else(|| StoreError::Broken(format!("a report of a {word:?}")))
    }
}

/// What somebody points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    pub kind: ObjectKind,
    pub id: Uuid,
    /// Where they saw a person.
    pub room: Option<RoomId>,
}

/// A report, as somebody makes it.
#[derive(Clone, Debug)]
pub struct NewReport {
    pub id: ReportId,
    pub object: Object,
    pub ground: Ground,
    pub category: Category,
    /// Why; it must be said of what is illegal (Article 16(2)(a)).
    pub words: String,
    /// That they believe in good faith what they say, which must be said of what is illegal (Article 16(2)(d)).
    pub good_faith: bool,
    /// A person or a guest; nobody may report, too.
    pub reporter: Option<Uuid>,
    pub contact_name: Option<String>,
    pub contact_email: Option<String>,
}

/// A report, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub id: ReportId,
    pub kind: ObjectKind,
    pub object: Uuid,
    pub room: Option<RoomId>,
    pub channel: Option<ChannelId>,
    /// Whom it is about: an author, a host, or the person themselves.
    pub person: Uuid,
    pub person_kind: SpeakerKind,
    /// As they were called then.
    pub person_name: String,
    /// The message's text, or the room's title.
    pub said: Option<String>,
    pub said_at: Option<Timestamp>,
    pub ground: Ground,
    pub category: Category,
    pub words: String,
    pub reporter: Option<Uuid>,
    pub contact_name: Option<String>,
    pub contact_email: Option<String>,
    pub at: Timestamp,
    /// The one that closed it.
    pub decision: Option<DecisionId>,
}

/// Why nothing was reported, in order of precedence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the id {0} was used for another report")]
    IdReused(ReportId),
    #[error("this kind is not one of what is against the {}", match .0 { Ground::Law => "law", Ground::Rules => "rules" })]
    Category(Ground),
    #[error("the reason {0}")]
    Words(TextError),
    #[error("say that you believe this in good faith")]
    GoodFaith,
    #[error("the name {0}")]
    Name(TextError),
    #[error("this is not an e-mail address")]
    Email,
    #[error("there is nothing like this")]
    ObjectUnknown,
    #[error("nobody reports themselves")]
    Yourself,
    #[error("you have reported this already")]
    Open(ReportId),
}

/// Reports something; the same again is once.
pub fn report(tx: &mut Tx, new: &NewReport, now: Timestamp) -> Result<Report, ReportError> {
    if let Some(past) = sql::one(tx, new.id)? {
        let same = past.object == new.object.id && past.reporter == new.reporter;
        return if same {
            Ok(past)
        } else {
            Err(ReportError::IdReused(new.id))
        };
    }
    if !new.category.fits(new.ground) {
        return Err(ReportError::Category(new.ground));
    }
    let least = usize::from(new.ground == Ground::Law);
    let words = bounded_text(&new.words, least, WORDS_MAX).map_err(ReportError::Words)?;
    if new.ground == Ground::Law && !new.good_faith {
        return Err(ReportError::GoodFaith);
    }
    let name = new.contact_name.as_deref().filter(|name| !name.is_empty());
    let name = name.map(|name| bounded_text(name, 1, NAME_MAX)).transpose();
    let contact_name = name.map_err(ReportError::Name)?;
    let email = new.contact_email.as_deref().filter(|email| !email.is_empty());
    let contact_email = email.map(address).transpose()?;
    let found = find(tx, &new.object, new.reporter)?.ok_or(ReportError::ObjectUnknown)?;
    if new.reporter == Some(found.person.id) {
        return Err(ReportError::Yourself);
    }
    if let Some(reporter) = new.reporter
        && let Some(open) = sql::open_of(tx, reporter, new.object.id)?
    {
        return Err(ReportError::Open(open));
    }

    let report = Report {
        id: new.id,
        kind: new.object.kind,
        object: new.object.id,
        room: found.room,
        channel: found.channel,
        person: found.person.id,
        person_kind: found.person.kind,
        person_name: found.person.name,
        said: found.said,
        said_at: found.said_at,
        ground: new.ground,
        category: new.category,
        words,
        reporter: new.reporter,
        contact_name,
        contact_email,
        at: now,
        decision: None,
    };
    sql::insert(tx, &report);
    Ok(report)
}

/// Something that is there, and whom it is about.
struct Found {
    room: Option<RoomId>,
    channel: Option<ChannelId>,
    person: reported::Somebody,
    said: Option<String>,
    said_at: Option<Timestamp>,
}

fn find(db: &mut impl Read, object: &Object, by: Option<Uuid>) -> Result<Option<Found>, StoreError> {
    match object.kind {
        ObjectKind::Message => {
            let Some(message) = reported::message(db, MessageId(object.id), by)? else {
                return Ok(None);
            };
            let person = reported::somebody(db, message.author)?;
            Ok(person.map(|person| Found {
                room: Some(message.room),
                channel: Some(message.channel),
                person,
                said: Some(message.text),
                said_at: Some(message.at),
            }))
        }
        ObjectKind::Person => {
            let room = match object.room {
                Some(room) => reported::room_for(db, room, by)?,
                None => None,
            };
            let person = reported::somebody(db, object.id)?;
            Ok(person.map(|person| Found {
                room: room.as_ref().map(|room| room.id),
                channel: room.as_ref().map(|room| room.channel),
                person,
                said: None,
                said_at: None,
            }))
        }
        ObjectKind::Room => {
            let Some(room) = reported::room_for(db, RoomId(object.id), by)? else {
                return Ok(None);
            };
            let person = reported::somebody(db, room.host.0)?;
            Ok(person.map(|person| Found {
                room: Some(room.id),
                channel: Some(room.channel),
                person,
                said: Some(room.title.clone()),
                said_at: room.started_at,
            }))
        }
    }
}

/// An address that a letter could be sent to: whether it is somebody's, only a letter shows.
fn address(text: &str) -> Result<String, ReportError> {
    let text = bounded_text(text, 3, EMAIL_MAX).map_err(|_| ReportError::Email)?;
    let whole = matches!(text.split_once('@'), Some((user, host)) if !user.is_empty() && !host.is_empty() && !host.contains('@'));
    if whole && !text.contains(char::is_whitespace) {
        Ok(text)
    } else {
        Err(ReportError::Email)
    }
}
