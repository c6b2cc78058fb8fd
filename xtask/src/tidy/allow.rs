//! `xtask/tidy.allow`: what is right in spite of a rule, and why.
//!
//! One exception a line: `RULE PATH[#NAME]  REASON…`. A path that ends in `/` stands for all under it.

use super::{Finding, tree::Tree};

pub const PATH: &str = "xtask/tidy.allow";

struct Exception<'a> {
    rule: &'a str,
    path: &'a str,
    name: Option<&'a str>,
    line: usize,
}

impl Exception<'_> {
    fn excuses(&self, rule: &str, finding: &Finding) -> bool {
        let path = match self.path.ends_with('/') {
            true => finding.path.starts_with(self.path),
            false => finding.path == self.path,
        };
        self.rule == rule && path && self.name.is_none_or(|name| name == finding.name)
    }
}

/// The findings that no exception excuses, and the exceptions that excuse nothing or give no reason.
pub fn apply(tree: &Tree, findings: Vec<(&'static str, Finding)>) -> Vec<(&'static str, Finding)> {
    let Some(file) = tree.file(PATH) else {
        return findings;
    };
    let mut kept = Vec::new();
    let mut exceptions = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        match read(line, number + 1) {
            Some(Ok(exception)) => exceptions.push(exception),
            Some(Err(what)) => kept.push(("exceptions", fault(number + 1, what))),
            None => {}
        }
    }
    let mut used = vec![false; exceptions.len()];
    for (rule, finding) in findings {
        match exceptions
            .iter()
            .position(|exception| exception.excuses(rule, &finding))
        {
            Some(at) => used[at] = true,
            None => kept.push((rule, finding)),
        }
    }
    for (exception, used) in exceptions.iter().zip(used) {
        // Licences are only judged when cargo's metadata was read.
        let judged = exception.rule != "licences" || !tree.metadata.is_empty();
        if !used && judged {
            kept.push((
                "exceptions",
                fault(exception.line, "this exception excuses nothing any more"),
            ));
        }
    }
    kept
}

fn fault(line: usize, what: &str) -> Finding {
    Finding {
        path: PATH.into(),
        line,
        name: String::new(),
        what: what.into(),
    }
}

fn read(text: &str, line: usize) -> Option<Result<Exception<'_>, &'static str>> {
    if text.trim().is_empty() || text.starts_with('#') {
        return None;
    }
    let mut words = text.split_whitespace();
    let (Some(rule), Some(place)) = (words.next(), words.next()) else {
        return Some(Err("an exception is `RULE PATH[#NAME]  REASON…`"));
    };
    if words.count() < 3 {
        return Some(Err("an exception gives its reason in words"));
    }
    let (path, name) = match place.split_once('#') {
        Some((path, name)) => (path, Some(name)),
        None => (place, None),
    };
    Some(Ok(Exception {
        rule,
        path,
        name,
        line,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(path: &str, name: &str) -> Finding {
        Finding {
            path: path.into(),
            line: 1,
            name: name.into(),
            what: "w".into(),
        }
    }

    #[test]
    fn exceptions_excuse_exactly_what_they_name() {
        let seed = "\n--- good/xtask/tidy.allow\n# why\nr1 a.rs#f  it reads better so\nr1 b/  all of it is generated code\nr2 c.rs  no longer there at all\nr3 d.rs  why\n";
        let (_, tree) = Tree::of_seed(seed).split();
        let findings = vec![
            ("r1", finding("a.rs", "f")),
            ("r1", finding("a.rs", "g")),
            ("r1", finding("b/x.rs", "")),
            ("r2", finding("a.rs", "f")),
        ];
        let kept: Vec<_> = apply(&tree, findings)
            .into_iter()
            .map(|(rule, f)| (rule, f.path, f.name, f.line))
            .collect();
        let own = |line| ("exceptions", PATH.to_string(), String::new(), line);
        let expected = [
            own(5),
            ("r1", "a.rs".into(), "g".into(), 1),
            ("r2", "a.rs".into(), "f".into(), 1),
            own(4),
        ];
        assert_eq!(kept, expected);
    }
}
