//! What a participant offers. Everything that we could not use is refused with the reason, or left out.

use super::Extension;
use super::codec::{Codec, codecs};
use crate::link::{Credentials, Fingerprint, Remote};

/// Largest description read, in bytes. Every slot takes a browser about 2 KiB for audio, and 6 KiB for video.
const MAX_SDP: usize = 512 * 1024;

/// Most media sections.
const MAX_SECTIONS: usize = 160;

/// Most lines of one section.
const MAX_LINES: usize = 1024;

/// Why an offer cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// Larger than 512 KiB.
    #[error("description too large")]
    TooLarge,
    /// Not a session description.
    #[error("not a session description: {0}")]
    Malformed(&'static str),
    /// More sections than we read.
    #[error("too many media sections")]
    TooManySections,
    /// No ICE credentials, or of impossible length (RFC 8839 section 5.4).
    #[error("no usable ICE credentials")]
    Credentials,
    /// No SHA-256 fingerprint (RFC 8122).
    #[error("no SHA-256 fingerprint")]
    Fingerprint,
    /// Not bundled on one transport with RTCP (RFC 9143, RFC 8858).
    #[error("sections are not bundled with RTCP multiplexed")]
    NotBundled,
    /// The peer insists to be the DTLS server, as we do.
    #[error("the offer must let the other end wait for DTLS (setup:actpass or active)")]
    Setup,
}

/// Kind of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `m=audio`.
    Audio,
    /// `m=video`.
    Video,
    /// Anything else: refused in the answer.
    Other,
}

/// Direction as the participant sees it (RFC 8866 section 6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Direction {
    /// The participant sends.
    pub sends: bool,
    /// The participant receives.
    pub receives: bool,
}

/// A media section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its kind.
    pub kind: Kind,
    /// Identification tag (RFC 5888).
    pub mid: String,
    /// Who sends.
    pub direction: Direction,
    /// Slides, as opposed to a camera (RFC 4796).
    pub slides: bool,
    /// Codecs that we can forward, by preference.
    pub codecs: Vec<Codec>,
    /// Header extensions that we know, with their identifiers.
    pub extensions: Vec<(Extension, u8)>,
    /// What it is sent with, where said (RFC 5576): the first source.
    pub ssrc: Option<u32>,
    /// The source of the retransmissions of [`Section::ssrc`].
    pub rtx_ssrc: Option<u32>,
    /// Simulcast layers that are sent, in order (RFC 8853).
    pub layers: Vec<String>,
    /// Feedback may go alone (RFC 5506).
    pub(super) reduced_size: bool,
    /// `audio`, `UDP/TLS/RTP/SAVPF` and the formats, to be repeated.
    pub(super) media: String,
    pub(super) protocol: String,
    pub(super) formats: String,
}

impl Section {
    /// The identifier of an extension.
    pub fn extension(&self, wanted: Extension) -> Option<u8> {
        let mut all = self.extensions.iter();
        all.find(|(known, _)| *known == wanted).map(|(_, id)| *id)
    }
}

/// An offer, taken apart.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The participant's end of the transport.
    pub remote: Remote,
    /// Its sections, in order.
    pub sections: Vec<Section>,
}

impl Offer {
    /// Reads an offer.
    ///
    /// # Errors
    /// See [`OfferError`].
    pub fn parse(sdp: &str) -> Result<Self, OfferError> {
        if sdp.len() > MAX_SDP {
            return Err(OfferError::TooLarge);
        }
        if sdp
            .bytes()
            .any(|byte| byte < b' ' && !matches!(byte, b'\r' | b'\n' | b'\t'))
        {
            return Err(OfferError::Malformed("control characters"));
        }
        let lines: Vec<&str> = sdp.split(['\r', '\n']).filter(|line| !line.is_empty()).collect();
        if lines.first() != Some(&"v=0") {
            return Err(OfferError::Malformed("does not begin with v=0"));
        }
        let starts: Vec<usize> = (0..lines.len())
            .filter(|at| lines[*at].starts_with("m="))
            .collect();
        let Some(&first) = starts.first() else {
            return Err(OfferError::Malformed("no media section"));
        };
        if starts.len() > MAX_SECTIONS {
            return Err(OfferError::TooManySections);
        }
        let session = &lines[..first];
        let ends = starts.iter().skip(1).copied().chain([lines.len()]);
        let bodies: Vec<&[&str]> = starts
            .iter()
            .zip(ends)
            .map(|(start, end)| &lines[*start..end])
            .collect();
        if bodies.iter().any(|lines| lines.len() > MAX_LINES) {
            return Err(OfferError::Malformed("too many lines in a section"));
        }
        let sections = bodies
            .iter()
            .map(|lines| section(session, lines))
            .collect::<Result<Vec<_>, _>>()?;
        let mids: std::collections::HashSet<&str> =
            sections.iter().map(|section| section.mid.as_str()).collect();
        if mids.len() < sections.len() {
            return Err(OfferError::Malformed("two sections with one mid"));
        }
        let used = sections.iter().zip(&bodies);
        for (section, lines) in used.filter(|(section, _)| section.kind != Kind::Other) {
            let bundled = session
                .iter()
                .filter_map(|line| line.strip_prefix("a=group:BUNDLE "))
                .any(|group| group.split(' ').any(|mid| mid == section.mid));
            if !(bundled || bodies.len() == 1) || !lines.contains(&"a=rtcp-mux") {
                return Err(OfferError::NotBundled);
            }
        }
        // Bundled sections share the transport of the first one that has it.
        let transport = |name: &str| {
            bodies
                .iter()
                .find_map(|lines| attribute(lines, name))
                .or_else(|| attribute(session, name))
        };
        let (Some(ufrag), Some(password)) = (transport("ice-ufrag"), transport("ice-pwd")) else {
            return Err(OfferError::Credentials);
        };
        let is_ice = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
        };
        if !(4..=256).contains(&ufrag.len())
            || !(22..=256).contains(&password.len())
            || !is_ice(ufrag)
            || !is_ice(password)
        {
            return Err(OfferError::Credentials);
        }
        let fingerprint = bodies
            .iter()
            .copied()
            .chain([session])
            .flatten()
            .filter_map(|line| line.strip_prefix("a=fingerprint:")?.split_once(' '))
            .find(|(hash, _)| hash.eq_ignore_ascii_case("sha-256"))
            .and_then(|(_, digest)| Fingerprint::parse(digest.trim()))
            .ok_or(OfferError::Fingerprint)?;
        if !matches!(transport("setup"), Some("actpass" | "active")) {
            return Err(OfferError::Setup);
        }
        let credentials = Credentials {
            ufrag: ufrag.to_owned(),
            password: password.to_owned(),
        };
        let remote = Remote {
            credentials,
            fingerprint,
        };
        Ok(Self { remote, sections })
    }
}

