//! Pushing, while a room is on the air: its program is handed to those of its channel's targets that are on.
//!
//! Invariant: nothing here makes the program wait. What a target does not take is dropped before it, by whole groups
//! of pictures.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use busk_base::{PersonId, RestreamTargetId, RoomId, Timestamp};
use busk_hls::{AudioFrame, VideoFrame};
use busk_media::program::{self, Outlet};
use busk_rtmp::push::{Dns, PushLimits, Reach, State, Statistics, Target, Tls, supervise};
use busk_rtmp::{AacConfig, Picture, Sound, Unit, push};
use busk_store::{Reader, StoreError};
use tokio::sync::{OnceCell, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Kept, Restream, RestreamConfig, RestreamState, SealingKey, rows};
use crate::live::Rooms;
use crate::rates::Rates;
use crate::view;

/// Pictures and sound on their way to the task that pushes them, which takes them at once: seconds.
const UNITS_MAX: usize = 1_024;
/// A little more than a goodbye may take.
const GOODBYE_MAX: Duration = Duration::from_secs(5);
/// What one person may add and change.
const CHANGES_MAX: u32 = 30;
const CHANGES_WINDOW: Duration = Duration::from_secs(60);
const UNREADABLE: &str = "The stream key can no longer be read on this server. Enter it again.";

/// The pushing of all rooms.
pub(crate) struct Restreams {
    sealing: SealingKey,
    reach: Reach,
    tls: OnceCell<Tls>,
    /// Each change has this server connect to somebody's address.
    changes: Mutex<Rates>,
    /// Held from reading what is wanted until it is so: who comes later has the later word.
    rooms: tokio::sync::Mutex<HashMap<RoomId, Running>>,
}

/// One room's.
#[derive(Default)]
struct Running {
    splitter: Arc<Splitter>,
    pushes: Vec<Push>,
    /// Those that were switched off, and may still be saying goodbye.
    ending: HashMap<RestreamTargetId, JoinHandle<()>>,
}

/// One target's.
struct Push {
    id: RestreamTargetId,
    target: watch::Sender<Option<Target>>,
    seen: watch::Receiver<(State, Timestamp)>,
    statistics: watch::Receiver<Statistics>,
    task: JoinHandle<()>,
}

impl Push {
    fn has_failed(&self) -> bool {
        matches!(
            self.seen.borrow().0,
            State::Retrying { .. } | State::Refused { .. }
        )
    }
}

