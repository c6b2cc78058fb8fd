//! Mixing a stage, on a thread of its own: it decodes and encodes, and no other room is to wait for it.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use busk_mixer::{AccessUnit, Mixed, Mixer, Orientation};
use bytes::Bytes;

use super::clock::Start;
use super::sound::Sound;
use super::{Program, Shown};

/// Pieces that may wait: seconds of eight cameras. What finds no place is lost, as on a network.
const PIECES_MAX: usize = 2_048;
/// What is seen when nobody is.
const SLATE: &str = "Be right back";

/// A piece of what a seat brings, on the program's time.
pub(super) enum Piece {
    /// In ticks of 90 kHz.
    Picture { time: u64, nals: Vec<Bytes> },
    /// In ticks of 48 kHz.
    Opus { time: u64, packet: Arc<[u8]> },
}

enum Word {
    Piece(u8, Piece),
    Show(Shown),
}

/// A stage that is being mixed, until this is dropped.
pub(super) struct Mixing {
    words: Option<SyncSender<Word>>,
    thread: Option<JoinHandle<()>>,
}

impl Mixing {
    pub(super) fn start(program: Arc<Program>, start: Start, shown: &Shown) -> io::Result<Self> {
        let (words, inbox) = sync_channel(PIECES_MAX);
        let mut mixer = Mixer::new(ticks(start.since(super::serve::clock())), SLATE);
        Shown::default().become_in(&mut mixer, shown);
        let desk = Desk {
            program,
            start,
            mixer,
            shown: shown.clone(),
            sound: Sound::new().map_err(io::Error::other)?,
        };
        let builder = std::thread::Builder::new().name("media-mixer".into());
        let thread = builder.spawn(move || desk.run(&inbox))?;
        Ok(Self {
            words: Some(words),
            thread: Some(thread),
        })
    }

    pub(super) fn take(&self, seat: u8, piece: Piece) {
        self.tell(Word::Piece(seat, piece));
    }

    pub(super) fn show(&self, shown: &Shown) {
        self.tell(Word::Show(shown.clone()));
    }

    fn tell(&self, word: Word) {
        if let Some(words) = &self.words
            && words.try_send(word).is_err()
        {
            tracing::debug!("a mixer does not keep up");
        }
    }
}

impl Drop for Mixing {
    fn drop(&mut self) {
        self.words.take();
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("a mixer broke down");
        }
    }
}

struct Desk {
    program: Arc<Program>,
    start: Start,
    mixer: Mixer,
    shown: Shown,
    sound: Sound,
}

impl Desk {
    fn run(mut self, inbox: &Receiver<Word>) {
        let mut mixed = Mixed::default();
        loop {
            let now = ticks(self.now());
            let due = self.mixer.next_due();
            if due <= now {
                if let Err(error) = self.mixer.tick(now, &mut mixed) {
                    tracing::warn!(%error, "a mixed picture is missing");
                }
                self.hand_on(&mut mixed);
                continue;
            }
            match inbox.recv_timeout(Duration::from_micros((due - now) * 1_000 / 90)) {
                Ok(Word::Piece(seat, piece)) => self.take(seat, piece),
                Ok(Word::Show(shown)) => {
                    self.shown.become_in(&mut self.mixer, &shown);
                    self.shown = shown;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn now(&self) -> Duration {
        self.start.since(super::serve::clock())
    }

    fn take(&mut self, seat: u8, piece: Piece) {
        let taken = match piece {
            Piece::Picture { time, nals } => {
                let unit = AccessUnit {
                    time,
                    orientation: Orientation::Deg0,
                    nals,
                };
                self.mixer.picture(seat, unit)
            }
            Piece::Opus { time, packet } => self.mixer.opus(seat, time, &packet),
        };
        if let Err(refused) = taken {
            tracing::trace!(seat, %refused, "left out of the mix");
        }
    }

    fn hand_on(&mut self, mixed: &mut Mixed) {
        for picture in mixed.pictures.drain(..) {
            let captured = Duration::from_micros(picture.time * 1_000 / 90);
            let wall = self.start.wall(captured);
            self.program.mixed(picture, wall);
        }
        for sound in mixed.sound.drain(..) {
            let mut units = Vec::new();
            if let Err(error) = self.sound.push_samples(&sound.samples, sound.time, &mut units) {
                tracing::error!(%error, "a mix is without sound");
            }
            self.program.sound(units);
        }
    }
}

impl Shown {
    /// Makes in the mixer what is shown now of what was shown before.
    fn become_in(&self, mixer: &mut Mixer, shown: &Shown) {
        for former in &self.seats {
            if shown.seats.iter().all(|seat| seat.seat != former.seat) {
                mixer.leave(former.seat);
            }
        }
        for seat in &shown.seats {
            if self.seats.iter().all(|former| former.seat != seat.seat) {
                mixer.come(seat.seat, &seat.name);
            }
            mixer.hide(seat.seat, seat.hidden);
            mixer.mute(seat.seat, seat.muted);
        }
        mixer.arrange(shown.layout, shown.focus);
    }
}

fn ticks(since: Duration) -> u64 {
    (since.as_micros() * 90 / 1_000) as u64
}
