//! Pictures of another size: scaled, cut to a shape, or framed in it. It refuses to know which size is wanted and why.

use crate::picture::{Error, Picture, Plane, PlaneMut, Pool, Rect, Size};
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8;
use fast_image_resize::{FilterType, ImageView, ImageViewMut, ResizeAlg, ResizeOptions, Resizer};
use std::fmt;

/// Scales pictures. Keeps its working memory: after the first picture of a size it allocates little.
#[derive(Default)]
pub struct Scaler {
    resizer: Resizer,
}

impl Scaler {
    /// A scaler.
    pub fn new() -> Self {
        Self::default()
    }

    /// Scales `from` to the size of `to`, each side by its own factor, and gives it the same time and colour.
    ///
    /// # Errors
    /// [`Error::Shared`].
    pub fn scale(&mut self, from: &Picture, to: &mut Picture) -> Result<(), Error> {
        if from.size() == to.size() {
            return to.copy_from(from);
        }
        to.set_time(from.time());
        to.set_colour(from.colour());
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        for (from, to) in from
            .planes()
            .into_iter()
            .zip(to.planes_mut().ok_or(Error::Shared)?)
        {
            let (Some(from), Some(mut to)) = (View::new(from), ViewMut::new(to)) else {
                return Err(Error::Buffer { needed: 0, got: 0 });
            };
            // Fails only for a cut outside the source, and there is no cut.
            self.resizer
                .resize_typed(&from, &mut to, &options)
                .map_err(|_| Error::Buffer { needed: 0, got: 0 })?;
        }
        Ok(())
    }

    /// `picture` in `size`: itself where it has that size already, else scaled into a picture of the pool.
    ///
    /// # Errors
    /// [`Error::Exhausted`].
    pub fn scaled(&mut self, picture: &Picture, size: Size, pool: &Pool) -> Result<Picture, Error> {
        if picture.size() == size {
            return Ok(picture.clone());
        }
        let mut scaled = pool.take(size)?;
        self.scale(picture, &mut scaled)?;
        Ok(scaled)
    }

    /// The middle of `picture` that has the shape of `size`, scaled to it: fills the whole size, nothing is
    /// distorted, the edges may be lost.
    ///
    /// # Errors
    /// [`Error::Exhausted`].
    pub fn filled(&mut self, picture: &Picture, size: Size, pool: &Pool) -> Result<Picture, Error> {
        let middle = picture.crop(middle(picture.size(), size))?;
        self.scaled(&middle, size, pool)
    }

    /// `picture` as large as it fits into `size`, in the middle of black: nothing is distorted or lost.
    ///
    /// # Errors
    /// [`Error::Exhausted`]. It takes up to two pictures of the pool.
    pub fn fitted(&mut self, picture: &Picture, size: Size, pool: &Pool) -> Result<Picture, Error> {
        let rect = middle(size, picture.size());
        let scaled = self.scaled(picture, Size::new(rect.width, rect.height)?, pool)?;
        if scaled.size() == size {
            return Ok(scaled);
        }
        let mut whole = pool.take(size)?;
        whole.set_time(scaled.time());
        whole.set_colour(scaled.colour());
        whole.fill([16, 128, 128]);
        for (mut to, from) in whole.part_mut(rect)?.into_iter().zip(scaled.planes()) {
            for (to, from) in to.rows_mut().zip(from.rows()) {
                to.copy_from_slice(from);
            }
        }
        Ok(whole)
    }
}

impl fmt::Debug for Scaler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scaler").finish_non_exhaustive()
    }
}

/// The largest rectangle in the middle of `whole` with the shape of `shape`, beginning on a chroma sample.
pub fn middle(whole: Size, shape: Size) -> Rect {
    let (width, height) = (u64::from(whole.width()), u64::from(whole.height()));
    let (across, down) = (u64::from(shape.width()), u64::from(shape.height()));
    // Each is at most the side it is cut from, so it fits into 32 bits.
    let (width, height) = if width * down > height * across {
        ((height * across / down).max(1) as u32, whole.height())
    } else {
        (whole.width(), (width * down / across).max(1) as u32)
    };
    Rect {
        left: ((whole.width() - width) / 2) & !1,
        top: ((whole.height() - height) / 2) & !1,
        width,
        height,
    }
}

/// A plane as the library likes to see it.
struct View<'a> {
    pixels: TypedImageRef<'a, U8>,
    stride: usize,
    width: usize,
    height: usize,
}

impl<'a> View<'a> {
    fn new(plane: Plane<'a>) -> Option<Self> {
        let pixels = TypedImageRef::from_buffer(plane.data.len() as u32, 1, plane.data).ok()?;
        Some(Self {
            pixels,
            stride: plane.stride,
            width: plane.width,
            height: plane.height,
        })
    }
}

// SAFETY: every row handed out is cut to exactly `width`.
unsafe impl ImageView for View<'_> {
    type Pixel = U8;

    fn width(&self) -> u32 {
        self.width as u32
    }

    fn height(&self) -> u32 {
        self.height as u32
    }

    fn iter_rows(&self, start_row: u32) -> impl Iterator<Item = &[U8]> {
        rows(self.pixels.pixels(), self.stride, self.width, start_row)
    }
}

/// A plane to write, as the library likes to see it.
struct ViewMut<'a> {
    pixels: TypedImage<'a, U8>,
    stride: usize,
    width: usize,
    height: usize,
}

impl<'a> ViewMut<'a> {
    fn new(plane: PlaneMut<'a>) -> Option<Self> {
        let pixels = TypedImage::from_buffer(plane.data.len() as u32, 1, plane.data).ok()?;
        Some(Self {
            pixels,
            stride: plane.stride,
            width: plane.width,
            height: plane.height,
        })
    }
}

// SAFETY: every row handed out is cut to exactly `width`.
unsafe impl ImageView for ViewMut<'_> {
    type Pixel = U8;

    fn width(&self) -> u32 {
        self.width as u32
    }

    fn height(&self) -> u32 {
        self.height as u32
    }

    fn iter_rows(&self, start_row: u32) -> impl Iterator<Item = &[U8]> {
        rows(self.pixels.pixels(), self.stride, self.width, start_row)
    }
}

// SAFETY: every row handed out is cut to exactly `width`, and rows do not overlap.
unsafe impl ImageViewMut for ViewMut<'_> {
    fn iter_rows_mut(&mut self, start_row: u32) -> impl Iterator<Item = &mut [U8]> {
        let (stride, width) = (self.stride, self.width);
        self.pixels
            .pixels_mut()
            .chunks_mut(stride)
            .skip(start_row as usize)
            .map(move |row| &mut row[..width])
    }
}

fn rows(pixels: &[U8], stride: usize, width: usize, start: u32) -> impl Iterator<Item = &[U8]> {
    pixels
        .chunks(stride)
        .skip(start as usize)
        .map(move |row| &row[..width])
}