impl Restreams {
    pub(crate) fn new(config: RestreamConfig) -> Self {
        Self {
            sealing: config.sealing,
            reach: Reach {
                private: config.private_networks,
            },
            tls: OnceCell::new(),
            changes: Mutex::default(),
            rooms: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn sealing(&self) -> &SealingKey {
        &self.sealing
    }

    /// Counts one more change, or says how long to wait.
    pub(super) fn may_change(&self, who: PersonId, now: Timestamp) -> Result<(), Duration> {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        changes.take(who.0, CHANGES_MAX, CHANGES_WINDOW, now)
    }

    /// Whom to trust; found out when the first target is pushed to.
    async fn tls(&self) -> Tls {
        let find = || async {
            let found = tokio::task::spawn_blocking(Tls::of_machine).await;
            found
                .map_err(|error| error.to_string())
                .and_then(|found| found.map_err(|error| error.to_string()))
                .unwrap_or_else(|error| {
                    tracing::warn!("no target can be reached by rtmps://: {error}");
                    Tls::none()
                })
        };
        self.tls.get_or_init(find).await.clone()
    }
}

impl Rooms {
    /// Has the room's program pushed to the targets that are on now, and to no other. `changed` is tried again at
    /// once if it has failed.
    pub(crate) async fn restream(&self, room: RoomId, changed: Option<RestreamTargetId>) {
        if let Err(error) = self.try_restream(room, changed).await {
            tracing::warn!(%room, %error, "the targets of a restream are not known");
        }
    }

    async fn try_restream(&self, room: RoomId, changed: Option<RestreamTargetId>) -> Result<(), StoreError> {
        let mut rooms = self.restreams().rooms.lock().await;
        let read = self.site().store().read(move |db: &mut Reader| {
            let Some(shown) = view::one(db, room)?.filter(|shown| shown.room.state.is_on_air()) else {
                return Ok(Vec::new());
            };
            rows::of_channel(db, shown.room.channel)
        });
        let kept = read.await?;
        // A room that waits for its camera since the program began anew shows nothing to push.
        let shows = self.camera_connected(room) || self.media().program(room).is_some();
        let wanted: Vec<_> = kept.iter().filter_map(|kept| self.wanted(kept)).collect();
        if !shows || (wanted.is_empty() && !rooms.contains_key(&room)) {
            return Ok(());
        }
        let running = rooms.entry(room).or_default();
        let stays = |push: &mut Push| {
            let wants = wanted.iter().any(|(id, _)| *id == push.id);
            wants && !(changed == Some(push.id) && push.has_failed())
        };
        for push in running.pushes.extract_if(.., |push| !stays(push)) {
            // It says goodbye, and ends when no frames come any more.
            push.target.send_replace(None);
            running.splitter.cut(push.id);
            running.ending.insert(push.id, push.task);
        }
        for (id, target) in wanted {
            match running.pushes.iter().find(|push| push.id == id) {
                Some(push) => {
                    let other = push.target.borrow().as_ref() != Some(&target);
                    if other {
                        push.target.send_replace(Some(target));
                    }
                }
                None => {
                    let former = running.ending.remove(&id);
                    let push = self.push(room, id, target, &running.splitter, former).await;
                    running.pushes.push(push);
                }
            }
        }
        self.media().tap(room, Some(running.splitter.clone()));
        Ok(())
    }

    fn wanted(&self, kept: &Kept) -> Option<(RestreamTargetId, Target)> {
        let secret = kept.enabled.then(|| kept.secret(self.restreams().sealing()))??;
        Some((kept.id, secret.target().ok()?))
    }

    /// The room has ended.
    pub(crate) async fn end_restream(&self, room: RoomId) {
        let mut rooms = self.restreams().rooms.lock().await;
        self.media().tap(room, None);
        if let Some(running) = rooms.remove(&room) {
            running.splitter.end();
        }
    }

    /// Begins when `former` has ended, since a target takes one stream for a key.
    async fn push(
        &self,
        room: RoomId,
        id: RestreamTargetId,
        to: Target,
        splitter: &Splitter,
        former: Option<JoinHandle<()>>,
    ) -> Push {
        let (target, targets) = watch::channel(Some(to));
        let (state, mut states) = watch::channel(State::Connecting);
        let (board, statistics) = watch::channel(Statistics::default());
        let (see, seen) = watch::channel((State::Connecting, self.site().now()));
        let restream = push::Restream {
            targets,
            frames: splitter.join(id),
            resolver: Dns,
            reach: self.restreams().reach.clone(),
            tls: self.restreams().tls().await,
            limits: PushLimits::default(),
            state,
            statistics: board,
        };
        let site = self.site().clone();
        let chance = site.clone();
        let jitter = move || f64::from(chance.entropy()[0]) / 256.0;
        // The task keeps the target, so that it ends with the frames and says goodbye after the last of them.
        let held = target.clone();
        let task = tokio::spawn(async move {
            if let Some(former) = former {
                // One that does not end in time is not waited for.
                let _ = timeout(GOODBYE_MAX, former).await;
            }
            let follow = async {
                while states.changed().await.is_ok() {
                    let state = states.borrow_and_update().clone();
                    tracing::info!(%room, target = %id, ?state, "restream");
                    see.send_replace((state, site.now()));
                }
            };
            tokio::join!(supervise(restream, jitter), follow);
            drop(held);
        });
        Push {
            id,
            target,
            seen,
            statistics,
            task,
        }
    }

    /// How pushing to each of these targets goes.
    pub(super) async fn restreaming(&self, room: RoomId, kept: Vec<Kept>) -> Vec<Restream> {
        let rooms = self.restreams().rooms.lock().await;
        let now = self.site().now();
        let state = |kept: Kept| {
            let push = rooms.get(&room).and_then(|running| {
                let mut pushes = running.pushes.iter();
                pushes.find(|push| push.id == kept.id)
            });
            let readable = kept.secret(self.restreams().sealing()).is_some();
            let restream = Restream {
                target: kept.id,
                name: kept.name,
                state: RestreamState::Off,
                since: None,
                retry_at: None,
                why: None,
                kbps: 0,
                pictures_sent: 0,
                pictures_dropped: 0,
            };
            match push {
                _ if !kept.enabled => restream,
                _ if !readable => Restream {
                    state: RestreamState::Refused,
                    since: Some(now),
                    why: Some(UNREADABLE.into()),
                    ..restream
                },
                None => Restream {
                    state: RestreamState::Waiting,
                    ..restream
                },
                Some(push) => restream.with(push),
            }
        };
        kept.into_iter().map(state).collect()
    }
}

impl Restream {
    fn with(self, push: &Push) -> Self {
        let (state, since) = push.seen.borrow().clone();
        let statistics = *push.statistics.borrow();
        let of_live = match state {
            State::Live => statistics,
            _ => Statistics::default(),
        };
        let (state, in_s, why) = match state {
            State::Connecting => (RestreamState::Connecting, None, None),
            State::Live => (RestreamState::Live, None, None),
            State::Retrying { in_s, why } => (RestreamState::Retrying, Some(in_s), Some(why)),
            State::Refused { why } => (RestreamState::Refused, None, Some(why)),
            State::Stopped => (RestreamState::Waiting, None, None),
        };
        Self {
            state,
            since: Some(since),
            retry_at: in_s.map(|in_s| since + Duration::from_secs(in_s)),
            why,
            kbps: of_live.kbps,
            pictures_sent: of_live.frames_sent,
            pictures_dropped: of_live.frames_dropped,
            ..self
        }
    }
}

/// Hands one program to several targets.
struct Splitter {
    sound: Arc<AacConfig>,
    lines: Mutex<Vec<Line>>,
    /// When the latest picture was, in milliseconds.
    picture_at: AtomicU64,
}

struct Line {
    id: RestreamTargetId,
    units: mpsc::Sender<Unit>,
    /// One found no place: those up to the next keyframe are of no use.
    broken: bool,
}

impl Default for Splitter {
    fn default() -> Self {
        let sound = program::sound_config();
        Self {
            sound: Arc::new(AacConfig {
                sample_rate: sound.sample_rate,
                channels: sound.channels,
                specific: sound.specific,
            }),
            lines: Mutex::default(),
            picture_at: AtomicU64::new(0),
        }
    }
}

impl Splitter {
    fn lines(&self) -> std::sync::MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, id: RestreamTargetId) -> mpsc::Receiver<Unit> {
        let (units, receiver) = mpsc::channel(UNITS_MAX);
        self.lines().push(Line {
            id,
            units,
            broken: false,
        });
        receiver
    }

    fn cut(&self, id: RestreamTargetId) {
        self.lines().retain(|line| line.id != id);
    }

    fn end(&self) {
        self.lines().clear();
    }

    fn send(&self, keyframe: bool, unit: impl Fn() -> Unit) {
        for line in &mut *self.lines() {
            line.broken &= !keyframe;
            if !line.broken && line.units.try_send(unit()).is_err() {
                line.broken = true;
                tracing::debug!(target = %line.id, "a restream does not keep up");
            }
        }
    }
}

impl Outlet for Splitter {
    fn picture(&self, frame: &VideoFrame) {
        // The program's ticks are finer: pictures that came in a heap may be in the same millisecond.
        let dts_ms = (frame.dts / 90).max(self.picture_at.load(Relaxed) + 1);
        self.picture_at.store(dts_ms, Relaxed);
        let shown_ms = frame.dts.saturating_add_signed(frame.cts.into()) / 90;
        self.send(frame.keyframe, || {
            Unit::Picture(Picture {
                dts_ms,
                cts_ms: u32::try_from(shown_ms.saturating_sub(dts_ms)).unwrap_or(0),
                keyframe: frame.keyframe,
                nals: frame.nals.clone(),
            })
        });
    }

