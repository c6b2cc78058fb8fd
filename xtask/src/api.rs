//! The outside contract in its two written forms: OpenAPI from the server, TypeScript types from OpenAPI.
//! Both are committed; `check` fails when either is not what the server says now.

use crate::run::{Outcome, cargo, npm, read, root, run, target_dir};
use crate::web;
use std::process::Command;

const OPENAPI: &str = "web/openapi.json";
const TYPES: &str = "web/src/lib/api/types.gen.ts";

pub fn generate() -> Outcome {
    web::packages("web")?;
    let openapi = root().join(OPENAPI);
    build()?;
    std::fs::write(&openapi, from_server()?).map_err(|e| format!("{OPENAPI}: {e}"))?;
    run(npm("web").args(["run", "gen-api"]))
}

pub fn check() -> Outcome {
    build()?;
    check_built()
}

/// The same with the server that is already built: the suite's own build enables the tests' features too,
/// and another selection would compile half the tree again.
pub fn check_built() -> Outcome {
    web::packages("web")?;
    let committed =
        |path: &str| std::fs::read_to_string(root().join(path)).map_err(|e| format!("{path}: {e}"));
    let stale = |path: &str| {
        Err(format!(
            "{path} is not what the server says: run `cargo xtask gen-api`"
        ))
    };
    if from_server()? != committed(OPENAPI)? {
        return stale(OPENAPI);
    }
    let fresh = target_dir().join("types.gen.ts");
    let script = root().join("web/node_modules/.bin/openapi-typescript");
    let mut types = Command::new(script);
    types
        .current_dir(root().join("web"))
        .arg("openapi.json")
        .arg("-o")
        .arg(&fresh);
    read(&mut types)?;
    let fresh = std::fs::read_to_string(&fresh).map_err(|e| format!("{}: {e}", fresh.display()))?;
    if fresh != committed(TYPES)? {
        stale(TYPES)
    } else {
        Ok(())
    }
}

fn build() -> Outcome {
    run(cargo().args(["build", "--package", "busk-server"]))
}

fn from_server() -> Outcome<String> {
    let mut text = read(Command::new(target_dir().join("debug/busk")).arg("openapi"))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}
