use super::*;

fn video(tag: &[u8]) -> Result<VideoTag, TagError> {
    video_tag(&Bytes::copy_from_slice(tag))
}

fn audio(tag: &[u8]) -> Result<AudioTag, TagError> {
    audio_tag(&Bytes::copy_from_slice(tag))
}

const RECORD: &[u8] = &[1, 0x42, 0, 30, 0xff, 0xe1, 0, 2, 0x67, 0x42, 1, 0, 1, 0x68];

fn config() -> AvcConfig {
    AvcConfig {
        length_bytes: 4,
        parameter_sets: vec![Bytes::from_static(&[0x67, 0x42]), Bytes::from_static(&[0x68])],
    }
}

#[test]
fn h264_is_read_in_both_forms() {
    let picture = |cts_ms| {
        Ok(VideoTag::Picture {
            cts_ms,
            units: Bytes::from_static(&[9]),
        })
    };
    let with = |head: &[u8], rest: &[u8]| video(&[head, rest].concat());
    assert_eq!(with(&[0x17, 0, 0, 0, 0], RECORD), Ok(VideoTag::Config(config())));
    assert_eq!(with(b"\x90avc1", RECORD), Ok(VideoTag::Config(config())));
    assert_eq!(with(&[0x27, 1, 0, 0, 80], &[9]), picture(80));
    assert_eq!(with(&[0x27, 1, 0xff, 0xff, 0xff], &[9]), picture(-1));
    assert_eq!(with(b"\xa1avc1\x00\x00\x50", &[9]), picture(80));
    assert_eq!(with(b"\xa3avc1", &[9]), picture(0));
    // A modifier of three bytes before the packet's own type.
    assert_eq!(with(b"\xa7\x02\x00\x00\x01\x03avc1", &[9]), picture(0));
    for nothing in [
        &[0x17, 2, 0, 0, 0][..],
        &[0x52, 0],
        &[0xd1, 0],
        b"\x92avc1",
        b"\x94avc1",
    ] {
        assert_eq!(video(nothing), Ok(VideoTag::Nothing));
    }
}

#[test]
fn a_configuration_has_parameter_sets_alone() {
    // A fragment (28) and an empty one beside them, and one of another kind.
    let record = [
        &[1, 0x42, 0, 30, 0xff, 0xe3, 0, 2, 0x67, 0x42, 0, 2, 28, 0xc1, 0, 0][..],
        &[2, 0, 1, 0x68, 0, 1, 0],
    ];
    let tag = [&[0x17, 0, 0, 0, 0][..], &record.concat()].concat();
    assert_eq!(video(&tag), Ok(VideoTag::Config(config())));
    // Keyframes of fifty bytes would each become as long as this.
    let long = [&[0xff, 0xff, 0x67][..], &[0; 0xfffe], &[0]].concat();
    let tag = [&[0x17, 0, 0, 0, 0, 1, 0x42, 0, 30, 0xff, 0xe1][..], &long].concat();
    let too_long = TagError::Malformed("the H.264 configuration is too long");
    assert_eq!(video(&tag), Err(too_long));
}

#[test]
fn other_pictures_are_named() {
    for (tag, codec) in [
        (&b"\x90hvc1\x01"[..], "HEVC (H.265)"),
        (b"\x91hvc1", "HEVC (H.265)"),
        (b"\x90av01", "AV1"),
        (b"\x90vp09", "VP9"),
        (b"\x90zz\x00\xff", "an unknown codec (zz\\x00\\xff)"),
        (b"\x96\x10hvc1", "several pictures at once (multitrack video)"),
        (b"\x1c\x00", "HEVC (H.265)"),
        (b"\x24\x00", "VP6"),
        (b"\x2f\x00", "an unknown video codec (number 15)"),
    ] {
        let Err(TagError::Unsupported(unsupported)) = video(tag) else {
            panic!("{codec} was taken");
        };
        assert_eq!(
            (unsupported.medium, &unsupported.codec[..]),
            (Medium::Video, codec)
        );
        let text = unsupported.to_string();
        assert!(
            text.contains(codec) && text.contains("In OBS: Settings → "),
            "{text}"
        );
    }
}

