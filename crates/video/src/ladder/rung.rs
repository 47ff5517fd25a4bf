//! The rungs: sizes a camera is sent in, and the bit rates each is good for.

use super::efficiency;
use crate::codec::Codec;
use crate::picture::Size;

/// One size, by its shorter side, so that a picture that stands upright has rungs too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rung {
    /// Length of the shorter side in pixels.
    pub short: u32,
    /// Bits a second of VP8 at 30 frames a second below which a lower rung looks better.
    least: f64,
    /// Bits a second above which nobody sees a difference.
    good: f64,
}

/// Largest first.
pub const RUNGS: [Rung; 6] = [
    rung(1080, 1_600_000.0, 3_500_000.0),
    rung(720, 800_000.0, 2_000_000.0),
    rung(540, 480_000.0, 1_200_000.0),
    rung(360, 250_000.0, 750_000.0),
    rung(240, 130_000.0, 350_000.0),
    rung(180, 0.0, 200_000.0),
];

const fn rung(short: u32, least: f64, good: f64) -> Rung {
    Rung { short, least, good }
}

impl Rung {
    /// The size of a source on this rung: its own where that is smaller.
    pub fn size(&self, source: Size) -> Size {
        let long = self.short * 16 / 9;
        let (width, height) = if source.width() >= source.height() {
            (long, self.short)
        } else {
            (self.short, long)
        };
        Size::new(width, height).map_or(source, |room| source.fit(room))
    }

    /// Bits a second from which on this rung is worth it in `codec`.
    pub fn least(&self, codec: Codec) -> f64 {
        self.least * efficiency(codec)
    }

    /// Bits a second beyond which nobody sees a difference in `codec`.
    pub fn good(&self, codec: Codec) -> f64 {
        self.good * efficiency(codec)
    }
}

/// As [`Rung::good`], for the smallest rung that holds `size`.
pub(super) fn good_for(size: Size, codec: Codec) -> f64 {
    let holds = |rung: &&Rung| rung.size(size) == size;
    RUNGS.iter().rev().find(holds).unwrap_or(&RUNGS[0]).good(codec)
}
