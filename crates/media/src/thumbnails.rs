//! What a room on the air looked like a moment ago, for pages that list rooms: keyframes of its program, decoded now
//! and then on one thread for all rooms.
//!
//! Invariants: media never wait for it, since a sitter only keeps what it is shown anyway; of each room at most one
//! keyframe waits, the newest; rooms take turns, and each is decoded at most once in [`EVERY`].

use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use busk_base::Timestamp;
use busk_mixer::still;
use bytes::Bytes;

/// How often a room has a new one.
pub const EVERY: Duration = Duration::from_secs(10);
/// One that is older does not show the room any more.
pub const AGE_MAX: Duration = Duration::from_secs(60);
/// How far the thread stands back behind those that carry media.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// NAL unit types (ITU-T H.264 table 7-1).
const SPS: u8 = 7;
const PPS: u8 = 8;

/// A small picture of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// When what it shows was; a room has no two of one time.
    pub taken: Timestamp,
    pub jpeg: Bytes,
}

/// The thread that makes them. It ends when nobody can ask for one any more.
#[derive(Clone)]
pub(crate) struct Thumbnailer(Sender<Weak<Sitter>>);

impl Thumbnailer {
    pub(crate) fn start() -> io::Result<Self> {
        let (queue, due) = mpsc::channel();
        let thread = std::thread::Builder::new().name("thumbnails".into());
        thread.spawn(move || work(&due))?;
        Ok(Self(queue))
    }

    pub(crate) fn sitter(&self) -> Sitter {
        Sitter {
            state: Mutex::default(),
            queue: self.0.clone(),
        }
    }
}

fn work(due: &Receiver<Weak<Sitter>>) {
    // Linux counts it by thread, though POSIX says by process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "thumbnails are made at the usual priority");
    }
    for sitter in due {
        // The room may have ended while it waited.
        let Some(sitter) = sitter.upgrade() else { continue };
        let Some(keyframe) = sitter.take() else { continue };
        match still::jpeg(&keyframe.nals) {
            Ok(jpeg) => sitter.keep(Thumbnail {
                taken: keyframe.wall,
                jpeg: jpeg.into(),
            }),
            Err(error) => tracing::debug!(%error, "a room has no new thumbnail"),
        }
    }
}

struct Keyframe {
    nals: Vec<Bytes>,
    wall: Timestamp,
}

#[derive(Default)]
struct State {
    /// Parameter sets that came last: some cameras send them once.
    sets: Vec<Bytes>,
    /// Is in the queue exactly while it is here.
    waiting: Option<Keyframe>,
    /// When the one that was taken last was.
    taken: Option<Timestamp>,
    made: Option<Thumbnail>,
    over: bool,
}

/// A room that has its picture taken.
pub(crate) struct Sitter {
    state: Mutex<State>,
    queue: Sender<Weak<Sitter>>,
}

impl Sitter {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is shown a picture of the program, in order.
    pub(crate) fn see(self: &Arc<Self>, nals: &[Bytes], keyframe: bool, wall: Timestamp) {
        let is = |nal: &Bytes, kind: u8| nal.first().is_some_and(|header| header & 0x1f == kind);
        let mut state = self.state();
        let has_sets = nals.iter().any(|nal| is(nal, SPS));
        if has_sets {
            let sets = nals.iter().filter(|nal| is(nal, SPS) || is(nal, PPS));
            // Copied: they may be parts of something large.
            state.sets = sets.map(|set| Bytes::copy_from_slice(set)).collect();
        }
        let due = state.taken.is_none_or(|taken| wall.since(taken) >= EVERY);
        if !keyframe || !due || state.over {
            return;
        }
        let before = if has_sets { &[][..] } else { &state.sets };
        let nals = before.iter().chain(nals).cloned().collect();
        if state.waiting.replace(Keyframe { nals, wall }).is_none() {
            // The thread is there as long as a sitter is.
            let _ = self.queue.send(Arc::downgrade(self));
        }
    }

    fn take(&self) -> Option<Keyframe> {
        let mut state = self.state();
        let keyframe = state.waiting.take()?;
        state.taken = Some(keyframe.wall);
        Some(keyframe)
    }

