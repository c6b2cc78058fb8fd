//! Moderation over HTTP: acts, held messages and modes in a room; words, people and the log of a channel.

use axum::extract::State as Shared;
use busk_api::{
    Cursor, Failures, Json, OpenApiRouter, Page, PageQuery, Path, Problem, Query, Refusals, StatusCode,
    routes as operations,
};
use busk_base::{MessageId, RecordId, RoomId, Timestamp};
use busk_people::{Acting, Channel, Moderate, channel_by_handle};
use busk_store::{Read, Reader, StoreError, Tx, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Act, ActError, ActKind, HeldError, ModeError, NoRight, RecordView, Sanction, Sanctioned, act,
    answer_raid, judge_held, known, of_person, records_about, records_of, right, right_in, sanctioned,
    set_filter, set_mode,
};
use crate::chat::filter::ChatFilter;
use crate::chat::mode::{ChatMode, Links};
use crate::chat::{mode, rules};
use crate::event::{Held, SpeakerKind, What};
use crate::http::room_unknown;
use crate::live::Rooms;
use crate::{Room, RoomEvent};

/// Messages and acts in a person's history.
const HISTORY_MAX: i64 = 100;
/// People of whom something holds.
const SANCTIONED_MAX: i64 = 500;
/// How long a raid is answered at most, in minutes.
const RAID_MINUTES_MAX: u32 = 60;

pub(crate) fn routes() -> OpenApiRouter<Rooms> {
    OpenApiRouter::new()
        .routes(operations!(show))
        .routes(operations!(moderate))
        .routes(operations!(history))
        .routes(operations!(judge))
        .routes(operations!(change_mode))
        .routes(operations!(begin_raid, end_raid))
        .routes(operations!(channel_filter, change_filter))
        .routes(operations!(channel_people))
        .routes(operations!(channel_moderate))
        .routes(operations!(channel_log))
}

impl From<NoRight> for Problem {
    fn from(error: NoRight) -> Self {
        let text = error.to_string();
        match error {
            NoRight::Store(error) => error.into(),
            NoRight::RoomUnknown => room_unknown(),
            NoRight::NotModerator => Problem::forbidden("moderator_needed", text),
        }
    }
}

impl From<ActError> for Problem {
    fn from(error: ActError) -> Self {
        let text = error.to_string();
        match error {
            ActError::Store(error) => error.into(),
            ActError::Why(why) => Problem::invalid("why", why.to_string()),
            ActError::Seconds => Problem::invalid("seconds", text),
            ActError::Right(error) => error.into(),
            ActError::PersonUnknown => Problem::not_found("person_unknown", "There is no such person"),
            ActError::Protected => Problem::forbidden("protected", text),
        }
    }
}

impl From<HeldError> for Problem {
    fn from(error: HeldError) -> Self {
        let text = error.to_string();
        match error {
            HeldError::Store(error) => error.into(),
            HeldError::Right(error) => error.into(),
            HeldError::NotHeld => Problem::not_found("not_held", "This message does not wait"),
            HeldError::Over => Problem::conflict("room_not_live", text),
        }
    }
}

impl From<ModeError> for Problem {
    fn from(error: ModeError) -> Self {
        match error {
            ModeError::Store(error) => error.into(),
            ModeError::OutOfBounds(field, why) => Problem::invalid(field, why),
            ModeError::Right(error) => error.into(),
        }
    }
}

fn channel_unknown() -> Problem {
    Problem::not_found("channel_unknown", "There is no such channel")
}

impl Rooms {
    fn record(&self) -> RecordId {
        RecordId::new(self.site().now(), self.site().entropy())
    }

    async fn channel(&self, handle: String) -> Result<Channel, Problem> {
        let read = self.site().store().read(move |db| channel_by_handle(db, &handle));
        read.await?.ok_or_else(channel_unknown)
    }
}

/// A room as its moderators see it.
#[derive(Serialize, ToSchema)]
struct ModerationView {
    mode: ChatMode,
    /// What waits for a moderator, the longest waiting first.
    held: Vec<Held>,
}

