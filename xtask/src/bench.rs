//! Runs one bench in release mode and holds it to the form its readers rely on: the last line is one
//! JSON object with the bench's name, its figures, the yardsticks of the same run, and notes.

use crate::postgres::{self, Cluster};
use crate::run::{Outcome, cargo, command, run, target_dir};
use crate::{needs, web};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

const NAMES: &[&str] = &[
    "gifts",
    "audit",
    "statement",
    "fanout",
    "whep",
    "hls",
    "latency",
    "stage",
];
/// Those that also measure on PostgreSQL.
const ON_POSTGRES: &[&str] = &["gifts", "audit", "statement"];

/// `args` are the bench's own: its `--help` tells them.
pub fn bench(name: &str, json: bool, args: &[&str]) -> Outcome {
    if !NAMES.contains(&name) {
        return Err(format!("no bench `{name}`; there are: {}", NAMES.join(", ")));
    }
    needs::see_to(needs::For::Bench)?;
    web::build()?;
    run(cargo().args([
        "build",
        "--release",
        "--package",
        "busk-server",
        "--package",
        "busk-bench",
    ]))?;
    let cluster = if ON_POSTGRES.contains(&name) {
        Some(Cluster::start()?)
    } else {
        None
    };
    // As it was built, beside the server: by `cargo run` its dependencies would be built again with other features.
    let mut bench = command(&target_dir().join("release").join(name).display().to_string());
    if name == "latency" {
        web::packages("e2e")?;
        let chromium = web::chromium().ok_or("Chromium is not found: set BUSK_CHROMIUM to its path")?;
        bench.env("BUSK_CHROMIUM", chromium);
    }
    bench.args(args);
    bench.stdout(Stdio::piped());
    if let Some(cluster) = &cluster {
        bench.env("BUSK_BENCH_POSTGRES", cluster.url());
    }
    if let Some(programs) = postgres::programs() {
        bench.env("BUSK_PG_BIN", programs);
    }
    let mut child = bench
        .spawn()
        .map_err(|e| format!("cannot start the bench: {e}"))?;
    let output = child.stdout.take().expect("stdout was asked to be a pipe");
    let mut last = String::new();
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        // With --json only the object reaches our own stdout; the rest is for the eye.
        if !last.is_empty() {
            if json {
                eprintln!("{last}")
            } else {
                println!("{last}")
            }
        }
        last = line;
    }
    let status = child.wait().map_err(|e| e.to_string())?;
    println!("{last}");
    if !status.success() {
        return Err(format!("bench {name} failed ({status})"));
    }
    check(name, &last).map_err(|what| format!("bench {name}'s last line is not in the fixed form: {what}"))
}

fn check(name: &str, line: &str) -> Result<(), String> {
    let report: Value = serde_json::from_str(line).map_err(|e| e.to_string())?;
    if report["bench"] != name {
        return Err(format!("`bench` is {}", report["bench"]));
    }
    for list in ["figures", "yardsticks"] {
        let entries = report[list].as_array().ok_or(format!("`{list}` is not a list"))?;
        for entry in entries {
            let whole = entry["name"].is_string() && entry["value"].is_number() && entry["unit"].is_string();
            if !whole {
                return Err(format!("in `{list}`: {entry}"));
            }
        }
    }
    if report["figures"].as_array().is_none_or(Vec::is_empty) {
        return Err("no figures".into());
    }
    let notes = report["notes"].as_array().ok_or("`notes` is not a list")?;
    if notes.iter().all(Value::is_string) {
        Ok(())
    } else {
        Err("a note is not a string".into())
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn only_the_fixed_form_passes() {
        let good = r#"{"bench":"whep","figures":[{"name":"loss_pct","value":0,"unit":"%"}],"yardsticks":[],"notes":["x"]}"#;
        assert_eq!(check("whep", good), Ok(()));
        assert!(check("gifts", good).is_err(), "another bench's name");
        for (what, bad) in [
            ("not JSON", "done".to_string()),
            (
                "no figures",
                good.replace(r#"{"name":"loss_pct","value":0,"unit":"%"}"#, ""),
            ),
            (
                "a figure in words",
                good.replace(r#""value":0"#, r#""value":"none""#),
            ),
            ("no unit", good.replace(r#","unit":"%""#, "")),
            ("no yardsticks", good.replace(r#""yardsticks":[],"#, "")),
            ("notes that are no text", good.replace(r#"["x"]"#, "[1]")),
        ] {
            assert!(check("whep", &bad).is_err(), "{what}: {bad}");
        }
    }
}
