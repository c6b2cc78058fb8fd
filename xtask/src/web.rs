//! The web app's build: npm packages only when the lock file changed, the bundle only when a source did.
//! The marks of what was done stand in `node_modules`, so that they go when it goes.

use crate::run::{Outcome, npm, root, run, which};
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};

/// Installs the lock file's packages of `folder`, unless these very packages are installed.
pub fn packages(folder: &str) -> Outcome {
    let lock = root().join(folder).join("package-lock.json");
    let wanted = mark(&[lock])?;
    let done = root().join(folder).join("node_modules/.busk-packages");
    if is_marked(&done, &wanted) {
        return Ok(());
    }
    eprintln!("Fetching the npm packages of {folder}/ (once per lock file)");
    run(npm(folder)
        .args(["ci", "--no-audit", "--no-fund"])
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"))?;
    set_mark(&done, &wanted)
}

/// Builds `web/dist`, unless it was built from these very sources.
pub fn build() -> Outcome {
    packages("web")?;
    let mut sources = Vec::new();
    collect(&root().join("web"), &mut sources)?;
    let wanted = mark(&sources)?;
    let done = root().join("web/node_modules/.busk-dist");
    if is_marked(&done, &wanted) && root().join("web/dist").is_dir() {
        return Ok(());
    }
    eprintln!("Building the web app");
    run(npm("web").args(["run", "build"]))?;
    set_mark(&done, &wanted)
}

/// A Chromium to test in: `BUSK_CHROMIUM`, or the first of the usual places.
pub fn chromium() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("BUSK_CHROMIUM") {
        return Some(PathBuf::from(named)).filter(|path| path.is_file());
    }
    let on_path = [
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ]
    .iter()
    .find_map(|n| which(n));
    on_path.or_else(|| {
        let apps = [
            "Chromium.app/Contents/MacOS/Chromium",
            "Google Chrome.app/Contents/MacOS/Google Chrome",
        ];
        apps.iter()
            .map(|app| Path::new("/Applications").join(app))
            .find(|path| path.is_file())
    })
}

const NOT_SOURCES: &[&str] = &["node_modules", "dist", "test-results", "shots"];

fn collect(folder: &Path, into: &mut Vec<PathBuf>) -> Outcome {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for entry in entries.flatten() {
        let path = entry.path();
        if NOT_SOURCES.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if path.is_dir() {
            collect(&path, into)?
        } else {
            into.push(path)
        }
    }
    Ok(())
}

/// A fingerprint of these files' names and contents. It guards against a stale build, not an attacker.
fn mark(files: &[PathBuf]) -> Outcome<String> {
    let mut files = files.to_vec();
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in &files {
        let bytes = std::fs::read(file).map_err(|e| format!("{}: {e}", file.display()))?;
        hasher.write(
            file.strip_prefix(root())
                .unwrap_or(file)
                .as_os_str()
                .as_encoded_bytes(),
        );
        hasher.write_usize(bytes.len());
        hasher.write(&bytes);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn is_marked(file: &Path, wanted: &str) -> bool {
    std::fs::read_to_string(file).is_ok_and(|text| text == wanted)
}

fn set_mark(file: &Path, wanted: &str) -> Outcome {
    std::fs::write(file, wanted).map_err(|e| format!("{}: {e}", file.display()))
}
