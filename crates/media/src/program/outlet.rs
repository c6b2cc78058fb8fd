//! Who takes the program beside the packager: its frames as they are, passed on or mixed.
//!
//! Invariant: sound goes on with the picture; where none comes, it is silence.

use std::sync::Arc;

use busk_hls::{AudioFrame, VideoFrame};
use bytes::Bytes;

use super::sound::{RATE, SILENCE, UNIT};

/// Takes a program's frames. It is called by the thread that makes them, so it must not wait.
pub trait Outlet: Send + Sync {
    fn picture(&self, frame: &VideoFrame);
    /// AAC as [`sound_config`](super::sound_config) says.
    fn sound(&self, frame: &AudioFrame);
}

/// How far sound may be behind the picture before it is taken to be silence.
const LATE_MAX: u64 = RATE as u64;
/// A longer gap is a jump.
const GAP_MAX: u64 = 10 * RATE as u64;

/// One program's outlet, and how far it has heard.
pub(super) struct Tapped {
    outlet: Arc<dyn Outlet>,
    /// When the next unit of sound is due, in samples.
    sound_at: Option<u64>,
}

impl Tapped {
    pub(super) fn new(outlet: Arc<dyn Outlet>) -> Self {
        Self {
            outlet,
            sound_at: None,
        }
    }

    pub(super) fn picture(&mut self, frame: &VideoFrame) {
        let now = frame.dts * 8 / 15;
        self.be_silent_until(now.saturating_sub(LATE_MAX));
        self.sound_at.get_or_insert(now);
        self.outlet.picture(frame);
    }

    pub(super) fn sound(&mut self, frame: &AudioFrame) {
        // What comes after silence has taken its place is too late.
        if self.sound_at.is_some_and(|at| frame.pts + UNIT / 2 < at) {
            return;
        }
        self.be_silent_until(frame.pts);
        self.sound_at = Some(frame.pts + UNIT);
        self.outlet.sound(frame);
    }

    fn be_silent_until(&mut self, until: u64) {
        let Some(at) = &mut self.sound_at else { return };
        if *at + GAP_MAX < until {
            *at = until;
        }
        while *at + UNIT <= until {
            self.outlet.sound(&AudioFrame {
                pts: *at,
                data: Bytes::from_static(&SILENCE),
            });
            *at += UNIT;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Times of the units of sound, and whether they are silence.
    #[derive(Default)]
    struct Heard(Mutex<Vec<(u64, bool)>>);

    impl Outlet for Heard {
        fn picture(&self, _: &VideoFrame) {}

        fn sound(&self, frame: &AudioFrame) {
            let mut heard = self.0.lock().unwrap();
            heard.push((frame.pts, frame.data[..] == SILENCE));
        }
    }

    fn picture(tapped: &mut Tapped, samples: u64) {
        tapped.picture(&VideoFrame {
            dts: samples * 15 / 8,
            cts: 0,
            keyframe: true,
            nals: Vec::new(),
        });
    }

    fn sound(tapped: &mut Tapped, pts: u64) {
        let data = Bytes::from_static(&[1]);
        tapped.sound(&AudioFrame { pts, data });
    }

    #[test]
    fn silence_stands_for_sound_that_does_not_come() {
        let heard = Arc::new(Heard::default());
        let mut tapped = Tapped::new(heard.clone());
        picture(&mut tapped, 480_000);
        // A little late is not missing.
        picture(&mut tapped, 480_000 + LATE_MAX);
        assert!(heard.0.lock().unwrap().is_empty());
        picture(&mut tapped, 480_000 + LATE_MAX + 3 * UNIT);
        let silence: Vec<_> = (0..3).map(|n| (480_000 + n * UNIT, true)).collect();
        assert_eq!(*heard.0.lock().unwrap(), silence);

        // Sound begins within what is silence already, then where it is due, then after a gap of two units.
        heard.0.lock().unwrap().clear();
        let due = 480_000 + 3 * UNIT;
        for at in [due - UNIT, due, due + 3 * UNIT + 10] {
            sound(&mut tapped, at);
        }
        let expected = [
            (due, false),
            (due + UNIT, true),
            (due + 2 * UNIT, true),
            (due + 3 * UNIT + 10, false),
        ];
        assert_eq!(*heard.0.lock().unwrap(), expected);
    }

    #[test]
    fn a_long_pause_of_all_is_a_jump() {
        let heard = Arc::new(Heard::default());
        let mut tapped = Tapped::new(heard.clone());
        sound(&mut tapped, 0);
        picture(&mut tapped, 1_000 * u64::from(RATE));
        sound(&mut tapped, 1_000 * u64::from(RATE));
        let heard = heard.0.lock().unwrap();
        assert!(heard.len() < 60, "{} units", heard.len());
        assert!(heard.windows(2).all(|pair| pair[0].0 + UNIT <= pair[1].0));
    }
}
