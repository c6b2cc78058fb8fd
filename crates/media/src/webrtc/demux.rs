//! Whose is a datagram from an address not seen before: the ICE user name fragment in a STUN binding
//! request says so (RFC 8489 §14.3, RFC 8445 §7.2.2). What else comes from unknown addresses is dropped.

/// STUN's magic cookie (RFC 8489 §5).
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: u16 = 0x0001;
const USERNAME: u16 = 0x0006;
/// Attributes looked at before giving up: a binding request has fewer than ten.
const ATTRIBUTES_MAX: usize = 32;

/// Our half of the user name in a STUN binding request: `ours:theirs`. Nothing is verified here.
pub fn our_ufrag(datagram: &[u8]) -> Option<&str> {
    let (header, mut attributes) = datagram.split_at_checked(20)?;
    let kind = u16::from_be_bytes([header[0], header[1]]);
    if kind != BINDING_REQUEST || header[4..8] != COOKIE {
        return None;
    }
    for _ in 0..ATTRIBUTES_MAX {
        let (head, rest) = attributes.split_at_checked(4)?;
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        if kind == USERNAME {
            let name = std::str::from_utf8(rest.get(..length)?).ok()?;
            return name.split_once(':').map(|(ours, _)| ours);
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// Whether a datagram has the form of a STUN message (RFC 7983 §7).
pub fn is_stun(datagram: &[u8]) -> bool {
    datagram.len() >= 20 && datagram[0] < 4
}

/// The thread whose peer a user name fragment of ours belongs to: we begin each with its number.
pub fn thread_of(ufrag: &str) -> Option<usize> {
    usize::from_str_radix(ufrag.get(..2)?, 16).ok()
}

/// Marks a random user name fragment with the number of its peer's thread.
pub fn mark(thread: usize, ufrag: &str) -> String {
    debug_assert!(
        thread < 256,
        "the number of threads is bounded when they are started"
    );
    format!("{thread:02x}{ufrag}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(username: &[u8]) -> Vec<u8> {
        let mut message = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        message.extend([7; 12]);
        message.extend([0x80, 0x22, 0, 3, b'a', b'b', b'c', 0]); // SOFTWARE, padded
        message.extend([0, 6, 0, username.len() as u8]);
        message.extend(username);
        message.resize(message.len().next_multiple_of(4), 0);
        message
    }

    #[test]
    fn finds_our_half_of_the_user_name() {
        assert_eq!(our_ufrag(&request(b"0aXYZ:theirs")), Some("0aXYZ"));
        assert_eq!(thread_of("0aXYZ"), Some(10));
        assert_eq!(our_ufrag(&request(b"no-colon")), None);
        assert_eq!(our_ufrag(&request(&[0xff, 0xfe, b':'])), None);
        assert_eq!(thread_of(&mark(31, "abc")), Some(31));
        assert_eq!(thread_of("é"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = our_ufrag(&bytes);
            let mut stun = request(b"a:b");
            stun.truncate(bytes.len());
            for (to, from) in stun.iter_mut().skip(8).zip(&bytes) { *to = *from }
            let _ = our_ufrag(&stun);
        }
    }
}
