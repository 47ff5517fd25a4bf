//! Marks through a real coder: what the benchmark measures with must be read from whatever arrives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use sidetone_capture::camera::pattern::{Stamp, draw};
use sidetone_video::codec::{Codec, Limits, Settings, decoder, encoder};
use sidetone_video::picture::{Picture, Pool, Size};
use sidetone_video::scale::Scaler;
use sidetone_video::synthetic::{Camera, Clip};

/// Codes pictures drawn by `paint` at `size` and `bitrate`, and reads the mark of each that comes out.
fn all_are_read(size: Size, bitrate: u32, paint: impl Fn(u64, Duration, &mut Picture)) {
    let pool = Pool::new(8);
    let mut scaler = Scaler::new();
    let mut encoder = encoder(Codec::Vp8, Settings::new(size, bitrate, 30.0)).unwrap();
    let mut decoder = decoder(Codec::Vp8, Limits::default()).unwrap();
    let mut read = 0;
    for frame in 0..90 {
        let time = Duration::from_micros(1_000_003 + frame * 33_333);
        let mut picture = pool.take(Size::P720).unwrap();
        paint(frame, time, &mut picture);
        picture.set_time(time);
        let picture = scaler.scaled(&picture, size, &pool).unwrap();
        let Some(coded) = encoder.encode(&picture, false).unwrap() else {
            continue;
        };
        let picture = decoder
            .decode(&coded.data, time, &pool)
            .unwrap()
            .expect("a picture");
        assert_eq!(
            Stamp::read(&picture),
            Some(Stamp::new(frame, time)),
            "picture {frame} at {size}"
        );
        read += 1;
    }
    // Below a certain rate the coder leaves pictures out; what is left is read.
    assert!(read > 20, "{read} pictures at {size}");
}

#[test]
fn the_pattern_is_read_after_coding() {
    for (size, bitrate) in [(Size::P720, 800_000), (Size::P360, 200_000), (Size::P180, 60_000)] {
        all_are_read(size, bitrate, |frame, time, picture| draw(picture, frame, time));
    }
}

#[test]
fn a_mark_on_a_face_is_read_after_coding() {
    let clip = Camera::new(Size::P720, 7);
    for (size, bitrate) in [(Size::P720, 700_000), (Size::P180, 80_000)] {
        all_are_read(size, bitrate, |frame, time, picture| {
            clip.draw(time, picture);
            assert!(Stamp::new(frame, time).write(picture));
        });
    }
}
