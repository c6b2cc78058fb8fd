//! What was recorded here goes to S3, in the background and as often as it takes.
//!
//! Invariant: what is here is deleted only when the recording is over and S3 has said of each segment and then of
//! the index that it has them. The index there never names what is not there.

use std::collections::HashSet;
use std::io;
use std::time::Duration;

use busk_base::RoomId;
use busk_hls::{Medium, ResourceName};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;

use crate::archive::{Archive, ArchiveError, Remote};
use crate::contents::Contents;
use crate::recording::OpenError;
use crate::writer::INDEX;

/// Segments of one recording that are on their way, each in memory.
const UPLOADS_MAX: usize = 4;

/// What S3 has of a recording.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    segments: HashSet<ResourceName>,
    index_bytes: usize,
}

impl Archive {
    /// Uploads for ever, with a pause of `every` between rounds. What fails is tried again in the next.
    pub async fn upload_forever(self, every: Duration) {
        loop {
            if let Err(error) = self.upload().await {
                tracing::error!(%error, "recordings could not be uploaded");
            }
            tokio::time::sleep(every).await;
        }
    }

    /// Uploads what is here and not there. One recording's failure does not keep the others; the last is given.
    pub async fn upload(&self) -> Result<(), ArchiveError> {
        let Some(remote) = &self.remote else {
            return Ok(());
        };
        let mut failed = Ok(());
        let mut folders = tokio::fs::read_dir(&self.folder).await?;
        while let Some(folder) = folders.next_entry().await? {
            let room = folder.file_name().to_str().and_then(|name| name.parse().ok());
            let Some(room) = room else { continue };
            if let Err(error) = self.upload_recording(remote, room).await {
                tracing::warn!(%room, %error, "a recording could not be uploaded as far as it is");
                failed = Err(error);
            }
        }
        failed
    }

    async fn upload_recording(&self, remote: &Remote, room: RoomId) -> Result<(), ArchiveError> {
        let index = match self.file(room, INDEX).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let contents = Contents::read(&index).map_err(OpenError::from)?;
        let mut known = self.known(remote, room, &contents).await?;
        let ended = ended(&contents);
        let missing = ended
            .iter()
            .filter(|name| !known.segments.contains(name))
            .copied();
        let uploads = stream::iter(missing.collect::<Vec<_>>())
            .map(|name| self.upload_segment(remote, room, name))
            .buffer_unordered(UPLOADS_MAX);
        let (mut uploads, mut failed) = (uploads, None);
        while let Some(upload) = uploads.next().await {
            match upload {
                Ok(name) => drop(known.segments.insert(name)),
                Err(error) => failed = Some(error),
            }
        }
        drop(uploads);
        if let Some(error) = failed {
            self.known.lock().await.insert(room, known);
            return Err(error);
        }
        let over = contents.over && contents.settled == contents.length;
        let length = contents.settled;
        // In between, only when it has grown by an eighth: it is uploaded as a whole.
        if length > known.index_bytes && (over || length - known.index_bytes > known.index_bytes / 8) {
            let _not_removed = self.removing.read().await;
            if !self.folder.join(room.to_string()).exists() {
                return Ok(());
            }
            remote
                .store
                .put(&remote.key(room, INDEX), index.slice(..length).into())
                .await?;
            known.index_bytes = length;
        }
        let done = over && known.index_bytes == length;
        self.known.lock().await.insert(room, known);
        if done {
            self.drop_local(room).await?;
        }
        Ok(())
    }

    /// What S3 has, asked once a run: of objects whose size is what it should be.
    async fn known(&self, remote: &Remote, room: RoomId, contents: &Contents) -> Result<Known, ArchiveError> {
        if let Some(known) = self.known.lock().await.get(&room) {
            return Ok(known.clone());
        }
        let mut known = Known::default();
        let objects: Vec<_> = remote.list(Some(room)).try_collect().await?;
        let sizes: std::collections::HashMap<&str, u64> = objects
            .iter()
            .filter_map(|object| Some((object.location.filename()?, object.size)))
            .collect();
        for (medium, lane) in [(Medium::Video, &contents.video), (Medium::Audio, &contents.audio)] {
            for segment in lane {
                let name = ResourceName::Segment(medium, segment.msn);
                if sizes.get(name.to_string().as_str()) == Some(&segment.length()) {
                    known.segments.insert(name);
                }
            }
        }
        Ok(known)
    }

    async fn upload_segment(
        &self,
        remote: &Remote,
        room: RoomId,
        name: ResourceName,
    ) -> Result<ResourceName, ArchiveError> {
        let _not_removed = self.removing.read().await;
        let bytes = self.file(room, &name.to_string()).await?;
        remote
            .store
            .put(&remote.key(room, &name.to_string()), bytes.into())
            .await?;
        Ok(name)
    }

    async fn file(&self, room: RoomId, name: &str) -> io::Result<Bytes> {
        let path = self.folder.join(room.to_string()).join(name);
        tokio::fs::read(path).await.map(Bytes::from)
    }

    /// The index last: while it is here, a crash in between is gone on from.
    async fn drop_local(&self, room: RoomId) -> Result<(), ArchiveError> {
        let folder = self.folder.join(room.to_string());
        let mut files = tokio::fs::read_dir(&folder).await?;
        while let Some(file) = files.next_entry().await? {
            if file.file_name() != INDEX {
                tokio::fs::remove_file(file.path()).await?;
            }
        }
        tokio::fs::remove_file(folder.join(INDEX)).await?;
        tokio::fs::remove_dir(&folder).await?;
        self.known.lock().await.remove(&room);
        Ok(())
    }
}

fn ended(contents: &Contents) -> Vec<ResourceName> {
    let lanes = [(Medium::Video, &contents.video), (Medium::Audio, &contents.audio)];
    let names = lanes.into_iter().flat_map(|(medium, lane)| {
        let ended = lane.iter().filter(|segment| segment.ended);
        ended.map(move |segment| ResourceName::Segment(medium, segment.msn))
    });
    names.collect()
}
