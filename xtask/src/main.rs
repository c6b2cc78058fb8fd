//! `cargo xtask …`: everything a contributor does with this repository, in one place.
//!
//! Read on from here: `suite` is what runs before anything lands, `demo` what a visitor starts,
//! `needs` what either wants from the machine, `tidy` the rules of the house. Nothing here is part
//! of the program that ships.
//! Invariant: a command that prints success has done the whole of what its name says.

// A build tool is a shell: it reads the clock, the environment and the machine.
#![allow(clippy::disallowed_methods)]

mod api;
mod bench;
mod demo;
mod fuzz;
mod needs;
mod postgres;
mod run;
mod suite;
mod tidy;
mod web;

use run::Outcome;
use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  demo [ARGS…]            build the web app and the server, then run `busk demo ARGS…`
  test [--long]           everything that must pass before a change lands
  ci                      the same, as the continuous integration runs it
  tidy                    the rules of the house: layers, absences, sizes, licences, links
  tidy --explain          the same rules, each with its sentence
  bench NAME [--json] [ARGS…]
                          one of: gifts, audit, statement, fanout, whep, hls, latency, stage; the last line is
                          one JSON object
  fuzz [TARGET] [--seconds N]
                          send hostile bytes to what reads strangers' (10 s a target); fuzz/README.md
  gen-api [--check]       OpenAPI from the server, TypeScript types from OpenAPI
  postgres COMMAND…       run COMMAND with a throw-away PostgreSQL's address in BUSK_TEST_POSTGRES
  needs [demo|test|bench] install what is missing, or say which line would";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("\nxtask: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[&str]) -> Outcome {
    match args {
        ["demo", rest @ ..] => demo::demo(rest),
        ["test"] => suite::test(suite::Length::Short),
        ["test", "--long"] => suite::test(suite::Length::Long),
        ["ci"] => suite::ci(),
        ["tidy"] => tidy::tidy(),
        ["tidy", "--explain"] => {
            tidy::explain();
            Ok(())
        }
        ["bench", "--json", name, rest @ ..] | ["bench", name, "--json", rest @ ..] => {
            bench::bench(name, true, rest)
        }
        ["bench", name, rest @ ..] => bench::bench(name, false, rest),
        ["fuzz", rest @ ..] => fuzz(rest),
        ["gen-api"] => api::generate(),
        ["gen-api", "--check"] => api::check(),
        ["postgres", program, rest @ ..] => {
            let cluster = postgres::Cluster::start()?;
            let mut told = run::command(program);
            told.args(rest);
            postgres::tell(&mut told, &cluster.url());
            run::run(&mut told)
        }
        ["needs"] => needs::see_to(needs::For::Test),
        ["needs", "demo"] => needs::see_to(needs::For::Demo),
        ["needs", "test"] => needs::see_to(needs::For::Test),
        ["needs", "bench"] => needs::see_to(needs::For::Bench),
        [] | ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        other => Err(format!("no command `{}`\n\n{USAGE}", other.join(" "))),
    }
}

fn fuzz(args: &[&str]) -> Outcome {
    let seconds = |text: &str| {
        let seconds = text
            .parse()
            .map_err(|_| format!("`{text}` is no number of seconds"))?;
        Ok::<_, String>(std::time::Duration::from_secs(seconds))
    };
    match args {
        [] => fuzz::fuzz(None, fuzz::DURATION),
        ["--seconds", n] => fuzz::fuzz(None, seconds(n)?),
        [target] => fuzz::fuzz(Some(target), fuzz::DURATION),
        [target, "--seconds", n] => fuzz::fuzz(Some(target), seconds(n)?),
        [target, input] => fuzz::replay(target, input),
        other => Err(format!("`fuzz {}` is not understood\n\n{USAGE}", other.join(" "))),
    }
}
