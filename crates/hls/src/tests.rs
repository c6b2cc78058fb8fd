//! What players are promised, named after what promises it: RFC 8216bis, and Apple's authoring specification.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use busk_base::Timestamp;

use super::*;

const SMALL: &[u8] = &[
    0x67, 0x42, 0xc0, 0x0d, 0xd9, 0x01, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
    0x00, 0x03, 0x03, 0xc0, 0xf1, 0x42, 0xa4, 0x80,
];
const LARGE: &[u8] = &[
    0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00,
    0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2e, 0x48,
];
const PPS: &[u8] = &[0x68, 0xcb, 0x83, 0xcb, 0x20];
const TICKS: u64 = 3_000;

/// A camera of 30 pictures a second with its sound.
struct Camera {
    packager: Packager,
    sps: &'static [u8],
    dts: u64,
    sound: u64,
    count: u64,
}

impl Camera {
    fn new() -> Self {
        let audio = AudioConfig {
            sample_rate: 48_000,
            channels: 2,
            specific: Bytes::from_static(&[0x11, 0x90]),
            silence: Bytes::from_static(&[0x21]),
        };
        Self {
            packager: Packager::new(Config::default(), audio, 0),
            sps: SMALL,
            dts: 900_000,
            sound: 480_000,
            count: 0,
        }
    }

    fn picture(&mut self, keyframe: bool) -> Result<(), Refused> {
        let slice = Bytes::from(vec![if keyframe { 0x65 } else { 0x41 }, self.count as u8, 7, 7]);
        let mut nals = vec![slice];
        if keyframe {
            nals.splice(0..0, [Bytes::from_static(self.sps), Bytes::from_static(PPS)]);
        }
        let frame = VideoFrame {
            dts: self.dts,
            cts: 0,
            keyframe,
            nals,
        };
        let taken = self
            .packager
            .video(frame, Timestamp::from_unix_us(self.dts as i64 * 1_000 / 90));
        self.dts += TICKS;
        self.count += 1;
        taken
    }

    /// So many pictures with a keyframe every so many, and the sound to them.
    fn run(&mut self, pictures: u64, keyframe_every: u64) -> &mut Self {
        for _ in 0..pictures {
            let _ = self.picture(self.count.is_multiple_of(keyframe_every));
            while self.sound * 90 / 48 < self.dts {
                self.packager.audio(AudioFrame {
                    pts: self.sound,
                    data: Bytes::from_static(&[1, 2, 3]),
                });
                self.sound += 1_024;
            }
        }
        self
    }

    fn text(&self, which: Rendition) -> String {
        self.ask(which, Ask::default()).unwrap()
    }

    fn ask(&self, which: Rendition, ask: Ask) -> Option<String> {
        match self.packager.playlist(which, ask) {
            Answer::Now(text) => Some(text.unwrap()),
            Answer::Wait => None,
        }
    }

    fn get(&self, name: &str) -> Option<Bytes> {
        match self.packager.resource(&LiveName::parse(name)?) {
            Answer::Now(found) => found,
            Answer::Wait => panic!("{name} is to come"),
        }
    }
}

/// What follows a tag, of each line that has it.
fn values<'a>(text: &'a str, tag: &'a str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.strip_prefix(tag)).collect()
}

fn durations(text: &str, tag: &str) -> Vec<f64> {
    let number = |value: &str| value.split(',').next().unwrap().parse().unwrap();
    values(text, tag).into_iter().map(number).collect()
}

