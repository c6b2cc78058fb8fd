//! What Busk reads in session descriptions itself (RFC 8866), beside what str0m does with them:
//! whether an offer can be served at all, and the trickle-ICE fragments of WHIP (RFC 8840).

/// The longest offer or fragment that is read, in bytes.
pub const SDP_BYTES_MAX: usize = 64 * 1024;
/// A bound on m-lines: a browser that sends one camera has two.
const SECTIONS_MAX: usize = 16;

/// One `m=` section.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Section<'a> {
    /// `audio`, `video`, `application`.
    pub kind: &'a str,
    pub mid: &'a str,
    /// Port 0: rejected.
    pub rejected: bool,
    pub sends: bool,
    pub receives: bool,
    pub codecs: Vec<Codec<'a>>,
}

/// One `a=rtpmap` with its `a=fmtp`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Codec<'a> {
    pub payload_type: u8,
    pub name: &'a str,
    pub parameters: &'a str,
}

impl Codec<'_> {
    /// H.264 with `packetization-mode=1` (RFC 6184 §6.3), the one that browsers and encoders speak.
    pub fn is_h264(&self) -> bool {
        self.name.eq_ignore_ascii_case("H264") && self.parameter("packetization-mode") == Some("1")
    }

    pub fn is_opus(&self) -> bool {
        self.name.eq_ignore_ascii_case("opus")
    }

    /// H.264 `profile-level-id`.
    pub fn profile(&self) -> Option<u32> {
        u32::from_str_radix(self.parameter("profile-level-id")?, 16).ok()
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        let mut pairs = self.parameters.split(';').filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }
}

/// The media sections of a description, in order. Reads leniently: what it does not know it skips.
pub fn sections(description: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    let mut default = (true, true);
    for line in description.lines().map(str::trim_end) {
        if let Some(media) = line.strip_prefix("m=") {
            if sections.len() == SECTIONS_MAX {
                break;
            }
            let mut words = media.split(' ');
            let kind = words.next().unwrap_or_default();
            sections.push(Section {
                kind,
                rejected: words.next() == Some("0"),
                sends: default.0,
                receives: default.1,
                ..Section::default()
            });
            continue;
        }
        let Some(attribute) = line.strip_prefix("a=") else {
            continue;
        };
        let direction = match attribute {
            "sendrecv" => Some((true, true)),
            "sendonly" => Some((true, false)),
            "recvonly" => Some((false, true)),
            "inactive" => Some((false, false)),
            _ => None,
        };
        match (sections.last_mut(), direction) {
            (Some(section), Some((sends, receives))) => (section.sends, section.receives) = (sends, receives),
            (None, Some(direction)) => default = direction,
            (Some(section), None) => section.read(attribute),
            (None, None) => {}
        }
    }
    sections
}

impl<'a> Section<'a> {
    fn read(&mut self, attribute: &'a str) {
        if let Some(mid) = attribute.strip_prefix("mid:") {
            self.mid = mid;
        } else if let Some((payload_type, map)) = attribute.strip_prefix("rtpmap:").and_then(numbered) {
            let name = map.split('/').next().unwrap_or_default();
            if self.codecs.len() < 128 {
                self.codecs.push(Codec {
                    payload_type,
                    name,
                    parameters: "",
                });
            }
        } else if let Some((payload_type, parameters)) = attribute.strip_prefix("fmtp:").and_then(numbered)
            && let Some(codec) = self
                .codecs
                .iter_mut()
                .find(|codec| codec.payload_type == payload_type)
        {
            codec.parameters = parameters;
        }
    }

    pub fn is_live(&self, kind: &str) -> bool {
        self.kind == kind && !self.rejected
    }
}

fn numbered(text: &str) -> Option<(u8, &str)> {
    let (number, rest) = text.split_once(' ')?;
    Some((number.parse().ok()?, rest))
}

/// Why an offer cannot be served, in the order in which it is looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferRefused {
    #[error("the offer is longer than {SDP_BYTES_MAX} bytes")]
    TooLong,
    #[error("the offer is not a usable session description: {0}")]
    Malformed(String),
    #[error("the offer has no H.264 video with packetization-mode=1")]
    NoH264,
    #[error("the offer has no Opus audio")]
    NoOpus,
    #[error("the offer has more than one picture or one sound")]
    TooManyTracks,
}

/// Looks at what str0m does not: that one H.264 video and one Opus audio flow the wanted way.
pub fn check_offer(offer: &str, they_send: bool) -> Result<(), OfferRefused> {
    if offer.len() > SDP_BYTES_MAX {
        return Err(OfferRefused::TooLong);
    }
    let malformed = |why: &str| OfferRefused::Malformed(why.to_owned());
    if !offer.starts_with("v=0") {
        return Err(malformed("it does not begin with v=0"));
    }
    if offer.lines().filter(|line| line.starts_with("m=")).count() > SECTIONS_MAX {
        return Err(malformed("it has too many media sections"));
    }
    let sections = sections(offer);
    // Each section has its answer in its place, and str0m knows them by this name (RFC 8843 §7.1).
    let is_named = |(place, section): (usize, &Section<'_>)| {
        !section.mid.is_empty() && sections[..place].iter().all(|other| other.mid != section.mid)
    };
    if !sections.iter().enumerate().all(is_named) {
        return Err(malformed("its media sections have no names of their own (a=mid)"));
    }
    let flows = |s: &Section<'_>| if they_send { s.sends } else { s.receives };
    let has = |kind: &str, fits: fn(&Codec<'_>) -> bool| {
        sections
            .iter()
            .any(|s| s.is_live(kind) && flows(s) && s.codecs.iter().any(fits))
    };
    if !has("video", |c| c.is_h264()) {
        return Err(OfferRefused::NoH264);
    }
    if !has("audio", |c| c.is_opus()) {
        return Err(OfferRefused::NoOpus);
    }
    let count = |kind: &str| sections.iter().filter(|s| s.is_live(kind) && flows(s)).count();
    // A camera is one stream (RFC 9725 §4.4.2); a viewer may have room for many.
    if they_send && (count("video") > 1 || count("audio") > 1) {
        return Err(OfferRefused::TooManyTracks);
    }
    Ok(())
}

