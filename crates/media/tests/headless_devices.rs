//! Headless devices on a manual clock (exact to the sample) and on the machine's clock.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::time::{Duration, Instant};

use sidetone_media::device::headless::{
    AfterEnd, HeadlessInput, HeadlessOutput, ManualClock, Pacing, Silence, SoundFile, Source, file_input,
    instant_of_monotonic_nanos, memory_input, memory_output, monotonic_nanos, tone_input, wav_output,
};
use sidetone_media::device::{
    DeviceError, Direction, InputDevice, OutputDevice, StreamEvent, StreamFormat, StreamRequest,
};
use sidetone_pipeline::{Waiter, notifier};

const VOICE: StreamFormat = StreamFormat {
    sample_rate: 48_000,
    channels: 1,
};
const SPEECH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../cli/speech/woman-en.flac");
const PERIOD: Duration = Duration::from_millis(10);

fn manual() -> ManualClock {
    ManualClock::new(Instant::now())
}

fn speech() -> Vec<f32> {
    SoundFile::read(Path::new(SPEECH))
        .unwrap()
        .resampled(48_000)
        .unwrap()
        .samples
}

/// What is right at the sample: the index it was asked for.
struct Counter(f32);

impl Source for Counter {
    fn fill(&mut self, out: &mut [f32]) -> bool {
        for slot in out {
            *slot = self.0;
            self.0 += 1.0;
        }
        true
    }

    fn rewind(&mut self) {
        self.0 = 0.0;
    }
}

fn wait_for(waiter: &Waiter, mut done: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < patience, "the device's clock stands still");
        waiter.wait(Duration::from_millis(100));
    }
}

#[test]
fn a_file_comes_out_exactly_and_each_sample_at_the_end_of_its_period() {
    let clock = manual();
    let mut mic = file_input(Path::new(SPEECH), VOICE, AfterEnd::Silence).unwrap();
    let timeline = mic.timeline();
    mic = mic.paced(Pacing::Manual(clock.clone()));
    assert_eq!(timeline.get(), None, "not before it is open");
    let mut stream = mic.open(StreamRequest::default(), notifier().0).unwrap();
    let timeline = timeline.get().unwrap();
    assert_eq!(timeline.epoch(), clock.now());

    let speech = speech();
    let mut heard = Vec::new();
    while heard.len() < speech.len() + 960 {
        clock.advance(PERIOD);
        let mut block = vec![0.0; stream.samples.len()];
        stream.samples.read(&mut block);
        assert_eq!(block.len(), 480);
        heard.extend(block);
        let (frames, at) = stream.clock.last_tick().unwrap();
        assert_eq!(frames, heard.len() as u64);
        assert_eq!(timeline.sample_at(at).round() as usize, heard.len());
        let ended = stream.events.poll();
        assert_eq!(
            ended.is_some(),
            heard.len() - 480 < speech.len() && heard.len() >= speech.len()
        );
        assert_ne!(ended, Some(StreamEvent::Lost));
    }
    assert!(
        heard[..speech.len()] == speech,
        "every sample as it is in the file"
    );
    assert!(heard[speech.len()..].iter().all(|sample| *sample == 0.0));
}

#[test]
fn a_file_repeats_without_a_gap() {
    let clock = manual();
    let mut mic = file_input(Path::new(SPEECH), VOICE, AfterEnd::Repeat)
        .unwrap()
        .paced(Pacing::Manual(clock.clone()));
    let mut stream = mic.open(StreamRequest::default(), notifier().0).unwrap();
    let speech = speech();
    for n in 0..3 * speech.len() / 480 {
        clock.advance(PERIOD);
        let mut block = [0.0; 480];
        assert_eq!(stream.samples.read(&mut block), 480);
        let wanted: Vec<f32> = (n * 480..(n + 1) * 480)
            .map(|n| speech[n % speech.len()])
            .collect();
        assert_eq!(block[..], wanted, "block {n}");
    }
    assert_eq!(stream.events.poll(), None);
}

