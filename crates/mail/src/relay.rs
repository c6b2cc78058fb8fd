//! Where letters are handed over: `smtps://user:password@host[:465]` (TLS from the first byte) or
//! `smtp://user:password@host[:587]` (TLS by STARTTLS, which must be there unless the relay is on this machine).

use std::fmt;
use std::net::IpAddr;

use crate::Address;

/// The operator's own relay.
#[derive(Clone, PartialEq, Eq)]
pub struct Relay {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    pub(crate) login: Option<(String, String)>,
    pub(crate) from: Address,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    /// From the first byte (RFC 8314).
    Tls,
    /// By STARTTLS (RFC 3207).
    StartTls,
    /// None: it is on this machine.
    Local,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelayError {
    #[error("smtp_url must be smtps://user:password@host or smtp://user:password@host, without a path")]
    Url,
    #[error("mail_from must be an address such as live@example.org")]
    From,
}

impl Relay {
    pub fn parse(url: &str, from: &str) -> Result<Self, RelayError> {
        let (tls, rest) = match (url.strip_prefix("smtps://"), url.strip_prefix("smtp://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            (None, None) => return Err(RelayError::Url),
        };
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest),
        };
        let login = match login.map(|login| login.split_once(':')) {
            None => None,
            Some(Some((user, password))) => Some((unescaped(user)?, unescaped(password)?)),
            Some(None) => return Err(RelayError::Url),
        };
        let (host, port) = place_of(place.trim_end_matches('/'))?;
        let here = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        let security = match (tls, here) {
            (true, _) => Security::Tls,
            (false, true) => Security::Local,
            (false, false) => Security::StartTls,
        };
        Ok(Self {
            host,
            port: port.unwrap_or(if tls { 465 } else { 587 }),
            security,
            login,
            from: Address::parse(from).map_err(|_| RelayError::From)?,
        })
    }

    /// Whom letters are from.
    pub fn from(&self) -> &Address {
        &self.from
    }
}

/// A host, without brackets, and a port if one is said.
fn place_of(place: &str) -> Result<(String, Option<u16>), RelayError> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or(RelayError::Url)?;
            (host, port.strip_prefix(':'))
        }
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
    if host.is_empty() || !host.chars().all(legal) {
        return Err(RelayError::Url);
    }
    let port = port
        .map(|port| port.parse().map_err(|_| RelayError::Url))
        .transpose()?;
    Ok((host.to_ascii_lowercase(), port.filter(|port| *port != 0)))
}

/// `%40` is `@`: user names are addresses more often than not.
fn unescaped(text: &str) -> Result<String, RelayError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match (first, after.split_at_checked(2)) {
            (b'%', Some((hex, after))) => {
                let hex = std::str::from_utf8(hex).map_err(|_| RelayError::Url)?;
                (u8::from_str_radix(hex, 16).map_err(|_| RelayError::Url)?, after)
            }
            (b'%', None) => return Err(RelayError::Url),
            (byte, _) => (*byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    let text = String::from_utf8(bytes).map_err(|_| RelayError::Url)?;
    // AUTH PLAIN parts them by it.
    if text.contains('\0') {
        Err(RelayError::Url)
    } else {
        Ok(text)
    }
}

/// Without the password.
impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Relay({}:{}, {:?}, from {})",
            self.host, self.port, self.security, self.from
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_is_read_or_refused() {
        let from = "live@busk.example";
        let read = |url: &str| {
            let relay = Relay::parse(url, from)?;
            Ok::<_, RelayError>((relay.host, relay.port, relay.security, relay.login))
        };
        let login = || Some(("me@a.org".to_owned(), "p:w%".to_owned()));
        assert_eq!(
            read("smtps://me%40a.org:p:w%25@mail.a.org"),
            Ok(("mail.a.org".into(), 465, Security::Tls, login()))
        );
        assert_eq!(
            read("smtp://mail.a.org/"),
            Ok(("mail.a.org".into(), 587, Security::StartTls, None))
        );
        assert_eq!(
            read("smtp://127.0.0.1:2525"),
            Ok(("127.0.0.1".into(), 2525, Security::Local, None))
        );
        assert_eq!(
            read("smtps://[::1]:465"),
            Ok(("::1".into(), 465, Security::Tls, None))
        );
        for url in [
            "",
            "mail.a.org",
            "http://a",
            "smtp://",
            "smtp://me@a",
            "smtp://a:x",
            "smtp://a b",
            "smtp://a/b",
            "smtp://m%0:p@a",
        ] {
            assert_eq!(read(url), Err(RelayError::Url), "{url}");
        }
        assert_eq!(Relay::parse("smtp://a", "nobody"), Err(RelayError::From));
        let hidden = Relay::parse("smtp://me:canary@a.org", from);
        assert!(!format!("{hidden:?}").contains("canary"));
    }
}
