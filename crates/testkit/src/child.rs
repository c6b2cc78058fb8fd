//! A part of a test that needs a process of its own, to be killed or watched: an ignored test of the same binary. And
//! how long tests may take.

use std::process::{Command, Stdio};

const TOLD: &str = "BUSK_TEST_TOLD";

/// The words that run an ignored test of this binary, by its whole name, and tell it something.
pub fn words(test: &str) -> Vec<String> {
    let this = std::env::current_exe().expect("a test's binary has a path");
    [
        &this.display().to_string(),
        test,
        "--exact",
        "--ignored",
        "--nocapture",
    ]
    .map(str::to_owned)
    .into()
}

/// Such a process, run by `before` (a tracer, a namespace) if that is not empty.
pub fn command(before: &[&str], test: &str, told: &str) -> Command {
    let words: Vec<String> = before
        .iter()
        .map(|word| (*word).to_owned())
        .chain(words(test))
        .collect();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).env(TOLD, told).stdin(Stdio::null());
    command
}

/// What this process was told; nothing when nobody began it for that.
pub fn told() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "how a test tells its child what to do")]
    std::env::var(TOLD).ok()
}

/// Whether `cargo xtask test --long` asks for more.
#[expect(clippy::disallowed_methods, reason = "how long the tests may take is said so")]
pub fn long() -> bool {
    std::env::var("BUSK_TEST_LONG").is_ok()
}
