//! Playlists as text (RFC 8216bis §4).

use std::fmt::Write;

use crate::ladder::Shown;
use crate::lane::{Lane, Segment};
use crate::names::{LiveName, Medium, Rendition, ResourceName, Rung};
use crate::packager::Packager;
use crate::pictures::Parameters;

/// Of target durations (§4.4.3.8): how far from the end parts are named, players stay, updates reach back.
const PARTS_REACH: f64 = 3.0;
const HOLD_BACK: f64 = 3.0;
const SKIP_UNTIL: f64 = 6.0;
const PART_HOLD_BACK: f64 = 3.0;
/// What is said of a stream of which a second has not passed.
const BANDWIDTH_MIN: u64 = 64_000;

/// Of text in memory; writing to it cannot fail.
macro_rules! line {
    ($out:expr, $($text:tt)*) => {{
        let _ = writeln!($out, $($text)*);
    }};
}

pub(crate) fn master(packager: &Packager, parameters: &Parameters) -> String {
    let best = &packager.video.lane;
    let mut out = String::new();
    line!(out, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS");
    line!(
        out,
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sound\",NAME=\"sound\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"audio.m3u8\""
    );
    variant(&mut out, packager, best, parameters, Rendition::Video);
    for rung in Rung::ALL {
        if let Some(parameters) = packager.ladder.steady(rung, best) {
            let lane = packager.ladder.lane(rung);
            variant(&mut out, packager, lane, parameters, Rendition::Rung(rung));
        }
    }
    let (codec, width, height) = (parameters.codec(), parameters.width, parameters.height);
    line!(
        out,
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={},CODECS=\"{codec}\",RESOLUTION={width}x{height},URI=\"{}\"",
        keyframe_bandwidth(best),
        Rendition::IFrames
    );
    out
}

fn variant(out: &mut String, packager: &Packager, lane: &Lane, parameters: &Parameters, which: Rendition) {
    let (video_peak, video_mean) = bandwidth(lane);
    let (audio_peak, audio_mean) = bandwidth(&packager.audio);
    let (peak, mean) = (video_peak + audio_peak, video_mean + audio_mean);
    let (codec, width, height) = (parameters.codec(), parameters.width, parameters.height);
    let pictures: u64 = lane.segments.iter().map(|segment| segment.pictures).sum();
    let lasts = seconds(lane, lane.segments.iter().map(|segment| segment.duration).sum());
    let rate = pictures as f64 / lasts.max(0.001);
    line!(
        out,
        "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={mean},CODECS=\"{codec},mp4a.40.2\",RESOLUTION={width}x{height},FRAME-RATE={rate:.3},AUDIO=\"sound\"\n{which}"
    );
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

/// Written down with nine digits: a player that adds the durations of a segment's parts up must come out at what it has
/// buffered. hls.js takes a segment for unfinished, and waits for the rest of it, where more than 1.5 µs are missing.
fn seconds(lane: &Lane, ticks: u64) -> f64 {
    ticks as f64 / lane.scale as f64
}

/// A segment as a playlist names it.
struct Row<'a> {
    /// Of which rung it is; the best picture's, or sound, when it is none's.
    rung: Option<Rung>,
    medium: Medium,
    segment: &'a Segment,
}

impl Row<'_> {
    fn name(&self, name: impl FnOnce(Medium, u64) -> ResourceName) -> LiveName {
        LiveName {
            rung: self.rung,
            resource: name(self.medium, self.segment.msn),
        }
    }
}

/// What a playlist lists: what is whole, and what is being made.
struct Listed<'a> {
    whole: Vec<Row<'a>>,
    open: Option<Row<'a>>,
    /// Whose part is to be the next.
    next: Option<Rung>,
}

impl<'a> Listed<'a> {
    fn of(packager: &'a Packager, which: Rendition, lane: &'a Lane) -> Self {
        let medium = lane.medium();
        let mut rung_of_last = None;
        let (mut rows, mut open) = (Vec::new(), None);
        for segment in lane.listed(packager.config()).chain(lane.open_segment()) {
            let shown = match which {
                Rendition::Rung(rung) => (Some(rung), packager.ladder.shown(rung, segment.msn)),
                Rendition::Video | Rendition::Audio | Rendition::IFrames => (None, Shown::Same),
            };
            let (rung, segment) = match shown {
                (rung, Shown::Own(own)) => (rung, own),
                (_, Shown::Same) => (None, segment),
                (_, Shown::Undecided) => break,
            };
            rung_of_last = rung;
            let row = Row {
                rung,
                medium,
                segment,
            };
            if segment.is_open() {
                open = Some(row);
                break;
            }
            rows.push(row);
        }
        Self {
            whole: rows,
            open,
            next: rung_of_last,
        }
    }
}