#[test]
fn a_recording_starts_at_its_epoch_one_period_after_the_first_callback() {
    let clock = manual();
    let start = clock.now();
    let (speaker, mut recording) = memory_output(VOICE, 48_000).unwrap();
    let mut speaker = speaker.paced(Pacing::Manual(clock.clone()));
    let mut stream = speaker.open(StreamRequest::default(), notifier().0).unwrap();
    let block: Vec<f32> = (0..480).map(|n| n as f32).collect();
    stream.samples.write(&block);
    assert_eq!(recording.timeline().get().unwrap().epoch(), start + PERIOD);
    assert_eq!(clock.advance_to(start), 1, "the first callback comes at once");
    assert_eq!(recording.take(), block);
    assert_eq!(clock.advance(PERIOD), 1);
    assert!(recording.take().iter().all(|sample| *sample == 0.0));
    assert_eq!(stream.samples.counters().underruns(), 480);
    assert_eq!(stream.hardware_latency.get(), Some(PERIOD));
}

#[test]
fn two_devices_share_one_manual_clock_in_order_of_time() {
    let clock = manual();
    let mut mic = HeadlessInput::new("counter", VOICE, Counter(0.0))
        .unwrap()
        .paced(Pacing::Manual(clock.clone()));
    let (speaker, mut recording) = memory_output(VOICE, 480_000).unwrap();
    let mut speaker = speaker.paced(Pacing::Manual(clock.clone()));
    let mut heard = mic
        .open(
            StreamRequest {
                period: 441,
                ..StreamRequest::default()
            },
            notifier().0,
        )
        .unwrap();
    let mut played = speaker
        .open(
            StreamRequest {
                period: 120,
                ..StreamRequest::default()
            },
            notifier().0,
        )
        .unwrap();
    // A worker that copies: it runs after every single tick.
    for _ in 0..2000 {
        let next = clock.next_tick().unwrap();
        clock.advance_to(next);
        let mut block = vec![0.0; heard.samples.len()];
        heard.samples.read(&mut block);
        assert_eq!(played.samples.write(&block), block.len());
    }
    let (spoken, played_at) = (mic.timeline().get().unwrap(), recording.timeline().get().unwrap());
    let recorded = recording.take();
    let first = recorded.iter().position(|sample| *sample == 1.0).unwrap();
    let delay = played_at.at(first as i64).duration_since(spoken.at(1));
    // One period of 441 to hear it, at most one of 120 until the next callback, one of 120 in the speaker.
    let (least, most) = (
        Duration::from_micros(441 * 125 / 6 + 2500 - 25),
        Duration::from_micros(441 * 125 / 6 + 5000),
    );
    assert!((least..=most).contains(&delay), "{delay:?}");
}

#[test]
fn a_device_opens_again_from_the_start_but_not_twice() {
    let clock = manual();
    let mut mic = HeadlessInput::new("counter", VOICE, Counter(0.0))
        .unwrap()
        .paced(Pacing::Manual(clock.clone()));
    for _ in 0..3 {
        let mut stream = mic.open(StreamRequest::default(), notifier().0).unwrap();
        assert!(matches!(
            mic.open(StreamRequest::default(), notifier().0),
            Err(DeviceError::Unavailable { .. })
        ));
        clock.advance(PERIOD);
        let mut block = [0.0; 480];
        stream.samples.read(&mut block);
        assert_eq!((block[0], block[479]), (0.0, 479.0));
        drop(stream);
        assert_eq!(clock.advance(PERIOD), 0, "a closed device does not tick");
    }
}

#[test]
fn other_rates_and_channels_keep_the_period_in_time() {
    let format = StreamFormat {
        sample_rate: 44_100,
        channels: 2,
    };
    let clock = manual();
    let mut mic = tone_input(format, 1000.0, 0.5)
        .unwrap()
        .paced(Pacing::Manual(clock.clone()));
    let mut stream = mic.open(StreamRequest::default(), notifier().0).unwrap();
    assert_eq!((stream.format, stream.period), (format, 441));
    clock.advance(Duration::from_millis(100));
    assert_eq!(stream.samples.len(), 10 * 441 * 2);
    let mut frames = vec![0.0; 10 * 441 * 2];
    stream.samples.read(&mut frames);
    assert!(frames.chunks_exact(2).all(|frame| frame[0] == frame[1]));
    let power = frames.iter().map(|sample| sample * sample).sum::<f32>() / frames.len() as f32;
    assert!((power - 0.125).abs() < 1e-3, "{power}");
}

