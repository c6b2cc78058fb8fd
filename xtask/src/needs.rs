//! What the machine must have, who needs it, and how it gets there.
//!
//! On Debian and Ubuntu, as root or with a sudo that asks nothing, the missing packages are named and
//! installed. Anywhere else nothing is changed: the exact line to run is printed and the command stops.

use crate::run::{Outcome, command, found, read, run};
use crate::{postgres, web};
use std::path::Path;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum For {
    Demo,
    Test,
    Bench,
}

/// One thing the machine must have.
struct Need {
    what: &'static str,
    why: &'static str,
    by: &'static [For],
    present: fn() -> bool,
    apt: &'static str,
    dnf: &'static str,
    pacman: &'static str,
    brew: &'static str,
}

const ALL: &[For] = &[For::Demo, For::Test, For::Bench];

const NEEDS: &[Need] = &[
    Need {
        what: "a C and C++ compiler with make",
        why: "SQLite, the codecs and the cryptography are C and C++",
        by: ALL,
        present: || found("cc") && found("c++") && found("make"),
        apt: "build-essential",
        dnf: "gcc gcc-c++ make",
        pacman: "base-devel",
        brew: "",
    },
    Need {
        what: "cmake",
        why: "builds the Opus codec",
        by: ALL,
        present: || found("cmake"),
        apt: "cmake",
        dnf: "cmake",
        pacman: "cmake",
        brew: "cmake",
    },
    Need {
        what: "nasm",
        why: "without it the H.264 encoder of the synthetic cameras takes three times the processor",
        by: ALL,
        present: || found("nasm"),
        apt: "nasm",
        dnf: "nasm",
        pacman: "nasm",
        brew: "nasm",
    },
    Need {
        what: "Chromium",
        why: "the browser tests and the bench of latency open real pages",
        by: &[For::Test, For::Bench],
        present: || web::chromium().is_some(),
        apt: "chromium",
        dnf: "chromium",
        pacman: "chromium",
        brew: "--cask chromium",
    },
    Need {
        what: "ffmpeg",
        why: "the tests have it play what is packed for players",
        by: &[For::Test],
        present: || found("ffmpeg") && found("ffprobe"),
        apt: "ffmpeg",
        dnf: "ffmpeg-free",
        pacman: "ffmpeg",
        brew: "ffmpeg",
    },
    Need {
        what: "hledger",
        why: "the tests have it read the journals that are exported for accountants",
        by: &[For::Test],
        present: || found("hledger"),
        apt: "hledger",
        dnf: "hledger",
        pacman: "hledger",
        brew: "hledger",
    },
    Need {
        what: "strace",
        why: "the tests record what a process writes, to replay power cuts",
        by: &[For::Test],
        present: || found("strace"),
        apt: "strace",
        dnf: "strace",
        pacman: "strace",
        brew: "",
    },
    Need {
        what: "PostgreSQL's programs",
        why: "every database test runs on SQLite and on PostgreSQL; a throw-away one is started",
        by: &[For::Test, For::Bench],
        present: || postgres::programs().is_some(),
        apt: "postgresql",
        dnf: "postgresql-server postgresql-contrib",
        pacman: "postgresql",
        brew: "postgresql@15",
    },
    Need {
        what: "nginx with nchan",
        why: "the cache that LL-HLS is tested behind, and the yardstick of the fan-out and of LL-HLS",
        by: &[For::Test, For::Bench],
        present: || nginx() && nchan(),
        apt: "nginx-light libnginx-mod-nchan",
        dnf: "",
        pacman: "",
        brew: "",
    },
];

fn nginx() -> bool {
    found("nginx") || Path::new("/usr/sbin/nginx").exists()
}

fn nchan() -> bool {
    ["/usr/lib/nginx/modules", "/usr/share/nginx/modules"]
        .iter()
        .any(|dir| Path::new(dir).join("ngx_nchan_module.so").exists())
}

/// Installs what `who` lacks, or stops with the line that would.
pub fn see_to(who: For) -> Outcome {
    node()?;
    let missing: Vec<&Need> = NEEDS
        .iter()
        .filter(|n| n.by.contains(&who) && !(n.present)())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("Missing on this machine:");
    for need in &missing {
        eprintln!("  {}: {}", need.what, need.why);
    }
    match installer() {
        Installer::Apt(prefix) => apt(prefix, &missing)?,
        Installer::Tell(line) => return Err(tell(line, &missing)),
    }
    match missing.iter().find(|need| !(need.present)()) {
        None => Ok(()),
        Some(need) => Err(format!(
            "installed `{}`, but {} is still not found",
            need.apt, need.what
        )),
    }
}

