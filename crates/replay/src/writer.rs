//! The files of one recording while it is made.
//!
//! Invariant: the index names only what was written before it. A part is two writes and no sync: what a killed
//! program has written stays written. Files to be synced are handed out when a segment ends ([`Writer::unsynced`]),
//! so that a power cut costs a few seconds; after one the last segments are held against their checksums.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use busk_hls::{Finished, FinishedPart, Medium, ResourceName};
use bytes::Bytes;

use crate::contents::{Contents, Segment};
use crate::index::{MAGIC, Part, Record};

pub(crate) const INDEX: &str = "index";
/// Segments of each medium that a power cut may have damaged: what was written in the time of some syncs.
const DOUBTED: usize = 4;
/// Weeks of pictures and sound.
const INDEX_BYTES_MAX: u64 = 256 << 20;

/// Why a recording does not go on.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("cannot write to the recording's folder: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    NotAnIndex(#[from] crate::NotAnIndex),
    #[error("the recording has become too long")]
    TooLong,
}

pub(crate) struct Writer {
    folder: PathBuf,
    index: File,
    index_bytes: u64,
    inits: Vec<(Medium, u64)>,
    video: Lane,
    audio: Lane,
    /// Something is missing: nothing is written before the picture's next segment.
    lost: bool,
    /// What belongs to older segments than this does not follow on what was written.
    from: u64,
    /// Segments that have ended.
    unsynced: Vec<File>,
}

#[derive(Default)]
struct Lane {
    last: Option<u64>,
    open: Option<(u64, File)>,
}

impl Writer {
    /// Goes on with what is there, if anything is; what a crash left unfinished is cut off first.
    pub(crate) fn open(folder: &Path) -> Result<Self, WriteError> {
        fs::create_dir_all(folder)?;
        let path = folder.join(INDEX);
        let mut index = OpenOptions::new().create(true).append(true).open(&path)?;
        if index.metadata()?.len() > INDEX_BYTES_MAX {
            return Err(WriteError::TooLong);
        }
        let bytes = Bytes::from(fs::read(&path)?);
        let mut contents = Contents::read(&bytes)?;
        if let Some(keep) = first_damage(folder, &contents) {
            contents = Contents::read(&bytes.slice(..keep))?;
        }
        index.set_len(contents.length as u64)?;
        if contents.length == 0 {
            index.write_all(MAGIC)?;
        }
        let last = |lane: &[Segment]| lane.last().map(|segment| segment.msn);
        let lane = |segments: &[Segment]| Lane {
            last: last(segments),
            open: None,
        };
        let mut writer = Self {
            folder: folder.to_owned(),
            index,
            index_bytes: contents.length.max(MAGIC.len()) as u64,
            inits: contents
                .inits
                .iter()
                .map(|init| (init.medium, init.number))
                .collect(),
            video: lane(&contents.video),
            audio: lane(&contents.audio),
            lost: true,
            from: 0,
            // So that the names of files are kept too.
            unsynced: vec![File::open(folder)?],
        };
        for medium in [Medium::Video, Medium::Audio] {
            writer.end_torn(medium, contents.lane(medium).last())?;
        }
        Ok(writer)
    }

    /// A segment that the last run did not end.
    fn end_torn(&mut self, medium: Medium, segment: Option<&Segment>) -> Result<(), WriteError> {
        let Some(segment) = segment.filter(|segment| !segment.ended) else {
            return Ok(());
        };
        if !segment.parts.is_empty() {
            let path = self.path(medium, segment.msn);
            let file = OpenOptions::new().write(true).open(path)?;
            file.set_len(segment.length())?;
            self.unsynced.push(file);
        }
        self.write(&Record::End { medium })
    }

    pub(crate) fn take(&mut self, finished: &Finished) -> Result<(), WriteError> {
        match finished {
            Finished::Init {
                medium,
                number,
                bytes,
                silence,
            } if !self.inits.contains(&(*medium, *number)) => {
                self.inits.push((*medium, *number));
                self.write(&Record::Init {
                    medium: *medium,
                    number: *number,
                    bytes: bytes.clone(),
                    silence: silence.clone(),
                })
            }
            Finished::Init { .. } => Ok(()),
            Finished::Segment { .. } => self.begin(finished),
            Finished::Part { medium, msn, part } => self.part(*medium, *msn, part),
            Finished::End { medium, msn } => self.end(*medium, *msn),
        }
    }

