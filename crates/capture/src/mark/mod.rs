//! A number written into a picture so that it can still be read after scaling and lossy coding: for measuring the time
//! from one end's camera to the other end's screen, and which pictures arrived.
//!
//! Twelve by seven squares in the upper left corner, each a 48th of the picture's width, whatever that is: a mark is
//! read from any layer of what it was written into. Two white and two black ones give the levels, 64 the number, most
//! significant bit first, and 16 its CRC (CRC-16/CCITT-FALSE). Only luma is read: chroma does not survive as well.

use sidetone_video::picture::{Picture, Plane, Rect, Size};

const COLUMNS: u32 = 12;
const ROWS: u32 = 7;
/// Squares to the width of a picture. More would spoil more of the picture, fewer would be lost in small layers.
const ACROSS: u32 = 48;

const LEVELS: [bool; 4] = [true, false, false, true];
const WHITE: u8 = 224;
const BLACK: u8 = 28;
/// Least difference between white and black that is taken for a mark.
const CONTRAST: u32 = 48;

/// Writes `number` into the picture. `false` when it is shared, or too small for a mark (96 by 14 pixels).
pub fn write(picture: &mut Picture, number: u64) -> bool {
    let size = picture.size();
    if !fits(size) {
        return false;
    }
    let Some([mut y, mut u, mut v]) = picture.planes_mut() else {
        return false;
    };
    for (index, white) in cells(number).into_iter().enumerate() {
        let square = square(index as u32, size);
        let value = if white { WHITE } else { BLACK };
        for row in y
            .rows_mut()
            .skip(square.top as usize)
            .take(square.height as usize)
        {
            row[square.left as usize..][..square.width as usize].fill(value);
        }
    }
    // No colour anywhere near, or the coder would let it leak into luma.
    let all = area(size).widened(size);
    for plane in [&mut u, &mut v] {
        for row in plane.rows_mut().take(all.height as usize / 2) {
            row[..all.width as usize / 2].fill(128);
        }
    }
    true
}

/// Reads the number of a mark, if there is one.
pub fn read(picture: &Picture) -> Option<u64> {
    let size = picture.size();
    if !fits(size) {
        return None;
    }
    let y = picture.y();
    let levels: Vec<u32> = (0..COLUMNS * ROWS)
        .map(|index| level(y, square(index, size)))
        .collect();
    let reference = |white: bool| -> u32 {
        let of = LEVELS.iter().zip(&levels).filter(|(is, _)| **is == white);
        of.map(|(_, level)| level).sum::<u32>() / 2
    };
    let (white, black) = (reference(true), reference(false));
    if white < black + CONTRAST {
        return None;
    }
    let bits = |range: std::ops::Range<usize>| {
        levels[range].iter().fold(0u64, |bits, &level| {
            bits << 1 | u64::from(2 * level > white + black)
        })
    };
    let number = bits(4..68);
    (bits(68..84) == u64::from(crc(number))).then_some(number)
}

/// The part of a picture of `size` that a mark takes.
pub fn area(size: Size) -> Rect {
    let last = square(COLUMNS * ROWS - 1, size);
    Rect {
        left: 0,
        top: 0,
        width: last.left + last.width,
        height: last.top + last.height,
    }
}

fn fits(size: Size) -> bool {
    size.width() >= 2 * ACROSS && area(size).is_inside(size)
}

/// White or black, square by square.
fn cells(number: u64) -> Vec<bool> {
    let bits = |value: u64, count: u32| (0..count).rev().map(move |bit| value >> bit & 1 == 1);
    let check = u64::from(crc(number));
    LEVELS
        .into_iter()
        .chain(bits(number, 64))
        .chain(bits(check, 16))
        .collect()
}

fn square(index: u32, size: Size) -> Rect {
    let edge = |count: u32| count * size.width() / ACROSS;
    let (column, row) = (index % COLUMNS, index / COLUMNS);
    Rect {
        left: edge(column),
        top: edge(row),
        width: edge(column + 1) - edge(column),
        height: edge(row + 1) - edge(row),
    }
}

/// Mean luma of a square's middle: its edges are what scaling and coding blur.
fn level(plane: Plane<'_>, square: Rect) -> u32 {
    let middle = |start: u32, length: u32| {
        let margin = length / 4;
        (start + margin) as usize..(start + length - margin) as usize
    };
    let columns = middle(square.left, square.width);
    let rows = middle(square.top, square.height);
    let count = (columns.len() * rows.len()) as u32;
    let sum: u32 = plane
        .rows()
        .skip(rows.start)
        .take(rows.len())
        .flat_map(|row| &row[columns.clone()])
        .map(|&luma| u32::from(luma))
        .sum();
    sum / count
}

fn crc(number: u64) -> u16 {
    number.to_be_bytes().into_iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| {
            crc << 1 ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests;