/// How a room's chat is run, and what waits for a moderator.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/moderation", tag = "moderation",
    security(("session" = []), ("token" = ["moderate"])), params(("room" = RoomId, Path)),
    operation_id = "moderation",
    responses((status = 200, body = ModerationView), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`moderator_needed`"), (status = 404, description = "`room_unknown`"), Failures))]
async fn show(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    Acting { person, .. }: Acting<Moderate>,
) -> Result<Json<ModerationView>, Problem> {
    rooms.moderated(room, person.id).await?;
    let now = rooms.site().now();
    let read = rooms.site().store().read(move |db: &mut Reader| {
        let mode = mode::read(db, room)?.at(now);
        let held = super::held_in(db, room)?;
        Ok::<_, StoreError>(ModerationView { mode, held })
    });
    Ok(Json(read.await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ActBody {
    act: ActKind,
    /// The id that stands beside what somebody says.
    person: Uuid,
    /// Of a time-out: 1 to 1 209 600 (14 days).
    #[serde(default)]
    seconds: Option<u32>,
    /// At most 200 characters, for the moderation log.
    #[serde(default)]
    why: String,
}

impl ActBody {
    fn act(self, record: RecordId) -> Act {
        let Self {
            act,
            person,
            seconds,
            why,
        } = self;
        Act {
            record,
            kind: act,
            person,
            seconds,
            why,
        }
    }
}

/// Times out, bans or shadows somebody in the channel, or takes it back. What they have said in this room goes with
/// a time-out or a ban.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/moderation/acts", tag = "moderation",
    security(("session" = []), ("token" = ["moderate"])),
    operation_id = "moderate", params(("room" = RoomId, Path)), request_body = ActBody,
    responses((status = 200, body = Sanction), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`moderator_needed`, `protected`"),
        (status = 404, description = "`room_unknown`, `person_unknown`"), Refusals))]
async fn moderate(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    Acting { person, .. }: Acting<Moderate>,
    Json(body): Json<ActBody>,
) -> Result<Json<Sanction>, Problem> {
    let (now, wanted) = (rooms.site().now(), body.act(rooms.record()));
    let acts = move |tx: &mut Tx| {
        let (room, right) = right(tx, room, person.id)?;
        act(tx, Some(&room), &right, &wanted, now)
    };
    Ok(Json(rooms.site().store().write(acts).await?))
}

/// What somebody has said in a room, and what was done to them in the channel.
#[derive(Serialize, ToSchema)]
struct PersonHistory {
    person: Uuid,
    name: String,
    kind: SpeakerKind,
    sanction: Sanction,
    /// The latest first.
    messages: Vec<PastMessage>,
    /// The latest first.
    acts: Vec<RecordView>,
}

/// Something that somebody has said, with its words also when others do not see it any more.
#[derive(Serialize, ToSchema)]
struct PastMessage {
    id: MessageId,
    at: Timestamp,
    text: String,
    removed: bool,
    /// It waits for a moderator.
    held: bool,
}

/// A person's history in this room.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/moderation/people/{person}", tag = "moderation",
    security(("session" = []), ("token" = ["moderate"])),
    operation_id = "moderation_person", params(("room" = RoomId, Path), ("person" = Uuid, Path)),
    responses((status = 200, body = PersonHistory), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`moderator_needed`"),
        (status = 404, description = "`room_unknown`, `person_unknown`"), Failures))]
async fn history(
    Shared(rooms): Shared<Rooms>,
    Path((room, person)): Path<(RoomId, Uuid)>,
    Acting { person: asker, .. }: Acting<Moderate>,
) -> Result<Json<PersonHistory>, Problem> {
    let room = rooms.moderated(room, asker.id).await?;
    let read = rooms.site().store().read(move |db: &mut Reader| {
        let Some(who) = known(db, person)? else {
            return Ok(None);
        };
        let messages = said_by(db, &room, person)?;
        let acts = records_about(db, room.channel, person, HISTORY_MAX)?;
        let sanction = of_person(db, room.channel, person)?;
        Ok::<_, StoreError>(Some(PersonHistory {
            person,
            name: who.name,
            kind: who.kind,
            sanction,
            messages,
            acts,
        }))
    });
    let unknown = || Problem::not_found("person_unknown", "There is no such person");
    Ok(Json(read.await?.ok_or_else(unknown)?))
}

