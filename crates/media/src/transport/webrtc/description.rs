//! Session descriptions: the peer's are checked before the library sees them, ours lose their candidates, which
//! are trickled one by one so that holding them back is a matter of not sending them.

use rtc::peer_connection::sdp::RTCSessionDescription;

use super::candidate::Line;
use super::voice::Stream;
use crate::transport::rtp::{AUDIO_LEVEL_URI, Negotiated};
use crate::transport::video::MAX_CAMERAS;
use crate::transport::{Candidate, Description, DescriptionKind, MAX_SLOTS, TransportError};
use crate::video::ABSOLUTE_CAPTURE_TIME_URI;

/// Largest description we read, in bytes. A browser's with every codec is about 8 KiB, and 6 more for each section of
/// pictures.
const MAX_SDP: usize = 256 * 1024;

/// Most media sections. We use one of sound, or one more than there are slots, and as many of pictures; a browser may offer
/// more, which are refused one by one.
const MAX_SECTIONS: usize = 2 * MAX_SLOTS + MAX_CAMERAS + 3;

/// Most candidates in one description.
const MAX_CANDIDATES: usize = 64;

/// A description that passed the checks, taken apart.
#[derive(Debug)]
pub(super) struct Checked {
    /// For the library, without candidates.
    pub(super) session: RTCSessionDescription,
    pub(super) username_fragment: String,
    pub(super) candidates: Vec<Candidate>,
    pub(super) negotiated: Negotiated,
}

/// Checks `description` and takes it apart. Refuses what we could not use anyway, with the reason.
pub(super) fn check(description: &Description) -> Result<Checked, TransportError> {
    let sdp = &description.sdp;
    let bad = |reason: &str| Err(TransportError::BadDescription(reason.to_owned()));
    if sdp.len() > MAX_SDP {
        return bad("larger than 256 KiB");
    }
    if sdp.bytes().any(|b| b < b' ' && b != b'\r' && b != b'\n') {
        return bad("control characters");
    }
    let lines: Vec<&str> = lines(sdp).collect();
    if lines.first() != Some(&"v=0") {
        return bad("does not start with v=0");
    }
    let sections: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("m=")).collect();
    match sections.len() {
        0 => return bad("no media section"),
        n if n > MAX_SECTIONS => return bad("too many media sections"),
        _ => {}
    }
    let Some(audio) = Audio::find(&lines) else {
        return bad("no audio section with Opus");
    };
    let value = |name: &str| attribute(&lines, name);
    let (Some(ufrag), Some(pwd)) = (value("ice-ufrag"), value("ice-pwd")) else {
        return bad("no ICE credentials");
    };
    // RFC 8839 section 5.4.
    if !(4..=256).contains(&ufrag.len()) || !(22..=256).contains(&pwd.len()) {
        return bad("ICE credentials of wrong length");
    }
    let fingerprint = value("fingerprint").and_then(|fingerprint| fingerprint.split_once(' '));
    if !fingerprint.is_some_and(|(hash, digest)| hash.eq_ignore_ascii_case("sha-256") && is_sha256(digest)) {
        return bad("no SHA-256 fingerprint");
    }
    if !lines.contains(&"a=rtcp-mux") {
        return bad("RTCP is not multiplexed");
    }
    let mid = audio.mid.unwrap_or("0");
    // Bundled sections may all name the same ones.
    let mut found: Vec<&str> = Vec::new();
    for line in lines.iter().filter(|line| line.starts_with("a=candidate:")) {
        if found.len() < MAX_CANDIDATES && !found.contains(line) {
            found.push(line);
        }
    }
    let candidates = found.iter().map(|line| Candidate {
        candidate: line[2..].to_owned(),
        mid: mid.to_owned(),
        username_fragment: ufrag.to_owned(),
    });
    let candidates = candidates.collect();
    let plain = with_codecs(&without_candidates(sdp));
    let session = match description.kind {
        DescriptionKind::Offer => RTCSessionDescription::offer(plain),
        DescriptionKind::Answer => RTCSessionDescription::answer(plain),
    };
    Ok(Checked {
        session: session.map_err(|error| TransportError::BadDescription(error.to_string()))?,
        username_fragment: ufrag.to_owned(),
        candidates,
        negotiated: audio.negotiated,
    })
}

