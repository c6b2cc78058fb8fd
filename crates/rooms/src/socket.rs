//! `/ws/rooms/{room}`: a room's events to its viewers, and their commands back.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State as Shared};
use axum::response::{IntoResponse, Response};
use busk_api::{Path, Problem, Query, StatusCode, origin_is_ours};
use busk_base::{MessageId, RecordId, RoomId, Timestamp};
use busk_fanout::{AttachError, ConnId, Inbound, Member, Peer, Refused, Rights, Socket};
use busk_people::{Allowed, Caller, ChatRead, Role, Scope};
use busk_store::{Reader, StoreError, Tx};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc};
use uuid::Uuid;

use crate::chat::{self, ChatMode, Delete, DeleteError, Place, Say, SayError, mode};
use crate::event::{Held, Speaker, SpeakerKind, SpeakerRole};
use crate::live::{Rooms, Viewer};
use crate::log::{Audience, LogReader};
use crate::moderation::held_in;
use crate::overlay::Overlays;
use crate::passes::Passes;
use crate::presence::Presence;
use crate::stage::{self, StageView};
use crate::subroom::doors::{Coming, Doors};
use crate::talk::{self, TalkView};
use crate::tokens::Tokens;
use crate::{Board, RoomView, What, board, log, reactions, subroom, view};

/// Commands that may wait; a client whose command finds no place is told nothing and asks again.
const COMMANDS_MAX: usize = 8_192;
/// Commands worked on at once.
const AT_ONCE: usize = 1_024;
/// How often a hello that was overtaken by events is made anew.
const HELLOS_MAX: usize = 5;

/// What a client has seen.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Since {
    /// The last number.
    pub after: Option<i64>,
    /// Of which log.
    pub epoch: Option<i64>,
}

/// Opens the socket.
pub(crate) async fn open(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    Query(from): Query<Since>,
    Allowed { caller, token, .. }: Allowed<ChatRead>,
    request: Request,
) -> Result<Response, Problem> {
    if !origin_is_ours(rooms.site(), request.headers()) {
        return Err(Problem::forbidden(
            "foreign_origin",
            "Another site's page may not do this",
        ));
    }
    let mut entered = rooms.entered(room, &caller).await?;
    entered.viewer.comer = rooms.comes_with(&entered, request.headers()).await;
    entered.viewer.token = token;
    let viewer = Arc::new(entered.viewer);
    Ok(upgrade(rooms, room, from, caller, viewer, request))
}

/// Answers the handshake of somebody who may be in the room; the hello follows when the socket is there.
pub(crate) fn upgrade(
    rooms: Rooms,
    room: RoomId,
    from: Since,
    caller: Caller,
    viewer: Arc<Viewer>,
    mut request: Request,
) -> Response {
    let upgraded = busk_fanout::upgrade::<_, axum::body::Body>(&mut request);
    let (response, socket) = match upgraded {
        Ok(upgraded) => upgraded,
        Err(refused) => return refused.response::<axum::body::Body>().into_response(),
    };
    tokio::spawn(async move {
        match socket.await {
            Ok(socket) => welcome(rooms, room, from, caller, viewer, socket).await,
            Err(error) => tracing::debug!("no socket: {error}"),
        }
    });
    response.into_response()
}

/// How others see the one who asks; what stands beside the name in a live is the [board](board::adorned)'s.
pub fn speaker(caller: &Caller, host: bool) -> Option<Speaker> {
    match caller {
        Caller::Person(person) => Some(Speaker {
            id: person.id.0,
            name: person.display_name.clone(),
            kind: SpeakerKind::Person,
            role: match (host, person.role) {
                (true, _) => Some(SpeakerRole::Host),
                (false, Role::Operator) => Some(SpeakerRole::Operator),
                (false, Role::Viewer) => None,
            },
            badge: None,
            months: None,
            rank: None,
        }),
        Caller::Guest(guest) => Some(Speaker {
            id: guest.id.0,
            name: guest.name.clone(),
            kind: SpeakerKind::Guest,
            role: None,
            badge: None,
            months: None,
            rank: None,
        }),
        Caller::Nobody => None,
    }
}

