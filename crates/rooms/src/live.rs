//! What runs while rooms are live: the store's announcements go out to the sockets, the camera's comings
//! and goings change the room's state, and jobs end what did not come back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::FromRef;
use busk_api::Site;
use busk_base::{JobId, MediaSessionId, PersonId, RoomId, Timestamp};
use busk_fanout::Fanout;
use busk_media::{Media, MediaEvent};
use busk_people::ByToken;
use busk_replay::Archive;
use busk_store::{Announcement, Sink, StoreError, Tx, jobs};
use tokio::sync::{Notify, mpsc};

use crate::event::{Speaker, SpeakerKind};
use crate::follow::Follows;
use crate::moderation::raid::Raids;
use crate::overlay::{OverlayPass, Overlays};
use crate::passes::{Comer, Passes};
use crate::rates::Rates;
use crate::reactions::Reactions;
use crate::replay::Shelf;
use crate::restream::{RestreamConfig, Restreams};
use crate::sampling::{SAMPLE, Sample, Sampling};
use crate::socket::{Commands, Registers};
use crate::stage::{self, Act, Actor, StageError};
use crate::state::{self, By, ChangeError};
use crate::subroom::Right;
use crate::subroom::doors::{Doors, Turned};
use crate::talk::Counts;
use crate::tokens::Tokens;
use crate::{Room, State, TopSupporter, log, members};

/// How long going live waits for the first keyframe of a camera that has a session.
const CAMERA_WAIT: Duration = Duration::from_secs(4);

/// The host's camera is what makes a room live.
const HOST_SEAT: u8 = 0;

/// A room's camera sessions, viewers' sessions and sockets, and the site they belong to. Clones share it.
#[derive(Clone)]
pub struct Rooms(Arc<Parts>);

struct Parts {
    site: Site,
    fanout: Fanout<Arc<Viewer>>,
    media: Media,
    shelf: Option<Shelf>,
    restreams: Restreams,
    rates: Mutex<Rates>,
    reaction_rates: Mutex<Rates>,
    reactions: Reactions,
    raids: Mutex<Raids>,
    registers: Registers,
    counts: Counts,
    follows: Follows,
    /// The connected cameras, by seat.
    cameras: Mutex<HashMap<(RoomId, u8), MediaSessionId>>,
    /// Told whenever one has connected.
    camera_came: Notify,
}

/// Who is behind a socket.
#[derive(Debug, Default)]
pub(crate) struct Viewer {
    pub(crate) speaker: Option<Speaker>,
    /// Whether they see what the stage sees.
    pub(crate) stage: bool,
    /// To the sub room, when they came.
    pub(crate) right: Right,
    /// Whether they moderate the room: its host, the channel's team, the site's operators.
    pub(crate) moderates: bool,
    /// What they watch with, where that counts.
    pub(crate) comer: Option<Comer>,
    /// The program's that it is, if it is one.
    pub(crate) token: Option<ByToken>,
    /// The overlay that it is, if it is one.
    pub(crate) overlay: Option<OverlayPass>,
}

impl Viewer {
    pub(crate) fn person(&self) -> Option<PersonId> {
        let speaker = self.speaker.as_ref();
        let person = speaker.filter(|speaker| speaker.kind == SpeakerKind::Person);
        person.map(|speaker| PersonId(speaker.id))
    }
}

/// What [`Rooms`] is made of.
pub struct RoomsConfig {
    pub site: Site,
    pub fanout: busk_fanout::Config,
    pub media: Media,
    pub media_events: mpsc::Receiver<MediaEvent>,
    /// Where the media plane records to.
    pub archive: Option<Archive>,
    pub restream: RestreamConfig,
    /// What the store announced; see [`announcements`].
    pub announced: mpsc::UnboundedReceiver<Vec<Announcement>>,
}

/// A sink for the store and its other end, for [`RoomsConfig`]. Without a bound, since the writer must
/// not wait and what was committed must not be dropped; the far end only moves bytes into rings.
pub fn announcements() -> (Sink, mpsc::UnboundedReceiver<Vec<Announcement>>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    // When nobody listens any more, the program is ending; the log has it all.
    (Arc::new(move |batch| drop(sender.send(batch))), receiver)
}

impl FromRef<Rooms> for Site {
    fn from_ref(rooms: &Rooms) -> Self {
        rooms.site().clone()
    }
}