/// The streams that an answer to an offer with slots announces: the first section is our microphone's, the others are the
/// slots, in the order of the offer (RFC 3264 section 6).
///
/// # Errors
/// A section that sends and does not say from which source (RFC 5576): the library could not tell it from the others.
pub(super) fn streams(sdp: &str) -> Result<[Option<Stream>; MAX_SLOTS], TransportError> {
    let lines: Vec<&str> = lines(sdp).collect();
    let mut streams = [None; MAX_SLOTS];
    for (stream, section) in streams.iter_mut().zip(sections(&lines).skip(1)) {
        let quiet = ["a=inactive", "a=recvonly"];
        let Some(audio) = Audio::read(section).filter(|_| !section.iter().any(|line| quiet.contains(line)))
        else {
            continue;
        };
        let ssrc = attribute(section, "ssrc").and_then(|ssrc| ssrc.split(' ').next()?.parse().ok());
        let Some(ssrc) = ssrc else {
            return Err(TransportError::BadDescription("a slot without a source".into()));
        };
        *stream = Some(Stream {
            ssrc,
            negotiated: audio.negotiated,
        });
    }
    Ok(streams)
}

/// The ICE user fragment of a description.
pub(super) fn username_fragment(sdp: &str) -> Option<&str> {
    attribute(&lines(sdp).collect::<Vec<_>>(), "ice-ufrag")
}

/// What a description says about packets.
pub(super) fn negotiated(sdp: &str) -> Option<Negotiated> {
    Audio::find(&lines(sdp).collect::<Vec<_>>()).map(|audio| audio.negotiated)
}

/// `sdp` without its candidates.
pub(super) fn without_candidates(sdp: &str) -> String {
    let mut plain = String::with_capacity(sdp.len());
    for line in lines(sdp).filter(|line| !line.starts_with("a=candidate:") && *line != "a=end-of-candidates")
    {
        plain.push_str(line);
        plain.push_str("\r\n");
    }
    plain
}

/// `sdp` with a codec in every section that is refused, which may name none (RFC 8829 section 5.3.1): the library
/// looks up each format, refused or not.
fn with_codecs(sdp: &str) -> String {
    let lines: Vec<&str> = lines(sdp).collect();
    let mut out = String::with_capacity(sdp.len() + 64);
    for section in lines.chunk_by(|_, next| !next.starts_with("m=")) {
        for line in section {
            out.push_str(line);
            out.push_str("\r\n");
        }
        let head = section.first().copied().unwrap_or_default();
        let refused = [
            ("m=audio 0 ", "opus/48000/2\r\n"),
            ("m=video 0 ", "VP8/90000\r\n"),
        ];
        let found = refused
            .iter()
            .find_map(|(start, codec)| Some((head.strip_prefix(start)?, codec)));
        let Some((formats, codec)) = found else { continue };
        for format in formats.split(' ').skip(1) {
            let map = format!("a=rtpmap:{format} ");
            if !section.iter().any(|line| line.starts_with(&map)) {
                out.push_str(&map);
                out.push_str(codec);
            }
        }
    }
    out
}

/// Whether a candidate line is one that ICE could use; the others are left alone.
pub(super) fn usable(candidate: &Candidate) -> Result<bool, TransportError> {
    Line::parse(&candidate.candidate).map(|line| line.is_usable())
}

/// The audio section as far as we care.
struct Audio<'a> {
    mid: Option<&'a str>,
    negotiated: Negotiated,
}