fn said_by(db: &mut impl Read, room: &Room, person: Uuid) -> Result<Vec<PastMessage>, StoreError> {
    let rows = db.rows(
        "SELECT m.id, m.said_at, e.body, m.removed_by IS NOT NULL, m.held \
         FROM room_message m JOIN room_event e ON e.room = m.room AND e.n = m.n \
         WHERE m.room = $1 AND m.author = $2 ORDER BY m.n DESC LIMIT $3",
        params![room.id, person, HISTORY_MAX],
    )?;
    let mut messages = Vec::with_capacity(rows.len());
    for row in rows {
        let event: RoomEvent = serde_json::from_str(&row.get::<String>(2)?)
            .map_err(|e| StoreError::Broken(format!("an event that cannot be read: {e}")))?;
        if let What::Said { text, .. } | What::HeldMine { text, .. } = event.what {
            messages.push(PastMessage {
                id: row.get(0)?,
                at: row.get(1)?,
                text,
                removed: row.get(3)?,
                held: row.get(4)?,
            });
        }
    }
    Ok(messages)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct JudgeBody {
    /// Whether it is said after all.
    approve: bool,
}

/// Lets a held message be said, or not.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/moderation/held/{message}", tag = "moderation",
    security(("session" = []), ("token" = ["moderate"])),
    operation_id = "moderation_judge", params(("room" = RoomId, Path), ("message" = MessageId, Path)),
    request_body = JudgeBody,
    responses((status = 204), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`moderator_needed`"),
        (status = 404, description = "`room_unknown`, `not_held`"),
        (status = 409, description = "`room_not_live`"), Refusals))]
