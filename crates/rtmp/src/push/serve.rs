//! The shell around the protocol: a connection, frames as they come, and the time that everything may take.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until, timeout};

use super::protocol::{Event, Session};
use super::queue::Queue;
use super::{
    Attempt, PushEnded, PushError, PushLimits, Reach, Resolve, State, Statistics, Step, Supervisor, Target,
    Tls, open,
};
use crate::Unit;

const READ_BYTES: usize = 16 << 10;
const SECOND: Duration = Duration::from_secs(1);

/// Publishes to `target` over `stream`, which is connected to it, until no more frames come.
///
/// Frames are taken as fast as they come, also while the target takes none. When the returned future is dropped, so
/// is the connection. The last statistics stay after the end.
pub async fn push<S>(
    stream: S,
    target: &Target,
    frames: &mut mpsc::Receiver<Unit>,
    limits: PushLimits,
    statistics: &watch::Sender<Statistics>,
) -> Result<PushEnded, PushError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    push_until(stream, target, frames, limits, statistics, std::future::pending()).await
}

/// The same, until `stop` is ready: then it says goodbye at once.
async fn push_until<S>(
    stream: S,
    target: &Target,
    frames: &mut mpsc::Receiver<Unit>,
    limits: PushLimits,
    statistics: &watch::Sender<Statistics>,
    stop: impl Future<Output = ()>,
) -> Result<PushEnded, PushError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let now = Instant::now();
    let (reader, writer) = tokio::io::split(stream);
    let mut push = Push {
        reader,
        writer,
        session: Session::new(target),
        input: BytesMut::new(),
        out: Bytes::new(),
        unflushed: false,
        queue: Queue::new(limits.queue_ms, limits.queue_bytes),
        limits,
        board: Statistics::default(),
        second: (now, 0),
        moved: now,
    };
    let ended = push.run(frames, statistics, stop).await;
    push.tell(statistics);
    ended
}

