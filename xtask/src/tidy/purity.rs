//! Time, configuration and chance are arguments.

use super::{Finding, Rule, tree::Tree};

pub const PURE: Rule = Rule {
    name: "pure",
    says: "Nothing below server reads a clock, the environment or random numbers, except the shells that do I/O: \
           files named serve.rs or shard.rs, and those with a line in the list of exceptions.",
    check: pure,
};

/// Crates that are shells themselves, or never ship.
const EXEMPT: &[&str] = &["server", "testkit"];
const SHELLS: &[&str] = &["serve.rs", "shard.rs", "build.rs"];

const SOURCES: &[(&str, &str)] = &[
    ("SystemTime::now", "a clock"),
    ("Instant::now", "a clock"),
    ("Timestamp::now", "a clock"),
    ("Zoned::now", "a clock"),
    ("env::var", "the environment"),
    ("env::var_os", "the environment"),
    ("env::vars", "the environment"),
    ("getrandom::fill", "random numbers"),
    ("getrandom::u32", "random numbers"),
    ("getrandom::u64", "random numbers"),
    ("OsRng", "random numbers"),
    ("thread_rng", "random numbers"),
    ("rand::rng", "random numbers"),
    ("rand::random", "random numbers"),
    ("Uuid::now_v7", "a clock and random numbers"),
    ("Uuid::new_v4", "random numbers"),
];

fn pure(tree: &Tree, findings: &mut Vec<Finding>) {
    for file in tree.rust() {
        let Some(krate) = file.krate() else { continue };
        if EXEMPT.contains(&krate) || SHELLS.contains(&file.name()) {
            continue;
        }
        for (word, source) in SOURCES {
            for at in file.words(word).filter(|at| !file.is_test(*at)) {
                findings.push(Finding {
                    path: file.path.clone(),
                    line: file.line_of(at),
                    name: (*word).into(),
                    what: format!("`{word}` reads {source}: make it an argument"),
                });
            }
        }
    }
}
