//! For tests only: a database of each kind, and a server to speak to.

#[cfg(feature = "app")]
pub mod app;
#[cfg(feature = "app")]
pub mod certificate;
pub mod chance;
pub mod child;
pub mod db;
#[cfg(feature = "app")]
pub mod edge;
#[cfg(feature = "app")]
pub mod encoder;
#[cfg(feature = "app")]
pub mod player;
pub mod power;
#[cfg(feature = "app")]
pub mod room_socket;
#[cfg(feature = "stripe")]
pub mod stripe;
#[cfg(feature = "app")]
pub mod webrtc;
