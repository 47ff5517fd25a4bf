//! The DTLS handshake (RFC 6347, RFC 5764) up to the keys of SRTP. Nothing else is ever said over DTLS.

use std::net::SocketAddr;
use std::time::Instant;

use dimpl::{Dtls, Output, SrtpProfile};

use super::throttle::Throttle;
use super::{Fingerprint, LinkConfig, LinkError};
use crate::srtp::{MasterKeys, Opener, Profile, Sealer};

/// Most datagrams taken in a second: some flights of ten.
const MAX_RECORDS: u32 = 100;

/// Largest record that is sent.
const MTU: usize = 2048;

/// What one step gave.
pub(super) enum Step {
    Going,
    /// The peer is who it should be, and here are the keys.
    Done(Box<(Sealer, Opener)>),
}

pub(super) struct Handshake {
    dtls: Dtls,
    active: bool,
    verified: bool,
    connected: bool,
    keys: Option<Box<(Sealer, Opener)>>,
    /// Where its records go.
    pub to: SocketAddr,
    throttle: Throttle,
    /// When it wants to be woken.
    pub next: Option<Instant>,
}

impl Handshake {
    pub fn answering(config: &LinkConfig, to: SocketAddr, now: Instant) -> Self {
        Self::new(config, to, now, false)
    }

    pub fn calling(config: &LinkConfig, to: SocketAddr, now: Instant) -> Self {
        Self::new(config, to, now, true)
    }

    fn new(config: &LinkConfig, to: SocketAddr, now: Instant, active: bool) -> Self {
        let mut dtls = Dtls::new_12(config.0.dtls.clone(), config.0.certificate.inner.clone(), now);
        dtls.set_active(active);
        Self {
            dtls,
            active,
            verified: false,
            connected: false,
            keys: None,
            to,
            throttle: Throttle::new(now, MAX_RECORDS),
            next: None,
        }
    }

    /// Whether another datagram may be taken now.
    pub fn takes(&mut self, now: Instant) -> bool {
        self.throttle.pass(now)
    }

    pub fn receive(&mut self, now: Instant, datagram: &[u8]) -> Result<(), LinkError> {
        self.timeout(now)?;
        self.dtls.handle_packet(datagram).map_err(failed)
    }

    pub fn timeout(&mut self, now: Instant) -> Result<(), LinkError> {
        self.dtls.handle_timeout(now).map_err(failed)
    }

    /// Drains what there is.
    pub fn step(&mut self, peer: Fingerprint, send: &mut dyn FnMut(&[u8])) -> Result<Step, LinkError> {
        let mut buffer = [0; MTU];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(datagram) => send(datagram),
                Output::PeerCert(certificate) => {
                    if Fingerprint::of(certificate) != peer {
                        return Err(LinkError::Certificate);
                    }
                    self.verified = true;
                }
                Output::KeyingMaterial(material, profile) => {
                    self.keys = keys(&material, profile, self.active).map(Box::new);
                }
                Output::Connected => self.connected = true,
                Output::Timeout(next) => {
                    self.next = Some(next);
                    break;
                }
                Output::BufferTooSmall { .. } => {
                    return Err(LinkError::Handshake("record larger than a datagram".into()));
                }
                // Nobody has anything to say here; the end of the peer shows by its checks.
                _ => {}
            }
        }
        if !(self.connected && self.verified) {
            return Ok(Step::Going);
        }
        self.connected = false;
        self.keys.take().map(Step::Done).ok_or(LinkError::NoProfile)
    }
}

fn failed(error: dimpl::Error) -> LinkError {
    LinkError::Handshake(error.to_string())
}

fn keys(material: &[u8], profile: SrtpProfile, active: bool) -> Option<(Sealer, Opener)> {
    let profile = match profile {
        SrtpProfile::AEAD_AES_128_GCM => Profile::AeadAes128Gcm,
        SrtpProfile::AEAD_AES_256_GCM => Profile::AeadAes256Gcm,
        SrtpProfile::AES128_CM_SHA1_80 => Profile::Aes128CmHmacSha1_80,
        _ => return None,
    };
    let (client, server) = MasterKeys::from_dtls(profile, material)?;
    let (ours, theirs) = if active {
        (client, server)
    } else {
        (server, client)
    };
    Some((Sealer::new(&ours)?, Opener::new(&theirs)?))
}
