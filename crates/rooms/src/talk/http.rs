//! What a live talks about, over HTTP.

use axum::extract::State as Shared;
use busk_api::{Failures, Json, OpenApiRouter, Path, Problem, Refusals, StatusCode, routes as operations};
use busk_base::{MessageId, PollId, RoomId, SpotlightId, TopicId};
use busk_people::{Caller, SignedIn};
use busk_store::Reader;
use serde::Deserialize;
use utoipa::ToSchema;

use super::pin::{Pin, PinError};
use super::poll::{CastVote, ClosePollError, NewPoll, OpenPollError, Poll, VoteError};
use super::question::{AskError, BackError, Question, QuestionState, SettleError};
use super::spotlight::{Show, ShowError, Spotlight};
use super::topic::{OpenTopicError, Topic};
use super::{Circle, HostError, TalkView, pin, poll, question, spotlight, topic, view};
use crate::chat::{Place, Say};
use crate::http::room_unknown;
use crate::live::Rooms;
use crate::socket::{name_needed, say_problem};

pub(crate) fn routes() -> OpenApiRouter<Rooms> {
    OpenApiRouter::new()
        .routes(operations!(show))
        .routes(operations!(open_topic))
        .routes(operations!(close_topic))
        .routes(operations!(open_poll))
        .routes(operations!(vote))
        .routes(operations!(close_poll))
        .routes(operations!(put_spotlight))
        .routes(operations!(end_spotlight))
        .routes(operations!(put_pin, delete_pin))
        .routes(operations!(ask))
        .routes(operations!(back))
        .routes(operations!(settle))
}

/// What a live talks about now: topic, polls, spotlight, pin and questions.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/talk", tag = "talk", params(("room" = RoomId, Path)),
    operation_id = "talk",
    responses((status = 200, body = TalkView), (status = 403, description = "`blocked`"),
        (status = 404, description = "`room_unknown`"), Failures))]
