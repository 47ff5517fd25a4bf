//! Width and height that a picture can have, and a rectangle in one.

use super::Error;
use std::fmt;

/// Longest side, in pixels: what the 14 bits of a VP8 key frame hold (RFC 6386 section 9.1).
pub const MAX_SIDE: u32 = 16_383;
/// Most pixels: AV1 level 6.0, two 4K screens side by side and more.
pub const MAX_PIXELS: u32 = 35_651_584;

/// Width and height of a picture in pixels, within what any picture here can have.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Size {
    width: u32,
    height: u32,
}

impl Size {
    /// 320x180.
    pub const P180: Self = Self {
        width: 320,
        height: 180,
    };
    /// 640x360.
    pub const P360: Self = Self {
        width: 640,
        height: 360,
    };
    /// 1280x720.
    pub const P720: Self = Self {
        width: 1280,
        height: 720,
    };
    /// 1920x1080.
    pub const P1080: Self = Self {
        width: 1920,
        height: 1080,
    };

    /// A size.
    ///
    /// # Errors
    /// [`Error::Size`] when a side is zero or above [`MAX_SIDE`], or there are more than [`MAX_PIXELS`].
    pub fn new(width: u32, height: u32) -> Result<Self, Error> {
        let sides = 1..=MAX_SIDE;
        if sides.contains(&width) && sides.contains(&height) && width * height <= MAX_PIXELS {
            Ok(Self { width, height })
        } else {
            Err(Error::Size { width, height })
        }
    }

    /// Width in pixels.
    pub fn width(self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(self) -> u32 {
        self.height
    }

    /// Width times height.
    pub fn pixels(self) -> u32 {
        self.width * self.height
    }

    /// Width of the chroma planes: half, rounded up.
    pub fn chroma_width(self) -> u32 {
        self.width.div_ceil(2)
    }

    /// Height of the chroma planes: half, rounded up.
    pub fn chroma_height(self) -> u32 {
        self.height.div_ceil(2)
    }

    /// The whole picture as a rectangle.
    pub fn rect(self) -> Rect {
        Rect {
            left: 0,
            top: 0,
            width: self.width,
            height: self.height,
        }
    }

    /// The largest size of this shape inside `room`, never larger than this one. Sides are even where this size
    /// allows it, since encoders work on pairs of pixels.
    #[must_use]
    pub fn fit(self, room: Self) -> Self {
        if self.width <= room.width && self.height <= room.height {
            return self;
        }
        let (width, height) = (u64::from(self.width), u64::from(self.height));
        let (max_width, max_height) = (u64::from(room.width), u64::from(room.height));
        let (fit_width, fit_height) = if width * max_height > height * max_width {
            (max_width, (height * max_width + width / 2) / width)
        } else {
            ((width * max_height + height / 2) / height, max_height)
        };
        // Not larger than `room`, so it fits into 32 bits.
        let even = |side: u64| (side as u32 & !1).max(1);
        Self {
            width: even(fit_width),
            height: even(fit_height),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl fmt::Debug for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A rectangle of pixels in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rect {
    /// Columns left of it.
    pub left: u32,
    /// Rows above it.
    pub top: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Rect {
    /// Whether it is not empty and lies in a picture of `size`.
    pub fn is_inside(self, size: Size) -> bool {
        let fits = |start: u32, length: u32, whole| {
            length > 0 && start.checked_add(length).is_some_and(|end| end <= whole)
        };
        fits(self.left, self.width, size.width) && fits(self.top, self.height, size.height)
    }

    /// The smallest rectangle around it that begins and ends on chroma samples, within `size`.
    #[must_use]
    pub fn widened(self, size: Size) -> Self {
        let grow = |start: u32, length: u32, whole: u32| {
            let end = start.saturating_add(length).saturating_add(1) & !1;
            let start = start & !1;
            (start, end.min(whole).saturating_sub(start))
        };
        let (left, width) = grow(self.left, self.width, size.width);
        let (top, height) = grow(self.top, self.height, size.height);
        Self {
            left,
            top,
            width,
            height,
        }
    }
}

impl fmt::Display for Rect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}+{}+{}", self.width, self.height, self.left, self.top)
    }
}
