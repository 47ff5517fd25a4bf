//! Every callback size, every sample type and every channel count keeps the samples in order: nothing lost,
//! nothing doubled, no channel in another's place.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use sidetone_media::device::{CaptureCallback, PlayoutCallback, StreamFormat};
use sidetone_pipeline::notifier;

fn format(channels: u16) -> StreamFormat {
    StreamFormat {
        sample_rate: 48_000,
        channels,
    }
}

/// Sample `n` of a stream whose every value is unique over a quarter of a million samples and exact in `f32`.
fn sample(n: usize) -> f32 {
    (n % (1 << 18)) as f32 / (1 << 18) as f32
}

proptest! {
    #[test]
    fn capture_keeps_order(
        sizes in prop::collection::vec(1_usize..=4096, 1..40),
        channels in 1_u16..=8,
        floats in any::<bool>(),
    ) {
        let (wake, waiter) = notifier();
        let (mut callback, mut samples, clock) = CaptureCallback::new(format(channels), 480, wake);
        let (mut written, mut read) = (0, 0);
        for frames in sizes {
            let count = frames * usize::from(channels);
            let data: Vec<f32> = (written..written + count).map(sample).collect();
            written += count;
            if floats {
                callback.run_f32(&data, Instant::now());
            } else {
                callback.run(&data, Instant::now(), |value| value);
            }
            prop_assert!(waiter.wait(Duration::ZERO), "every callback wakes the worker");
            let mut out = vec![0.0; samples.len()];
            samples.read(&mut out);
            for value in out {
                prop_assert_eq!(value, sample(read));
                read += 1;
            }
        }
        prop_assert_eq!(read, written);
        prop_assert_eq!(clock.frames(), (written / usize::from(channels)) as u64);
    }

    #[test]
    fn playout_keeps_order_and_fills_what_is_missing_with_silence(
        sizes in prop::collection::vec((1_usize..=4096, 0_usize..=4096), 1..40),
        channels in 1_u16..=8,
        floats in any::<bool>(),
    ) {
        let (wake, _waiter) = notifier();
        let (mut callback, mut samples, clock) = PlayoutCallback::new(format(channels), 480, wake);
        let channels = usize::from(channels);
        let (mut written, mut read, mut silent, mut asked) = (0, 0, 0, 0);
        for (take, give) in sizes {
            // Whole frames, as many as fit, as the contract asks of the worker. Zero is kept for silence.
            let give = (give * channels).min(samples.vacant());
            let data: Vec<f32> = (written..written + give).map(|n| sample(n) + 1.0).collect();
            written += give;
            prop_assert_eq!(samples.write(&data), give);
            let mut out = vec![f32::NAN; take * channels];
            asked += take as u64;
            if floats {
                callback.run_f32(&mut out, Instant::now());
            } else {
                callback.run(&mut out, Instant::now(), |value| value);
            }
            let there = (written - read).min(out.len());
            for value in &out[..there] {
                prop_assert_eq!(*value, sample(read) + 1.0);
                read += 1;
            }
            prop_assert!(out[there..].iter().all(|value| *value == 0.0));
            silent += (out.len() - there) as u64;
        }
        prop_assert_eq!(samples.counters().underruns(), silent);
        prop_assert_eq!(clock.frames(), asked);
    }

    #[test]
    fn a_stalled_worker_loses_whole_frames_only(sizes in prop::collection::vec(1_usize..=4096, 20..40), channels in 2_u16..=7) {
        let (wake, _waiter) = notifier();
        let (mut callback, mut samples, _clock) = CaptureCallback::new(format(channels), 480, wake);
        let count: usize = sizes.iter().map(|frames| {
            // Every sample is its channel's number.
            let data: Vec<f32> = (0..frames * usize::from(channels)).map(|n| (n % usize::from(channels)) as f32).collect();
            callback.run(&data, Instant::now(), |value| value);
            data.len()
        }).sum();
        let mut out = vec![0.0; samples.len()];
        samples.read(&mut out);
        prop_assert_eq!(out.len() as u64 + samples.counters().overruns(), count as u64, "kept and counted");
        for (n, value) in out.iter().enumerate() {
            prop_assert_eq!(*value, (n % usize::from(channels)) as f32, "sample {}", n);
        }
    }
}

#[test]
fn a_torn_frame_of_the_platform_never_swaps_channels() {
    let (wake, _waiter) = notifier();
    let (mut callback, mut samples, clock) = CaptureCallback::new(format(2), 480, wake);
    callback.run_f32(&[0.0, 1.0, 0.0], Instant::now());
    callback.run(&[0_i16, 1], Instant::now(), f32::from);
    let mut out = [0.0; 4];
    assert_eq!(samples.read(&mut out), 4);
    assert_eq!(out, [0.0, 1.0, 0.0, 1.0]);
    assert_eq!(clock.frames(), 2);
}