fn names(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn apple_every_segment_begins_with_an_idr() {
    let mut camera = Camera::new();
    let text = camera.run(600, 45).text(Rendition::Video);
    assert!(text.contains("#EXT-X-INDEPENDENT-SEGMENTS"));
    for lasts in durations(&text, "#EXTINF:") {
        assert_eq!(lasts, 3.0, "it ends with the first keyframe after two seconds");
    }
    for segment in camera.packager.video.lane.listed(camera.packager.config()) {
        assert!(segment.parts[0].independent && !segment.parts[1].independent);
    }
}

/// hls.js takes more than 1.5 µs between what it has buffered and a segment's end for a part that is to come.
#[test]
fn durations_add_up_to_the_media() {
    let mut camera = Camera::new();
    for count in 0..600 {
        camera.dts += count % 7;
        camera.run(1, 60);
    }
    let text = camera.text(Rendition::Video);
    let parts: Vec<(u64, f64)> = values(&text, "#EXT-X-PART:DURATION=")
        .into_iter()
        .map(|part| {
            let (lasts, name) = part.split_once(",URI=\"v-").unwrap();
            (
                name.split('-').next().unwrap().parse().unwrap(),
                lasts.parse().unwrap(),
            )
        })
        .collect();
    let mut segments = 0;
    for segment in camera.packager.video.lane.listed(camera.packager.config()) {
        let own = parts.iter().filter(|(msn, _)| *msn == segment.msn);
        let (count, sum) = own.fold((0, 0.0), |(count, sum), (_, lasts)| (count + 1, sum + lasts));
        if count > 0 {
            let media = segment.duration as f64 / 90_000.0;
            assert!(
                (sum - media).abs() < 1e-6,
                "{count} parts: {sum} of {media}\n{text}"
            );
            segments += 1;
        }
    }
    assert!(segments > 2, "{text}");
}

#[test]
fn keyframes_that_are_not_quite_two_seconds_apart_make_segments_too() {
    let mut camera = Camera::new();
    let text = camera.run(600, 59).text(Rendition::Video);
    assert!(
        durations(&text, "#EXTINF:").iter().all(|lasts| *lasts < 2.0),
        "{text}"
    );
    assert!(!text.contains("#EXT-X-DISCONTINUITY"));
}

#[test]
fn apple_a_live_playlist_has_six_segments_and_says_when_they_were() {
    let mut camera = Camera::new();
    let text = camera.run(6 * 60 + 1, 60).text(Rendition::Video);
    assert_eq!(names(&text).len(), 6);
    assert_eq!(
        values(&text, "#EXT-X-PROGRAM-DATE-TIME:")[..2],
        ["1970-01-01T00:00:10.000Z", "1970-01-01T00:00:12.000Z"]
    );
    let later = camera.run(60 * 60, 60).text(Rendition::Video);
    assert_eq!(names(&later).len(), Config::default().window);
}

#[test]
fn rfc_4_4_3_7_parts_are_no_longer_than_the_target_and_at_least_85_percent_of_it() {
    for every in [1, 2, 3] {
        let mut camera = Camera::new();
        for _ in 0..300 {
            camera.dts += TICKS * (every - 1) + camera.count % 3 * 40;
            camera.run(1, 30);
        }
        let text = camera.text(Rendition::Video);
        let target: f64 = values(&text, "#EXT-X-PART-INF:PART-TARGET=")[0].parse().unwrap();
        for segment in camera.packager.video.lane.listed(camera.packager.config()) {
            let (last, parts) = segment.parts.split_last().unwrap();
            assert!(last.duration as f64 / 90_000.0 <= target);
            for part in parts {
                let lasts = part.duration as f64 / 90_000.0;
                assert!((0.85 * target..=target).contains(&lasts), "{lasts} of {target}");
            }
        }
    }
}

#[test]
fn rfc_4_4_3_8_the_server_says_how_far_from_the_end_players_stay() {
    let text = Camera::new().run(120, 60).text(Rendition::Audio);
    let control = values(&text, "#EXT-X-SERVER-CONTROL:")[0];
    assert_eq!(
        control,
        "CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24.0,HOLD-BACK=12.0,PART-HOLD-BACK=1.530"
    );
    assert!(text.contains("#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:0\n"));
}

#[test]
fn rfc_4_4_3_1_no_segment_lasts_longer_than_the_target() {
    let mut camera = Camera::new();
    camera.run(1, 1);
    let refused = (0..600)
        .filter(|_| camera.picture(false) == Err(Refused::NoKeyframe))
        .count();
    assert!(refused > 400, "{refused} pictures are left out");
    camera.run(150, 30);
    let text = camera.text(Rendition::Video);
    assert!(
        durations(&text, "#EXTINF:")
            .iter()
            .all(|lasts| lasts.round() <= 4.0),
        "{text}"
    );
    assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 1);
}

