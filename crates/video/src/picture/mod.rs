//! A picture as everyone here speaks of it: I420 (planar Y, U, V; chroma halved both ways, rounded up), 8 bit, with
//! the time it was taken. It refuses to know where a picture comes from and who shows it.
//!
//! Clones share the samples. While there is only one, it may be written ([`Picture::planes_mut`]); when the last
//! one drops, the buffer goes back to the [`Pool`] it was taken from.

mod colour_space;
mod layout;
mod pool;
mod size;

pub use colour_space::{ColourSpace, Matrix, Range};
pub use pool::Pool;
pub use size::{MAX_PIXELS, MAX_SIDE, Rect, Size};

use layout::Layout;
use pool::Lease;
use std::fmt;
use std::time::Duration;

/// Why there is no such picture. The caller is at fault, but for [`Error::Exhausted`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A side is zero or above [`MAX_SIDE`], or there are more than [`MAX_PIXELS`] pixels.
    #[error("{width}x{height} is no size of a picture")]
    Size {
        /// Width asked for, in pixels.
        width: u32,
        /// Height asked for, in pixels.
        height: u32,
    },
    /// A rectangle is empty, or reaches beyond its picture.
    #[error("{rect} is not inside {size}")]
    Outside {
        /// The rectangle.
        rect: Rect,
        /// The picture's size.
        size: Size,
    },
    /// A cut begins between two chroma samples: left and top must be even.
    #[error("{rect} does not begin on a chroma sample")]
    OddOrigin {
        /// The rectangle.
        rect: Rect,
    },
    /// Rows of a raw image are closer together than they are long.
    #[error("a stride of {got} bytes, {needed} needed")]
    Stride {
        /// Bytes of one row.
        needed: usize,
        /// Bytes from one row to the next, as given.
        got: usize,
    },
    /// A raw image does not fill its size.
    #[error("{got} bytes of image, {needed} needed")]
    Buffer {
        /// Bytes needed for the size and stride.
        needed: usize,
        /// Bytes given.
        got: usize,
    },
    /// Two pictures that should be of one size are not.
    #[error("a picture of {got} where one of {needed} is needed")]
    OtherSize {
        /// Size needed.
        needed: Size,
        /// Size given.
        got: Size,
    },
    /// The picture to write to is shared.
    #[error("the picture is shared and cannot be written")]
    Shared,
    /// Every picture of the pool is in use: the caller is to drop a frame.
    #[error("all pictures of the pool are in use")]
    Exhausted,
}

/// One picture: samples, size, time. Cheap to clone.
#[derive(Clone)]
pub struct Picture {
    samples: Lease,
    layout: Layout,
    time: Duration,
    colour: ColourSpace,
}

/// The samples of one plane, to read.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    /// From the first sample to the last one; rows are [`Plane::stride`] bytes apart.
    pub data: &'a [u8],
    /// Bytes from the start of one row to the next.
    pub stride: usize,
    /// Samples in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// The samples of one plane, to write.
