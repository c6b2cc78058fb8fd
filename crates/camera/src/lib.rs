//! camera
pub mod encode;
pub mod h264;
pub mod picture;
pub mod tone;
