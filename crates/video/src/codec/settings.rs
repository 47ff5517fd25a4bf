//! What an encoder is asked for.

use super::Error;
use crate::picture::{ColourSpace, Size};

/// Most temporal layers of one stream.
pub const MAX_TEMPORAL_LAYERS: u8 = 3;

/// What the pictures show, so what to keep when there is not enough of everything (W3C mst-content-hint).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ContentHint {
    /// People and films: smooth movement before sharpness.
    #[default]
    Motion,
    /// Pictures and drawings: sharpness before movement.
    Detail,
    /// Text and program windows: every letter sharp, movement last.
    Text,
}

/// How much computation a frame may cost. What more buys: a few percent of bit rate each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effort {
    /// The fastest that still looks right: for a machine that does not keep up.
    Least,
    /// The usual.
    #[default]
    Usual,
    /// For a machine with time to spare.
    Most,
}

/// What an encoder is asked for. All of it can change while it runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Size of the pictures.
    pub size: Size,
    /// Bits a second, 10 000 to 100 000 000.
    pub bitrate: u32,
    /// Frames a second, 0.1 to 240: what the rate control divides the bit rate by.
    pub frame_rate: f32,
    /// What the pictures show.
    pub hint: ContentHint,
    /// 1 to [`MAX_TEMPORAL_LAYERS`]: each halves the frame rate of the one above.
    pub temporal_layers: u8,
    /// Computation allowed.
    pub effort: Effort,
    /// Threads, 1 to 16.
    pub threads: u8,
    /// What the samples mean, for codecs that pass it on (VP8 does not, nor does H.264 here).
    pub colour: ColourSpace,
}

impl Settings {
    /// One layer, one thread, usual effort, for moving pictures.
    pub fn new(size: Size, bitrate: u32, frame_rate: f32) -> Self {
        Self {
            size,
            bitrate,
            frame_rate,
            hint: ContentHint::Motion,
            temporal_layers: 1,
            effort: Effort::Usual,
            threads: 1,
            colour: ColourSpace::default(),
        }
    }

    /// Whether every setting is in its range.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |name, value| Err(Error::Setting { name, value });
        if !(10_000..=100_000_000).contains(&self.bitrate) {
            return refuse("bit rate", self.bitrate.into());
        }
        if !(0.1..=240.0).contains(&self.frame_rate) {
            return refuse("frame rate", self.frame_rate as u64);
        }
        if !(1..=MAX_TEMPORAL_LAYERS).contains(&self.temporal_layers) {
            return refuse("temporal layers", self.temporal_layers.into());
        }
        if !(1..=16).contains(&self.threads) {
            return refuse("threads", self.threads.into());
        }
        Ok(())
    }

    /// Whether `other` differs in bit rate, frame rate and effort at most.
    pub(crate) fn same_stream(&self, other: &Self) -> bool {
        let rates = Self {
            bitrate: self.bitrate,
            frame_rate: self.frame_rate,
            effort: self.effort,
            ..*other
        };
        *self == rates
    }
}
