//! Who may be in a room: everybody, the channel's followers, its subscribers, or whom a ticket admits. Rooms know nothing
//! of money: whoever sells calls [`admit`] and [`withdraw`] in its transactions.
//!
//! Invariant: whoever is not admitted comes through no door (socket, WHEP, LL-HLS, chat, log), and whoever was and
//! is no more is shown out. The host, the channel's team, those on stage and the site's operators always may.

use busk_api::{Problem, StatusCode};
use busk_base::{JobId, PersonId, RoomId, Timestamp};
use busk_people::{Moderator, follow};
use busk_store::{Ahead, Entity, Read, Row, StoreError, Tx, Type, Value, jobs, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Room, members, stage};

/// The job that shows out who is not admitted any more.
pub const SHOW_OUT_JOB: &str = "rooms.show_out";

/// Whom a room is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    #[default]
    Free,
    /// Followers of its channel.
    Followers,
    /// Subscribers of its channel.
    Subscribers,
    /// Whoever has a ticket.
    Ticket,
}

impl Access {
    fn word(self) -> &'static str {
        match self {
            Access::Free => "free",
            Access::Followers => "followers",
            Access::Subscribers => "subscribers",
            Access::Ticket => "ticket",
        }
    }

    pub(crate) fn parse(word: &str) -> Result<Self, StoreError> {
        let all = [
            Access::Free,
            Access::Followers,
            Access::Subscribers,
            Access::Ticket,
        ];
        let found = all.into_iter().find(|access| access.word() == word);
        found.ok_or_else(|| StoreError::Broken(format!("a room for {word}")))
    }

    /// The answer to somebody whom it does not let in.
    pub fn refusal(self, signed_in: bool) -> Problem {
        let (code, title, opens) = match self {
            Access::Free => return Problem::internal(),
            Access::Followers => (
                "follow_required",
                "This is for the channel's followers",
                "Following the channel opens it",
            ),
            Access::Subscribers => (
                "subscription_required",
                "This is for the channel's subscribers",
                "A subscription to the channel opens it",
            ),
            Access::Ticket => (
                "ticket_required",
                "This is for those who have a ticket",
                "A ticket of this room opens it",
            ),
        };
        let status = if signed_in {
            StatusCode::FORBIDDEN
        } else {
            StatusCode::UNAUTHORIZED
        };
        Problem::new(status, code, title).detail(opens)
    }
}

/// Whom the room is for.
pub fn of(db: &mut impl Read, room: RoomId) -> Result<Access, StoreError> {
    let row = db.row("SELECT kind FROM room_access WHERE room = $1", params![room])?;
    row.map_or(Ok(Access::Free), |row| Access::parse(&row.get::<String>(0)?))
}

/// Says whom a room is for. Not changed any more once it is on the air.
pub fn set(tx: &mut Tx, room: RoomId, access: Access) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO room_access (room, kind) VALUES ($1, $2) ON CONFLICT (room) DO UPDATE SET kind = excluded.kind",
        params![room, access.word()],
    )?;
    tx.put::<Guard>(room, Guard(access));
    Ok(())
}

/// Lets a person in; `replay` says whether to the replay, too.
pub fn admit(
    tx: &mut Tx,
    room: RoomId,
    person: PersonId,
    replay: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO room_admitted (id, replay, admitted_at) VALUES ($1, $2, $3) \
         ON CONFLICT (id) DO UPDATE SET replay = excluded.replay",
        params![Admission::key(&(room, person)), replay, now],
    )?;
    tx.put::<Admission>((room, person), Admission { holds: true });
    Ok(())
}

/// Lets a person in no more; `job` shows them out.
pub fn withdraw(
    tx: &mut Tx,
    room: RoomId,
    person: PersonId,
    job: JobId,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM room_admitted WHERE id = $1",
        params![Admission::key(&(room, person))],
    )?;
    tx.put::<Admission>((room, person), Admission { holds: false });
    show_out(tx, room, person, job, now);
    Ok(())
}

/// Leaves the job that shows a person out, should they not be let in any more.
pub(crate) fn show_out(tx: &mut Tx, room: RoomId, person: PersonId, job: JobId, now: Timestamp) {
    let body = serde_json::json!([room, person]).to_string();
    jobs::leave(tx, job, SHOW_OUT_JOB, body, now);
}

/// Whether the person was let in, and to the replay.
pub fn admission(db: &mut impl Read, room: RoomId, person: PersonId) -> Result<Option<bool>, StoreError> {
    let row = db.row(
        "SELECT replay FROM room_admitted WHERE id = $1",
        params![Admission::key(&(room, person))],
    )?;
    row.map(|row| row.get(0)).transpose()
}

