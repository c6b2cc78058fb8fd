//! The bench `whep`: what one publisher costs a server that passes it on to N viewers.
//!
//! The server is this program again (`whep serve`), alone in its process and on its core: busk-media
//! behind the smallest signalling there is. On another core the load: one publisher that sends a
//! real, pre-encoded 2.5 Mbit/s H.264 stream with Opus, and N viewers that do all of ICE and DTLS and
//! then count what comes by the sequence numbers in clear. Joins are open-loop: each is timed from
//! when it was due. The yardstick is a process that sends the same datagrams by plain `sendto`.
//!
//! `whep load --whip URL --whep URL` puts the same load on any other server.

mod joins;
mod load;
mod rounds;
mod server;
mod source;
mod udp;
mod viewers;

use clap::{Parser, Subcommand};

pub use busk_bench::Fallible;

#[derive(Parser)]
#[command(about = "What passing a stream on to many viewers costs")]
struct Cli {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    plan: rounds::Plan,
}

#[derive(Subcommand)]
enum Role {
    /// The server under test: busk-media behind plain WHIP and WHEP. Ends with its standard input.
    Serve,
    /// The yardstick: sends the datagrams it is told of on standard input, with which it ends.
    Udp,
    /// Puts viewers on a server that runs already.
    Load(load::Load),
}

fn main() -> Fallible<()> {
    match Cli::parse() {
        Cli { role: None, plan } => rounds::bench(&plan),
        Cli {
            role: Some(Role::Serve),
            ..
        } => server::serve(),
        Cli {
            role: Some(Role::Udp),
            ..
        } => udp::send(),
        Cli {
            role: Some(Role::Load(load)),
            ..
        } => load.run(),
    }
}
