//! Codecs as a media section offers them.

use crate::room::Format;

/// One payload type that we can forward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codec {
    /// 0 to 127.
    pub payload_type: u8,
    /// What it carries.
    pub format: Format,
    /// Payload type of its retransmissions (RFC 4588).
    pub rtx: Option<u8>,
    /// The value of `a=rtpmap`, without the payload type.
    pub(super) map: String,
    /// The value of `a=fmtp`.
    pub(super) parameters: String,
    /// Values of `a=rtcp-fb` that we answer.
    pub(super) feedback: Vec<&'static str>,
}

impl Codec {
    /// Whether its receiver tells of single packets (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    pub fn tells_arrivals(&self) -> bool {
        self.feedback.contains(&TRANSPORT_CC)
    }
}

/// Feedback that we take or give (RFC 4585, RFC 5104).
const FEEDBACK: [&str; 5] = ["nack", "nack pli", "ccm fir", TRANSPORT_CC, REMB];

/// We give it to whoever sends, and take it from whoever receives pictures.
pub(super) const TRANSPORT_CC: &str = "transport-cc";

/// The same from who knows no better (draft-alvestrand-rmcat-remb-03).
pub(super) const REMB: &str = "goog-remb";

/// Longest format parameters that are repeated in the answer, in bytes.
const MAX_PARAMETERS: usize = 256;

/// The codecs among the lines of a section, in its order of preference, each format once.
pub(super) fn codecs(order: &[u8], lines: &[&str]) -> Vec<Codec> {
    let mut found: Vec<Codec> = Vec::new();
    for &payload_type in order {
        let Some(map) = value(lines, "a=rtpmap:", payload_type) else {
            continue;
        };
        let parameters = value(lines, "a=fmtp:", payload_type).unwrap_or("");
        let Some(format) = format(map, parameters) else {
            continue;
        };
        if found.iter().any(|codec| codec.format == format) || parameters.len() > MAX_PARAMETERS {
            continue;
        }
        let rtx = order.iter().copied().find(|rtx| {
            let is_rtx = value(lines, "a=rtpmap:", *rtx)
                .and_then(|map| map.split_once('/'))
                .is_some_and(|(name, _)| name.eq_ignore_ascii_case("rtx"));
            let of = value(lines, "a=fmtp:", *rtx).and_then(|value| parameter(value, "apt"));
            is_rtx && of.and_then(|of| of.parse().ok()) == Some(payload_type)
        });
        let offered = |wanted: &str| {
            lines
                .iter()
                .filter_map(|line| line.strip_prefix("a=rtcp-fb:")?.split_once(' '))
                .any(|(of, what)| (of == "*" || of.parse() == Ok(payload_type)) && what.trim() == wanted)
        };
        found.push(Codec {
            payload_type,
            format,
            rtx,
            map: map.to_owned(),
            parameters: parameters.to_owned(),
            feedback: FEEDBACK.into_iter().filter(|wanted| offered(wanted)).collect(),
        });
    }
    // Redundancy is of Opus, and of no use without.
    let opus = found.iter().find(|codec| codec.format == Format::Opus);
    let opus = opus.map(|codec| codec.payload_type.to_string());
    found.retain(|codec| {
        codec.format != Format::Red
            || opus.as_ref().is_some_and(|opus| {
                !codec.parameters.is_empty() && codec.parameters.split('/').all(|of| of.trim() == opus)
            })
    });
    found
}

/// What `a=NAME:PT VALUE` says.
fn value<'a>(lines: &[&'a str], name: &str, payload_type: u8) -> Option<&'a str> {
    lines.iter().find_map(|line| {
        let (of, value) = line.strip_prefix(name)?.split_once(' ')?;
        (of.parse() == Ok(payload_type)).then_some(value.trim())
    })
}

/// A parameter out of `a=1;b=2`.
fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

fn format(map: &str, parameters: &str) -> Option<Format> {
    let mut parts = map.split('/');
    let (name, rate) = (parts.next()?.to_ascii_lowercase(), parts.next()?);
    let channels = parts.next();
    let is = |name: &str, wanted: &str| parameter(parameters, name).is_none_or(|value| value == wanted);
    match (name.as_str(), rate) {
        ("opus", "48000") if channels == Some("2") => Some(Format::Opus),
        ("red", "48000") if channels == Some("2") => Some(Format::Red),
        ("vp8", "90000") => Some(Format::Vp8),
        // The other profiles have more bits of colour, and fewer decoders.
        ("vp9", "90000") if is("profile-id", "0") => Some(Format::Vp9),
        ("av1", "90000") if is("profile", "0") => Some(Format::Av1),
        // RFC 6184: constrained baseline, in fragments.
        ("h264", "90000")
            if parameter(parameters, "packetization-mode") == Some("1")
                && parameter(parameters, "profile-level-id")
                    .is_some_and(|profile| profile.to_ascii_lowercase().starts_with("42")) =>
        {
            Some(Format::H264)
        }
        _ => None,
    }
}
