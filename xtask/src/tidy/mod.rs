//! The rules of the house, each with a name, a sentence, and a seeded violation that it must catch.
//!
//! A rule reads a `Tree` (the repository's files, or a seed from `xtask/seeds/RULE.seed`) and reports
//! findings. What is right in spite of a rule stands in `xtask/tidy.allow` with its reason; an entry
//! there that excuses nothing is itself a finding.

mod allow;
mod docs;
mod layers;
mod licences;
mod money;
mod purity;
mod size;
mod source;
mod tree;
mod words;

use crate::run::Outcome;
use tree::Tree;

/// One thing that is not as it should be.
#[derive(Debug, PartialEq, Eq, Clone)]
pub struct Finding {
    pub path: String,
    /// 1-based; 0 when the finding is about the whole file.
    pub line: usize,
    /// What exactly, when a path holds several: a function's or a crate's name, or empty.
    pub name: String,
    pub what: String,
}

pub struct Rule {
    pub name: &'static str,
    pub says: &'static str,
    pub check: fn(&Tree, &mut Vec<Finding>),
}

const RULES: &[Rule] = &[
    layers::LAYERS,
    layers::LINTS,
    layers::BARE,
    money::LEDGER_ROWS,
    money::INTEGERS,
    money::ONE_DATABASE,
    purity::PURE,
    size::FILES,
    size::FUNCTIONS,
    words::UNFINISHED,
    words::NAMES,
    words::TYPED,
    words::PATHS,
    docs::LINKS,
    docs::PRESENT,
    docs::OPENING,
    licences::LICENCES,
];

pub fn tidy() -> Outcome {
    let tree = Tree::of_repository()?;
    let findings = judge(&tree);
    for (rule, finding) in &findings {
        let at = if finding.line > 0 {
            format!(":{}", finding.line)
        } else {
            String::new()
        };
        println!("{}{at}: {} [{rule}]", finding.path, finding.what);
    }
    if findings.is_empty() {
        println!(
            "tidy: {} rules hold over {} files",
            RULES.len(),
            tree.files().count()
        );
        return Ok(());
    }
    Err(format!(
        "{} findings. `cargo xtask tidy --explain` gives the rules; an exception with its reason goes into {}",
        findings.len(),
        allow::PATH
    ))
}

pub fn explain() {
    for rule in RULES {
        println!("{}\n    {}", rule.name, rule.says);
    }
}

fn judge(tree: &Tree) -> Vec<(&'static str, Finding)> {
    let mut findings = Vec::new();
    for rule in RULES {
        let mut found = Vec::new();
        (rule.check)(tree, &mut found);
        findings.extend(found.into_iter().map(|finding| (rule.name, finding)));
    }
    allow::apply(tree, findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(rule: &str) -> Tree {
        let path = crate::run::root().join(format!("xtask/seeds/{rule}.seed"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Tree::of_seed(&text)
    }

    /// Each seed has files under `bad/` that its rule must report, each of them, and files under
    /// `good/` that it must leave alone.
    #[test]
    fn every_rule_catches_its_seeded_violations_and_nothing_else() {
        for rule in RULES {
            let (bad, good) = seed(rule.name).split();
            let mut found = Vec::new();
            (rule.check)(&bad, &mut found);
            for file in bad.files().filter(|file| bad.is_marked_bad(file)) {
                let reported = found.iter().any(|finding| finding.path == file.path);
                assert!(reported, "{} does not report {}", rule.name, file.path);
            }
            assert!(!found.is_empty(), "{} finds nothing in its seed", rule.name);
            let mut found = Vec::new();
            (rule.check)(&good, &mut found);
            assert_eq!(found, [], "{} finds fault with what is right", rule.name);
        }
    }
}
