//! Pictures seen from outside: sizes, sharing, cutting, and buffers that come back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use sidetone_video::picture::{Error, MAX_PIXELS, MAX_SIDE, Picture, Pool, Rect, Size};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::thread;
use std::time::Duration;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: hands every call on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn size(width: u32, height: u32) -> Size {
    Size::new(width, height).unwrap()
}

#[test]
fn a_warm_pool_allocates_nothing() {
    let pool = Pool::new(3);
    let warm: Vec<_> = (0..3).map(|_| pool.take(Size::P360).unwrap()).collect();
    drop(warm);

    let before = ALLOCATIONS.get();
    for count in 0..100 {
        // Also smaller ones, and clones that outlive the original.
        let mut first = pool
            .take(if count % 2 == 0 { Size::P360 } else { Size::P180 })
            .unwrap();
        first.fill([1, 2, 3]);
        let shared = first.clone();
        let second = pool.take(Size::P360).unwrap();
        drop((first, second));
        drop(shared);
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
}

#[test]
fn the_pool_is_bounded_and_refills() {
    let pool = Pool::new(2);
    let first = pool.take(Size::P180).unwrap();
    let second = pool.take(Size::P180).unwrap();
    assert_eq!(pool.take(Size::P180).unwrap_err(), Error::Exhausted);
    let again = second.clone();
    drop(second);
    assert_eq!(
        pool.take(Size::P180).unwrap_err(),
        Error::Exhausted,
        "a clone is still there"
    );
    drop(again);
    drop(pool.take(Size::P720).unwrap());
    drop(first);
    drop(pool);
}

#[test]
fn a_picture_outlives_its_pool() {
    let pool = Pool::new(1);
    let mut picture = pool.take(size(5, 3)).unwrap();
    drop(pool);
    assert!(picture.fill([9, 8, 7]));
    assert_eq!(picture.y().row(2), [9; 5]);
}

#[test]
fn buffers_come_back_when_clones_go_at_the_same_time() {
    let pool = Pool::new(2);
    for _ in 0..2000 {
        let picture = pool.take(size(16, 16)).unwrap();
        let other = picture.clone();
        let pool_there = pool.clone();
        thread::scope(|scope| {
            scope.spawn(move || drop(other));
            scope.spawn(move || pool_there.take(size(16, 16)).map(drop));
            drop(picture);
        });
    }
    let _both = [pool.take(size(16, 16)).unwrap(), pool.take(size(16, 16)).unwrap()];
}

#[test]
fn only_an_unshared_picture_is_written() {
    let mut picture = Picture::black(Size::P180);
    let clone = picture.clone();
    assert!(picture.planes_mut().is_none());
    assert!(!picture.fill([0, 0, 0]));
    assert_eq!(picture.copy_from(&Picture::black(Size::P180)), Err(Error::Shared));
    drop(clone);
    assert!(picture.planes_mut().is_some());
}

#[test]
fn a_copy_keeps_time_and_refuses_other_sizes() {
    let pool = Pool::new(1);
    let mut picture = Picture::black(size(7, 5));
    picture.set_time(Duration::from_millis(40));
    let mut copy = pool.copy(&picture).unwrap();
    assert_eq!(copy.time(), Duration::from_millis(40));
    assert_eq!(copy.y().row(4), [16; 7]);
    assert!(matches!(
        copy.copy_from(&Picture::black(Size::P180)),
        Err(Error::OtherSize { .. })
    ));
}

#[test]
fn impossible_sizes_are_refused() {
    for (width, height) in [
        (0, 1),
        (1, 0),
        (MAX_SIDE + 1, 1),
        (u32::MAX, u32::MAX),
        (16_000, 16_000),
    ] {
        assert_eq!(Size::new(width, height), Err(Error::Size { width, height }));
    }
    assert!(Size::new(MAX_SIDE, MAX_PIXELS / MAX_SIDE).is_ok());
    assert!(Size::new(1, 1).is_ok());
}

#[test]
fn cuts_are_checked() {
    let picture = Picture::black(size(10, 10));
    let cut = |left, top, width, height| {
        picture
            .crop(Rect {
                left,
                top,
                width,
                height,
            })
            .map(|cut| cut.size())
    };
    assert_eq!(cut(0, 0, 10, 10), Ok(size(10, 10)));
    assert!(matches!(cut(1, 0, 2, 2), Err(Error::OddOrigin { .. })));
    assert!(matches!(cut(8, 8, 3, 2), Err(Error::Outside { .. })));
    assert!(matches!(cut(2, 2, 0, 2), Err(Error::Outside { .. })));
    assert!(matches!(cut(u32::MAX - 1, 0, 4, 2), Err(Error::Outside { .. })));
}

proptest! {
    /// Every sample has a place of its own, whatever the size, and a cut sees the samples of the whole.
    #[test]
    fn planes_are_apart_and_cuts_see_through(
        width in 1..70_u32, height in 1..70_u32,
        left in 0..35_u32, top in 0..35_u32, cut_width in 1..70_u32, cut_height in 1..70_u32,
    ) {
        let mut picture = Picture::black(size(width, height));
        let mark = |plane: usize, x: usize, y: usize| (plane * 85 + y * 7 + x * 3) as u8;
        for (index, mut plane) in picture.planes_mut().unwrap().into_iter().enumerate() {
            for (y, row) in plane.rows_mut().enumerate() {
                for (x, sample) in row.iter_mut().enumerate() {
                    *sample = mark(index, x, y);
                }
            }
        }
        prop_assert_eq!(picture.u().width, width.div_ceil(2) as usize);
        prop_assert_eq!(picture.v().height, height.div_ceil(2) as usize);

        let rect = Rect { left: left * 2, top: top * 2, width: cut_width, height: cut_height };
        let (mut seen, left, top) = match picture.crop(rect) {
            Ok(cut) => (cut, left as usize, top as usize),
            Err(_) => (picture, 0, 0),
        };
        for (index, plane) in seen.planes().into_iter().enumerate() {
            let (left, top) = if index == 0 { (left * 2, top * 2) } else { (left, top) };
            prop_assert_eq!(plane.rows().len(), plane.height);
            for (y, row) in plane.rows().enumerate() {
                prop_assert_eq!(row, plane.row(y));
                for (x, &sample) in row.iter().enumerate() {
                    prop_assert_eq!(sample, mark(index, x + left, y + top));
                }
            }
        }
        let _ = seen.fill([0, 0, 0]);
    }

    /// A fitted size is inside, keeps its shape to a pixel pair, and never grows.
    #[test]
    fn fitting_keeps_the_shape(width in 2..4000_u32, height in 2..4000_u32, room_width in 2..4000_u32, room_height in 2..4000_u32) {
        let (whole, room) = (size(width, height), size(room_width, room_height));
        let fit = whole.fit(room);
        prop_assert!(fit.width() <= room.width().min(width) && fit.height() <= room.height().min(height));
        let scale = f64::from(room_width) / f64::from(width);
        let scale = scale.min(f64::from(room_height) / f64::from(height)).min(1.0);
        prop_assert!((f64::from(fit.width()) - f64::from(width) * scale).abs() <= 2.0);
        prop_assert!((f64::from(fit.height()) - f64::from(height) * scale).abs() <= 2.0);
    }

    /// A widened rectangle holds the first one and can be cut.
    #[test]
    fn widening_makes_it_cuttable(left in 0..50_u32, top in 0..50_u32, width in 1..50_u32, height in 1..50_u32) {
        let picture = Picture::black(size(61, 67));
        let rect = Rect { left, top, width, height };
        prop_assume!(rect.is_inside(picture.size()));
        let wide = rect.widened(picture.size());
        prop_assert!(wide.left <= left && wide.left + wide.width >= left + width);
        prop_assert!(wide.top <= top && wide.top + wide.height >= top + height);
        prop_assert!(picture.crop(wide).is_ok());
    }
}
