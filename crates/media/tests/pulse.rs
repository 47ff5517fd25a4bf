//! Real sound devices: null sinks of a PulseAudio server that the test starts, reached through cpal and ALSA as
//! a sound card would be.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(all(feature = "cpal", target_os = "linux"))]

#[path = "../../../tests/support/pulse.rs"]
mod pulse;

use std::path::Path;
use std::time::{Duration, Instant};

use pulse::on_pulse;
use realfft::RealFftPlanner;
use realfft::num_complex::Complex;
use sidetone_media::device::convert::{from_mono, to_mono};
use sidetone_media::device::headless::SoundFile;
use sidetone_media::device::{
    CAPTURE_SECTION, DeviceError, DeviceId, Direction, PLAYOUT_SECTION, StreamEvent, StreamEvents,
    StreamRequest, cpal,
};
use sidetone_pipeline::{guard, notifier};

const SPEECH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../cli/speech/woman-en.flac");
const RATE: usize = 48_000;

fn id(name: &str) -> DeviceId {
    DeviceId(format!("alsa:{name}"))
}

/// Position in `heard` where `said` fits best, and how well (1 is the same sound, louder or softer).
fn find(said: &[f32], heard: &[f32]) -> (usize, f64) {
    let size = (said.len() + heard.len()).next_power_of_two();
    let mut planner = RealFftPlanner::<f64>::new();
    let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
    let spectrum = |samples: &[f32]| {
        let mut padded: Vec<f64> = samples
            .iter()
            .map(|s| f64::from(*s))
            .chain(std::iter::repeat(0.0))
            .take(size)
            .collect();
        let mut spectrum = forward.make_output_vec();
        forward.process(&mut padded, &mut spectrum).unwrap();
        spectrum
    };
    let mut product: Vec<Complex<f64>> = spectrum(heard)
        .iter()
        .zip(spectrum(said))
        .map(|(heard, said)| heard * said.conj())
        .collect();
    let mut correlation = inverse.make_output_vec();
    inverse.process(&mut product, &mut correlation).unwrap();
    let lags = heard.len() - said.len();
    let best = (0..lags)
        .max_by(|a, b| correlation[*a].total_cmp(&correlation[*b]))
        .unwrap();
    let energy = |samples: &[f32]| samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
    let overlap = &heard[best..best + said.len()];
    (
        best,
        correlation[best] / size as f64 / (energy(said) * energy(overlap)).sqrt(),
    )
}