impl Rooms {
    /// Starts the fan-out and the tasks that join the parts; rooms that were live when the program last
    /// stopped wait for their cameras.
    pub async fn start(config: RoomsConfig) -> std::io::Result<Self> {
        let registers = Registers::default();
        let (commands, inbox) = Commands::new(registers.clone());
        let fanout = Fanout::start(config.fanout, Arc::new(commands))?;
        let rooms = Self(Arc::new(Parts {
            site: config.site,
            fanout,
            media: config.media,
            shelf: config.archive.map(Shelf::new),
            restreams: Restreams::new(config.restream),
            rates: Mutex::default(),
            reaction_rates: Mutex::default(),
            reactions: Reactions::default(),
            raids: Mutex::default(),
            registers,
            counts: Counts::default(),
            follows: Follows::default(),
            cameras: Mutex::default(),
            camera_came: Notify::new(),
        }));
        rooms.interrupt_all().await.map_err(std::io::Error::other)?;
        tokio::spawn(rooms.clone().deliver(config.announced));
        tokio::spawn(rooms.clone().follow_cameras(config.media_events));
        tokio::spawn(rooms.clone().obey(inbox));
        tokio::spawn(rooms.clone().beat());
        tokio::spawn(rooms.clone().beat_hearts());
        tokio::spawn(rooms.clone().end_tokens());
        Ok(rooms)
    }

    pub fn site(&self) -> &Site {
        &self.0.site
    }

    pub(crate) fn fanout(&self) -> &Fanout<Arc<Viewer>> {
        &self.0.fanout
    }

    pub(crate) fn media(&self) -> &Media {
        &self.0.media
    }

    pub(crate) fn shelf(&self) -> Option<&Shelf> {
        self.0.shelf.as_ref()
    }

    pub(crate) fn passes(&self) -> &Passes {
        &self.0.registers.passes
    }

    pub(crate) fn doors(&self) -> &Doors {
        &self.0.registers.doors
    }

    pub(crate) fn overlays(&self) -> &Overlays {
        &self.0.registers.overlays
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.0.counts
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.0.registers.tokens
    }

    pub(crate) fn follows(&self) -> &Follows {
        &self.0.follows
    }

    pub(crate) fn restreams(&self) -> &Restreams {
        &self.0.restreams
    }

    /// Sockets, frames and bytes so far, for the metrics.
    pub fn socket_stats(&self) -> busk_fanout::Stats {
        self.0.fanout.stats()
    }

    /// The people in a room, each once, in no order; guests are not among them.
    pub fn present(&self, room: RoomId) -> Vec<PersonId> {
        self.0.registers.presence.people(room)
    }

    /// Tells everybody in a room who has given most; the latest telling holds.
    pub fn tell_top(&self, room: RoomId, top: &[TopSupporter]) {
        match serde_json::to_string(top) {
            Ok(json) => self.0.fanout.totals(room, "top", json),
            Err(error) => tracing::error!(%room, %error, "the top cannot be told"),
        }
    }

    pub fn media_sessions(&self) -> usize {
        self.0.media.sessions()
    }

    /// Says goodbye to every socket. Blocks for two seconds at most.
    pub fn stop(&self) {
        self.0.fanout.stop();
    }

    pub(crate) fn rates(&self) -> MutexGuard<'_, Rates> {
        self.0.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn reaction_rates(&self) -> MutexGuard<'_, Rates> {
        self.0
            .reaction_rates
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn reactions(&self) -> &Reactions {
        &self.0.reactions
    }

    pub(crate) fn raids(&self) -> MutexGuard<'_, Raids> {
        self.0.raids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cameras(&self) -> MutexGuard<'_, HashMap<(RoomId, u8), MediaSessionId>> {
        self.0.cameras.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn camera_connected(&self, room: RoomId) -> bool {
        self.cameras().contains_key(&(room, HOST_SEAT))
    }

    /// In the order of the commits: what comes after a membership's end finds its sockets gone.
    async fn deliver(self, mut announced: mpsc::UnboundedReceiver<Vec<Announcement>>) {
        let (mut sampling, mut second) = (Sampling::default(), tokio::time::interval(SAMPLE));
        loop {
            let batch = tokio::select! {
                batch = announced.recv() => batch,
                _ = second.tick() => {
                    self.tell_samples(sampling.take());
                    continue;
                }
            };
            let Some(batch) = batch else { return };
            let now = self.site().now();
            let mut by_room: Vec<(RoomId, u32, Vec<busk_fanout::Event>)> = Vec::new();
            for announcement in batch {
                if let Some(change) = members::announced(&announcement) {
                    self.publish(std::mem::take(&mut by_room), &mut sampling, now);
                    for turned in self.doors().changed(change, self.site().now()) {
                        self.turn(turned).await;
                    }
                    continue;
                }
                let Some((room, epoch, event)) = log::announced(announcement) else {
                    continue;
                };
                match by_room.iter_mut().find(|(r, e, _)| (*r, *e) == (room, epoch)) {
                    Some((_, _, events)) => events.push(event),
                    None => by_room.push((room, epoch, vec![event])),
                }
            }
            self.publish(by_room, &mut sampling, now);
        }
    }

