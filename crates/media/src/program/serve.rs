//! The thread of all programs.

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use busk_base::{RoomId, Timestamp};
use busk_replay::Recorders;

use super::clock::Start;
use super::feed::Feed;
use super::{Programs, Shown, Word};
use crate::thumbnails::Thumbnailer;

/// Words that may wait for the thread: seconds of a hundred cameras.
const WORDS_MAX: usize = 65_536;
/// How long an ended program can still be played to its end.
const LINGER: Duration = Duration::from_secs(60);

/// Starts the thread; it ends when nobody can hand anything over any more.
pub(crate) fn start(
    now: Timestamp,
    recorders: Option<Recorders>,
) -> io::Result<(SyncSender<Word>, Programs, JoinHandle<()>)> {
    let (words, inbox) = sync_channel(WORDS_MAX);
    let programs = Programs::default();
    let worker = Worker {
        programs: programs.clone(),
        recorders,
        thumbnailer: Thumbnailer::start()?,
        feeds: HashMap::new(),
        shown: HashMap::new(),
        ended: Vec::new(),
        start: Start(clock(), now),
    };
    let builder = std::thread::Builder::new().name("media-program".into());
    let handle = builder.spawn(move || worker.run(&inbox))?;
    Ok((words, programs, handle))
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the shell: it gives the programs their time"
)]
pub(super) fn clock() -> Instant {
    Instant::now()
}

struct Worker {
    programs: Programs,
    recorders: Option<Recorders>,
    thumbnailer: Thumbnailer,
    feeds: HashMap<RoomId, Feed>,
    shown: HashMap<RoomId, Shown>,
    ended: Vec<(RoomId, Instant)>,
    start: Start,
}

impl Worker {
    fn run(mut self, inbox: &Receiver<Word>) {
        loop {
            match inbox.recv_timeout(Duration::from_secs(1)) {
                Ok(word) => self.hear(word),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    // The recorders' thread ends when the last of them is gone.
                    self.feeds.clear();
                    return self.programs.stop_recording();
                }
            }
            self.forget();
        }
    }

    fn hear(&mut self, word: Word) {
        match word {
            Word::Packet {
                room,
                seat,
                session,
                from,
                lead,
                packet,
            } => self.feed(room).push(seat, session, from, lead, packet),
            Word::Picture {
                room,
                seat,
                session,
                wall,
                picture,
            } => self.feed(room).push_picture(seat, session, wall, picture),
            Word::Show(room, shown) => {
                if let Some(feed) = self.feeds.get_mut(&room) {
                    feed.show(shown.clone());
                }
                self.shown.insert(room, shown);
            }
            Word::Over(room) => {
                self.shown.remove(&room);
                if let Some(feed) = self.feeds.remove(&room) {
                    feed.end();
                    self.ended.push((room, clock()));
                }
            }
        }
    }

    fn feed(&mut self, room: RoomId) -> &mut Feed {
        let (programs, start, recorders) = (&self.programs, self.start, &self.recorders);
        let (shown, thumbnailer) = (&self.shown, &self.thumbnailer);
        self.feeds.entry(room).or_insert_with(|| {
            let now = start.1 + clock().duration_since(start.0);
            let recorder = recorders.as_ref().map(|recorders| recorders.record(room));
            let shown = shown.get(&room).cloned().unwrap_or_else(Shown::host);
            let program = programs.begin(room, now, recorder, thumbnailer.sitter());
            Feed::new(program, start, shown)
        })
    }

    fn forget(&mut self) {
        if self.ended.is_empty() {
            return;
        }
        let (now, programs) = (clock(), &self.programs);
        self.ended.retain(|(room, at)| {
            let keep = now.duration_since(*at) < LINGER;
            if !keep {
                programs.forget(*room);
            }
            keep
        });
    }
}
