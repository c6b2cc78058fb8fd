//! Who may touch the rows that are money, and who may know which database holds them.

use super::source::Source;
use super::{Finding, Rule, tree::Tree};

pub const LEDGER_ROWS: Rule = Rule {
    name: "ledger-rows",
    says: "Only the ledger's files write ledger_* tables; everyone else posts through it.",
    check: ledger_rows,
};

const WRITES: &[&str] = &[
    "insert into ",
    "insert or ignore into ",
    "insert or replace into ",
    "replace into ",
    "update ",
    "delete from ",
];

fn ledger_rows(tree: &Tree, findings: &mut Vec<Finding>) {
    for file in tree
        .files()
        .filter(|file| file.krate().is_some_and(|krate| krate != "ledger"))
    {
        let mut report = |line, table: &str| {
            let what = format!("writes `{table}`, which is the ledger's");
            findings.push(Finding {
                path: file.path.clone(),
                line,
                name: table.into(),
                what,
            });
        };
        if file.path.ends_with(".sql") {
            written(&file.text)
                .into_iter()
                .for_each(|(at, table)| report(file.line_of(at), &table));
        } else if file.path.ends_with(".rs") {
            for (start, text) in &file.lexed().strings {
                written(text)
                    .into_iter()
                    .for_each(|(at, table)| report(file.line_of(start + at), &table));
            }
        }
    }
}

/// The ledger's tables that this SQL writes, with where.
fn written(sql: &str) -> Vec<(usize, String)> {
    // Blanks of any kind count as one, byte for byte, so that offsets stay true.
    let flat: String = sql
        .chars()
        .map(|c| {
            if c.is_whitespace() {
                ' '
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect();
    let mut found = Vec::new();
    for verb in WRITES {
        for (at, _) in flat.match_indices(verb) {
            let rest = flat[at + verb.len()..].trim_start().trim_start_matches('"');
            if rest.starts_with("ledger_") {
                let end = rest
                    .find(|c: char| !c.is_alphanumeric() && c != '_')
                    .unwrap_or(rest.len());
                found.push((at, rest[..end].to_string()));
            }
        }
    }
    found
}

pub const INTEGERS: Rule = Rule {
    name: "integers",
    says: "Money is integers with a unit type: ledger and commerce name no floating-point type.",
    check: integers,
};

fn integers(tree: &Tree, findings: &mut Vec<Finding>) {
    for file in tree
        .rust()
        .filter(|file| matches!(file.krate(), Some("ledger" | "commerce")))
    {
        for float in ["f32", "f64"] {
            for at in file.words(float) {
                let what = format!("names `{float}`");
                findings.push(Finding {
                    path: file.path.clone(),
                    line: file.line_of(at),
                    name: float.into(),
                    what,
                });
            }
        }
    }
}

pub const ONE_DATABASE: Rule = Rule {
    name: "one-database",
    says: "Outside store nothing names rusqlite or tokio_postgres: no other code knows which database runs.",
    check: one_database,
};

fn one_database(tree: &Tree, findings: &mut Vec<Finding>) {
    for file in tree
        .files()
        .filter(|file| file.krate().is_some_and(|krate| krate != "store"))
    {
        for driver in ["rusqlite", "tokio_postgres", "tokio-postgres", "sqlx"] {
            for at in named(file, driver) {
                let what = format!("names `{driver}`");
                findings.push(Finding {
                    path: file.path.clone(),
                    line: file.line_of(at),
                    name: driver.into(),
                    what,
                });
            }
        }
    }
}

fn named(file: &Source, driver: &str) -> Vec<usize> {
    match file.name() {
        "Cargo.toml" => file.text.match_indices(driver).map(|(at, _)| at).collect(),
        name if name.ends_with(".rs") => file.words(driver).collect(),
        _ => Vec::new(),
    }
}