#[derive(Debug)]
pub struct PlaneMut<'a> {
    /// From the first sample to the last one; rows are [`PlaneMut::stride`] bytes apart.
    pub data: &'a mut [u8],
    /// Bytes from the start of one row to the next.
    pub stride: usize,
    /// Samples in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Picture {
    /// A black picture outside any pool, taken at zero.
    ///
    /// Allocates; a stream of pictures takes them from a [`Pool`].
    pub fn black(size: Size) -> Self {
        let mut picture = Self::over(Lease::loose(), size);
        picture.fill([16, 128, 128]);
        picture
    }

    /// A picture of `size` over samples that nobody else holds.
    fn over(mut samples: Lease, size: Size) -> Self {
        let layout = Layout::of(size);
        samples.reserve(layout.bytes());
        Self {
            samples,
            layout,
            time: Duration::ZERO,
            colour: ColourSpace::default(),
        }
    }

    /// Width and height.
    pub fn size(&self) -> Size {
        self.layout.size
    }

    /// When it was taken, on the media clock.
    pub fn time(&self) -> Duration {
        self.time
    }

    /// Says when it was taken.
    pub fn set_time(&mut self, time: Duration) {
        self.time = time;
    }

    /// How its samples stand for colours.
    pub fn colour(&self) -> ColourSpace {
        self.colour
    }

    /// Says how its samples stand for colours; changes no sample.
    pub fn set_colour(&mut self, colour: ColourSpace) {
        self.colour = colour;
    }

    /// Luma.
    pub fn y(&self) -> Plane<'_> {
        self.plane(0)
    }

    /// Blue difference, half as wide and high, rounded up.
    pub fn u(&self) -> Plane<'_> {
        self.plane(1)
    }

    /// Red difference, half as wide and high, rounded up.
    pub fn v(&self) -> Plane<'_> {
        self.plane(2)
    }

    /// Y, U and V.
    pub fn planes(&self) -> [Plane<'_>; 3] {
        [self.plane(0), self.plane(1), self.plane(2)]
    }

    /// Y, U and V to write, while nobody else holds the samples.
    pub fn planes_mut(&mut self) -> Option<[PlaneMut<'_>; 3]> {
        let layout = self.layout;
        self.planes_of(&layout)
    }

    /// The samples of a part, to write. Left and top are even.
    ///
    /// # Errors
    /// [`Error::Outside`], [`Error::OddOrigin`], [`Error::Shared`].
    pub fn part_mut(&mut self, rect: Rect) -> Result<[PlaneMut<'_>; 3], Error> {
        let layout = self.layout.crop(rect)?;
        self.planes_of(&layout).ok_or(Error::Shared)
    }

    fn planes_of(&mut self, layout: &Layout) -> Option<[PlaneMut<'_>; 3]> {
        let [y, u, v] = &layout.planes;
        // Planes lie one behind the other.
        let (luma, chroma) = self.samples.bytes_mut()?.split_at_mut(u.block);
        let (blue, red) = chroma.split_at_mut(v.block - u.block);
        Some([
            y.over_mut(&mut luma[y.start..]),
            u.over_mut(&mut blue[u.start - u.block..]),
            v.over_mut(&mut red[v.start - v.block..]),
        ])
    }

    /// Gives every sample of a plane the same value; `false` while somebody else holds the samples.
    pub fn fill(&mut self, yuv: [u8; 3]) -> bool {
        let Some(planes) = self.planes_mut() else {
            return false;
        };
        for (mut plane, value) in planes.into_iter().zip(yuv) {
            plane.rows_mut().for_each(|row| row.fill(value));
        }
        true
    }

    /// Copies samples, time and colour of `other`, which is of the same size.
    ///
    /// # Errors
    /// [`Error::OtherSize`], [`Error::Shared`].
    pub fn copy_from(&mut self, other: &Self) -> Result<(), Error> {
        if self.size() != other.size() {
            return Err(Error::OtherSize {
                needed: self.size(),
                got: other.size(),
            });
        }
        let planes = self.planes_mut().ok_or(Error::Shared)?;
        for (mut to, from) in planes.into_iter().zip(other.planes()) {
            for (to, from) in to.rows_mut().zip(from.rows()) {
                to.copy_from_slice(from);
            }
        }
        self.time = other.time;
        self.colour = other.colour;
        Ok(())
    }

    /// The part of the picture inside `rect`, sharing its samples. Left and top are even.
    ///
    /// # Errors
    /// [`Error::Outside`], [`Error::OddOrigin`].
    pub fn crop(&self, rect: Rect) -> Result<Self, Error> {
        let layout = self.layout.crop(rect)?;
        Ok(Self {
            layout,
            ..self.clone()
        })
    }

    fn plane(&self, index: usize) -> Plane<'_> {
        self.layout.planes[index].over(self.samples.bytes())
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({} at {:?})", self.size(), self.time)
    }
}

impl<'a> Plane<'a> {
    /// Row by row, top first, without what lies between rows.
    pub fn rows(self) -> impl ExactSizeIterator<Item = &'a [u8]> {
        self.data.chunks(self.stride).map(move |row| &row[..self.width])
    }

    /// One row; empty where there is none.
    pub fn row(self, index: usize) -> &'a [u8] {
        self.data
            .get(index * self.stride..)
            .and_then(|rest| rest.get(..self.width))
            .unwrap_or_default()
    }
}

impl PlaneMut<'_> {
    /// Row by row, top first, without what lies between rows.
    pub fn rows_mut(&mut self) -> impl ExactSizeIterator<Item = &mut [u8]> {
        let width = self.width;
        self.data
            .chunks_mut(self.stride)
            .map(move |row| &mut row[..width])
    }
}