/// The value of `a=NAME:VALUE`.
fn attribute<'a>(lines: &[&'a str], name: &str) -> Option<&'a str> {
    lines
        .iter()
        .find_map(|line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim)
}

fn section(session: &[&str], lines: &[&str]) -> Result<Section, OfferError> {
    let malformed = OfferError::Malformed("media line");
    let (media, rest) = lines
        .first()
        .and_then(|line| line.strip_prefix("m=")?.split_once(' '))
        .ok_or(malformed)?;
    let (port, rest) = rest.split_once(' ').ok_or(malformed)?;
    let (protocol, formats) = rest.split_once(' ').ok_or(malformed)?;
    let mid = attribute(lines, "mid").unwrap_or("0").to_owned();
    if mid.is_empty() || mid.len() > 32 || mid.contains(' ') {
        return Err(OfferError::Malformed("mid"));
    }
    let is_rtp = protocol == "UDP/TLS/RTP/SAVPF";
    let bundle_only = lines.contains(&"a=bundle-only");
    let kind = match media {
        _ if !is_rtp || (port == "0" && !bundle_only) => Kind::Other,
        "audio" => Kind::Audio,
        "video" => Kind::Video,
        _ => Kind::Other,
    };
    let order: Vec<u8> = formats
        .split(' ')
        .filter_map(|format| format.parse().ok().filter(|format| *format < 128))
        .collect();
    let direction = |name: &str| lines.contains(&name) || session.contains(&name);
    let (sends, receives) = if direction("a=inactive") {
        (false, false)
    } else if direction("a=sendonly") {
        (true, false)
    } else if direction("a=recvonly") {
        (false, true)
    } else {
        (true, true)
    };
    let mut extensions = Vec::new();
    for line in lines.iter().filter_map(|line| line.strip_prefix("a=extmap:")) {
        let mut words = line.split(' ');
        let (id, uri) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let (id, only) = id.split_once('/').unwrap_or((id, ""));
        // One-byte headers have these (RFC 8285 section 4.2).
        let id = id.parse().ok().filter(|id| (1..=14).contains(id));
        if let (Some(id), Some(known)) = (id, Extension::of(uri))
            && (only.is_empty() || only == "sendrecv")
            && !extensions
                .iter()
                .any(|(other, used)| *other == known || *used == id)
        {
            extensions.push((known, id));
        }
    }
    let mut ssrcs = lines
        .iter()
        .filter_map(|line| line.strip_prefix("a=ssrc:")?.split(' ').next()?.parse().ok());
    let ssrc = ssrcs.next();
    let rtx_ssrc = lines
        .iter()
        .filter_map(|line| line.strip_prefix("a=ssrc-group:FID ")?.split_once(' '))
        .find(|(of, _)| of.parse().ok() == ssrc)
        .and_then(|(_, rtx)| rtx.trim().parse().ok());
    let layers = attribute(lines, "simulcast")
        .and_then(|value| value.split("send ").nth(1))
        .map(|value| value.split(' ').next().unwrap_or(""))
        .unwrap_or("");
    let layers: Vec<String> = layers
        .split(';')
        // Of alternatives the first (RFC 8853 section 5.1); a tilde says that it begins paused.
        .filter_map(|layer| layer.split(',').next())
        .map(|layer| layer.trim_start_matches('~').to_owned())
        .filter(|layer| {
            (1..=16).contains(&layer.len()) && layer.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
        .take(crate::room::MAX_LAYERS)
        .collect();
    Ok(Section {
        kind,
        mid,
        direction: Direction { sends, receives },
        slides: attribute(lines, "content")
            .is_some_and(|content| content.split(',').any(|of| of.trim() == "slides")),
        codecs: codecs(&order, lines),
        extensions,
        ssrc,
        rtx_ssrc,
        layers,
        reduced_size: lines.contains(&"a=rtcp-rsize"),
        media: media.to_owned(),
        protocol: protocol.to_owned(),
        formats: formats.to_owned(),
    })
}
