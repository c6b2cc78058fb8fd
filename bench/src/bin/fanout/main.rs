//! The bench `fanout`: what one message to ten thousand sockets costs.
//!
//! The server under test is this program again (`fanout serve`): busk-fanout behind axum's upgrade, alone
//! in its process and on its core. On another core the load (`swarm`): ten thousand WebSocket clients in
//! one loop, which also posts the messages. Posting is open-loop: every message carries the time it was due,
//! and its latency counts from there, however late it was sent. Yardsticks under the same load, in the same
//! run: a bare epoll writer (`fanout epoll`), one write a message and nothing else; and nchan in a private nginx.
//! Then, of our own alone: many small rooms, readers who read nothing (`stalled`), everybody at once (`storm`); and in the
//! whole program, people who talk among bots (`spam`), and a moderator who takes messages away (`removal`).

mod epoll;
mod nchan;
mod packed;
#[expect(clippy::disallowed_methods, reason = "a load maker keeps time")]
mod removal;
#[expect(clippy::disallowed_methods, reason = "a bench keeps time")]
mod rounds;
#[expect(clippy::disallowed_methods, reason = "a load maker keeps time")]
mod screens;
mod serve;
#[expect(clippy::disallowed_methods, reason = "a load maker keeps time")]
mod spam;
#[expect(clippy::disallowed_methods, reason = "a bench keeps time")]
mod stalled;
#[expect(clippy::disallowed_methods, reason = "a load maker keeps time")]
mod storm;
#[expect(clippy::disallowed_methods, reason = "a load maker keeps time")]
mod swarm;
mod wire;

use clap::{Parser, Subcommand};
use rustix::process::{Resource, getrlimit, setrlimit};

pub use busk_bench::Fallible;

#[derive(Parser)]
#[command(about = "What one message to many sockets costs")]
struct Cli {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    plan: rounds::Plan,
}

#[derive(Subcommand)]
enum Role {
    /// The server under test. Prints its address, then the one by TLS and the certificate in hexadecimal digits, and
    /// ends with its standard input.
    Serve,
    /// The yardstick: accepts, shakes hands, writes each message to each socket. Likewise.
    Epoll,
}

fn main() -> Fallible<()> {
    raise_open_files()?;
    match Cli::parse() {
        Cli { role: None, plan } => rounds::bench(&plan),
        Cli {
            role: Some(Role::Serve),
            ..
        } => serve::serve(),
        Cli {
            role: Some(Role::Epoll),
            ..
        } => epoll::serve(),
    }
}

/// A socket is an open file: as many as this user may have, for this process and those it starts.
fn raise_open_files() -> Fallible<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}

/// Ends this process when whoever started it closes its standard input, or is gone.
fn end_with_input() {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
}