#[test]
fn rfc_6_2_5_2_a_blocking_reload_waits_for_what_comes_and_refuses_what_is_far() {
    let mut camera = Camera::new();
    camera.run(121, 60);
    let ask = |msn, part| Ask {
        msn: Some(msn),
        part,
        skip: false,
    };
    assert_eq!(camera.packager.video.lane.edge(), (2, 0));
    assert!(camera.ask(Rendition::Video, ask(1, None)).is_some());
    for waits in [ask(2, Some(0)), ask(2, None), ask(3, Some(1)), ask(3, None)] {
        assert_eq!(camera.ask(Rendition::Video, waits), None, "{waits:?}");
    }
    let far = camera.packager.playlist(Rendition::Video, ask(4, None));
    assert_eq!(far, Answer::Now(Err(AskRefused::TooFarAhead)));
    let half = Ask {
        part: Some(1),
        ..Ask::default()
    };
    let half = camera.packager.playlist(Rendition::Video, half);
    assert_eq!(half, Answer::Now(Err(AskRefused::PartWithoutSegment)));
    camera.run(15, 60);
    let text = camera.ask(Rendition::Video, ask(2, Some(0))).unwrap();
    assert!(text.contains("URI=\"v-2-0.m4s\",INDEPENDENT=YES"), "{text}");
}

#[test]
fn rfc_4_4_5_3_the_next_part_is_announced_and_waited_for() {
    let mut camera = Camera::new();
    let text = camera.run(140, 60).text(Rendition::Video);
    assert_eq!(
        values(&text, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI="),
        ["\"v-2-1.m4s\""]
    );
    let announced = LiveName::parse("v-2-1.m4s").unwrap();
    assert_eq!(camera.packager.resource(&announced), Answer::Wait);
    assert_eq!(camera.get("v-2-2.m4s"), None);
    camera.run(15, 60);
    assert!(camera.get("v-2-1.m4s").is_some());
}

#[test]
fn rfc_4_4_5_4_each_rendition_says_where_the_other_is() {
    let mut camera = Camera::new();
    camera.run(140, 60);
    let said = camera.text(Rendition::Audio);
    assert_eq!(
        values(&said, "#EXT-X-RENDITION-REPORT:"),
        ["URI=\"video.m3u8\",LAST-MSN=2,LAST-PART=0"]
    );
    assert!(
        camera
            .text(Rendition::Video)
            .contains("URI=\"audio.m3u8\",LAST-MSN=")
    );
}

#[test]
fn rfc_4_4_5_2_a_delta_update_leaves_out_what_is_old() {
    let mut camera = Camera::new();
    camera.run(3_000, 60);
    let whole = camera.text(Rendition::Video);
    let skip = Ask {
        skip: true,
        ..Ask::default()
    };
    let delta = camera.ask(Rendition::Video, skip).unwrap();
    let skipped: usize = values(&delta, "#EXT-X-SKIP:SKIPPED-SEGMENTS=")[0]
        .parse()
        .unwrap();
    assert!(skipped > 0);
    assert_eq!(names(&whole)[skipped..], names(&delta)[..]);
    let lasts: f64 = durations(&delta, "#EXTINF:").iter().sum();
    assert!(
        lasts >= 22.0,
        "only what is older than six targets is left out: {lasts}"
    );
}

#[test]
fn rfc_4_4_4_3_a_new_source_is_a_discontinuity_and_numbers_go_on() {
    let mut camera = Camera::new();
    camera.run(150, 60);
    camera.packager.discontinuity();
    assert_eq!(camera.picture(false), Err(Refused::NoKeyframe));
    (camera.dts, camera.sound, camera.count) = (9_000_000, 4_800_000, 0);
    camera.run(150, 60);
    for which in [Rendition::Video, Rendition::Audio, Rendition::IFrames] {
        let text = camera.text(which);
        assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 1, "{text}");
    }
    let text = camera.text(Rendition::Video);
    assert_eq!(
        names(&text),
        ["v-0.m4s", "v-1.m4s", "v-2.m4s", "v-3.m4s", "v-4.m4s"]
    );
    let later = camera.run(4_000, 60).text(Rendition::Audio);
    assert!(later.contains("#EXT-X-DISCONTINUITY-SEQUENCE:1\n"), "{later}");
    assert!(!later.contains("#EXT-X-DISCONTINUITY\n"));
}

