//! Replays: what a live room's program showed, kept while it is live and played when it is over.
//!
//! ```text
//! Packager::take_finished ──► Recorder ──► a thread ──► a folder: an index, and a file a segment
//!                                                          │ Archive: uploaded to S3 where configured
//!                                     playlists, resources ┴─ Recording ─ mp4(), clip(): Plans
//! ```
//!
//! A recording is what its index says ([`Recording`]): playable from its first segment on, also while it is made
//! and after a crash at any moment. Of kill -9 it loses the part that was being made (half a second of each medium);
//! of a power cut, some seconds. A room that comes back goes on with the same recording, after a
//! discontinuity.

mod archive;
mod contents;
mod cut;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod index;
mod mp4;
mod plan;
mod playlist;
mod recording;
mod serve;
mod upload;
mod writer;

#[cfg(test)]
mod tests;

pub use archive::{Archive, ArchiveError, S3Config, Stored};
pub use contents::NotAnIndex;
pub use mp4::{CLIP_MAX, ClipError};
pub use plan::Plan;
pub use recording::{OpenError, Piece, Recording};
pub use serve::{Recorder, RecorderState, Recorders};
pub use writer::WriteError;
