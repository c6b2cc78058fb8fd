//! The program: a room as one picture and one sound, for all who do not watch in real time.
//!
//! The media threads hand over what cameras bring; one thread puts it together, turns the sound to AAC and
//! packs both for LL-HLS and the recording. While one camera is shown nothing of the picture is decoded; several
//! are mixed, each such room on a thread of its own. Who asks for a playlist waits here, not there.
//!
//! Invariant: the program's time only goes on, whatever cameras come, go and say of theirs.

mod camera;
pub(crate) mod clock;
pub(crate) mod feed;
mod mixing;
mod outlet;
pub(crate) mod pictures;
pub(crate) mod serve;
pub(crate) mod sound;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use busk_base::{MediaSessionId, RoomId, Timestamp};
use busk_hls::{Answer, Ask, AskRefused, AudioConfig, LiveName, Packager, Rendition};
pub use busk_mixer::Layout;
use busk_replay::{Recorder, RecorderState};
use bytes::Bytes;
pub use outlet::Outlet;
use outlet::Tapped;
use tokio::sync::watch;

use crate::feed::FedPicture;
use crate::stage::From;
use crate::thumbnails::{Sitter, Thumbnail};
use crate::track::Packet;

/// How old a keyframe may be before another is asked for: segments begin with one. A little more than the
/// two seconds that encoders are set to, so that those are left alone.
pub(crate) const KEYFRAME_EVERY: Duration = Duration::from_millis(2_200);
/// The longest that somebody waits for a playlist to go on.
const WAIT_MAX: Duration = Duration::from_secs(6);

/// What a media thread hands over.
pub(crate) enum Word {
    Packet {
        room: RoomId,
        seat: u8,
        session: MediaSessionId,
        from: From,
        /// Of the layers of its picture, the one that is to be shown.
        lead: usize,
        packet: Packet,
    },
    /// A whole picture, from a source that does not send packets.
    Picture {
        room: RoomId,
        seat: u8,
        session: MediaSessionId,
        /// When the moment it shows was.
        wall: Instant,
        picture: FedPicture,
    },
    /// Who is to be seen in the program, and how.
    Show(RoomId, Shown),
    /// The room has ended; no camera will come back.
    Over(RoomId),
}

/// A stage as the program shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    pub layout: Layout,
    pub focus: Option<u8>,
    /// Those whose cameras are connected.
    pub seats: Vec<ShownSeat>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ShownSeat {
    pub seat: u8,
    /// For the card that stands for a camera that is off.
    pub name: String,
    pub muted: bool,
    pub hidden: bool,
}

impl Shown {
    /// The host alone, as a room begins.
    fn host() -> Self {
        Self {
            seats: vec![ShownSeat {
                seat: 0,
                name: String::new(),
                muted: false,
                hidden: false,
            }],
            ..Self::default()
        }
    }

    fn sees(&self, seat: u8) -> bool {
        self.seats.iter().any(|shown| shown.seat == seat && !shown.hidden)
    }

    /// Whether this seat's camera is all there is to see and hear.
    fn is_one_camera(&self, seat: u8) -> bool {
        self.seats.len() == 1 && self.sees(seat)
    }
}

/// Of every program's sound.
pub fn sound_config() -> AudioConfig {
    AudioConfig {
        sample_rate: sound::RATE,
        channels: sound::CHANNELS,
        specific: Bytes::from_static(&sound::CONFIG),
        silence: Bytes::from_static(&sound::SILENCE),
    }
}

/// The programs of all rooms.
#[derive(Clone, Default)]
pub(crate) struct Programs(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    programs: HashMap<RoomId, Arc<Program>>,
    /// Of programs to come, too.
    outlets: HashMap<RoomId, Arc<dyn Outlet>>,
}

impl Programs {
    pub(crate) fn of(&self, room: RoomId) -> Option<Arc<Program>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.programs.get(&room).cloned()
    }

    fn begin(
        &self,
        room: RoomId,
        now: Timestamp,
        recorder: Option<Recorder>,
        thumbnail: Sitter,
    ) -> Arc<Program> {
        let program = Arc::new(Program::new(now, recorder, thumbnail));
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        program.tap(known.outlets.get(&room).cloned());
        known.programs.insert(room, program.clone());
        program
    }

    /// Gives the room's program an outlet, or takes it away.
    pub(crate) fn tap(&self, room: RoomId, outlet: Option<Arc<dyn Outlet>>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(program) = known.programs.get(&room) {
            program.tap(outlet.clone());
        }
        match outlet {
            Some(outlet) => known.outlets.insert(room, outlet),
            None => known.outlets.remove(&room),
        };
    }

    /// Lets go of all recordings; they wait to be gone on with.
    fn stop_recording(&self) {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for program in known.programs.values() {
            let mut recorder = program.recorder.lock().unwrap_or_else(PoisonError::into_inner);
            recorder.take();
        }
    }

    fn forget(&self, room: RoomId) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.programs.remove(&room);
    }
}