impl<'a> Audio<'a> {
    /// The first audio section that has Opus and is not refused.
    fn find(lines: &[&'a str]) -> Option<Self> {
        sections(lines).find_map(Self::read)
    }

    fn read(section: &[&'a str]) -> Option<Self> {
        let mut head = section.first()?.strip_prefix("m=audio ")?.split(' ');
        if head.next() == Some("0") {
            return None;
        }
        let named = |name: &str| {
            section.iter().find_map(|line| {
                let (number, codec) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
                let number = number.parse::<u8>().ok().filter(|number| *number < 128)?;
                codec.trim_end().eq_ignore_ascii_case(name).then_some(number)
            })
        };
        let payload_type = named("opus/48000/2")?;
        // Redundant data of something else than Opus is of no use. Without parameters it is whatever comes first.
        let red_payload_type = named("red/48000/2").filter(|red| {
            let parameters = section
                .iter()
                .find_map(|line| line.strip_prefix("a=fmtp:")?.strip_prefix(&format!("{red} ")));
            let is_opus = |block: &str| block.trim().parse() == Ok(payload_type);
            parameters.is_none_or(|parameters| parameters.split('/').all(is_opus))
        });
        let extension = |uri: &str| {
            section.iter().find_map(|line| {
                let (id, rest) = line.strip_prefix("a=extmap:")?.split_once(' ')?;
                let id = id
                    .split('/')
                    .next()?
                    .parse::<u8>()
                    .ok()
                    .filter(|id| (1..=14).contains(id))?;
                (rest.split(' ').next() == Some(uri)).then_some(id)
            })
        };
        Some(Self {
            mid: attribute(section, "mid"),
            negotiated: Negotiated {
                payload_type,
                level_id: extension(AUDIO_LEVEL_URI),
                red_payload_type,
                capture_id: extension(ABSOLUTE_CAPTURE_TIME_URI),
            },
        })
    }
}

/// The media sections, each with its lines.
pub(super) fn sections<'s, 'a>(lines: &'s [&'a str]) -> impl Iterator<Item = &'s [&'a str]> {
    lines
        .chunk_by(|_, next| !next.starts_with("m="))
        .filter(|section| section.first().is_some_and(|line| line.starts_with("m=")))
}

pub(super) fn lines(sdp: &str) -> impl Iterator<Item = &str> {
    sdp.split('\n')
        .map(|line| line.trim_end_matches('\r'))
        .filter(|line| !line.is_empty())
}

pub(super) fn attribute<'a>(lines: &[&'a str], name: &str) -> Option<&'a str> {
    lines
        .iter()
        .find_map(|line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':'))
}

