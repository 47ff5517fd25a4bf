//! The answering end of ICE (RFC 8445 section 2.5: lite): it checks nothing itself, answers the checks that carry the
//! right credentials, and sends to where the peer said last that it wants to receive.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use is::Sha1HmacProvider;
use is::stun::StunMessage;

use super::credentials::{Credentials, Integrity};

/// Most addresses of a peer remembered: one for each of its interfaces, and those before it moved.
const MAX_ADDRESSES: usize = 8;

/// What came of a check.
pub(super) enum Check {
    /// Not for us, or not authentic.
    Refused,
    /// An answer of this many bytes is in the buffer.
    Answered { length: usize, address: Address },
}

/// What a check said about its source.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Address {
    Known,
    /// A new address of the peer.
    New,
    /// The peer wants us to send there from now on.
    Chosen,
}

/// State of one link.
pub(super) struct Lite {
    local: Credentials,
    /// Those before a restart, good until the peer uses the new ones (RFC 8445 section 9).
    previous: Option<(Credentials, Box<str>)>,
    remote_ufrag: Box<str>,
    addresses: Vec<SocketAddr>,
    pub chosen: Option<SocketAddr>,
    last_check: Instant,
}

impl Lite {
    pub fn new(now: Instant, local: Credentials, remote_ufrag: &str) -> Self {
        Self {
            local,
            previous: None,
            remote_ufrag: remote_ufrag.into(),
            addresses: Vec::new(),
            chosen: None,
            last_check: now,
        }
    }

    pub fn restart(&mut self, local: Credentials, remote_ufrag: &str) {
        let local = std::mem::replace(&mut self.local, local);
        let remote = std::mem::replace(&mut self.remote_ufrag, remote_ufrag.into());
        self.previous = Some((local, remote));
    }

    pub fn remote_ufrag(&self) -> &str {
        &self.remote_ufrag
    }

    pub const fn local(&self) -> &Credentials {
        &self.local
    }

    /// The user fragment that is good no longer once the peer has used the new one.
    pub fn previous_ufrag(&self) -> Option<&str> {
        self.previous.as_ref().map(|(local, _)| local.ufrag.as_str())
    }

    /// Whether the peer has proved to be there.
    pub fn knows(&self, address: SocketAddr) -> bool {
        self.addresses.contains(&address)
    }

    /// When consent ends (RFC 7675 section 5.1): a peer that has never come has as long.
    pub fn expires(&self, consent: Duration) -> Instant {
        self.last_check + consent
    }

    /// Takes a binding request, and writes the answer.
    pub fn check(&mut self, now: Instant, from: SocketAddr, datagram: &[u8], answer: &mut [u8]) -> Check {
        let Ok(message) = StunMessage::parse(datagram) else {
            return Check::Refused;
        };
        if !message.is_binding_request() {
            return Check::Refused;
        }
        let Some((to, by)) = message.split_username() else {
            return Check::Refused;
        };
        let hmac = |key: &[u8], parts: &[&[u8]]| Integrity.sha1_hmac(key, parts);
        let current = to == self.local.ufrag && by == &*self.remote_ufrag;
        let credentials = match &self.previous {
            _ if current => &self.local,
            Some((local, remote)) if to == local.ufrag && by == &**remote => local,
            _ => return Check::Refused,
        };
        let password = credentials.password.as_bytes();
        if !message.verify(password, hmac) {
            return Check::Refused;
        }
        let id = message.trans_id();
        // We are always controlled, and so cannot give way (RFC 8445 section 6.1.1).
        let conflict = message.ice_controlled().is_some();
        let reply = if conflict {
            StunMessage::binding_role_conflict_reply(id)
        } else {
            // On a socket for both families, IPv4 comes in the clothes of IPv6.
            let ip = from.ip().to_canonical();
            StunMessage::binding_reply(id, SocketAddr::new(ip, from.port()))
        };
        let Ok(length) = reply.to_bytes(Some(password), answer, hmac) else {
            return Check::Refused;
        };
        if conflict {
            let address = Address::Known;
            return Check::Answered { length, address };
        }
        let chosen = message.use_candidate();
        if current {
            self.previous = None;
        }
        self.last_check = now;
        let mut address = Address::Known;
        if !self.knows(from) {
            if self.addresses.len() == MAX_ADDRESSES {
                // The one in use stays.
                let oldest = self
                    .addresses
                    .iter()
                    .position(|known| Some(*known) != self.chosen);
                self.addresses.remove(oldest.unwrap_or(0));
            }
            self.addresses.push(from);
            address = Address::New;
        }
        if chosen && self.chosen != Some(from) {
            self.chosen = Some(from);
            address = Address::Chosen;
        }
        Check::Answered { length, address }
    }
}

/// The user fragment that a check is addressed to, before anything of it is believed (RFC 8489 section 14.3).
pub fn ufrag_of_check(datagram: &[u8]) -> Option<&str> {
    // Header of 20 bytes with the type of a binding request and the magic cookie.
    if datagram.get(..2)? != [0, 1] || datagram.get(4..8)? != [0x21, 0x12, 0xa4, 0x42] {
        return None;
    }
    let mut attributes = datagram.get(20..)?;
    while let [t0, t1, l0, l1, rest @ ..] = attributes {
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        if [*t0, *t1] == [0, 6] {
            let name = std::str::from_utf8(rest.get(..length)?).ok()?;
            return Some(name.split_once(':')?.0);
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}