#[test]
fn the_app_is_a_microphone() {
    let clock = manual();
    let (mic, mut app) = memory_input(VOICE, 4800).unwrap();
    let mut mic = mic.paced(Pacing::Manual(clock.clone()));
    let mut stream = mic.open(StreamRequest::default(), notifier().0).unwrap();
    app.write(&[0.25; 480]);
    clock.advance(2 * PERIOD);
    let mut block = [1.0; 960];
    assert_eq!(stream.samples.read(&mut block), 960);
    assert_eq!((block[479], block[480]), (0.25, 0.0));
    assert_eq!(app.counters().underruns(), 480);
}

#[test]
fn a_wav_recording_is_what_was_played() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.wav");
    let clock = manual();
    let (speaker, file) = wav_output(&path, VOICE).unwrap();
    let mut speaker = speaker.paced(Pacing::Manual(clock.clone()));
    let mut stream = speaker.open(StreamRequest::default(), notifier().0).unwrap();
    let speech = speech();
    for block in speech.chunks_exact(480).take(100) {
        stream.samples.write(block);
        clock.advance_to(clock.next_tick().unwrap());
    }
    drop(stream);
    let written = file.finish().unwrap();
    let back = SoundFile::read(&path).unwrap();
    assert_eq!((written.frames, written.lost), (back.samples.len() as u64, 0));
    assert_eq!(written.frames, 100 * 480);
    assert!(
        back.samples == speech[..100 * 480],
        "every sample as it was played"
    );
}

#[test]
fn a_wav_that_cannot_be_created_is_a_clear_error() {
    let error = wav_output(Path::new("/nonexistent/folder/out.wav"), VOICE)
        .err()
        .unwrap();
    assert!(
        matches!(&error, DeviceError::File { path, .. } if path.ends_with("out.wav")),
        "{error}"
    );
}

#[test]
fn formats_no_device_has_are_refused() {
    for (sample_rate, channels) in [(0, 1), (48_000, 0), (48_000, 65), (u32::MAX, 2), (100, 1)] {
        let format = StreamFormat {
            sample_rate,
            channels,
        };
        assert!(HeadlessInput::new("x", format, Silence).is_err(), "{format:?}");
        assert!(HeadlessOutput::new("x", format, Silence).is_err(), "{format:?}");
        assert!(
            memory_input(format, 10).is_err() && memory_output(format, 10).is_err(),
            "{format:?}"
        );
        assert!(
            file_input(Path::new(SPEECH), format, AfterEnd::Silence).is_err(),
            "{format:?}"
        );
    }
    assert!(tone_input(VOICE, 24_000.0, 1.0).is_err());
    assert!(tone_input(VOICE, f64::NAN, 1.0).is_err());
}

#[test]
fn odd_requests_are_met_or_bounded() {
    let clock = manual();
    for (sample_rate, period, expected) in [
        (48_000, 0, 1),
        (0, 1, 48_000),
        (48_000, u32::MAX, 48_000),
        (48_000, 1, 1),
    ] {
        let mut mic = Silence::input().paced(Pacing::Manual(clock.clone()));
        let stream = mic
            .open(StreamRequest { sample_rate, period }, notifier().0)
            .unwrap();
        assert_eq!(stream.period, expected, "{period} at {sample_rate}");
    }
}

#[test]
fn every_device_says_what_it_is() {
    let info = Silence::output().info();
    assert_eq!(
        (info.host.as_str(), info.direction),
        ("headless", Direction::Output)
    );
    assert_ne!(info.id, Silence::input().info().id);
}