async fn welcome(
    rooms: Rooms,
    room: RoomId,
    from: Since,
    caller: Caller,
    viewer: Arc<Viewer>,
    mut socket: Socket,
) {
    let key = viewer.speaker.as_ref().map_or(0, |speaker| speaker.id.as_u128());
    let mut member = Member {
        room,
        key,
        rights: Rights {
            stage: viewer.stage,
            ..Rights::default()
        },
        counted: viewer.overlay.is_none(),
        viewer,
    };
    for _ in 0..HELLOS_MAX {
        let told = rooms.doors().told();
        let hello = match hello(&rooms, room, &from, &caller, &member.viewer).await {
            Ok(hello) => hello,
            Err(error) => {
                tracing::warn!(%room, "no hello: {error}");
                return socket.refuse(1013, "try again");
            }
        };
        member.rights.subscriber = hello.coming.is_some_and(|coming| coming.right.is_open());
        let Err(refused) = attach(&rooms, socket, member, &hello, told) else {
            return;
        };
        (socket, member) = (refused.socket, refused.member);
        match refused.why {
            AttachError::Behind | AttachError::NotOpen => {}
            AttachError::Full => return socket.refuse(1013, "full: try again later"),
            AttachError::Broken => return,
        }
    }
    socket.refuse(1013, "try again");
}

/// Attaches a socket, unless their membership has changed since the hello was made: then that is made anew.
fn attach(
    rooms: &Rooms,
    socket: Socket,
    member: Member<Arc<Viewer>>,
    hello: &Hello,
    told: u64,
) -> Result<(), Box<Refused<Arc<Viewer>>>> {
    let fanout = rooms.fanout();
    fanout.open(member.room, hello.epoch, hello.seq);
    let mut threshold = rooms.doors().threshold();
    let changed = |Coming { channel, person, .. }| threshold.has_changed(told, channel, person);
    if hello.coming.is_some_and(changed) {
        let why = AttachError::Behind;
        return Err(Box::new(Refused { why, socket, member }));
    }
    fanout.attach(socket, member, hello.json.as_bytes(), hello.epoch, hello.seq)?;
    if let Some(coming) = hello.coming {
        threshold.entered(coming);
    }
    Ok(())
}

struct Hello {
    json: String,
    epoch: u32,
    seq: u64,
    /// Who it is made for, when that is a person.
    coming: Option<Coming>,
}

#[derive(Serialize)]
struct HelloBody<'a> {
    you: Option<&'a Speaker>,
    room: RoomView,
    stage: StageView,
    board: Board,
    talk: TalkView,
    chat: ChatMode,
    /// What waits for a moderator; for those who moderate.
    held: Option<Vec<Held>>,
    /// Hearts that were tapped in this live.
    reactions: i64,
    reset: bool,
}