    fn publish(
        &self,
        by_room: Vec<(RoomId, u32, Vec<busk_fanout::Event>)>,
        sampling: &mut Sampling,
        now: Timestamp,
    ) {
        for (room, epoch, mut events) in by_room {
            sampling.pick(room, &mut events, now);
            let kept = events.iter().any(|event| event.class == busk_fanout::Class::Kept);
            if let Err(error) = self.fanout().publish(room, epoch, events) {
                // The sockets would miss numbers for good: have them come back and read the log.
                tracing::error!(%room, "not delivered: {error}");
                self.fanout().close(room, busk_fanout::CLOSE_RESUME, "come back");
            }
            self.follows().moved(room, kept);
        }
    }

    fn tell_samples(&self, samples: Vec<(RoomId, Option<Sample>)>) {
        for (room, sample) in samples {
            match serde_json::to_string(&sample) {
                Ok(json) => self.fanout().totals(room, "sampled", json),
                Err(error) => tracing::error!(%room, %error, "the sample cannot be told"),
            }
        }
    }

    /// Somebody's right to a sub room began or ended: their sockets come back for what is theirs now, or are shown out
    /// of a room that is for subscribers only.
    pub(crate) async fn turn(&self, turned: Turned) {
        let Turned { room, person, out } = turned;
        if out && !self.still_admitted(room, person).await.unwrap_or(false) {
            return self.show_out_unsubscribed(room, person).await;
        }
        let whom = busk_fanout::Whom::Member(room, person.as_u128());
        self.fanout()
            .disconnect(whom, busk_fanout::CLOSE_RESUME, "your rights have changed");
    }

    async fn follow_cameras(self, mut events: mpsc::Receiver<MediaEvent>) {
        while let Some(event) = events.recv().await {
            let followed = match event {
                MediaEvent::PublisherConnected { room, seat, session } => {
                    self.connected(room, seat, session).await
                }
                MediaEvent::PublisherLost { room, seat, session } => self.lost(room, seat, session).await,
                MediaEvent::ViewerGone { room, session } => {
                    self.passes().hung_up(room, session);
                    Ok(())
                }
                MediaEvent::ViewerConnected { .. } => Ok(()),
            };
            if let Err(error) = followed {
                tracing::warn!(?event, "could not follow the camera: {error}");
            }
        }
    }

    async fn connected(&self, room: RoomId, seat: u8, session: MediaSessionId) -> Result<(), ChangeError> {
        self.cameras().insert((room, seat), session);
        if seat != HOST_SEAT {
            return self.guest_on_air(room, seat, true).await;
        }
        self.0.camera_came.notify_waiters();
        let now = self.site().now();
        let room = self
            .site()
            .store()
            .write(move |tx| state::camera_connected(tx, room, now))
            .await?;
        tracing::info!(room = %room.id, state = room.state.word(), "camera connected");
        if room.state == State::Hangout {
            return self.guest_on_air(room.id, seat, true).await;
        }
        if room.state.is_on_air() {
            self.show(room.id).await?;
            self.media().broadcast(room.id);
            self.restream(room.id, None).await;
        }
        Ok(())
    }

    async fn lost(&self, room: RoomId, seat: u8, session: MediaSessionId) -> Result<(), ChangeError> {
        {
            let mut cameras = self.cameras();
            // A newer camera may have taken over before the old one's end was noticed.
            if cameras.get(&(room, seat)) != Some(&session) {
                return Ok(());
            }
            cameras.remove(&(room, seat));
        }
        if seat != HOST_SEAT {
            return self.guest_on_air(room, seat, false).await;
        }
        self.interrupt(room).await
    }

