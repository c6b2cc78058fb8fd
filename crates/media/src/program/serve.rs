//! The thread of all programs.

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use busk_base::{RoomId, Timestamp};

use super::feed::Feed;
use super::{Programs, Word};

/// Words that may wait for the thread: seconds of a hundred cameras.
const WORDS_MAX: usize = 65_536;
/// How long an ended program can still be played to its end.
const LINGER: Duration = Duration::from_secs(60);

/// Starts the thread; it ends when nobody can hand anything over any more.
pub(crate) fn start(now: Timestamp) -> io::Result<(SyncSender<Word>, Programs, JoinHandle<()>)> {
    let (words, inbox) = sync_channel(WORDS_MAX);
    let programs = Programs::default();
    let worker = Worker {
        programs: programs.clone(),
        feeds: HashMap::new(),
        ended: Vec::new(),
        start: (clock(), now),
    };
    let builder = std::thread::Builder::new().name("media-program".into());
    let handle = builder.spawn(move || worker.run(&inbox))?;
    Ok((words, programs, handle))
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the shell: it gives the programs their time"
)]
fn clock() -> Instant {
    Instant::now()
}

struct Worker {
    programs: Programs,
    feeds: HashMap<RoomId, Feed>,
    ended: Vec<(RoomId, Instant)>,
    /// The same moment by both clocks.
    start: (Instant, Timestamp),
}

impl Worker {
    fn run(mut self, inbox: &Receiver<Word>) {
        loop {
            match inbox.recv_timeout(Duration::from_secs(1)) {
                Ok(word) => self.hear(word),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.forget();
        }
    }

    fn hear(&mut self, word: Word) {
        match word {
            Word::Packet {
                room,
                session,
                from,
                packet,
            } => self.feed(room).push(session, from, packet),
            Word::Picture {
                room,
                session,
                wall,
                picture,
            } => self.feed(room).push_picture(session, wall, picture),
            Word::Over(room) => {
                if let Some(feed) = self.feeds.remove(&room) {
                    feed.end();
                    self.ended.push((room, clock()));
                }
            }
        }
    }

    fn feed(&mut self, room: RoomId) -> &mut Feed {
        let (programs, start) = (&self.programs, self.start);
        self.feeds.entry(room).or_insert_with(|| {
            let now = start.1 + clock().duration_since(start.0);
            Feed::new(programs.begin(room, now), start)
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