fn wait_for_loss(events: &mut StreamEvents) {
    let patience = Instant::now() + Duration::from_secs(30);
    while events.poll() != Some(StreamEvent::Lost) {
        assert!(Instant::now() < patience, "the loss of the device was never told");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn null_sinks_are_listed_under_stable_ids() {
    on_pulse(
        "null_sinks_are_listed_under_stable_ids",
        &["speaker", "spare"],
        |_| {
            let list = cpal::devices().unwrap();
            for (name, direction) in [
                ("speaker", Direction::Output),
                ("spare", Direction::Output),
                ("speaker_monitor", Direction::Input),
                ("spare_monitor", Direction::Input),
            ] {
                let found = list
                    .iter()
                    .find(|device| device.id == id(name) && device.direction == direction);
                let found = found.unwrap_or_else(|| panic!("{name} is not among {list:#?}"));
                assert_eq!(found.host, "alsa");
                assert!(!found.is_default && !found.name.is_empty(), "{found:?}");
                let (format, sample_type) = found.default_format.as_ref().expect("it tells its format");
                assert!(format.sample_rate > 0 && format.channels > 0 && !sample_type.is_empty());
            }
            assert!(
                list.iter()
                    .any(|device| device.is_default && device.direction == Direction::Input)
            );
            assert!(
                list.iter()
                    .any(|device| device.is_default && device.direction == Direction::Output)
            );
            assert!(list.iter().all(|device| device.id != id("null")));
            assert_eq!(list, cpal::devices().unwrap(), "the same ids again");
            assert_eq!(
                cpal::output(Some(&id("speaker"))).unwrap().info().id,
                id("speaker")
            );
            cpal::input(None).unwrap();
            cpal::output(None).unwrap();
        },
    );
}

#[test]
fn what_is_not_there_is_a_clear_error() {
    on_pulse("what_is_not_there_is_a_clear_error", &["speaker"], |_| {
        for bad in [
            "alsa:no_such_card",
            "",
            "x",
            "coreaudio:speaker",
            "alsa:",
            "alsa:\0",
        ] {
            let missing = DeviceId(bad.into());
            assert!(
                matches!(cpal::input(Some(&missing)), Err(DeviceError::NotFound(_))),
                "{bad:?}"
            );
            assert!(
                matches!(cpal::output(Some(&missing)), Err(DeviceError::NotFound(_))),
                "{bad:?}"
            );
        }
        // A speaker is no microphone: its name is known, but nothing can be recorded from it.
        let refused = cpal::input(Some(&id("speaker")))
            .unwrap()
            .open(StreamRequest::default(), notifier().0)
            .err();
        assert!(refused.is_some());
    });
}

#[test]
fn speech_played_to_a_null_sink_is_heard_on_its_monitor() {
    on_pulse(
        "speech_played_to_a_null_sink_is_heard_on_its_monitor",
        &["speaker"],
        |_| {
            let speech = SoundFile::read(Path::new(SPEECH))
                .unwrap()
                .resampled(RATE as u32)
                .unwrap()
                .samples;
            let speech = &speech[..6 * RATE];
            let (wake, waiter) = notifier();
            let mut mic = cpal::input(Some(&id("speaker_monitor"))).unwrap();
            let mut speaker = cpal::output(Some(&id("speaker"))).unwrap();
            let mut heard = mic.open(StreamRequest::default(), wake.clone()).unwrap();
            let mut played = speaker.open(StreamRequest::default(), wake).unwrap();
            println!(
                "microphone {:?} period {}, speaker {:?} period {}",
                heard.format, heard.period, played.format, played.period
            );
            assert_eq!(
                (heard.format.sample_rate, heard.format.channels),
                (48_000, 1),
                "no conversion where none is needed"
            );
            assert_eq!((played.format.sample_rate, played.format.channels), (48_000, 2));

            let channels = played.format.channels;
            let (mut position, mut recorded) = (0, Vec::new());
            let patience = Instant::now() + Duration::from_secs(60);
            while recorded.len() < speech.len() + 2 * RATE {
                assert!(
                    Instant::now() < patience,
                    "the devices stand still after {} frames",
                    recorded.len()
                );
                waiter.wait(Duration::from_millis(100));
                let room = played.samples.vacant() / usize::from(channels);
                // At most 100 ms ahead: a machine under load is no reason for a gap, and latency is not the point.
                let ahead = 4800_usize.saturating_sub(played.samples.len() / usize::from(channels));
                let count = room.min(ahead).min(speech.len() - position);
                let mut frames = vec![0.0; count * usize::from(channels)];
                from_mono(&speech[position..position + count], channels, &mut frames);
                assert_eq!(played.samples.write(&frames), frames.len());
                position += count;
                let mut frames = vec![0.0; heard.samples.len()];
                heard.samples.read(&mut frames);
                let mut mono = vec![0.0; frames.len()];
                let count = to_mono(&frames, heard.format.channels, &mut mono);
                recorded.extend_from_slice(&mono[..count]);
            }
            // Half-second pieces: a gap of the server's under load moves what follows, but breaks no piece but one.
            let pieces: Vec<(usize, f64)> = speech[RATE / 2..]
                .chunks_exact(RATE / 2)
                .map(|piece| find(piece, &recorded))
                .collect();
            let good = pieces
                .iter()
                .filter(|(_, correlation)| *correlation > 0.95)
                .count();
            println!(
                "correlation by half second: {:.3?}",
                pieces.iter().map(|(_, c)| *c).collect::<Vec<_>>()
            );
            println!(
                "latency: microphone {:?}, speaker {:?}",
                heard.hardware_latency.get(),
                played.hardware_latency.get()
            );
            println!(
                "xruns: microphone {}, speaker {}",
                heard.events.xruns(),
                played.events.xruns()
            );
            println!(
                "drift: microphone {:?}, speaker {:?}",
                heard.clock.estimate(Instant::now()),
                played.clock.estimate(Instant::now())
            );
            assert!(good * 4 >= pieces.len() * 3, "{pieces:?}");
            assert!(played.hardware_latency.get().is_some());
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
        },
    );
}

#[test]
fn a_server_that_dies_is_a_lost_device_and_no_panic() {
    on_pulse(
        "a_server_that_dies_is_a_lost_device_and_no_panic",
        &["speaker"],
        |server| {
            let (wake, waiter) = notifier();
            let mut mic = cpal::input(Some(&id("speaker_monitor"))).unwrap();
            let mut speaker = cpal::output(Some(&id("speaker"))).unwrap();
            let mut heard = mic.open(StreamRequest::default(), wake.clone()).unwrap();
            let mut played = speaker.open(StreamRequest::default(), wake).unwrap();
            let patience = Instant::now() + Duration::from_secs(30);
            while heard.clock.frames() == 0 || played.clock.frames() == 0 {
                assert!(Instant::now() < patience, "the devices never started");
                waiter.wait(Duration::from_millis(100));
            }
            server.kill_server();
            wait_for_loss(&mut heard.events);
            wait_for_loss(&mut played.events);
            drop((heard, played));
            let refused = mic.open(StreamRequest::default(), notifier().0).err();
            println!(
                "opening it again: {}",
                refused.as_ref().map(ToString::to_string).unwrap_or_default()
            );
            assert!(refused.is_some());
            assert!(speaker.open(StreamRequest::default(), notifier().0).is_err());
            // Whether a list can be had without a server is ALSA's business; that asking is harmless is ours.
            println!(
                "devices without a server: {:?}",
                cpal::devices().map(|list| list.len())
            );
        },
    );
}

#[test]
fn a_sink_that_is_pulled_out_is_lost_or_its_stream_goes_on_elsewhere() {
    on_pulse(
        "a_sink_that_is_pulled_out_is_lost_or_its_stream_goes_on_elsewhere",
        &["speaker"],
        |server| {
            let (wake, waiter) = notifier();
            let mut speaker = cpal::output(Some(&id("speaker"))).unwrap();
            let mut played = speaker.open(StreamRequest::default(), wake).unwrap();
            let patience = Instant::now() + Duration::from_secs(30);
            while played.clock.frames() == 0 {
                assert!(Instant::now() < patience, "the device never started");
                waiter.wait(Duration::from_millis(100));
            }
            // The only sink: there is nowhere to move the stream to.
            let modules = server.pactl(&["list", "short", "modules"]);
            let line = modules
                .lines()
                .find(|line| line.contains("module-null-sink"))
                .unwrap();
            server.pactl(&["unload-module", line.split_whitespace().next().unwrap()]);
            wait_for_loss(&mut played.events);
        },
    );
}
