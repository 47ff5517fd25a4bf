//! The real callbacks, on the real pacing thread, under the guard: no allocation, no lock, no wait.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::time::{Duration, Instant};

use sidetone_media::device::convert::{Block, Quality, Resampler};
use sidetone_media::device::headless::{AfterEnd, file_input, memory_output};
use sidetone_media::device::{
    CAPTURE_SECTION, InputDevice, OutputDevice, PLAYOUT_SECTION, StreamFormat, StreamRequest,
};
use sidetone_pipeline::{guard, notifier};

const SPEECH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../cli/speech/woman-en.flac");

#[test]
fn callbacks_neither_allocate_nor_lock_nor_wait() {
    let format = StreamFormat {
        sample_rate: 48_000,
        channels: 2,
    };
    let mut mic = file_input(Path::new(SPEECH), format, AfterEnd::Repeat).unwrap();
    let (mut speaker, mut recording) = memory_output(format, 48_000).unwrap();
    let request = StreamRequest {
        period: 120,
        ..StreamRequest::default()
    };
    let (wake, waiter) = notifier();
    let mut heard = mic.open(request, wake.clone()).unwrap();
    let mut played = speaker.open(request, wake).unwrap();
    let patience = Instant::now() + Duration::from_secs(20);
    // A worker that sometimes stalls, so that full and empty rings are proved too.
    let mut turns = 0;
    while heard.clock.frames() < 48_000 {
        assert!(Instant::now() < patience, "the device's clock stands still");
        waiter.wait(Duration::from_millis(100));
        turns += 1;
        if turns == 100 {
            std::thread::sleep(Duration::from_millis(400));
        }
        let mut block = vec![0.0; heard.samples.len()];
        heard.samples.read(&mut block);
        played.samples.write(&block);
    }
    assert!(!recording.take().is_empty());
    assert!(
        heard.samples.counters().overruns() > 0,
        "the stall filled the ring"
    );
    assert!(played.samples.counters().underruns() > 0, "and emptied the other");
    drop((heard, played));
    for name in [CAPTURE_SECTION, PLAYOUT_SECTION] {
        guard::assert_clean(name);
        let report = guard::report();
        let section = report.section(name).unwrap();
        println!(
            "{name}: {} entries, p50 {:?}, p99 {:?}, max {:?}",
            section.entries, section.p50, section.p99, section.max
        );
    }
}

#[test]
fn the_resampler_does_not_allocate_after_creation() {
    for block in [Block::Input(441), Block::Output(480)] {
        let mut resampler = Resampler::new(44_100, 48_000, block, Quality::LowDelay).unwrap();
        let input = vec![0.1; resampler.input_max()];
        let mut out = vec![0.0; resampler.output_max()];
        for n in 0..200 {
            let _section = guard::enter("resampler");
            resampler.steer(1.0 + f64::from(n - 100) * 1e-5);
            let (taken, given) = resampler.process(&input, &mut out);
            assert!(taken > 0 && given > 0);
        }
    }
    guard::assert_clean("resampler");
}
