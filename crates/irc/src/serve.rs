//! The shell around the protocol: one connection, its channels, and the time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use busk_api::Problem;
use busk_base::{MessageId, PersonId};
use busk_people::{ByToken, Caller, person, token};
use busk_rooms::{RoomEvent, Rooms};
use busk_store::{Reader, StoreError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio::time::{Instant, interval, timeout};

use crate::channel::{Told, follow};
use crate::protocol::{Asked, CHANNELS_MAX, HangUp, Session};
use crate::tell::{Channel, Handles, Own, Teller, global_user_state, joined, named, parted, user_state};

/// How often it is looked whether the token holds, and whether somebody is there.
const TICK: Duration = Duration::from_millis(500);
/// For a client to take what it is sent.
const WRITE_MAX: Duration = Duration::from_secs(10);
/// Pieces of logs that wait for a slow client; what comes after waits in the log.
const TOLD_MAX: usize = 16;
/// Names remembered of a connection's speakers.
const HANDLES_MAX: usize = 2_000;
const READ_BYTES: usize = 4_096;

/// Why a connection ends.
enum End {
    Asked,
    HungUp(HangUp),
    TokenEnded,
    Full,
    Io(std::io::Error),
    Store(StoreError),
}

impl From<std::io::Error> for End {
    fn from(error: std::io::Error) -> Self {
        End::Io(error)
    }
}

impl From<StoreError> for End {
    fn from(error: StoreError) -> Self {
        End::Store(error)
    }
}

/// Who is connected, once that is known.
struct Who {
    caller: Caller,
    token: ByToken,
    own: Own,
}

/// A channel that was joined; it is left when this is dropped.
struct Joined {
    channel: Channel,
    teller: Teller,
    following: AbortHandle,
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.following.abort();
    }
}

struct Connection<S> {
    rooms: Rooms,
    stream: S,
    session: Session,
    who: Option<Who>,
    channels: HashMap<String, Joined>,
    handles: Handles,
    tell: mpsc::Sender<Told>,
    inside: Arc<Semaphore>,
    /// Held while it is known who it is.
    seat: Option<OwnedSemaphorePermit>,
}

