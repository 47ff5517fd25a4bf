//! The mouse pointer, drawn into pixels that were fetched without it. It refuses to know where pointers come from.

use sidetone_video::picture::Rect;

/// A pointer's picture and where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Pixels: alpha, red, green, blue from the most significant byte on, colours multiplied by alpha already.
    pub pixels: Vec<u32>,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Column of its left edge in the picture; may be outside.
    pub left: i64,
    /// Row of its upper edge in the picture; may be outside.
    pub top: i64,
}

impl Cursor {
    /// Draws what of it lies in `part` of the picture into `bgrx`: the pixels of that part, row by row, four bytes each in
    /// the order blue, green, red, anything. What does not fit is left out.
    pub fn draw(&self, bgrx: &mut [u8], part: Rect) {
        let rows = bgrx.chunks_exact_mut(part.width.max(1) as usize * 4);
        for (row, y) in rows.zip(i64::from(part.top)..) {
            let Some(line) = self.line(y - self.top) else {
                continue;
            };
            // The first column that both have.
            let skipped = (i64::from(part.left) - self.left).max(0);
            let start = (self.left - i64::from(part.left)).max(0);
            let (Ok(skipped), Ok(start)) = (usize::try_from(skipped), usize::try_from(start)) else {
                continue;
            };
            let under = row.chunks_exact_mut(4).skip(start);
            for (under, &over) in under.zip(line.iter().skip(skipped)) {
                blend(under, over);
            }
        }
    }

    fn line(&self, row: i64) -> Option<&[u32]> {
        let row = usize::try_from(row)
            .ok()
            .filter(|&row| row < self.height as usize)?;
        let width = self.width as usize;
        self.pixels.get(row * width..(row + 1) * width)
    }
}

/// `over` in front of a pixel.
fn blend(under: &mut [u8], over: u32) {
    let [blue, green, red, alpha] = over.to_le_bytes();
    if alpha == 0 {
        return;
    }
    for (under, over) in under.iter_mut().zip([blue, green, red]) {
        let behind = u32::from(*under) * u32::from(255 - alpha) + 127;
        *under = over.saturating_add((behind / 255) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RED: u32 = 0xFFFF_0000;

    fn square(left: i64, top: i64, pixel: u32) -> Cursor {
        Cursor {
            pixels: vec![pixel; 9],
            width: 3,
            height: 3,
            left,
            top,
        }
    }

    fn part(left: u32, top: u32) -> Rect {
        Rect {
            left,
            top,
            width: 4,
            height: 4,
        }
    }

    fn reds(bgrx: &[u8]) -> Vec<usize> {
        let pixels = bgrx.chunks_exact(4).enumerate();
        pixels
            .filter(|(_, pixel)| pixel[..3] == [0, 0, 255])
            .map(|(index, _)| index)
            .collect()
    }

    #[test]
    fn what_lies_in_the_part_is_drawn() {
        for (cursor, expected) in [
            (square(10, 20, RED), vec![0, 1, 2, 4, 5, 6, 8, 9, 10]),
            (square(8, 19, RED), vec![0, 4]),
            (square(13, 23, RED), vec![15]),
            (square(14, 20, RED), vec![]),
            (square(7, 20, RED), vec![]),
            (square(10, i64::MIN / 2, RED), vec![]),
        ] {
            let mut pixels = [100; 64];
            cursor.draw(&mut pixels, part(10, 20));
            assert_eq!(reds(&pixels), expected, "{cursor:?}");
        }
    }

    #[test]
    fn glass_lets_through() {
        let mut pixels = [200; 64];
        // Half black.
        square(0, 0, 0x8000_0000).draw(&mut pixels, part(0, 0));
        assert_eq!(pixels[..4], [100, 100, 100, 200]);
        // Nothing at all, whatever colour it claims to be.
        square(0, 0, 0x00FF_FFFF).draw(&mut pixels, part(0, 0));
        assert_eq!(pixels[..4], [100, 100, 100, 200]);
    }

    proptest! {
        #[test]
        fn no_pointer_is_drawn_outside(
            pixels in prop::collection::vec(any::<u32>(), 0..40), width in 0u32..9, height in 0u32..9,
            left in -9i64..30, top in -9i64..30, bytes in 0usize..80
        ) {
            let cursor = Cursor { pixels, width, height, left, top };
            cursor.draw(&mut vec![0; bytes], part(10, 10));
        }
    }
}
