use super::*;
use proptest::prelude::*;

fn grey(size: Size) -> Picture {
    let mut picture = Picture::black(size);
    picture.fill([90, 200, 60]);
    picture
}

/// Changes every luma sample.
fn each_luma(picture: &mut Picture, mut change: impl FnMut(usize, usize, u8) -> u8) {
    let [mut y, _, _] = picture.planes_mut().unwrap();
    for (row, line) in y.rows_mut().enumerate() {
        for (column, luma) in line.iter_mut().enumerate() {
            *luma = change(column, row, *luma);
        }
    }
}

/// Luma at `1/by` of the size, each sample the mean of those it stands for.
fn shrink(picture: &Picture, by: u32) -> Picture {
    let size = picture.size();
    let mut small = Picture::black(Size::new(size.width() / by, size.height() / by).unwrap());
    let by = by as usize;
    let rows: Vec<&[u8]> = picture.y().rows().collect();
    each_luma(&mut small, |column, row, _| {
        let block = rows[row * by..][..by]
            .iter()
            .flat_map(|line| &line[column * by..][..by]);
        (block.map(|&luma| u32::from(luma)).sum::<u32>() / (by * by) as u32) as u8
    });
    small
}

/// Luma at `by` times the size.
fn grow(picture: &Picture, by: u32) -> Picture {
    let size = picture.size();
    let mut large = Picture::black(Size::new(size.width() * by, size.height() * by).unwrap());
    let rows: Vec<&[u8]> = picture.y().rows().collect();
    each_luma(&mut large, |column, row, _| {
        rows[row / by as usize][column / by as usize]
    });
    large
}

fn sizes() -> impl Strategy<Value = Size> {
    prop_oneof![
        Just(Size::P180),
        Just(Size::P360),
        Just(Size::P720),
        (96u32..700, 60u32..400).prop_map(|(width, height)| Size::new(width, height).unwrap())
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read(number: u64, size in sizes()) {
        let mut picture = grey(size);
        if write(&mut picture, number) {
            prop_assert_eq!(read(&picture), Some(number));
        } else {
            prop_assert_eq!(read(&picture), None);
        }
        prop_assert!(size.width() < 96 || size.height() < 140 || read(&picture).is_some());
    }

    /// Noise of a quarter of the range, less contrast, another brightness: worse than any coder does.
    #[test]
    fn a_mark_survives_noise(number: u64, seed: u32, contrast in 50u32..100, lift in -20i32..20) {
        let mut picture = grey(Size::P360);
        prop_assert!(write(&mut picture, number));
        let mut noise = seed | 1;
        each_luma(&mut picture, |_, _, luma| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (noise >> 24) as i32 / 4 - 32;
            ((luma as u32 * contrast / 100) as i32 + lift + noise).clamp(0, 255) as u8
        });
        prop_assert_eq!(read(&picture), Some(number));
    }

    /// Coarsely quantised, at a quarter of the size, and at the size it had again.
    #[test]
    fn a_mark_survives_scaling_to_a_quarter_and_back(number: u64, size in prop_oneof![Just(Size::P360), Just(Size::P720)]) {
        let mut picture = grey(size);
        prop_assert!(write(&mut picture, number));
        let mut small = shrink(&picture, 4);
        each_luma(&mut small, |_, _, luma| luma / 40 * 40 + 10);
        prop_assert_eq!(read(&small), Some(number));
        prop_assert_eq!(read(&grow(&small, 4)), Some(number));
    }

    #[test]
    fn nothing_is_read_from_noise(seed: u32) {
        let mut picture = grey(Size::P360);
        let mut noise = seed | 1;
        each_luma(&mut picture, |_, _, _| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        });
        prop_assert_eq!(read(&picture), None);
    }
}

#[test]
fn a_damaged_mark_is_not_read_as_another() {
    let mut picture = grey(Size::P720);
    assert!(write(&mut picture, 0x0123_4567_89AB_CDEF));
    for index in 4..84 {
        let square = square(index, Size::P720);
        let mut torn = grey(Size::P720);
        torn.copy_from(&picture).unwrap();
        each_luma(&mut torn, |column, row, luma| {
            let (column, row) = (column as u32, row as u32);
            let inside = (square.left..square.left + square.width).contains(&column)
                && (square.top..square.top + square.height).contains(&row);
            if inside { 255 - luma } else { luma }
        });
        assert_eq!(read(&torn), None, "square {index}");
    }
}

#[test]
fn a_shared_picture_is_not_marked_and_a_small_one_has_no_room() {
    let mut picture = grey(Size::P180);
    let other = picture.clone();
    assert!(!write(&mut picture, 1));
    drop(other);
    assert!(write(&mut picture, 1));
    assert!(!write(&mut grey(Size::new(95, 95).unwrap()), 1));
    assert!(!write(&mut grey(Size::new(960, 100).unwrap()), 1));
    assert_eq!(read(&grey(Size::new(1, 1).unwrap())), None);
}

#[test]
fn the_check_is_the_one_it_says() {
    // CRC-16/CCITT-FALSE of "12345678", the catalogue's check string less its last digit.
    assert_eq!(crc(u64::from_be_bytes(*b"12345678")), 0xA12B);
}
