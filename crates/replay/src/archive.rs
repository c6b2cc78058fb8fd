//! Where recordings are: a folder of folders on this machine, and S3 where it is configured.
//!
//! A recording is always written here first. With S3, segments follow as they end, then the index up to them, and
//! when it is over and all of it is there, the copy here goes. Whoever reads takes what is here and else what is
//! there, under the same names.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use busk_base::RoomId;
use busk_hls::ResourceName;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig};
use tokio::sync::{Mutex, RwLock};

use crate::plan::Plan;
use crate::recording::{OpenError, Piece, Recording};
use crate::upload::Known;
use crate::writer::{INDEX, WriteError, Writer};

/// What a stream reads at once; ranges of the same object are one request.
const BATCH_BYTES: u64 = 4 << 20;
const BATCH_PIECES: usize = 64;

/// A viewer waits no longer for S3, and an upload is tried again with the next round.
const RETRY_MAX: Duration = Duration::from_secs(15);

/// S3, or what speaks like it.
#[derive(Clone)]
pub struct S3Config {
    /// Of a service that is not Amazon's (MinIO, Ceph, …), with its scheme.
    pub endpoint: Option<String>,
    pub region: String,
    pub bucket: String,
    /// What all keys begin with, without slashes around it; may be empty.
    pub prefix: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    /// The bucket is part of the path, not of the host's name.
    pub path_style: bool,
}

impl std::fmt::Debug for S3Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            endpoint,
            bucket,
            prefix,
            ..
        } = self;
        f.debug_struct("S3Config")
            .field("endpoint", endpoint)
            .field("bucket", bucket)
            .field("prefix", prefix)
            .finish_non_exhaustive()
    }
}

/// Why something of an archive cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("the store of recordings does not do it: {0}")]
    Store(#[from] object_store::Error),
    #[error("the folder of recordings does not do it: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// A recording in the list of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    pub room: RoomId,
    /// Here, and there.
    pub local_bytes: u64,
    pub remote_bytes: u64,
}

pub(crate) struct Remote {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) prefix: Key,
}

/// All recordings. A room that has ended does not come back: what would be recorded of it anew would hide what
/// S3 has.
#[derive(Clone)]
pub struct Archive {
    pub(crate) folder: PathBuf,
    pub(crate) local: Arc<LocalFileSystem>,
    pub(crate) remote: Option<Arc<Remote>>,
    /// What is known to be uploaded.
    pub(crate) known: Arc<Mutex<BTreeMap<RoomId, Known>>>,
    /// Uploads hold it to read and removals to write, so that nothing removed is uploaded again.
    pub(crate) removing: Arc<RwLock<()>>,
}

