//! How a live goes, for its host: what the cameras bring, who watches by which path, whether it is recorded.

use axum::extract::State as Shared;
use busk_api::{Failures, Json, Path, Problem};
use busk_base::RoomId;
use busk_media::SeatFigures;
use busk_people::Caller;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Room;
use crate::live::Rooms;

/// A live's health at a moment.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// Cameras that are connected.
    seats: Vec<SeatHealth>,
    /// Who watches in real time (WHEP).
    watching_live: u32,
    /// Everybody in the room, by any path or none.
    watching: u32,
    recording: Option<RecordingHealth>,
}

/// What comes from a camera, over the last second.
#[derive(Serialize, ToSchema)]
struct SeatHealth {
    /// 0 is the host's.
    seat: u8,
    /// In pixels; 0 when there is no picture.
    height: u16,
    /// Sizes in which the picture comes (simulcast).
    layers: u32,
    video_bps: u64,
    frames_per_s: u32,
    /// Between the last two keyframes.
    keyframe_gap_ms: Option<u64>,
    /// Of the packets since the camera came, in thousandths.
    lost_permille: u32,
    audio_bps: u64,
    /// It has B-frames: nobody can watch in real time.
    reordered: bool,
    /// To the camera and back. Not known of RTMP.
    round_trip_ms: Option<u64>,
}

#[derive(Serialize, ToSchema)]
struct RecordingHealth {
    bytes: u64,
    /// Pieces that are missing because the disk did not keep up.
    gaps: u64,
    /// Why nothing is written at the moment.
    fault: Option<String>,
}

/// How a live of one's own goes.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/health", tag = "rooms", params(("room" = RoomId, Path)),
    operation_id = "room_health",
    responses((status = 200, body = Health), (status = 401, description = "`sign_in_needed`"),
        (status = 403, description = "`not_yours`"), (status = 404, description = "`room_unknown`"), Failures))]
pub(crate) async fn get(
    Shared(rooms): Shared<Rooms>,
    Path(room): Path<RoomId>,
    caller: Caller,
) -> Result<Json<Health>, Problem> {
    let operator = caller.is_operator();
    let person = caller.signed_in()?;
    let Room { host, private, .. } = rooms.room(room).await?.ok_or_else(crate::http::room_unknown)?;
    if private && host != person.id {
        return Err(crate::http::room_unknown());
    }
    if host != person.id && !operator {
        return Err(Problem::forbidden("not_yours", "The room is not yours"));
    }
    let figures = rooms.media().stats(room).await.unwrap_or_default();
    let program = rooms.media().program(room);
    let recording = program.and_then(|program| program.recording());
    Ok(Json(Health {
        seats: figures.seats.iter().map(seat).collect(),
        watching_live: figures.viewers.try_into().unwrap_or(u32::MAX),
        watching: rooms.fanout().viewers(room),
        recording: recording.map(|state| RecordingHealth {
            bytes: state.bytes,
            gaps: state.gaps,
            fault: state.fault,
        }),
    }))
}

fn seat(figures: &SeatFigures) -> SeatHealth {
    let sent = figures.video.packets + figures.video.lost;
    SeatHealth {
        seat: figures.seat,
        height: figures.height,
        layers: figures.layers as u32,
        video_bps: figures.video.bitrate_bps,
        frames_per_s: figures.video.frames_per_s,
        keyframe_gap_ms: figures.video.keyframe_gap.map(|gap| gap.as_millis() as u64),
        lost_permille: (figures.video.lost * 1_000).checked_div(sent).unwrap_or(0) as u32,
        audio_bps: figures.audio.bitrate_bps,
        reordered: figures.reordered,
        round_trip_ms: figures.round_trip.map(|lasts| lasts.as_millis() as u64),
    }
}
