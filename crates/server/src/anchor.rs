//! The anchor file: what [`busk_ledger::seal::anchor`] says of the seals, kept outside the database and on the disk
//! before anything else is told of a seal.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

use busk_ledger::seal::Seal;
use busk_ledger::seal::anchor::{Torn, line, mend};

const FILE: &str = "seals";

#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    #[error("the anchor file cannot be written: {0}")]
    File(#[from] io::Error),
    #[error(transparent)]
    Torn(#[from] Torn),
}

/// The anchor's text; empty when there is no such file.
pub fn text(folder: &Path) -> io::Result<String> {
    match std::fs::read(folder.join(FILE)) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// Adds the line of the last seal, if it is missing; anything else that is wrong is refused, and left as it is.
pub fn write(folder: &Path, seals: &[Seal]) -> Result<(), AnchorError> {
    if seals.is_empty() && !folder.join(FILE).exists() {
        return Ok(());
    }
    let mut file = open(folder)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let Some((whole, line)) = mend(seals, &String::from_utf8_lossy(&bytes))? else {
        return Ok(());
    };
    // A line that was begun and not ended is a part of this one.
    file.set_len(whole as u64)?;
    file.seek(SeekFrom::End(0))?;
    file.write_all(line.as_bytes())?;
    file.sync_all()?;
    Ok(File::open(folder)?.sync_all()?)
}

/// Writes the whole anchor anew from the table, after its loss: what it witnessed is then witnessed no more. A file
/// that is there is kept beside it.
pub fn renew(folder: &Path, seals: &[Seal]) -> Result<(), AnchorError> {
    let path = folder.join(FILE);
    if path.exists() {
        std::fs::rename(&path, folder.join(format!("{FILE}.before")))?;
    }
    let mut file = open(folder)?;
    for seal in seals {
        writeln!(file, "{}", line(seal))?;
    }
    file.sync_all()?;
    Ok(File::open(folder)?.sync_all()?)
}

/// Opens the file for this process alone, until it is dropped.
fn open(folder: &Path) -> io::Result<File> {
    std::fs::create_dir_all(folder)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = options.open(folder.join(FILE))?;
    file.lock()?;
    Ok(file)
}
