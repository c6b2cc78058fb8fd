//! Encoders that come by RTMP, with a channel's stream key: `rtmp://host/live` and the key, as OBS sends them.

use std::ops::ControlFlow;
use std::sync::Mutex;

use busk_media::PublishError;
use busk_media::feed::{FedPicture, Feed, OpenFeed};
use busk_people::stream_key;
use busk_rtmp::{Door, Limits, Opus, Refusal, ServeError, Sink, Unit, payloads, serve};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OwnedSemaphorePermit;

use crate::live::Rooms;
use crate::{signal, whip};

/// The only application there is.
const APP: &str = "live";
/// Of an RTP payload: with its headers it fits into any path's packet.
const PAYLOAD_BYTES_MAX: usize = 1_200;
/// The host's.
const SEAT: u8 = 0;

impl Rooms {
    /// Serves one connection until it ends. `place` is given back when the encoder is let in: strangers have few.
    pub async fn serve_rtmp<S>(&self, stream: S, place: OwnedSemaphorePermit)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let door = Entrance {
            rooms: self.clone(),
            place: Mutex::new(Some(place)),
        };
        match serve(stream, &door, Limits::default()).await {
            Ok(ended) => tracing::debug!(?ended, "an encoder has gone"),
            Err(ServeError::Unsupported(codec)) => tracing::info!("an encoder was refused: {codec}"),
            Err(error) => tracing::debug!("an RTMP connection ended: {error}"),
        }
    }
}

struct Entrance {
    rooms: Rooms,
    place: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Door for Entrance {
    type Sink = Encoder;

    async fn admit(&self, app: &str, key: &str) -> Result<Encoder, Refusal> {
        if app != APP {
            return Err(Refusal::Unknown);
        }
        let (rooms, key) = (&self.rooms, key.split('?').next().unwrap_or_default().to_owned());
        let now = rooms.site().now();
        let owner = rooms
            .site()
            .store()
            .read(move |db| stream_key::owner(db, &key, now));
        let unavailable = |_| Refusal::Unavailable;
        let channel = owner.await.map_err(unavailable)?.ok_or(Refusal::Unknown)?;
        let room = whip::room_of(rooms, &channel, true)
            .await
            .map_err(|_| Refusal::Unavailable)?;
        let (muted, hidden) = rooms.stage_of(room).await.map_err(unavailable)?.switches(SEAT);
        let ask = OpenFeed {
            room,
            seat: SEAT,
            person: channel.owner.0.as_u128(),
            muted,
            hidden,
            session: signal::new_session(rooms.site()),
        };
        let feed = rooms.media().open_feed(ask).await.map_err(|error| match error {
            PublishError::AlreadyPublishing => Refusal::Busy,
            _ => Refusal::Unavailable,
        })?;
        if let Ok(mut place) = self.place.lock() {
            place.take();
        }
        let opus = Opus::new().map_err(|_| Refusal::Unavailable)?;
        Ok(Encoder { feed, opus })
    }
}

/// What an encoder publishes, on its way to the stage.
struct Encoder {
    feed: Feed,
    opus: Opus,
}

impl Sink for Encoder {
    fn hear(&mut self, unit: Unit) -> ControlFlow<()> {
        if self.feed.is_over() {
            return ControlFlow::Break(());
        }
        match unit {
            Unit::Metadata(_) => {}
            Unit::Reordered => self.feed.reordered(),
            Unit::Picture(picture) => {
                let payloads = payloads(&picture.nals, PAYLOAD_BYTES_MAX).collect();
                self.feed.picture(FedPicture {
                    dts_ms: picture.dts_ms,
                    cts_ms: picture.cts_ms,
                    keyframe: picture.keyframe,
                    nals: picture.nals,
                    payloads,
                });
            }
            Unit::Sound(sound) => {
                for packet in self.opus.push(&sound).unwrap_or_else(|error| {
                    tracing::debug!("a piece of sound is left out: {error}");
                    Vec::new()
                }) {
                    self.feed.sound(packet.time, packet.data);
                }
            }
        }
        ControlFlow::Continue(())
    }
}
