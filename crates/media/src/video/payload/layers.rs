//! Which frames a frame of a temporal layer may need, for formats that say so in each packet: the last one of its own and
//! of every lower layer. Encoders need no more; some need less.

use super::Outgoing;

/// How many temporal layers a stream has, 1 to 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemporalLayers(u8);

impl TemporalLayers {
    /// Most.
    pub const MOST: u8 = 4;

    /// Frames follow each other, and each needs the one before.
    pub const ONE: Self = Self(1);

    /// `None` outside 1 to [`Self::MOST`].
    pub const fn new(count: u8) -> Option<Self> {
        if count >= 1 && count <= Self::MOST {
            Some(Self(count))
        } else {
            None
        }
    }

    /// How many.
    pub const fn count(self) -> u8 {
        self.0
    }
}

/// The frames that one needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Distances back, the nearest first.
    back: [u16; TemporalLayers::MOST as usize],
    len: usize,
    /// Distance to the last frame of the base, 0 for a key frame.
    pub(super) base: u16,
}

impl Needs {
    pub(super) fn back(&self) -> &[u16] {
        &self.back[..self.len]
    }
}

/// The last frame of each layer.
#[derive(Clone, Debug, Default)]
pub(super) struct Layers {
    /// Number of the next frame.
    next: u64,
    last: [Option<u64>; TemporalLayers::MOST as usize],
}

impl Layers {
    /// Takes the next frame.
    pub(super) fn frame(&mut self, frame: &Outgoing<'_>) -> Needs {
        let number = self.next;
        self.next += 1;
        let top = TemporalLayers::MOST as usize - 1;
        let layer = frame.layer().map_or(0, |layer| usize::from(layer.id).min(top));
        let lowest = if frame.key {
            self.last = [None; TemporalLayers::MOST as usize];
            0
        } else if frame.layer().is_some_and(|layer| layer.sync) {
            1
        } else {
            layer + 1
        };
        let far = |last: u64| u16::try_from(number - last).unwrap_or(u16::MAX);
        let mut needs = Needs {
            base: self.last[0].map_or(0, far),
            ..Needs::default()
        };
        for last in self.last[..lowest].iter().flatten() {
            needs.back[needs.len] = far(*last);
            needs.len += 1;
        }
        needs.back[..needs.len].sort_unstable();
        if frame.key || !frame.discardable {
            self.last[layer] = Some(number);
        }
        needs
    }
}
