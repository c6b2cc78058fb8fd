//! The sandbox: its signatures, and the outside world that it is.

mod creators;
mod payments;
mod signatures;
mod world;
