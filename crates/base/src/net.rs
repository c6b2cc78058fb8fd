//! Which addresses of the Internet protocol are public, and networks of them.
//!
//! Invariant: what is not known to be globally routable is not public, however it is written.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Not reachable through the Internet, or not a single machine there (IANA's registry of special-purpose IPv4
/// addresses, and multicast).
const SPECIAL_V4: &[([u8; 4], u8)] = &[
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    // Link-local, and where clouds tell a machine its secrets.
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// Whether connecting to `ip` leads out to the Internet, and not to this machine, its network or its cloud.
///
/// IPv6 addresses that stand for an IPv4 address (mapped, NAT64, 6to4) are judged by that one.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let special = |(address, prefix): &([u8; 4], u8)| {
        let shift = 32 - u32::from(*prefix);
        ip.to_bits() >> shift == u32::from_be_bytes(*address) >> shift
    };
    !SPECIAL_V4.iter().any(special)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(mapped) = ip.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let embedded = |high: u16, low: u16| {
        let [a, b, c, d] = [high.to_be_bytes(), low.to_be_bytes()].concat()[..] else {
            return false;
        };
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match ip.segments() {
        // NAT64 (RFC 6052), by which machines without IPv4 reach those without IPv6.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => embedded(high, low),
        // Protocols' own, among them Teredo, which hides an IPv4 address; documentation, old and new.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // All that was ever given out (2000::/3).
        [first, ..] => first >> 13 == 1,
    }
}

/// Addresses that begin alike, such as `10.1.0.0/16` or, for one alone, `10.1.2.3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address or a network, such as 10.1.2.3 or fd00:1::/32")]
pub struct NetworkError;

impl Network {
    /// IPv4-mapped addresses count as the IPv4 address.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => {
                let shift = 32 - u32::from(self.prefix);
                own.to_bits().checked_shr(shift) == ip.to_bits().checked_shr(shift)
            }
            (IpAddr::V6(own), IpAddr::V6(ip)) => {
                let shift = 128 - u32::from(self.prefix);
                own.to_bits().checked_shr(shift) == ip.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }
}

impl From<IpAddr> for Network {
    fn from(ip: IpAddr) -> Self {
        let address = ip.to_canonical();
        let prefix = if address.is_ipv4() { 32 } else { 128 };
        Self { address, prefix }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let whole: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let Some(prefix) = prefix else {
            return Ok(whole.into());
        };
        let bits = if whole.is_ipv4() { 32 } else { 128 };
        let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|prefix| digits && *prefix <= bits);
        Ok(Self {
            address: whole,
            prefix: prefix.ok_or(NetworkError)?,
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One address, or the first and the last of a range.
    const PRIVATE: &str = "
        0.0.0.0 0.255.255.255 | 10.0.0.0 10.255.255.255 | 100.64.0.0 100.127.255.255 | 127.0.0.1 127.255.255.255
        169.254.0.0 169.254.169.254 169.254.255.255 | 172.16.0.0 172.31.255.255 | 192.0.0.0 192.0.0.255
        192.0.2.1 | 192.88.99.1 | 192.168.0.0 192.168.255.255 | 198.18.0.0 198.19.255.255 | 198.51.100.7
        203.0.113.9 | 224.0.0.1 239.255.255.255 | 240.0.0.1 255.255.255.255
        :: ::1 | ::ffff:127.0.0.1 ::ffff:10.1.2.3 ::ffff:169.254.169.254 ::ffff:0.0.0.0 | ::127.0.0.1 ::8.8.8.8
        64:ff9b::10.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b::127.0.0.1 | 64:ff9b:1::8.8.8.8 | 100::1
        2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:1ff:ffff::1
        2001:db8::1 2001:db8:ffff::1 | 3fff::1 3fff:fff:ffff::1
        2002:7f00:1::1 2002:a00:1::1 2002:a9fe:a9fe::1 2002:c0a8:101::1 | 5f00::1
        fc00::1 fd00:ec2::254 fdff:ffff::1 | fe80::1 febf::1 | fec0::1 | ff02::1 ff0e::1";
    const PUBLIC: &str = "
        1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 99.255.255.255 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
        169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.1 192.0.3.0 192.167.255.255
        192.169.0.0 198.17.255.255 198.20.0.0 203.0.112.255 203.0.114.0 223.255.255.255
        ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1 2001:200::1 2001:4860:4860::8888 2001:db7::1 2001:db9::1
        2606:4700:4700::1111 2a00:1450:4001::1 3ffe::1 3fff:1000::1";

    fn addresses(table: &str) -> Vec<IpAddr> {
        let words = table.split_whitespace().filter(|word| *word != "|");
        words.map(|word| word.parse().unwrap()).collect()
    }

    #[test]
    fn only_what_is_globally_routable_is_public() {
        let (private, public) = (addresses(PRIVATE), addresses(PUBLIC));
        assert!(private.len() >= 60 && public.len() >= 30);
        for ip in private {
            assert!(!is_public(ip), "{ip} is no public address");
        }
        for ip in public {
            assert!(is_public(ip), "{ip} is a public address");
        }
    }

    #[test]
    fn networks_contain_what_begins_alike() {
        for (network, inside, outside) in [
            ("10.1.0.0/16", "10.1.255.255", "10.2.0.0"),
            ("10.1.2.3", "10.1.2.3", "10.1.2.4"),
            ("127.0.0.0/8", "::ffff:127.9.9.9", "::1"),
            ("0.0.0.0/0", "192.168.0.1", "fd00::1"),
            ("fd00:1::/32", "fd00:1:ffff::1", "fd00:2::1"),
            ("::/0", "fe80::1", "10.0.0.1"),
        ] {
            let parsed: Network = network.parse().unwrap();
            assert!(parsed.contains(inside.parse().unwrap()), "{network} {inside}");
            assert!(!parsed.contains(outside.parse().unwrap()), "{network} {outside}");
            assert_eq!(parsed.to_string().parse(), Ok(parsed));
        }
        for wrong in [
            "",
            "/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "fd00::/129",
            "10.0/8",
            "host",
        ] {
            assert_eq!(wrong.parse::<Network>(), Err(NetworkError), "{wrong}");
        }
    }
}