/// Everything up to a number: what came after the one that the client saw, or the recent past.
async fn hello(
    rooms: &Rooms,
    room: RoomId,
    from: &Since,
    caller: &Caller,
    viewer: &Viewer,
) -> Result<Hello, StoreError> {
    let (after, epoch) = (from.after, from.epoch);
    let (person, operator, now) = (caller.person_id(), caller.is_operator(), rooms.site().now());
    let (reader, moderates) = (viewer.reader(), viewer.moderates);
    let you = viewer.speaker.clone();
    let read = rooms.site().store().read(move |db: &mut Reader| {
        db.snapshot(|db| {
            let gone = || StoreError::Broken(format!("room {room} is gone"));
            let shown = view::one(db, room)?.ok_or_else(gone)?;
            let seq = shown.room.seq;
            let known = epoch.is_none_or(|epoch| epoch == shown.room.epoch);
            let resume = after.filter(|n| known && *n <= seq && seq - n <= log::CATCH_UP_MAX);
            let start = resume.unwrap_or((seq - log::RECENT).max(0));
            // Of this very moment, whatever it was when they knocked.
            let right = subroom::right(db, &shown.room, person, operator, now)?;
            let reader = LogReader {
                subscriber: right.is_open(),
                ..reader
            };
            let talk = talk::view(db, room, person, right)?;
            let events = log::after(db, room, reader, start, log::CATCH_UP_MAX)?;
            let stage = stage::of(db, room)?;
            let stage = stage::view(db, &shown.room, &stage, reader.person)?;
            let board = board::read(db, room)?;
            let you = you.map(|you| board::adorned_for(db, &shown.room, &you, now));
            let you = you.transpose()?;
            let reset = after.is_some() && resume.is_none();
            let mode = mode::read(db, room)?.at(now);
            let held = (moderates && !shown.room.private)
                .then(|| held_in(db, room))
                .transpose()?;
            let had = reactions::total(db, room)?;
            Ok((
                shown, stage, board, talk, right, you, events, reset, mode, held, had,
            ))
        })
    });
    let (shown, stage, board, talk, right, you, events, reset, chat, held, reactions) = read.await?;
    let (epoch, seq) = (shown.room.epoch, shown.room.seq);
    let channel = shown.room.channel;
    let coming = person.map(|person| Coming {
        room,
        channel,
        person: person.0,
        right,
    });
    let viewers = rooms.fanout().viewers(room) + u32::from(viewer.overlay.is_none());
    let body = HelloBody {
        you: you.as_ref(),
        room: shown.view(viewers, rooms.thumbnail_at(room), caller.person_id()),
        stage,
        board,
        talk,
        chat,
        held,
        reactions,
        reset,
    };
    let broken = |e: serde_json::Error| StoreError::Broken(e.to_string());
    let hello = serde_json::to_string(&body).map_err(broken)?;
    let events: Vec<String> = events.into_iter().map(|(_, body)| body).collect();
    let json = format!(
        r#"{{"v":1,"room":"{room}","epoch":{epoch},"seq":{seq},"hello":{hello},"ev":[{}]}}"#,
        events.join(",")
    );
    Ok(Hello {
        json,
        epoch: epoch.try_into().unwrap_or(1),
        seq: seq.try_into().unwrap_or(0),
        coming,
    })
}

/// Takes clients' messages off the shards' threads.
pub(crate) struct Commands {
    commands: mpsc::Sender<Command>,
    registers: Registers,
}

/// Where it is noted whose socket is open.
#[derive(Clone, Default)]
pub(crate) struct Registers {
    pub(crate) passes: Arc<Passes>,
    pub(crate) presence: Arc<Presence>,
    pub(crate) doors: Arc<Doors>,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) overlays: Arc<Overlays>,
}

pub(crate) struct Command {
    conn: ConnId,
    room: RoomId,
    viewer: Arc<Viewer>,
    text: String,
}

impl Commands {
    pub(crate) fn new(registers: Registers) -> (Self, mpsc::Receiver<Command>) {
        let (commands, receiver) = mpsc::channel(COMMANDS_MAX);
        (Self { commands, registers }, receiver)
    }
}

impl Inbound<Arc<Viewer>> for Commands {
    fn joined(&self, peer: &Peer<'_, Arc<Viewer>>) {
        if let Some(comer) = peer.viewer.comer {
            self.registers.passes.socket_came(comer, peer.conn);
        }
        if let Some(pass) = peer.viewer.overlay {
            self.registers.overlays.socket_came(pass, peer.conn);
        }
        if let Some(person) = peer.viewer.person() {
            self.registers.presence.came(peer.room, person);
        }
        if let Some(token) = peer.viewer.token {
            self.registers.tokens.socket_came(token.id, peer.conn);
        }
    }

    fn left(&self, peer: &Peer<'_, Arc<Viewer>>) {
        if let Some(comer) = peer.viewer.comer {
            self.registers.passes.socket_left(comer, peer.conn);
        }
        if let Some(pass) = peer.viewer.overlay {
            self.registers.overlays.socket_left(pass, peer.conn);
        }
        if let Some(person) = peer.viewer.person() {
            self.registers.presence.left(peer.room, person);
            self.registers.doors.left(peer.room, person.0);
        }
        if let Some(token) = peer.viewer.token {
            self.registers.tokens.socket_left(token.id, peer.conn);
        }
    }

