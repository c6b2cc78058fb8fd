//! A source that sends its picture in two sizes.

use super::*;

/// How much a layer's clock is known to be behind the best picture's.
const BEHIND: u64 = 20 * 90;

struct Layers {
    camera: Camera,
    /// The smaller one: comes a picture later, and not while it is off.
    waiting: Option<VideoFrame>,
    off: bool,
    /// Of its keyframes, in pictures.
    late: u64,
}

impl Layers {
    fn new() -> Self {
        let mut camera = Camera::new();
        camera.sps = LARGE;
        Self {
            camera,
            waiting: None,
            off: false,
            late: 0,
        }
    }

    fn run(&mut self, pictures: u64, keyframe_every: u64) -> &mut Self {
        for _ in 0..pictures {
            let keyframe = (self.camera.count + keyframe_every - self.late).is_multiple_of(keyframe_every);
            let mut nals = vec![Bytes::from(vec![if keyframe { 0x65 } else { 0x41 }, 9])];
            if keyframe {
                nals.splice(0..0, [Bytes::from_static(SMALL), Bytes::from_static(PPS)]);
            }
            let frame = VideoFrame {
                dts: self.camera.dts - BEHIND,
                cts: 0,
                keyframe,
                nals,
            };
            self.camera.run(1, keyframe_every);
            let before = self.waiting.replace(frame).filter(|_| !self.off);
            if let Some(frame) = before {
                self.camera.packager.lower(1, frame);
            }
        }
        self
    }

    fn rung(&self) -> String {
        self.camera.text(Rendition::Rung(Rung::ALL[0]))
    }

    fn master(&self) -> String {
        self.camera.packager.master().unwrap()
    }
}

#[test]
fn apple_the_same_is_offered_in_several_sizes_cut_at_the_same_moments() {
    let mut layers = Layers::new();
    layers.run(60 * 5 + 40, 60);
    let master = layers.master();
    assert_eq!(values(&master, "#EXT-X-STREAM-INF:").len(), 2, "{master}");
    assert_eq!(names(&master), ["video.m3u8", "video-2.m3u8"]);
    assert!(master.contains("RESOLUTION=640x360") && master.contains("RESOLUTION=320x"));
    let (best, rung) = (layers.camera.text(Rendition::Video), layers.rung());
    assert_eq!(
        names(&rung),
        ["v2-0.m4s", "v2-1.m4s", "v2-2.m4s", "v2-3.m4s", "v2-4.m4s"]
    );
    for tag in [
        "#EXTINF:",
        "#EXT-X-PROGRAM-DATE-TIME:",
        "#EXT-X-TARGETDURATION:",
        "#EXT-X-MEDIA-SEQUENCE:",
    ] {
        assert_eq!(values(&best, tag), values(&rung, tag), "{tag}");
    }
    assert_eq!(
        durations(&best, "#EXT-X-PART:DURATION="),
        durations(&rung, "#EXT-X-PART:DURATION=")
    );
    assert_eq!(values(&rung, "#EXT-X-MAP:URI="), ["\"v2-init-0.mp4\""]);
    let mut at = None;
    for (number, name) in names(&rung).into_iter().enumerate() {
        let (mine, theirs) = (
            layers.camera.get(name),
            layers.camera.get(&format!("v-{number}.m4s")),
        );
        let (mine, theirs) = (mine.unwrap(), theirs.unwrap());
        let time = |bytes: &[u8]| {
            let place = bytes.windows(4).position(|four| four == b"tfdt").unwrap();
            u64::from_be_bytes(bytes[place + 8..place + 16].try_into().unwrap())
        };
        assert_eq!(time(&mine), time(&theirs), "both show the same moment");
        assert!(at.replace(time(&mine)) < Some(time(&mine)));
    }
}

