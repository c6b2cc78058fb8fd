//! The files that rules read: the repository's own, or a seed's.

use super::source::Source;
use crate::run::{Outcome, cargo, command, read, root};
use std::path::Path;

#[derive(Default)]
pub struct Tree {
    files: Vec<Source>,
    /// What `cargo metadata` says, as JSON text; empty when nobody asked.
    pub metadata: String,
}

const SKIPPED: &[&str] = &[
    ".git",
    "target",
    "node_modules",
    "dist",
    "test-results",
    "seeds",
    "corpus",
    "artifacts",
];
const READ: &[&str] = &[
    "rs", "toml", "md", "sql", "ts", "js", "mjs", "svelte", "css", "html", "json", "sh", "yml", "allow",
];

impl Tree {
    /// The repository with cargo's metadata.
    pub fn of_repository() -> Outcome<Tree> {
        let mut tree = Tree::of_files()?;
        let says = read(command("rustc").arg("-vV"))?;
        let host = says
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .unwrap_or_default()
            .to_string();
        // Only this platform's packages: others' are in the lock file but need not be fetched.
        let mut metadata = cargo();
        metadata.args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            // Fuzzing is one.
            "--all-features",
            "--filter-platform",
            &host,
        ]);
        tree.metadata = read(&mut metadata)?;
        Ok(tree)
    }

    pub fn of_files() -> Outcome<Tree> {
        let mut tree = Tree::default();
        tree.collect(root())?;
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(tree)
    }

    fn collect(&mut self, folder: &Path) -> Outcome {
        let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if SKIPPED.contains(&name.as_ref()) || path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                self.collect(&path)?;
                continue;
            }
            let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
            let short = path
                .strip_prefix(root())
                .unwrap_or(&path)
                .to_string_lossy()
                .replace('\\', "/");
            let text = if READ.contains(&extension) || extension.is_empty() {
                std::fs::read_to_string(&path).unwrap_or_default()
            } else {
                String::new()
            };
            self.files.push(Source::new(short, text));
        }
        Ok(())
    }

    pub fn files(&self) -> impl Iterator<Item = &Source> {
        self.files.iter()
    }

    pub fn file(&self, path: &str) -> Option<&Source> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether a file or a folder stands at this path.
    pub fn holds(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty()
            || self
                .files
                .iter()
                .any(|file| file.path == path || file.path.starts_with(&folder))
    }

    pub fn rust(&self) -> impl Iterator<Item = &Source> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }
}

#[cfg(test)]
impl Tree {
    /// A seed: each file begins with a line `--- bad/PATH` or `--- good/PATH`.
    pub fn of_seed(text: &str) -> Tree {
        let mut tree = Tree::default();
        for part in text.split("\n--- ").skip(1) {
            let (path, text) = part.split_once('\n').unwrap_or((part, ""));
            tree.files.push(Source::new(path.trim().into(), text.into()));
        }
        tree
    }

    pub fn split(self) -> (Tree, Tree) {
        let (mut bad, mut good) = (Tree::default(), Tree::default());
        for file in self.files {
            let (side, path) = match file.path.split_once('/') {
                Some(("bad", path)) => (&mut bad, path),
                Some(("good", path)) => (&mut good, path),
                // Stands beside both, and is reported in neither.
                _ => panic!("a seed's file is bad/… or good/…, not {}", file.path),
            };
            if path == "metadata.json" {
                side.metadata = file.text.clone();
            } else {
                side.files.push(Source::new(path.into(), file.text.clone()));
            }
        }
        (bad, good)
    }

    /// A file in `bad/` that says `beside` in its first line is there for another's sake.
    pub fn is_marked_bad(&self, file: &Source) -> bool {
        !file.text.lines().next().unwrap_or_default().contains("beside")
    }
}
