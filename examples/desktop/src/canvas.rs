//! Shapes, words and pictures in a buffer of pixels (`0x00RRGGBB`). What lies outside of it is left out.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};
use sidetone::media::pictures::coding::Pool;
use sidetone::media::pictures::coding::colour::{self, PixelFormat};
use sidetone::media::pictures::coding::scale::Scaler;
use sidetone::media::pictures::{Picture, Size};

/// A rectangle in the window, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rect {
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
}

impl Rect {
    pub fn new(x: i32, y: i32, width: i32, height: i32) -> Self {
        let (width, height) = (width.max(0), height.max(0));
        Self { x, y, width, height }
    }

    pub fn contains(self, x: i32, y: i32) -> bool {
        (self.x..self.x + self.width).contains(&x) && (self.y..self.y + self.height).contains(&y)
    }

    pub fn inset(self, by: i32) -> Self {
        Self::new(
            self.x + by,
            self.y + by,
            self.width - 2 * by,
            self.height - 2 * by,
        )
    }

    pub fn is_empty(self) -> bool {
        self.width <= 0 || self.height <= 0
    }

    pub fn size(self) -> Option<Size> {
        Size::new(u32::try_from(self.width).ok()?, u32::try_from(self.height).ok()?).ok()
    }

    /// The largest rectangle of a shape in the middle of this one.
    pub fn fit(self, shape: Size) -> Self {
        let (across, down) = (i64::from(shape.width()), i64::from(shape.height()));
        let (width, height) = (i64::from(self.width), i64::from(self.height));
        let (width, height) = match width * down > height * across {
            true => ((height * across / down) as i32, self.height),
            false => (self.width, (width * down / across) as i32),
        };
        let (x, y) = (
            self.x + (self.width - width) / 2,
            self.y + (self.height - height) / 2,
        );
        Self::new(x, y, width, height)
    }
}

/// How words look: their height in pixels, and whether they are bold.
#[derive(Clone, Copy)]
pub struct Font(RasterHeight, FontWeight);

impl Font {
    pub const SMALL: Self = Self(RasterHeight::Size16, FontWeight::Regular);
    pub const BOLD: Self = Self(RasterHeight::Size16, FontWeight::Bold);
    pub const LARGE: Self = Self(RasterHeight::Size32, FontWeight::Regular);

    pub fn height(self) -> i32 {
        self.0.val() as i32
    }

    pub fn width(self, text: &str) -> i32 {
        get_raster_width(self.1, self.0) as i32 * text.chars().count() as i32
    }
}

/// Scales pictures and gives them the colours of a screen. Keeps its memory from one frame to the next.
pub struct Brush {
    scaler: Scaler,
    pool: Pool,
    pixels: Vec<u8>,
}

impl Default for Brush {
    fn default() -> Self {
        let (scaler, pool, pixels) = (Scaler::new(), Pool::new(1), Vec::new());
        Self { scaler, pool, pixels }
    }
}

/// A buffer of `width` by `height` pixels to draw on.
pub struct Canvas<'a> {
    pixels: &'a mut [u32],
    width: i32,
    height: i32,
}

impl<'a> Canvas<'a> {
    /// `None` unless `pixels` are exactly that many.
    pub fn new(pixels: &'a mut [u32], width: i32, height: i32) -> Option<Self> {
        let needed = usize::try_from(width)
            .ok()?
            .checked_mul(usize::try_from(height).ok()?)?;
        (pixels.len() == needed).then_some(Self {
            pixels,
            width,
            height,
        })
    }

    pub fn clear(&mut self, colour: u32) {
        self.pixels.fill(colour);
    }

    /// A rectangle with round corners; `opacity` is out of 255.
    pub fn rounded(&mut self, rect: Rect, radius: i32, colour: u32, opacity: u32) {
        let radius = radius.min(rect.width / 2).min(rect.height / 2) as f32;
        for y in rect.y.max(0)..(rect.y + rect.height).min(self.height) {
            for x in rect.x.max(0)..(rect.x + rect.width).min(self.width) {
                let cover = coverage(rect, radius, x, y);
                self.blend(x, y, colour, (opacity as f32 * cover) as u32);
            }
        }
    }

    /// Words, of which the upper left corner is at `x`, `y`. What the font lacks becomes a box.
    pub fn text(&mut self, x: i32, y: i32, text: &str, font: Font, colour: u32) {
        let step = get_raster_width(font.1, font.0) as i32;
        for (index, letter) in text.chars().enumerate() {
            let missing = || get_raster('\u{fffd}', font.1, font.0);
            let Some(shape) = get_raster(letter, font.1, font.0).or_else(missing) else {
                continue;
            };
            let left = x + index as i32 * step;
            for (row, line) in shape.raster().iter().enumerate() {
                for (column, &ink) in line.iter().enumerate() {
                    self.blend(left + column as i32, y + row as i32, colour, ink.into());
                }
            }
        }
    }

    /// A picture, scaled to `rect` with its corners cut round: its middle, where the two have different shapes.
    pub fn picture(&mut self, brush: &mut Brush, picture: &Picture, rect: Rect, radius: i32) {
        // Nothing can be drawn of what has no size.
        let Some(size) = rect.size() else { return };
        let Ok(scaled) = brush.scaler.filled(picture, size, &brush.pool) else {
            return;
        };
        let stride = size.width() as usize * 4;
        brush.pixels.resize(stride * size.height() as usize, 0);
        if colour::read(&scaled, PixelFormat::Bgra, &mut brush.pixels, stride).is_err() {
            return;
        }
        let radius = radius.min(rect.width / 2).min(rect.height / 2);
        for (y, row) in (rect.y..).zip(brush.pixels.chunks_exact(stride)) {
            // Only near the upper and the lower edge is anything cut off.
            let near = y < rect.y + radius || y >= rect.y + rect.height - radius;
            for (x, pixel) in (rect.x..).zip(row.as_chunks::<4>().0) {
                let colour = u32::from_le_bytes(*pixel) & 0xff_ffff;
                let cover = if near {
                    coverage(rect, radius as f32, x, y)
                } else {
                    1.0
                };
                self.blend(x, y, colour, (255.0 * cover) as u32);
            }
        }
    }

    fn blend(&mut self, x: i32, y: i32, colour: u32, opacity: u32) {
        if !(0..self.width).contains(&x) || !(0..self.height).contains(&y) {
            return;
        }
        let Some(pixel) = self.pixels.get_mut((y * self.width + x) as usize) else {
            return;
        };
        *pixel = match opacity {
            0 => *pixel,
            255.. => colour,
            _ => [16, 8, 0].into_iter().fold(0, |mixed, shift| {
                let (new, old) = (colour >> shift & 255, *pixel >> shift & 255);
                mixed | ((new * opacity + old * (255 - opacity)) / 255) << shift
            }),
        };
    }
}

/// How much of a pixel lies in a rectangle with round corners, 0 to 1.
fn coverage(rect: Rect, radius: f32, x: i32, y: i32) -> f32 {
    let beyond = |at: i32, from: i32, length: i32| {
        let at = (at - from) as f32 + 0.5;
        (radius - at).max(at - (length as f32 - radius)).max(0.0)
    };
    let (across, down) = (beyond(x, rect.x, rect.width), beyond(y, rect.y, rect.height));
    (radius + 0.5 - across.hypot(down)).clamp(0.0, 1.0)
}
