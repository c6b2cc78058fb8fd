//! The bench `whep`: what publishers cost a server that passes them on to N viewers, in one room or many.
//!
//! The server is this program again (`whep serve`), alone in its process and on its core: busk-media
//! behind the smallest signalling there is. On another core the load: a publisher a room that sends a
//! real, pre-encoded H.264 stream with Opus, and N viewers that do all of ICE and DTLS and
//! then count what comes by the sequence numbers in clear. Joins are open-loop: each is timed from
//! when it was due. The yardstick is a process that sends the same datagrams by plain `sendto`.
//!
//! `whep load --whip URL --whep URL --pid PID` puts the same load on any other server and tells the same.

mod joins;
mod load;
mod rounds;
mod run;
mod server;
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
    Serve {
        /// Every room has a program for LL-HLS besides.
        #[arg(long)]
        broadcast: bool,
    },
    /// The yardstick: sends the datagrams it is told of on standard input, with which it ends.
    Udp,
    /// Puts viewers on a server that runs already.
    Load(load::Load),
}

fn main() -> Fallible<()> {
    match Cli::parse() {
        Cli { role: None, plan } => rounds::bench(&plan),
        Cli {
            role: Some(Role::Serve { broadcast }),
            ..
        } => server::serve(broadcast),
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