#[test]
fn rfc_4_4_5_4_rungs_say_where_the_others_are_and_what_is_next() {
    let mut layers = Layers::new();
    layers.run(60 * 5 + 40, 60);
    let rung = layers.rung();
    assert_eq!(
        values(&rung, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI="),
        ["\"v2-5-2.m4s\""]
    );
    assert_eq!(
        values(&rung, "#EXT-X-RENDITION-REPORT:URI="),
        [
            "\"video.m3u8\",LAST-MSN=5,LAST-PART=1",
            "\"audio.m3u8\",LAST-MSN=5,LAST-PART=1"
        ]
    );
    let best = layers.camera.text(Rendition::Video);
    assert!(
        best.contains("#EXT-X-RENDITION-REPORT:URI=\"video-2.m3u8\",LAST-MSN=5,LAST-PART=1\n"),
        "{best}"
    );
}

#[test]
fn a_layer_that_is_not_aligned_is_withheld() {
    let mut layers = Layers::new();
    layers.late = 20;
    layers.run(60 * 6, 60);
    assert_eq!(names(&layers.master()), ["video.m3u8"]);
    assert_eq!(names(&layers.rung())[..2], ["v-0.m4s", "v-1.m4s"]);
    layers.late = 0;
    layers.run(60 * 4, 60);
    assert_eq!(names(&layers.master()), ["video.m3u8", "video-2.m3u8"]);
    let rung = layers.rung();
    assert_eq!(names(&rung).last(), Some(&"v2-8.m4s"), "{rung}");
}

#[test]
fn a_layer_that_ceases_is_gone_on_with_by_the_best_picture() {
    let mut layers = Layers::new();
    layers.run(60 * 4 + 30, 60);
    layers.off = true;
    layers.run(60 * 3, 60);
    let rung = layers.rung();
    let best = layers.camera.text(Rendition::Video);
    assert_eq!(names(&rung)[3..], ["v2-3.m4s", "v2-4.m4s", "v-5.m4s", "v-6.m4s"]);
    assert_eq!(
        values(&rung, "#EXTINF:"),
        values(&best, "#EXTINF:"),
        "the last picture stays"
    );
    assert_eq!(names(&layers.master()), ["video.m3u8"]);
    assert!(rung.contains("URI=\"v-init-0.mp4\""));
    assert!(!rung.contains("#EXT-X-DISCONTINUITY"));
    layers.off = false;
    layers.run(60 * 5, 60);
    assert_eq!(names(&layers.rung()).last(), Some(&"v2-11.m4s"));
    assert_eq!(names(&layers.master()).len(), 2);
}

#[test]
fn it_is_waited_for_until_it_is_decided_whose_a_segment_is() {
    let mut layers = Layers::new();
    layers.run(60 * 4 + 3, 60);
    let ask = Ask {
        msn: Some(4),
        part: Some(0),
        skip: false,
    };
    let rung = Rendition::Rung(Rung::ALL[0]);
    let part = LiveName::parse("v2-4-0.m4s").unwrap();
    assert!(layers.rung().contains("URI=\"v2-4-0.m4s\""));
    assert_eq!(layers.camera.ask(rung, ask), None);
    assert_eq!(layers.camera.packager.resource(&part), Answer::Wait);
    layers.run(20, 60);
    let text = layers.camera.ask(rung, ask).unwrap();
    assert!(text.contains("URI=\"v2-4-0.m4s\",INDEPENDENT=YES"), "{text}");
    layers.off = true;
    layers.run(60, 60);
    assert_eq!(
        layers.camera.get("v2-5-0.m4s"),
        None,
        "announced, and not come to be"
    );
    assert!(layers.camera.get("v-5-0.m4s").is_some());
}

#[test]
fn rungs_break_off_and_end_where_the_best_picture_does() {
    let mut layers = Layers::new();
    layers.run(150, 60);
    layers.camera.packager.discontinuity();
    (layers.camera.count, layers.waiting) = (0, None);
    layers.camera.dts += 9_000_000;
    layers.run(210, 60);
    layers.camera.packager.end();
    let (best, rung) = (layers.camera.text(Rendition::Video), layers.rung());
    assert_eq!(best.matches("#EXT-X-DISCONTINUITY\n").count(), 1);
    assert_eq!(rung.matches("#EXT-X-DISCONTINUITY\n").count(), 1);
    assert_eq!(names(&best).len(), names(&rung).len());
    assert_eq!(names(&rung)[3], "v2-3.m4s");
    assert!(rung.ends_with("#EXT-X-ENDLIST\n"));
}

#[test]
fn whatever_layers_bring_is_bounded() {
    let mut layers = Layers::new();
    for n in 0..20_000u64 {
        let nals = vec![Bytes::from(vec![0x65; 100])];
        let frame = VideoFrame {
            dts: n * n % 7_919 * 1_000,
            cts: 0,
            keyframe: n % 3 == 0,
            nals,
        };
        layers.camera.packager.lower((n % 9) as usize, frame);
        if n % 5 == 0 {
            layers.run(1, 60);
        }
    }
    layers.camera.packager.end();
    let lane = layers.camera.packager.ladder.lane(Rung::ALL[1]);
    assert!(lane.segments.len() <= 20);
    for none in ["v1-1.m4s", "v4-1.m4s", "v2.m4s", "a2-1.m4s", "v2-01.m4s"] {
        assert_eq!(LiveName::parse(none), None, "{none}");
    }
}
