//! Power cuts, replayed. SIGKILL cannot show that a sync is missing: what a process wrote is safe with the system. So
//! a process is recorded, by `strace`, while it writes files and says what is done, and its folder is then made as a
//! disk may have it after a cut at any moment.
//!
//! What a disk may do, as pessimistically as files are specified: of what was written to a file since its last sync,
//! any sector may be there and any other not, in any order; a file's name is there for good (or gone for good) once
//! its folder was synced. What was synced before the cut is there.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::chance::Chance;

/// A process that only writes to files and its output, as far as the disk is concerned.
pub struct Recording(Vec<Event>);

enum Event {
    /// The file is there; empty when it was not.
    Opened {
        file: String,
    },
    Written {
        file: String,
        change: Change,
    },
    /// Everything of the file that came before the event of that number is on the disk.
    Synced {
        file: String,
        before: usize,
    },
    FolderSynced,
    Removed {
        file: String,
    },
    /// A line of its output.
    Said(String),
}

#[derive(Clone)]
enum Change {
    Bytes { at: usize, bytes: Vec<u8> },
    Length(usize),
}

/// What a cut leaves of the changes that were not synced.
#[derive(Clone, Copy, Debug)]
enum Left {
    Nothing,
    Everything,
    /// Up to some sector.
    Beginning,
    /// Each sector with this chance out of ten.
    Some {
        of_ten: usize,
    },
}

/// The words that record whatever follows them.
pub fn recorder(trace: &Path) -> Vec<String> {
    let calls = "trace=openat,pwrite64,write,ftruncate,fdatasync,fsync,unlink";
    let trace = trace.display().to_string();
    // -y names the file of each descriptor, -xx spells all bytes in hexadecimal.
    let words = [
        "strace",
        "--seccomp-bpf",
        "-f",
        "-y",
        "-xx",
        "-s",
        "1048576",
        "-e",
        calls,
        "-o",
        &trace,
    ];
    words.map(str::to_owned).into()
}

impl Recording {
    /// Runs the command, whose words begin with those of [`recorder`], and reads what it did in `folder`.
    pub fn of(mut command: Command, trace: &Path, folder: &Path) -> Self {
        let done = command
            .output()
            .expect("strace starts: `cargo xtask test` installs it");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(
            done.status.success(),
            "{}\n{said}",
            String::from_utf8_lossy(&done.stdout)
        );
        let trace = std::fs::read_to_string(trace).expect("strace writes its trace");
        let folder = folder.canonicalize().expect("the folder is there");
        Self::read(&trace, &folder.display().to_string())
    }

    fn read(trace: &str, folder: &str) -> Self {
        let mut events = Vec::new();
        // Calls that had begun when another thread's came between: where, and their first part.
        let mut begun: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
        for line in trace.lines() {
            let Some((thread, call)) = line.split_once(' ') else {
                continue;
            };
            let call = call.trim_start();
            if let Some(call) = call.strip_suffix(" <unfinished ...>") {
                // What is written may be on the disk from now on; what is synced is so at its end.
                if is_sync(call) {
                    begun.insert(thread, (events.len(), call));
                } else {
                    events.extend(Event::read(call, events.len(), folder));
                }
            } else if call.starts_with("<... ") {
                if let Some((before, call)) = begun.remove(thread) {
                    events.extend(Event::read(call, before, folder));
                }
            } else if !call.contains(" = -1 E") {
                events.extend(Event::read(call, events.len(), folder));
            }
        }
        Self(events)
    }

    /// Moments at which the power may go, from when the process had said `begun`.
    pub fn moments(&self, begun: &str) -> std::ops::Range<usize> {
        let begun = self
            .0
            .iter()
            .position(|event| matches!(event, Event::Said(line) if line == begun));
        begun.expect("it said that it has begun") + 1..self.0.len() + 1
    }

    /// How often a file was synced since it had said `begun`.
    pub fn syncs(&self, file: &str, begun: &str) -> usize {
        let since = &self.0[self.moments(begun).start..];
        let synced = |event: &&Event| matches!(event, Event::Synced { file: synced, .. } if synced == file);
        since.iter().filter(synced).count()
    }