const DIRECTIONS: [&str; 4] = ["a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"];

/// An offer of media that flow one way, where it left both ways open: the answer has to name the one (RFC 9725 §4.2).
pub fn one_way(offer: &str, they_send: bool) -> String {
    let way = if they_send { "a=sendonly" } else { "a=recvonly" };
    let mut parts: Vec<Vec<&str>> = vec![Vec::new()];
    for line in offer.lines().map(str::trim_end) {
        if line.starts_with("m=") {
            parts.push(Vec::new());
        }
        parts
            .last_mut()
            .expect("there is one from the beginning")
            .push(line);
    }
    let says = |part: &[&str]| part.iter().any(|line| DIRECTIONS.contains(line));
    let for_all = says(&parts[0]);
    let mut text = String::with_capacity(offer.len() + 64);
    for part in &parts {
        let kind = part.first().copied().unwrap_or_default();
        let flows = kind.starts_with("m=audio") || kind.starts_with("m=video");
        let silent = flows && !for_all && !says(part);
        let lines = part
            .iter()
            .map(|line| if *line == "a=sendrecv" { way } else { line });
        for line in lines.chain(silent.then_some(way)) {
            text.extend([line, "\r\n"]);
        }
    }
    text
}

/// In how many layers an answer takes the picture (`a=simulcast:recv`, RFC 8853 §5.1).
pub fn layers(answer: &str) -> usize {
    let lists = answer
        .lines()
        .filter_map(|line| line.strip_prefix("a=simulcast:recv "));
    let count = |list: &str| {
        let list = list.split(' ').next().unwrap_or_default();
        list.split(';').filter(|layer| !layer.is_empty()).count()
    };
    lists.map(count).max().unwrap_or(1)
}

/// Puts each person's media in an answer into one stream, so that a browser keeps their sound and picture together
/// (`a=msid`, RFC 8830): str0m names a stream for each. The first picture and the first sound are one person's.
pub fn join_streams(answer: &str, stream: &str) -> String {
    let mut joined = String::with_capacity(answer.len());
    let mut seen: Vec<(&str, usize)> = Vec::new();
    let mut person = 0;
    for line in answer.split_inclusive('\n') {
        if let Some(media) = line.strip_prefix("m=") {
            let kind = media.split(' ').next().unwrap_or_default();
            let place = seen.iter().position(|(known, _)| *known == kind);
            let place = place.unwrap_or_else(|| {
                seen.push((kind, 0));
                seen.len() - 1
            });
            person = seen[place].1;
            seen[place].1 += 1;
        }
        if line.starts_with("a=msid-semantic:") {
            // Names a stream that there is not, and nobody reads it (RFC 8830 appendix A).
            continue;
        }
        match line.split_once("msid:") {
            Some((before, ids)) if before.starts_with("a=") && !ids.starts_with('-') => {
                let track = ids.split_once(' ').map_or(ids, |(_, track)| track);
                joined.push_str(&format!("{before}msid:{stream}-{person} {track}"));
            }
            _ => joined.push_str(line),
        }
    }
    joined
}

/// Says of each section of an answer that RTCP has no port of its own and never will (RFC 9725 §4.4.1).
pub fn only_muxed(answer: &str) -> String {
    answer.replace("a=rtcp-mux\r\n", "a=rtcp-mux\r\na=rtcp-mux-only\r\n")
}

/// What a trickle-ICE fragment says (RFC 8840 §9, RFC 9725 §4.3).
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fragment<'a> {
    pub ufrag: &'a str,
    pub password: &'a str,
    pub candidates: usize,
    pub ended: bool,
}

/// Reads a fragment; `None` when it has no ICE credentials or is too long to be one.
pub fn fragment(text: &str) -> Option<Fragment<'_>> {
    if text.len() > SDP_BYTES_MAX {
        return None;
    }
    let mut fragment = Fragment::default();
    for attribute in text.lines().filter_map(|line| line.trim_end().strip_prefix("a=")) {
        match attribute.split_once(':').unwrap_or((attribute, "")) {
            ("ice-ufrag", ufrag) => fragment.ufrag = ufrag,
            ("ice-pwd", password) => fragment.password = password,
            ("candidate", _) => fragment.candidates += 1,
            ("end-of-candidates", _) => fragment.ended = true,
            _ => {}
        }
    }
    let sizes = (4..=256).contains(&fragment.ufrag.len()) && (22..=256).contains(&fragment.password.len());
    sizes.then_some(fragment)
}

/// An offer with other ICE credentials: what an ICE restart by fragment means (RFC 9725 §4.3.3).
pub fn with_credentials(offer: &str, fragment: &Fragment<'_>) -> String {
    let mut restarted = String::with_capacity(offer.len());
    for line in offer.lines() {
        let line = line.trim_end();
        if line.starts_with("a=ice-ufrag:") {
            restarted.extend(["a=ice-ufrag:", fragment.ufrag]);
        } else if line.starts_with("a=ice-pwd:") {
            restarted.extend(["a=ice-pwd:", fragment.password]);
        } else if line.starts_with("a=candidate:") || line == "a=end-of-candidates" {
            continue;
        } else {
            restarted.push_str(line);
        }
        restarted.push_str("\r\n");
    }
    restarted
}

#[cfg(test)]
#[path = "sdp_tests.rs"]
mod tests;
