//! Boxes (ISO/IEC 14496-12, -14, -15): what comes before the segments, and fragments of samples.

use bytes::{BufMut, Bytes, BytesMut};
use mp4_atom::*;

use crate::AudioConfig;
use crate::pictures::Parameters;

/// The only track of each file.
const TRACK: u32 = 1;
pub(crate) const VIDEO_SCALE: u32 = 90_000;
/// Sample flags (ISO/IEC 14496-12 §8.8.3.1): depends on no other; depends on others and is no sync sample.
const SYNC: u32 = 0x0200_0000;
const NOT_SYNC: u32 = 0x0101_0000;

/// A picture or an access unit of sound, ready to be stored.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) duration: u32,
    pub(crate) cts: i32,
    pub(crate) sync: bool,
    pub(crate) data: Bytes,
}

pub(crate) fn video_init(parameters: &Parameters) -> mp4_atom::Result<Bytes> {
    let avc1 = Avc1 {
        visual: Visual {
            data_reference_index: 1,
            width: parameters.width,
            height: parameters.height,
            ..Visual::default()
        },
        avcc: Avcc {
            length_size: 4,
            ..Avcc::new(&parameters.sps, &parameters.pps)?
        },
        btrt: None,
        colr: None,
        pasp: None,
        taic: None,
        fiel: None,
        spatial: None,
    };
    let media = Media {
        scale: VIDEO_SCALE,
        handler: b"vide",
        codec: Codec::Avc1(avc1),
        size: (parameters.width, parameters.height),
    };
    init(media)
}

pub(crate) fn audio_init(config: &AudioConfig) -> mp4_atom::Result<Bytes> {
    let specific = |place: usize| config.specific.get(place).copied().unwrap_or(0);
    let mp4a = Mp4a {
        audio: Audio {
            data_reference_index: 1,
            channel_count: u16::from(config.channels),
            sample_size: 16,
            sample_rate: u16::try_from(config.sample_rate).unwrap_or(0).into(),
        },
        esds: Esds {
            es_desc: esds::EsDescriptor {
                es_id: 1,
                dec_config: esds::DecoderConfig {
                    object_type_indication: 0x40,
                    stream_type: 5,
                    up_stream: 0,
                    dec_specific: Some(esds::DecoderSpecific {
                        profile: specific(0) >> 3,
                        freq_index: (specific(0) & 7) << 1 | specific(1) >> 7,
                        chan_conf: specific(1) >> 3 & 0xf,
                        raw: config.specific.to_vec(),
                    }),
                    ..esds::DecoderConfig::default()
                },
                sl_config: esds::SLConfig::default(),
                ..esds::EsDescriptor::default()
            },
        },
        btrt: None,
        taic: None,
    };
    let media = Media {
        scale: config.sample_rate,
        handler: b"soun",
        codec: Codec::Mp4a(mp4a),
        size: (0, 0),
    };
    init(media)
}

struct Media {
    scale: u32,
    handler: &'static [u8; 4],
    codec: Codec,
    size: (u16, u16),
}

fn init(media: Media) -> mp4_atom::Result<Bytes> {
    let sound = media.handler == b"soun";
    let minf = Minf {
        vmhd: (!sound).then(Vmhd::default),
        smhd: sound.then(Smhd::default),
        dinf: Dinf {
            dref: Dref {
                entries: vec![DrefEntry::Url(Url::default())],
            },
        },
        stbl: Stbl {
            stsd: Stsd {
                codecs: vec![media.codec],
            },
            stco: Some(Stco::default()),
            ..Stbl::default()
        },
        ..Minf::default()
    };
    let trak = Trak {
        tkhd: Tkhd {
            track_id: TRACK,
            enabled: true,
            in_movie: true,
            volume: u8::from(sound).into(),
            width: media.size.0.into(),
            height: media.size.1.into(),
            ..Tkhd::default()
        },
        mdia: Mdia {
            mdhd: Mdhd {
                timescale: media.scale,
                language: "und".into(),
                ..Mdhd::default()
            },
            hdlr: Hdlr {
                handler: FourCC::new(media.handler),
                name: String::new(),
            },
            minf,
        },
        ..Trak::default()
    };
    let moov = Moov {
        mvhd: Mvhd {
            timescale: media.scale,
            rate: 1.into(),
            volume: 1.into(),
            next_track_id: TRACK + 1,
            ..Mvhd::default()
        },
        mvex: Some(Mvex {
            mehd: None,
            trex: vec![Trex {
                track_id: TRACK,
                default_sample_description_index: 1,
                ..Trex::default()
            }],
        }),
        trak: vec![trak],
        ..Moov::default()
    };
    let ftyp = Ftyp {
        major_brand: b"iso6".into(),
        minor_version: 0,
        compatible_brands: vec![b"iso6".into(), b"cmfc".into(), b"mp41".into()],
    };
    let mut out = BytesMut::new();
    ftyp.encode(&mut out)?;
    moov.encode(&mut out)?;
    Ok(out.freeze())
}

/// One `moof` with its `mdat`; also gives where its first sample ends.
pub(crate) fn fragment(number: u32, start: u64, samples: &[Sample]) -> mp4_atom::Result<(Bytes, usize)> {
    // The run says where its data begin, from the start of the box that it is in: known when it is written.
    let mut head = BytesMut::new();
    moof(number, start, samples, 0).encode(&mut head)?;
    let data_at = head.len() + 8;
    head.clear();
    moof(number, start, samples, data_at as i32).encode(&mut head)?;
    let size: usize = samples.iter().map(|sample| sample.data.len()).sum();
    head.reserve(size + 8);
    head.put_u32(size as u32 + 8);
    head.put_slice(b"mdat");
    for sample in samples {
        head.put_slice(&sample.data);
    }
    let first = samples.first().map_or(0, |sample| sample.data.len());
    Ok((head.freeze(), data_at + first))
}

fn moof(number: u32, start: u64, samples: &[Sample], data_at: i32) -> Moof {
    let entry = |sample: &Sample| TrunEntry {
        duration: Some(sample.duration),
        size: Some(sample.data.len() as u32),
        flags: Some(if sample.sync { SYNC } else { NOT_SYNC }),
        cts: (sample.cts != 0).then_some(i64::from(sample.cts)),
    };
    let run = Trun {
        data_offset: Some(data_at),
        samples: TrunSamples::Explicit(samples.iter().map(entry).collect()),
    };
    Moof {
        mfhd: Mfhd {
            sequence_number: number,
        },
        traf: vec![Traf {
            tfhd: Tfhd {
                track_id: TRACK,
                default_base_is_moof: true,
                ..Tfhd::default()
            },
            tfdt: Some(Tfdt {
                base_media_decode_time: start,
            }),
            trun: vec![run],
            ..Traf::default()
        }],
    }
}
