//! A camera that comes by another protocol than WebRTC: frames are handed over to the seat that it was given.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use busk_base::{MediaSessionId, RoomId};
use bytes::Bytes;

use crate::MediaSession;
use crate::webrtc::serve::{Ask, Mailbox};

/// A camera of another protocol wants in.
#[derive(Clone, Debug)]
pub struct OpenFeed {
    pub room: RoomId,
    pub seat: u8,
    /// Whose camera it is; 0 is nobody.
    pub person: u128,
    pub muted: bool,
    pub hidden: bool,
    pub session: MediaSessionId,
}

/// A picture, as a sequence of NAL units (ITU-T H.264 §7.3.1) and as RTP payloads of them (RFC 6184).
#[derive(Clone, Debug)]
pub struct FedPicture {
    /// When it is decoded, since the feed's start.
    pub dts_ms: u64,
    /// How much later it is shown.
    pub cts_ms: u32,
    pub keyframe: bool,
    pub nals: Vec<Bytes>,
    /// With whether each is the last.
    pub payloads: Vec<(Bytes, bool)>,
}

/// What a feed hands over.
#[derive(Clone, Debug)]
pub(crate) enum Fed {
    Picture(FedPicture),
    /// An Opus packet; the time is in ticks of 48 kHz since the feed's start.
    Sound {
        time: u64,
        opus: Bytes,
    },
    Reordered,
}

/// A seat that is fed. When it is dropped, the camera is gone.
pub struct Feed {
    pub(crate) room: RoomId,
    pub(crate) seat: u8,
    pub(crate) session: MediaSessionId,
    pub(crate) mailbox: Mailbox,
    pub(crate) over: Arc<AtomicBool>,
    /// Counts against the limits of all threads while it exists.
    pub(crate) _place: MediaSession,
}

impl Feed {
    /// Whether the seat was taken from it.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    pub fn picture(&self, picture: FedPicture) {
        self.hand_over(Fed::Picture(picture));
    }

    /// An Opus packet; the time is in ticks of 48 kHz since the feed's start.
    pub fn sound(&self, time: u64, opus: Bytes) {
        self.hand_over(Fed::Sound { time, opus });
    }

    /// From now on pictures come in another order than they are shown: there are B-frames.
    pub fn reordered(&self) {
        self.hand_over(Fed::Reordered);
    }

    /// When the thread has too much to do it is lost, as a datagram would be.
    fn hand_over(&self, fed: Fed) {
        let _ = self
            .mailbox
            .post(Ask::Feed(self.room, self.seat, self.session, fed));
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let _ = self
            .mailbox
            .post(Ask::CloseFeed(self.room, self.seat, self.session));
    }
}
