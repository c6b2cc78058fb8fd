//! Playlists as text (RFC 8216bis §4).

use std::fmt::Write;

use crate::lane::{Lane, Segment};
use crate::names::{Medium, ResourceName};
use crate::packager::Packager;
use crate::pictures::Parameters;

/// How long a part may last beside what it is meant to: pictures are whole.
const PART_SLACK: f64 = 1.1;
/// Of target durations (§4.4.3.8): how far from the end parts are named, players stay, updates reach back.
const PARTS_REACH: f64 = 3.0;
const HOLD_BACK: f64 = 3.0;
const SKIP_UNTIL: f64 = 6.0;
const PART_HOLD_BACK: f64 = 3.0;
/// What is said of a stream of which a second has not passed.
const BANDWIDTH_MIN: u64 = 64_000;

fn playlist_name(medium: Medium) -> &'static str {
    match medium {
        Medium::Video => "video.m3u8",
        Medium::Audio => "audio.m3u8",
    }
}

/// Of text in memory; writing to it cannot fail.
macro_rules! line {
    ($out:expr, $($text:tt)*) => {{
        let _ = writeln!($out, $($text)*);
    }};
}

pub(crate) fn master(packager: &Packager, parameters: &Parameters) -> String {
    let (video_peak, video_mean) = bandwidth(&packager.video);
    let (audio_peak, audio_mean) = bandwidth(&packager.audio);
    let (peak, mean) = (video_peak + audio_peak, video_mean + audio_mean);
    let (codec, width, height) = (parameters.codec(), parameters.width, parameters.height);
    let pictures: u64 = packager.video.segments.iter().map(|s| s.pictures).sum();
    let lasts: f64 = packager
        .video
        .segments
        .iter()
        .map(|s| seconds(&packager.video, s.duration))
        .sum();
    let rate = pictures as f64 / lasts.max(0.001);
    let keyframes = keyframe_bandwidth(&packager.video);
    let mut out = String::new();
    line!(out, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS");
    line!(
        out,
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sound\",NAME=\"sound\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"audio.m3u8\""
    );
    line!(
        out,
        "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={mean},CODECS=\"{codec},mp4a.40.2\",RESOLUTION={width}x{height},FRAME-RATE={rate:.3},AUDIO=\"sound\"\nvideo.m3u8"
    );
    line!(
        out,
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={keyframes},CODECS=\"{codec}\",RESOLUTION={width}x{height},URI=\"iframes.m3u8\""
    );
    out
}

/// Bits a second: the most of any segment, and of all together.
fn bandwidth(lane: &Lane) -> (u64, u64) {
    let rate = |bytes: usize, duration: u64| (bytes as f64 * 8.0 / seconds(lane, duration).max(0.1)) as u64;
    let segments = || lane.segments.iter();
    let peak = segments()
        .map(|segment| rate(segment.whole.len(), segment.duration))
        .max();
    let bytes = segments().map(|segment| segment.whole.len()).sum();
    let mean = rate(bytes, segments().map(|segment| segment.duration).sum());
    (peak.unwrap_or(0).max(BANDWIDTH_MIN), mean.max(BANDWIDTH_MIN))
}

fn keyframe_bandwidth(lane: &Lane) -> u64 {
    let of = |segment: &Segment| {
        (segment.keyframe_end as f64 * 8.0 / seconds(lane, segment.duration).max(0.1)) as u64
    };
    lane.segments.iter().map(of).max().unwrap_or(0).max(BANDWIDTH_MIN)
}

fn seconds(lane: &Lane, ticks: u64) -> f64 {
    ticks as f64 / lane.scale as f64
}

/// The playlist of one track; with `skip`, without what the player has known for long (§4.4.5.2).
pub(crate) fn media(packager: &Packager, lane: &Lane, skip: bool) -> String {
    let config = packager.config();
    let target = config.target.as_secs_f64();
    let part = config.part.as_secs_f64() * PART_SLACK;
    let listed: Vec<&Segment> = lane.listed(config).collect();
    let mut out = head(packager, lane, &listed);
    line!(
        out,
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL={:.1},HOLD-BACK={:.1},PART-HOLD-BACK={:.3}\n#EXT-X-PART-INF:PART-TARGET={part:.3}",
        SKIP_UNTIL * target,
        HOLD_BACK * target,
        PART_HOLD_BACK * part,
    );
    // How long before the end each segment begins.
    let open = lane.open_segment();
    let mut left: f64 = listed
        .iter()
        .copied()
        .chain(open)
        .map(|segment| seconds(lane, segment.duration))
        .sum();
    let skipped = if skip {
        count_skipped(lane, &listed, left, SKIP_UNTIL * target)
    } else {
        0
    };
    if skipped > 0 {
        line!(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}");
    }
    let mut init = None;
    for (place, segment) in listed.iter().enumerate() {
        let duration = seconds(lane, segment.duration);
        if place >= skipped {
            opening(&mut out, lane, segment, &mut init);
            if left - duration < PARTS_REACH * target {
                parts(&mut out, lane, segment);
            }
            line!(
                out,
                "#EXTINF:{duration:.5},\n{}",
                ResourceName::Segment(lane.medium(), segment.msn)
            );
        }
        init = Some(segment.init);
        left -= duration;
    }
    if let Some(segment) = open {
        opening(&mut out, lane, segment, &mut init);
        parts(&mut out, lane, segment);
    }
    if packager.has_ended() {
        line!(out, "#EXT-X-ENDLIST");
        return out;
    }
    let (msn, next) = lane.edge();
    line!(
        out,
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{}\"",
        ResourceName::Part(lane.medium(), msn, next)
    );
    report(
        &mut out,
        if lane.medium() == Medium::Video {
            &packager.audio
        } else {
            &packager.video
        },
    );
    out
}

fn head(packager: &Packager, lane: &Lane, listed: &[&Segment]) -> String {
    let first = listed.first().map_or(0, |segment| segment.msn);
    let mut out = String::with_capacity(4_096);
    line!(
        out,
        "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:{first}",
        packager.config().target.as_secs()
    );
    let gone = lane.discontinuities_before(packager.config());
    if gone > 0 {
        line!(out, "#EXT-X-DISCONTINUITY-SEQUENCE:{gone}");
    }
    out
}

fn count_skipped(lane: &Lane, listed: &[&Segment], all: f64, until: f64) -> usize {
    let mut left = all;
    let older = listed.iter().take_while(|segment| {
        left -= seconds(lane, segment.duration);
        left > until
    });
    older.count()
}

fn opening(out: &mut String, lane: &Lane, segment: &Segment, init: &mut Option<u64>) {
    if segment.discontinuity {
        line!(out, "#EXT-X-DISCONTINUITY");
    }
    if *init != Some(segment.init) {
        *init = Some(segment.init);
        line!(
            out,
            "#EXT-X-MAP:URI=\"{}\"",
            ResourceName::Init(lane.medium(), segment.init)
        );
    }
    line!(out, "#EXT-X-PROGRAM-DATE-TIME:{}", segment.wall);
}

fn parts(out: &mut String, lane: &Lane, segment: &Segment) {
    for (number, part) in segment.parts.iter().enumerate() {
        let name = ResourceName::Part(lane.medium(), segment.msn, number as u64);
        let independent = if part.independent { ",INDEPENDENT=YES" } else { "" };
        let duration = seconds(lane, part.duration);
        line!(
            out,
            "#EXT-X-PART:DURATION={duration:.5},URI=\"{name}\"{independent}"
        );
    }
}

/// Where the other track is (§4.4.5.4).
fn report(out: &mut String, other: &Lane) {
    let (msn, parts) = other.edge();
    let last = match (parts.checked_sub(1), other.segments.back()) {
        (Some(part), _) => Some((msn, part)),
        (None, Some(segment)) => Some((segment.msn, segment.parts.len().saturating_sub(1) as u64)),
        (None, None) => None,
    };
    if let Some((msn, part)) = last {
        let name = playlist_name(other.medium());
        line!(
            out,
            "#EXT-X-RENDITION-REPORT:URI=\"{name}\",LAST-MSN={msn},LAST-PART={part}"
        );
    }
}

/// The keyframes alone, as ranges of the segments that they begin (§4.4.3.6).
pub(crate) fn iframes(packager: &Packager) -> String {
    let lane = &packager.video;
    let listed: Vec<&Segment> = lane.listed(packager.config()).collect();
    let mut out = head(packager, lane, &listed);
    line!(out, "#EXT-X-I-FRAMES-ONLY");
    let mut init = None;
    for segment in listed {
        opening(&mut out, lane, segment, &mut init);
        line!(
            out,
            "#EXTINF:{:.5},\n#EXT-X-BYTERANGE:{}@0\n{}",
            seconds(lane, segment.duration),
            segment.keyframe_end,
            ResourceName::Segment(lane.medium(), segment.msn)
        );
    }
    if packager.has_ended() {
        line!(out, "#EXT-X-ENDLIST");
    }
    out
}
