//! The HTTP of WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep), as far as it needs no HTTP library: status
//! codes, headers, media types. Handlers do the rest.
//!
//! | request | answer |
//! |---|---|
//! | `POST` of an offer to an endpoint | 201, the answer, `Location`, `ETag`, `Link; rel="ice-server"` |
//! | `PATCH` of a session, `If-Match` its `ETag` | 204: candidates taken |
//! | `PATCH` of a session, `If-Match: *`, other ICE credentials | 200: ICE restarted, new `ETag` |
//! | `DELETE` of a session | 200 |
//! | `OPTIONS` | 200, `Accept-Post` (endpoint) or `Accept-Patch` (session) |

use crate::{Answer, PublishError, Trickle, TrickleError, ViewError};

/// Of offers and answers (RFC 8866 §8.1).
pub const SDP: &str = "application/sdp";
/// Of the bodies of `PATCH` (RFC 8840 §9).
pub const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
/// After which a viewer may ask again for a room that has no picture, in seconds.
const RETRY_NOT_LIVE_S: u32 = 2;
/// After which to ask again when the server is full, in seconds.
const RETRY_FULL_S: u32 = 10;

/// An HTTP response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case; a name may come more than once.
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

/// A STUN or TURN server that the other side may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:`, `turn:` or `turns:` (RFC 7064, RFC 7065).
    pub url: String,
    /// User name and password, of TURN.
    pub credentials: Option<(String, String)>,
}

impl IceServer {
    /// The value of its `Link` header (RFC 9725 §4.6).
    pub fn link(&self) -> String {
        let mut link = format!("<{}>; rel=\"ice-server\"", self.url.replace(['<', '>'], ""));
        if let Some((username, credential)) = &self.credentials {
            let (username, credential) = (quoted(username), quoted(credential));
            link.push_str(&format!(
                "; username={username}; credential={credential}; credential-type=\"password\""
            ));
        }
        link
    }
}

/// A quoted-string (RFC 9110 §5.6.4). Control characters have no place in a header.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars().filter(|c| !c.is_control()) {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// 201 to the `POST` of an offer (RFC 9725 §4.2). `location` is the session's address.
pub fn created(answer: &Answer, location: &str, ice_servers: &[IceServer]) -> Reply {
    let mut headers = vec![
        ("content-type", SDP.to_owned()),
        ("location", location.to_owned()),
        ("etag", answer.etag.clone()),
        ("accept-patch", FRAGMENT.to_owned()),
        // A session description is nobody else's.
        ("cache-control", "no-store".to_owned()),
    ];
    headers.extend(ice_servers.iter().map(|server| ("link", server.link())));
    Reply {
        status: 201,
        headers,
        body: answer.sdp.clone(),
    }
}

/// 204 or 200 to a `PATCH` (RFC 9725 §4.3.2 and §4.3.3).
pub fn patched(trickle: &Trickle) -> Reply {
    match trickle {
        Trickle::Added => Reply {
            status: 204,
            ..Reply::default()
        },
        Trickle::Restarted { etag, fragment } => Reply {
            status: 200,
            headers: vec![("content-type", FRAGMENT.to_owned()), ("etag", etag.clone())],
            body: fragment.clone(),
        },
    }
}

/// To a `DELETE`: 200 whether or not the session was still there is for the handler to decide; this is
/// the one for a session that was (RFC 9725 §4.2).
pub fn deleted() -> Reply {
    Reply {
        status: 200,
        ..Reply::default()
    }
}

/// To `OPTIONS` of an endpoint (RFC 9725 §4.1).
pub fn endpoint_options() -> Reply {
    Reply {
        status: 200,
        headers: vec![
            ("accept-post", SDP.to_owned()),
            ("allow", "GET, HEAD, OPTIONS, POST".to_owned()),
        ],
        ..Reply::default()
    }
}

/// To `OPTIONS` of a session.
pub fn session_options() -> Reply {
    Reply {
        status: 200,
        headers: vec![
            ("accept-patch", FRAGMENT.to_owned()),
            ("allow", "DELETE, GET, HEAD, OPTIONS, PATCH".to_owned()),
        ],
        ..Reply::default()
    }
}

/// Whether a `Content-Type` is the wanted one, parameters aside; else the answer is 415.
pub fn is_type(content_type: Option<&str>, wanted: &str) -> bool {
    let essence = content_type.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(wanted))
}

/// The token of an `Authorization: Bearer` header (RFC 9725 §4.7.1, RFC 6750 §2.1).
pub fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Whether an `If-Match` names this entity tag, by the strong comparison (RFC 9110 §13.1.1, §8.8.3.2).
pub fn if_match(value: &str, etag: &str) -> bool {
    value.trim() == "*" || value.split(',').any(|candidate| candidate.trim() == etag)
}

impl PublishError {
    /// Of the answer (RFC 9725 §4.2, §4.4.3, §4.5).
    pub fn status(&self) -> u16 {
        match self {
            Self::Full => 503,
            Self::AlreadyPublishing => 409,
            Self::BadOffer(_) => 400,
            Self::NoH264 | Self::NoOpus | Self::TooManyTracks => 422,
        }
    }

    /// Seconds for a `Retry-After`.
    pub fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::Full => Some(RETRY_FULL_S),
            Self::AlreadyPublishing => Some(RETRY_NOT_LIVE_S),
            Self::BadOffer(_) | Self::NoH264 | Self::NoOpus | Self::TooManyTracks => None,
        }
    }
}

