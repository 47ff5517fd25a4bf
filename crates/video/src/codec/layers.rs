//! Temporal layers: which frame belongs to which, and what it may lean on, so that the frames of an upper layer can
//! be left out without a trace in the lower ones. Pure counting; the same pattern for every codec.
//!
//! Two buffers are enough: the last frame of the base layer, and the last of the middle one. Frames of the top layer
//! are kept in none.

/// The base layer's buffer.
const LAST: u32 = 1;
/// The middle layer's buffer.
const GOLDEN: u32 = 2;

/// Where one frame stands in the pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) key: bool,
    pub(super) temporal: u8,
    /// Buffers it leans on (bits).
    pub(super) reads: u32,
    /// Buffers that hold it afterwards (bits).
    pub(super) writes: u32,
    pub(super) sync: bool,
    pub(super) leans_on: [u8; 2],
}

impl Place {
    pub(super) fn discardable(&self) -> bool {
        self.writes == 0
    }
}

/// Counts coded frames. A frame that the encoder leaves out is not counted: its place goes to the next one.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    layers: u8,
    /// Frames since the key frame; `None` before the first.
    position: Option<u32>,
    /// Frames since each buffer was written.
    age: [u32; 2],
}

impl Pattern {
    pub(super) fn new(layers: u8) -> Self {
        Self {
            layers,
            position: None,
            age: [0; 2],
        }
    }

    /// The place of the next frame, which is a key frame if `key` or if there was none yet.
    pub(super) fn next(&self, key: bool) -> Place {
        let Some(position) = self.position.filter(|_| !key) else {
            return Place {
                key: true,
                temporal: 0,
                reads: 0,
                writes: LAST | GOLDEN,
                sync: true,
                leans_on: [0; 2],
            };
        };
        let (temporal, reads, writes) = match (self.layers, position % 4) {
            (2, 1 | 3) => (1, LAST, 0),
            (3, 1) => (2, LAST, 0),
            (3, 2) => (1, LAST, GOLDEN),
            (3, 3) => (2, LAST | GOLDEN, 0),
            _ => (0, LAST, LAST),
        };
        let age = |buffer: usize| u8::try_from(self.age[buffer]).unwrap_or(u8::MAX);
        let leans_on = match reads {
            LAST => [age(0), 0],
            _ => [age(1).min(age(0)), age(0).max(age(1))],
        };
        Place {
            key: false,
            temporal,
            reads,
            writes,
            sync: temporal > 0 && reads == LAST,
            leans_on,
        }
    }

    /// The frame for `place` was coded; `key` says whether it came out as a key frame, asked for or not.
    pub(super) fn coded(&mut self, place: &Place, key: bool) {
        let writes = if key { LAST | GOLDEN } else { place.writes };
        self.position = Some(if key {
            1
        } else {
            self.position.map_or(1, |at| at + 1) % 4
        });
        for (buffer, age) in self.age.iter_mut().enumerate() {
            *age = if writes & (1 << buffer) == 0 {
                age.saturating_add(1)
            } else {
                1
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever is asked for and dropped: a frame leans only on kept frames of its own layer or below, and the
        /// distances name exactly those.
        #[test]
        fn frames_lean_downwards(layers in 1..=3_u8, steps in proptest::collection::vec((any::<bool>(), 0..8_u8), 1..80)) {
            let mut pattern = Pattern::new(layers);
            // Index of the frame in each buffer, and the temporal layer of all frames.
            let mut buffers = [None; 2];
            let mut temporal = Vec::new();
            for (dropped, ask) in steps {
                let place = pattern.next(ask == 0);
                if dropped && !place.key {
                    continue;
                }
                let number = temporal.len();
                prop_assert!(place.temporal < layers);
                prop_assert!(number > 0 || place.key);
                let mut seen = Vec::new();
                for (bit, buffer) in buffers.iter_mut().enumerate() {
                    if place.reads & (1 << bit) != 0 {
                        let read: usize = buffer.unwrap();
                        prop_assert!(temporal[read] <= place.temporal);
                        prop_assert!(!place.sync || temporal[read] == 0);
                        seen.push((number - read) as u8);
                    }
                    if place.writes & (1 << bit) != 0 {
                        *buffer = Some(number);
                    }
                }
                // The top one of several layers is kept nowhere.
                prop_assert!(layers == 1 || place.temporal != layers - 1 || place.discardable());
                seen.sort_unstable();
                let named: Vec<u8> = place.leans_on.into_iter().filter(|&distance| distance != 0).collect();
                prop_assert_eq!(named, seen);
                temporal.push(place.temporal);
                pattern.coded(&place, place.key);
            }
        }
    }

    #[test]
    fn three_layers_take_turns() {
        let mut pattern = Pattern::new(3);
        let order: Vec<u8> = (0..9)
            .map(|_| {
                let place = pattern.next(false);
                pattern.coded(&place, place.key);
                place.temporal
            })
            .collect();
        assert_eq!(order, [0, 2, 1, 2, 0, 2, 1, 2, 0]);
    }
}
