//! What WHIP and WHEP say over HTTP, as a program without a camera or a screen would: offers, fragments, answers as
//! they came.

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};

use crate::app::Browser;

pub const SDP: &str = "application/sdp";
pub const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
pub const UFRAG: &str = "EsAw";
pub const PASSWORD: &str = "P2uYro0UCOQ4zxjKXaWCBui1";

/// An answer over HTTP.
#[derive(Debug)]
pub struct Said {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Said {
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("the server answers");
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.expect("an answer is text"),
        }
    }

    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// A header's value; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("a header is text"))
    }

    /// The items of a header that is a list.
    pub fn list(&self, name: &str) -> Vec<String> {
        let items = self.header(name).split(',');
        items.map(|item| item.trim().to_ascii_lowercase()).collect()
    }

    /// A refusal, as problem details.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Self {
        let said = self.is(status);
        assert_eq!(said.header("content-type"), "application/problem+json");
        assert!(said.text.contains(&format!("/problems/{code}\"")), "{said:?}");
        said
    }

    /// The sections of a session description, each with its `m=` line; the first is what is said of all.
    pub fn sections(&self) -> Vec<Vec<&str>> {
        let mut sections = vec![Vec::new()];
        for line in self.text.lines() {
            if line.starts_with("m=") {
                sections.push(Vec::new());
            }
            sections.last_mut().expect("there is one").push(line);
        }
        sections
    }
}

/// An offer as browsers make them: one sound and one picture, with this direction.
pub fn offer(direction: &str) -> String {
    let mut offer = String::from("v=0\r\no=- 5228595038118931041 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
    offer.push_str("a=group:BUNDLE 0 1\r\na=extmap-allow-mixed\r\n");
    let codecs = [
        (
            "audio",
            "111",
            "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n",
        ),
        (
            "video",
            "102",
            "a=rtpmap:102 H264/90000\r\na=rtcp-fb:102 nack\r\na=rtcp-fb:102 nack pli\r\n\
             a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n",
        ),
    ];
    for (mid, (kind, payload_type, codec)) in codecs.into_iter().enumerate() {
        offer.push_str(&format!(
            "m={kind} 9 UDP/TLS/RTP/SAVPF {payload_type}\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
             a=ice-ufrag:{UFRAG}\r\na=ice-pwd:{PASSWORD}\r\na=ice-options:trickle\r\n\
             a=fingerprint:sha-256 DA:7B:57:DC:28:CE:04:4F:31:79:85:C4:31:67:EB:27:58:29:ED:77:2A:0D:24:AE:\
             ED:AD:30:BC:BD:F1:9C:02\r\n\
             a=setup:actpass\r\na=mid:{mid}\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na={direction}\r\n\
             a=msid:- d46fb922-d52a-4e9c-aa87-444eadc1521{mid}\r\na=rtcp-mux\r\na=rtcp-mux-only\r\n{codec}"
        ));
    }
    offer
}

/// Candidates for the session of [`offer`].
pub fn candidates() -> String {
    fragment(UFRAG, PASSWORD)
}

/// Candidates under these credentials; one of them is of a transport that there is not.
pub fn fragment(ufrag: &str, password: &str) -> String {
    format!(
        "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n\
         a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag {ufrag}\r\n\
         a=candidate:473322822 1 quic 1518280447 nowhere.invalid 9 typ host\r\na=end-of-candidates\r\n"
    )
}

impl Browser {
    /// Posts an offer, with a stream key or what the browser's cookie is worth.
    pub async fn offer(&self, path: &str, key: Option<&str>, offer: String) -> Said {
        let request = self
            .request(Method::POST, path)
            .header("content-type", SDP)
            .body(offer);
        Said::of(match key {
            Some(key) => request.bearer_auth(key),
            None => request,
        })
        .await
    }

    /// Patches a session.
    pub async fn patch(&self, session: &str, if_match: Option<&str>, fragment: String) -> Said {
        let request = self
            .request(Method::PATCH, session)
            .header("content-type", FRAGMENT);
        let request = request.body(fragment);
        Said::of(match if_match {
            Some(etag) => request.header("if-match", etag),
            None => request,
        })
        .await
    }
}
