//! Every bench in a short form: that it runs to its end unattended and names the figures its readers rely
//! on. What the figures say, only a quiet machine tells.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::{Command, Stdio};

use serde_json::Value;

/// Runs a bench; gives its figures and yardsticks by name.
fn figures(program: &str, args: &str) -> Vec<(String, f64)> {
    let mut bench = Command::new(program);
    if let Some(tests) = tests_postgres() {
        bench.env("BUSK_BENCH_POSTGRES", tests);
    }
    let done = bench
        .args(args.split(' '))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{}: {said}", done.status);
    let report: Value = serde_json::from_str(said.lines().last().unwrap_or_default()).unwrap();
    let lists = ["figures", "yardsticks"].map(|list| report[list].as_array().unwrap().clone());
    let figure = |figure: Value| {
        let value = figure["value"].as_f64();
        let name = figure["name"].as_str().unwrap().to_owned();
        (
            name.clone(),
            value.unwrap_or_else(|| panic!("{name} is no number")),
        )
    };
    lists.into_iter().flatten().map(figure).collect()
}

/// The one of the other tests: each bench makes a database of its own there.
#[expect(clippy::disallowed_methods, reason = "where the tests' PostgreSQL is")]
fn tests_postgres() -> Option<String> {
    std::env::var("BUSK_TEST_POSTGRES").ok()
}

#[track_caller]
fn has(figures: &[(String, f64)], names: &str) {
    for name in names.split(' ') {
        let found = figures.iter().find(|(there, _)| there == name);
        let (_, value) = found.unwrap_or_else(|| panic!("no {name} in {figures:?}"));
        assert!(*value > 0.0, "{name} is {value}");
    }
}

#[test]
fn whep() {
    let args = "--rounds 1 --viewers 4 --rooms 2 --seconds 2";
    let figures = figures(env!("CARGO_BIN_EXE_whep"), args);
    has(
        &figures,
        "n4.cpu_s_per_gbit low.n4.cpu_s_per_gbit rooms2.cpu_s_per_gbit rooms2.ratio rooms2.fps udp.cpu_s_per_gbit",
    );
}

#[test]
fn hls() {
    let figures = figures(
        env!("CARGO_BIN_EXE_hls"),
        "--rounds 1 --seconds 1 --connections 4",
    );
    has(
        &figures,
        "parts.gbit_per_s parts.ratio playlists.per_s nginx.gbit_per_s nginx.playlists_per_s",
    );
}

#[test]
fn stage() {
    let figures = figures(env!("CARGO_BIN_EXE_stage"), "--windows 1 --seconds 2 --warm-up 2");
    has(
        &figures,
        "solo.core_pct four.core_pct solo.recorded_kbit_per_s four.recorded_kbit_per_s",
    );
}

#[test]
fn fanout() {
    let args = "--sockets 1000 --rounds 1 --seconds 1 --stalled-seconds 2 --storm-seconds 1 --bots 20 \
                --spam-seconds 3 --removal-sockets 50 --removals 5 --parts room,small,stalled,storm,spam,removal,epoll";
    let figures = figures(env!("CARGO_BIN_EXE_fanout"), args);
    has(
        &figures,
        "busk.deliveries_per_core_s busk.p99_ms busk.hot.deliveries_per_core_s busk.roaring.deliveries_per_core_s \
         busk.kb_per_conn small.p99_ms stalled.healthy_p99_ms stalled.kb_per_stalled storm.snapshot_p99_ms \
         storm.resume_p99_ms spam.calm_p99_ms spam.honest_p99_ms spam.refused_pct removal.p99_ms removal.resumed_p99_ms \
         epoll.deliveries_per_core_s ratio_epoll",
    );
    let none = [
        "storm.lost",
        "storm.doubled",
        "storm.reset",
        "spam.lost",
        "spam.doubled",
        "removal.unheard",
    ];
    for name in none {
        assert!(figures.contains(&(name.into(), 0.0)), "{name} in {figures:?}");
    }
}

#[test]
fn gifts() {
    let args = "--http --rounds 1 --seconds 1 --creators 20 --clients 8";
    let figures = figures(env!("CARGO_BIN_EXE_gifts"), args);
    has(
        &figures,
        "http.sqlite.8.per_s http.sqlite.8.p99_ms http.postgres.8.per_s http.postgres.8.p99_ms",
    );
}

#[test]
fn statement() {
    let figures = figures(env!("CARGO_BIN_EXE_statement"), "--gifts 200");
    has(
        &figures,
        "first_page_ms first_page_p99_ms export.rows_per_s select.rows_per_s postgres.first_page_ms \
         postgres.export.rows_per_s",
    );
}

#[test]
fn audit() {
    let figures = figures(env!("CARGO_BIN_EXE_audit"), "--transfers 2000 --rounds 1");
    has(
        &figures,
        "audit.2000.s audit.2000.memory_mb select.2000.s audit.postgres.2000.s select.postgres.2000.s",
    );
}
