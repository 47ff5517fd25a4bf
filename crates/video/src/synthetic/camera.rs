//! A camera-like clip: a still, cloudy room, a textured head that sways before it, a hand that shakes the camera a
//! little, and the noise of a sensor in every picture.

use super::{Clip, hash};
use crate::picture::{Picture, Size};
use std::time::Duration;

/// Side of the square of noise that is laid over pictures, each time from another corner.
const NOISE: usize = 256;
/// How far the camera shakes, in pixels.
const SHAKE: usize = 4;

/// A camera-like clip.
#[derive(Debug)]
pub struct Camera {
    size: Size,
    seed: u64,
    /// Room and skin, `width + 2 * SHAKE` wide.
    room: Vec<u8>,
    skin: Vec<u8>,
    width: usize,
    noise: Vec<i8>,
}

impl Camera {
    /// The clip of `seed` in `size`.
    pub fn new(size: Size, seed: u64) -> Self {
        let width = size.width() as usize + 2 * SHAKE;
        let height = size.height() as usize + 2 * SHAKE;
        let noise = (0..NOISE * NOISE)
            .map(|index| {
                // Nearly normal, about two steps wide.
                let bits = hash(seed ^ 0xA5, index as u64);
                let sum: i64 = (0..4).map(|part| ((bits >> (part * 8)) & 7) as i64).sum();
                ((sum - 14) / 2) as i8
            })
            .collect();
        Self {
            size,
            seed,
            room: clouds(seed, width, height, size.height() as usize / 3, 70.0),
            skin: clouds(seed ^ 0x5A, width, height, size.height() as usize / 12, 40.0),
            width,
            noise,
        }
    }
}

/// Smooth noise of four sizes, the largest `cell` pixels.
fn clouds(seed: u64, width: usize, height: usize, cell: usize, depth: f32) -> Vec<u8> {
    let mut values = vec![110.0_f32; width * height];
    for octave in 0..4 {
        let cell = (cell >> octave).max(2);
        let columns = width / cell + 2;
        let corner = |x: usize, y: usize| {
            let bits = hash(seed.wrapping_add(octave), (y * columns + x) as u64);
            (bits >> 40) as f32 / (1 << 24) as f32 - 0.5
        };
        let depth = depth / (1 << octave) as f32;
        for (y, row) in values.chunks_mut(width).enumerate() {
            let (row_cell, down) = (y / cell, (y % cell) as f32 / cell as f32);
            let mut last = usize::MAX;
            let (mut left, mut right) = (0.0, 0.0);
            for (x, value) in row.iter_mut().enumerate() {
                let column = x / cell;
                if column != last {
                    last = column;
                    let at = |x| corner(x, row_cell) * (1.0 - down) + corner(x, row_cell + 1) * down;
                    (left, right) = (at(column), at(column + 1));
                }
                let across = (x % cell) as f32 / cell as f32;
                *value += (left * (1.0 - across) + right * across) * depth * 2.0;
            }
        }
    }
    values
        .into_iter()
        .map(|value| value.clamp(16.0, 235.0) as u8)
        .collect()
}

impl Clip for Camera {
    fn size(&self) -> Size {
        self.size
    }

    fn draw(&self, time: Duration, picture: &mut Picture) {
        picture.set_time(time);
        let Some([mut y, mut u, mut v]) = picture.planes_mut() else {
            return;
        };
        let seconds = time.as_secs_f32();
        let (width, height) = (self.size.width() as f32, self.size.height() as f32);
        let shake = |speed: f32| ((seconds * speed).sin() * 1.5).round() + SHAKE as f32;
        let (shake_x, shake_y) = (shake(5.1) as usize, shake(3.7) as usize);
        // The head: an ellipse that sways, its texture with it.
        let centre_x = width * (0.5 + 0.15 * (seconds * 1.3).sin());
        let centre_y = height * (0.5 + 0.05 * (seconds * 2.1).cos());
        let (radius_x, radius_y) = (height * 0.26, height * 0.38);
        let inside = |x: f32, y: f32| {
            let (x, y) = ((x - centre_x) / radius_x, (y - centre_y) / radius_y);
            x * x + y * y < 1.0
        };
        let span = |y: usize| {
            let down = (y as f32 - centre_y) / radius_y;
            let half = radius_x * (1.0 - down * down).max(0.0).sqrt();
            (
                (centre_x - half).max(0.0) as usize,
                (centre_x + half).max(0.0) as usize,
            )
        };
        let moment = hash(self.seed, time.as_micros() as u64);
        let (noise_x, noise_y) = (moment as usize % NOISE, (moment >> 32) as usize % NOISE);
        let offset_x = (centre_x - width * 0.2).max(0.0) as usize;
        for (row, samples) in y.rows_mut().enumerate() {
            let room = &self.room[(row + shake_y) * self.width + shake_x..];
            let (from, to) = span(row);
            let noise = &self.noise[(row + noise_y) % NOISE * NOISE..][..NOISE];
            let skin_row = (row + (height - centre_y) as usize) % self.size.height() as usize;
            let skin = &self.skin[skin_row * self.width..][..self.width];
            for (x, sample) in samples.iter_mut().enumerate() {
                let value = if (from..to).contains(&x) {
                    skin[(x + self.width - offset_x % self.width) % self.width].saturating_add(30)
                } else {
                    room[x]
                };
                *sample = value.saturating_add_signed(noise[(x + noise_x) % NOISE]);
            }
        }
        for (row, (u, v)) in u.rows_mut().zip(v.rows_mut()).enumerate() {
            for (x, (u, v)) in u.iter_mut().zip(v).enumerate() {
                (*u, *v) = if inside((x * 2) as f32, (row * 2) as f32) {
                    (112, 152)
                } else {
                    let room = self.room[(row * 2 + shake_y) * self.width + x * 2 + shake_x];
                    (132 + room / 32, 126 - room / 32)
                };
            }
        }
    }
}