/// Thirty-two pairs of hexadecimal digits with colons between.
fn is_sha256(digest: &str) -> bool {
    let pairs: Vec<&str> = digest.trim().split(':').collect();
    pairs.len() == 32
        && pairs
            .iter()
            .all(|pair| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a browser sends it, shortened.
    pub(crate) const BROWSER: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
        a=group:BUNDLE 0\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
        a=candidate:1 1 udp 2113937151 192.0.2.7 50123 typ host\r\n\
        a=ice-ufrag:EEtu\r\na=ice-pwd:8Ds8ghLnHTxbHjNfJ0x1Vq3m\r\na=ice-options:trickle\r\n\
        a=fingerprint:sha-256 D2:FA:0E:C3:22:59:5E:14:95:69:92:3D:13:B4:84:24:2C:C2:A2:C0:3E:FD:34:8E:5E:EA:6F:AF:52:CE:E6:0F\r\n\
        a=setup:actpass\r\na=mid:0\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
        a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\na=sendrecv\r\na=rtcp-mux\r\n\
        a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
        a=rtpmap:63 red/48000/2\r\na=rtpmap:9 G722/8000\r\na=ssrc:1370113029 cname:lP8v8bYqZfQ0rGTN\r\n";

    fn offer(sdp: &str) -> Description {
        Description {
            kind: DescriptionKind::Offer,
            sdp: sdp.to_owned(),
        }
    }

    #[test]
    fn a_browsers_offer_passes() {
        let checked = check(&offer(BROWSER)).unwrap();
        assert_eq!(checked.username_fragment, "EEtu");
        assert_eq!(
            checked.negotiated,
            Negotiated {
                payload_type: 111,
                level_id: Some(1),
                red_payload_type: Some(63),
                capture_id: None,
            }
        );
        assert_eq!(checked.candidates.len(), 1);
        assert_eq!(checked.candidates[0].mid, "0");
        assert!(!checked.session.sdp.contains("192.0.2.7"));
    }

    #[test]
    fn slots_are_told_apart_by_their_sources() {
        let section = |port: u16, rest: &str| {
            format!("m=audio {port} UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n{rest}")
        };
        let one = section(
            9,
            "a=sendonly\r\na=extmap:3 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
            a=rtpmap:63 red/48000/2\r\na=ssrc:17 cname:x\r\na=ssrc:17 msid:s t\r\n",
        );
        let answer = |sections: &[&str]| format!("{BROWSER}{}", sections.concat());
        let quiet = section(9, "a=inactive\r\n");
        let refused = section(0, "");
        let two = section(9, "a=sendonly\r\na=ssrc:18 cname:x\r\n");
        let found = streams(&answer(&[&one, &quiet, &refused, &two])).unwrap();
        let sources = found.map(|stream| stream.map(|stream| stream.ssrc));
        assert_eq!(sources[..5], [Some(17), None, None, Some(18), None]);
        let of = |slot: usize| found[slot].unwrap().negotiated;
        assert_eq!((of(0).level_id, of(0).red_payload_type), (Some(3), Some(63)));
        assert_eq!((of(3).level_id, of(3).red_payload_type), (None, None));
        assert_eq!(streams(BROWSER).unwrap(), [None; MAX_SLOTS]);
        let silent = section(9, "a=sendonly\r\n");
        assert!(streams(&answer(&[&silent])).is_err());
        let many = vec![one.as_str(); 14];
        assert!(check(&offer(&answer(&many))).is_ok() && streams(&answer(&many)).is_ok());
    }

    #[test]
    fn a_candidate_named_in_every_section_is_one() {
        let twice = format!("{BROWSER}a=candidate:1 1 udp 2113937151 192.0.2.7 50123 typ host\r\n");
        assert_eq!(check(&offer(&twice)).unwrap().candidates.len(), 1);
    }

    #[test]
    fn redundant_data_of_opus_alone_is_taken() {
        let red = |parameters: &str| {
            let sdp = BROWSER.replace("a=rtpmap:9 ", &format!("{parameters}a=rtpmap:9 "));
            check(&offer(&sdp)).unwrap().negotiated.red_payload_type
        };
        assert_eq!(red("a=fmtp:63 111/111\r\n"), Some(63));
        assert_eq!(red("a=fmtp:63 111/9\r\n"), None);
        assert_eq!(red("a=fmtp:63 nonsense\r\n"), None);
        let without = check(&offer(&BROWSER.replace("red/48000/2", "x/48000/2"))).unwrap();
        assert_eq!(without.negotiated.red_payload_type, None);
    }

    #[test]
    fn what_we_cannot_use_is_refused_by_name() {
        let cases = [
            (String::new(), "v=0"),
            ("x".repeat(MAX_SDP + 1), "256 KiB"),
            (BROWSER.replace("opus/", "speex/"), "Opus"),
            (BROWSER.replace("m=audio 9", "m=audio 0"), "Opus"),
            (BROWSER.replace("m=audio", "m=video"), "Opus"),
            (BROWSER.replace("a=ice-pwd", "a=ice-xyz"), "credentials"),
            (
                BROWSER.replace("8Ds8ghLnHTxbHjNfJ0x1Vq3m", "short"),
                "credentials",
            ),
            (BROWSER.replace("D2:FA", "D2"), "fingerprint"),
            (BROWSER.replace("a=rtcp-mux", "a=rtcp-may"), "multiplexed"),
            (BROWSER.replace("trickle", "tri\0ckle"), "control"),
            (
                BROWSER.replace(
                    "m=audio",
                    &"m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
                        .repeat(MAX_SECTIONS)
                        .add("m=audio"),
                ),
                "too many",
            ),
        ];
        for (sdp, reason) in cases {
            match check(&offer(&sdp)) {
                Err(TransportError::BadDescription(text)) => {
                    assert!(text.contains(reason), "{text} / {reason}")
                }
                other => panic!("{reason}: {other:?}"),
            }
        }
    }

    use std::ops::Add;

    #[test]
    fn candidates_are_taken_out() {
        let with = format!("{BROWSER}a=end-of-candidates\r\n");
        let plain = without_candidates(&with);
        assert!(!plain.contains("candidate"));
        assert_eq!(plain.lines().count(), with.lines().count() - 2);
    }
}
