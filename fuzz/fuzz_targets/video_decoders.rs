//! A stream of frames from a hostile sender, decoded by each codec of this build.
//!
//! Input: one byte naming the codec (low two bits: VP8, VP9, AV1, H.264 where built in), then frames: two bytes of
//! length (little-endian), the frame.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sidetone_video::codec::{Codec, Error, Limits, decoder};
use sidetone_video::picture::Pool;
use std::time::Duration;

/// Longer streams only make runs slower: state builds up within a few frames.
const MAX_FRAMES: usize = 8;
/// Room for a picture of 640x360, so that runs stay fast.
const MAX_PIXELS: u32 = 640 * 360;

fuzz_target!(|data: &[u8]| {
    let Some((&which, mut rest)) = data.split_first() else {
        return;
    };
    let codec = Codec::ALL[usize::from(which & 3)];
    let limits = Limits {
        max_pixels: MAX_PIXELS,
        threads: 1,
    };
    let Ok(mut decoder) = decoder(codec, limits) else {
        return;
    };
    let pool = Pool::new(2);
    for _ in 0..MAX_FRAMES {
        let Some((&[low, high], after)) = rest.split_first_chunk() else {
            break;
        };
        let (frame, after) = after.split_at(after.len().min(u16::from_le_bytes([low, high]).into()));
        rest = after;
        match decoder.decode(frame, Duration::ZERO, &pool) {
            Ok(Some(picture)) => {
                assert!(picture.size().pixels() <= MAX_PIXELS);
                // Every sample can be read.
                let sum: u64 = picture
                    .planes()
                    .into_iter()
                    .flat_map(|plane| plane.rows().flatten())
                    .map(|&s| u64::from(s))
                    .sum();
                assert!(sum <= u64::from(picture.size().pixels()) * 255 * 3);
            }
            Ok(None) => {}
            Err(Error::Corrupt | Error::TooLarge | Error::Format) => {}
            Err(other) => panic!("{codec}: {other:?}"),
        }
    }
});
