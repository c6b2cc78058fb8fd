//! A recording, or a stretch of it, as one MP4 (ISO/IEC 14496-12, -14, -15): `ftyp`, `moov`, `mdat`, so that it
//! plays while it is downloaded.

use std::time::Duration;

use busk_base::Timestamp;
use bytes::{BufMut, Bytes, BytesMut};
use mp4_atom::{
    Co64, Codec, Ctts, CttsEntry, Dinf, Dref, DrefEntry, Edts, Elst, ElstEntry, Encode, FourCC, Ftyp, Hdlr,
    Mdhd, Mdia, Minf, Moov, Mvhd, Smhd, Stbl, Stco, Stsc, StscEntry, Stsd, Stss, Stsz, StszSamples, Stts,
    SttsEntry, Tkhd, Trak, Url, Vmhd,
};

use crate::cut::{self, Chunk, Cut};
use crate::plan::Plan;
use crate::recording::{self, Recording, picture_size};

/// The longest stretch that is cut out.
pub const CLIP_MAX: Duration = Duration::from_secs(600);
/// Seconds from 1904, where the format's clock begins, to 1970.
const EPOCH_1904: i64 = 2_082_844_800;

/// Why there is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClipError {
    #[error("there is nothing of the recording between these moments")]
    Empty,
    #[error("a clip is at most {} minutes long", CLIP_MAX.as_secs() / 60)]
    TooLong,
    #[error("the recording is too long for one file")]
    TooLarge,
}

impl Recording {
    /// All of it.
    pub fn mp4(&self) -> Result<Plan, ClipError> {
        self.file(0, self.length())
    }

    /// From the keyframe at or before `from` to the picture that is shown at `to`, counted from the beginning.
    pub fn clip(&self, from: Duration, to: Duration) -> Result<Plan, ClipError> {
        if to.saturating_sub(from) > CLIP_MAX {
            return Err(ClipError::TooLong);
        }
        // A picture that ends within the same microsecond is not another.
        let ticks =
            |time: Duration| (time.as_micros() * u128::from(self.video.scale)).div_ceil(1_000_000) as u64;
        let (from, to) = (ticks(from), ticks(to).min(self.length()));
        self.file(from, to)
    }

    fn file(&self, from: u64, to: u64) -> Result<Plan, ClipError> {
        if from >= to {
            return Err(ClipError::Empty);
        }
        let (picture, begin, end) = cut::picture(self, from, to);
        let sound = cut::sound(self, begin, end);
        let lasts = self.video.time(end - begin).as_millis() as u64;
        let created = self.wall_at(self.video.time(begin)).map_or(0, creation_time);
        let file = File {
            lasts,
            created,
            tracks: [(&self.video, picture), (&self.audio, sound)],
        };
        file.plan().map_err(|_| ClipError::TooLarge)
    }
}

fn creation_time(wall: Timestamp) -> u64 {
    u64::try_from(wall.unix_s() + EPOCH_1904).unwrap_or(0)
}

/// `mvhd` counts in milliseconds.
const MOVIE_SCALE: u32 = 1_000;