    fn keep(&self, thumbnail: Thumbnail) {
        let mut state = self.state();
        if !state.over {
            state.made = Some(thumbnail);
        }
    }

    /// The newest, unless it is too old.
    pub(crate) fn newest(&self, now: Timestamp) -> Option<Thumbnail> {
        let state = self.state();
        state.made.clone().filter(|made| now.since(made.taken) <= AGE_MAX)
    }

    /// The room has ended: it has none any more.
    pub(crate) fn end(&self) {
        *self.state() = State {
            over: true,
            ..State::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nal(kind: u8, payload: u8) -> Bytes {
        Bytes::from(vec![kind, payload])
    }

    fn at(s: u64) -> Timestamp {
        Timestamp::from_unix_us(0) + Duration::from_secs(s)
    }

    fn sitter() -> (Arc<Sitter>, Receiver<Weak<Sitter>>) {
        let (queue, due) = mpsc::channel();
        let state = Mutex::default();
        (Arc::new(Sitter { state, queue }), due)
    }

    #[test]
    fn one_keyframe_in_ten_seconds_is_taken_and_it_is_the_newest() {
        let (sitter, due) = sitter();
        let mut taken = Vec::new();
        // A picture a second, a keyframe every other; the thread looks every three seconds.
        for s in 0..60 {
            sitter.see(&[nal(SPS, 0), nal(PPS, 0), nal(5, s as u8)], s % 2 == 0, at(s));
            if s % 3 == 2 {
                taken.extend(due.try_iter().filter_map(|sitter| sitter.upgrade()?.take()));
            }
        }
        let walls: Vec<_> = taken.iter().map(|keyframe| keyframe.wall.unix_s()).collect();
        assert_eq!(walls, [2, 14, 26, 38, 50]);
        assert_eq!(taken[1].nals, [nal(SPS, 0), nal(PPS, 0), nal(5, 14)]);
    }

    #[test]
    fn rooms_take_turns_and_wait_once() {
        let (queue, due) = mpsc::channel();
        let thumbnailer = Thumbnailer(queue);
        let rooms: Vec<_> = (0..3).map(|_| Arc::new(thumbnailer.sitter())).collect();
        for s in 0..30 {
            for room in &rooms {
                room.see(&[nal(SPS, 0), nal(5, 0)], true, at(s));
            }
        }
        let turns: Vec<_> = due.try_iter().filter_map(|sitter| sitter.upgrade()).collect();
        assert_eq!(turns.len(), 3);
        assert!(
            turns
                .iter()
                .zip(&rooms)
                .all(|(turn, room)| Arc::ptr_eq(turn, room))
        );
    }

    #[test]
    fn parameter_sets_that_came_before_are_put_in_front() {
        let (sitter, due) = sitter();
        sitter.see(&[nal(SPS, 1), nal(PPS, 1)], false, at(0));
        sitter.see(&[nal(1, 0)], false, at(1));
        assert!(due.try_recv().is_err());
        sitter.see(&[nal(5, 7)], true, at(2));
        let keyframe = due.recv().unwrap().upgrade().unwrap().take().unwrap();
        assert_eq!(keyframe.nals, [nal(SPS, 1), nal(PPS, 1), nal(5, 7)]);
    }

    #[test]
    fn none_is_shown_that_is_old_or_of_a_room_that_has_ended() {
        let (sitter, due) = sitter();
        let thumbnail = Thumbnail {
            taken: at(100),
            jpeg: Bytes::from_static(b"jpeg"),
        };
        assert_eq!(sitter.newest(at(100)), None);
        sitter.keep(thumbnail.clone());
        assert_eq!(sitter.newest(at(160)), Some(thumbnail.clone()));
        assert_eq!(sitter.newest(at(161)), None);
        sitter.see(&[nal(SPS, 0), nal(5, 0)], true, at(120));
        sitter.end();
        assert_eq!(sitter.newest(at(120)), None);
        // Whatever was on its way comes too late.
        assert!(due.recv().unwrap().upgrade().unwrap().take().is_none());
        sitter.keep(thumbnail);
        assert_eq!(sitter.newest(at(120)), None);
    }
}
