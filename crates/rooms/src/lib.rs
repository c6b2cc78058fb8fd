//! A live room: its states, its log, its chat, its stage and its audience.
//!
//! ```text
//!   scheduled ─► lobby ─┬─► live ⇄ interrupted ─► ended
//!              hangout ─┴─────────────────────────►
//! ```
//!
//! Everything that people in a room see is an [event](event::What) with a number, written in the
//! transaction that caused it ([`log::append`]) and delivered after the commit, in that order. Numbers are
//! given by the store's writer, so a room's log has no gap; who reconnects asks for what came after the
//! last number seen.
//!
//! [`Rooms`] joins the parts at run time: the store's announcements to the fan-out, sockets' commands to
//! chat, the camera's comings and goings to the room's state.

pub mod access;
mod announcement;
mod blocks;
pub mod board;
pub mod chat;
pub mod emotes;
mod enter;
pub mod erase;
pub mod event;
pub mod follow;
pub mod followers;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod hangout;
mod health;
pub mod hidden;
mod hls;
mod http;
mod live;
pub mod log;
pub mod members;
pub mod moderation;
pub mod overlay;
pub mod own;
mod passes;
mod presence;
mod rates;
mod reactions;
pub mod redirect;
pub mod replay;
pub mod reported;
pub mod restream;
pub mod room;
pub mod rtmp;
mod sampling;
mod schema;
mod session;
mod signal;
mod socket;
pub mod stage;
pub mod state;
pub mod subroom;
pub mod talk;
mod team;
mod thumbnail;
mod tokens;
mod view;
mod whep;
mod whip;

pub use access::Access;
pub use board::{Board, Goal, GoalKind, GoalState, TopSupporter};
pub use emotes::UsedEmote;
pub use event::{RoomEvent, Speaker, SpeakerKind, SpeakerRole, What};
pub use http::routes;
pub use live::{Rooms, RoomsConfig, announcements};
pub use room::{Room, State};
pub use schema::MIGRATIONS;
pub use socket::speaker;
pub use view::RoomView;
