//! One buffer as the server fills it: where its pixels are and what changed. Pure, and believes nothing: whatever the
//! server says, only bytes of the buffer are read.

use sidetone_video::colour::Image;
use sidetone_video::picture::{self, Rect, Size};

use super::format::Format;
use crate::screen::Damage;

/// A rectangle as the server gives it: may begin and end anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// Where the server says that pixels are in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Bytes before the first pixel.
    pub(super) offset: u32,
    /// Bytes from there on.
    pub(super) size: u32,
    /// Bytes from one row to the next.
    pub(super) stride: i32,
}

/// Why a buffer has no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadFrame {
    #[error("its memory is not there")]
    Memory,
    #[error("its pixels begin outside")]
    Offset,
    #[error("its picture lies outside of its pixels")]
    Crop,
    #[error("rows that go backwards")]
    Stride,
    #[error(transparent)]
    Pixels(#[from] picture::Error),
}

/// The part of a stream's pixels that is the picture: all of it, where the server says nothing.
///
/// # Errors
/// [`BadFrame::Crop`].
pub(super) fn crop(format: Format, crop: Option<Region>) -> Result<Rect, BadFrame> {
    let Some(crop) = crop else {
        return Ok(format.size.rect());
    };
    let (Ok(left), Ok(top)) = (u32::try_from(crop.left), u32::try_from(crop.top)) else {
        return Err(BadFrame::Crop);
    };
    let rect = Rect {
        left,
        top,
        width: crop.width,
        height: crop.height,
    };
    if rect.is_inside(format.size) {
        Ok(rect)
    } else {
        Err(BadFrame::Crop)
    }
}

/// The pixels of `part`, in the bytes of a buffer.
///
/// # Errors
/// [`BadFrame`] when they are not all there.
pub(super) fn image(format: Format, part: Rect, chunk: Chunk, bytes: &[u8]) -> Result<Image<'_>, BadFrame> {
    let start = chunk.offset as usize;
    let end = start.saturating_add(chunk.size as usize).min(bytes.len());
    let bytes = bytes.get(start..end).ok_or(BadFrame::Offset)?;
    let stride = usize::try_from(chunk.stride).map_err(|_| BadFrame::Stride)?;
    // As a whole first: then its parts are inside as well.
    Image::new(format.pixels, format.size, bytes, stride)?;
    let first = part.top as usize * stride + format.pixels.row_bytes(part.left);
    let bytes = bytes.get(first..).ok_or(BadFrame::Crop)?;
    let size = Size::new(part.width, part.height)?;
    Ok(Image::new(format.pixels, size, bytes, stride)?)
}

