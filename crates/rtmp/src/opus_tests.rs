use fdk_aac::enc::{AudioObjectType, BitRate, ChannelMode, Encoder, EncoderParams, Transport};

use super::*;

/// What the encoder of the tests puts before the first sample.
const AAC_DELAY: u64 = 2_048;
const AAC_UNIT: usize = 1_024;

/// A click of 1 ms in silence, at each of these milliseconds, as AAC access units.
fn clicks(rate: u32, channels: u8, length_ms: u64, at_ms: &[u64]) -> Vec<Sound> {
    let mode = if channels == 1 {
        ChannelMode::Mono
    } else {
        ChannelMode::Stereo
    };
    let encoder = Encoder::new(EncoderParams {
        bit_rate: BitRate::Cbr(rate * u32::from(channels) * 2),
        sample_rate: rate,
        transport: Transport::Raw,
        channels: mode,
        audio_object_type: AudioObjectType::Mpeg4LowComplexity,
    })
    .unwrap();
    let info = encoder.info().unwrap();
    let config = Arc::new(AacConfig {
        sample_rate: rate,
        channels,
        specific: Bytes::copy_from_slice(&info.confBuf[..info.confSize as usize]),
    });
    let per_s = u64::from(rate);
    let click = |n: u64| {
        at_ms
            .iter()
            .any(|at| (at * per_s / 1_000..(at + 1) * per_s / 1_000).contains(&n))
    };
    let samples: Vec<i16> = (0..length_ms * per_s / 1_000)
        .flat_map(|n| vec![if click(n) { 20_000 } else { 0 }; usize::from(channels)])
        .collect();
    let mut units = Vec::new();
    let mut encoded = [0; 8_192];
    for (n, samples) in samples.chunks_exact(AAC_UNIT * usize::from(channels)).enumerate() {
        let made = encoder.encode(samples, &mut encoded).unwrap();
        // What begins before the sound does is the delay.
        let Some(begins) = (n as u64 * AAC_UNIT as u64).checked_sub(AAC_DELAY) else {
            continue;
        };
        units.push(Sound {
            // As RTMP has it, in whole milliseconds.
            time_ms: begins * 1_000 / per_s,
            config: config.clone(),
            data: Bytes::copy_from_slice(&encoded[..made.output_size]),
        });
    }
    units
}

fn converted(units: &[Sound]) -> Vec<OpusPacket> {
    let mut opus = Opus::new().unwrap();
    units.iter().flat_map(|unit| opus.push(unit).unwrap()).collect()
}

/// Where a listener hears what is loudest between these milliseconds, in milliseconds.
fn loudest(packets: &[OpusPacket], between: std::ops::Range<u64>) -> f64 {
    let mut decoder = opus::Decoder::new(RATE as u32, opus::Channels::Stereo).unwrap();
    let mut best = (0.0, 0);
    for packet in packets {
        let mut pcm = [0.0; PACKET * CHANNELS];
        let count = decoder.decode_float(&packet.data, &mut pcm, false).unwrap();
        assert_eq!(count, PACKET);
        for (n, pair) in pcm.chunks_exact(CHANNELS).enumerate() {
            let time = packet.time + n as u64;
            if between.contains(&(time / 48)) && pair[0].abs() > best.0 {
                best = (pair[0].abs(), time);
            }
        }
    }
    assert!(best.0 > 0.05, "nothing is heard: {best:?}");
    best.1 as f64 / 48.0
}

#[test]
fn a_click_stays_where_it_was() {
    for (rate, channels) in [
        (48_000, 2),
        (44_100, 2),
        (44_100, 1),
        (96_000, 2),
        (32_000, 2),
        (22_050, 1),
        (11_025, 1),
        (8_000, 1),
    ] {
        let units = clicks(rate, channels, 3_000, &[500, 2_500]);
        let packets = converted(&units);
        for (at, between) in [(500.5, 0..1_500), (2_500.5, 1_500..3_000)] {
            let heard = loudest(&packets, between);
            // A coarse sample cannot say it better.
            let exact = if rate >= 44_100 { 5.0 } else { 10.0 };
            assert!(
                (heard - at).abs() < exact,
                "{rate} Hz: {at} ms is heard at {heard} ms"
            );
        }
    }
}

#[test]
fn packets_follow_each_other() {
    let packets = converted(&clicks(44_100, 2, 2_000, &[]));
    assert!(packets.len() > 90, "{} packets", packets.len());
    for pair in packets.windows(2) {
        assert_eq!(pair[1].time - pair[0].time, PACKET as u64);
    }
}

#[test]
fn gaps_are_silence_and_long_ones_jumps() {
    for (rate, lost_ms) in [(48_000, 22), (44_100, 24), (44_100, 300), (48_000, 5_000)] {
        let mut units = clicks(rate, 2, 8_000, &[500, 7_500]);
        units.retain(|unit| !(1_000..1_000 + lost_ms).contains(&unit.time_ms));
        let packets = converted(&units);
        for (at, between) in [(500.5, 0..1_500), (7_500.5, 6_500..8_000)] {
            let heard = loudest(&packets, between);
            assert!(
                (heard - at).abs() < 10.0,
                "{rate} Hz without {lost_ms} ms: {at} ms is heard at {heard} ms"
            );
        }
        let gaps = packets
            .windows(2)
            .filter(|pair| pair[1].time - pair[0].time > PACKET as u64)
            .count();
        assert_eq!(gaps, usize::from(lost_ms > 1_000));
    }
}

#[test]
fn what_is_not_aac_is_silence() {
    let mut units = clicks(48_000, 2, 3_000, &[2_500]);
    for (n, unit) in units.iter_mut().enumerate().take(60) {
        match n % 4 {
            0 => unit.data = Bytes::from(vec![n as u8; 700]),
            1 => unit.data = unit.data.slice(..unit.data.len() / 2),
            2 => unit.data = Bytes::from(vec![0xff; 100_000]),
            _ => {}
        }
    }
    let heard = loudest(&converted(&units), 2_000..3_000);
    assert!((heard - 2_500.5).abs() < 10.0, "heard at {heard} ms");
}

#[test]
fn another_configuration_goes_on() {
    let mut units = clicks(48_000, 2, 2_000, &[500]);
    let shift = |mut unit: Sound| {
        unit.time_ms += 2_000;
        unit
    };
    units.extend(clicks(44_100, 1, 2_000, &[500]).into_iter().map(shift));
    let packets = converted(&units);
    for (at, between) in [(500.5, 0..1_500), (2_500.5, 2_200..3_500)] {
        let heard = loudest(&packets, between);
        assert!((heard - at).abs() < 10.0, "{at} ms is heard at {heard} ms");
    }
}

#[test]
fn what_cannot_be_set_up_is_an_error() {
    let mut sound = clicks(48_000, 2, 100, &[]).remove(0);
    sound.config = Arc::new(AacConfig {
        specific: Bytes::from_static(&[0xff, 0xff, 0xff]),
        ..(*sound.config).clone()
    });
    assert!(Opus::new().unwrap().push(&sound).is_err());
}

#[test]
fn a_time_beyond_all_streams_is_counted_on_from() {
    let mut units = clicks(48_000, 2, 400, &[]);
    for unit in &mut units {
        unit.time_ms += u64::MAX - 400;
    }
    let packets = converted(&units);
    assert!(packets.windows(2).all(|pair| pair[0].time < pair[1].time));
}
