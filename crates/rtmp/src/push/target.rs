//! Where to push: `rtmp://host[:port]/app` and a stream key.
//!
//! Invariant: neither the key nor the rest of the path, where people paste it too, is ever shown.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

const TEXT_BYTES_MAX: usize = 1_024;
const HOST_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;
const HIDDEN: &str = "…";
/// Shorter ones are words of the language, which nothing is gained by hiding.
const SECRET_CHARS_MIN: usize = 4;

/// A target that can be pushed to. What it shows of itself is the host.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    tls: bool,
    host: String,
    port: u16,
    app: String,
    key: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    #[error("The address and the stream key have at most 1024 characters.")]
    TooLong,
    #[error("The address or the stream key has a character that is not allowed, such as a space.")]
    Character,
    #[error("The address begins with rtmp:// or rtmps://.")]
    Scheme,
    #[error("The address has no user name and no password. Put the stream key into its own field.")]
    Credentials,
    #[error("The address has no valid host.")]
    Host,
    #[error("The address has no valid port.")]
    Port,
    #[error("The address has no app, as in rtmp://example.com/live.")]
    App,
    #[error("There is no stream key.")]
    Key,
}

impl Target {
    /// `rtmp://host[:port]/app` and the key. Without a key, the last part of the address is it.
    pub fn parse(url: &str, key: &str) -> Result<Self, TargetError> {
        let (url, key) = (url.trim(), key.trim());
        if url.len() > TEXT_BYTES_MAX || key.len() > TEXT_BYTES_MAX {
            return Err(TargetError::TooLong);
        }
        let visible = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\');
        if !url.bytes().all(|byte| visible(byte) && byte != b'#') || !key.bytes().all(visible) {
            return Err(TargetError::Character);
        }
        let (scheme, rest) = url.split_once("://").ok_or(TargetError::Scheme)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "rtmp" => false,
            "rtmps" => true,
            _ => return Err(TargetError::Scheme),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(TargetError::Credentials);
        }
        let (host, port) = split_port(authority)?;
        let host = valid_host(host).ok_or(TargetError::Host)?;
        let port = port.unwrap_or(if tls { 443 } else { 1_935 });
        let path = path.strip_prefix('/').ok_or(TargetError::App)?;
        let (app, key) = match key {
            "" => path.rsplit_once('/').ok_or(TargetError::Key)?,
            key => (path, key),
        };
        let app = app.trim_end_matches('/');
        if app.is_empty() || app.starts_with(['/', '?']) {
            return Err(TargetError::App);
        }
        if key.is_empty() {
            return Err(TargetError::Key);
        }
        Ok(Self {
            tls,
            host,
            port,
            app: app.into(),
            key: key.into(),
        })
    }

    /// Whether it is `rtmps://`.
    pub fn is_encrypted(&self) -> bool {
        self.tls
    }

    /// A name, or an address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn app(&self) -> &str {
        &self.app
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// What `connect` is told (§7.2.1.1).
    pub(super) fn tc_url(&self) -> String {
        format!("{self}/{}", self.app)
    }

    /// Text of the target's, without what it repeats of the key.
    pub(super) fn censor(&self, text: &str) -> String {
        let bare = self.key.split(['?', '&']).next().unwrap_or_default();
        let parts = self.app.split(['/', '?', '&', '=']).skip(1);
        let mut secrets: Vec<&str> = [self.key.as_str(), bare].into_iter().chain(parts).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let hide = |text: String, secret: &str| match secret.len() {
            0..SECRET_CHARS_MIN => text,
            _ => text.replace(secret, HIDDEN),
        };
        secrets.into_iter().fold(text.to_owned(), hide)
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), TargetError> {
    // The colons of an IPv6 address are in brackets.
    let from = authority.rfind(']').map_or(0, |at| at + 1);
    let Some(colon) = authority[from..].find(':').map(|at| from + at) else {
        return Ok((authority, None));
    };
    let digits = &authority[colon + 1..];
    let port = digits.parse().ok().filter(|port| *port != 0);
    let only_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    let port: u16 = port.filter(|_| only_digits).ok_or(TargetError::Port)?;
    Ok((&authority[..colon], Some(port)))
}