async fn show(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    caller: Caller,
) -> Result<Json<TalkView>, Problem> {
    let right = rooms.entered(room, &caller).await?.viewer.right;
    let asker = caller.person_id();
    let read = move |db: &mut Reader| view(db, room, asker, right);
    Ok(Json(rooms.site().store().read(read).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OpenTopic {
    /// Made by the host; the same again is opened once.
    id: TopicId,
    /// 1–80 characters.
    title: String,
}

/// Opens a topic in the sub room of one's own live, in the place of the one before.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/topics", tag = "talk", params(("room" = RoomId, Path)),
    operation_id = "topic_open", request_body = OpenTopic,
    responses((status = 201, body = Topic), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`room_not_live`, `id_reused`, `too_many`"), Refusals))]
async fn open_topic(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    SignedIn(host): SignedIn,
    Json(body): Json<OpenTopic>,
) -> Result<(StatusCode, Json<Topic>), Problem> {
    let now = rooms.site().now();
    let opens = move |tx: &mut _| topic::open(tx, room, host.id, body.id, &body.title, now);
    let opened = rooms.site().store().write(opens).await;
    let opened = opened.map_err(|error| match error {
        OpenTopicError::Host(error) => host_problem(error),
        OpenTopicError::IdReused(_) => id_reused(),
        OpenTopicError::Title(why) => Problem::invalid("title", why.to_string()),
        OpenTopicError::TooMany => too_many(),
    })?;
    Ok((StatusCode::CREATED, Json(opened)))
}

/// Closes a topic.
#[utoipa::path(delete, path = "/api/v1/rooms/{room}/topics/{topic}", tag = "talk",
    operation_id = "topic_close", params(("room" = RoomId, Path), ("topic" = TopicId, Path)),
    responses((status = 204), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`room_not_live`"), Refusals))]
async fn close_topic(
    Shared(rooms): Shared<Rooms>,
    Path((room, id)): Path<(RoomId, TopicId)>,
    SignedIn(host): SignedIn,
) -> Result<StatusCode, Problem> {
    let now = rooms.site().now();
    let closes = move |tx: &mut _| topic::close(tx, room, host.id, id, now);
    let closed = rooms.site().store().write(closes).await;
    closed.map_err(host_problem)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OpenPoll {
    /// Made by the host; the same again is opened once.
    id: PollId,
    /// 1–120 characters.
    question: String,
    /// 2 to 6, of 1–60 characters each.
    options: Vec<String>,
    #[serde(default)]
    to: Circle,
}

/// Opens a poll in one's own live: one for everyone and one for subscribers at a time.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/polls", tag = "talk", params(("room" = RoomId, Path)),
    operation_id = "poll_open", request_body = OpenPoll,
    responses((status = 201, body = Poll), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`room_not_live`, `id_reused`, `poll_open`, `too_many`"), Refusals))]
async fn open_poll(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    SignedIn(host): SignedIn,
    Json(body): Json<OpenPoll>,
) -> Result<(StatusCode, Json<Poll>), Problem> {
    let now = rooms.site().now();
    let OpenPoll {
        id,
        question,
        options,
        to,
    } = body;
    let wanted = NewPoll {
        id,
        room,
        by: host.id,
        question,
        options,
        to,
    };
    let opened = rooms
        .site()
        .store()
        .write(move |tx| poll::open(tx, &wanted, now))
        .await;
    let opened = opened.map_err(|error| {
        let text = error.to_string();
        match error {
            OpenPollError::Host(error) => host_problem(error),
            OpenPollError::IdReused(_) => id_reused(),
            OpenPollError::Question(why) => Problem::invalid("question", why.to_string()),
            OpenPollError::Options => Problem::invalid("options", text),
            OpenPollError::Option(place, why) => {
                Problem::invalid(format!("options.{place}"), why.to_string())
            }
            OpenPollError::AlreadyOpen(_) => Problem::conflict("poll_open", "Another poll is open"),
            OpenPollError::TooMany => too_many(),
        }
    })?;
    Ok((StatusCode::CREATED, Json(opened)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CastVoteBody {
    /// Counted from 0.
    choice: u8,
}

/// Votes in a poll: once, and for good.
#[utoipa::path(put, path = "/api/v1/rooms/{room}/polls/{poll}/vote", tag = "talk",
    operation_id = "poll_vote", params(("room" = RoomId, Path), ("poll" = PollId, Path)), request_body = CastVoteBody,
    responses((status = 200, body = Poll), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`blocked`"),
        (status = 404, description = "`room_unknown`, `poll_unknown`: also one that is not for the asker"),
        (status = 409, description = "`voted`, `poll_closed`"), Refusals))]
async fn vote(
    Shared(rooms): Shared<Rooms>,
    Path((room, poll)): Path<(RoomId, PollId)>,
    SignedIn(person): SignedIn,
    Json(body): Json<CastVoteBody>,
) -> Result<Json<Poll>, Problem> {
    let caller = Caller::Person(person.clone());
    rooms.entered(room, &caller).await?;
    let operator = caller.is_operator();
    let now = rooms.site().now();
    let cast = CastVote {
        poll,
        room,
        by: person.id,
        operator,
        choice: body.choice,
    };
    let voted = rooms
        .site()
        .store()
        .write(move |tx| poll::vote(tx, &cast, now))
        .await;
    let voted = voted.map_err(|error| match error {
        VoteError::Store(error) => error.into(),
        VoteError::PollUnknown => poll_unknown(),
        VoteError::Voted(_) => Problem::conflict("voted", "You have voted already"),
        VoteError::Closed => Problem::conflict("poll_closed", "The poll is closed"),
        VoteError::OptionUnknown => Problem::invalid("choice", "there is no such option"),
    })?;
    rooms.counts().count(room);
    Ok(Json(voted))
}

/// Closes a poll, and tells its result.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/polls/{poll}/close", tag = "talk",
    operation_id = "poll_close", params(("room" = RoomId, Path), ("poll" = PollId, Path)),
    responses((status = 200, body = Poll), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`room_unknown`, `poll_unknown`"),
        (status = 409, description = "`room_not_live`"), Refusals))]
async fn close_poll(
    Shared(rooms): Shared<Rooms>,
    Path((room, poll)): Path<(RoomId, PollId)>,
    SignedIn(host): SignedIn,
) -> Result<Json<Poll>, Problem> {
    let now = rooms.site().now();
    let closes = move |tx: &mut _| poll::close(tx, room, host.id, poll, now);
    let closed = rooms.site().store().write(closes).await;
    let closed = closed.map_err(|error| match error {
        ClosePollError::Host(error) => host_problem(error),
        ClosePollError::PollUnknown => poll_unknown(),
    })?;
    rooms.counts().count(room);
    Ok(Json(closed))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PutSpotlight {
    /// Made by the host; the same again is shown once.
    id: SpotlightId,
    /// Of the chat or the sub room.
    message: MessageId,
    /// One of the sub room is for everyone only when this says so.
    to: Circle,
}

/// Puts a message over the picture of one's own live, in the place of any other.
#[utoipa::path(put, path = "/api/v1/rooms/{room}/spotlight", tag = "talk", params(("room" = RoomId, Path)),
    operation_id = "spotlight_show", request_body = PutSpotlight,
    responses((status = 200, body = Spotlight), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`room_unknown`, `message_unknown`"),
        (status = 409, description = "`room_not_live`, `id_reused`"), Refusals))]
async fn put_spotlight(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    SignedIn(host): SignedIn,
    Json(body): Json<PutSpotlight>,
) -> Result<Json<Spotlight>, Problem> {
    let now = rooms.site().now();
    let PutSpotlight { id, message, to } = body;
    let wanted = Show {
        id,
        room,
        by: host.id,
        message,
        to,
    };
    let shown = rooms
        .site()
        .store()
        .write(move |tx| spotlight::show(tx, &wanted, now))
        .await;
    let shown = shown.map_err(|error| match error {
        ShowError::Host(error) => host_problem(error),
        ShowError::IdReused(_) => id_reused(),
        ShowError::MessageUnknown => message_unknown(),
    })?;
    Ok(Json(shown))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EndSpotlight {
    /// It was answered on camera: a replay has a chapter of it.
    answered: bool,
}

/// Takes the message that is over the picture away.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/spotlight/{spotlight}/end", tag = "talk",
    operation_id = "spotlight_end", params(("room" = RoomId, Path), ("spotlight" = SpotlightId, Path)),
    request_body = EndSpotlight,
    responses((status = 204), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`room_not_live`"), Refusals))]
async fn end_spotlight(
    Shared(rooms): Shared<Rooms>,
    Path((room, id)): Path<(RoomId, SpotlightId)>,
    SignedIn(host): SignedIn,
    Json(body): Json<EndSpotlight>,
) -> Result<StatusCode, Problem> {
    let now = rooms.site().now();
    let ends = move |tx: &mut _| spotlight::end(tx, room, host.id, id, body.answered, now);
    let ended = rooms.site().store().write(ends).await;
    ended.map_err(host_problem)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PutPin {
    /// Of the chat.
    message: MessageId,
}

/// Pins a message of the chat above it, in the place of any other.
#[utoipa::path(put, path = "/api/v1/rooms/{room}/pin", tag = "talk", params(("room" = RoomId, Path)),
    operation_id = "pin", request_body = PutPin,
    responses((status = 200, body = Pin), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`room_unknown`, `message_unknown`"),
        (status = 409, description = "`room_not_live`"), Refusals))]
async fn put_pin(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    SignedIn(host): SignedIn,
    Json(body): Json<PutPin>,
) -> Result<Json<Pin>, Problem> {
    let now = rooms.site().now();
    let pins = move |tx: &mut _| pin::pin(tx, room, host.id, body.message, now);
    let pinned = rooms.site().store().write(pins).await;
    let pinned = pinned.map_err(|error| match error {
        PinError::Host(error) => host_problem(error),
        PinError::MessageUnknown => message_unknown(),
    })?;
    Ok(Json(pinned))
}

/// Takes the pinned message off.
#[utoipa::path(delete, path = "/api/v1/rooms/{room}/pin", tag = "talk", params(("room" = RoomId, Path)),
    operation_id = "unpin",
    responses((status = 204), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`room_not_live`"), Refusals))]
async fn delete_pin(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    SignedIn(host): SignedIn,
) -> Result<StatusCode, Problem> {
    let now = rooms.site().now();
    let unpins = move |tx: &mut _| pin::unpin(tx, room, host.id, now);
    rooms.site().store().write(unpins).await.map_err(host_problem)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AskQuestion {
    /// Made by the author; the message's, too.
    id: MessageId,
    /// 1–300 characters.
    text: String,
}

/// Says something in the chat, and asks it as a question.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/questions", tag = "talk", params(("room" = RoomId, Path)),
    operation_id = "question_ask", request_body = AskQuestion,
    responses((status = 201, body = Question), (status = 401, description = "`name_needed`"),
        (status = 403, description = "`blocked`"), (status = 404, description = "`room_unknown`"),
        (status = 409, description = "`room_not_live`, `id_reused`, `too_many_questions`"),
        (status = 429, description = "`too_fast`"), Refusals))]
async fn ask(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    caller: Caller,
    Json(body): Json<AskQuestion>,
) -> Result<(StatusCode, Json<Question>), Problem> {
    let viewer = rooms.entered(room, &caller).await?.viewer;
    let trusted = viewer.moderates;
    let from = viewer.speaker.ok_or_else(name_needed)?;
    let now = rooms.site().now();
    rooms.may_speak(&from, now)?;
    let say = Say {
        id: body.id,
        room,
        from,
        text: body.text,
        place: Place::Chat,
        reply_to: None,
        trusted,
    };
    let asked = rooms
        .site()
        .store()
        .write(move |tx| question::ask(tx, &say, now))
        .await;
    let asked = asked.map_err(|error| match error {
        AskError::Store(error) => error.into(),
        AskError::TooMany => Problem::conflict("too_many_questions", "Too many questions wait already"),
        AskError::Say(error) => say_problem(error),
        AskError::Unwanted => Problem::forbidden("not_wanted", "A word or a link in it is not wanted here")
            .detail("Ask it in other words"),
    })?;
    Ok((StatusCode::CREATED, Json(asked)))
}

/// Is for a question: once, and for good.
#[utoipa::path(put, path = "/api/v1/rooms/{room}/questions/{message}/vote", tag = "talk",
    operation_id = "question_vote", params(("room" = RoomId, Path), ("message" = MessageId, Path)),
    responses((status = 200, body = Question), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`blocked`"), (status = 404, description = "`room_unknown`, `question_unknown`"),
        (status = 409, description = "`not_waiting`"), Refusals))]
async fn back(
    Shared(rooms): Shared<Rooms>,
    Path((room, message)): Path<(RoomId, MessageId)>,
    SignedIn(person): SignedIn,
) -> Result<Json<Question>, Problem> {
    let by = person.id;
    rooms.entered(room, &Caller::Person(person)).await?;
    let backs = move |tx: &mut _| question::back(tx, room, message, by);
    let backed = rooms.site().store().write(backs).await;
    let backed = backed.map_err(|error| match error {
        BackError::Store(error) => error.into(),
        BackError::QuestionUnknown => question_unknown(),
        BackError::NotWaiting => Problem::conflict("not_waiting", "It does not wait any more"),
    })?;
    rooms.counts().count(room);
    Ok(Json(backed))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SettleQuestion {
    /// `answered` or `dismissed`.
    state: QuestionState,
}

/// Marks a question in one's own live as answered, or dismisses it.
#[utoipa::path(put, path = "/api/v1/rooms/{room}/questions/{message}", tag = "talk",
    operation_id = "question_settle", params(("room" = RoomId, Path), ("message" = MessageId, Path)),
    request_body = SettleQuestion,
    responses((status = 200, body = Question), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`room_unknown`, `question_unknown`"),
        (status = 409, description = "`room_not_live`"), Refusals))]
async fn settle(
    Shared(rooms): Shared<Rooms>,
    Path((room, message)): Path<(RoomId, MessageId)>,
    SignedIn(host): SignedIn,
    Json(body): Json<SettleQuestion>,
) -> Result<Json<Question>, Problem> {
    let now = rooms.site().now();
    let settles = move |tx: &mut _| question::settle(tx, room, host.id, message, body.state, now);
    let settled = rooms.site().store().write(settles).await;
    let settled = settled.map_err(|error| match error {
        SettleError::Host(error) => host_problem(error),
        SettleError::QuestionUnknown => question_unknown(),
    })?;
    rooms.counts().count(room);
    Ok(Json(settled))
}

fn host_problem(error: HostError) -> Problem {
    match error {
        HostError::Store(error) => error.into(),
        HostError::RoomUnknown => room_unknown(),
        HostError::NotYours => Problem::forbidden("not_yours", "Only the host may do this"),
        HostError::RoomNotLive => Problem::conflict("room_not_live", "The room is not live"),
    }
}

fn id_reused() -> Problem {
    Problem::conflict("id_reused", "This id was used for something else").field("id")
}

fn too_many() -> Problem {
    Problem::conflict("too_many", "There were too many in this live already")
}

fn poll_unknown() -> Problem {
    Problem::not_found("poll_unknown", "There is no such poll")
}

fn message_unknown() -> Problem {
    Problem::not_found("message_unknown", "There is no such message")
}

fn question_unknown() -> Problem {
    Problem::not_found("question_unknown", "There is no such question")
}
