//! The thread that writes all recordings, the one that syncs them, and the handle that a program's thread feeds.
//!
//! Threads of their own, because one thread runs the programs of all rooms, and a disk takes as long as it likes;
//! two, because a sync must not keep the next part from being written. Between the two is a bounded queue; what finds it full is left out, and the recording goes
//! on, marked as a discontinuity, with the picture's next segment for which there is room.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use busk_base::RoomId;
use busk_hls::{Finished, Medium};

use crate::writer::{WriteError, Writer};

/// Words that may wait for the thread, of all rooms.
const WORDS_MAX: usize = 16_384;
/// Media of one room that may wait: several seconds of any camera.
const QUEUE_BYTES_MAX: usize = 16 << 20;
/// Segments whose sync may wait.
const SYNCS_MAX: usize = 1_024;
const WORD_BYTES: usize = 256;
/// After a failed write the next try waits so long, and for a segment.
const RETRY_AFTER: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_secs(1);

/// Where recordings are begun.
#[derive(Clone)]
pub struct Recorders {
    words: SyncSender<Word>,
}

/// One room's recording, fed by its program.
pub struct Recorder {
    room: RoomId,
    words: SyncSender<Word>,
    shared: Arc<Shared>,
    inits: [Option<Finished>; 2],
    lost: bool,
}

/// How a recording fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecorderState {
    /// Of media, written since it was begun or taken up again.
    pub bytes: u64,
    /// How often something was left out because writing was too slow or failed.
    pub gaps: u64,
    /// Why nothing is written at the moment. It is tried again with later segments.
    pub fault: Option<String>,
}

#[derive(Default)]
struct Shared {
    queued: AtomicUsize,
    over: AtomicBool,
    bytes: AtomicU64,
    gaps: AtomicU64,
    fault: Mutex<Option<String>>,
}

impl Shared {
    fn set_fault(&self, fault: Option<String>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}

struct Word {
    room: RoomId,
    shared: Arc<Shared>,
    what: What,
}

enum What {
    Finished(Finished),
    Lost,
    End,
}

impl What {
    fn size(&self) -> usize {
        match self {
            Self::Finished(Finished::Part { part, .. }) => WORD_BYTES + part.bytes.len(),
            _ => WORD_BYTES,
        }
    }
}

impl Recorders {
    /// Starts the thread, for recordings that are folders of this one. It ends, with everything written, when
    /// this and every [`Recorder`] are gone.
    pub fn start(folder: PathBuf) -> io::Result<(Self, JoinHandle<()>)> {
        let (syncs, files) = sync_channel::<Vec<File>>(SYNCS_MAX);
        let (recorders, run) = Self::prepare(folder, syncs);
        let sync = move || files.iter().for_each(|files| sync(&files));
        let syncing = std::thread::Builder::new()
            .name("replay-sync".into())
            .spawn(sync)?;
        let run = move || {
            run();
            if syncing.join().is_err() {
                tracing::error!("recordings were not synced");
            }
        };
        let handle = std::thread::Builder::new().name("replay".into()).spawn(run)?;
        Ok((recorders, handle))
    }

    /// Also gives what the thread does.
    pub(crate) fn prepare(
        folder: PathBuf,
        syncs: SyncSender<Vec<File>>,
    ) -> (Self, impl FnOnce() + Send + 'static) {
        let (words, inbox) = sync_channel(WORDS_MAX);
        let worker = Worker {
            folder,
            syncs,
            slots: HashMap::new(),
        };
        (Self { words }, move || worker.run(&inbox))
    }

