//! Who may use whom, and what the bottom of the house may not know.

use super::source::Source;
use super::{Finding, Rule, tree::Tree};

/// Top to bottom: a crate may use those after it.
const ORDER: &[&str] = &[
    "server", "irc", "reports", "overlays", "commerce", "webhooks", "notices", "rooms", "fanout", "media",
    "replay", "hls", "rtmp", "people", "api", "ledger", "store", "base",
];

/// Crates that stand beside the order: what they may use, and who may use them.
const BESIDE: &[(&str, &[&str], &[&str])] = &[
    ("camera", &["base", "letters"], &["server"]),
    // Sockets only: a shard that can reach the database would wait for it.
    ("fanout", &["base"], &["server", "commerce", "rooms"]),
    // A thread that writes files, and an archive: whoever keeps rows about recordings is above.
    ("replay", &["hls", "base"], &["server", "rooms", "media"]),
    ("hls", &["base"], &["media", "rooms", "replay"]),
    ("rtmp", &["base", "outward"], &["media", "rooms", "server"]),
    ("outward", &["base"], &["rtmp", "webhooks", "notices", "mail"]),
    // Letters to a relay: whoever keeps rows about them is above.
    ("mail", &["base", "outward"], &["server", "notices"]),
    ("mixer", &["base", "letters"], &["media"]),
    ("letters", &[], &["mixer", "camera"]),
];

pub const LAYERS: Rule = Rule {
    name: "layers",
    says: "A crate may use only crates below it: server, irc, reports, overlays, commerce, webhooks, notices, rooms, fanout, media, replay, \
           hls, rtmp, people, api, ledger, store, base; camera, fanout, hls, mixer, outward and rtmp use base alone (camera and mixer letters too, rtmp and mail outward), replay hls too, and testkit is \
           for tests.",
    check: layers,
};

fn layers(tree: &Tree, findings: &mut Vec<Finding>) {
    for file in tree.files().filter(|file| file.name() == "Cargo.toml") {
        let Some(user) = file.krate().filter(|user| *user != "testkit") else {
            continue;
        };
        for (line, used) in dependencies(&file.text) {
            if !may_use(user, used) {
                findings.push(Finding {
                    path: file.path.clone(),
                    line,
                    name: used.into(),
                    what: format!("busk-{user} may not use busk-{used}"),
                });
            }
        }
    }
}

fn may_use(user: &str, used: &str) -> bool {
    let beside = |name: &str| BESIDE.iter().find(|(krate, _, _)| *krate == name);
    let of_user = beside(user).is_none_or(|(_, below, _)| below.contains(&used));
    let of_used = beside(used).is_none_or(|(_, _, above)| above.contains(&user));
    let place = |name: &str| ORDER.iter().position(|krate| *krate == name);
    let order = match (place(user), place(used)) {
        (Some(user), Some(used)) => user < used,
        // Beside the order, or new: then it must have its line above.
        _ => beside(user).is_some() || beside(used).is_some(),
    };
    of_user && of_used && order
}

/// Our crates among a manifest's dependencies (not those for tests), with their lines.
fn dependencies(manifest: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut counts = false;
    for (number, line) in manifest.lines().enumerate() {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches([']', ' ']);
            counts = section.ends_with("dependencies") && !section.ends_with("dev-dependencies");
            if let Some((kind, name)) = section.rsplit_once(".busk-")
                && kind.ends_with("dependencies")
                && !kind.ends_with("dev-dependencies")
            {
                found.push((number + 1, name));
            }
        } else if counts && let Some(rest) = line.trim_start().strip_prefix("busk-") {
            let end = rest
                .find(|c: char| !c.is_alphanumeric() && c != '-')
                .unwrap_or(rest.len());
            found.push((number + 1, &rest[..end]));
        }
    }
    found
}

pub const LINTS: Rule = Rule {
    name: "lints",
    says: "Every crate takes the workspace's lints.",
    check: lints,
};

fn lints(tree: &Tree, findings: &mut Vec<Finding>) {
    for file in tree.files().filter(|file| file.path.ends_with("/Cargo.toml")) {
        let taken =
            file.text.contains("[lints]\nworkspace = true") || file.text.contains("lints.workspace = true");
        if !taken {
            let what = "does not take the workspace's lints".to_string();
            findings.push(Finding {
                path: file.path.clone(),
                line: 0,
                name: String::new(),
                what,
            });
        }
    }
}

pub const BARE: Rule = Rule {
    name: "bare",
    says: "base, ledger and every protocol.rs name no tokio, axum, hyper or socket: bytes and a time go in, \
           bytes and events come out.",
    check: bare,
};

const IO_WORDS: &[&str] = &[
    "tokio",
    "axum",
    "hyper",
    "socket2",
    "reqwest",
    "UdpSocket",
    "TcpStream",
    "TcpListener",
    "UnixStream",
];

fn bare(tree: &Tree, findings: &mut Vec<Finding>) {
    for file in tree.rust().filter(|file| is_bare(file)) {
        for word in IO_WORDS {
            for at in file.words(word).filter(|at| !file.is_test(*at)) {
                findings.push(Finding {
                    path: file.path.clone(),
                    line: file.line_of(at),
                    name: (*word).into(),
                    what: format!("names `{word}`"),
                });
            }
        }
    }
    for file in tree
        .files()
        .filter(|file| ["crates/base/Cargo.toml", "crates/ledger/Cargo.toml"].contains(&&*file.path))
    {
        for (number, line) in file
            .text
            .lines()
            .enumerate()
            .take_while(|(_, line)| !line.contains("dev-dependencies"))
        {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if IO_WORDS.contains(&name) {
                findings.push(Finding {
                    path: file.path.clone(),
                    line: number + 1,
                    name: name.into(),
                    what: format!("depends on `{name}`"),
                });
            }
        }
    }
}

fn is_bare(file: &Source) -> bool {
    matches!(file.krate(), Some("base" | "ledger"))
        || file.path.starts_with("crates/") && file.name() == "protocol.rs"
}