    async fn guest_on_air(&self, room: RoomId, seat: u8, on_air: bool) -> Result<(), ChangeError> {
        let act = Act::OnAir { seat, on_air };
        match self.stage_act(room, Actor::System, act).await {
            Ok(_) | Err(StageError::WrongState(_) | StageError::RoomUnknown) => Ok(()),
            Err(StageError::Store(error)) => Err(error.into()),
            Err(error) => Err(StoreError::Broken(error.to_string()).into()),
        }
    }

    async fn interrupt(&self, room: RoomId) -> Result<(), ChangeError> {
        let (now, job) = (
            self.site().now(),
            JobId::new(self.site().now(), self.site().entropy()),
        );
        let until = now + Duration::from_secs(self.site().policy().resume_window_s);
        let change = move |tx: &mut Tx| state::interrupt(tx, room, job, until, now);
        match self.site().store().write(change).await {
            Ok(_) => {
                tracing::info!(%room, "camera lost");
                self.show(room).await?;
            }
            Err(ChangeError::WrongState(State::Hangout)) => {
                return self.guest_on_air(room, HOST_SEAT, false).await;
            }
            // A camera tried out in the lobby, or one that hung up after the end.
            Err(ChangeError::WrongState(_)) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// No camera is connected any more: those of hosts are missed, those of guests are off the air.
    async fn interrupt_all(&self) -> Result<(), ChangeError> {
        for room in self
            .site()
            .store()
            .read(crate::view::open)
            .await
            .map_err(ChangeError::Store)?
        {
            self.interrupt(room).await?;
            let stage = self.site().store().read(move |db| stage::of(db, room)).await;
            for place in stage.map_err(ChangeError::Store)?.on() {
                self.guest_on_air(room, place.seat, false).await?;
            }
        }
        Ok(())
    }

    /// Lobby → live. Waits a moment for a camera that is on its way: a browser calls itself connected, and
    /// asks to go live, before its first keyframe has come.
    pub(crate) async fn go_live(&self, room: RoomId, by: By) -> Result<Room, ChangeError> {
        match self.go_live_now(room, by).await {
            Err(ChangeError::NoCamera) if self.camera_comes(room).await => self.go_live_now(room, by).await,
            other => other,
        }
    }

    async fn go_live_now(&self, room: RoomId, by: By) -> Result<Room, ChangeError> {
        let (now, camera) = (self.site().now(), self.camera_connected(room));
        let live = self
            .site()
            .store()
            .write(move |tx| state::go_live(tx, room, by, camera, now))
            .await?;
        self.show(room).await?;
        self.media().broadcast(room);
        self.restream(room, None).await;
        Ok(live)
    }

    /// Whether a camera that has a session becomes connected in time.
    async fn camera_comes(&self, room: RoomId) -> bool {
        if self.media().stats(room).await.is_none() {
            return false;
        }
        let came = async {
            loop {
                let next = self.0.camera_came.notified();
                if self.camera_connected(room) {
                    return;
                }
                next.await;
            }
        };
        tokio::time::timeout(CAMERA_WAIT, came).await.is_ok()
    }

    /// Ends a room and hangs up its camera and viewers.
    pub async fn end(&self, room: RoomId, by: By) -> Result<Room, ChangeError> {
        let now = self.site().now();
        let ended = self
            .site()
            .store()
            .write(move |tx| state::end(tx, room, by, now))
            .await?;
        self.hang_up(room).await;
        Ok(ended)
    }

    /// Hangs up the camera and the viewers of a room that has ended.
    pub async fn hang_up(&self, room: RoomId) {
        self.cameras().retain(|(of, _), _| *of != room);
        self.media().close_room(room).await;
        self.passes().forget_room(room);
        self.doors().forget_room(room);
        self.end_restream(room).await;
        self.settle_replay(room).await;
    }

    /// Does a [`state::END_JOB`].
    pub async fn end_if_not_resumed(&self, job: &jobs::Job) -> Result<(), String> {
        let room: RoomId = serde_json::from_str(&job.body).map_err(|e| e.to_string())?;
        let (now, id) = (self.site().now(), job.id);
        let ended = self
            .site()
            .store()
            .write(move |tx| {
                let ended = match state::end_if_not_resumed(tx, room, now) {
                    Err(ChangeError::RoomUnknown) => None,
                    other => other?,
                };
                jobs::done(tx, id)?;
                Ok::<_, ChangeError>(ended)
            })
            .await
            .map_err(|e| e.to_string())?;
        if ended.is_some_and(|room| room.state == State::Ended) {
            self.hang_up(room).await;
        }
        Ok(())
    }
}
