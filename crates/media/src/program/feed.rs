//! What one room's cameras bring, on the program's own clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use busk_base::{MediaSessionId, Timestamp};
use busk_hls::{AudioConfig, AudioFrame, Config, Packager, VideoFrame};
use bytes::Bytes;

use super::Program;
use super::pictures::{Assembler, Picture};
use super::sound::{self, Sound, Unit};
use crate::feed::FedPicture;
use crate::stage::From;
use crate::track::{Packet, TrackKind};

/// Where the program's clock begins, so that sound a little older than the first picture has a time too.
const BEGINNING: Duration = Duration::from_secs(10);
/// A camera that has said when it captured what (RTCP sender reports) is believed beyond this; sound and
/// picture that are less apart are together for all who watch (ITU-R BT.1359).
const APART_MAX: Duration = Duration::from_millis(45);
/// One that has not is believed only when it has plainly jumped.
const JUMP_MIN: Duration = Duration::from_secs(1);

/// Segments last longer than a second on the whole, so that a later program of the room, begun by the clock too, has
/// later numbers.
pub(crate) fn packager(now: Timestamp) -> Packager {
    let audio = AudioConfig {
        sample_rate: sound::RATE,
        channels: sound::CHANNELS,
        specific: Bytes::from_static(&sound::CONFIG),
        silence: Bytes::from_static(&sound::SILENCE),
    };
    let first = u64::try_from(now.unix_us() / 1_000_000).unwrap_or(0);
    Packager::new(Config::default(), audio, first)
}

/// The present camera, and what it brings into.
pub(crate) struct Feed {
    program: Arc<Program>,
    /// The same moment by both clocks.
    start: (Instant, Timestamp),
    session: Option<MediaSessionId>,
    layer: usize,
    pictures: Assembler,
    whole: Vec<Picture>,
    picture_clock: Clock,
    sound: Option<Sound>,
    units: Vec<Unit>,
    sound_clock: Clock,
}

impl Feed {
    pub(crate) fn new(program: Arc<Program>, start: (Instant, Timestamp)) -> Self {
        Self {
            program,
            start,
            session: None,
            layer: 0,
            pictures: Assembler::new(),
            whole: Vec::new(),
            picture_clock: Clock::new(TrackKind::Video),
            sound: None,
            units: Vec::new(),
            sound_clock: Clock::new(TrackKind::Audio),
        }
    }

    pub(crate) fn push(&mut self, session: MediaSessionId, from: From, packet: Packet) {
        if self.session != Some(session) {
            self.change_source(session);
        }
        match from {
            From::Layer(layer) => {
                if layer != self.layer {
                    // The same picture in another size, with numbers and times of its own.
                    self.layer = layer;
                    self.pictures = Assembler::new();
                    self.picture_clock.lose();
                }
                self.picture(packet);
            }
            From::Sound => self.sound(&packet),
        }
    }

    /// Takes a whole picture, from a source that does not send packets.
    pub(crate) fn push_picture(&mut self, session: MediaSessionId, wall: Instant, picture: FedPicture) {
        if self.session != Some(session) {
            self.change_source(session);
        }
        let since = since(self.start.0, wall);
        let frame = VideoFrame {
            dts: self.picture_clock.at(picture.dts_ms * 90, since, true),
            cts: picture.cts_ms.saturating_mul(90).try_into().unwrap_or(0),
            keyframe: picture.keyframe,
            nals: picture.nals,
        };
        self.pack(frame, since);
    }

    fn pack(&self, frame: VideoFrame, since: Duration) {
        let wall = self.start.1 + since.saturating_sub(BEGINNING);
        if let Err(error) = self.program.change(|packager| packager.video(frame, wall)) {
            tracing::debug!(%error, "a picture is left out of the program");
        }
    }

    pub(crate) fn end(self) {
        self.program.change(Packager::end);
    }

