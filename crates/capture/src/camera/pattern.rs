//! A test picture: colour bars, something that moves, and a [`mark`] with the number of the picture and its time. Every
//! moment can be drawn by itself, so that simulations without a thread can use it too.

use std::time::Duration;

use sidetone_video::picture::{Picture, Pool, Size};

use super::{Film, HeadlessCamera, Shown};
use crate::mark;
use crate::pace::FrameRate;
use crate::source::{CaptureError, Mode};

/// White, yellow, cyan, green, magenta, red, blue, black: bars of 75 % (ITU-R BT.801), as BT.601 in limited range.
const BARS: [[u8; 3]; 8] = [
    [180, 128, 128],
    [162, 44, 142],
    [131, 156, 44],
    [112, 72, 58],
    [84, 184, 198],
    [65, 100, 212],
    [35, 212, 114],
    [16, 128, 128],
];

/// Pictures in use at a time.
const PICTURES: usize = 6;

/// What a mark in a pattern says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Number of the picture, modulo 2^24.
    pub frame: u32,
    /// When it was taken, on the clock of the pictures' time, in microseconds modulo 2^40 (twelve days).
    pub micros: u64,
}

impl Stamp {
    /// Of picture `frame`, taken at `time`.
    pub fn new(frame: u64, time: Duration) -> Self {
        Self {
            frame: (frame & 0xFF_FFFF) as u32,
            micros: time.as_micros() as u64 & 0xFF_FFFF_FFFF,
        }
    }

    /// What a picture says, wherever it has been meanwhile.
    pub fn read(picture: &Picture) -> Option<Self> {
        let number = mark::read(picture)?;
        Some(Self {
            frame: (number >> 40) as u32,
            micros: number & 0xFF_FFFF_FFFF,
        })
    }

    /// Marks a picture. See [`mark::write`].
    pub fn write(self, picture: &mut Picture) -> bool {
        mark::write(picture, u64::from(self.frame) << 40 | self.micros)
    }
}

/// Draws picture `frame`, taken at `time`, into `picture`, unless it is shared.
pub fn draw(picture: &mut Picture, frame: u64, time: Duration) {
    let size = picture.size();
    let Some(planes) = picture.planes_mut() else {
        return;
    };
    let (width, height) = (size.width() as usize, size.height() as usize);
    // A grey square that crosses the lower half in four seconds at 30 pictures a second, and comes back.
    let side = (height / 8).max(2) & !1;
    let (rows, columns) = (
        height.saturating_sub(height / 4 + side) & !1,
        width.saturating_sub(side),
    );
    let phase = (frame % 240) as usize;
    let left = (columns * phase.min(240 - phase) / 120) & !1;
    for (index, mut plane) in planes.into_iter().enumerate() {
        let half = usize::from(index > 0);
        let square = (left >> half)..((left + side) >> half).min(plane.width);
        let shade = if half == 0 {
            (frame * 5 % 200 + 28) as u8
        } else {
            128
        };
        let bar = plane.width.div_ceil(BARS.len());
        for (row, line) in plane.rows_mut().enumerate() {
            for (part, colour) in line.chunks_mut(bar).zip(BARS) {
                part.fill(colour[index]);
            }
            if (rows >> half..(rows + side) >> half).contains(&row) {
                line[square.clone()].fill(shade);
            }
        }
    }
    Stamp::new(frame, time).write(picture);
}

/// A camera that sees the pattern, as large and as fast as asked for: 720p at 30 pictures a second otherwise.
pub fn pattern_camera() -> HeadlessCamera {
    HeadlessCamera::new("pattern", Pattern::default())
}

struct Pattern {
    size: Size,
    frame: u64,
    pool: Pool,
}

impl Default for Pattern {
    fn default() -> Self {
        Self {
            size: Size::P720,
            frame: 0,
            pool: Pool::new(PICTURES),
        }
    }
}

impl Film for Pattern {
    fn mode(&self) -> Mode {
        Mode {
            size: self.size,
            frame_rate: FrameRate::hz(120),
        }
    }

    fn rewind(&mut self, size: Option<Size>) -> Result<(), CaptureError> {
        self.size = size.unwrap_or(Size::P720);
        self.frame = 0;
        Ok(())
    }

    fn show(&mut self, _: Duration, time: Duration) -> Shown {
        let Ok(mut picture) = self.pool.take(self.size) else {
            return Shown::Nothing;
        };
        draw(&mut picture, self.frame, time);
        self.frame += 1;
        Shown::Picture(picture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_says_when_it_was_drawn_at_every_size() {
        for (width, height) in [(1920, 1080), (1280, 720), (320, 180), (97, 141), (641, 361)] {
            let mut picture = Picture::black(Size::new(width, height).unwrap());
            for frame in [0, 1, 119, 120, 239, 0x0100_0001] {
                let time = Duration::from_millis(12_345 + frame);
                draw(&mut picture, frame, time);
                let stamp = Stamp::read(&picture).unwrap();
                assert_eq!(u64::from(stamp.frame), frame & 0xFF_FFFF);
                assert_eq!(u128::from(stamp.micros), time.as_micros());
            }
        }
        // Too small for a mark, not for a picture.
        for (width, height) in [(1, 1), (2, 3), (17, 1), (1, 300)] {
            draw(
                &mut Picture::black(Size::new(width, height).unwrap()),
                100,
                Duration::ZERO,
            );
        }
    }

    #[test]
    fn something_moves() {
        let mut pictures = [0, 1, 120].map(|frame| {
            let mut picture = Picture::black(Size::P360);
            draw(&mut picture, frame, Duration::ZERO);
            picture
        });
        // The shade of picture 0 and of picture 120 is 28, black is 16.
        let below = |picture: &Picture| picture.y().row(240 + 20).to_vec();
        let [first, second, last] = &mut pictures;
        assert_ne!(below(first), below(second));
        assert_eq!(last.y().row(260)[639], 28);
        assert_eq!(first.y().row(260)[639], 16);
    }
}