    /// What it had said when the power went, after this word.
    pub fn said_before<'a>(&'a self, moment: usize, word: &'a str) -> impl Iterator<Item = &'a str> {
        self.0[..moment].iter().filter_map(move |event| match event {
            Event::Said(line) => line.strip_prefix(word),
            _ => None,
        })
    }

    /// Makes the folder as it may be when the power went at this moment; says how.
    pub fn cut(&self, moment: usize, chance: &mut Chance, folder: &Path) -> String {
        let mut disk = Disk::default();
        for (number, event) in self.0[..moment].iter().enumerate() {
            disk.take(number, event);
        }
        disk.write(chance, folder)
    }
}

fn is_sync(call: &str) -> bool {
    call.starts_with("fdatasync(") || call.starts_with("fsync(")
}

impl Event {
    /// Reads a call as strace writes it; nothing of what is about other files.
    fn read(call: &str, before: usize, folder: &str) -> Option<Self> {
        let (name, rest) = call.split_once('(')?;
        let within = |path: &str| path.strip_prefix(folder)?.strip_prefix('/').map(str::to_owned);
        match name {
            "openat" => {
                let file = within(&path(rest.split('"').nth(1)?)?)?;
                rest.contains("O_CREAT").then_some(Event::Opened { file })
            }
            "unlink" => Some(Event::Removed {
                file: within(&path(rest.split('"').nth(1)?)?)?,
            }),
            "write" if rest.starts_with("1<") => {
                let said = String::from_utf8(bytes(rest.split('"').nth(1)?)?).ok()?;
                Some(Event::Said(said.trim_end().to_owned()))
            }
            "pwrite64" | "ftruncate" | "fdatasync" | "fsync" => {
                let named = path(rest.split_once('<')?.1.split_once('>')?.0)?;
                if is_sync(call) && named == folder {
                    return Some(Event::FolderSynced);
                }
                let file = within(&named)?;
                if is_sync(call) {
                    return Some(Event::Synced { file, before });
                }
                let numbers = rest.rsplit_once(')').map_or(rest, |(numbers, _)| numbers);
                let at = numbers.rsplit(", ").next()?.trim().parse().ok()?;
                let change = match name {
                    "ftruncate" => Change::Length(at),
                    _ => Change::Bytes {
                        at,
                        bytes: bytes(rest.split('"').nth(1)?)?,
                    },
                };
                Some(Event::Written { file, change })
            }
            _ => None,
        }
    }
}

fn path(spelled: &str) -> Option<String> {
    String::from_utf8(bytes(spelled)?).ok()
}

/// Reads `\x2f\x74`.
fn bytes(spelled: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    let spelled = spelled.as_bytes().chunks(4);
    spelled
        .map(|four| Some(digit(*four.get(2)?)? << 4 | digit(*four.get(3)?)?))
        .collect()
}

#[derive(Default)]
struct Disk(BTreeMap<String, File>);

#[derive(Default)]
struct File {
    synced: Vec<u8>,
    /// With the number of the event.
    since: Vec<(usize, Change)>,
    /// Whether its name is on the disk, and whether it was removed since.
    named: bool,
    removed: bool,
}

impl Disk {
    fn take(&mut self, number: usize, event: &Event) {
        match event {
            Event::Opened { file } => {
                let known = self.0.entry(file.clone()).or_default();
                if std::mem::take(&mut known.removed) {
                    *known = File::default();
                }
            }
            Event::Written { file, change } => {
                self.0
                    .entry(file.clone())
                    .or_default()
                    .since
                    .push((number, change.clone()));
            }
            Event::Synced { file, before } => {
                let file = self.0.entry(file.clone()).or_default();
                let later = file.since.iter().position(|(number, _)| number >= before);
                for (_, change) in file.since.drain(..later.unwrap_or(file.since.len())) {
                    change.apply(&mut file.synced);
                }
            }
            Event::FolderSynced => {
                self.0.retain(|_, file| !file.removed);
                self.0.values_mut().for_each(|file| file.named = true);
            }
            Event::Removed { file } => {
                if let Some(file) = self.0.get_mut(file) {
                    file.removed = true;
                }
            }
            Event::Said(_) => {}
        }
    }

