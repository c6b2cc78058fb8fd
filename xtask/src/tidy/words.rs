//! Words that do not belong in what is finished.

use super::source::{Source, joins};
use super::{Finding, Rule, tree::Tree};

pub const UNFINISHED: Rule = Rule {
    name: "unfinished",
    says: "Nothing is left for later in the code: no to-do marks, no placeholder macros, no skipped tests.",
    check: unfinished,
};

/// Spelt in halves, so that this file does not hold what it looks for.
const MARKS: &[(&str, &str)] = &[("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("lorem ", "ipsum")];
const CODE: &[&str] = &["todo!", "unimplemented!", "#[ignore"];
const SKIPPED_TESTS: &[(&str, &str)] = &[
    ("test.sk", "ip("),
    ("it.sk", "ip("),
    ("describe.sk", "ip("),
    ("test.on", "ly("),
];

fn unfinished(tree: &Tree, findings: &mut Vec<Finding>) {
    let ours = |file: &&Source| !file.path.ends_with(".json") && !file.path.ends_with("Cargo.lock");
    for file in tree.files().filter(ours) {
        let marks = MARKS.iter().map(|(a, b)| [*a, *b].concat());
        for mark in marks {
            let whole = |at: &usize| is_whole(&file.text, *at, mark.len());
            for at in file.text.match_indices(&mark).map(|(at, _)| at).filter(whole) {
                report(file, at, &mark, findings);
            }
        }
        if file.path.ends_with(".rs") {
            for mark in CODE {
                file.words(mark).for_each(|at| report(file, at, mark, findings));
            }
        } else if ["js", "mjs", "ts"]
            .iter()
            .any(|extension| file.path.ends_with(&format!(".{extension}")))
        {
            for mark in SKIPPED_TESTS.iter().map(|(a, b)| [*a, *b].concat()) {
                file.text
                    .match_indices(&mark)
                    .for_each(|(at, _)| report(file, at, &mark, findings));
            }
        }
    }
}

fn report(file: &Source, at: usize, mark: &str, findings: &mut Vec<Finding>) {
    let (line, name) = (file.line_of(at), mark.to_string());
    findings.push(Finding {
        path: file.path.clone(),
        line,
        name,
        what: format!("`{mark}` is left"),
    });
}

fn is_whole(text: &str, at: usize, length: usize) -> bool {
    let (mark, after) = text[at..].split_at(length);
    let before = text[..at].chars().next_back();
    !joins(before, mark.chars().next()) && !joins(mark.chars().next_back(), after.chars().next())
}

pub const NAMES: Rule = Rule {
    name: "names",
    says: "Names are the field's nouns: no type or module is a Manager, a Helper or Utils.",
    check: names,
};

fn names(tree: &Tree, findings: &mut Vec<Finding>) {
    for file in tree.rust() {
        for (keyword, at) in ["struct", "enum", "trait", "mod", "type"]
            .into_iter()
            .flat_map(|keyword| file.words(keyword).map(move |at| (keyword, at)))
        {
            let code = &file.lexed().code[at + keyword.len()..];
            let name: String = code
                .trim_start()
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            let lower = name.to_lowercase();
            if ["manager", "helper", "helpers", "utils", "util"]
                .iter()
                .any(|word| lower.ends_with(word))
            {
                let what = format!("`{name}` does not say what it is");
                findings.push(Finding {
                    path: file.path.clone(),
                    line: file.line_of(at),
                    name,
                    what,
                });
            }
        }
    }
}

pub const TYPED: Rule = Rule {
    name: "typed",
    says: "TypeScript is strict: nothing is `any`, and no check is switched off.",
    check: typed,
};

const UNTYPED: &[(&str, &str)] = &[
    (": an", "y"),
    ("as an", "y"),
    ("<an", "y>"),
    ("@ts-ig", "nore"),
    ("@ts-no", "check"),
];

fn typed(tree: &Tree, findings: &mut Vec<Finding>) {
    let ours = |file: &&Source| {
        let written = file.path.ends_with(".ts") || file.path.ends_with(".svelte");
        written && !file.name().contains(".gen.")
    };
    for file in tree.files().filter(ours) {
        for mark in UNTYPED.iter().map(|(a, b)| [*a, *b].concat()) {
            let code = |at: &usize| !in_comment(&file.text, *at) && is_whole(&file.text, *at, mark.len());
            let switch = mark.starts_with('@');
            for at in file
                .text
                .match_indices(&mark)
                .map(|(at, _)| at)
                .filter(|at| switch || code(at))
            {
                let (line, name) = (file.line_of(at), mark.clone());
                findings.push(Finding {
                    path: file.path.clone(),
                    line,
                    name,
                    what: format!("`{mark}`"),
                });
            }
        }
    }
}

/// Whether the line up to here is a comment's: enough for how ours are written.
fn in_comment(text: &str, at: usize) -> bool {
    let line = text[..at].rsplit('\n').next().unwrap_or_default().trim_start();
    line.starts_with("//") || line.starts_with('*') || line.starts_with("/*") || line.contains(" // ")
}

pub const PATHS: Rule = Rule {
    name: "paths",
    says: "No absolute path of someone's machine, and no link to what lies beside the repository.",
    check: paths,
};

/// Spelt in halves, like the marks above.
const MACHINES: &[(&str, &str)] = &[
    ("/ho", "me/"),
    ("/ro", "ot/"),
    ("/wo", "rk/"),
    ("/Us", "ers/"),
    ("C:\\", "Users"),
];

fn paths(tree: &Tree, findings: &mut Vec<Finding>) {
    for file in tree
        .files()
        .filter(|file| !file.path.ends_with("package-lock.json"))
    {
        for path in MACHINES.iter().map(|(a, b)| [*a, *b].concat()) {
            for (at, _) in file.text.match_indices(&path) {
                // `https://host/work/` is an address, not a path of a machine.
                let before = file.text[..at].chars().next_back();
                if before.is_none_or(|c| !c.is_alphanumeric() && !"._-{}$*".contains(c)) {
                    let what = format!("`{path}` is a path of one machine");
                    findings.push(Finding {
                        path: file.path.clone(),
                        line: file.line_of(at),
                        name: path.clone(),
                        what,
                    });
                }
            }
        }
        for at in outside(file) {
            let what = "this path leaves the repository".to_string();
            findings.push(Finding {
                path: file.path.clone(),
                line: file.line_of(at),
                name: String::new(),
                what,
            });
        }
    }
}

/// Where a text of ours names a relative path that climbs above the repository's root.
fn outside(file: &Source) -> Vec<usize> {
    if !["md", "toml", "sh"]
        .iter()
        .any(|extension| file.path.ends_with(&format!(".{extension}")))
    {
        return Vec::new();
    }
    let depth = file.path.matches('/').count();
    let climb = "../".repeat(depth + 1);
    let whole = |at: &usize| !file.text[..*at].ends_with("../") && !file.text[..*at].ends_with('/');
    file.text
        .match_indices(&climb)
        .map(|(at, _)| at)
        .filter(whole)
        .collect()
}