/// Speaks with a client until either hangs up. The place is given back once it is known who it is: then one of those
/// `inside` is taken, of which there are as many as there may be clients.
pub async fn serve<S>(rooms: Rooms, stream: S, place: OwnedSemaphorePermit, inside: Arc<Semaphore>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let begun = Instant::now();
    let (tell, told) = mpsc::channel(TOLD_MAX);
    let mut connection = Connection {
        rooms,
        stream,
        session: Session::new(Duration::ZERO),
        who: None,
        channels: HashMap::new(),
        handles: Handles::new(),
        tell,
        inside,
        seat: None,
    };
    match connection.run(told, begun, place).await {
        End::TokenEnded => {
            connection.session.turn_away();
            let _ = connection.write().await;
        }
        End::Asked => {}
        End::Full => tracing::warn!("there are as many clients of IRC as there may be"),
        End::HungUp(why) => tracing::debug!(?why, "hung up on a client of IRC"),
        End::Io(error) => tracing::trace!("a client of IRC went: {error}"),
        End::Store(error) => tracing::warn!("a client of IRC cannot be served: {error}"),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    async fn run(
        &mut self,
        mut told: mpsc::Receiver<Told>,
        begun: Instant,
        place: OwnedSemaphorePermit,
    ) -> End {
        let mut place = Some(place);
        let mut tick = interval(TICK);
        let mut buffer = [0; READ_BYTES];
        loop {
            let turned = tokio::select! {
                read = self.stream.read(&mut buffer) => match read {
                    Ok(0) => Err(End::Asked),
                    Ok(length) => self.hear(&buffer[..length], begun.elapsed()).await,
                    Err(error) => Err(error.into()),
                },
                Some(told) = told.recv() => self.pass_on(told).await,
                _ = tick.tick() => self.look(begun.elapsed()).await,
            };
            if let Err(end) = turned {
                return end;
            }
            if let Err(error) = self.write().await {
                return error.into();
            }
            if self.who.is_some() {
                place = None;
            }
            debug_assert!(
                place.is_none() || self.who.is_none(),
                "only strangers have a place"
            );
        }
    }

    async fn write(&mut self) -> std::io::Result<()> {
        let Some(output) = self.session.output() else {
            return Ok(());
        };
        let slow = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
        let written = timeout(WRITE_MAX, self.stream.write_all(output.as_bytes()));
        written.await.map_err(slow)?
    }

    async fn hear(&mut self, bytes: &[u8], now: Duration) -> Result<(), End> {
        self.session.receive(bytes, now).map_err(End::HungUp)?;
        while let Some(asked) = self.session.next() {
            match asked {
                Asked::SignIn { token } => self.sign_in(token).await?,
                Asked::Join { channel } => self.join(channel).await?,
                Asked::Part { channel } => self.part(&channel),
                Asked::Say { channel, text } => self.say(&channel, text).await,
                Asked::Quit => return Err(End::Asked),
            }
        }
        Ok(())
    }

    async fn look(&mut self, now: Duration) -> Result<(), End> {
        self.session.tick(now).map_err(End::HungUp)?;
        let Some(id) = self.who.as_ref().map(|who| who.token.id) else {
            return Ok(());
        };
        let (site, now) = (self.rooms.site(), self.rooms.site().now());
        match site.store().read(move |db| token::holds(db, id, now)).await? {
            true => Ok(()),
            false => Err(End::TokenEnded),
        }
    }

    async fn sign_in(&mut self, text: String) -> Result<(), End> {
        let (site, now) = (self.rooms.site(), self.rooms.site().now());
        let read = site.store().read(move |db| token::holder(db, &text, now)).await?;
        let (token, person) = read.ok_or(End::TokenEnded)?;
        let seat = Arc::clone(&self.inside).try_acquire_owned();
        self.seat = Some(seat.map_err(|_| End::Full)?);
        let own = Own {
            id: person.id.0,
            handle: person.handle.clone(),
            name: person.display_name.clone(),
            operator: Caller::Person(person.clone()).is_operator(),
        };
        self.session.welcome(&own.handle);
        self.session.send(&global_user_state(&own));
        self.who = Some(Who {
            caller: Caller::Person(person),
            token: ByToken {
                id: token.id,
                scopes: token.scopes,
            },
            own,
        });
        Ok(())
    }

    async fn join(&mut self, handle: String) -> Result<(), End> {
        let Some(who) = &self.who else { return Ok(()) };
        if self.channels.contains_key(&handle) {
            return Ok(());
        }
        if let Err(refused) = who.token.may(busk_people::Scope::ChatRead) {
            self.refuse(&handle, &refused);
            return Ok(());
        }
        let Some((channel, _)) = self.rooms.on_air(handle.clone()).await? else {
            let text = "This channel does not exist or has been suspended.";
            self.session.notice(&handle, "msg_channel_suspended", text);
            return Ok(());
        };
        if self.channels.len() == CHANNELS_MAX {
            let text = "You are in as many channels as you may be.";
            self.session.notice(&handle, "msg_rejected", text);
            return Ok(());
        }
        let channel = Channel {
            id: channel.id,
            handle: channel.handle,
        };
        for line in joined(&who.own, &channel) {
            self.session.send(&line);
        }
        let (rooms, caller, token) = (self.rooms.clone(), who.caller.clone(), who.token);
        let following = tokio::spawn(follow(rooms, handle.clone(), caller, token, self.tell.clone()));
        let joined = Joined {
            channel,
            teller: Teller::default(),
            following: following.abort_handle(),
        };
        self.channels.insert(handle, joined);
        Ok(())
    }

    fn part(&mut self, handle: &str) {
        if let (Some(left), Some(who)) = (self.channels.remove(handle), &self.who) {
            self.session.send(&parted(&who.own, &left.channel));
        }
    }

    async fn say(&mut self, handle: &str, text: String) {
        let Some(who) = &self.who else { return };
        let text = text.trim_start_matches("\u{1}ACTION ").trim_end_matches('\u{1}');
        let text = text.strip_prefix("/me ").unwrap_or(text).to_owned();
        if text.starts_with('/') || text.starts_with(". ") {
            let text = "There are no commands in chat; use the site, or its HTTP interface.";
            return self.session.notice(handle, "unrecognized_cmd", text);
        }
        let Some(joined) = self.channels.get_mut(handle) else {
            let text = "Join the channel first.";
            return self.session.notice(handle, "msg_rejected", text);
        };
        let site = self.rooms.site();
        let id = MessageId::new(site.now(), site.entropy());
        let room = self.rooms.on_air(handle.to_owned()).await;
        let Some(room) = room.ok().flatten().and_then(|(_, room)| room) else {
            let text = "The channel is not live.";
            return self.session.notice(handle, "msg_room_not_live", text);
        };
        joined.teller.says(id);
        let said = self
            .rooms
            .say_by_token(room, &who.caller, who.token, id, text)
            .await;
        match said {
            Ok(_) => self.session.send(&user_state(&who.own, &joined.channel)),
            Err(refused) => self.refuse(handle, &refused),
        }
    }

    /// A refusal by the name that Twitch has for the like.
    fn refuse(&mut self, handle: &str, refused: &Problem) {
        let id = match refused.code() {
            "too_fast" => "msg_ratelimit",
            "blocked" | "banned" => "msg_banned",
            "timed_out" => "msg_timedout",
            "repeated" => "msg_duplicate",
            "scope_needed" => "no_permission",
            "followers_only" | "followers_wait" | "follow_required" => "msg_followersonly",
            "subscribers_only" | "subscription_required" => "msg_subsonly",
            "slow_mode" => "msg_slowmode",
            _ => "msg_rejected",
        };
        self.session.notice(handle, id, refused.title());
    }

    async fn pass_on(&mut self, told: Told) -> Result<(), End> {
        match told {
            Told::TokenEnded => Err(End::TokenEnded),
            Told::Refused { channel, why } => {
                self.session.notice(&channel, "msg_banned", &why);
                Ok(())
            }
            Told::Events { channel, events } => {
                self.learn_handles(&events).await?;
                // Left meanwhile: nothing is said of it any more.
                let Some(joined) = self.channels.get_mut(&channel) else {
                    return Ok(());
                };
                for event in &events {
                    if let Some(line) = joined.teller.tell(event, &joined.channel, &self.handles) {
                        self.session.send(&line);
                    }
                }
                Ok(())
            }
        }
    }

    /// Looks up the handles of those who speak and are not known yet.
    async fn learn_handles(&mut self, events: &[RoomEvent]) -> Result<(), StoreError> {
        if self.handles.len() > HANDLES_MAX {
            self.handles.clear();
        }
        let unknown = events
            .iter()
            .filter_map(named)
            .filter(|id| !self.handles.contains_key(id));
        let mut unknown: Vec<_> = unknown.collect();
        unknown.sort_unstable();
        unknown.dedup();
        if unknown.is_empty() {
            return Ok(());
        }
        let read = self.rooms.site().store().read(move |db: &mut Reader| {
            let mut found = Vec::new();
            for id in unknown {
                found.extend(person(db, PersonId(id))?.map(|person| (id, person.handle)));
            }
            Ok::<_, StoreError>(found)
        });
        self.handles.extend(read.await?);
        Ok(())
    }
}
