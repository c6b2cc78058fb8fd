//! What peers are made of: the certificate, the codecs and extensions we take part in, our addresses.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use str0m::RtcConfig;
use str0m::bwe::Bitrate;
use str0m::config::DtlsCert;
use str0m::crypto::{CryptoProvider, from_feature_flags};
use str0m::media::Pt;
use str0m::rtp::{Extension, ExtensionMap};

use super::protocol::Direction;

/// Sent packets a viewer's peer can send again, two thirds of a second of them at 2.5 Mbit/s. Their payloads are
/// shared with the track and all other viewers; this bounds the headers, about 400 bytes each.
const RESEND_PACKETS_VIDEO: usize = 192;
const RESEND_PACKETS_AUDIO: usize = 8;
/// How often it is looked at how long the way to a camera is.
const STATS_EVERY: Duration = Duration::from_secs(2);
/// What a line is believed to bear before anything is known of it.
const ESTIMATE_FIRST_BPS: u64 = 1_500_000;

/// What all peers of a server have in common: certificate, codecs, addresses.
pub struct Setup {
    provider: Arc<CryptoProvider>,
    certificate: DtlsCert,
    /// Addresses at which peers reach this server, by UDP and TCP alike.
    pub advertised: Vec<SocketAddr>,
}

impl Setup {
    /// `None` when the cryptography has no way to make a certificate.
    pub fn new(advertised: Vec<SocketAddr>) -> Option<Self> {
        let provider = from_feature_flags();
        let certificate = provider.dtls_provider.generate_certificate()?;
        Some(Self {
            provider: Arc::new(provider),
            certificate,
            advertised,
        })
    }

    pub(super) fn config(&self, direction: Direction) -> RtcConfig {
        let mut extensions = ExtensionMap::empty();
        extensions.set(4, Extension::RtpMid);
        // A camera that is turned turns its pictures itself unless this is agreed: then they are right in the
        // program too.
        if direction != Direction::In {
            extensions.set(13, Extension::VideoOrientation);
        }
        // Viewers have no use for bandwidth feedback while there is one quality, and at 20 reports
        // a second each it would cost more to read than the media costs to send.
        if direction != (Direction::Out { adaptive: false }) {
            extensions.set(3, Extension::TransportSequenceNumber);
        }
        if direction == Direction::In {
            extensions.set(10, Extension::RtpStreamId);
            extensions.set(11, Extension::RepairedRtpStreamId);
        }
        let mut config = RtcConfig::new()
            .set_crypto_provider(self.provider.clone())
            .set_dtls_cert(self.certificate.clone())
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .set_extension_map(extensions)
            .clear_codecs()
            .enable_opus(true, false)
            .set_rtcp_report_interval_video(Duration::from_secs(2))
            .set_send_buffer_video(RESEND_PACKETS_VIDEO)
            .set_send_buffer_audio(RESEND_PACKETS_AUDIO);
        if direction == Direction::In {
            config = config.set_stats_interval(Some(STATS_EVERY));
        }
        if direction == (Direction::Out { adaptive: true }) {
            config = config.enable_bwe(Some(Bitrate::from(ESTIMATE_FIRST_BPS)));
        }
        let codecs = config.codec_config();
        // Only packetization-mode 1; the profiles that browsers and OBS offer.
        for (payload_type, resend, profile) in [
            (108, 109, 0x42e01f),
            (127, 121, 0x42001f),
            (123, 119, 0x4d001f),
            (114, 115, 0x64001f),
        ] {
            let (payload_type, resend): (Pt, Pt) = (payload_type.into(), resend.into());
            codecs.add_h264(payload_type, Some(resend), true, profile);
        }
        config
    }

    /// The local address that str0m is told a datagram came to. Behind a one-to-one NAT the real one is
    /// none that we advertise; the first of the same family stands for it.
    pub(super) fn local(&self, to: Option<IpAddr>, from: SocketAddr) -> Option<SocketAddr> {
        let exact = to.and_then(|ip| self.advertised.iter().find(|address| address.ip() == ip));
        let family = || {
            self.advertised
                .iter()
                .find(|address| address.is_ipv4() == from.is_ipv4())
        };
        exact.or_else(family).copied()
    }
}
