//! Playlists of what is over, as text (RFC 8216 §4).

use std::fmt::Write;

use busk_hls::{Rendition, ResourceName};

use crate::recording::{Placed, Recording, Track, codec_name, picture_size};

/// What is said of a stream of which a second has not passed.
const BANDWIDTH_MIN: u64 = 64_000;

/// Of text in memory; writing to it cannot fail.
macro_rules! line {
    ($out:expr, $($text:tt)*) => {{
        let _ = writeln!($out, $($text)*);
    }};
}

impl Recording {
    /// The multivariant playlist, when there is something to play.
    pub fn master(&self) -> Option<String> {
        let largest = |size: (u16, u16)| u32::from(size.0) * u32::from(size.1);
        let inits = self.video.inits.iter();
        let codec = &inits.max_by_key(|init| largest(picture_size(&init.codec)))?.codec;
        let (name, (width, height)) = (codec_name(codec), picture_size(codec));
        let lasts = self.duration().as_secs_f64();
        if lasts == 0.0 {
            return None;
        }
        let parts = self
            .video
            .segments
            .iter()
            .flat_map(|placed| &placed.segment.parts);
        let pictures: usize = parts.map(|part| part.samples().count()).sum();
        let rate = pictures as f64 / lasts;
        let (video, audio) = (bandwidth(&self.video), bandwidth(&self.audio));
        let (peak, mean) = (video.0 + audio.0, video.1 + audio.1);
        let of_keyframe =
            |placed: &Placed| bits_per_s(&self.video, placed.segment.first_sample_end(), placed.duration);
        let keyframes = self.video.segments.iter().map(of_keyframe).max();
        let keyframes = keyframes.unwrap_or(0).max(BANDWIDTH_MIN);
        let mut out = String::new();
        line!(out, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS");
        line!(
            out,
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sound\",NAME=\"sound\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"audio.m3u8\""
        );
        line!(
            out,
            "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={mean},CODECS=\"{name},mp4a.40.2\",RESOLUTION={width}x{height},FRAME-RATE={rate:.3},AUDIO=\"sound\"\nvideo.m3u8"
        );
        line!(
            out,
            "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={keyframes},CODECS=\"{name}\",RESOLUTION={width}x{height},URI=\"iframes.m3u8\""
        );
        Some(out)
    }

    /// Of what is there now, to its end.
    pub fn playlist(&self, which: Rendition) -> String {
        let (track, iframes) = match which {
            // Only the best picture is recorded: it stands for its rungs.
            Rendition::Video | Rendition::Rung(_) => (&self.video, false),
            Rendition::Audio => (&self.audio, false),
            Rendition::IFrames => (&self.video, true),
        };
        let tracks = [&self.video, &self.audio].into_iter();
        let lengths = tracks.flat_map(|track| {
            track
                .segments
                .iter()
                .map(|placed| seconds(track, placed.duration))
        });
        // As it is rounded to be compared (§4.3.3.1).
        let target = lengths.fold(1.0, f64::max).round();
        let mut out = String::with_capacity(128 * track.segments.len() + 256);
        line!(
            out,
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD"
        );
        if iframes {
            line!(out, "#EXT-X-I-FRAMES-ONLY");
        }
        let mut init = None;
        for placed in &track.segments {
            segment(&mut out, track, placed, iframes, &mut init);
        }
        line!(out, "#EXT-X-ENDLIST");
        out
    }
}

fn segment(out: &mut String, track: &Track, placed: &Placed, iframe: bool, init: &mut Option<u64>) {
    let segment = &placed.segment;
    if placed.discontinuity {
        line!(out, "#EXT-X-DISCONTINUITY");
    }
    if init.replace(segment.init) != Some(segment.init) {
        let name = ResourceName::Init(track.medium, segment.init);
        line!(out, "#EXT-X-MAP:URI=\"{name}\"");
    }
    line!(out, "#EXT-X-PROGRAM-DATE-TIME:{}", segment.wall);
    line!(out, "#EXTINF:{:.9},", seconds(track, placed.duration));
    if iframe {
        line!(out, "#EXT-X-BYTERANGE:{}@0", segment.first_sample_end());
    }
    line!(out, "{}", ResourceName::Segment(track.medium, segment.msn));
}

fn seconds(track: &Track, ticks: u64) -> f64 {
    ticks as f64 / track.scale as f64
}

/// Bits a second: the most of any segment, and of all together.
fn bandwidth(track: &Track) -> (u64, u64) {
    let of = |placed: &Placed| bits_per_s(track, placed.segment.length(), placed.duration);
    let peak = track.segments.iter().map(of).max().unwrap_or(0);
    let bytes = track.segments.iter().map(|placed| placed.segment.length()).sum();
    let mean = bits_per_s(
        track,
        bytes,
        track.segments.iter().map(|placed| placed.duration).sum(),
    );
    (peak.max(BANDWIDTH_MIN), mean.max(BANDWIDTH_MIN))
}

fn bits_per_s(track: &Track, bytes: u64, duration: u64) -> u64 {
    (bytes as f64 * 8.0 / seconds(track, duration).max(0.1)) as u64
}
