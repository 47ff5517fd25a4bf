//! The other end of a link, for load generators and tests: a participant that offers one voice and some slots, and a camera
//! where wanted, and needs no more than a socket and some kilobytes. It codes nothing; payloads are the caller's business.
//!
//! ```no_run
//! use std::net::UdpSocket;
//! use std::time::Instant;
//!
//! use sidetone_sfu::caller::{Answered, Caller};
//! use sidetone_sfu::link::{CONSENT, Certificate, LinkConfig, Received};
//! use sidetone_sfu::room::AudioLevel;
//!
//! # fn post(offer: &str) -> String { offer.to_owned() }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // One certificate serves all: making one is what costs most.
//! let config = LinkConfig::new(Certificate::generate().ok_or("no certificate")?, CONSENT)?;
//! let caller = Caller::new(&config, 4);
//! let answered = Answered::parse(&post(&caller.offer()))?;
//! let socket = UdpSocket::bind("127.0.0.1:0")?; // One that the other end can reach.
//! let mut link = caller.link(&config, &answered, socket.local_addr()?);
//! let mut send = |to, datagram: &[u8]| _ = socket.send_to(datagram, to);
//! link.timeout(Instant::now(), &mut send); // Now, and whenever `poll_timeout` says.
//! let mut buffer = [0; 1500];
//! let (length, from) = socket.recv_from(&mut buffer)?; // And so on, until it is connected.
//! if let Ok(Received::Rtp(length)) = link.receive(Instant::now(), from, &mut buffer[..length], &mut send) {
//!     println!("{length} bytes of RTP");
//! }
//! let level = AudioLevel { minus_dbov: 20, voice: true };
//! if let Some(length) = caller.packet(1, 960, level, &[0xf8, 0xff, 0xfe], &mut buffer) {
//!     let length = link.seal_rtp(&mut buffer, length)?;
//!     socket.send_to(&buffer[..length], answered.addresses[0])?;
//! }
//! # Ok(())
//! # }
//! ```

use std::net::SocketAddr;

use rand::RngExt;

use crate::link::{Credentials, Fingerprint, Link, LinkConfig, Remote};
use crate::room::AudioLevel;
use crate::sdp::Extension;

/// Payload type of Opus in what it offers.
pub const OPUS: u8 = 111;

/// Payload type of VP8 in what it offers.
pub const VP8: u8 = 96;

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

/// What a participant has to do with cameras.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Camera {
    /// Nothing.
    #[default]
    None,
    /// It sends a picture.
    Sends,
    /// It sees one.
    Sees,
}

/// A participant before it is in.
#[derive(Clone, Debug)]
pub struct Caller {
    credentials: Credentials,
    fingerprint: Fingerprint,
    slots: usize,
    camera: Camera,
    /// The source of its voice. That of its picture is the next number.
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
            camera: Camera::None,
            ssrc: rand::rng().random_range(1..u32::MAX),
        }
    }

    /// The same with room for another number of voices.
    #[must_use]
    pub fn with_slots(self, slots: usize) -> Self {
        Self { slots, ..self }
    }

    /// The same with a camera, or with a slot for one.
    #[must_use]
    pub fn with_camera(self, camera: Camera) -> Self {
        Self { camera, ..self }
    }

    /// The same with new ICE credentials, for a restart (RFC 8445 section 9).
    #[must_use]
    pub fn renewed(self) -> Self {
        Self {
            credentials: Credentials::random(),
            ..self
        }
    }

    /// Its offer: the first section is its voice and a slot, the others are slots, the last is that of the camera.
    pub fn offer(&self) -> String {
        let (ufrag, password) = (&self.credentials.ufrag, &self.credentials.password);
        let count = self.slots.max(1);
        let sections = count + usize::from(self.camera != Camera::None);
        let group: String = (0..sections).map(|mid| format!(" {mid}")).collect();
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
        let direction = match self.camera {
            Camera::None => return sdp,
            Camera::Sends => "sendonly",
            Camera::Sees => "recvonly",
        };
        sdp += &format!(
            "m=video 9 UDP/TLS/RTP/SAVPF {VP8}\r\nc=IN IP4 0.0.0.0\r\na=mid:{count}\r\na={direction}\r\na=rtcp-mux\r\n\
             a=rtcp-rsize\r\na=rtpmap:{VP8} VP8/90000\r\na=rtcp-fb:{VP8} nack\r\na=rtcp-fb:{VP8} nack pli\r\n"
        );
        if self.camera == Camera::Sends {
            sdp += &format!("a=ssrc:{0} cname:{1}\r\n", self.ssrc.wrapping_add(1), self.ssrc);
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

    /// Writes a packet of its picture into `buffer` in the clear, as [`Caller::packet`] does one of its voice. `last` says
    /// that its frame ends with it; the payload begins with a descriptor (RFC 7741 section 4.2).
    pub fn picture(
        &self,
        sequence: u16,
        timestamp: u32,
        last: bool,
        payload: &[u8],
        buffer: &mut [u8],
    ) -> Option<usize> {
        let length = 12 + payload.len();
        let packet = buffer.get_mut(..length)?;
        packet[0] = 0x80;
        packet[1] = u8::from(last) << 7 | VP8;
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
        packet[8..12].copy_from_slice(&self.ssrc.wrapping_add(1).to_be_bytes());
        packet[12..].copy_from_slice(payload);
        Some(length)
    }
}