fn valid_host(host: &str) -> Option<String> {
    if let Some(inner) = host.strip_prefix('[') {
        let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
        return Some(address.to_string());
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !label.is_empty()
            && label.len() <= LABEL_BYTES_MAX
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() > HOST_BYTES_MAX || !name.split('.').all(label) {
        return None;
    }
    // Resolvers read `127.1` and `0x7f000001` as addresses: only the usual way of writing one is one.
    let last = name.rsplit('.').next()?.to_ascii_lowercase();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x");
    match name.parse::<Ipv4Addr>() {
        Ok(address) => Some(address.to_string()),
        Err(_) if is_number => None,
        Err(_) => Some(name.to_ascii_lowercase()),
    }
}

/// Scheme, host and, where it is not the usual one, port.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, usual) = if self.tls { ("rtmps", 443) } else { ("rtmp", 1_935) };
        write!(f, "{scheme}://")?;
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => f.write_str(&self.host)?,
        }
        match self.port {
            port if port == usual => Ok(()),
            port => write!(f, ":{port}"),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self}/{HIDDEN})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        for (url, key, host, port, app, stream, tc_url) in [
            (
                "rtmp://a.example/live",
                "k",
                "a.example",
                1_935,
                "live",
                "k",
                "rtmp://a.example/live",
            ),
            (
                "rtmps://A.Example/live/",
                " k ",
                "a.example",
                443,
                "live",
                "k",
                "rtmps://a.example/live",
            ),
            (
                "RTMP://a.example:81/live/k",
                "",
                "a.example",
                81,
                "live",
                "k",
                "rtmp://a.example:81/live",
            ),
            (
                "rtmps://a:443/x/y",
                "k?a=b&c",
                "a",
                443,
                "x/y",
                "k?a=b&c",
                "rtmps://a/x/y",
            ),
            (
                "rtmp://[2001:DB8::1]:99/l",
                "k",
                "2001:db8::1",
                99,
                "l",
                "k",
                "rtmp://[2001:db8::1]:99/l",
            ),
            (
                "rtmp://1.2.3.4/l?t=1",
                "k",
                "1.2.3.4",
                1_935,
                "l?t=1",
                "k",
                "rtmp://1.2.3.4/l?t=1",
            ),
        ] {
            let target = Target::parse(url, key).unwrap();
            assert_eq!((target.host(), target.port()), (host, port), "{url}");
            assert_eq!((target.app(), target.key()), (app, stream), "{url}");
            assert_eq!(
                (target.tc_url(), target.is_encrypted()),
                (tc_url.into(), tc_url.starts_with("rtmps"))
            );
        }
    }

    #[test]
    fn others_are_refused() {
        use TargetError::*;
        let long = "k".repeat(1_025);
        for (url, key, error) in [
            ("rtmp://a/live", &long[..], TooLong),
            ("rtmp://a/li ve", "k", Character),
            ("rtmp://a/live", "k\r\nk", Character),
            ("rtmp://a/live#x", "k", Character),
            ("rtmp://ä/live", "k", Character),
            ("http://a/live", "k", Scheme),
            ("rtmpt://a/live", "k", Scheme),
            ("file:///etc/passwd", "k", Scheme),
            ("a/live", "k", Scheme),
            ("rtmp://user:pass@a/live", "k", Credentials),
            ("rtmp:///live", "k", Host),
            ("rtmp://a..b/live", "k", Host),
            ("rtmp://-a/live", "k", Host),
            ("rtmp://127.1/live", "k", Host),
            ("rtmp://2130706433/live", "k", Host),
            ("rtmp://0x7f000001/live", "k", Host),
            ("rtmp://0177.0.0.1/live", "k", Host),
            ("rtmp://[::1/live", "k", Port),
            ("rtmp://[fe80::1%25eth0]/live", "k", Host),
            ("rtmp://::1/live", "k", Port),
            ("rtmp://a:0/live", "k", Port),
            ("rtmp://a:65536/live", "k", Port),
            ("rtmp://a:+1/live", "k", Port),
            ("rtmp://a:/live", "k", Port),
            ("rtmp://a", "k", App),
            ("rtmp://a/", "k", App),
            ("rtmp://a?x", "k", App),
            ("rtmp://a//live", "k", App),
            ("rtmp://a/live", "", Key),
            ("rtmp://a/live/", "", Key),
        ] {
            assert_eq!(Target::parse(url, key).err(), Some(error), "{url}");
        }
    }

    #[test]
    fn keys_are_never_shown() {
        for (url, key) in [
            ("rtmp://a.example:81/live", "canary-1234?canary=1"),
            ("rtmp://a.example:81/live/canary-1234?canary=1", ""),
            ("rtmp://a.example:81/live/canary-1234", "canary-1234?canary=1"),
        ] {
            let target = Target::parse(url, key).unwrap();
            let said = "Stream live/canary-1234 (canary-1234?canary=1) is unknown";
            let shown = format!("{target} {target:?} {target:#?} {}", target.censor(said));
            assert!(!shown.contains("canary"), "{shown}");
            assert!(
                shown.contains("rtmp://a.example:81") && shown.contains("is unknown"),
                "{shown}"
            );
        }
    }
}
