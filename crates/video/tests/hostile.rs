//! Damaged and oversized frames: an error each, nothing worse, and the next key frame mends it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{available, coded, pictures, same_samples};
use proptest::prelude::*;
use sidetone_video::codec::{self, Error, Limits, Settings};
use sidetone_video::picture::{self, Pool, Size};
use sidetone_video::synthetic::Camera;
use sidetone_video::{Codec, EncodedFrame};
use std::sync::LazyLock;
use std::time::Duration;

/// Two groups of pictures of each codec.
static STREAMS: LazyLock<Vec<(Codec, Vec<EncodedFrame>)>> = LazyLock::new(|| {
    let drawn = pictures(&Camera::new(Size::P180, 1), 30.0, 8);
    available()
        .map(|codec| {
            let settings = Settings::new(Size::P180, 300_000, 30.0);
            let mut frames = coded(codec, settings, &drawn);
            frames.extend(coded(codec, settings, &drawn));
            (codec, frames)
        })
        .collect()
});

#[test]
fn a_picture_over_the_limit_is_refused() {
    for (codec, frames) in STREAMS.iter() {
        let pool = Pool::new(2);
        let limits = Limits {
            max_pixels: 320 * 180 - 1,
            ..Limits::default()
        };
        let mut decoder = codec::decoder(*codec, limits).unwrap();
        let refused = decoder.decode(&frames[0].data, Duration::ZERO, &pool);
        assert_eq!(refused.err(), Some(Error::TooLarge), "{codec}");
        let mut decoder = codec::decoder(
            *codec,
            Limits {
                max_pixels: 320 * 180,
                ..limits
            },
        )
        .unwrap();
        assert!(
            decoder
                .decode(&frames[0].data, Duration::ZERO, &pool)
                .unwrap()
                .is_some(),
            "{codec}"
        );
    }
}

#[test]
fn an_empty_pool_loses_the_picture_only() {
    for (codec, frames) in STREAMS.iter() {
        let (pool, other) = (Pool::new(1), Pool::new(1));
        let taken = pool.take(Size::P180).unwrap();
        let (mut decoder, mut reference) = (
            codec::decoder(*codec, Limits::default()).unwrap(),
            codec::decoder(*codec, Limits::default()).unwrap(),
        );
        let empty = decoder.decode(&frames[0].data, Duration::ZERO, &pool);
        assert_eq!(
            empty.err(),
            Some(Error::Picture(picture::Error::Exhausted)),
            "{codec}"
        );
        drop(taken);
        reference.decode(&frames[0].data, Duration::ZERO, &other).unwrap();
        let shown = decoder
            .decode(&frames[1].data, Duration::ZERO, &pool)
            .unwrap()
            .unwrap();
        let wanted = reference
            .decode(&frames[1].data, Duration::ZERO, &other)
            .unwrap()
            .unwrap();
        assert!(same_samples(&shown, &wanted), "{codec}");
    }
}

#[test]
fn nothing_and_noise_are_refused() {
    for (codec, _) in STREAMS.iter() {
        let pool = Pool::new(1);
        let mut decoder = codec::decoder(*codec, Limits::default()).unwrap();
        assert!(decoder.decode(&[], Duration::ZERO, &pool).is_err(), "{codec}");
        let noise: Vec<u8> = (0..500_u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        assert!(
            !matches!(decoder.decode(&noise, Duration::ZERO, &pool), Ok(Some(_))),
            "{codec}"
        );
    }
}

#[test]
fn a_stream_joined_in_the_middle_shows_nothing_before_its_key_frame() {
    for (codec, frames) in STREAMS.iter() {
        let pool = Pool::new(1);
        let mut decoder = codec::decoder(*codec, Limits::default()).unwrap();
        assert!(
            !matches!(
                decoder.decode(&frames[1].data, Duration::ZERO, &pool),
                Ok(Some(_))
            ),
            "{codec}"
        );
        assert!(
            decoder
                .decode(&frames[0].data, Duration::ZERO, &pool)
                .unwrap()
                .is_some(),
            "{codec}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any byte changed, any end cut off, any frame left out: no panic, nothing but typed errors; and the key frame
    /// afterwards is shown as if nothing had been.
    #[test]
    fn damage_ends_at_the_next_key_frame(
        damage in proptest::collection::vec((0..8_usize, any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..6),
    ) {
        for (codec, frames) in STREAMS.iter() {
            let pool = Pool::new(4);
            let mut decoder = codec::decoder(*codec, Limits::default()).unwrap();
            let mut damaged: Vec<Vec<u8>> = frames[..8.min(frames.len())].iter().map(|frame| frame.data.clone()).collect();
            for (frame, index, value, way) in &damage {
                let at = *frame % damaged.len();
                let data = &mut damaged[at];
                if data.is_empty() {
                    continue;
                }
                let place = index.index(data.len());
                match way {
                    0 => data.truncate(place),
                    1 => data.extend_from_slice(&[*value; 40]),
                    _ => data[place] ^= value | 1,
                }
            }
            for data in &damaged {
                if let Err(error) = decoder.decode(data, Duration::ZERO, &pool) {
                    prop_assert!(matches!(error, Error::Corrupt | Error::TooLarge | Error::Format), "{codec}: {error:?}");
                }
            }
            let key = frames.iter().rposition(|frame| frame.key).unwrap();
            let shown = decoder.decode(&frames[key].data, Duration::ZERO, &pool).unwrap().unwrap();
            let mut fresh = codec::decoder(*codec, Limits::default()).unwrap();
            let wanted = fresh.decode(&frames[key].data, Duration::ZERO, &pool).unwrap().unwrap();
            prop_assert!(same_samples(&shown, &wanted), "{codec}");
        }
    }
}