#[test]
fn rfc_4_4_4_5_new_parameter_sets_begin_a_segment_with_a_map_of_its_own() {
    let mut camera = Camera::new();
    camera.run(30, 60);
    (camera.sps, camera.count) = (LARGE, 0);
    camera.run(121, 60);
    let text = camera.text(Rendition::Video);
    let maps = values(&text, "#EXT-X-MAP:URI=");
    assert_eq!(maps, ["\"v-init-0.mp4\"", "\"v-init-1.mp4\""]);
    assert_ne!(camera.get("v-init-0.mp4"), camera.get("v-init-1.mp4"));
    assert!(camera.packager.master().unwrap().contains("RESOLUTION=640x360"));
    assert!(
        camera
            .packager
            .master()
            .unwrap()
            .contains("CODECS=\"avc1.42c01e,mp4a.40.2\"")
    );
}

#[test]
fn what_was_named_stays_as_it_was() {
    let mut camera = Camera::new();
    camera.run(130, 60);
    let parts: Vec<Bytes> = (0..4)
        .map(|n| camera.get(&format!("v-1-{n}.m4s")).unwrap())
        .collect();
    assert_eq!(camera.get("v-1.m4s").unwrap(), parts.concat());
    camera.run(16 * 60, 60);
    assert!(!camera.text(Rendition::Video).contains("\nv-1.m4s"));
    assert_eq!(
        camera.get("v-1.m4s").unwrap(),
        parts.concat(),
        "for those with an older playlist"
    );
    camera.run(10 * 60, 60);
    assert_eq!(camera.get("v-1.m4s"), None);
    for none in [
        "v-1.mp4",
        "v-01.m4s",
        "v-1-0",
        "x-1.m4s",
        "v-.m4s",
        "v-99999999999999999999.m4s",
    ] {
        assert_eq!(ResourceName::parse(none), None, "{none}");
    }
}

#[test]
fn rfc_4_4_3_6_keyframes_alone_are_ranges_of_segments() {
    let mut camera = Camera::new();
    camera.run(130, 60);
    let text = camera.text(Rendition::IFrames);
    assert!(text.contains("#EXT-X-I-FRAMES-ONLY"));
    let range = values(&text, "#EXT-X-BYTERANGE:")[0].split_once('@').unwrap();
    let segment = camera.get("v-0.m4s").unwrap();
    let end: usize = range.0.parse().unwrap();
    assert_eq!(
        (range.1, &segment[end - 8..end]),
        ("0", &[0, 0, 0, 4, 0x65, 0, 7, 7][..])
    );
}

#[test]
fn sound_is_cut_where_the_picture_is_and_silence_where_there_is_none() {
    let mut camera = Camera::new();
    camera.run(600, 60);
    let ends = |lane: &lane::Lane| {
        let mut at = 0.0;
        let mut end = |segment: &lane::Segment| {
            at += segment.duration as f64 / lane.scale as f64;
            at
        };
        lane.segments.iter().map(&mut end).collect::<Vec<f64>>()
    };
    let (video, audio) = (ends(&camera.packager.video.lane), ends(&camera.packager.audio));
    assert!(audio.len() >= video.len() - 1);
    for (picture, sound) in video.iter().zip(&audio) {
        assert!((picture - sound).abs() < 0.022, "{picture} {sound}");
    }

    let mut mute = Camera::new();
    mute.sound = u64::MAX / 90;
    mute.run(600, 60);
    let (video, audio) = (ends(&mute.packager.video.lane), ends(&mute.packager.audio));
    assert!(audio.len() >= video.len() - 1 && audio.len() > 5, "{audio:?}");
}

#[test]
fn the_end_is_said_and_whole() {
    let mut camera = Camera::new();
    camera.run(150, 60);
    camera.packager.end();
    for which in [Rendition::Video, Rendition::Audio, Rendition::IFrames] {
        let text = camera.text(which);
        assert!(text.ends_with("#EXT-X-ENDLIST\n"), "{text}");
        assert!(!text.contains("PRELOAD-HINT") && names(&text).len() == 3);
        let lasts: f64 = durations(&text, "#EXTINF:").iter().sum();
        assert!((lasts - 5.0).abs() < 0.03, "{lasts}");
    }
    assert_eq!(camera.picture(true), Err(Refused::NotLater));
}

