//! A file that a camera is to see: YUV4MPEG2 where it begins so, otherwise JPEG pictures.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use sidetone_capture::camera::file::{Mjpeg, Y4m, pictures};
use sidetone_video::picture::{Pool, Size};

/// Larger pictures only make runs slower.
fn is_small(size: Size) -> bool {
    size.pixels() <= 1 << 18
}

fuzz_target!(|data: &[u8]| {
    let pool = Pool::new(1);
    if data.starts_with(b"YU") {
        let Ok(mut film) = Y4m::new(Cursor::new(data)) else {
            return;
        };
        let size = film.header().size;
        if !is_small(size) {
            return;
        }
        let mut shown = 0;
        while let Ok(Some(picture)) = film.next(&pool) {
            assert_eq!(picture.size(), size);
            shown += 1;
        }
        film.rewind().expect("memory");
        let mut passed = 0;
        while let Ok(true) = film.skip() {
            passed += 1;
        }
        assert_eq!(shown, passed);
        return;
    }
    let mut last = 0;
    for range in pictures(data) {
        assert!(last <= range.start && range.start < range.end && range.end <= data.len());
        assert!(data[range.clone()].starts_with(&[0xFF, 0xD8]) && data[range.clone()].ends_with(&[0xFF, 0xD9]));
        last = range.end;
        // Each by itself, so that a large one is seen before it is decoded.
        let Ok(mut film) = Mjpeg::new(data[range].to_vec()) else {
            continue;
        };
        if is_small(film.size()) {
            let _ = film.next(&pool);
        }
    }
});