#[test]
fn real_clocks_tick_on_time_and_a_copied_voice_arrives_whole() {
    let (mic_pacing, speaker_pacing) = (Pacing::default(), Pacing::default());
    let mut mic = file_input(Path::new(SPEECH), VOICE, AfterEnd::Repeat)
        .unwrap()
        .paced(mic_pacing.clone());
    let (speaker, mut recording) = memory_output(VOICE, 480_000).unwrap();
    let mut speaker = speaker.paced(speaker_pacing.clone());
    let (wake, waiter) = notifier();
    let mut heard = mic.open(StreamRequest::default(), wake).unwrap();
    let mut played = speaker.open(StreamRequest::default(), notifier().0).unwrap();
    // A head start, so that a worker the machine wakes late makes no hole.
    played.samples.write(&[0.0; 9600]);
    wait_for(&waiter, || {
        let mut block = vec![0.0; heard.samples.len()];
        heard.samples.read(&mut block);
        played.samples.write(&block);
        heard.clock.frames() >= 96_000
    });
    let (spoken, played_at) = (mic.timeline().get().unwrap(), recording.timeline().get().unwrap());
    drop((heard, played));
    for (name, pacing) in [("microphone", mic_pacing), ("speaker", speaker_pacing)] {
        if let Pacing::Real { lateness, .. } = pacing {
            println!(
                "{name}: {} ticks, late by {:?} on average, {:?} at most",
                lateness.ticks(),
                lateness.mean(),
                lateness.max()
            );
            assert!(lateness.ticks() >= 199);
        }
    }
    let recorded = recording.take();
    let speech = speech();
    let first = recorded.iter().position(|sample| *sample != 0.0).unwrap();
    let origin = speech.iter().position(|sample| *sample != 0.0).unwrap();
    assert!(
        recorded[first..first + 4800] == speech[origin..origin + 4800],
        "nothing lost, nothing doubled"
    );
    println!(
        "mouth to ear of a copying worker: {:?}",
        played_at
            .at(first as i64)
            .duration_since(spoken.at(origin as i64))
    );
}

#[test]
fn a_common_epoch_puts_two_devices_on_one_clock() {
    let epoch = Instant::now() + Duration::from_millis(100);
    // As another process would hand it over.
    let handed = instant_of_monotonic_nanos(monotonic_nanos(epoch).unwrap()).unwrap();
    let mut mic = HeadlessInput::new("counter", VOICE, Counter(0.0))
        .unwrap()
        .paced(Pacing::starting_at(handed));
    let (speaker, recording) = memory_output(VOICE, 48_000).unwrap();
    let mut speaker = speaker.paced(Pacing::starting_at(handed));
    let (wake, waiter) = notifier();
    let heard = mic.open(StreamRequest::default(), wake).unwrap();
    let _played = speaker.open(StreamRequest::default(), notifier().0).unwrap();
    wait_for(&waiter, || heard.clock.frames() >= 4800);
    assert_eq!(mic.timeline().get(), recording.timeline().get());
    let (frames, at) = heard.clock.last_tick().unwrap();
    let due = mic.timeline().get().unwrap().at(frames as i64);
    assert!(at >= due, "no sample is heard before it is spoken");
}

#[test]
fn a_device_that_waits_for_a_distant_start_closes_at_once() {
    let mut mic = Silence::input().paced(Pacing::starting_at(Instant::now() + Duration::from_secs(3600)));
    let stream = mic.open(StreamRequest::default(), notifier().0).unwrap();
    let (done, closed) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        drop(stream);
        let _ = done.send(());
    });
    closed
        .recv_timeout(Duration::from_secs(20))
        .expect("closed long before the hour is over");
}

#[test]
fn a_late_clock_catches_up() {
    let epoch = Instant::now() - Duration::from_millis(200);
    let mut mic = HeadlessInput::new("counter", VOICE, Counter(0.0))
        .unwrap()
        .paced(Pacing::starting_at(epoch));
    let (wake, waiter) = notifier();
    let mut heard = mic.open(StreamRequest::default(), wake).unwrap();
    wait_for(&waiter, || heard.samples.len() >= 9600);
    let mut block = [0.0; 9600];
    heard.samples.read(&mut block);
    assert!(
        block.iter().enumerate().all(|(n, sample)| *sample == n as f32),
        "none left out"
    );
}
