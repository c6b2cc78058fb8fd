//! Every dependency's licence is one that `deny.toml` lists: crates by cargo's metadata, npm packages by
//! the lock files. The same list serves cargo-deny.

use super::{Finding, Rule, tree::Tree};
use serde_json::Value;

pub const LICENCES: Rule = Rule {
    name: "licences",
    says: "Every crate's and npm package's licence is satisfied by the list in deny.toml; what it asks of who \
           ships the binary is in LICENSES.md.",
    check: licences,
};

fn licences(tree: &Tree, findings: &mut Vec<Finding>) {
    if tree.metadata.is_empty() {
        return;
    }
    let list = tree
        .file("deny.toml")
        .map(|file| allowed(&file.text))
        .unwrap_or_default();
    let mut report = |path: &str, name: String, what: String| {
        findings.push(Finding {
            path: path.into(),
            line: 0,
            name,
            what,
        });
    };
    let metadata: Value = serde_json::from_str(&tree.metadata).unwrap_or_default();
    let (used, packages) = (used_crates(&metadata), metadata["packages"].as_array());
    for package in packages
        .into_iter()
        .flatten()
        .filter(|package| used.contains(&package["id"].as_str().unwrap_or_default()))
    {
        let name = package["name"].as_str().unwrap_or_default();
        let licence = package["license"].as_str().unwrap_or_default();
        if !satisfied(licence, &list) {
            report(
                "Cargo.lock",
                name.into(),
                format!("crate {name} has the licence `{licence}`"),
            );
        }
    }
    for file in tree.files().filter(|file| file.name() == "package-lock.json") {
        let lock: Value = serde_json::from_str(&file.text).unwrap_or_default();
        for (at, package) in lock["packages"].as_object().into_iter().flatten() {
            let licence = package["license"].as_str().unwrap_or_default();
            if !satisfied(licence, &list) {
                let name = at.rsplit("node_modules/").next().unwrap_or(at);
                report(
                    &file.path,
                    name.into(),
                    format!("npm package {name} has the licence `{licence}`"),
                );
            }
        }
    }
}

/// The crates that this platform's build really resolves to.
fn used_crates(metadata: &Value) -> Vec<&str> {
    let nodes = metadata["resolve"]["nodes"].as_array();
    nodes
        .into_iter()
        .flatten()
        .filter_map(|node| node["id"].as_str())
        .collect()
}

/// The strings of `allow = [ … ]` in deny.toml's `[licenses]`.
fn allowed(deny: &str) -> Vec<&str> {
    let section = deny
        .split("\n[")
        .find(|section| section.trim_start_matches('[').starts_with("licenses]"));
    let list = section
        .and_then(|section| section.split_once("allow = ["))
        .and_then(|(_, rest)| rest.split_once(']'));
    let Some((list, _)) = list else { return Vec::new() };
    let lines = list
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default());
    lines
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .collect()
}

/// An SPDX expression: OR of ANDs, brackets, and `WITH`, which belongs to the name before it.
fn satisfied(expression: &str, list: &[&str]) -> bool {
    // The old form `MIT/Apache-2.0` means a choice.
    let expression = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = expression.split_whitespace().collect();
    let mut at = 0;
    let result = any(&words, &mut at, list);
    result && at == words.len()
}

fn any(words: &[&str], at: &mut usize, list: &[&str]) -> bool {
    let mut result = all(words, at, list);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        result |= all(words, at, list);
    }
    result
}

fn all(words: &[&str], at: &mut usize, list: &[&str]) -> bool {
    let mut result = one(words, at, list);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        result &= one(words, at, list);
    }
    result
}

fn one(words: &[&str], at: &mut usize, list: &[&str]) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let result = any(words, at, list);
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return result && closed;
    }
    let mut name = (*word).to_string();
    if words.get(*at) == Some(&"WITH") {
        name = format!("{name} WITH {}", words.get(*at + 1).unwrap_or(&""));
        *at += 2;
    }
    list.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_understood() {
        let list = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "ISC"];
        for good in [
            "MIT",
            "MIT/GPL-3.0",
            "GPL-2.0 OR MIT",
            "(GPL-2.0 OR MIT) AND ISC",
            "MIT AND (ISC OR OpenSSL)",
            "Apache-2.0 WITH LLVM-exception OR BSL-1.0",
        ] {
            assert!(satisfied(good, &list), "{good}");
        }
        for bad in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT",
            "MIT ISC",
            "MIT WITH LLVM-exception",
            "OR MIT",
        ] {
            assert!(!satisfied(bad, &list), "{bad}");
        }
    }

    #[test]
    fn the_list_is_read_from_deny_toml() {
        let deny = "[bans]\nallow = [\"no\"]\n\n[licenses]\n# why\nallow = [\n  \"MIT\", # \"not\" this\n  \"ISC\",\n]\n[sources]\n";
        assert_eq!(allowed(deny), ["MIT", "ISC"]);
    }
}
