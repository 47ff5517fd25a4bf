//! Raw images in and out, against the equations of ITU-R BT.601 and against themselves, for all odd shapes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use sidetone_video::colour::{self, Image, PixelFormat};
use sidetone_video::picture::{ColourSpace, Error, Matrix, Picture, Range, Rect, Size};

fn size(width: u32, height: u32) -> Size {
    Size::new(width, height).unwrap()
}

/// Bytes that change smoothly, so that averaging chroma in one order or another makes little difference.
fn smooth(format: PixelFormat, size: Size, stride: usize) -> Vec<u8> {
    (0..format.bytes(size, stride))
        .map(|index| {
            let (row, column) = (index / stride, index % stride);
            (row * 2 + column / 4 + (column % 4) * 60) as u8
        })
        .collect()
}

/// BT.601, limited range, from blue, green, red.
fn luma([blue, green, red]: [u8; 3]) -> f64 {
    16.0 + (65.481 * f64::from(red) + 128.553 * f64::from(green) + 24.966 * f64::from(blue)) / 255.0
}

#[test]
fn known_colours_become_known_values() {
    // Blue, green, red: then Y, U, V of BT.601 and BT.709 (limited), and BT.601 full range.
    let rows: [[[u8; 3]; 4]; 5] = [
        [[0, 0, 0], [16, 128, 128], [16, 128, 128], [0, 128, 128]],
        [[255, 255, 255], [235, 128, 128], [235, 128, 128], [255, 128, 128]],
        [[0, 0, 255], [81, 90, 240], [63, 102, 240], [76, 85, 255]],
        [[0, 255, 0], [145, 54, 34], [173, 42, 26], [150, 44, 21]],
        [[255, 0, 0], [41, 240, 110], [32, 240, 118], [29, 255, 107]],
    ];
    let full = ColourSpace {
        range: Range::Full,
        ..ColourSpace::default()
    };
    let high = ColourSpace {
        matrix: Matrix::Bt709,
        ..ColourSpace::default()
    };
    for [[blue, green, red], sd, hd, pc] in rows {
        for (space, wanted) in [(ColourSpace::default(), sd), (high, hd), (full, pc)] {
            let pixels = [blue, green, red, 7].repeat(5 * 3);
            let mut picture = Picture::black(size(5, 3));
            picture.set_colour(space);
            let image = Image::new(PixelFormat::Bgra, size(5, 3), &pixels, 20).unwrap();
            image.write_to(&mut picture).unwrap();
            for (plane, wanted) in picture.planes().into_iter().zip(wanted) {
                for sample in plane.rows().flatten() {
                    assert!(sample.abs_diff(wanted) <= 1, "{space:?} {wanted}: {sample}");
                }
            }
            let mut back = vec![0; 60];
            colour::read(&picture, PixelFormat::Rgba, &mut back, 20).unwrap();
            for pixel in back.as_chunks::<4>().0 {
                for (got, wanted) in pixel.iter().zip([red, green, blue, 255]) {
                    assert!(got.abs_diff(wanted) <= 3, "{space:?} {pixel:?}");
                }
            }
        }
    }
}

#[test]
fn short_buffers_and_strides_are_refused() {
    let whole = size(4, 2);
    let data = [0; 64];
    assert!(matches!(
        Image::new(PixelFormat::Bgra, whole, &data[..31], 16),
        Err(Error::Buffer { needed: 32, got: 31 })
    ));
    assert!(matches!(
        Image::new(PixelFormat::Bgra, whole, &data, 15),
        Err(Error::Stride { needed: 16, got: 15 })
    ));
    assert!(matches!(
        Image::new(PixelFormat::I420, whole, &data, usize::MAX),
        Err(Error::Stride { .. })
    ));
    let mut out = [0; 11];
    assert!(matches!(
        colour::read(&Picture::black(whole), PixelFormat::I420, &mut out, 4),
        Err(Error::Buffer { needed: 12, got: 11 })
    ));
    let image = Image::new(PixelFormat::Nv12, whole, &data, 4).unwrap();
    let mut other = Picture::black(size(2, 2));
    assert!(matches!(image.write_to(&mut other), Err(Error::OtherSize { .. })));
    let mut shared = Picture::black(whole);
    let _clone = shared.clone();
    assert_eq!(image.write_to(&mut shared), Err(Error::Shared));
}

