//! `whep load`: the bench's viewers, and if wanted its publishers, on any server that speaks WHIP and
//! WHEP.

use std::time::Duration;

use busk_bench::figures::{Report, quantile};
use busk_bench::process::load_average;
use busk_bench::source::Stream;

use crate::Fallible;
use crate::run::{Load as Put, Target, run};

#[derive(clap::Args)]
pub struct Load {
    /// Publish the bench's stream to this WHIP address first; `{room}` in it is the room's number
    #[arg(long)]
    whip: Option<String>,
    /// The bearer token of the WHIP address: a stream key
    #[arg(long)]
    token: Option<String>,
    /// The WHEP address to watch; `{room}` in it is the room's number
    #[arg(long)]
    whep: String,
    /// The bearer token of the WHEP address
    #[arg(long)]
    whep_token: Option<String>,
    /// The server's process, whose CPU time and memory are told
    #[arg(long)]
    pid: Option<u32>,
    /// How many rooms, numbered from 1; viewers go to one after the other
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    rooms: u16,
    /// The pictures' bitrate
    #[arg(long, default_value_t = 2_500, value_parser = clap::value_parser!(u32).range(50..=20_000))]
    kbit: u32,
    /// In all rooms together
    #[arg(long, default_value_t = 50)]
    viewers: usize,
    /// One in this many decrypts and assembles all it gets; the others count packets
    #[arg(long, default_value_t = 1)]
    whole_one_in: usize,
    /// Viewers take each datagram by itself
    #[arg(long)]
    no_coalesce: bool,
    /// How long to watch once all have joined
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

impl Load {
    pub fn run(&self) -> Fallible<()> {
        let busy = load_average()?;
        let target = Target {
            whip: self.whip.as_deref(),
            whip_token: self.token.as_deref(),
            whep: &self.whep,
            whep_token: self.whep_token.as_deref(),
            pid: self.pid,
        };
        let put = Put {
            rooms: self.rooms.into(),
            viewers: self.viewers,
            whole_one_in: self.whole_one_in,
            coalesce: !self.no_coalesce,
            length: Duration::from_secs(self.seconds.max(1)),
            recorded: Duration::ZERO,
        };
        let run = run(&target, &put, &Stream::encode(self.kbit)?)?;
        println!("{}", run.line());
        let mut report = Report::new("whep");
        if self.pid.is_some() {
            report.figure("cpu_s_per_gbit", &[run.cpu_s_per_gbit], "cpu-s/Gbit");
            report.figure("server_core_pct", &[run.server_share * 100.0], "%");
            report.figure("kb_per_viewer", &[run.kb_per_viewer], "kB");
        }
        report.figure("mbit_per_s", &[run.mbit_per_s], "Mbit/s");
        let seen = &run.seen;
        report.figure("viewers", &[seen.joins_ms.len() as f64], "with a picture");
        report.figure("loss_pct", &[seen.loss_pct()], "%");
        if !seen.joins_ms.is_empty() {
            report.figure("join_p50_ms", &[quantile(&seen.joins_ms, 0.5)], "ms");
            report.figure("join_p95_ms", &[quantile(&seen.joins_ms, 0.95)], "ms");
        }
        report.note(format!(
            "{} viewers asked, {} were refused, {} ended; {} rooms; load average before: {busy}",
            self.viewers, run.refused, seen.ended, self.rooms
        ));
        if let Some(reason) = &run.reason {
            report.note(format!("the last refusal: {reason}"));
        }
        Ok(report.print()?)
    }
}
