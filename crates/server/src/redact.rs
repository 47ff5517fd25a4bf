//! What must not reach a log: network addresses and tokens. Values of these types can be logged without thought,
//! because their `Debug` and `Display` show only what an operator needs to follow one peer through the log.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;

/// The address of a peer. Shown as a tag that is the same for one address throughout one run of the process, and
/// tells nothing outside it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PeerAddress(pub IpAddr);

impl PeerAddress {
    /// Whether the peer is on this machine.
    pub fn is_loopback(self) -> bool {
        self.0.to_canonical().is_loopback()
    }
}

impl From<SocketAddr> for PeerAddress {
    fn from(address: SocketAddr) -> Self {
        Self(address.ip().to_canonical())
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Keyed afresh in each process: the tag cannot be turned back by hashing all addresses.
        static KEY: OnceLock<RandomState> = OnceLock::new();
        let tag = KEY.get_or_init(RandomState::new).hash_one(self.0) as u32;
        write!(f, "peer-{tag:08x}")
    }
}

impl fmt::Debug for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A token or key. Shown as its length.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Unwraps the secret.
    pub fn into_exposed(self) -> String {
        self.0
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0.len())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_debug_nor_display_tells() {
        let address = PeerAddress("198.51.100.7".parse().unwrap());
        let secret = Secret::new("eyJhbGciOi");
        let shown = format!("{address} {address:?} {secret} {secret:?}");
        assert!(!shown.contains("198") && !shown.contains("eyJ"), "{shown}");
    }

    #[test]
    fn one_address_has_one_tag() {
        let a = PeerAddress::from("198.51.100.7:1".parse::<SocketAddr>().unwrap());
        let mapped = PeerAddress::from("[::ffff:198.51.100.7]:2".parse::<SocketAddr>().unwrap());
        let b = PeerAddress("198.51.100.8".parse().unwrap());
        assert_eq!(a.to_string(), mapped.to_string());
        assert_ne!(a.to_string(), b.to_string());
    }
}
