//! Where the three planes of a picture lie in its buffer.

use super::{Error, Plane, PlaneMut, Rect, Size};

/// Rows begin at multiples of this many bytes from the first: what vector instructions like.
const ALIGN: usize = 32;

#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) size: Size,
    /// Y, U, V, one behind the other.
    pub(super) planes: [Area; 3],
}

/// One plane, or the part of one that a cut shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    /// Where the whole plane begins in the buffer.
    pub(super) block: usize,
    /// Where the first sample lies in the buffer.
    pub(super) start: usize,
    pub(super) stride: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Layout {
    /// A whole picture of `size`.
    pub(super) fn of(size: Size) -> Self {
        let area = |block: usize, width: u32, height: u32| Area {
            block,
            start: block,
            stride: (width as usize).next_multiple_of(ALIGN),
            width: width as usize,
            height: height as usize,
        };
        let y = area(0, size.width(), size.height());
        let u = area(y.whole(), size.chroma_width(), size.chroma_height());
        let v = area(u.block + u.whole(), size.chroma_width(), size.chroma_height());
        Self {
            size,
            planes: [y, u, v],
        }
    }

    /// Bytes of the buffer of a whole picture.
    pub(super) fn bytes(&self) -> usize {
        let [_, _, v] = &self.planes;
        v.block + v.whole()
    }

    pub(super) fn crop(&self, rect: Rect) -> Result<Self, Error> {
        if !rect.is_inside(self.size) {
            return Err(Error::Outside {
                rect,
                size: self.size,
            });
        }
        if !rect.left.is_multiple_of(2) || !rect.top.is_multiple_of(2) {
            return Err(Error::OddOrigin { rect });
        }
        let size = Size::new(rect.width, rect.height)?;
        let [y, u, v] = &self.planes;
        let (left, top) = (rect.left as usize, rect.top as usize);
        let chroma = |area: &Area| {
            area.cut(
                left / 2,
                top / 2,
                size.chroma_width() as usize,
                size.chroma_height() as usize,
            )
        };
        let planes = [
            y.cut(left, top, rect.width as usize, rect.height as usize),
            chroma(u),
            chroma(v),
        ];
        Ok(Self { size, planes })
    }
}

impl Area {
    fn whole(&self) -> usize {
        self.stride * self.height
    }

    fn cut(&self, left: usize, top: usize, width: usize, height: usize) -> Self {
        Self {
            start: self.start + top * self.stride + left,
            width,
            height,
            ..*self
        }
    }

    /// Bytes from the first sample to the last.
    fn span(&self) -> usize {
        self.stride * (self.height - 1) + self.width
    }

    pub(super) fn over<'a>(&self, buffer: &'a [u8]) -> Plane<'a> {
        Plane {
            data: &buffer[self.start..self.start + self.span()],
            stride: self.stride,
            width: self.width,
            height: self.height,
        }
    }

    /// The plane to write; `from_start` begins at its first sample.
    pub(super) fn over_mut<'a>(&self, from_start: &'a mut [u8]) -> PlaneMut<'a> {
        PlaneMut {
            data: &mut from_start[..self.span()],
            stride: self.stride,
            width: self.width,
            height: self.height,
        }
    }
}