    fn message(&self, peer: &Peer<'_, Arc<Viewer>>, text: &str) {
        let (conn, room, viewer) = (peer.conn, peer.room, Arc::clone(peer.viewer));
        // Full means overrun: the client sees no answer, and asks again.
        let _ = self.commands.try_send(Command {
            conn,
            room,
            viewer,
            text: text.to_owned(),
        });
    }
}

/// What a client may ask for over the socket.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
enum Ask {
    Say {
        id: MessageId,
        text: String,
        #[serde(default)]
        reply_to: Option<MessageId>,
    },
    Delete {
        id: Uuid,
        message: MessageId,
    },
    /// Hearts that were tapped; answered only when they are refused.
    React {
        count: u8,
    },
    Ping {},
}

impl Viewer {
    /// Refuses what a program's token is not for.
    fn may(&self, scope: Scope) -> Result<(), Problem> {
        self.token.map_or(Ok(()), |token| token.may(scope))
    }
}

impl Rooms {
    pub(crate) async fn obey(self, mut inbox: mpsc::Receiver<Command>) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        while let Some(command) = inbox.recv().await {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            let rooms = self.clone();
            tokio::spawn(async move {
                rooms.answer(command).await;
                drop(place);
            });
        }
    }

    async fn answer(&self, command: Command) {
        let ask: Ask = match serde_json::from_str(&command.text) {
            Ok(ask) => ask,
            Err(error) => {
                let problem = Problem::new(StatusCode::BAD_REQUEST, "malformed", "This is no command")
                    .detail(error.to_string());
                return self.reply(command.conn, None, Err(problem));
            }
        };
        let (id, answer) = match ask {
            Ask::Ping {} => (None, Ok(serde_json::json!({}))),
            Ask::React { count } => match self.react(command.room, &command.viewer, count) {
                Ok(()) => return,
                Err(refused) => (None, Err(refused)),
            },
            Ask::Say { id, text, reply_to } => {
                let said = match command.viewer.may(Scope::ChatWrite) {
                    Ok(()) => self.say(command.room, &command.viewer, id, text, reply_to).await,
                    Err(refused) => Err(refused),
                };
                let told = said.map(|said| serde_json::json!({ "n": said.n, "held": said.held }));
                (Some(id.0), told)
            }
            Ask::Delete { id, message } => {
                let deleted = match command.viewer.may(Scope::Moderate) {
                    Ok(()) => self.delete_message(command.room, &command.viewer, message).await,
                    Err(refused) => Err(refused),
                };
                (Some(id), deleted.map(|()| serde_json::json!({})))
            }
        };
        self.reply(command.conn, id, answer);
    }

    fn reply(&self, conn: ConnId, id: Option<Uuid>, answer: Result<serde_json::Value, Problem>) {
        let json = match answer {
            Ok(ok) => serde_json::json!({ "v": 1, "re": id, "ok": ok }),
            Err(problem) => serde_json::json!({ "v": 1, "re": id, "problem": problem.to_json() }),
        };
        self.fanout().reply(conn, json.to_string().as_bytes());
    }

    /// Says something in a room; gives its number, and whether it waits for a moderator.
    pub(crate) async fn say(
        &self,
        room: RoomId,
        viewer: &Viewer,
        id: MessageId,
        text: String,
        reply_to: Option<MessageId>,
    ) -> Result<chat::Said, Problem> {
        let from = viewer.speaker.clone().ok_or_else(name_needed)?;
        let now = self.site().now();
        self.may_speak(&from, now)?;
        let author = from.id;
        let say = Say {
            id,
            room,
            from,
            text,
            place: Place::Chat,
            reply_to,
            trusted: viewer.moderates,
        };
        let wanted = say.clone();
        let said = self.site().store().write_ahead(
            move |rows| chat::ahead(rows, &wanted),
            move |tx| chat::say(tx, &say, now),
        );
        let said = said.await.map_err(say_problem)?;
        if said.event.is_some() && !viewer.moderates {
            self.watch_for_raid(room, author).await;
        }
        Ok(said)
    }

    /// Counts a message of somebody's, or says how long to wait.
    pub(crate) fn may_speak(&self, from: &Speaker, now: Timestamp) -> Result<(), Problem> {
        let policy = self.site().policy();
        let max = match from.kind {
            SpeakerKind::Person => policy.chat_messages_max,
            SpeakerKind::Guest => policy.chat_messages_guest_max,
        };
        let window = Duration::from_secs(policy.chat_window_s);
        let taken = self.rates().take(from.id, max, window, now);
        taken.map_err(|wait| waits("too_fast", "You are writing too fast".into(), wait))
    }

    /// Tells the moderators when many people at once speak for the first time.
    pub(crate) async fn watch_for_raid(&self, room: RoomId, author: Uuid) {
        let now = self.site().now();
        let Some(newcomers) = self.raids().spoke(room, author, now) else {
            return;
        };
        let what = What::Raid {
            newcomers: i64::try_from(newcomers).unwrap_or(i64::MAX),
        };
        let tells = move |tx: &mut Tx| log::append_for(tx, room, Audience::Stage, what.clone(), now);
        if let Err(error) = self.site().store().write(tells).await {
            tracing::warn!(%room, %error, "a raid was not told");
        }
    }

    pub(crate) async fn delete_message(
        &self,
        room: RoomId,
        viewer: &Viewer,
        message: MessageId,
    ) -> Result<(), Problem> {
        let by = viewer.speaker.as_ref().ok_or_else(name_needed)?.id;
        let delete = Delete {
            room,
            message,
            by,
            record: RecordId::new(self.site().now(), self.site().entropy()),
        };
        let now = self.site().now();
        let deleted = self
            .site()
            .store()
            .write(move |tx| chat::delete(tx, &delete, now))
            .await;
        deleted.map_err(delete_problem)
    }
}