    /// Begins the room's recording, or goes on with it.
    pub fn record(&self, room: RoomId) -> Recorder {
        Recorder {
            room,
            words: self.words.clone(),
            shared: Arc::default(),
            inits: [None, None],
            lost: false,
        }
    }
}

impl Recorder {
    /// Takes what [`busk_hls::Packager::take_finished`] gave. Never waits.
    pub fn take(&mut self, finished: impl IntoIterator<Item = Finished>) {
        for finished in finished {
            if let Finished::Init { medium, .. } = finished {
                self.inits[usize::from(medium == Medium::Audio)] = Some(finished.clone());
            }
            let begins = matches!(
                finished,
                Finished::Segment {
                    medium: Medium::Video,
                    ..
                }
            );
            if self.lost && !(begins && self.take_up()) {
                continue;
            }
            self.lost = !self.send(What::Finished(finished));
            if self.lost {
                self.shared.gaps.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// After a gap: whether there is room again, and not only for a moment.
    fn take_up(&mut self) -> bool {
        if self.shared.queued.load(Ordering::Relaxed) > QUEUE_BYTES_MAX / 2 {
            return false;
        }
        let inits: Vec<Finished> = self.inits.iter().flatten().cloned().collect();
        self.send(What::Lost) && inits.into_iter().all(|init| self.send(What::Finished(init)))
    }

    fn send(&self, what: What) -> bool {
        let size = what.size();
        if self.shared.queued.fetch_add(size, Ordering::Relaxed) + size > QUEUE_BYTES_MAX {
            self.shared.queued.fetch_sub(size, Ordering::Relaxed);
            return false;
        }
        let word = Word {
            room: self.room,
            shared: self.shared.clone(),
            what,
        };
        let sent = self.words.try_send(word).is_ok();
        if !sent {
            self.shared.queued.fetch_sub(size, Ordering::Relaxed);
        }
        sent
    }

    pub fn state(&self) -> RecorderState {
        let fault = self.shared.fault.lock();
        RecorderState {
            bytes: self.shared.bytes.load(Ordering::Relaxed),
            gaps: self.shared.gaps.load(Ordering::Relaxed),
            fault: fault.unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    #[cfg(test)]
    pub(crate) fn queued(&self) -> usize {
        self.shared.queued.load(Ordering::Relaxed)
    }

    /// The room has ended. Without this, a recording waits to go on.
    pub fn end(self) {
        self.shared.over.store(true, Ordering::Release);
        // Where the queue is full, the thread finds the mark.
        self.send(What::End);
    }
}

fn sync(files: &[File]) {
    if let Err(error) = files.iter().try_for_each(File::sync_data) {
        tracing::error!(%error, "a recording could not be synced");
    }
}

struct Worker {
    folder: PathBuf,
    syncs: SyncSender<Vec<File>>,
    slots: HashMap<RoomId, Slot>,
}

struct Slot {
    shared: Arc<Shared>,
    /// `None` when the last write failed, then.
    writer: Option<Writer>,
    tried: Instant,
    inits: [Option<Finished>; 2],
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the shell: it waits between tries to write"
)]
fn clock() -> Instant {
    Instant::now()
}

impl Worker {
    fn run(mut self, inbox: &Receiver<Word>) {
        loop {
            match inbox.recv_timeout(TICK) {
                Ok(word) => self.hear(word),
                Err(RecvTimeoutError::Timeout) => self.close_left(),
                Err(RecvTimeoutError::Disconnected) => return self.close_left(),
            }
        }
    }

    fn hear(&mut self, word: Word) {
        let Word { room, shared, what } = word;
        shared.queued.fetch_sub(what.size(), Ordering::Relaxed);
        let folder = self.folder.join(room.to_string());
        if self
            .slots
            .get(&room)
            .is_none_or(|slot| !Arc::ptr_eq(&slot.shared, &shared))
        {
            // Also a recorder's that has followed another of its room.
            self.finish(room);
            self.slots.insert(room, Slot::begin(&folder, shared));
        }
        let Some(slot) = self.slots.get_mut(&room) else {
            return;
        };
        match what {
            What::Finished(finished) => {
                slot.take(&folder, &finished);
                // Where syncs wait already, the system's own writing back has to do.
                if let Some(Ok(files)) = slot.writer.as_mut().map(Writer::unsynced)
                    && !files.is_empty()
                {
                    let _ = self.syncs.try_send(files);
                }
            }
            What::Lost => slot.lost(),
            What::End => self.finish(room),
        }
    }

    /// Closes those of whose recorder nothing can come any more.
    fn close_left(&mut self) {
        let left = |slot: &Slot| Arc::strong_count(&slot.shared) == 1;
        let left = self.slots.iter().filter(|(_, slot)| left(slot));
        let rooms: Vec<RoomId> = left.map(|(room, _)| *room).collect();
        for room in rooms {
            self.finish(room);
        }
    }

    /// Closes the room's files; for good when its recorder has said so.
    fn finish(&mut self, room: RoomId) {
        let Some(mut slot) = self.slots.remove(&room) else {
            return;
        };
        let folder = self.folder.join(room.to_string());
        // The last try.
        let writer = slot.writer.take().map_or_else(|| Writer::open(&folder), Ok);
        let over = slot.shared.over.load(Ordering::Acquire);
        let closed = writer.and_then(|mut writer| if over { writer.finish() } else { writer.lost() });
        if let Err(error) = closed {
            tracing::error!(%room, %error, "a recording could not be finished");
            slot.shared.set_fault(Some(error.to_string()));
        }
    }
}

impl Slot {
    fn begin(folder: &std::path::Path, shared: Arc<Shared>) -> Self {
        let mut slot = Self {
            shared,
            writer: None,
            tried: clock(),
            inits: [None, None],
        };
        slot.open(folder);
        slot
    }

    fn open(&mut self, folder: &std::path::Path) {
        self.tried = clock();
        let opened = Writer::open(folder).and_then(|mut writer| {
            let inits = self.inits.iter().flatten();
            inits.into_iter().try_for_each(|init| writer.take(init))?;
            Ok(writer)
        });
        match opened {
            Ok(writer) => {
                self.writer = Some(writer);
                self.shared.set_fault(None);
            }
            Err(error) => self.fail(&error),
        }
    }

    fn take(&mut self, folder: &std::path::Path, finished: &Finished) {
        if let Finished::Init { medium, .. } = finished {
            self.inits[usize::from(*medium == Medium::Audio)] = Some(finished.clone());
        }
        let segment = matches!(finished, Finished::Segment { .. });
        if self.writer.is_none() && segment && clock().duration_since(self.tried) >= RETRY_AFTER {
            self.open(folder);
        }
        let Some(writer) = &mut self.writer else { return };
        match (writer.take(finished), finished) {
            (Ok(()), Finished::Part { part, .. }) => {
                let bytes = part.bytes.len() as u64;
                self.shared.bytes.fetch_add(bytes, Ordering::Relaxed);
            }
            (Ok(()), _) => {}
            (Err(error), _) => self.fail(&error),
        }
    }

    fn lost(&mut self) {
        if let Some(Err(error)) = self.writer.as_mut().map(Writer::lost) {
            self.fail(&error);
        }
    }

    fn fail(&mut self, error: &WriteError) {
        tracing::error!(%error, "a recording does not go on");
        self.writer = None;
        self.shared.gaps.fetch_add(1, Ordering::Relaxed);
        self.shared.set_fault(Some(error.to_string()));
    }
}