struct File<'a> {
    lasts: u64,
    created: u64,
    tracks: [(&'a recording::Track, Cut); 2],
}

impl File<'_> {
    fn plan(&self) -> mp4_atom::Result<Plan> {
        let order = self.order();
        let chunk = |(track, place): (usize, usize)| &self.tracks[track].1.chunks[place];
        let length = |chunk: &Chunk| chunk.pieces.iter().map(recording::Piece::length).sum::<u64>();
        let media: u64 = order.iter().map(|at| length(chunk(*at))).sum();
        // Offsets are as long whatever they say, so the first writing shows how long the second will be.
        let mut offsets = self.tracks.each_ref().map(|(_, cut)| vec![0; cut.chunks.len()]);
        let small = self.head(&offsets, false, media)?;
        let large = small.len() as u64 + media + 16 > u64::from(u32::MAX);
        let mut at = self.head(&offsets, large, media)?.len() as u64;
        for (track, place) in &order {
            offsets[*track][*place] = at;
            at += length(chunk((*track, *place)));
        }
        let mut plan = Plan::begin(self.head(&offsets, large, media)?);
        for at in order {
            for piece in &chunk(at).pieces {
                plan.push(piece.clone());
            }
        }
        Ok(plan)
    }

    /// Track and place of each chunk, as they stand in the file: by time.
    fn order(&self) -> Vec<(usize, usize)> {
        let time = |(track, place): (usize, usize)| {
            let (of, cut) = &self.tracks[track];
            (of.time(cut.chunks[place].at), track)
        };
        let tracks = self.tracks.iter().enumerate();
        let mut order: Vec<(usize, usize)> = tracks
            .flat_map(|(track, (_, cut))| (0..cut.chunks.len()).map(move |place| (track, place)))
            .collect();
        order.sort_by_key(|at| time(*at));
        order
    }

    /// Everything before the media.
    fn head(&self, offsets: &[Vec<u64>; 2], large: bool, media: u64) -> mp4_atom::Result<Bytes> {
        let ftyp = Ftyp {
            major_brand: b"isom".into(),
            minor_version: 512,
            compatible_brands: vec![b"isom".into(), b"iso2".into(), b"avc1".into(), b"mp41".into()],
        };
        let mut trak = Vec::new();
        for (id, ((track, cut), offsets)) in (1..).zip(self.tracks.iter().zip(offsets)) {
            if !cut.chunks.is_empty() {
                trak.push(self.trak(id, track, cut, offsets, large)?);
            }
        }
        let moov = Moov {
            mvhd: Mvhd {
                creation_time: self.created,
                modification_time: self.created,
                timescale: MOVIE_SCALE,
                duration: self.lasts,
                rate: 1.into(),
                volume: 1.into(),
                next_track_id: 3,
                ..Mvhd::default()
            },
            trak,
            ..Moov::default()
        };
        let mut out = BytesMut::new();
        ftyp.encode(&mut out)?;
        moov.encode(&mut out)?;
        if large {
            out.put_slice(b"\0\0\0\x01mdat");
            out.put_u64(media + 16);
        } else {
            out.put_u32(media as u32 + 8);
            out.put_slice(b"mdat");
        }
        Ok(out.freeze())
    }

    fn trak(
        &self,
        id: u32,
        track: &recording::Track,
        cut: &Cut,
        offsets: &[u64],
        large: bool,
    ) -> mp4_atom::Result<Trak> {
        let sound = track.medium == busk_hls::Medium::Audio;
        let sizes = track.inits.iter().map(|init| picture_size(&init.codec));
        let (width, height) = sizes
            .max_by_key(|(w, h)| u32::from(*w) * u32::from(*h))
            .unwrap_or_default();
        let shown = track.time(cut.length - cut.skipped).as_millis() as u64;
        let edit = ElstEntry {
            segment_duration: shown,
            media_time: Some(cut.skipped),
            media_rate: 1.into(),
        };
        let minf = Minf {
            vmhd: (!sound).then(Vmhd::default),
            smhd: sound.then(Smhd::default),
            dinf: Dinf {
                dref: Dref {
                    entries: vec![DrefEntry::Url(Url::default())],
                },
            },
            stbl: samples(track, cut, offsets, large),
            ..Minf::default()
        };
        Ok(Trak {
            tkhd: Tkhd {
                creation_time: self.created,
                modification_time: self.created,
                track_id: id,
                duration: shown,
                enabled: true,
                in_movie: true,
                volume: u8::from(sound).into(),
                width: width.into(),
                height: height.into(),
                ..Tkhd::default()
            },
            edts: (cut.skipped > 0).then_some(Edts {
                elst: Some(Elst { entries: vec![edit] }),
            }),
            mdia: Mdia {
                mdhd: Mdhd {
                    creation_time: self.created,
                    modification_time: self.created,
                    timescale: track.scale as u32,
                    duration: cut.length,
                    language: "und".into(),
                },
                hdlr: Hdlr {
                    handler: FourCC::new(if sound { b"soun" } else { b"vide" }),
                    name: String::new(),
                },
                minf,
            },
            ..Trak::default()
        })
    }
}

/// The sample table (ISO/IEC 14496-12 §8.5).
fn samples(track: &recording::Track, cut: &Cut, offsets: &[u64], large: bool) -> Stbl {
    let mut codecs: Vec<Codec> = Vec::new();
    let mut stsc: Vec<StscEntry> = Vec::new();
    for (number, chunk) in (1..).zip(&cut.chunks) {
        let init = track.inits.iter().find(|init| init.number == chunk.init);
        let Some(codec) = init.or(track.inits.first()).map(|init| &init.codec) else {
            continue;
        };
        let known = codecs.iter().position(|known| known == codec);
        let description = known.unwrap_or(codecs.len());
        if known.is_none() {
            codecs.push(codec.clone());
        }
        let entry = StscEntry {
            first_chunk: number,
            samples_per_chunk: chunk.samples.len() as u32,
            sample_description_index: description as u32 + 1,
        };
        let same = |last: &StscEntry| {
            (last.samples_per_chunk, last.sample_description_index)
                == (entry.samples_per_chunk, entry.sample_description_index)
        };
        if !stsc.last().is_some_and(same) {
            stsc.push(entry);
        }
    }
    let samples = || cut.chunks.iter().flat_map(|chunk| &chunk.samples);
    let mut stts: Vec<SttsEntry> = Vec::new();
    let mut ctts: Vec<CttsEntry> = Vec::new();
    for sample in samples() {
        match stts
            .last_mut()
            .filter(|last| last.sample_delta == sample.duration)
        {
            Some(last) => last.sample_count += 1,
            None => stts.push(SttsEntry {
                sample_count: 1,
                sample_delta: sample.duration,
            }),
        }
        match ctts
            .last_mut()
            .filter(|last| last.sample_offset == i64::from(sample.cts))
        {
            Some(last) => last.sample_count += 1,
            None => ctts.push(CttsEntry {
                sample_count: 1,
                sample_offset: sample.cts.into(),
            }),
        }
    }
    let reordered = samples().any(|sample| sample.cts != 0);
    let all_sync = samples().all(|sample| sample.sync);
    let sync = (1..).zip(samples()).filter(|(_, sample)| sample.sync);
    Stbl {
        stsd: Stsd { codecs },
        stts: Stts { entries: stts },
        ctts: reordered.then_some(Ctts { entries: ctts }),
        stss: (!all_sync).then(|| Stss {
            entries: sync.map(|(number, _)| number).collect(),
        }),
        stsc: Stsc { entries: stsc },
        stsz: Stsz {
            samples: StszSamples::Different {
                sizes: samples().map(|sample| sample.size).collect(),
            },
        },
        stco: (!large).then(|| Stco {
            entries: offsets.iter().map(|offset| *offset as u32).collect(),
        }),
        co64: large.then(|| Co64 {
            entries: offsets.to_vec(),
        }),
        ..Stbl::default()
    }
}
