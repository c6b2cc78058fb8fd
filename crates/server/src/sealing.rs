//! The key that seals what must not be read in the database: 32 random bytes in a file beside it.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use busk_api::Randomness;
use busk_rooms::restream::SealingKey;

const FILE: &str = "sealing.key";

/// Reads the folder's key; makes it when there is none yet.
pub fn key(folder: &Path, random: &Randomness) -> io::Result<SealingKey> {
    let path = folder.join(FILE);
    let about = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let bytes = match read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => make(folder, &path, random).map_err(about)?,
        read => read.map_err(about)?,
    };
    SealingKey::new(&bytes).ok_or_else(|| io::Error::other("the sealing key is none"))
}

fn read(path: &Path) -> io::Result<[u8; 32]> {
    let bytes = fs::read(path)?;
    if fs::metadata(path)?.mode() & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "others can read the sealing key: chmod 600 it");
    }
    let wrong = |_| io::Error::new(ErrorKind::InvalidData, "a sealing key has 32 bytes");
    bytes.try_into().map_err(wrong)
}

/// All of it is on the disk before it has its name, and who comes second takes the first one's.
fn make(folder: &Path, path: &Path, random: &Randomness) -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    random(&mut bytes);
    let unfinished = folder.join(format!("{FILE}.{}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    let named = fs::hard_link(&unfinished, path);
    fs::remove_file(&unfinished)?;
    match named {
        Ok(()) => {
            fs::File::open(folder)?.sync_all()?;
            Ok(bytes)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(path),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::randomness;

    #[test]
    fn it_is_made_once_and_for_nobody_else_to_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        key(folder.path(), &randomness()).unwrap();
        let made = fs::read(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        key(folder.path(), &randomness()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), made);
        assert!(made.len() == 32 && made != [0; 32]);
        // Nothing is left lying about.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

        fs::write(&path, "short").unwrap();
        assert!(key(folder.path(), &randomness()).is_err());
    }
}
