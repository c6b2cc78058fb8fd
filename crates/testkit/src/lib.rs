//! For tests only: a database of each kind, and a server to speak to.

#[cfg(feature = "app")]
pub mod app;
pub mod db;
#[cfg(feature = "app")]
pub mod room_socket;