pub(crate) fn name_needed() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "name_needed",
        "Sign in or choose a name to do this",
    )
}

pub(crate) fn say_problem(error: SayError) -> Problem {
    let text = error.to_string();
    let forbidden = |code, help: &str| Problem::forbidden(code, text.clone()).detail(help);
    match error {
        SayError::Store(error) => error.into(),
        SayError::IdReused(_) => {
            Problem::conflict("id_reused", "This id was used for another message").field("id")
        }
        SayError::Text(why) => Problem::invalid("text", why.to_string()),
        SayError::RoomUnknown => Problem::not_found("room_unknown", "There is no such room"),
        SayError::RoomNotLive => Problem::conflict("room_not_live", text),
        SayError::Banned => Problem::forbidden("banned", text),
        SayError::TimedOut(wait) => waits("timed_out", text, wait),
        SayError::GuestsOff => forbidden("guests_off", "Sign in to write"),
        SayError::SubscribersOnly => forbidden("subscribers_only", "Subscribe to the channel to write"),
        SayError::FollowersOnly(None) => forbidden("followers_only", "Follow the channel to write"),
        SayError::FollowersOnly(Some(wait)) => waits("followers_wait", text, wait),
        SayError::Slow(wait) => waits("slow_mode", text, wait),
        SayError::Repeated => Problem::conflict("repeated", text).detail("Say something else, or wait"),
        SayError::Link => forbidden("link_refused", "Send it without the link"),
        SayError::Word => forbidden("word_refused", "Say it in other words"),
        SayError::HeldFull => Problem::conflict("too_many_held", text).detail("Try again later"),
    }
}

/// Refused for a time; `retry_after_s` says for how long.
pub(crate) fn waits(code: &'static str, title: String, wait: Duration) -> Problem {
    let seconds = u32::try_from(wait.as_millis().div_ceil(1_000))
        .unwrap_or(u32::MAX)
        .max(1);
    Problem::new(StatusCode::TOO_MANY_REQUESTS, code, title)
        .detail(format!("Wait {seconds} s"))
        .retry_after(seconds)
}

fn delete_problem(error: DeleteError) -> Problem {
    match error {
        DeleteError::Store(error) => error.into(),
        DeleteError::MessageUnknown => Problem::not_found("message_unknown", "There is no such message"),
        DeleteError::NotYours => Problem::forbidden(
            "not_yours",
            "Only its author, the host, the moderators and the operator may delete it",
        ),
    }
}
