//! The `busk` program: configuration, the router, start and drain, the embedded web app.
//!
//! Only `clock.rs` reads the clock and draws random numbers, and only `config.rs` reads the environment;
//! everything below gets them through the [`Site`](busk_api::Site).

pub mod anchor;
pub mod audit;
pub mod clock;
pub mod close;
pub mod config;
pub mod demo;
mod doors;
pub mod export;
mod features;
mod health;
pub mod jobs;
mod limits;
mod listen;
mod metrics;
mod once;
pub mod pages;
mod router;
mod sealing;
pub mod serve;
mod stop;
pub mod tls;
