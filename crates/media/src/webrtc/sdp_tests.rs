use super::*;
use proptest::prelude::*;

const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendonly\r\na=rtpmap:111 opus/48000/2\r\n\
m=video 9 UDP/TLS/RTP/SAVPF 96 102 103\r\na=mid:1\r\na=sendonly\r\na=rtpmap:96 VP8/90000\r\n\
a=rtpmap:102 H264/90000\r\na=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n\
a=rtpmap:103 H264/90000\r\na=fmtp:103 packetization-mode=0;profile-level-id=42e01f\r\n";

const UNNAMED: &str = "its media sections have no names of their own (a=mid)";

#[test]
fn reads_what_an_offer_has() {
    let sections = sections(OFFER);
    assert_eq!(sections.len(), 2);
    assert_eq!(
        (
            sections[1].kind,
            sections[1].mid,
            sections[1].sends,
            sections[1].receives
        ),
        ("video", "1", true, false)
    );
    let h264: Vec<_> = sections[1].codecs.iter().filter(|c| c.is_h264()).collect();
    assert_eq!(
        (h264.len(), h264[0].payload_type, h264[0].profile()),
        (1, 102, Some(0x42e01f))
    );
}

#[test]
fn an_offer_must_have_both_codecs_flowing_the_right_way() {
    for (offer, they_send, wanted) in [
        (OFFER.to_owned(), true, Ok(())),
        (OFFER.to_owned(), false, Err(OfferRefused::NoH264)),
        (
            OFFER.replace("packetization-mode=1", "packetization-mode=0"),
            true,
            Err(OfferRefused::NoH264),
        ),
        (
            OFFER.replace("m=video 9", "m=video 0"),
            true,
            Err(OfferRefused::NoH264),
        ),
        (OFFER.replace("opus", "PCMU"), true, Err(OfferRefused::NoOpus)),
        (
            OFFER.replace("v=0", "v=1"),
            true,
            Err(OfferRefused::Malformed("it does not begin with v=0".to_owned())),
        ),
        (
            OFFER.replace("a=mid:1", "a=mid:0"),
            true,
            Err(OfferRefused::Malformed(UNNAMED.to_owned())),
        ),
        (
            OFFER.replace("a=mid:0\r\n", ""),
            true,
            Err(OfferRefused::Malformed(UNNAMED.to_owned())),
        ),
        (
            format!("{OFFER}{}", "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".repeat(15)),
            true,
            Err(OfferRefused::Malformed(
                "it has too many media sections".to_owned(),
            )),
        ),
        (
            format!("{OFFER}{}", " ".repeat(SDP_BYTES_MAX)),
            true,
            Err(OfferRefused::TooLong),
        ),
    ] {
        assert_eq!(check_offer(&offer, they_send), wanted);
    }
}

#[test]
fn each_persons_tracks_are_in_one_stream() {
    let answer = "v=0\r\na=msid-semantic: WMS x\r\nm=audio 9 x 1\r\na=msid:s1 t1\r\na=ssrc:5 msid:s1 t1\r\na=msid:- t2\r\n\
        m=video 9 x 1\r\na=msid:s2 t3\r\nm=audio 9 x 1\r\na=msid:s3 t4\r\n";
    let joined = "v=0\r\nm=audio 9 x 1\r\na=msid:busk-0 t1\r\na=ssrc:5 msid:busk-0 t1\r\na=msid:- t2\r\n\
        m=video 9 x 1\r\na=msid:busk-0 t3\r\nm=audio 9 x 1\r\na=msid:busk-1 t4\r\n";
    assert_eq!(join_streams(answer, "busk"), joined);
}

#[test]
fn a_fragment_has_credentials() {
    let text = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 2 192.0.2.1 6 typ host\r\na=end-of-candidates\r\n";
    let read = fragment(text).unwrap();
    assert_eq!((read.ufrag, read.candidates, read.ended), ("EsAw", 1, true));
    assert_eq!(fragment("a=ice-ufrag:abc\r\na=ice-pwd:short"), None);
    let offer = "v=0\r\na=ice-ufrag:old1\r\na=ice-pwd:old\r\na=candidate:9\r\na=mid:0\r\n";
    assert_eq!(
        with_credentials(offer, &read),
        "v=0\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=mid:0\r\n"
    );
}

proptest! {
    #[test]
    fn any_text_is_survived(text in "(v=0|m=(audio|video) [0-9]|a=(rtpmap|fmtp|mid|msid):| |\r\n|[0-9]|[;=/]|H264|é){0,60}") {
        let _ = check_offer(&text, true);
        let _ = join_streams(&text, "s");
        let _ = fragment(&text);
    }
}

#[test]
fn an_offer_that_leaves_both_ways_open_is_read_as_one_way() {
    let both = OFFER.replace("a=sendonly\r\n", "a=sendrecv\r\n");
    let unsaid = OFFER.replace("a=sendonly\r\n", "");
    for offer in [&both, &unsaid] {
        for (they_send, way) in [(true, (true, false)), (false, (false, true))] {
            let read = one_way(offer, they_send);
            let ways: Vec<_> = sections(&read).iter().map(|s| (s.sends, s.receives)).collect();
            assert_eq!(ways, [way, way], "{read}");
        }
    }
    // What says its way keeps it.
    assert_eq!(one_way(OFFER, false), OFFER);
    let for_all = unsaid.replace("t=0 0\r\n", "t=0 0\r\na=recvonly\r\n");
    assert_eq!(one_way(&for_all, true), for_all);
    let data = format!("{OFFER}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n");
    assert_eq!(one_way(&data, true), data);
    assert_eq!(one_way("", true), "");
}

#[test]
fn a_camera_has_one_picture_and_one_sound_and_a_viewer_room_for_more() {
    let video = OFFER[OFFER.find("m=video").unwrap()..].replace("a=mid:1", "a=mid:2");
    let two = format!("{OFFER}{video}");
    assert_eq!(check_offer(&two, true), Err(OfferRefused::TooManyTracks));
    assert_eq!(
        check_offer(&two.replace("a=sendonly", "a=recvonly"), false),
        Ok(())
    );
    // One that is rejected does not count.
    let second_off = format!("{OFFER}{}", video.replace("m=video 9", "m=video 0"));
    assert_eq!(check_offer(&second_off, true), Ok(()));
}

#[test]
fn rtcp_has_no_port_of_its_own() {
    let answer = "m=audio 9 x 1\r\na=rtcp-mux\r\na=mid:0\r\nm=video 9 x 2\r\na=rtcp-mux\r\n";
    assert_eq!(only_muxed(answer).matches("a=rtcp-mux-only\r\n").count(), 2);
}