/// A room's program, as it is served.
pub struct Program {
    /// Held while the packager is changed, so that what is finished is recorded in order.
    recorder: Mutex<Option<Recorder>>,
    packager: Mutex<Packager>,
    tapped: Mutex<Option<Tapped>>,
    changed: watch::Sender<()>,
    thumbnail: Arc<Sitter>,
}

/// Why there is no playlist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaylistError {
    #[error(transparent)]
    Refused(#[from] AskRefused),
    /// What was asked for did not come in time.
    #[error("the program does not go on at the moment")]
    Stalled,
}

impl Program {
    fn new(now: Timestamp, recorder: Option<Recorder>, thumbnail: Sitter) -> Self {
        let mut packager = feed::packager(now);
        if recorder.is_some() {
            packager.keep_finished();
        }
        Self {
            recorder: Mutex::new(recorder),
            packager: Mutex::new(packager),
            tapped: Mutex::default(),
            changed: watch::Sender::new(()),
            thumbnail: Arc::new(thumbnail),
        }
    }

    fn packager(&self) -> MutexGuard<'_, Packager> {
        self.packager.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tapped(&self) -> MutexGuard<'_, Option<Tapped>> {
        self.tapped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tap(&self, outlet: Option<Arc<dyn Outlet>>) {
        *self.tapped() = outlet.map(Tapped::new);
    }

    /// Changes it, has what is finished recorded, and wakes those who wait if there is more for them now.
    fn change<T>(&self, change: impl FnOnce(&mut Packager) -> T) -> T {
        let mut recorder = self.recorder.lock().unwrap_or_else(PoisonError::into_inner);
        let mut packager = self.packager();
        let before = packager.progress();
        let done = change(&mut packager);
        let goes_on = packager.progress() != before;
        let finished = packager.take_finished();
        drop(packager);
        if let Some(recorder) = recorder.as_mut() {
            recorder.take(finished);
        }
        if goes_on {
            self.changed.send_replace(());
        }
        done
    }

    /// How its recording goes, where it has one.
    pub fn recording(&self) -> Option<RecorderState> {
        let recorder = self.recorder.lock().unwrap_or_else(PoisonError::into_inner);
        recorder.as_ref().map(Recorder::state)
    }

    /// What it looked like a moment ago.
    pub fn thumbnail(&self, now: Timestamp) -> Option<Thumbnail> {
        self.thumbnail.newest(now)
    }

    /// The room has ended.
    fn end(&self) {
        self.thumbnail.end();
        self.change(Packager::end);
        let recorder = self
            .recorder
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(recorder) = recorder {
            recorder.end();
        }
    }

    /// The multivariant playlist (RFC 8216 §4.3.4); `None` until it is known what it is to say.
    pub fn master(&self) -> Option<String> {
        self.packager().master()
    }

    /// A media playlist; waits for what was asked for, where that is about to come (RFC 8216bis §6.2.5.2).
    pub async fn playlist(&self, which: Rendition, ask: Ask) -> Result<String, PlaylistError> {
        let text = self.wait(|packager| packager.playlist(which, ask)).await;
        text.ok_or(PlaylistError::Stalled)?
            .map_err(PlaylistError::Refused)
    }

    /// A segment, a part of one, or what a player needs before them. Waits for the part that playlists announce.
    pub async fn resource(&self, name: &LiveName) -> Option<Bytes> {
        self.wait(|packager| packager.resource(name)).await.flatten()
    }

    /// Asks again whenever the program has gone on; `None` when it does not for long.
    async fn wait<T>(&self, ask: impl Fn(&Packager) -> Answer<T>) -> Option<T> {
        let mut changed = self.changed.subscribe();
        let come = async {
            loop {
                if let Answer::Now(answer) = ask(&self.packager()) {
                    return Some(answer);
                }
                changed.changed().await.ok()?;
            }
        };
        tokio::time::timeout(WAIT_MAX, come).await.ok().flatten()
    }
}