/// The playlist of one track; with `skip`, without what the player has known for long (§4.4.5.2).
pub(crate) fn media(packager: &Packager, which: Rendition, lane: &Lane, skip: bool) -> String {
    let config = packager.config();
    let target = config.target.as_secs_f64();
    let part = config.part_target().as_secs_f64();
    let listed = Listed::of(packager, which, lane);
    let mut out = head(packager, lane);
    line!(
        out,
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL={:.1},HOLD-BACK={:.1},PART-HOLD-BACK={:.3}\n#EXT-X-PART-INF:PART-TARGET={part:.3}",
        SKIP_UNTIL * target,
        HOLD_BACK * target,
        PART_HOLD_BACK * part,
    );
    // How long before the end each segment begins.
    let mut left: f64 = listed
        .whole
        .iter()
        .chain(&listed.open)
        .map(|row| seconds(lane, row.segment.duration))
        .sum();
    let skipped = if skip {
        count_skipped(lane, &listed.whole, left, SKIP_UNTIL * target)
    } else {
        0
    };
    if skipped > 0 {
        line!(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}");
    }
    let mut init = None;
    for (place, row) in listed.whole.iter().enumerate() {
        let duration = seconds(lane, row.segment.duration);
        if place >= skipped {
            opening(&mut out, row, &mut init);
            if left - duration < PARTS_REACH * target {
                parts(&mut out, lane, row);
            }
            line!(out, "#EXTINF:{duration:.9},\n{}", row.name(ResourceName::Segment));
        }
        init = Some(row.name(|medium, _| ResourceName::Init(medium, row.segment.init)));
        left -= duration;
    }
    if let Some(row) = &listed.open {
        opening(&mut out, row, &mut init);
        parts(&mut out, lane, row);
    }
    if packager.has_ended() {
        line!(out, "#EXT-X-ENDLIST");
        return out;
    }
    let (msn, next) = packager.edge(which);
    let resource = ResourceName::Part(lane.medium(), msn, next);
    let rung = listed.next;
    line!(
        out,
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{}\"",
        LiveName { rung, resource }
    );
    let best = &packager.video.lane;
    let rungs = Rung::ALL.into_iter();
    let rungs = rungs.filter(|rung| packager.ladder.steady(*rung, best).is_some());
    let all = [Rendition::Video, Rendition::Audio].into_iter();
    for other in all
        .chain(rungs.map(Rendition::Rung))
        .filter(|other| *other != which)
    {
        report(&mut out, packager, other);
    }
    out
}

fn head(packager: &Packager, lane: &Lane) -> String {
    let first = lane
        .listed(packager.config())
        .next()
        .map_or(0, |segment| segment.msn);
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

fn count_skipped(lane: &Lane, listed: &[Row], all: f64, until: f64) -> usize {
    let mut left = all;
    let older = listed.iter().take_while(|row| {
        left -= seconds(lane, row.segment.duration);
        left > until
    });
    older.count()
}

fn opening(out: &mut String, row: &Row, init: &mut Option<LiveName>) {
    if row.segment.discontinuity {
        line!(out, "#EXT-X-DISCONTINUITY");
    }
    let needs = row.name(|medium, _| ResourceName::Init(medium, row.segment.init));
    if *init != Some(needs) {
        *init = Some(needs);
        line!(out, "#EXT-X-MAP:URI=\"{needs}\"");
    }
    line!(out, "#EXT-X-PROGRAM-DATE-TIME:{}", row.segment.wall);
}

fn parts(out: &mut String, lane: &Lane, row: &Row) {
    for (number, part) in row.segment.parts.iter().enumerate() {
        let name = row.name(|medium, msn| ResourceName::Part(medium, msn, number as u64));
        let independent = if part.independent { ",INDEPENDENT=YES" } else { "" };
        let duration = seconds(lane, part.duration);
        line!(
            out,
            "#EXT-X-PART:DURATION={duration:.9},URI=\"{name}\"{independent}"
        );
    }
}

/// Where another track is (§4.4.5.4).
fn report(out: &mut String, packager: &Packager, other: Rendition) {
    let lane = match other {
        Rendition::Audio => &packager.audio,
        Rendition::Video | Rendition::IFrames | Rendition::Rung(_) => &packager.video.lane,
    };
    let (msn, parts) = packager.edge(other);
    let last = match (
        parts.checked_sub(1),
        Listed::of(packager, other, lane).whole.last(),
    ) {
        (Some(part), _) => Some((msn, part)),
        (None, Some(row)) => Some((row.segment.msn, row.segment.parts.len().saturating_sub(1) as u64)),
        (None, None) => None,
    };
    if let Some((msn, part)) = last {
        line!(
            out,
            "#EXT-X-RENDITION-REPORT:URI=\"{other}\",LAST-MSN={msn},LAST-PART={part}"
        );
    }
}

/// The keyframes alone, as ranges of the segments that they begin (§4.4.3.6).
pub(crate) fn iframes(packager: &Packager) -> String {
    let lane = &packager.video.lane;
    let mut out = head(packager, lane);
    line!(out, "#EXT-X-I-FRAMES-ONLY");
    let mut init = None;
    for row in Listed::of(packager, Rendition::IFrames, lane).whole {
        opening(&mut out, &row, &mut init);
        line!(
            out,
            "#EXTINF:{:.9},\n#EXT-X-BYTERANGE:{}@0\n{}",
            seconds(lane, row.segment.duration),
            row.segment.keyframe_end,
            row.name(ResourceName::Segment)
        );
    }
    if packager.has_ended() {
        line!(out, "#EXT-X-ENDLIST");
    }
    out
}
