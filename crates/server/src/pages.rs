//! The web app, embedded. `web/pages.json` says which page is shown at which address.
//!
//! Files whose name holds a hash of their content never change and may be kept for ever; everything else
//! is asked for again each time, with its ETag. Text is sent compressed, compressed once.
//!
//! A page that is isolated has no origin, though its address is ours: its policy puts it into a sandbox. It has no
//! cookies, no storage and no way to pages of ours, whatever is made to run in it; what it loads it loads as any site
//! would, so what never changes may be read from anywhere.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::sync::{Arc, OnceLock};

use axum::response::{IntoResponse, Response};
use busk_api::Problem;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::Deserialize;

/// What `npm run build` made. The program also builds, and says so, when it did not run.
#[derive(rust_embed::RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

const PAGES: &str = include_str!("../../../web/pages.json");
const MANIFEST: &str = ".vite/manifest.json";
const NOT_BUILT: &str = "<!doctype html><meta charset=utf-8><title>Busk</title><p>The web app is not built. \
                         Run <code>cargo xtask demo</code>, or <code>npm ci &amp;&amp; npm run build</code> in \
                         <code>web</code>, and build the program again.";

#[derive(Deserialize)]
struct Pages {
    pages: Vec<Page>,
    fallback: String,
}

#[derive(Deserialize)]
struct Page {
    path: String,
    file: String,
    #[serde(default)]
    isolated: bool,
}

/// An entry of Vite's manifest; everything it names has a hash in its name.
#[derive(Deserialize)]
struct Built {
    file: String,
    #[serde(default)]
    css: Vec<String>,
    #[serde(default)]
    assets: Vec<String>,
}

struct File {
    bytes: Bytes,
    gzip: OnceLock<Option<Bytes>>,
    kind: &'static str,
    etag: HeaderValue,
    immutable: bool,
}

/// Every page and file of the web app.
#[derive(Clone)]
pub struct Web(Arc<Inner>);

struct Inner {
    files: HashMap<String, File>,
    pages: Pages,
}

impl Web {
    /// Reads what is embedded.
    pub fn load() -> Self {
        let pages: Pages =
            serde_json::from_str(PAGES).expect("web/pages.json has the shape that is tested below");
        let hashed = hashed();
        let files = Dist::iter()
            .filter(|name| !name.starts_with('.'))
            .filter_map(|name| {
                let file = Dist::get(&name)?;
                let hex: String = file.metadata.sha256_hash()[..16]
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                let loaded = File {
                    bytes: match file.data {
                        std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                        std::borrow::Cow::Owned(bytes) => bytes.into(),
                    },
                    gzip: OnceLock::new(),
                    kind: kind(&name),
                    etag: HeaderValue::try_from(format!("\"{hex}\"")).expect("hex is a legal ETag"),
                    immutable: hashed.contains(&*name),
                };
                Some((name.into_owned(), loaded))
            })
            .collect();
        Self(Arc::new(Inner { files, pages }))
    }

    /// Answers a request that no route took.
    pub fn serve(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response {
        if method != Method::GET && method != Method::HEAD {
            let refused = Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "Pages can only be read",
            );
            return ([(header::ALLOW, "GET, HEAD")], refused).into_response();
        }
        let name = path.trim_start_matches('/');
        // Pages have addresses of their own: their files' names are not addresses.
        if let Some(file) = self.0.files.get(name).filter(|_| !name.ends_with(".html")) {
            return file.answer(StatusCode::OK, headers);
        }
        let known = self.0.pages.at(path);
        let (status, page) = match known {
            Some(page) => (StatusCode::OK, page.file.as_str()),
            None => (StatusCode::NOT_FOUND, self.0.pages.fallback.as_str()),
        };
        match self.0.files.get(page) {
            Some(file) if known.is_some_and(|page| page.isolated) => isolated(file.answer(status, headers)),
            Some(file) => file.answer(status, headers),
            None => {
                let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
                let status = match status {
                    StatusCode::OK => StatusCode::SERVICE_UNAVAILABLE,
                    other => other,
                };
                (status, kind, NOT_BUILT).into_response()
            }
        }
    }
}

impl Pages {
    fn at(&self, path: &str) -> Option<&Page> {
        self.pages.iter().find(|page| matches(&page.path, path))
    }
}

/// What an isolated page may do: run our own script, without an origin, and ask us as a stranger. Our studio may show
/// it in a frame. Templates become markup by Svelte's own policy alone; what people wrote is never markup.
const ISOLATED: &str = "sandbox allow-scripts; default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; \
     require-trusted-types-for 'script'; trusted-types svelte-trusted-html";

