//! What is written for people: present, and pointing at what exists.

use super::{Finding, Rule, tree::Tree};

pub const PRESENT: Rule = Rule {
    name: "documents",
    says: "README, ARCHITECTURE, CHANGELOG, LICENSE-MIT, LICENSE-APACHE and LICENSES.md stand in the root.",
    check: present,
};

const DOCUMENTS: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "LICENSES.md",
];

fn present(tree: &Tree, findings: &mut Vec<Finding>) {
    for document in DOCUMENTS {
        if tree.file(document).is_none_or(|file| file.text.trim().is_empty()) {
            let what = "is missing or empty".to_string();
            findings.push(Finding {
                path: (*document).into(),
                line: 0,
                name: String::new(),
                what,
            });
        }
    }
}

pub const LINKS: Rule = Rule {
    name: "links",
    says: "A relative link in a document leads to a file of the repository.",
    check: links,
};

fn links(tree: &Tree, findings: &mut Vec<Finding>) {
    for file in tree.files().filter(|file| file.path.ends_with(".md")) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (at, target) in targets(&file.text) {
            let path = target.split(['#', '?']).next().unwrap_or_default();
            let elsewhere = target.contains("://") || target.starts_with("mailto:") || path.is_empty();
            if elsewhere || resolve(folder, path).is_some_and(|path| tree.holds(&path)) {
                continue;
            }
            let what = format!("`{target}` leads nowhere");
            findings.push(Finding {
                path: file.path.clone(),
                line: file.line_of(at),
                name: target.into(),
                what,
            });
        }
    }
}

/// `](target)` and `src="target"`, outside of code blocks.
fn targets(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let (mut offset, mut fenced) = (0, false);
    for line in text.split_inclusive('\n') {
        fenced ^= line.trim_start().starts_with("```");
        for (open, close) in [("](", ')'), ("src=\"", '"'), ("href=\"", '"')] {
            for (at, _) in line.match_indices(open).filter(|_| !fenced) {
                let rest = &line[at + open.len()..];
                if let Some(end) = rest.find(close) {
                    found.push((offset + at, rest[..end].split(' ').next().unwrap_or_default()));
                }
            }
        }
        offset += line.len();
    }
    found
}

/// The path from the root, or nothing when it climbs above it.
fn resolve(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

pub const OPENING: Rule = Rule {
    name: "opening",
    says: "A Rust file opens by saying what it is for (`//!`); parts of a story named http.rs, sql.rs or tests.rs \
           stand beside the file that says it.",
    check: opening,
};

const PARTS: &[&str] = &["http.rs", "sql.rs", "build.rs"];

fn opening(tree: &Tree, findings: &mut Vec<Finding>) {
    for file in tree
        .rust()
        .filter(|file| !file.is_test_file() && !PARTS.contains(&file.name()))
    {
        let first = file.text.lines().find(|line| !line.trim().is_empty());
        if first.is_none_or(|line| !line.starts_with("//!")) {
            let what = "does not open by saying what it is for".to_string();
            findings.push(Finding {
                path: file.path.clone(),
                line: 1,
                name: String::new(),
                what,
            });
        }
    }
}
