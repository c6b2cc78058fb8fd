//! WebRTC, both ways: WHIP in (RFC 9725), WHEP out (draft-ietf-wish-whep).
//!
//! `protocol` is one peer and `plane` all peers of one thread: bytes and a time go in; bytes, events
//! and a deadline come out. `serve` owns threads and sockets. `signalling` has the rules of the two
//! HTTP protocols for the handlers that speak them.

pub mod signalling;

pub(crate) mod demux;
pub(crate) mod plane;
pub(crate) mod protocol;
pub(crate) mod sdp;
pub(crate) mod serve;
pub(crate) mod setup;
pub(crate) mod tcp;
pub(crate) mod udp;