    fn write(self, chance: &mut Chance, folder: &Path) -> String {
        let sector = [512, 4_096][chance.below(2)];
        let mut how = format!("sectors of {sector} B");
        for (name, file) in self.0 {
            // Memory shared between processes; a start makes it anew.
            let shared = name.ends_with("-shm");
            let gone = (!file.named || file.removed) && chance.below(2) == 0;
            if shared || gone {
                continue;
            }
            let left = [
                Left::Nothing,
                Left::Everything,
                Left::Beginning,
                Left::Some {
                    of_ten: 1 + chance.below(9),
                },
            ][chance.below(4)];
            how.push_str(&format!("; of {} changes of {name}: {left:?}", file.since.len()));
            std::fs::write(folder.join(&name), file.after(left, sector, chance))
                .expect("a file can be written");
        }
        how
    }
}

impl File {
    fn after(self, left: Left, sector: usize, chance: &mut Chance) -> Vec<u8> {
        let mut content = self.synced;
        let pieces: Vec<Change> = self
            .since
            .iter()
            .flat_map(|(_, change)| change.pieces(sector))
            .collect();
        let end = chance.below(pieces.len() + 1);
        for (number, piece) in pieces.iter().enumerate() {
            let there = match left {
                Left::Nothing => false,
                Left::Everything => true,
                Left::Beginning => number < end,
                Left::Some { of_ten } => chance.below(10) < of_ten,
            };
            if there {
                piece.apply(&mut content);
            }
        }
        content
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Change::Length(length) => content.resize(*length, 0),
            Change::Bytes { at, bytes } => {
                let end = at + bytes.len();
                content.resize(content.len().max(end), 0);
                content[*at..end].copy_from_slice(bytes);
            }
        }
    }

    /// Cut where sectors end: each reaches the disk or does not.
    fn pieces(&self, sector: usize) -> Vec<Change> {
        let Change::Bytes { at, bytes } = self else {
            return vec![self.clone()];
        };
        let (mut pieces, mut from) = (Vec::new(), 0);
        while from < bytes.len() {
            let to = ((at + from) / sector * sector + sector - at).min(bytes.len());
            pieces.push(Change::Bytes {
                at: at + from,
                bytes: bytes[from..to].to_vec(),
            });
            from = to;
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = r#"7 openat(AT_FDCWD<\x2f>, "\x2f\x64\x2f\x61", O_RDWR|O_CREAT, 0644) = 3<\x2f\x64\x2f\x61>
7 pwrite64(3<\x2f\x64\x2f\x61>, "\x31\x32", 2, 511) = 2
7 fdatasync(3<\x2f\x64\x2f\x61> <unfinished ...>
8 pwrite64(3<\x2f\x64\x2f\x61>, "\x33", 1, 0 <unfinished ...>
7 <... fdatasync resumed>) = 0
8 <... pwrite64 resumed>) = 1
7 write(1<\x70\x69\x70\x65>, "\x6f\x6b\x20\x31\x0a", 5) = 5
7 fdatasync(4<\x2f\x64>) = 0
7 unlink("\x2f\x64\x2f\x62") = -1 ENOENT (No such file or directory)
"#;

    #[test]
    fn a_trace_is_read_and_what_was_synced_stays() {
        let recording = Recording::read(TRACE, "/d");
        assert_eq!(recording.0.len(), 6, "one call failed");
        assert_eq!(recording.moments("ok 1"), 5..7);
        assert_eq!(recording.said_before(6, "ok ").collect::<Vec<_>>(), ["1"]);
        assert_eq!(recording.said_before(4, "ok ").count(), 0);
        let (folder, mut chance) = (tempfile::tempdir().expect("a folder"), Chance::new());
        let (mut first, mut crossed) = ([false; 2], [false; 2]);
        for _ in 0..1_000 {
            recording.cut(6, &mut chance, folder.path());
            let content = std::fs::read(folder.path().join("a")).expect("its name was synced");
            assert_eq!(content[511..], *b"12", "synced before the other began");
            first[usize::from(content[0] == b'3')] = true;
            // Before the sync a write over two sectors may be there by half.
            std::fs::remove_file(folder.path().join("a")).expect("it is there");
            recording.cut(2, &mut chance, folder.path());
            if let Ok(content) = std::fs::read(folder.path().join("a")) {
                crossed[0] |= content.len() == 512 && content[511] == b'1';
                crossed[1] |= content.len() == 513 && content[511] == 0;
            }
        }
        assert_eq!((first, crossed), ([true; 2], [true; 2]));
    }
}
