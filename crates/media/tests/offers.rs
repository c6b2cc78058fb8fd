//! Offers as real programs write them are answered.

mod common;

use busk_media::{Media, Publish, PublishError};
use common::{media, room, session};

/// OBS Studio 30 (libdatachannel): no candidates, one codec a line, no header extensions.
const OBS: &str = "v=0
o=rtc 3836914183 0 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=group:LS 0 1
a=msid-semantic:WMS *
a=setup:actpass
a=ice-ufrag:2dfg
a=ice-pwd:yXCu1Y0pRzPO6RfKKTwzsd
a=ice-options:ice2,trickle
a=fingerprint:sha-256 5B:D5:88:C8:A0:4F:5A:8A:5B:75:9C:47:2F:2B:C0:1F:F7:1E:7A:1F:B8:3A:CB:7A:9F:5C:1F:63:E4:52:2E:11
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=mid:0
a=sendonly
a=ssrc:2412873021 cname:p7Iq
a=ssrc:2412873021 msid:HFEJ HFEJ-audio
a=msid:HFEJ HFEJ-audio
a=rtcp-mux
a=rtpmap:111 OPUS/48000/2
a=fmtp:111 minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1
m=video 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=mid:1
a=sendonly
a=ssrc:2412873022 cname:p7Iq
a=ssrc:2412873022 msid:HFEJ HFEJ-video
a=msid:HFEJ HFEJ-video
a=rtcp-mux
a=rtpmap:96 H264/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtcp-fb:96 goog-remb
a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1
";

/// Chromium with names for addresses (mDNS), an offer of several codecs, RTX, and three layers of simulcast.
const CHROMIUM: &str = "v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS 5b3e
m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 108 109
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:2410387181 1 udp 2113937151 0b6d8f2e-1111-4222-8333-9a3a4a5b6c7d.local 51532 typ host generation 0 network-cost 999
a=candidate:842163049 1 tcp 1518214911 0b6d8f2e-1111-4222-8333-9a3a4a5b6c7d.local 9 typ host tcptype active generation 0
a=ice-ufrag:ab+/
a=ice-pwd:0123456789abcdefghijklmn
a=ice-options:trickle
a=fingerprint:sha-256 5B:D5:88:C8:A0:4F:5A:8A:5B:75:9C:47:2F:2B:C0:1F:F7:1E:7A:1F:B8:3A:CB:7A:9F:5C:1F:63:E4:52:2E:11
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:toffset
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:3 urn:3gpp:video-orientation
a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id
a=sendonly
a=msid:5b3e 9c1d
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:102 H264/90000
a=rtcp-fb:102 transport-cc
a=rtcp-fb:102 ccm fir
a=rtcp-fb:102 nack
a=rtcp-fb:102 nack pli
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:103 rtx/90000
a=fmtp:103 apt=102
a=rtpmap:108 H264/90000
a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f
a=rtpmap:109 rtx/90000
a=fmtp:109 apt=108
a=rid:h send
a=rid:m send
a=rid:l send
a=simulcast:send h;m;l
m=audio 9 UDP/TLS/RTP/SAVPF 111 63
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:ab+/
a=ice-pwd:0123456789abcdefghijklmn
a=ice-options:trickle
a=fingerprint:sha-256 5B:D5:88:C8:A0:4F:5A:8A:5B:75:9C:47:2F:2B:C0:1F:F7:1E:7A:1F:B8:3A:CB:7A:9F:5C:1F:63:E4:52:2E:11
a=setup:actpass
a=mid:1
a=extmap:14 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid
a=sendonly
a=msid:5b3e 77aa
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
";

async fn answer(media: &Media, offer: &str) -> Result<String, PublishError> {
    let offer = offer.replace('\n', "\r\n");
    let ask = Publish::host(room(), session(), offer);
    media.publish(ask).await.map(|answer| answer.sdp)
}

#[tokio::test]
async fn obs_gets_an_answer_it_can_use() {
    let (media, _events) = media(1);
    let answer = answer(&media, OBS).await.unwrap();
    for line in [
        "a=setup:passive",
        "a=recvonly",
        "a=ice-lite",
        "a=rtpmap:96 H264/90000",
        "a=rtpmap:111 opus/48000/2",
    ] {
        assert!(answer.contains(line), "{line} in {answer}");
    }
    assert_eq!(answer.matches("\r\na=recvonly").count(), 2);
}

#[tokio::test]
async fn a_browser_that_hides_its_addresses_and_offers_layers_is_given_its_layers() {
    let (media, _events) = media(1);
    let answer = answer(&media, CHROMIUM).await.unwrap();
    assert!(answer.contains("a=simulcast:recv h;m;l"), "{answer}");
    assert_eq!(answer.matches("a=rid:").count(), 3, "{answer}");
    assert!(
        !answer.contains("VP8") && !answer.contains("red/48000"),
        "{answer}"
    );
    assert!(
        answer.contains("a=rtpmap:102 H264/90000") && answer.contains("apt=102"),
        "{answer}"
    );
}

#[tokio::test]
async fn the_other_order_of_lines_and_an_active_client_are_no_matter() {
    let (media, _events) = media(1);
    assert!(answer(&media, &OBS.replace("actpass", "active")).await.is_ok());
    let lite = OBS.replace("a=setup", "a=ice-lite\na=setup");
    assert!(matches!(
        answer(&media, &lite).await,
        Err(PublishError::BadOffer(_))
    ));
}
