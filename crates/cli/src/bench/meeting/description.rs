//! The offer of a participant that is not there, and what it needs of the answer (RFC 8829, RFC 8866).

use std::fmt::Write;
use std::net::SocketAddr;

use sidetone_sfu::link::{Credentials, Fingerprint, Remote};

/// Opus, as it is offered.
const OPUS: u8 = 111;

/// Identifier of the audio level extension (RFC 6464), as it is offered.
const LEVEL: u8 = 1;

/// Offers one microphone and `slots` places to hear others in.
pub fn offer(local: &Credentials, fingerprint: Fingerprint, ssrc: u32, slots: u8) -> String {
    let sections = u16::from(slots) + 1;
    let mids: Vec<String> = (0..sections).map(|mid| mid.to_string()).collect();
    let mut sdp = format!(
        "v=0\r\no=- {ssrc} 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n",
        mids.join(" ")
    );
    for mid in 0..sections {
        let direction = if mid == 0 { "sendonly" } else { "recvonly" };
        // Writing into a String cannot fail.
        let _infallible = write!(
            sdp,
            "m=audio 9 UDP/TLS/RTP/SAVPF {OPUS}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na={direction}\r\n\
             a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=fingerprint:sha-256 {fingerprint}\r\na=setup:active\r\na=rtcp-mux\r\n\
             a=rtpmap:{OPUS} opus/48000/2\r\na=fmtp:{OPUS} minptime=10;useinbandfec=1\r\n\
             a=extmap:{LEVEL} urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n",
            local.ufrag, local.password
        );
        if mid == 0 {
            let _infallible = write!(sdp, "a=msid:bench voice\r\na=ssrc:{ssrc} cname:bench\r\n");
        }
    }
    sdp
}

/// The way to the service, and how packets to it look.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The service's end.
    pub remote: Remote,
    /// Where it is.
    pub address: SocketAddr,
    /// Payload type of Opus.
    pub payload_type: u8,
    /// Identifier of the audio level extension.
    pub level_id: Option<u8>,
}

/// Reads an answer. None where something is missing.
pub fn answer(sdp: &str) -> Option<Answer> {
    let value = |name: &str| {
        sdp.lines()
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
    };
    let address = value("a=candidate:").and_then(|candidate| {
        let mut fields = candidate.split_whitespace().skip(4);
        let (ip, port) = (fields.next()?, fields.next()?);
        Some(SocketAddr::new(ip.parse().ok()?, port.parse().ok()?))
    });
    let payload_type = sdp.lines().find_map(|line| {
        let (payload_type, codec) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
        codec.starts_with("opus/").then(|| payload_type.parse().ok())?
    });
    let level_id = sdp.lines().find_map(|line| {
        let (id, uri) = line.strip_prefix("a=extmap:")?.split_once(' ')?;
        uri.ends_with("ssrc-audio-level").then(|| id.parse().ok())?
    });
    Some(Answer {
        remote: Remote {
            credentials: Credentials {
                ufrag: value("a=ice-ufrag:")?.to_owned(),
                password: value("a=ice-pwd:")?.to_owned(),
            },
            fingerprint: Fingerprint::parse(value("a=fingerprint:sha-256 ")?)?,
        },
        address: address?,
        payload_type: payload_type?,
        level_id,
    })
}
