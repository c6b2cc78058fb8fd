//! Recordings of a real packager's output, read by ffmpeg.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::disallowed_methods, reason = "they wait for threads and processes")]

mod faults;
mod ffmpeg;
mod kill;
mod playback;
mod s3;
mod show;
