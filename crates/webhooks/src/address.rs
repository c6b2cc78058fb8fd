//! Where an endpoint is: `https://host[:port]/path`, taken apart. `http://` leads into the operator's own networks
//! only, by an address.

use std::net::IpAddr;

use busk_outward::Reach;
use http::Uri;

const BYTES_MAX: usize = 500;

/// Where to connect, and what to ask for there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) encrypted: bool,
    /// A name, or an address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// As the header `host` has it.
    pub(crate) authority: String,
    pub(crate) path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    #[error("has at most {BYTES_MAX} characters")]
    TooLong,
    #[error("is no address such as https://example.com/hook")]
    Malformed,
    #[error("begins with https://")]
    Scheme,
    #[error("has no user name and no password")]
    Credentials,
}

impl Address {
    pub(crate) fn parse(url: &str, reach: &Reach) -> Result<Self, AddressError> {
        if url.len() > BYTES_MAX {
            return Err(AddressError::TooLong);
        }
        if url.contains('#') {
            return Err(AddressError::Malformed);
        }
        let uri: Uri = url.parse().map_err(|_| AddressError::Malformed)?;
        let authority = uri.authority().ok_or(AddressError::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(AddressError::Credentials);
        }
        let (host, port) = authority.as_str().split_at(authority.host().len());
        let port = match port.strip_prefix(':') {
            None => None,
            Some(digits) => {
                let port = digits.parse().ok().filter(|port: &u16| *port != 0);
                Some(port.ok_or(AddressError::Malformed)?)
            }
        };
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_ascii_lowercase();
        if host.is_empty() {
            return Err(AddressError::Malformed);
        }
        let own = host
            .parse()
            .is_ok_and(|ip: IpAddr| reach.private.iter().any(|network| network.contains(ip)));
        let (encrypted, usual) = match uri.scheme_str() {
            Some("https") => (true, 443),
            Some("http") if own => (false, 80),
            _ => return Err(AddressError::Scheme),
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            encrypted,
            host,
            port: port.unwrap_or(usual),
            authority: authority.as_str().to_ascii_lowercase(),
            path: path.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart_or_refused() {
        let home = Reach {
            private: vec!["127.0.0.0/8".parse().unwrap()],
        };
        let parse = |url: &str| Address::parse(url, &home);
        let plain = parse("https://Example.com").unwrap();
        assert_eq!(
            (plain.host.as_str(), plain.port, plain.path.as_str()),
            ("example.com", 443, "/")
        );
        let full = parse("https://[2001:db8::1]:8443/a/b?c=d").unwrap();
        assert_eq!(
            (full.host.as_str(), full.port, full.path.as_str()),
            ("2001:db8::1", 8443, "/a/b?c=d")
        );
        assert_eq!(full.authority, "[2001:db8::1]:8443");
        let own = parse("http://127.0.0.1:9000/x").unwrap();
        assert!(!own.encrypted && own.port == 9000);

        use AddressError::*;
        let long = format!("https://a/{}", "x".repeat(500));
        for (url, error) in [
            (long.as_str(), TooLong),
            ("", Malformed),
            ("/hook", Malformed),
            ("https://", Malformed),
            ("https://a b/", Malformed),
            ("https://a/#x", Malformed),
            ("https://a:0/", Malformed),
            ("https://a:/", Malformed),
            ("https://a:99999/", Malformed),
            ("https://me:pw@a/", Credentials),
            ("http://a/", Scheme),
            ("http://10.0.0.1/", Scheme),
            ("ftp://a/", Scheme),
            ("file://a/etc/passwd", Scheme),
        ] {
            assert_eq!(parse(url), Err(error), "{url}");
        }
    }
}
