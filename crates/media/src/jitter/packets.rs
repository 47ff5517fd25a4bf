//! Packets that wait for their turn, in media order. Storage is fixed when created.

use std::collections::VecDeque;

use sidetone_pipeline::Pooled;

use crate::packet::{SequenceNumber, VoicePacket};

/// A packet in its place.
#[derive(Debug)]
pub(super) struct Waiting {
    /// Media time of the first sample, unwrapped.
    pub(super) at: i64,
    /// Samples in it.
    pub(super) samples: i64,
    /// When it came.
    pub(super) arrival: i64,
    /// Number of the packet; a copy in a later one has none.
    pub(super) sequence: Option<SequenceNumber>,
    pub(super) packet: Pooled<VoicePacket>,
}

impl Waiting {
    /// Media time after the last sample.
    pub(super) fn end(&self) -> i64 {
        self.at + self.samples
    }
}

/// Outcome of [`Packets::insert`].
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Placed {
    Stored,
    Duplicate,
    /// Stored, but the oldest had to go.
    Overflow,
}

/// The waiting packets.
#[derive(Debug)]
pub(super) struct Packets {
    queue: VecDeque<Waiting>,
    capacity: usize,
}

impl Packets {
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity.max(2);
        Self {
            queue: VecDeque::with_capacity(capacity + 1),
            capacity,
        }
    }

    pub(super) fn insert(&mut self, packet: Waiting) -> Placed {
        let later = self
            .queue
            .iter()
            .rev()
            .take_while(|other| other.at > packet.at)
            .count();
        let index = self.queue.len() - later;
        if let Some(twin) = index.checked_sub(1).and_then(|index| self.queue.get_mut(index))
            && twin.at == packet.at
        {
            if twin.sequence.is_none() && packet.sequence.is_some() {
                // The packet itself, late, where a copy waits: the same sound, and its number is known.
                *twin = packet;
                return Placed::Stored;
            }
            return Placed::Duplicate;
        }
        self.queue.insert(index, packet);
        if self.queue.len() > self.capacity {
            self.queue.pop_front();
            return Placed::Overflow;
        }
        Placed::Stored
    }

    /// Whether a packet that begins there waits.
    pub(super) fn has(&self, at: i64) -> bool {
        self.queue
            .iter()
            .rev()
            .take_while(|other| other.at >= at)
            .any(|other| other.at == at)
    }

    pub(super) fn first(&self) -> Option<&Waiting> {
        self.queue.front()
    }

    pub(super) fn take_first(&mut self) -> Option<Waiting> {
        self.queue.pop_front()
    }

    /// Media time from the first sample to the last.
    pub(super) fn span(&self) -> i64 {
        match (self.queue.front(), self.queue.back()) {
            (Some(first), Some(last)) => last.end() - first.at,
            _ => 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn clear(&mut self) {
        self.queue.clear();
    }
}