#[test]
fn other_sound_is_named() {
    for (tag, codec) in [
        (&[0x2f, 0][..], "MP3"),
        (&[0xd0, 0], "Opus"),
        (&[0x70, 0], "G.711 A-law"),
        (b"\x90Opus", "Opus"),
        (b"\x91fLaC", "FLAC"),
        (b"\x95\x00Opus", "several sounds at once (multitrack audio)"),
        (&[0xaf, 0, 0x2b, 0x92], "HE-AAC"),
        (&[0xaf, 0, 0x0a, 0x10], "AAC of type 1"),
        (&[0xaf, 0, 0x11, 0xb0], "surround sound"),
        (&[0xaf, 0, 0x17, 0x90], "AAC of an unusual sample rate"),
    ] {
        let Err(TagError::Unsupported(unsupported)) = audio(tag) else {
            panic!("{codec} was taken");
        };
        assert_eq!(
            (unsupported.medium, &unsupported.codec[..]),
            (Medium::Audio, codec)
        );
    }
}

#[test]
fn aac_is_read_in_both_forms() {
    let config = |specific: &'static [u8], sample_rate, channels| {
        Ok(AudioTag::Config(AacConfig {
            sample_rate,
            channels,
            specific: Bytes::from_static(specific),
        }))
    };
    assert_eq!(audio(&[0xaf, 0, 0x11, 0x90]), config(&[0x11, 0x90], 48_000, 2));
    assert_eq!(audio(&[0xaf, 0, 0x12, 0x08]), config(&[0x12, 0x08], 44_100, 1));
    assert_eq!(audio(b"\x90mp4a\x15\x90"), config(&[0x15, 0x90], 8_000, 2));
    let unit = Ok(AudioTag::Unit(Bytes::from_static(&[1, 2])));
    assert_eq!(audio(&[0xaf, 1, 1, 2]), unit);
    assert_eq!(audio(b"\x91mp4a\x01\x02"), unit);
    assert_eq!(audio(b"\x94mp4a\x01\x02"), Ok(AudioTag::Nothing));
}

#[test]
fn what_is_cut_short_is_refused() {
    let tags: [&[u8]; 4] = [
        &[&[0x17, 0, 0, 0, 0], RECORD].concat(),
        b"\xa7\x02\x00\x00\x01\x01avc1\x00\x00\x50",
        &[0xaf, 0, 0x11, 0x90],
        b"\x97\xff\xff\xff",
    ];
    for tag in tags {
        for length in 0..tag.len() {
            let cut = &tag[..length];
            assert!(!matches!(video(cut), Ok(VideoTag::Config(_))), "{cut:?}");
            assert!(!matches!(audio(cut), Ok(AudioTag::Config(_))), "{cut:?}");
        }
    }
    let no_sps = [1, 0x42, 0, 30, 0xff, 0xe0, 1, 0, 1, 0x68];
    let length_of_three = [&RECORD[..4], &[0xfe], &RECORD[5..]].concat();
    for record in [&no_sps[..], &length_of_three, &[2; 20]] {
        let tag = [&[0x17, 0, 0, 0, 0], record].concat();
        assert!(matches!(video(&tag), Err(TagError::Malformed(_))), "{record:?}");
    }
}

#[test]
fn nal_units_are_told_apart() {
    let of = |units: &'static [u8], length_bytes| nal_units(&Bytes::from_static(units), length_bytes);
    let expected = vec![Bytes::from_static(&[1, 2]), Bytes::from_static(&[3])];
    assert_eq!(
        of(&[0, 0, 0, 2, 1, 2, 0, 0, 0, 0, 0, 0, 0, 1, 3], 4),
        Ok(expected.clone())
    );
    assert_eq!(of(&[2, 1, 2, 1, 3], 1), Ok(expected));
    assert_eq!(of(&[0, 3, 1, 2], 2), Err(CUT_SHORT));
    assert_eq!(of(&[0xff, 0xff, 0xff, 0xff, 1], 4), Err(CUT_SHORT));
    let many = Bytes::from([1, 1].repeat(NALS_MAX + 1));
    assert!(matches!(nal_units(&many, 1), Err(TagError::Malformed(_))));
}
