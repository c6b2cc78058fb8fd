//! From a clean clone to moving pictures: packages, web app, server, and then the server itself in our place.

use crate::run::{Outcome, cargo, run, target_dir};
use crate::{needs, web};
use std::process::Command;

pub fn demo(args: &[&str]) -> Outcome {
    needs::see_to(needs::For::Demo)?;
    web::build()?;
    eprintln!("Building the server (the first build takes some minutes)");
    // The dev profile on purpose: its dependencies are optimised, and it is half the time of a release
    // build until the first picture.
    run(cargo().args(["build", "--package", "busk-server"]))?;
    let mut busk = Command::new(target_dir().join("debug/busk"));
    busk.arg("demo").args(args);
    replace_us(busk)
}

/// Ctrl-C and the exit code then belong to the server alone.
#[cfg(unix)]
fn replace_us(mut busk: Command) -> Outcome {
    use std::os::unix::process::CommandExt;
    let problem = busk.exec();
    Err(format!(
        "cannot start {}: {problem}",
        busk.get_program().display()
    ))
}

#[cfg(not(unix))]
fn replace_us(mut busk: Command) -> Outcome {
    run(&mut busk)
}
