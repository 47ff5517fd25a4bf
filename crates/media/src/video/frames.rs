//! Whole pictures in an order in which they can be decoded. One that needs what is missing waits for it; one that does not,
//! as a key frame or the base of temporal layers, can be taken instead of what is missing before it.
//!
//! It refuses to know time: when a picture is due is `playout`'s business.

use std::collections::BTreeMap;

use super::assembly::Assembled;
use super::references::{Needs, References, Resolved, Unresolved};

/// Pictures that can wait: four seconds at 60 a second.
const MOST: usize = 256;

/// Bytes that can wait.
const MOST_BYTES: usize = 16 << 20;

#[derive(Debug)]
struct Waiting {
    picture: Assembled,
    resolved: Option<Resolved>,
}

/// Pictures of one stream that have not gone to the decoder.
#[derive(Debug, Default)]
pub struct Frames {
    /// By the sequence number of the first packet.
    waiting: BTreeMap<i64, Waiting>,
    bytes: usize,
    references: References,
    /// Last packet of the last picture that was taken.
    taken: Option<i64>,
}

/// What became of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queued {
    /// It waits.
    Waits,
    /// A later one has gone to the decoder.
    Late,
    /// It waits; so many others, the oldest, were dropped to make room.
    Overflow(usize),
}

impl Frames {
    /// Takes a whole picture.
    pub fn insert(&mut self, picture: Assembled) -> Queued {
        if self.taken.is_some_and(|taken| picture.first <= taken) {
            return Queued::Late;
        }
        let mut dropped = 0;
        while self.waiting.len() >= MOST || self.bytes + picture.data.len() > MOST_BYTES {
            let Some((_, oldest)) = self.waiting.pop_first() else {
                break;
            };
            self.bytes -= oldest.picture.data.len();
            dropped += 1;
        }
        self.bytes += picture.data.len();
        let resolved = None;
        if let Some(before) = self.waiting.insert(picture.first, Waiting { picture, resolved }) {
            self.bytes -= before.picture.data.len();
        }
        if dropped == 0 {
            Queued::Waits
        } else {
            Queued::Overflow(dropped)
        }
    }

    /// The first picture that can be decoded now. `None` while all need something that is missing.
    pub fn decodable(&mut self) -> Option<&Assembled> {
        let mut broken = Vec::new();
        let mut found = None;
        for (first, waiting) in &mut self.waiting {
            if waiting.resolved.is_none() {
                match self.references.resolve(&waiting.picture) {
                    Ok(resolved) => waiting.resolved = Some(resolved),
                    Err(Unresolved::Later) => continue,
                    Err(Unresolved::Malformed) => {
                        broken.push(*first);
                        continue;
                    }
                }
            }
            let resolved = waiting.resolved.as_ref();
            if resolved.is_some_and(|resolved| self.references.decodable(&waiting.picture, resolved)) {
                found = Some(*first);
                break;
            }
        }
        for first in broken {
            if let Some(waiting) = self.waiting.remove(&first) {
                self.bytes -= waiting.picture.data.len();
            }
        }
        found
            .and_then(|first| self.waiting.get(&first))
            .map(|waiting| &waiting.picture)
    }

    /// Takes the picture that [`Self::decodable`] gives, and tells how many before it are dropped.
    pub fn take(&mut self) -> Option<(Assembled, usize)> {
        let first = self.decodable()?.first;
        let later = self.waiting.split_off(&first);
        let dropped = std::mem::replace(&mut self.waiting, later).len();
        let Waiting { picture, resolved } = self.waiting.remove(&first)?;
        self.bytes = self
            .waiting
            .values()
            .map(|waiting| waiting.picture.data.len())
            .sum();
        self.references.decoded(&picture, &resolved?);
        self.taken = Some(picture.last);
        Some((picture, dropped))
    }

    /// Last packet of the last picture that was taken, unwrapped.
    pub fn taken(&self) -> Option<i64> {
        self.taken
    }

    /// Whether any picture waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether a key frame waits.
    pub fn has_key(&self) -> bool {
        let key = |resolved: &Resolved| resolved.needs == Needs::Nothing;
        let mut waiting = self.waiting.values();
        waiting.any(|waiting| waiting.picture.key || waiting.resolved.as_ref().is_some_and(key))
    }

    /// The decoder knows nothing of the past any more: only a key frame can be next.
    pub fn decoder_lost(&mut self) {
        self.references.lost();
    }
}