proptest! {
    /// Every pixel of every row, also the last one whose stride is cut short, whatever the padding.
    #[test]
    fn packed_pixels_arrive_everywhere(width in 1..80_u32, height in 1..40_u32, padding in 0..9_usize, red_first: bool) {
        let format = if red_first { PixelFormat::Rgba } else { PixelFormat::Bgra };
        let whole = size(width, height);
        let stride = format.row_bytes(width) + padding;
        let data = smooth(format, whole, stride);
        let mut picture = Picture::black(whole);
        Image::new(format, whole, &data, stride).unwrap().write_to(&mut picture).unwrap();
        for (y, row) in picture.y().rows().enumerate() {
            for (x, &got) in row.iter().enumerate() {
                let pixel = &data[y * stride + x * 4..][..3];
                let [a, b, c] = [pixel[0], pixel[1], pixel[2]];
                let wanted = luma(if red_first { [c, b, a] } else { [a, b, c] });
                prop_assert!((f64::from(got) - wanted).abs() <= 1.5, "({x}, {y}): {got} for {wanted}");
            }
        }
        let mut back = vec![0xAA; format.bytes(whole, stride)];
        colour::read(&picture, format, &mut back, stride).unwrap();
        for row in back.chunks(stride) {
            prop_assert!(row[..width as usize * 4].as_chunks::<4>().0.iter().all(|pixel| pixel[3] == 255));
            prop_assert!(row[width as usize * 4..].iter().all(|&byte| byte == 0xAA));
        }
    }

    /// Planar orders carry the samples unchanged, there and back.
    #[test]
    fn planar_images_come_back(width in 1..80_u32, height in 1..40_u32, padding in 0..9_usize, planar: bool) {
        let format = if planar { PixelFormat::I420 } else { PixelFormat::Nv12 };
        let whole = size(width, height);
        let stride = format.row_bytes(width) + padding;
        let data = smooth(format, whole, stride);
        let mut picture = Picture::black(whole);
        Image::new(format, whole, &data, stride).unwrap().write_to(&mut picture).unwrap();
        let mut back = data.clone();
        colour::read(&picture, format, &mut back, stride).unwrap();
        prop_assert_eq!(&back, &data);
        let mut again = Picture::black(whole);
        Image::new(format, whole, &back, stride).unwrap().write_to(&mut again).unwrap();
        for (one, two) in picture.planes().into_iter().zip(again.planes()) {
            prop_assert!(one.rows().eq(two.rows()));
        }
        prop_assert_eq!(picture.y().row(0)[0], data[0]);
    }

    /// YUYV: luma as it is, chroma of a row pair averaged.
    #[test]
    fn pairs_of_pixels_arrive(width in 1..80_u32, height in 1..40_u32, padding in 0..9_usize) {
        let whole = size(width, height);
        let stride = PixelFormat::Yuyv.row_bytes(width) + padding;
        let data = smooth(PixelFormat::Yuyv, whole, stride);
        let mut picture = Picture::black(whole);
        Image::new(PixelFormat::Yuyv, whole, &data, stride).unwrap().write_to(&mut picture).unwrap();
        for (y, row) in picture.y().rows().enumerate() {
            for (x, &got) in row.iter().enumerate() {
                prop_assert_eq!(got, data[y * stride + x * 2]);
            }
        }
    }

    /// Writing the damaged part gives what writing all would.
    #[test]
    fn a_damaged_part_equals_the_whole(
        width in 1..60_u32, height in 1..40_u32, left in 0..60_u32, top in 0..40_u32,
        part_width in 1..60_u32, part_height in 1..40_u32, format in 0..5_usize,
    ) {
        let format = [PixelFormat::Bgra, PixelFormat::Rgba, PixelFormat::Yuyv, PixelFormat::Nv12, PixelFormat::I420][format];
        let whole = size(width, height);
        let (left, top) = (left % width, top % height);
        let (part_width, part_height) = (part_width.min(width - left), part_height.min(height - top));
        let rect = Rect { left, top, width: part_width, height: part_height };
        let stride = format.row_bytes(width);
        let data = smooth(format, whole, stride);
        let image = Image::new(format, whole, &data, stride).unwrap();
        let (mut all, mut part) = (Picture::black(whole), Picture::black(whole));
        image.write_to(&mut all).unwrap();
        image.write_part(rect, &mut part).unwrap();
        let wide = rect.widened(whole);
        let (all_cut, part_cut) = (all.crop(wide).unwrap(), part.crop(wide).unwrap());
        for (one, two) in all_cut.planes().into_iter().zip(part_cut.planes()) {
            prop_assert!(one.rows().flatten().zip(two.rows().flatten()).all(|(a, b)| a.abs_diff(*b) <= 1));
        }
        // Outside nothing was touched.
        for (y, row) in part.y().rows().enumerate() {
            for (x, &sample) in row.iter().enumerate() {
                let (x, y) = (x as u32, y as u32);
                let inside = (wide.left..wide.left + wide.width).contains(&x) && (wide.top..wide.top + wide.height).contains(&y);
                prop_assert!(inside || sample == 16);
            }
        }
    }
}