    fn change_source(&mut self, session: MediaSessionId) {
        if self.session.replace(session).is_some() {
            self.program.change(Packager::discontinuity);
        }
        self.pictures = Assembler::new();
        self.picture_clock.lose();
        self.sound_clock.lose();
        self.sound = Sound::new()
            .inspect_err(|error| tracing::error!(%error, "a program is without sound"))
            .ok();
    }

    fn picture(&mut self, packet: Packet) {
        let captured = packet.captured.is_some();
        self.pictures.push(packet, &mut self.whole);
        for picture in std::mem::take(&mut self.whole) {
            let since = since(self.start.0, picture.wall);
            let frame = VideoFrame {
                dts: self.picture_clock.at(picture.time, since, captured),
                cts: 0,
                keyframe: picture.keyframe,
                nals: picture.nals,
            };
            self.pack(frame, since);
        }
    }

    fn sound(&mut self, packet: &Packet) {
        let Some(sound) = &mut self.sound else { return };
        let since = since(self.start.0, packet.wall);
        let time = self.sound_clock.at(packet.time, since, packet.captured.is_some());
        if let Err(error) = sound.push(&packet.payload, time, &mut self.units) {
            tracing::error!(%error, "a program goes on without sound");
            self.sound = None;
        }
        for Unit { time: pts, data } in self.units.drain(..) {
            self.program
                .change(|packager| packager.audio(AudioFrame { pts, data }));
        }
    }
}

fn since(start: Instant, wall: Instant) -> Duration {
    (wall + BEGINNING).saturating_duration_since(start)
}

/// Turns a source's ticks into the program's.
struct Clock {
    kind: TrackKind,
    /// The same moment, by theirs and by ours.
    known: Option<(u64, u64)>,
    last: u64,
}

impl Clock {
    fn new(kind: TrackKind) -> Self {
        Self {
            kind,
            known: None,
            last: 0,
        }
    }

    /// The source has changed.
    fn lose(&mut self) {
        self.known = None;
    }

    /// The program's time for a source's, of something captured so long after the program's beginning.
    fn at(&mut self, theirs: u64, since: Duration, captured: bool) -> u64 {
        let by_wall = self.ticks(since);
        let slack = self.ticks(if captured { APART_MAX } else { JUMP_MIN });
        let by_theirs = self
            .known
            .map(|(then, ours)| (ours + theirs).saturating_sub(then));
        let time = match by_theirs.filter(|time| time.abs_diff(by_wall) <= slack) {
            Some(time) => time,
            None => {
                let ours = by_wall.max(self.last + 1);
                self.known = Some((theirs, ours));
                ours
            }
        };
        self.last = self.last.max(time);
        time
    }

    fn ticks(&self, duration: Duration) -> u64 {
        (duration.as_micros() * u128::from(self.kind.clock_hz()) / 1_000_000) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_sources_ticks_count_as_long_as_they_keep_with_the_wall() {
        let mut clock = Clock::new(TrackKind::Video);
        assert_eq!(clock.at(5_000, ms(1_000), false), 90_000);
        // Late by the network, not by the camera.
        assert_eq!(clock.at(8_000, ms(1_300), false), 93_000);
        assert_eq!(clock.at(8_000 + 90_000, ms(2_040), true), 183_000);
        // Sender reports say that it is 100 ms off.
        assert_eq!(clock.at(11_000 + 90_000, ms(2_167), true), 195_030);
        assert_eq!(clock.at(14_000 + 90_000, ms(2_200), true), 198_030);
    }

    #[test]
    fn time_never_goes_back() {
        let mut clock = Clock::new(TrackKind::Audio);
        assert_eq!(clock.at(100, ms(1_000), true), 48_000);
        assert_eq!(clock.at(100 + 48_000, ms(2_000), true), 96_000);
        clock.lose();
        assert_eq!(clock.at(7, ms(1_990), true), 96_001);
        assert_eq!(clock.at(7 + 960, ms(2_010), true), 96_961);
    }
}
