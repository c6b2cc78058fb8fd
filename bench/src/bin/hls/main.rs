//! The bench `hls`: how much LL-HLS one core gives out.
//!
//! The server is the real `busk serve`, pinned to a core, with one live room at 2.5 Mbit/s. On another core
//! the load: connections that stay open and ask, each as soon as it has its answer, for what players ask
//! for: the newest parts and segments of picture and sound, or the playlists as they are, gzipped. The
//! yardstick is nginx on the server's core, which gives out the same bytes under the same names from disk:
//! whatever the playlists newly name is written there as it comes, in every phase alike. The live room runs
//! on in nginx's phases too, so that both have the same neighbour on their core.

mod load;
mod newest;
mod rounds;

use clap::Parser;

pub use busk_bench::Fallible;

#[derive(Parser)]
#[command(about = "How much LL-HLS one core gives out")]
struct Cli {
    #[command(flatten)]
    plan: rounds::Plan,
}

fn main() -> Fallible<()> {
    rounds::bench(&Cli::parse().plan)
}