impl ViewError {
    /// Of the answer (draft-ietf-wish-whep §4.2).
    pub fn status(&self) -> u16 {
        match self {
            Self::NotLive | Self::HlsOnly => 409,
            Self::Full => 503,
            Self::BadOffer(_) => 400,
            Self::NoH264 | Self::NoOpus => 422,
        }
    }

    /// Seconds for a `Retry-After`.
    pub fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::NotLive => Some(RETRY_NOT_LIVE_S),
            Self::Full => Some(RETRY_FULL_S),
            Self::HlsOnly | Self::BadOffer(_) | Self::NoH264 | Self::NoOpus => None,
        }
    }
}

impl TrickleError {
    /// Of the answer (RFC 9725 §4.3.1, §4.3.2).
    pub fn status(&self) -> u16 {
        match self {
            Self::SessionUnknown => 404,
            Self::EtagMissing => 428,
            Self::EtagMismatch => 412,
            Self::BadFragment => 400,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use busk_base::{MediaSessionId, Timestamp};

    fn header<'a>(reply: &'a Reply, name: &str) -> Vec<&'a str> {
        reply
            .headers
            .iter()
            .filter(|(n, _)| *n == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    #[test]
    fn section_4_2_a_session_is_created_with_its_address_and_answer() {
        let answer = Answer {
            session: MediaSessionId::new(Timestamp::from_unix_us(0), [0; 10]),
            sdp: "v=0\r\n".to_owned(),
            etag: "\"abc\"".to_owned(),
        };
        let reply = created(&answer, "/whip/s/secret", &[]);
        assert_eq!((reply.status, reply.body.as_str()), (201, "v=0\r\n"));
        assert_eq!(header(&reply, "content-type"), [SDP]);
        assert_eq!(header(&reply, "location"), ["/whip/s/secret"]);
        assert_eq!(header(&reply, "etag"), ["\"abc\""]);
        assert!(header(&reply, "link").is_empty());
    }

    #[test]
    fn section_4_1_options_say_what_is_taken() {
        assert_eq!(header(&endpoint_options(), "accept-post"), [SDP]);
        assert_eq!(header(&session_options(), "accept-patch"), [FRAGMENT]);
        assert!(is_type(Some("Application/SDP; charset=utf-8"), SDP));
        assert!(!is_type(Some("application/json"), SDP) && !is_type(None, SDP));
    }

    #[test]
    fn section_4_3_1_patches_need_the_session_they_mean() {
        assert!(if_match("*", "\"a\"") && if_match(" \"b\", \"a\"", "\"a\""));
        assert!(!if_match("\"b\"", "\"a\"") && !if_match("a", "\"a\""));
        assert!(!if_match("W/\"a\"", "\"a\""), "weak tags never match strongly");
        assert_eq!(TrickleError::EtagMissing.status(), 428);
        assert_eq!(TrickleError::EtagMismatch.status(), 412);
    }

    #[test]
    fn section_4_3_2_candidates_are_taken_without_a_word() {
        assert_eq!(
            patched(&Trickle::Added),
            Reply {
                status: 204,
                ..Reply::default()
            }
        );
    }

    #[test]
    fn section_4_3_3_a_restart_has_a_new_tag_and_fragment() {
        let reply = patched(&Trickle::Restarted {
            etag: "\"n\"".to_owned(),
            fragment: "a=ice-ufrag:x\r\n".to_owned(),
        });
        assert_eq!(
            (
                reply.status,
                header(&reply, "etag"),
                header(&reply, "content-type")
            ),
            (200, vec!["\"n\""], vec![FRAGMENT])
        );
    }

    #[test]
    fn section_4_4_3_nothing_is_accepted_in_part() {
        assert_eq!(
            (PublishError::NoH264.status(), PublishError::NoOpus.status()),
            (422, 422)
        );
        assert_eq!(
            (ViewError::NoH264.status(), ViewError::NoOpus.status()),
            (422, 422)
        );
    }

    #[test]
    fn section_4_5_who_is_full_says_when_to_come_back() {
        assert_eq!(
            (PublishError::Full.status(), PublishError::Full.retry_after_s()),
            (503, Some(10))
        );
        assert_eq!(
            (ViewError::NotLive.status(), ViewError::NotLive.retry_after_s()),
            (409, Some(2))
        );
    }

    #[test]
    fn section_4_6_ice_servers_are_links() {
        let stun = IceServer {
            url: "stun:stun.example.net".to_owned(),
            credentials: None,
        };
        assert_eq!(stun.link(), "<stun:stun.example.net>; rel=\"ice-server\"");
        let turn = IceServer {
            url: "turn:turn.example.net?transport=udp".to_owned(),
            credentials: Some(("us\"er".to_owned(), "pass\r\n".to_owned())),
        };
        assert_eq!(
            turn.link(),
            "<turn:turn.example.net?transport=udp>; rel=\"ice-server\"; username=\"us\\\"er\"; \
             credential=\"pass\"; credential-type=\"password\""
        );
    }

    #[test]
    fn section_4_7_1_a_bearer_token() {
        assert_eq!(bearer("Bearer  key "), Some("key"));
        assert_eq!(bearer("bearer key"), Some("key"));
        assert_eq!(
            (bearer("Basic key"), bearer("Bearer "), bearer("key")),
            (None, None, None)
        );
    }
}
