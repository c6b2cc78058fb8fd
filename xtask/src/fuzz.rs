//! `cargo xtask fuzz`: strangers' bytes by the million, from the corpus that is kept in `fuzz/corpus`.
//!
//! Each target is a rule of a crate's `fuzzing.rs`. Our own crates are built with the counters that libFuzzer steers
//! by (see `fuzz/instrumented`), with overflow checks and assertions; what they depend on is the tests' build of it.
//! Invariant: success means that every target ran for its time and that the seeded fault was found.

use crate::run::{Outcome, cargo, command, root, run, target_dir};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::time::Duration;

/// What each target has in CI.
pub const DURATION: Duration = Duration::from_secs(10);
/// Breaks a rule on purpose; who does not find it would find nothing.
const SEEDED: &str = "seeded";
/// Of memory, C libraries' and libFuzzer's own included.
const MEMORY_MB: u32 = 768;
/// For one input; a hundred times what any takes.
const INPUT_S_MAX: u32 = 5;
const INPUT_BYTES_MAX: u32 = 16 << 10;

/// Fuzzes one target or all of them, two at a time.
pub fn fuzz(only: Option<&str>, duration: Duration) -> Outcome {
    let targets = targets(only)?;
    build()?;
    find_seeded()?;
    let (waiting, problems) = (Mutex::new(targets), Mutex::new(Vec::new()));
    let next = || waiting.lock().map(|mut targets| targets.pop()).ok().flatten();
    let work = || {
        while let Some(target) = next() {
            if let Err(problem) = explore(&target, duration)
                && let Ok(mut problems) = problems.lock()
            {
                problems.push(problem);
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    match problems.into_inner() {
        Ok(problems) if problems.is_empty() => Ok(()),
        Ok(problems) => Err(problems.join("\n\n")),
        Err(_) => Err("a target could not be watched".into()),
    }
}

/// Runs one input again, with what it says shown.
pub fn replay(target: &str, input: &str) -> Outcome {
    targets(Some(target))?;
    build()?;
    run(command(&binary(target)).arg(Path::new(input)))
}

fn targets(only: Option<&str>) -> Outcome<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let entries = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let names = entries.flatten().map(|entry| entry.path());
    let names = names.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
    let mut all: Vec<String> = names.filter(|name| name != SEEDED).collect();
    all.sort();
    match only {
        None => Ok(all),
        Some(name) if all.iter().any(|target| target == name) => Ok(vec![name.into()]),
        Some(name) => Err(format!("no target `{name}`: there are {}", all.join(", "))),
    }
}

fn build() -> Outcome {
    let mut build = cargo();
    // Of the whole workspace: alone, it would have dependencies with other features, and all of them built anew.
    build.args(["build", "--workspace", "--features", "busk-fuzz/libfuzzer"]);
    for target in targets(None)?.iter().map(String::as_str).chain([SEEDED]) {
        build.args(["--bin", target]);
    }
    // Dependencies keep their own level, and so are those that the tests were built with.
    build.env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
    run(build.env("RUSTC_WORKSPACE_WRAPPER", root().join("fuzz/instrumented")))
}

fn find_seeded() -> Outcome {
    let output = libfuzzer(SEEDED, DURATION)?;
    if output.status.success() {
        return Err("the fault that is seeded was not found: fuzzing finds nothing as it is".into());
    }
    Ok(())
}

fn explore(target: &str, duration: Duration) -> Outcome {
    let output = libfuzzer(target, duration)?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        eprintln!("{target:<16}{:>12} inputs", executed(&said).unwrap_or("?"));
        return Ok(());
    }
    let tail: Vec<&str> = said.lines().rev().take(40).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    let again = match said
        .lines()
        .find_map(|line| line.split("Test unit written to ").nth(1))
    {
        Some(path) => format!("the input is {path}; run it again with\n\n  cargo xtask fuzz {target} {path}"),
        None => "no input was written".into(),
    };
    Err(format!("{}\n\n{target} broke a rule: {again}", tail.join("\n")))
}

/// From what is kept and what was found here before, for this long.
fn libfuzzer(target: &str, duration: Duration) -> Outcome<Output> {
    let (found, artifacts) = (found(target), format!("fuzz/artifacts/{target}/"));
    folder_at(&found)?;
    folder_at(&root().join(&artifacts))?;
    let mut fuzzer: Command = command(&binary(target));
    fuzzer.arg(&found);
    if kept(target).exists() {
        fuzzer.arg(kept(target));
    }
    fuzzer.args([
        format!("-artifact_prefix={artifacts}"),
        format!("-max_total_time={}", duration.as_secs()),
        format!("-timeout={INPUT_S_MAX}"),
        format!("-rss_limit_mb={MEMORY_MB}"),
        format!("-max_len={INPUT_BYTES_MAX}"),
        "-print_final_stats=1".into(),
    ]);
    fuzzer.output().map_err(|e| format!("cannot start {target}: {e}"))
}

/// How many inputs libFuzzer says that it ran.
fn executed(said: &str) -> Option<&str> {
    let line = said
        .lines()
        .find(|line| line.starts_with("stat::number_of_executed_units:"))?;
    line.split_whitespace().nth(1)
}

fn binary(target: &str) -> String {
    target_dir()
        .join("debug")
        .join(target)
        .to_string_lossy()
        .into_owned()
}

fn kept(target: &str) -> PathBuf {
    root().join("fuzz/corpus").join(target)
}

fn found(target: &str) -> PathBuf {
    target_dir().join("fuzz").join("found").join(target)
}

fn folder_at(path: &Path) -> Outcome {
    std::fs::create_dir_all(path).map_err(|e| format!("{}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_built() {
        let manifest = std::fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap_or_default();
        let targets = targets(None).unwrap_or_default();
        assert!(!targets.is_empty());
        for target in targets {
            assert!(manifest.contains(&format!("name = \"{target}\"\n")), "{target}");
        }
    }

    #[test]
    fn what_ran_is_read() {
        let said = "Done\nstat::number_of_executed_units: 4711\nstat::peak_rss_mb: 40\n";
        assert_eq!((executed(said), executed("")), (Some("4711"), None));
    }
}