struct Push<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    session: Session,
    input: BytesMut,
    /// What is being written.
    out: Bytes,
    unflushed: bool,
    queue: Queue,
    limits: PushLimits,
    board: Statistics,
    /// When the second that is measured began, and what was sent until then.
    second: (Instant, u64),
    /// When the target last took something, or something was there to take.
    moved: Instant,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Push<S> {
    async fn run(
        &mut self,
        frames: &mut mpsc::Receiver<Unit>,
        statistics: &watch::Sender<Statistics>,
        stop: impl Future<Output = ()>,
    ) -> Result<PushEnded, PushError> {
        let began = Instant::now();
        let mut seconds = interval_at(began + SECOND, SECOND);
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stop = std::pin::pin!(stop);
        let mut ends = None;
        loop {
            let live = self.board.live_since.is_some();
            self.refill()?;
            if self.out.is_empty() && ends.is_some() {
                return Ok(self.part().await);
            }
            let (deadline, late) = match ends {
                None if !live => (began + self.limits.opening, Err(PushError::TooSlow)),
                None => (self.moved + self.limits.stall, Err(PushError::Stalled)),
                Some(ends) => (ends, Ok(PushEnded::BySource)),
            };
            let writes = !self.out.is_empty() || self.unflushed;
            let waits = !live || writes;
            self.input.reserve(READ_BYTES);
            let mut room = (&mut self.reader).take(READ_BYTES as u64);
            tokio::select! {
                written = written(&mut self.writer, &mut self.out), if writes => match written {
                    Ok(count) => {
                        self.moved = Instant::now();
                        self.unflushed = count > 0;
                        self.board.bytes_sent += count as u64;
                    }
                    Err(_) => return self.last_words().await,
                },
                read = room.read_buf(&mut self.input) => {
                    if !matches!(read, Ok(count) if count > 0) {
                        return Err(self.session.lost());
                    }
                    if self.hear(statistics)? {
                        return Ok(PushEnded::ByTarget);
                    }
                }
                unit = frames.recv(), if ends.is_none() => match unit {
                    Some(unit) => self.take(unit),
                    None if !live => return Ok(PushEnded::BySource),
                    None => ends = Some(Instant::now() + self.limits.closing),
                },
                () = &mut stop, if ends.is_none() => {
                    if !live {
                        return Ok(PushEnded::BySource);
                    }
                    self.queue = Queue::new(0, 0);
                    ends = Some(Instant::now() + self.limits.closing);
                }
                () = sleep_until(deadline), if waits => return late,
                _ = seconds.tick() => {
                    self.session.tick();
                    self.tell(statistics);
                }
            }
        }
    }

    /// Has something to write, if there is anything.
    fn refill(&mut self) -> Result<(), PushError> {
        while self.out.is_empty() {
            let out = self.session.take_out();
            if !out.is_empty() {
                self.out = out.into();
                self.moved = Instant::now();
                return Ok(());
            }
            if self.board.live_since.is_none() {
                return Ok(());
            }
            let Some(unit) = self.queue.pop() else {
                return Ok(());
            };
            let session = &mut self.session;
            let sent = guarded(|| match &unit {
                Unit::Picture(picture) => Ok(session.picture(picture)),
                Unit::Sound(sound) => Ok(session.sound(sound)),
                Unit::Metadata(_) | Unit::Reordered => Ok(false),
            })?;
            self.board.frames_sent += u64::from(sent && matches!(unit, Unit::Picture(_)));
        }
        Ok(())
    }

    fn take(&mut self, unit: Unit) {
        match unit {
            Unit::Metadata(metadata) => self.session.describe(metadata),
            unit => {
                if let Unit::Sound(sound) = &unit {
                    self.session.foretell(&sound.config);
                }
                self.queue.push(unit);
            }
        }
    }

    /// True when the target ended the stream.
    fn hear(&mut self, statistics: &watch::Sender<Statistics>) -> Result<bool, PushError> {
        let (session, input) = (&mut self.session, &mut self.input);
        while let Some(event) = guarded(|| session.next(input))? {
            match event {
                Event::Live => {
                    self.board.live_since = Some(Instant::now());
                    statistics.send_replace(self.board);
                }
                Event::Over => return Ok(true),
            }
        }
        Ok(false)
    }

    /// It takes no more: what it said before may tell why.
    async fn last_words(&mut self) -> Result<PushEnded, PushError> {
        let rest = async {
            loop {
                let (session, input) = (&mut self.session, &mut self.input);
                let event = guarded(|| session.next(input))?;
                if event == Some(Event::Over) {
                    return Ok(PushEnded::ByTarget);
                }
                let mut room = (&mut self.reader).take(READ_BYTES as u64);
                if event.is_none() && !matches!(room.read_buf(&mut self.input).await, Ok(count) if count > 0)
                {
                    return Err(self.session.lost());
                }
            }
        };
        let said = timeout(SECOND, rest).await;
        said.unwrap_or(Err(PushError::Lost))
    }

    /// Says goodbye, and waits a little for the target to hang up: cut while it still sends, the connection would
    /// be reset, and what was sent last lost.
    async fn part(&mut self) -> PushEnded {
        self.session.part();
        let out = self.session.take_out();
        let parting = async {
            self.writer.write_all(&out).await?;
            self.writer.flush().await?;
            self.writer.shutdown().await?;
            let mut unread = [0; 4 << 10];
            while self.reader.read(&mut unread).await? > 0 {}
            std::io::Result::Ok(())
        };
        // Nobody waits for what becomes of it.
        let _ = timeout(self.limits.closing, parting).await;
        PushEnded::BySource
    }

    fn tell(&mut self, statistics: &watch::Sender<Statistics>) {
        let (began, sent) = self.second;
        let now = Instant::now();
        let ms = now.duration_since(began).as_millis() as u64;
        if ms >= SECOND.as_millis() as u64 {
            self.board.kbps = (self.board.bytes_sent - sent) * 8 / ms;
            self.second = (now, self.board.bytes_sent);
        }
        self.board.frames_dropped += self.queue.take_dropped();
        self.board.queue_ms = self.queue.length_ms();
        statistics.send_replace(self.board);
    }
}

/// Writes some of it, or when there is none, flushes what was written before: then it is 0.
async fn written(writer: &mut (impl AsyncWrite + Unpin), out: &mut Bytes) -> std::io::Result<usize> {
    if out.is_empty() {
        writer.flush().await?;
        return Ok(0);
    }
    match writer.write_buf(out).await? {
        0 => Err(std::io::ErrorKind::WriteZero.into()),
        count => Ok(count),
    }
}

/// Reading what strangers send must not be able to take anybody else down.
fn guarded<T>(read: impl FnOnce() -> Result<T, PushError>) -> Result<T, PushError> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or(Err(PushError::Panicked))
}

