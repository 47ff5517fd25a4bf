//! A screen-like clip: an editor full of coloured words on a dark ground. Somebody types, scrolls, jumps from page to
//! page, and then reads for a while.

use super::{Clip, font, hash};
use crate::picture::{Picture, Size};
use std::time::Duration;

/// Pixels of one dot of a letter, and of the box around a letter.
const DOT: usize = 2;
const LETTER: (usize, usize) = (12, 20);
/// Columns at the left that hold line numbers.
const GUTTER: usize = 6;
/// Letters a second, pixels a second, jumps a second.
const TYPING: f32 = 10.0;
const SCROLLING: f32 = 900.0;
const JUMPING: f32 = 2.0;
/// Lines from page to page.
const PAGE: usize = 1000;

/// Y, U, V of the ground, and of words by kind.
const GROUND: [u8; 3] = [35, 130, 127];
const INKS: [[u8; 3]; 5] = [
    [200, 128, 128],
    [150, 160, 110],
    [170, 90, 150],
    [140, 120, 180],
    [110, 128, 120],
];

/// What happens on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Nothing moves.
    Still,
    /// Letters appear in one line.
    Typing,
    /// All lines move up.
    Scrolling,
    /// All at once another page.
    Jumping,
}

/// A screen-like clip.
#[derive(Debug)]
pub struct Screen {
    size: Size,
    seed: u64,
    script: Vec<(Act, Duration)>,
}

impl Screen {
    /// The clip of `seed` in `size`: 3 s of typing, 1.5 s of scrolling, 1.5 s of jumping, 2 s of reading, again and
    /// again.
    pub fn new(size: Size, seed: u64) -> Self {
        let script = [
            (Act::Typing, 3000),
            (Act::Scrolling, 1500),
            (Act::Jumping, 1500),
            (Act::Still, 2000),
        ];
        Self::with_script(
            size,
            seed,
            script.map(|(act, ms)| (act, Duration::from_millis(ms))).to_vec(),
        )
    }

    /// The clip with another course of events, which repeats; an empty one stands still.
    pub fn with_script(size: Size, seed: u64, script: Vec<(Act, Duration)>) -> Self {
        Self { size, seed, script }
    }

    /// Letters typed and pixels scrolled until `time`.
    fn state(&self, time: Duration) -> (usize, usize) {
        let whole: Duration = self.script.iter().map(|(_, length)| *length).sum();
        let (mut typed, mut scrolled, mut page) = (0.0, 0.0, 0.0);
        if whole.is_zero() {
            return (0, 0);
        }
        let mut left = time;
        'all: loop {
            for &(act, length) in &self.script {
                let part = left.min(length).as_secs_f32();
                match act {
                    Act::Still => {}
                    Act::Typing => typed += part * TYPING,
                    Act::Scrolling => scrolled += part * SCROLLING,
                    Act::Jumping => page += (part * JUMPING).ceil(),
                }
                left = left.saturating_sub(length);
                if left.is_zero() {
                    break 'all;
                }
            }
        }
        (
            typed as usize,
            scrolled as usize + page as usize * PAGE * LETTER.1,
        )
    }

    /// Letters of a line with the kind of word each belongs to.
    fn line(&self, number: usize, columns: usize) -> Vec<(u8, usize)> {
        let seed = hash(self.seed, number as u64);
        let mut line: Vec<(u8, usize)> = Vec::with_capacity(columns + 16);
        for digit in 0..4 {
            line.push((b'0' + (number / 10_usize.pow(3 - digit) % 3) as u8, 4));
        }
        line.resize(GUTTER + (seed % 4) as usize * 4, (b' ', 0));
        // Some lines are empty, most are about half as long as the screen is wide.
        let words = if seed.is_multiple_of(7) {
            0
        } else {
            3 + (seed >> 8) as usize % 9
        };
        for word in 0..words {
            let bits = hash(seed, word as u64);
            let ink = (bits >> 60) as usize % 4;
            for part in 0..1 + bits % 3 {
                let syllable = font::SYLLABLES[(bits >> (8 * part + 4)) as usize % font::SYLLABLES.len()];
                line.extend(syllable.bytes().map(|letter| (letter, ink)));
            }
            let end: &[u8] = match (bits >> 40) % 8 {
                0 => b"();",
                1 => b" =",
                2 => b".",
                3 => b"_",
                4 => b",",
                _ => b"",
            };
            line.extend(end.iter().map(|&letter| (letter, 0)));
            line.push((b' ', 0));
        }
        line.truncate(columns);
        line
    }
}

impl Clip for Screen {
    fn size(&self) -> Size {
        self.size
    }

    fn draw(&self, time: Duration, picture: &mut Picture) {
        picture.set_time(time);
        if !picture.fill(GROUND) {
            return;
        }
        let Some([y, u, v]) = picture.planes_mut() else {
            return;
        };
        let (typed, scrolled) = self.state(time);
        let columns = y.width / LETTER.0;
        let rows = y.height / LETTER.1 + 2;
        // Typing goes on in the middle of the screen, line after line.
        let (middle, room) = (rows / 2, columns.saturating_sub(GUTTER + 20).max(1));
        for row in 0..rows {
            let number = scrolled / LETTER.1 + row;
            let mut line = self.line(number, columns);
            if row == middle && typed > 0 {
                let fresh = self.line(number + 7 * PAGE + typed / room, 1024);
                let end = line.len();
                line.extend(fresh.iter().skip(GUTTER).cycle().take(typed % room));
                line.push((b'_', 0));
                line.truncate(columns.max(end));
            }
            let top = (row * LETTER.1) as isize - (scrolled % LETTER.1) as isize;
            for (column, &(letter, ink)) in line.iter().enumerate() {
                let [luma, blue, red] = INKS[ink];
                for (across, dots) in font::glyph(letter).into_iter().enumerate() {
                    for down in (0..7).filter(|down| dots & (1 << down) != 0) {
                        let left = column * LETTER.0 + across * DOT;
                        for step in 0..DOT {
                            let Ok(at) = usize::try_from(top + (2 + down * DOT + step) as isize) else {
                                continue;
                            };
                            if at >= y.height || left + DOT > y.width {
                                continue;
                            }
                            y.data[at * y.stride + left..][..DOT].fill(luma);
                            if at % 2 == 0 {
                                u.data[at / 2 * u.stride + left / 2] = blue;
                                v.data[at / 2 * v.stride + left / 2] = red;
                            }
                        }
                    }
                }
            }
        }
    }
}
