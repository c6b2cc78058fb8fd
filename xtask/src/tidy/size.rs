//! Small files by nature, and functions that fit a screen.

use super::{Finding, Rule, tree::Tree};

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 80;
const WRITTEN: &[&str] = &["rs", "ts", "js", "mjs", "svelte", "css", "sql", "sh"];

pub const FILES: Rule = Rule {
    name: "file-size",
    says: "A file over 600 lines wants a reason (generated ones, *.gen.*, have theirs).",
    check: files,
};

fn files(tree: &Tree, findings: &mut Vec<Finding>) {
    for file in tree.files() {
        let extension = file.path.rsplit('.').next().unwrap_or_default();
        let lines = file.text.lines().count();
        if WRITTEN.contains(&extension) && lines > FILE_LINES_MAX && !file.name().contains(".gen.") {
            let what = format!("{lines} lines, more than {FILE_LINES_MAX}");
            findings.push(Finding {
                path: file.path.clone(),
                line: 0,
                name: String::new(),
                what,
            });
        }
    }
}

pub const FUNCTIONS: Rule = Rule {
    name: "function-size",
    says: "A function over 80 lines wants a reason.",
    check: functions,
};

fn functions(tree: &Tree, findings: &mut Vec<Finding>) {
    for file in tree.rust() {
        for function in file
            .functions()
            .into_iter()
            .filter(|function| function.lines > FUNCTION_LINES_MAX)
        {
            findings.push(Finding {
                path: file.path.clone(),
                line: function.line,
                what: format!(
                    "`{}` has {} lines, more than {FUNCTION_LINES_MAX}",
                    function.name, function.lines
                ),
                name: function.name,
            });
        }
    }
}