async fn judge(
    Shared(rooms): Shared<Rooms>,
    Path((room, message)): Path<(RoomId, MessageId)>,
    Acting { person, .. }: Acting<Moderate>,
    Json(body): Json<JudgeBody>,
) -> Result<StatusCode, Problem> {
    let (now, record) = (rooms.site().now(), rooms.record());
    let judges = move |tx: &mut Tx| {
        let (room, right) = right(tx, room, person.id)?;
        judge_held(tx, &room, &right, record, message, body.approve, now)
    };
    rooms.site().store().write(judges).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ModeBody {
    /// Between two messages of one person, in seconds: 0 (off) to 120.
    slow_s: u16,
    /// Only who has followed for so many minutes: 0 to 129 600; null is off.
    #[serde(default)]
    followers_min: Option<u32>,
    subscribers: bool,
    guests: bool,
    links: Links,
}

/// Says how a room's chat is run from now on. The host and the moderators are exempt.
#[utoipa::path(put, path = "/api/v1/rooms/{room}/chat-mode", tag = "moderation",
    security(("session" = []), ("token" = ["moderate"])), operation_id = "chat_mode",
    params(("room" = RoomId, Path)), request_body = ModeBody,
    responses((status = 200, body = ChatMode), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`moderator_needed`"), (status = 404, description = "`room_unknown`"), Refusals))]
async fn change_mode(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    Acting { person, .. }: Acting<Moderate>,
    Json(body): Json<ModeBody>,
) -> Result<Json<ChatMode>, Problem> {
    let wanted = ChatMode {
        slow_s: body.slow_s,
        followers_min: body.followers_min,
        subscribers: body.subscribers,
        guests: body.guests,
        links: body.links,
        raid_until: None,
    };
    if let Some((field, why)) = wanted.out_of_bounds() {
        return Err(ModeError::OutOfBounds(field, why).into());
    }
    let (now, record) = (rooms.site().now(), rooms.record());
    let changes = move |tx: &mut Tx| {
        let (room, right) = right(tx, room, person.id)?;
        Ok::<_, ModeError>(set_mode(tx, &room, &right, record, wanted, now)?)
    };
    Ok(Json(rooms.site().store().write(changes).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RaidBody {
    /// 1 to 60.
    minutes: u32,
}

/// Answers a raid for a time: only who has followed for 10 minutes writes, and at least 30 s apart.
#[utoipa::path(put, path = "/api/v1/rooms/{room}/moderation/raid", tag = "moderation",
    security(("session" = []), ("token" = ["moderate"])), operation_id = "raid",
    params(("room" = RoomId, Path)), request_body = RaidBody,
    responses((status = 200, body = ChatMode), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`moderator_needed`"), (status = 404, description = "`room_unknown`"), Refusals))]
async fn begin_raid(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    Acting { person, .. }: Acting<Moderate>,
    Json(body): Json<RaidBody>,
) -> Result<Json<ChatMode>, Problem> {
    if !(1..=RAID_MINUTES_MAX).contains(&body.minutes) {
        return Err(Problem::invalid(
            "minutes",
            format!("must be 1 to {RAID_MINUTES_MAX}"),
        ));
    }
    let until = rooms.site().now() + std::time::Duration::from_secs(u64::from(body.minutes) * 60);
    rooms.raid(room, person.id, Some(until)).await
}

/// Stops answering a raid.
#[utoipa::path(delete, path = "/api/v1/rooms/{room}/moderation/raid", tag = "moderation",
    security(("session" = []), ("token" = ["moderate"])), operation_id = "raid_end",
    params(("room" = RoomId, Path)),
    responses((status = 200, body = ChatMode), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`moderator_needed`"), (status = 404, description = "`room_unknown`"), Refusals))]
async fn end_raid(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    Acting { person, .. }: Acting<Moderate>,
) -> Result<Json<ChatMode>, Problem> {
    rooms.raid(room, person.id, None).await
}

impl Rooms {
    async fn raid(
        &self,
        room: RoomId,
        by: busk_base::PersonId,
        until: Option<Timestamp>,
    ) -> Result<Json<ChatMode>, Problem> {
        let (now, record) = (self.site().now(), self.record());
        let answers = move |tx: &mut Tx| {
            let (room, right) = right(tx, room, by)?;
            Ok::<_, ModeError>(answer_raid(tx, &room, &right, record, until, now)?)
        };
        Ok(Json(self.site().store().write(answers).await?))
    }

    /// A room, for those who moderate it.
    async fn moderated(&self, room: RoomId, by: busk_base::PersonId) -> Result<Room, Problem> {
        let read = self.site().store().read(move |db: &mut Reader| {
            let Some(room) = crate::room::public(db, room)? else {
                return Err(NoRight::RoomUnknown);
            };
            let right = busk_people::Moderator::of(db, room.channel, by)?;
            right.map(|_| room).ok_or(NoRight::NotModerator)
        });
        Ok(read.await?)
    }

    /// A channel, for those who moderate it.
    async fn moderated_channel(&self, handle: String, by: busk_base::PersonId) -> Result<Channel, Problem> {
        let channel = self.channel(handle).await?;
        let of = channel.id;
        let read = self.site().store().read(move |db: &mut Reader| {
            let right = busk_people::Moderator::of(db, of, by)?;
            right.map(|_| ()).ok_or(NoRight::NotModerator)
        });
        read.await?;
        Ok(channel)
    }
}

/// What a channel's chats do not want.
#[utoipa::path(get, path = "/api/v1/channels/{handle}/chat-filter", tag = "moderation",
    security(("session" = []), ("token" = ["moderate"])),
    operation_id = "chat_filter", params(("handle" = String, Path)),
    responses((status = 200, body = ChatFilter), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`moderator_needed`"), (status = 404, description = "`channel_unknown`"), Failures))]
async fn channel_filter(
    Shared(rooms): Shared<Rooms>,
    Path(handle): Path<String>,
    Acting { person, .. }: Acting<Moderate>,
) -> Result<Json<ChatFilter>, Problem> {
    let channel = rooms.moderated_channel(handle, person.id).await?.id;
    let read = rooms
        .site()
        .store()
        .read(move |db| rules::read_filter(db, channel));
    Ok(Json(read.await?))
}

/// Says what a channel's chats do not want.
#[utoipa::path(put, path = "/api/v1/channels/{handle}/chat-filter", tag = "moderation",
    security(("session" = []), ("token" = ["moderate"])),
    operation_id = "chat_filter_change", params(("handle" = String, Path)), request_body = ChatFilter,
    responses((status = 200, body = ChatFilter), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`moderator_needed`"), (status = 404, description = "`channel_unknown`"), Refusals))]
async fn change_filter(
    Shared(rooms): Shared<Rooms>,
    Path(handle): Path<String>,
    Acting { person, .. }: Acting<Moderate>,
    Json(body): Json<ChatFilter>,
) -> Result<Json<ChatFilter>, Problem> {
    let wanted = body
        .checked()
        .map_err(|error| Problem::invalid(error.field, error.why))?;
    let channel = rooms.channel(handle).await?.id;
    let (now, record, kept) = (rooms.site().now(), rooms.record(), wanted.clone());
    let changes = move |tx: &mut Tx| {
        let right = right_in(tx, channel, person.id)?;
        set_filter(tx, &right, record, kept.clone(), now)?;
        Ok::<_, NoRight>(())
    };
    rooms.site().store().write(changes).await?;
    Ok(Json(wanted))
}

/// Whoever is banned, shadowed or timed out in a channel now, the latest first; 500 at most.
#[utoipa::path(get, path = "/api/v1/channels/{handle}/moderation/people", tag = "moderation",
    security(("session" = []), ("token" = ["moderate"])),
    operation_id = "moderation_people", params(("handle" = String, Path)),
    responses((status = 200, body = Page<Sanctioned>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`moderator_needed`"), (status = 404, description = "`channel_unknown`"), Failures))]
async fn channel_people(
    Shared(rooms): Shared<Rooms>,
    Path(handle): Path<String>,
    Acting { person, .. }: Acting<Moderate>,
) -> Result<Json<Page<Sanctioned>>, Problem> {
    let channel = rooms.moderated_channel(handle, person.id).await?.id;
    let now = rooms.site().now();
    let read = rooms
        .site()
        .store()
        .read(move |db| sanctioned(db, channel, now, SANCTIONED_MAX));
    Ok(Json(Page::whole(read.await?)))
}

/// As in a room, when there is none: what was said stays.
#[utoipa::path(post, path = "/api/v1/channels/{handle}/moderation/acts", tag = "moderation",
    security(("session" = []), ("token" = ["moderate"])),
    operation_id = "channel_moderate", params(("handle" = String, Path)), request_body = ActBody,
    responses((status = 200, body = Sanction), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`moderator_needed`, `protected`"),
        (status = 404, description = "`channel_unknown`, `person_unknown`"), Refusals))]
async fn channel_moderate(
    Shared(rooms): Shared<Rooms>,
    Path(handle): Path<String>,
    Acting { person, .. }: Acting<Moderate>,
    Json(body): Json<ActBody>,
) -> Result<Json<Sanction>, Problem> {
    let channel = rooms.channel(handle).await?.id;
    let (now, wanted) = (rooms.site().now(), body.act(rooms.record()));
    let acts = move |tx: &mut Tx| {
        let right = right_in(tx, channel, person.id)?;
        act(tx, None, &right, &wanted, now)
    };
    Ok(Json(rooms.site().store().write(acts).await?))
}

/// A channel's moderation log, the latest first.
#[utoipa::path(get, path = "/api/v1/channels/{handle}/moderation/log", tag = "moderation",
    security(("session" = []), ("token" = ["moderate"])),
    operation_id = "moderation_log", params(("handle" = String, Path), PageQuery),
    responses((status = 200, body = Page<RecordView>), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`moderator_needed`"), (status = 404, description = "`channel_unknown`"), Failures))]
async fn channel_log(
    Shared(rooms): Shared<Rooms>,
    Path(handle): Path<String>,
    Acting { person, .. }: Acting<Moderate>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<RecordView>>, Problem> {
    let channel = rooms.moderated_channel(handle, person.id).await?.id;
    let before = page
        .cursor
        .as_ref()
        .and_then(Cursor::as_i64)
        .map(Timestamp::from_unix_us);
    let max = page.limit.and_one();
    let read = rooms
        .site()
        .store()
        .read(move |db| records_of(db, channel, before, max));
    let cursor = |last: &RecordView| Cursor::from_i64(last.at.unix_us());
    Ok(Json(Page::of(read.await?, page.limit, cursor)))
}