/// All that one restream needs. It follows its target, and gives notice of how it is doing.
pub struct Restream<R> {
    /// Where to: a change ends what is being done and begins anew. Nothing is pushed without one.
    pub targets: watch::Receiver<Option<Target>>,
    /// The program. Taken as it comes, whatever the target does; never hold a frame back for it.
    pub frames: mpsc::Receiver<Unit>,
    pub resolver: R,
    pub reach: Reach,
    pub tls: Tls,
    pub limits: PushLimits,
    pub state: watch::Sender<State>,
    /// Of the latest connection.
    pub statistics: watch::Sender<Statistics>,
}

/// Why waiting ended.
enum Woken {
    Waited,
    /// The target was changed.
    Changed,
    /// Nothing more is to come.
    Over,
}

/// Pushes, and tries again, until there are no more frames or nobody can change the target any more. `jitter` gives
/// a number from 0 to 1, by chance.
pub async fn supervise<R: Resolve>(mut restream: Restream<R>, mut jitter: impl FnMut() -> f64 + Send) {
    loop {
        let target = restream.targets.borrow_and_update().clone();
        let woken = match target {
            Some(target) => restream.follow(&target, &mut jitter).await,
            None => {
                restream.state.send_replace(State::Stopped);
                restream.wait(std::future::pending()).await
            }
        };
        if matches!(woken, Woken::Over) {
            break;
        }
    }
    restream.state.send_replace(State::Stopped);
}

impl<R: Resolve> Restream<R> {
    /// Pushes to one target until it is changed.
    async fn follow(&mut self, target: &Target, jitter: &mut (impl FnMut() -> f64 + Send)) -> Woken {
        let mut supervisor = Supervisor::default();
        loop {
            self.state.send_replace(State::Connecting);
            self.statistics.send_replace(Statistics::default());
            let attempt = match self.attempt(target).await {
                Ok(attempt) => attempt,
                Err(woken) => return woken,
            };
            match self.targets.has_changed() {
                Ok(false) => {}
                Ok(true) => return Woken::Changed,
                Err(_) => return Woken::Over,
            }
            let live = self.statistics.borrow().live_since.map(|since| since.elapsed());
            let woken = match supervisor.next(&attempt, live, jitter()) {
                Step::Stop => return Woken::Over,
                Step::GiveUp { why } => {
                    self.state.send_replace(State::Refused { why });
                    self.wait(std::future::pending()).await
                }
                Step::Again { after, why } => {
                    let in_s = after.as_millis().div_ceil(1_000) as u64;
                    self.state.send_replace(State::Retrying { in_s, why });
                    self.wait(sleep(after)).await
                }
            };
            if !matches!(woken, Woken::Waited) {
                return woken;
            }
        }
    }

    async fn attempt(&mut self, target: &Target) -> Result<Attempt, Woken> {
        let opened = {
            let Self {
                targets,
                frames,
                resolver,
                reach,
                tls,
                limits,
                ..
            } = self;
            tokio::select! {
                opened = open(target, reach, resolver, tls, limits.opening) => opened,
                woken = woken(targets, frames) => return Err(woken),
            }
        };
        let stream = match opened {
            Ok(stream) => stream,
            Err(error) => return Ok(Attempt::Unconnected(error)),
        };
        let mut changes = self.targets.clone();
        let stop = async {
            let _ = changes.changed().await;
        };
        let mut told = self.statistics.subscribe();
        let live = async {
            if told.wait_for(|told| told.live_since.is_some()).await.is_ok() {
                self.state.send_replace(State::Live);
            }
            std::future::pending().await
        };
        let (frames, limits, statistics) = (&mut self.frames, self.limits, &self.statistics);
        let pushed = tokio::select! {
            pushed = push_until(stream, target, frames, limits, statistics, stop) => pushed,
            never = live => never,
        };
        Ok(Attempt::Pushed(pushed))
    }

    async fn wait(&mut self, waited: impl Future<Output = ()>) -> Woken {
        tokio::select! {
            () = waited => Woken::Waited,
            woken = woken(&mut self.targets, &mut self.frames) => woken,
        }
    }
}

/// Takes frames, which are of no use now, until something changes.
async fn woken(targets: &mut watch::Receiver<Option<Target>>, frames: &mut mpsc::Receiver<Unit>) -> Woken {
    let drained = async { while frames.recv().await.is_some() {} };
    tokio::select! {
        changed = targets.changed() => match changed {
            Ok(()) => Woken::Changed,
            Err(_) => Woken::Over,
        },
        () = drained => Woken::Over,
    }
}
