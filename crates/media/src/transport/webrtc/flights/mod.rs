//! The DTLS handshake on a path that loses packets. The library repeats a flight after a second (RFC 6347 section
//! 4.2.4.1), and no more at all once the peer repeats what it has heard already: each then waits for the other. So
//! datagrams of a handshake are sent again within a fraction of a second, which to the peer looks like a network that
//! doubles packets, and what the peer says again is kept from the library. This knows records, and neither keys nor
//! what is in them.

mod socket;
mod wire;

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::time::Duration;

pub(super) use self::socket::PatientSocket;
use self::wire::{Record, dtls, fragments, records};

/// Waits until a flight is sent again: then the library's second is over, and it makes a new one of it.
const REPEATS: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
];

/// Datagrams of a flight that are kept; a certificate takes one or two.
const FLIGHT: usize = 8;

/// Parts of messages that are known again. A handshake has about ten.
const KNOWN: usize = 64;

/// Our last flight, and what the peer said.
#[derive(Debug, Default)]
struct Flights {
    hasher: RandomState,
    /// Who the handshake is with.
    peer: Option<SocketAddr>,
    flight: Vec<Vec<u8>>,
    /// Counts flights.
    number: u64,
    /// What of the peer came since the flight was sent, by its hash: nobody can make up what collides with it.
    heard: HashSet<u64>,
    /// What came before: the library saw it, for it answered.
    known: HashSet<u64>,
    /// Something new came since the flight was sent, or it was sent again.
    over: bool,
    /// We changed the keys, and so did the peer.
    changed: (bool, bool),
}

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    /// For the library to see.
    News,
    /// Something that the library saw before.
    Again,
}

impl Flights {
    /// Whether both have changed their keys. What then follows is no matter of this.
    const fn is_done(&self) -> bool {
        self.changed.0 && self.changed.1
    }

    /// Takes a datagram that is sent. Gives the number of the flight that begins with it.
    fn sent(&mut self, datagram: &[u8], to: SocketAddr) -> Option<u64> {
        let mut records = records(dtls(datagram)?).peekable();
        records.peek()?;
        for record in records {
            match record {
                Record::Handshake(_) | Record::Sealed => {}
                Record::ChangeCipherSpec => self.changed.0 = true,
                Record::Other => return None,
            }
        }
        let begins = self.over || self.number == 0 || self.peer != Some(to);
        if begins {
            self.peer = Some(to);
            self.flight.clear();
            self.number += 1;
            self.over = false;
            self.known.extend(self.heard.drain());
        }
        if self.flight.len() < FLIGHT {
            self.flight.push(datagram.to_vec());
        }
        begins.then_some(self.number)
    }

    /// Takes a datagram that came.
    fn heard(&mut self, datagram: &[u8], from: SocketAddr) -> Heard {
        let Some(dtls) = dtls(datagram).filter(|_| self.peer == Some(from)) else {
            return Heard::News;
        };
        // Every record is looked at, whatever the others are. What has none was not said before.
        let again = records(dtls).fold(None, |again, record| {
            Some(again.unwrap_or(true) & self.knows_record(record))
        });
        if again == Some(true) {
            return Heard::Again;
        }
        self.over = true;
        Heard::News
    }

    fn knows_record(&mut self, record: Record<'_>) -> bool {
        match record {
            Record::Handshake(messages) => fragments(messages)
                .fold(None, |known, fragment| {
                    Some(known.unwrap_or(true) & self.knows(fragment))
                })
                .unwrap_or(false),
            Record::ChangeCipherSpec => {
                self.changed.1 = true;
                false
            }
            // Whether these came before, the library can tell.
            Record::Sealed | Record::Other => false,
        }
    }

    /// Whether a part of a message was answered already. From now on it was heard.
    fn knows(&mut self, fragment: &[u8]) -> bool {
        let hash = self.hasher.hash_one(fragment);
        let known = self.known.contains(&hash);
        if !known && self.known.len() + self.heard.len() < KNOWN {
            self.heard.insert(hash);
        }
        known
    }

    /// The flight of that number, if it is still unanswered, to be sent again.
    fn repeat(&self, number: u64) -> Option<(Vec<Vec<u8>>, SocketAddr)> {
        let peer = self.peer.filter(|_| number == self.number && !self.over)?;
        Some((self.flight.clone(), peer))
    }

    /// What is sent from now on is another flight: the library's own repetition.
    fn wait_is_over(&mut self, number: u64) {
        self.over |= number == self.number;
    }
}

#[cfg(test)]
mod tests;