impl Archive {
    /// The folder is made where it is missing. S3 is not asked anything yet.
    pub fn new(folder: &Path, s3: Option<&S3Config>) -> Result<Self, ArchiveError> {
        std::fs::create_dir_all(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            local: Arc::new(LocalFileSystem::new_with_prefix(folder)?),
            remote: s3.map(remote).transpose()?.map(Arc::new),
            known: Arc::default(),
            removing: Arc::default(),
        })
    }

    /// Where [`crate::Recorders`] are to write.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub async fn open(&self, room: RoomId) -> Result<Recording, ArchiveError> {
        let name = Key::from_iter([room.to_string().as_str(), INDEX]);
        let index = match self.local.get(&name).await {
            Ok(found) => found.bytes().await?,
            Err(object_store::Error::NotFound { .. }) => {
                let remote = self.remote.as_ref().ok_or(OpenError::NotFound)?;
                let found = remote.store.get(&remote.key(room, INDEX)).await;
                found.map_err(missing)?.bytes().await?
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Recording::read(&index)?)
    }

    /// One piece of a recording.
    pub async fn read(&self, room: RoomId, piece: &Piece) -> Result<Bytes, ArchiveError> {
        match piece {
            Piece::Here(bytes) => Ok(bytes.clone()),
            Piece::Stored { name, start, length } => {
                let range = *start..*start + *length;
                let read = self.ranges(room, name, std::slice::from_ref(&range)).await?;
                Ok(read.into_iter().next().unwrap_or_default())
            }
        }
    }

    /// A range of what a plan makes, a few megabytes in memory at a time.
    pub fn stream(
        &self,
        room: RoomId,
        plan: Arc<Plan>,
        range: Range<u64>,
    ) -> impl Stream<Item = Result<Bytes, ArchiveError>> + Send + use<> {
        let end = range.end.min(plan.length());
        let archive = self.clone();
        let batches = stream::try_unfold(range.start, move |at| {
            let (archive, plan) = (archive.clone(), plan.clone());
            async move {
                if at >= end {
                    return Ok(None);
                }
                let pieces: Vec<Piece> = plan
                    .pieces(at..end.min(at + BATCH_BYTES))
                    .take(BATCH_PIECES)
                    .collect();
                let next = at + pieces.iter().map(Piece::length).sum::<u64>();
                let bytes = archive.batch(room, pieces).await?;
                Ok::<_, ArchiveError>(Some((stream::iter(bytes.into_iter().map(Ok)), next)))
            }
        });
        batches.try_flatten()
    }

    async fn batch(&self, room: RoomId, pieces: Vec<Piece>) -> Result<Vec<Bytes>, ArchiveError> {
        let mut objects: Vec<(ResourceName, Vec<Range<u64>>, Vec<usize>)> = Vec::new();
        let mut out = vec![Bytes::new(); pieces.len()];
        for (place, piece) in pieces.into_iter().enumerate() {
            match piece {
                Piece::Here(bytes) => out[place] = bytes,
                Piece::Stored { name, start, length } => {
                    let range = start..start + length;
                    match objects.iter_mut().find(|object| object.0 == name) {
                        Some((_, ranges, places)) => {
                            ranges.push(range);
                            places.push(place);
                        }
                        None => objects.push((name, vec![range], vec![place])),
                    }
                }
            }
        }
        for (name, ranges, places) in objects {
            let read = self.ranges(room, &name, &ranges).await?;
            for (place, bytes) in places.into_iter().zip(read) {
                out[place] = bytes;
            }
        }
        Ok(out)
    }

    async fn ranges(
        &self,
        room: RoomId,
        name: &ResourceName,
        ranges: &[Range<u64>],
    ) -> Result<Vec<Bytes>, ArchiveError> {
        let local = Key::from_iter([room.to_string(), name.to_string()]);
        match (self.local.get_ranges(&local, ranges).await, &self.remote) {
            (Err(object_store::Error::NotFound { .. }), Some(remote)) => {
                let key = remote.key(room, &name.to_string());
                remote.store.get_ranges(&key, ranges).await.map_err(missing)
            }
            (read, _) => read.map_err(missing),
        }
    }

    /// Ends a recording whose room has ended while nobody recorded it, and cuts off what a crash left unfinished.
    /// It must not be recorded at the moment.
    pub async fn settle(&self, room: RoomId) -> Result<(), ArchiveError> {
        let folder = self.folder.join(room.to_string());
        let settled = tokio::task::spawn_blocking(move || match folder.join(INDEX).exists() {
            true => Writer::open(&folder)?.finish(),
            false => Ok(()),
        });
        Ok(settled.await.map_err(io::Error::other)??)
    }

    /// Deletes everything of a recording, here and there. It must not be recorded at the moment.
    pub async fn remove(&self, room: RoomId) -> Result<(), ArchiveError> {
        let _nothing_is_uploaded = self.removing.write().await;
        self.known.lock().await.remove(&room);
        // There first: while the copy here is, the recording is listed, and removing it is tried again.
        if let Some(remote) = &self.remote {
            let keys = remote.list(Some(room)).map_ok(|object| object.location).boxed();
            let deleted = remote.store.delete_stream(keys).map_err(ArchiveError::from);
            deleted.try_for_each(|_| async { Ok(()) }).await?;
        }
        match tokio::fs::remove_dir_all(self.folder.join(room.to_string())).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    pub async fn list(&self) -> Result<Vec<Stored>, ArchiveError> {
        let mut found = BTreeMap::new();
        add(&mut found, self.local.list(None), 0, |stored| {
            &mut stored.local_bytes
        })
        .await?;
        if let Some(remote) = &self.remote {
            let skip = remote.prefix.parts().count();
            add(&mut found, remote.list(None), skip, |stored| {
                &mut stored.remote_bytes
            })
            .await?;
        }
        Ok(found.into_values().collect())
    }

    pub async fn size(&self, room: RoomId) -> Result<Stored, ArchiveError> {
        let mut found = BTreeMap::new();
        let folder = Key::from(room.to_string());
        add(&mut found, self.local.list(Some(&folder)), 0, |stored| {
            &mut stored.local_bytes
        })
        .await?;
        if let Some(remote) = &self.remote {
            let skip = remote.prefix.parts().count();
            add(&mut found, remote.list(Some(room)), skip, |stored| {
                &mut stored.remote_bytes
            })
            .await?;
        }
        Ok(found.remove(&room).ok_or(OpenError::NotFound)?)
    }
}

impl Remote {
    pub(crate) fn key(&self, room: RoomId, name: &str) -> Key {
        self.prefix.clone().join(room.to_string()).join(name)
    }

    pub(crate) fn list(
        &self,
        room: Option<RoomId>,
    ) -> stream::BoxStream<'static, Result<ObjectMeta, object_store::Error>> {
        let prefix = match room {
            Some(room) => self.prefix.clone().join(room.to_string()),
            None => self.prefix.clone(),
        };
        self.store.list(Some(&prefix))
    }
}

fn remote(config: &S3Config) -> Result<Remote, ArchiveError> {
    let mut builder = AmazonS3Builder::new()
        .with_region(&config.region)
        .with_bucket_name(&config.bucket)
        .with_access_key_id(&config.access_key_id)
        .with_secret_access_key(&config.secret_access_key)
        .with_virtual_hosted_style_request(!config.path_style)
        .with_retry(RetryConfig {
            max_retries: 3,
            retry_timeout: RETRY_MAX,
            ..RetryConfig::default()
        });
    if let Some(endpoint) = &config.endpoint {
        let plain = endpoint.starts_with("http://");
        builder = builder.with_endpoint(endpoint).with_allow_http(plain);
    }
    Ok(Remote {
        store: Arc::new(builder.build()?),
        prefix: Key::from(config.prefix.as_str()),
    })
}

fn missing(error: object_store::Error) -> ArchiveError {
    match error {
        object_store::Error::NotFound { .. } => OpenError::NotFound.into(),
        error => error.into(),
    }
}

/// Sums up objects by the room whose they are; others are not ours.
async fn add(
    found: &mut BTreeMap<RoomId, Stored>,
    mut objects: stream::BoxStream<'static, Result<ObjectMeta, object_store::Error>>,
    skip: usize,
    bytes: impl Fn(&mut Stored) -> &mut u64,
) -> Result<(), ArchiveError> {
    while let Some(object) = objects.try_next().await? {
        let room = object
            .location
            .parts()
            .nth(skip)
            .map(|part| part.as_ref().parse());
        if let Some(Ok(room)) = room {
            let stored = found.entry(room).or_insert(Stored {
                room,
                local_bytes: 0,
                remote_bytes: 0,
            });
            *bytes(stored) += object.size;
        }
    }
    Ok(())
}
