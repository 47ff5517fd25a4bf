//! Pictures of another size keep what they show.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use sidetone_video::picture::{Picture, Pool, Size};
use sidetone_video::scale::{Scaler, middle};
use std::time::Duration;

fn size(width: u32, height: u32) -> Size {
    Size::new(width, height).unwrap()
}

/// Luma rises from left to right, blue difference from top to bottom.
fn ramp(size: Size) -> Picture {
    let mut picture = Picture::black(size);
    let [mut y, mut u, _] = picture.planes_mut().unwrap();
    let (width, height) = (y.width, u.height);
    for row in y.rows_mut() {
        for (x, sample) in row.iter_mut().enumerate() {
            *sample = (x * 255 / width) as u8;
        }
    }
    for (y, row) in u.rows_mut().enumerate() {
        row.fill((y * 255 / height) as u8);
    }
    picture
}

#[test]
fn the_same_size_costs_no_copy() {
    let pool = Pool::new(1);
    let picture = ramp(Size::P180);
    let same = Scaler::new().scaled(&picture, Size::P180, &pool).unwrap();
    assert!(std::ptr::eq(same.y().data, picture.y().data));
}

#[test]
fn time_goes_along() {
    let pool = Pool::new(1);
    let mut picture = ramp(Size::P360);
    picture.set_time(Duration::from_secs(3));
    let half = Scaler::new().scaled(&picture, Size::P180, &pool).unwrap();
    assert_eq!((half.time(), half.size()), (Duration::from_secs(3), Size::P180));
}

#[test]
fn what_is_framed_is_whole_and_in_the_middle_of_black() {
    let pool = Pool::new(2);
    let mut picture = ramp(size(90, 180));
    picture.set_time(Duration::from_secs(3));
    let framed = Scaler::new().fitted(&picture, size(320, 90), &pool).unwrap();
    assert_eq!(
        (framed.time(), framed.size()),
        (Duration::from_secs(3), size(320, 90))
    );
    for row in framed.y().rows() {
        // 45 wide, from an even column on.
        assert!(
            row[..136].iter().chain(&row[181..]).all(|&luma| luma == 16),
            "{row:?}"
        );
        assert!(row[137..181].is_sorted() && row[180] > 240, "{row:?}");
    }
    let small = Scaler::new()
        .fitted(&ramp(size(16, 9)), size(320, 180), &pool)
        .unwrap();
    assert!(small.y().row(0)[319] > 230, "it is as large as there is room for");
}

#[test]
fn filling_cuts_the_edges_and_keeps_the_shape() {
    let pool = Pool::new(1);
    let square = Scaler::new()
        .filled(&ramp(size(320, 180)), size(90, 90), &pool)
        .unwrap();
    // 320 wide, of which the middle 180 is seen: from 70/320 to 250/320 of the ramp.
    let row = square.y().row(40);
    assert!(
        row[0].abs_diff(56) <= 3 && row[89].abs_diff(198) <= 3,
        "{} {}",
        row[0],
        row[89]
    );
}

proptest! {
    #[test]
    fn a_ramp_stays_a_ramp(width in 2..120_u32, height in 2..120_u32, new_width in 1..120_u32, new_height in 1..120_u32) {
        let pool = Pool::new(1);
        let wanted = size(new_width, new_height);
        let scaled = Scaler::new().scaled(&ramp(size(width, height)), wanted, &pool).unwrap();
        prop_assert_eq!(scaled.size(), wanted);
        for row in scaled.y().rows() {
            prop_assert!(row.is_sorted());
            prop_assert_eq!(row, scaled.y().row(0));
        }
        let left: Vec<u8> = scaled.u().rows().map(|row| row[0]).collect();
        prop_assert!(left.is_sorted());
        prop_assert!(scaled.v().rows().flatten().all(|&sample| sample == 128));
        // The middle keeps its value, but for the step of the ramp.
        let step = 255 / width.min(new_width) + 3;
        let centre = scaled.y().row(0)[new_width as usize / 2];
        prop_assert!(u32::from(centre.abs_diff(127)) <= step, "{}", centre);
    }

    #[test]
    fn the_middle_has_the_shape(width in 1..3000_u32, height in 1..3000_u32, across in 1..3000_u32, down in 1..3000_u32) {
        let whole = size(width, height);
        let rect = middle(whole, size(across, down));
        prop_assert!(rect.is_inside(whole));
        prop_assert!(rect.left.is_multiple_of(2) && rect.top.is_multiple_of(2));
        prop_assert!(rect.width == width || rect.height == height);
        prop_assert!(Picture::black(size(width.min(64), height.min(64))).crop(middle(size(width.min(64), height.min(64)), size(across, down))).is_ok());
    }
}