enum Installer {
    /// Debian or Ubuntu, with what stands before `apt-get`.
    Apt(&'static [&'static str]),
    /// The start of the line to run by hand.
    Tell(&'static str),
}

fn installer() -> Installer {
    if found("apt-get") {
        if read(command("id").arg("-u")).is_ok_and(|id| id.trim() == "0") {
            return Installer::Apt(&[]);
        }
        if found("sudo") && read(command("sudo").args(["-n", "true"])).is_ok() {
            return Installer::Apt(&["sudo", "-n"]);
        }
        return Installer::Tell("sudo apt-get install -y --no-install-recommends");
    }
    if found("dnf") {
        Installer::Tell("sudo dnf install")
    } else if found("pacman") {
        Installer::Tell("sudo pacman -S --needed")
    } else {
        Installer::Tell("brew install")
    }
}

fn apt(prefix: &[&str], missing: &[&Need]) -> Outcome {
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.apt.split(' ')).collect();
    eprintln!("Installing Debian packages: {}", packages.join(" "));
    let apt_get = |args: &[&str]| {
        let words: Vec<&str> = prefix.iter().copied().chain(["apt-get"]).collect();
        let mut apt = command(words[0]);
        apt.args(&words[1..])
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive");
        run(&mut apt)
    };
    let offline = |problem: String| {
        format!(
            "{problem}\nDebian's packages cannot be reached, and these are needed: {}",
            packages.join(" ")
        )
    };
    apt_get(&["update", "-q"]).map_err(offline)?;
    let install = ["install", "-q", "-y", "--no-install-recommends"];
    apt_get(&[&install[..], &packages[..]].concat()).map_err(offline)
}

fn tell(line: &str, missing: &[&Need]) -> String {
    let name = |need: &&Need| match line {
        l if l.contains("apt-get") => need.apt,
        l if l.contains("dnf") => need.dnf,
        l if l.contains("pacman") => need.pacman,
        _ => need.brew,
    };
    let packages: Vec<&str> = missing.iter().map(name).filter(|name| !name.is_empty()).collect();
    let mut text = format!(
        "run this line, then the same command again:\n\n  {line} {}\n",
        packages.join(" ")
    );
    for need in missing.iter().filter(|need| name(need).is_empty()) {
        text.push_str(&format!(
            "\nand install {} by hand: there is no package of it here\n",
            need.what
        ));
    }
    text
}

/// Node is never installed for you: distributions ship versions too old for the build.
fn node() -> Outcome {
    const WANTED: (u32, u32) = (20, 19);
    let line = "install Node 20.19 or newer, with npm, from https://nodejs.org/en/download";
    if !found("node") || !found("npm") {
        return Err(format!("Node or npm is not on the PATH: {line}"));
    }
    let said = read(command("node").arg("--version"))?;
    match node_version(&said) {
        Some(version) if version >= WANTED => Ok(()),
        _ => Err(format!("Node {} is too old: {line}", said.trim())),
    }
}

fn node_version(said: &str) -> Option<(u32, u32)> {
    let mut parts = said.trim().strip_prefix('v')?.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_versions_are_read() {
        assert_eq!(node_version("v20.20.2\n"), Some((20, 20)));
        assert_eq!(node_version("v9.1.0"), Some((9, 1)));
        assert_eq!(node_version("unknown"), None);
    }

    #[test]
    fn a_demo_needs_neither_a_browser_nor_a_database() {
        let names: Vec<_> = NEEDS
            .iter()
            .filter(|n| n.by.contains(&For::Demo))
            .map(|n| n.apt)
            .collect();
        assert_eq!(names, ["build-essential", "cmake", "nasm"]);
    }

    #[test]
    fn elsewhere_the_exact_line_is_told() {
        let cmake: Vec<&Need> = NEEDS
            .iter()
            .filter(|n| ["cmake", "nasm"].contains(&n.what))
            .collect();
        assert!(tell("brew install", &cmake).contains("\n  brew install cmake nasm\n"));
        let nchan: Vec<&Need> = NEEDS.iter().filter(|n| n.what.contains("nchan")).collect();
        assert!(tell("sudo dnf install", &nchan).contains("install nginx with nchan by hand"));
    }
}