/// Adds what changed of `part`, or all of it where the server does not say.
pub(super) fn add(damage: &mut Damage, part: Rect, changes: Option<impl Iterator<Item = Region>>) {
    let Some(changes) = changes else {
        let size = damage.size();
        damage.add(0, 0, size.width(), size.height());
        return;
    };
    for change in changes {
        let left = i64::from(change.left) - i64::from(part.left);
        let top = i64::from(change.top) - i64::from(part.top);
        damage.add(left, top, change.width, change.height);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sidetone_video::colour::PixelFormat;
    use sidetone_video::picture::Picture;

    fn format(width: u32, height: u32) -> Format {
        Format {
            pixels: PixelFormat::Bgra,
            size: Size::new(width, height).unwrap(),
        }
    }

    /// Black, but for one white square of two by two.
    fn square(stride: usize, height: usize, offset: usize, at: (usize, usize)) -> Vec<u8> {
        let mut bytes = vec![0; offset + stride * height];
        for (x, y) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let start = offset + (at.1 + y) * stride + (at.0 + x) * 4;
            bytes[start..start + 4].fill(255);
        }
        bytes
    }

    #[test]
    fn pixels_are_found_behind_offset_stride_and_crop() {
        let format = format(16, 8);
        let bytes = square(100, 8, 12, (7, 3));
        let chunk = Chunk {
            offset: 12,
            size: 800,
            stride: 100,
        };
        let region = Region {
            left: 5,
            top: 1,
            width: 6,
            height: 5,
        };
        for (crop, expected) in [(None, (7, 3)), (Some(region), (2, 2))] {
            let part = super::crop(format, crop).unwrap();
            let image = image(format, part, chunk, &bytes).unwrap();
            let mut picture = Picture::black(image.size());
            image.write_to(&mut picture).unwrap();
            let y = picture.y();
            for row in 0..y.height {
                for column in 0..y.width {
                    let is_white = y.data[row * y.stride + column] > 200;
                    let is_inside = (expected.0..expected.0 + 2).contains(&column)
                        && (expected.1..expected.1 + 2).contains(&row);
                    assert_eq!(is_white, is_inside, "({column}, {row}) of {crop:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_there_is_refused() {
        let format = format(16, 8);
        let all = format.size.rect();
        let bytes = vec![0; 64 * 8];
        let good = Chunk {
            offset: 0,
            size: 512,
            stride: 64,
        };
        assert!(image(format, all, good, &bytes).is_ok());
        for (bad, error) in [
            (Chunk { offset: 513, ..good }, Some(BadFrame::Offset)),
            (
                Chunk {
                    offset: u32::MAX,
                    ..good
                },
                Some(BadFrame::Offset),
            ),
            (Chunk { stride: -64, ..good }, Some(BadFrame::Stride)),
            (Chunk { offset: 4, ..good }, None),
            (Chunk { size: 511, ..good }, None),
            (Chunk { stride: 63, ..good }, None),
            (Chunk { stride: 65, ..good }, None),
            (
                Chunk {
                    stride: i32::MAX,
                    ..good
                },
                None,
            ),
        ] {
            let refused = image(format, all, bad, &bytes).unwrap_err();
            match error {
                Some(error) => assert_eq!(refused, error),
                None => assert!(matches!(refused, BadFrame::Pixels(_)), "{bad:?}: {refused}"),
            }
        }
        for (left, top, width, height) in [
            (-1, 0, 4, 4),
            (0, 0, 17, 8),
            (16, 0, 1, 1),
            (0, 0, 0, 8),
            (1, 1, u32::MAX, 2),
        ] {
            let region = Region {
                left,
                top,
                width,
                height,
            };
            assert_eq!(crop(format, Some(region)), Err(BadFrame::Crop));
        }
    }

    #[test]
    fn changes_count_from_the_crop_and_silence_means_all() {
        let part = Rect {
            left: 100,
            top: 50,
            width: 640,
            height: 360,
        };
        let mut damage = Damage::none(Size::P360);
        let change = Region {
            left: 110,
            top: 40,
            width: 20,
            height: 30,
        };
        add(&mut damage, part, Some([change].into_iter()));
        let expected = Rect {
            left: 10,
            top: 0,
            width: 20,
            height: 20,
        };
        assert_eq!(damage.rects(), [expected]);
        damage.clear();
        add(&mut damage, part, Some(std::iter::empty()));
        assert!(damage.is_empty());
        add(&mut damage, part, None::<std::iter::Empty<Region>>);
        assert_eq!(damage.rects(), [Size::P360.rect()]);
    }

    proptest! {
        /// Whatever a server says, nothing outside of the buffer is read: that would panic.
        #[test]
        fn no_word_of_a_server_reaches_beyond_the_buffer(
            width in 1u32..40, height in 1u32..40, bytes in 0usize..6000,
            offset in prop_oneof![0u32..200, any::<u32>()], size in prop_oneof![0u32..6000, any::<u32>()],
            stride in prop_oneof![0i32..300, any::<i32>()],
            left in -3i32..40, top in -3i32..40, crop_width in 0u32..42, crop_height in 0u32..42, is_cropped: bool
        ) {
            let format = format(width, height);
            let region = Region { left, top, width: crop_width, height: crop_height };
            let bytes = vec![7; bytes];
            let Ok(part) = crop(format, is_cropped.then_some(region)) else { return Ok(()) };
            if let Ok(image) = image(format, part, Chunk { offset, size, stride }, &bytes) {
                let mut picture = Picture::black(image.size());
                image.write_to(&mut picture).unwrap();
            }
        }
    }
}