#[test]
fn what_is_finished_is_told_once_and_is_what_the_segments_are_made_of() {
    let mut camera = Camera::new();
    camera.packager.keep_finished();
    let mut told = Vec::new();
    for n in 0..10 {
        if n == 5 {
            (camera.sps, camera.count) = (LARGE, 0);
        }
        told.extend(camera.run(30, 60).packager.take_finished());
    }
    camera.packager.end();
    told.extend(camera.packager.take_finished());
    assert!(camera.packager.take_finished().is_empty());
    for (medium, inits) in [(Medium::Video, 2), (Medium::Audio, 1)] {
        let of = || told.iter().filter(move |finished| finished.medium() == medium);
        assert_eq!(of().filter(|f| matches!(f, Finished::Init { .. })).count(), inits);
        let mut open = None;
        let mut whole = Vec::new();
        for finished in of() {
            match finished {
                Finished::Init { number, bytes, .. } => {
                    let name = ResourceName::Init(medium, *number).to_string();
                    assert_eq!(camera.get(&name).unwrap(), bytes);
                }
                Finished::Segment { msn, .. } => assert_eq!(open.replace(*msn), None),
                Finished::Part { msn, part, .. } => {
                    assert_eq!(open, Some(*msn));
                    let size: u32 = part.samples.iter().map(|sample| sample.size).sum();
                    let lasts: u64 = part.samples.iter().map(|sample| u64::from(sample.duration)).sum();
                    assert_eq!(part.data_at + size as usize, part.bytes.len());
                    assert_eq!(lasts, part.duration);
                    whole.extend_from_slice(&part.bytes);
                }
                Finished::End { msn, .. } => {
                    assert_eq!(open.take(), Some(*msn));
                    let name = ResourceName::Segment(medium, *msn).to_string();
                    assert_eq!(camera.get(&name).unwrap(), std::mem::take(&mut whole));
                }
            }
        }
        assert_eq!(open, None);
    }
}

#[test]
fn a_source_that_floods_is_held_to_bounds() {
    let mut camera = Camera::new();
    for n in 0..4_000u64 {
        let slice = Bytes::from(vec![if n % 90 == 0 { 0x65 } else { 0x41 }; 200_000]);
        let parameters = [Bytes::from_static(SMALL), Bytes::from_static(PPS)];
        let frame = VideoFrame {
            dts: camera.dts,
            cts: 0,
            keyframe: n % 90 == 0,
            nals: parameters.into_iter().chain([slice]).collect(),
        };
        let _ = camera.packager.video(frame, Timestamp::from_unix_us(0));
        camera.dts += TICKS;
    }
    let bytes: usize = camera
        .packager
        .video
        .lane
        .segments
        .iter()
        .map(|segment| segment.whole.len())
        .sum();
    assert!(bytes <= (64 << 20) + (11 << 20), "{bytes}");
    assert!(names(&camera.text(Rendition::Video)).len() >= 6);

    for _ in 0..100_000 {
        let _ = camera.picture(false);
        camera.dts -= TICKS - 1;
    }
    let segments = camera
        .packager
        .video
        .lane
        .segments
        .iter()
        .chain(camera.packager.video.lane.open_segment());
    assert!(segments.map(|segment| segment.parts.len()).max().unwrap() < 1_000);
}

#[test]
fn whatever_comes_nothing_breaks() {
    let mut seed = 7u64;
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    for _ in 0..200 {
        let mut camera = Camera::new();
        for _ in 0..300 {
            match random(12) {
                0 => camera.packager.discontinuity(),
                1 => camera.dts = camera.dts.saturating_sub(random(100_000)),
                2 => camera.dts += random(2_000_000),
                3 => camera.sps = if random(2) == 0 { LARGE } else { SMALL },
                4 => camera.sps = &SMALL[..random(25) as usize],
                5 => {
                    let below = u64::MAX >> random(40);
                    let (pts, data) = (random(below), Bytes::new());
                    camera.packager.audio(AudioFrame { pts, data });
                }
                6 => drop(camera.packager.playlist(Rendition::Audio, Ask::default())),
                _ => drop(camera.run(random(40), 1 + random(90))),
            }
        }
        camera.packager.end();
        assert!(
            camera.packager.video.lane.segments.len() <= 20 && camera.packager.audio.segments.len() <= 20
        );
        for segment in &camera.packager.video.lane.segments {
            // As it is rounded to be compared (RFC 8216bis §4.4.3.1).
            assert!(segment.parts[0].independent && segment.duration * 2 < 9 * 90_000);
        }
    }
}

mod ladder;