/// Whether a room that is for some only lets this person in.
pub fn admits(
    db: &mut impl Read,
    room: &Room,
    access: Access,
    person: Option<PersonId>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    match (access, person) {
        (Access::Free, _) => Ok(true),
        (_, Some(person)) if person == room.host => Ok(true),
        (_, None) => Ok(false),
        (Access::Followers, Some(person)) => Ok(follow::since(db, room.channel, person)?.is_some()),
        (Access::Subscribers, Some(person)) => members::is_member(db, room.channel, person, now),
        (Access::Ticket, Some(person)) => Ok(admission(db, room.id, person)?.is_some()),
    }
}

/// Names the rows that [`lets_in`] will want: for a room that is for everybody, one for all who ask in a batch.
pub fn ahead(ahead: &mut Ahead, room: RoomId, person: PersonId) {
    match ahead.want::<Guard>(room) {
        Some(Guard(Access::Ticket)) => drop(ahead.want::<Admission>((room, person))),
        Some(Guard(Access::Subscribers)) => {
            if let Some(room) = ahead.want::<Room>(room) {
                members::ahead(ahead, room.channel, person);
            }
        }
        // A follow is no row that batches find; it is read in its turn, as the chat for followers does.
        Some(Guard(Access::Free | Access::Followers)) | None => {}
    }
}

/// Whom the room is for when this person may not be in it: what is done there by a transaction asks as the doors do.
pub fn bars(
    tx: &mut Tx,
    room: &Room,
    person: PersonId,
    now: Timestamp,
) -> Result<Option<Access>, StoreError> {
    let access = tx.find::<Guard>(&room.id)?.map_or(Access::Free, |guard| guard.0);
    let admitted = match access {
        Access::Free => true,
        Access::Followers => follow::since(tx, room.channel, person)?.is_some(),
        Access::Subscribers => {
            members::find(tx, room.channel, person)?.is_some_and(|member| member.is_in_force(now))
        }
        Access::Ticket => tx
            .find::<Admission>(&(room.id, person))?
            .is_some_and(|admission| admission.holds),
    };
    if admitted || stage::of(tx, room.id)?.has(room, person.0) {
        return Ok(None);
    }
    // The team and the site's operators: as at the doors.
    let moderates = Moderator::of(tx, room.channel, person)?.is_some();
    Ok((!moderates).then_some(access))
}

/// Whom a room is for; one without a row is for everybody.
#[derive(Clone)]
struct Guard(Access);

impl Entity for Guard {
    type Key = RoomId;
    const SELECT: &'static str = "SELECT room, kind FROM room_access WHERE room";
    const KEY: Type = Type::Blob;

    fn key(key: &RoomId) -> Value {
        Value::from(*key)
    }

    fn read(row: &Row) -> Result<(RoomId, Self), StoreError> {
        Ok((row.get(0)?, Self(Access::parse(&row.get::<String>(1)?)?)))
    }
}

/// Whom a ticket lets in, in a batch that may just have taken it away.
#[derive(Clone)]
struct Admission {
    holds: bool,
}

impl Entity for Admission {
    type Key = (RoomId, PersonId);
    const SELECT: &'static str = "SELECT id FROM room_admitted WHERE id";
    const KEY: Type = Type::Blob;

    fn key((room, person): &Self::Key) -> Value {
        Value::from([&room.as_bytes()[..], &person.as_bytes()[..]].concat())
    }

    fn read(row: &Row) -> Result<(Self::Key, Self), StoreError> {
        let id: Vec<u8> = row.get(0)?;
        let halves = id.split_at_checked(16);
        let halves = halves
            .and_then(|(room, person)| Some((RoomId::from_slice(room)?, PersonId::from_slice(person)?)));
        let key = halves.ok_or_else(|| StoreError::Broken("an admission of nobody".into()))?;
        Ok((key, Self { holds: true }))
    }
}

/// Whether a replay that is for some only is for this person: a ticket may have been sold without it.
pub(crate) fn admits_to_replay(
    db: &mut impl Read,
    room: &Room,
    access: Access,
    person: Option<PersonId>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    match (access, person) {
        (Access::Ticket, Some(person)) => Ok(admission(db, room.id, person)? == Some(true)),
        (Access::Free | Access::Followers | Access::Subscribers | Access::Ticket, _) => {
            admits(db, room, access, person, now)
        }
    }
}
