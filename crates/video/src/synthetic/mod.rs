//! Generated clips for tests and benchmarks: one like a camera's, one like a screen's. The same seed gives the same
//! pictures on every machine, and every moment can be drawn by itself. No codec is known here.

mod camera;
mod font;
mod screen;

pub use camera::Camera;
pub use screen::{Act, Screen};

use crate::picture::{Picture, Size};
use std::time::Duration;

/// A clip that can be drawn at any moment.
pub trait Clip {
    /// Size of its pictures.
    fn size(&self) -> Size;

    /// Draws the picture of `time` into `picture`, which is of the clip's size and not shared (else nothing is
    /// drawn), and says so in it.
    fn draw(&self, time: Duration, picture: &mut Picture);

    /// The picture of `time`, outside any pool.
    fn picture(&self, time: Duration) -> Picture {
        let mut picture = Picture::black(self.size());
        self.draw(time, &mut picture);
        picture
    }
}

/// A well mixed number for each pair (splitmix64).
fn hash(seed: u64, index: u64) -> u64 {
    let mut z = seed ^ index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
