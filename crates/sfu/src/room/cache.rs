//! The recent packets of one stream, shared by all who receive it: for those who ask again, and for those who came to
//! listen a moment too late. Two rings of fixed size, allocated once.

use std::num::NonZeroU64;

use super::packet::{AudioLevel, Format, Packet};

/// What became of a sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Not here yet; receivers see a hole for it.
    Missing,
    /// Not here yet, between two that were held: taken for held as well.
    Skipped,
    /// Silence that was kept back; receivers see no hole.
    Held,
    /// Given to all who received the stream at the time.
    Sent,
}

/// One packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// The sender's sequence number, extended.
    pub(crate) extended: u64,
    /// Its number among those not held.
    pub(crate) compact: u64,
    /// The sender's timestamp.
    pub(crate) timestamp: u32,
    /// The timestamp on the room's clock.
    pub(crate) placed: u32,
    pub(crate) state: State,
    pub(crate) format: Format,
    pub(crate) marker: bool,
    pub(crate) level: Option<AudioLevel>,
    pub(crate) captured: Option<NonZeroU64>,
    pub(crate) playout: Option<[u8; 3]>,
    start: u64,
    len: u16,
}

const EMPTY: Entry = Entry {
    extended: u64::MAX,
    compact: u64::MAX,
    timestamp: 0,
    placed: 0,
    state: State::Missing,
    format: Format::Opus,
    marker: false,
    level: None,
    captured: None,
    playout: None,
    start: 0,
    len: 0,
};

#[derive(Debug)]
pub(crate) struct Cache {
    /// By extended sequence number.
    entries: Box<[Entry]>,
    /// Extended sequence numbers, by compact number.
    sent: Box<[u64]>,
    bytes: Box<[u8]>,
    /// Bytes ever written, with those skipped at the ring's end.
    written: u64,
}

impl Cache {
    /// Of `packets` (a power of two) and `bytes`.
    pub(crate) fn new(packets: usize, bytes: usize) -> Self {
        Self {
            entries: vec![EMPTY; packets].into(),
            sent: vec![u64::MAX; packets].into(),
            bytes: vec![0; bytes].into(),
            written: 0,
        }
    }

    /// How many numbers back it reaches.
    pub(crate) fn reach(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(crate) fn get(&self, extended: u64) -> Option<&Entry> {
        let entry = &self.entries[extended as usize & (self.entries.len() - 1)];
        (entry.extended == extended).then_some(entry)
    }

    pub(crate) fn get_mut(&mut self, extended: u64) -> Option<&mut Entry> {
        let entry = &mut self.entries[extended as usize & (self.entries.len() - 1)];
        (entry.extended == extended).then_some(entry)
    }

    /// The packet with this compact number, if it was sent and its payload is still here.
    pub(crate) fn sent(&self, compact: u64) -> Option<(&Entry, &[u8])> {
        let extended = self.sent[compact as usize & (self.sent.len() - 1)];
        let entry = self.get(extended)?;
        if entry.compact != compact || entry.state != State::Sent {
            return None;
        }
        Some((entry, self.payload(entry)?))
    }

    pub(crate) fn payload(&self, entry: &Entry) -> Option<&[u8]> {
        let capacity = self.bytes.len() as u64;
        if self.written - entry.start > capacity || capacity == 0 {
            return None;
        }
        let start = (entry.start % capacity) as usize;
        self.bytes.get(start..start + usize::from(entry.len))
    }

    /// Writes down that a number was passed over: missing or skipped.
    pub(crate) fn miss(&mut self, extended: u64, compact: u64, state: State) {
        self.entries[extended as usize & (self.entries.len() - 1)] = Entry {
            extended,
            compact,
            state,
            ..EMPTY
        };
    }

    /// Keeps a packet. `payload` must be shorter than the ring.
    pub(crate) fn put(&mut self, mut entry: Entry, payload: &[u8]) {
        let capacity = self.bytes.len() as u64;
        let rest = capacity - self.written % capacity;
        if rest < payload.len() as u64 {
            self.written += rest;
        }
        entry.start = self.written;
        entry.len = payload.len() as u16;
        let start = (self.written % capacity) as usize;
        self.bytes[start..start + payload.len()].copy_from_slice(payload);
        self.written += payload.len() as u64;
        self.entries[entry.extended as usize & (self.entries.len() - 1)] = entry;
        if entry.state == State::Sent {
            self.index(entry.compact, entry.extended);
        }
    }

    /// Makes a packet findable by its compact number.
    pub(crate) fn index(&mut self, compact: u64, extended: u64) {
        self.sent[compact as usize & (self.sent.len() - 1)] = extended;
    }
}

impl Entry {
    /// With what the header of `packet` says.
    pub(crate) fn of(mut self, packet: &Packet<'_>) -> Self {
        (self.timestamp, self.marker) = (packet.timestamp, packet.marker);
        (self.level, self.captured, self.playout) = (packet.level, packet.captured, packet.playout);
        self
    }

    /// A packet to [`Cache::put`].
    pub(crate) fn new(extended: u64, compact: u64, state: State, format: Format) -> Self {
        Self {
            extended,
            compact,
            state,
            format,
            ..EMPTY
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_found_is_what_was_put(packets in prop::collection::vec((0usize..300, 0u64..4), 1..200)) {
            let mut cache = Cache::new(16, 1000);
            let mut extended = 100;
            let mut all = Vec::new();
            for (len, skip) in packets {
                extended += 1 + skip;
                let payload = vec![extended as u8; len];
                cache.put(Entry::new(extended, extended - 50, State::Sent, Format::Opus), &payload);
                all.push((extended, payload));
            }
            let mut left = 1000;
            for (extended, payload) in all.iter().rev() {
                match cache.sent(extended - 50) {
                    Some((entry, found)) => prop_assert_eq!((entry.extended, found), (*extended, &payload[..])),
                    // Only what is too old or too far back is lost; at the ring's end up to a packet is wasted.
                    None => prop_assert!(left < 300 + payload.len() || all.last().unwrap().0 - extended >= 16),
                }
                left = left.saturating_sub(payload.len());
            }
        }
    }
}