    /// What comes does not follow on what came: the picture's next segment is a discontinuity.
    pub(crate) fn lost(&mut self) -> Result<(), WriteError> {
        self.lost = true;
        for medium in [Medium::Video, Medium::Audio] {
            if let Some((msn, _)) = self.lane(medium).open {
                self.end(medium, msn)?;
            }
        }
        Ok(())
    }

    /// Files to be synced, in this order, by somebody who has the time.
    pub(crate) fn unsynced(&mut self) -> io::Result<Vec<File>> {
        let mut files = std::mem::take(&mut self.unsynced);
        if !files.is_empty() {
            files.push(self.index.try_clone()?);
        }
        Ok(files)
    }

    pub(crate) fn finish(mut self) -> Result<(), WriteError> {
        self.lost()?;
        self.write(&Record::Over)?;
        self.unsynced()?.iter().try_for_each(File::sync_data)?;
        Ok(self.index.sync_all()?)
    }

    fn begin(&mut self, segment: &Finished) -> Result<(), WriteError> {
        let Finished::Segment {
            medium,
            msn,
            init,
            wall,
            mut discontinuity,
        } = *segment
        else {
            return Ok(());
        };
        // A number is never given to other media, and without its initialisation a segment is nothing.
        let again = self.lane(medium).last.is_some_and(|last| msn <= last);
        if again || !self.inits.contains(&(medium, init)) {
            return self.lost();
        }
        match medium {
            Medium::Video if self.lost => {
                (self.lost, self.from, discontinuity) = (false, msn, true);
            }
            Medium::Video => {}
            Medium::Audio if self.lost || msn < self.from => return Ok(()),
            Medium::Audio => {}
        }
        if let Some((open, _)) = self.lane(medium).open {
            self.end(medium, open)?;
        }
        self.write(&Record::Segment {
            medium,
            msn,
            init,
            wall,
            discontinuity,
        })?;
        let path = self.path(medium, msn);
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        // Of a run whose index has lost what it said of it.
        file.set_len(0)?;
        *self.lane(medium) = Lane {
            last: Some(msn),
            open: Some((msn, file)),
        };
        Ok(())
    }

    fn part(&mut self, medium: Medium, msn: u64, part: &FinishedPart) -> Result<(), WriteError> {
        let Some((_, file)) = self.lane(medium).open.as_mut().filter(|open| open.0 == msn) else {
            return Ok(());
        };
        file.write_all(&part.bytes)?;
        let part = Part::of(part);
        self.write(&Record::Part { medium, part })
    }

    fn end(&mut self, medium: Medium, msn: u64) -> Result<(), WriteError> {
        let Some((_, file)) = self.lane(medium).open.take_if(|open| open.0 == msn) else {
            return Ok(());
        };
        self.unsynced.push(file);
        self.write(&Record::End { medium })
    }

    fn write(&mut self, record: &Record) -> Result<(), WriteError> {
        let bytes = record.write();
        if self.index_bytes + bytes.len() as u64 > INDEX_BYTES_MAX {
            return Err(WriteError::TooLong);
        }
        self.index.write_all(&bytes)?;
        self.index_bytes += bytes.len() as u64;
        Ok(())
    }

    fn lane(&mut self, medium: Medium) -> &mut Lane {
        match medium {
            Medium::Video => &mut self.video,
            Medium::Audio => &mut self.audio,
        }
    }

    fn path(&self, medium: Medium, msn: u64) -> PathBuf {
        self.folder.join(ResourceName::Segment(medium, msn).to_string())
    }
}

/// After a power cut the index may say more than is there: the record of the first part, of those that may not
/// have been synced, that is not in its file as it should be.
fn first_damage(folder: &Path, contents: &Contents) -> Option<usize> {
    let doubted = [Medium::Video, Medium::Audio].into_iter().flat_map(|medium| {
        let last = contents.lane(medium).iter().rev().take(DOUBTED);
        last.map(move |segment| (ResourceName::Segment(medium, segment.msn), segment))
    });
    let damage = |(name, segment): (ResourceName, &Segment)| {
        let file = fs::read(folder.join(name.to_string())).unwrap_or_default();
        let mut at = 0;
        for (part, record_at) in segment.parts.iter().zip(&segment.part_records) {
            let bytes = file.get(at..).and_then(|rest| rest.get(..part.length as usize));
            if bytes.is_none_or(|bytes| crc32fast::hash(bytes) != part.crc) {
                return Some(*record_at);
            }
            at += part.length as usize;
        }
        None
    };
    doubted.filter_map(damage).min()
}