    fn sound(&self, frame: &AudioFrame) {
        self.send(false, || {
            Unit::Sound(Sound {
                time_ms: frame.pts * 1_000 / u64::from(self.sound.sample_rate.max(1)),
                config: self.sound.clone(),
                data: frame.data.clone(),
            })
        });
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn picture(splitter: &Splitter, n: u64, keyframe: bool) {
        splitter.picture(&VideoFrame {
            dts: n * 90,
            cts: 0,
            keyframe,
            nals: Vec::new(),
        });
    }

    #[tokio::test]
    async fn each_picture_is_later_than_the_one_before() {
        let splitter = Splitter::default();
        let mut takes = splitter.join(RestreamTargetId(Uuid::from_u128(1)));
        for (dts, cts) in [(9_000, 0), (9_001, 900), (9_002, 0), (18_000, 900)] {
            splitter.picture(&VideoFrame {
                dts,
                cts,
                keyframe: true,
                nals: Vec::new(),
            });
        }
        splitter.end();
        let mut times = Vec::new();
        while let Some(Unit::Picture(picture)) = takes.recv().await {
            times.push((picture.dts_ms, picture.cts_ms));
        }
        assert_eq!(times, [(100, 0), (101, 9), (102, 0), (200, 10)]);
    }

    #[tokio::test]
    async fn a_target_that_hangs_loses_whole_groups_and_the_others_nothing() {
        let splitter = Splitter::default();
        let [hangs, takes] = [1, 2].map(|n| RestreamTargetId(Uuid::from_u128(n)));
        let (mut hangs, mut takes) = (splitter.join(hangs), splitter.join(takes));
        let count = UNITS_MAX as u64 + 90;
        for n in 1..count {
            picture(&splitter, n, n % 60 == 1);
            assert!(matches!(takes.recv().await, Some(Unit::Picture(picture)) if picture.dts_ms == n));
        }
        for _ in 0..UNITS_MAX {
            hangs.recv().await.unwrap();
        }
        let next = count.next_multiple_of(60) + 1;
        for n in count..=next {
            picture(&splitter, n, n % 60 == 1);
        }
        assert!(matches!(hangs.recv().await, Some(Unit::Picture(picture)) if picture.dts_ms == next));
        splitter.end();
        assert!(hangs.recv().await.is_none());
    }
}