fn isolated(mut answer: Response) -> Response {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, ISOLATED),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// Whether a path fits a pattern like `/@{handle}`: a name in braces stands for the rest of its segment.
fn matches(pattern: &str, path: &str) -> bool {
    let path = match path.strip_suffix('/') {
        Some(shorter) if !shorter.is_empty() => shorter,
        _ => path,
    };
    let (mut patterns, mut segments) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), segments.next()) {
            (None, None) => return true,
            (Some(pattern), Some(segment)) => {
                let fits = match pattern.split_once('{') {
                    Some((start, _)) => segment.strip_prefix(start).is_some_and(|rest| !rest.is_empty()),
                    None => pattern == segment,
                };
                if !fits {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

/// Names of the files that Vite gave a hash.
fn hashed() -> HashSet<String> {
    let Some(manifest) = Dist::get(MANIFEST) else {
        return HashSet::new();
    };
    let built: HashMap<String, Built> = serde_json::from_slice(&manifest.data).unwrap_or_default();
    built
        .into_values()
        .flat_map(|entry| std::iter::once(entry.file).chain(entry.css).chain(entry.assets))
        .collect()
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        "woff2" => "font/woff2",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "wasm" => "application/wasm",
        "mp3" => "audio/mpeg",
        "webm" => "video/webm",
        "mp4" => "video/mp4",
        _ => "application/octet-stream",
    }
}

impl File {
    fn answer(&self, status: StatusCode, asked: &HeaderMap) -> Response {
        let cache = if self.immutable {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        let known = asked.get(header::IF_NONE_MATCH).is_some_and(|known| {
            let known = known.to_str().unwrap_or_default();
            known == "*"
                || known
                    .split(',')
                    .any(|tag| tag.trim().trim_start_matches("W/") == self.etag)
        });
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(self.kind)),
            (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
            (header::ETAG, self.etag.clone()),
            (header::VARY, HeaderValue::from_static("accept-encoding")),
        ];
        let mut answer = if known && status == StatusCode::OK {
            (StatusCode::NOT_MODIFIED, headers).into_response()
        } else if let Some(gzip) = self.gzip().filter(|_| takes_gzip(asked)) {
            let encoding = [(header::CONTENT_ENCODING, "gzip")];
            (status, headers, encoding, gzip).into_response()
        } else {
            (status, headers, self.bytes.clone()).into_response()
        };
        if self.immutable {
            let anyone = HeaderValue::from_static("*");
            answer
                .headers_mut()
                .insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, anyone);
        }
        answer
    }

    /// The content compressed, unless that gains nothing.
    fn gzip(&self) -> Option<Bytes> {
        let compress = || {
            let text =
                self.kind.starts_with("text/") || self.kind.ends_with("json") || self.kind.ends_with("xml");
            if !text {
                return None;
            }
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&self.bytes).ok()?;
            let gzip = encoder.finish().ok()?;
            (gzip.len() < self.bytes.len()).then(|| gzip.into())
        };
        self.gzip.get_or_init(compress).clone()
    }
}

/// Whether the browser takes gzip: named, and not with a weight of nothing.
fn takes_gzip(asked: &HeaderMap) -> bool {
    let lines = asked.get_all(header::ACCEPT_ENCODING).iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            let refused = matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
            name.trim().eq_ignore_ascii_case("gzip") && !refused
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_has_its_page() {
        let pages: Pages = serde_json::from_str(PAGES).unwrap();
        for (path, file) in [
            ("/", Some("home.html")),
            ("/@ana", Some("watch.html")),
            ("/r/0199", Some("watch.html")),
            ("/h/0199", Some("hangout.html")),
            ("/studio", Some("studio.html")),
            ("/studio/", Some("studio.html")),
            ("/sign-in", Some("account.html")),
            ("/setup", Some("account.html")),
            ("/@", None),
            ("/@ana/more", None),
            ("/r/", None),
            ("/overlay", Some("overlay.html")),
            ("/nowhere", None),
        ] {
            let page = pages.at(path);
            assert_eq!(page.map(|page| &*page.file), file, "{path}");
            let isolated = page.is_some_and(|page| page.isolated);
            assert_eq!(isolated, path == "/overlay", "{path}");
        }
    }

    #[test]
    fn gzip_is_sent_to_who_takes_it() {
        for (asked, takes) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, gzip;q=0.8", true),
            ("gzip;q=0", false),
            ("br", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, asked.parse().unwrap());
            assert_eq!(takes_gzip(&headers), takes, "{asked}");
        }
    }

    fn file() -> File {
        File {
            bytes: Bytes::from("x".repeat(1_000)),
            gzip: OnceLock::new(),
            kind: "text/css; charset=utf-8",
            etag: HeaderValue::from_static("\"abc\""),
            immutable: true,
        }
    }

    #[test]
    fn a_known_file_is_not_sent_again() {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, "W/\"abc\"".parse().unwrap());
        let answer = file().answer(StatusCode::OK, &headers);
        assert_eq!(answer.status(), StatusCode::NOT_MODIFIED);
        headers.insert(header::IF_NONE_MATCH, "\"abd\"".parse().unwrap());
        headers.insert(header::ACCEPT_ENCODING, "gzip".parse().unwrap());
        let answer = file().answer(StatusCode::OK, &headers);
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert_eq!(answer.headers()[header::CONTENT_ENCODING], "gzip");
        assert!(
            answer.headers()[header::CACHE_CONTROL]
                .to_str()
                .unwrap()
                .contains("immutable")
        );
    }
}
