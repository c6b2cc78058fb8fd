//! Everything that must pass before a change lands, cheapest first, stopping at the first failure and
//! always closing with what ran and how long it took.

use crate::postgres::{Cluster, tell};
use crate::run::{Outcome, cargo, command, found, npm, read, root, run, target_dir};
use crate::{api, fuzz, needs, tidy, web};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// On every change: less than half an hour from a clean clone on two cores.
    Short,
    /// Before a release: more cases, more cycles, and cargo-deny must be there.
    Long,
}

pub fn test(length: Length) -> Outcome {
    suite(length, "default")
}

pub fn ci() -> Outcome {
    suite(Length::Short, "ci")
}

/// The steps' names are what the summary shows.
fn suite(length: Length, profile: &str) -> Outcome {
    let profile = if length == Length::Long { "long" } else { profile };
    let mut steps = Steps::default();
    let outcome = all(&mut steps, length, profile);
    steps.print_summary();
    outcome
}

fn all(steps: &mut Steps, length: Length, profile: &str) -> Outcome {
    steps.run("needs", || needs::see_to(needs::For::Test))?;
    steps.run("tidy", tidy::tidy)?;
    steps.run("format", || run(cargo().args(["fmt", "--all", "--check"])))?;
    steps.run("web packages", || web::packages("web"))?;
    steps.run("web types", || run(npm("web").args(["run", "check"])))?;
    steps.run("web tests", || run(npm("web").args(["run", "test"])))?;
    // Before any Rust: the server embeds what this makes, and it fails when the script budget is spent.
    steps.run("web build", web::build)?;
    steps.run("rust build", || {
        run(linted()?.args(["build", "--workspace", "--all-targets"]))
    })?;
    steps.run("rust tests", || rust_tests(length, profile))?;
    steps.run("fuzz", || fuzz::fuzz(None, fuzz::DURATION))?;
    steps.run("generated api", api::check_built)?;
    steps.run("browser tests", browser_tests)?;
    steps.run("latency", || latency(length))?;
    steps.run("cargo deny", || cargo_deny(length))
}

/// Cargo with Clippy's driver for a compiler: our crates are linted while they are built. `cargo clippy` would only
/// check them, for which everything they depend on is compiled once more.
fn linted() -> Outcome<Command> {
    let sysroot = read(command("rustc").args(["--print", "sysroot"]))?;
    let driver = Path::new(sysroot.trim()).join("bin/clippy-driver");
    if !driver.exists() {
        return Err("Clippy is not installed: rustup component add clippy".into());
    }
    let mut cargo = cargo();
    cargo
        .env("RUSTC_WORKSPACE_WRAPPER", driver)
        // How `cargo clippy` hands `-D warnings` on.
        .env("CLIPPY_ARGS", "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__");
    Ok(cargo)
}

fn rust_tests(length: Length, profile: &str) -> Outcome {
    // One cluster for the run; each test makes its own database in it.
    let (url, _cluster) = match std::env::var("BUSK_TEST_POSTGRES") {
        Ok(given) => (given, None),
        Err(_) => {
            let cluster = Cluster::start()?;
            (cluster.url(), Some(cluster))
        }
    };
    let mut tests = linted()?;
    if read(cargo().args(["nextest", "--version"])).is_ok() {
        tests.args(["nextest", "run", "--workspace", "--profile", profile]);
        tests.args(["--test-threads", &tests_at_once().to_string()]);
    } else {
        eprintln!("cargo-nextest is not installed: plain `cargo test` runs the same tests, more slowly");
        tests.args(["test", "--workspace"]);
    }
    tell(&mut tests, &url);
    if length == Length::Long {
        tests
            .env("BUSK_TEST_LONG", "1")
            .env("BUSK_TEST_SEQUENCES", "10000");
    }
    run(&mut tests)
}

/// Most tests wait more than they compute: for a program to start, for a second to pass.
fn tests_at_once() -> usize {
    2 * std::thread::available_parallelism().map_or(1, usize::from)
}

fn browser_tests() -> Outcome {
    web::packages("e2e")?;
    let chromium = web::chromium().ok_or("Chromium is not found: set BUSK_CHROMIUM to its path")?;
    let mut tests = npm("e2e");
    tests
        .args(["run", "--silent", "test"])
        .env("BUSK_CHROMIUM", chromium);
    run(tests.env("BUSK_BIN", target_dir().join("debug/busk")))
}

/// A live is watched in a real browser, before a release for half an hour, and must keep its delay without one stall. On
/// every change for three minutes, twice at most, against three times the goals: a machine that others use is slow or
/// stands still for a second by itself, and what is broken misses by more.
fn latency(length: Length) -> Outcome {
    let chromium = web::chromium().ok_or("Chromium is not found: set BUSK_CHROMIUM to its path")?;
    let bench = target_dir().join("debug/latency").display().to_string();
    let watch = |minutes: &str, times: &str| {
        let mut watching = command(&bench);
        watching
            .args([
                "--hold",
                times,
                "--joins",
                "10",
                "--seconds",
                "20",
                "--minutes",
                minutes,
            ])
            .env("BUSK_CHROMIUM", &chromium);
        run(&mut watching)
    };
    match length {
        Length::Long => watch("30", "1"),
        Length::Short => watch("3", "3").or_else(|missed| {
            println!("{missed}: once more");
            watch("3", "3")
        }),
    }
}

/// Licences of every dependency are checked by `tidy` from the same list; cargo-deny adds sources,
/// bans and yanked versions. Building it takes minutes, so only the long run insists on it.
fn cargo_deny(length: Length) -> Outcome {
    if found("cargo-deny") || command("cargo-deny").arg("--version").output().is_ok() {
        return run(cargo().args(["deny", "check", "bans", "licenses", "sources"]));
    }
    if length == Length::Long {
        run(cargo().args(["install", "cargo-deny", "--locked"]))?;
        return run(cargo().args(["deny", "check", "bans", "licenses", "sources"]));
    }
    eprintln!("cargo-deny is not installed: licences were checked by tidy, sources and bans were not");
    debug_assert!(root().join("deny.toml").exists());
    Ok(())
}

#[derive(Default)]
struct Steps {
    done: Vec<(&'static str, Duration, bool)>,
}

impl Steps {
    fn run(&mut self, name: &'static str, step: impl FnOnce() -> Outcome) -> Outcome {
        eprintln!("\n── {name}");
        let start = Instant::now();
        let outcome = step();
        self.done.push((name, start.elapsed(), outcome.is_ok()));
        outcome.map_err(|problem| format!("{name}: {problem}"))
    }

    fn print_summary(&self) {
        let total: Duration = self.done.iter().map(|(_, took, _)| *took).sum();
        println!("\n── summary");
        for (name, took, passed) in &self.done {
            let word = if *passed { "ok" } else { "FAILED" };
            println!("{name:<16}{:>8.1} s  {word}", took.as_secs_f64());
        }
        println!("{:<16}{:>8.1} s", "total", total.as_secs_f64());
    }
}
