//! The other end of a link, for load generators and tests: a participant that offers one voice and some slots, and needs
//! no more than a socket and some kilobytes. It codes nothing; payloads are the caller's business.

use std::net::SocketAddr;

use rand::RngExt;

use crate::link::{Credentials, Fingerprint, Link, LinkConfig, Remote};
use crate::room::AudioLevel;
use crate::sdp::Extension;

/// Payload type of Opus in what it offers.
pub const OPUS: u8 = 111;

/// Identifier of the audio level extension in what it offers (RFC 6464).
pub const LEVEL: u8 = 1;

/// Why an answer cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// No ICE credentials.
    #[error("no ICE credentials")]
    Credentials,
    /// No SHA-256 fingerprint.
    #[error("no SHA-256 fingerprint")]
    Fingerprint,
    /// No address to go to.
    #[error("no candidate")]
    Candidate,
}

/// A participant before it is in.
#[derive(Clone, Debug)]
pub struct Caller {
    credentials: Credentials,
    fingerprint: Fingerprint,
    slots: usize,
    /// The source of its voice.
    pub ssrc: u32,
}

/// What an answer says.
#[derive(Clone, Debug)]
pub struct Answered {
    /// Their end of the transport.
    pub remote: Remote,
    /// Where they can be reached, the best first.
    pub addresses: Vec<SocketAddr>,
    /// The sources of the slots.
    pub slots: Vec<u32>,
}

impl Answered {
    /// Reads an answer of this service.
    ///
    /// # Errors
    /// See [`AnswerError`].
    pub fn parse(sdp: &str) -> Result<Self, AnswerError> {
        let values = |name: &'static str| {
            sdp.lines()
                .filter_map(move |line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':'))
        };
        let first = |name| values(name).next().map(str::trim);
        let (Some(ufrag), Some(password)) = (first("ice-ufrag"), first("ice-pwd")) else {
            return Err(AnswerError::Credentials);
        };
        let fingerprint = first("fingerprint")
            .and_then(|value| Fingerprint::parse(value.strip_prefix("sha-256 ")?))
            .ok_or(AnswerError::Fingerprint)?;
        let address = |candidate: &str| {
            let mut words = candidate.split(' ').skip(4);
            Some(SocketAddr::new(
                words.next()?.parse().ok()?,
                words.next()?.parse().ok()?,
            ))
        };
        let addresses: Vec<SocketAddr> = values("candidate").filter_map(address).collect();
        if addresses.is_empty() {
            return Err(AnswerError::Candidate);
        }
        let named = |value: &str| value.split_once(" cname:")?.0.parse().ok();
        Ok(Self {
            remote: Remote {
                credentials: Credentials {
                    ufrag: ufrag.to_owned(),
                    password: password.to_owned(),
                },
                fingerprint,
            },
            addresses,
            slots: values("ssrc").filter_map(named).collect(),
        })
    }
}

impl Caller {
    /// A new one, with room for this many voices.
    pub fn new(config: &LinkConfig, slots: usize) -> Self {
        Self {
            credentials: Credentials::random(),
            fingerprint: config.fingerprint(),
            slots,
            ssrc: rand::rng().random_range(1..u32::MAX),
        }
    }

    /// The same with room for another number of voices.
    #[must_use]
    pub fn with_slots(self, slots: usize) -> Self {
        Self { slots, ..self }
    }

    /// The same with new ICE credentials, for a restart (RFC 8445 section 9).
    #[must_use]
    pub fn renewed(self) -> Self {
        Self {
            credentials: Credentials::random(),
            ..self
        }
    }

    /// Its offer: the first section is its voice and a slot, the others are slots.
    pub fn offer(&self) -> String {
        let (ufrag, password) = (&self.credentials.ufrag, &self.credentials.password);
        let count = self.slots.max(1);
        let group: String = (0..count).map(|mid| format!(" {mid}")).collect();
        let mut sdp = format!(
            "v=0\r\no=- {} 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE{group}\r\n\
             a=fingerprint:sha-256 {}\r\na=setup:active\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\n",
            self.ssrc, self.fingerprint
        );
        for mid in 0..count {
            let direction = match (mid, self.slots) {
                (0, 0) => "sendonly",
                (0, _) => "sendrecv",
                _ => "recvonly",
            };
            sdp += &format!(
                "m=audio 9 UDP/TLS/RTP/SAVPF {OPUS}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na={direction}\r\n\
                 a=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:{OPUS} opus/48000/2\r\na=extmap:{LEVEL} {}\r\n",
                Extension::AudioLevel.uri()
            );
            if mid == 0 {
                sdp += &format!("a=ssrc:{0} cname:{0}\r\n", self.ssrc);
            }
        }
        sdp
    }

    /// The link to whoever gave this answer, from a local address. Start it with [`Link::timeout`].
    pub fn link(&self, config: &LinkConfig, answered: &Answered, local: SocketAddr) -> Link {
        let to = answered.addresses.first().copied().unwrap_or(local);
        Link::calling(config, self.credentials.clone(), &answered.remote, (local, to))
    }

    /// Writes a packet of its voice into `buffer` in the clear, and gives its length; [`Link::seal_rtp`] comes next.
    /// None where it does not fit.
    pub fn packet(
        &self,
        sequence: u16,
        timestamp: u32,
        level: AudioLevel,
        payload: &[u8],
        buffer: &mut [u8],
    ) -> Option<usize> {
        let length = 20 + payload.len();
        let packet = buffer.get_mut(..length)?;
        packet[0] = 0x90;
        packet[1] = OPUS;
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
        packet[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        packet[12..16].copy_from_slice(&[0xbe, 0xde, 0, 1]);
        let byte = u8::from(level.voice) << 7 | level.minus_dbov & 0x7f;
        packet[16..20].copy_from_slice(&[LEVEL << 4, byte, 0, 0]);
        packet[20..].copy_from_slice(payload);
        Some(length)
    }
}
