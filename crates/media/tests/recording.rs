//! What was recorded is what was there, in files that others can play; and whoever leaves it neither allocates nor
//! waits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use sidetone_media::recording::{
    Recorder, RecordingContent, RecordingError, RecordingFile, RecordingFormat, RecordingOptions,
    RecordingState, Taps, Track, read_ogg_opus,
};
use sidetone_opus::Bitrate;
use sidetone_pipeline::guard;

const BLOCK: usize = 480;
const RATE: usize = 48_000;
const BLOCK_TIME: Duration = Duration::from_millis(10);
const OPUS: RecordingFormat = RecordingFormat::OggOpus(Bitrate(32_000));
const PATIENCE: Duration = Duration::from_secs(60);

/// A sine, quiet in every other half second.
fn tone(hertz: f64, seconds: usize) -> Vec<f32> {
    (0..seconds * RATE)
        .map(|n| {
            let loud = (n / (RATE / 2)).is_multiple_of(2);
            let sample = (n as f64 * hertz * std::f64::consts::TAU / RATE as f64).sin() * 0.3;
            if loud { sample as f32 } else { 0.0 }
        })
        .collect()
}

struct Session {
    recorder: Recorder,
    taps: Taps,
    now: Instant,
}

impl Session {
    fn start(options: RecordingOptions) -> Self {
        let (recorder, taps) = Recorder::start(options, SystemTime::UNIX_EPOCH, |_| {}).unwrap();
        Self {
            recorder,
            taps,
            now: Instant::now(),
        }
    }

    /// Leaves both sounds, faster than real time but no faster than they are taken.
    fn push(&mut self, ours: &[f32], theirs: &[f32]) {
        for (n, (ours, theirs)) in ours.chunks(BLOCK).zip(theirs.chunks(BLOCK)).enumerate() {
            self.now += BLOCK_TIME;
            self.taps.this_end.push(ours, self.now);
            self.taps.far_end.push(theirs, self.now);
            if n % 200 == 199 {
                std::thread::sleep(Duration::from_millis(120));
            }
        }
    }

    fn finish(self) -> RecordingFile {
        self.recorder.stop();
        wait(|| self.recorder.outcome()).unwrap()
    }
}

fn wait<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "stuck");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn wav(path: &Path) -> Vec<Vec<f32>> {
    let mut reader = hound::WavReader::open(path).unwrap();
    let spec = reader.spec();
    assert_eq!((spec.sample_rate, spec.bits_per_sample), (48_000, 16));
    let samples: Vec<f32> = reader
        .samples::<i16>()
        .map(|s| f32::from(s.unwrap()) / 32_767.0)
        .collect();
    let channels = usize::from(spec.channels);
    (0..channels)
        .map(|channel| samples.iter().skip(channel).step_by(channels).copied().collect())
        .collect()
}

/// Energy of every 20 ms.
fn levels(samples: &[f32]) -> Vec<f32> {
    samples
        .chunks_exact(960)
        .map(|chunk| (chunk.iter().map(|s| s * s).sum::<f32>() / 960.0).sqrt())
        .collect()
}

#[track_caller]
fn assert_same_levels(expected: &[f32], got: &[f32]) {
    let (expected, got) = (levels(expected), levels(got));
    assert!(
        expected.len().abs_diff(got.len()) <= 1,
        "{} and {}",
        expected.len(),
        got.len()
    );
    let different = expected
        .iter()
        .zip(&got)
        .filter(|(a, b)| (**a - **b).abs() > 0.06)
        .count();
    // Where a tone begins or ends a codec smears by a frame.
    assert!(different * 12 < got.len(), "{different} of {} frames", got.len());
}

#[test]
fn a_wav_holds_each_end_in_a_channel_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("call.wav");
    let mut session = Session::start(RecordingOptions {
        content: RecordingContent::Separate,
        ..RecordingOptions::new(&path)
    });
    let (ours, theirs) = (tone(440.0, 4), tone(1_000.0, 4));
    session.push(&ours, &theirs);
    let file = session.finish();
    assert_eq!(file.tracks, [Track::ThisEnd, Track::FarEnd]);
    assert_eq!(file.duration, Duration::from_secs(4));
    assert_eq!((file.lost, file.path.as_path()), (Duration::ZERO, &*path));
    let channels = wav(&path);
    for (expected, got) in [ours, theirs].iter().zip(&channels) {
        assert_eq!(expected.len(), got.len());
        let worst = expected
            .iter()
            .zip(got)
            .fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
        assert!(worst < 1e-4, "{worst}");
    }
}

#[test]
fn mixed_is_both_and_the_far_end_alone_is_only_it() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (tone(440.0, 3), tone(1_000.0, 3));
    for (content, expected) in [
        (
            RecordingContent::Mixed,
            ours.iter().zip(&theirs).map(|(a, b)| a + b).collect::<Vec<_>>(),
        ),
        (RecordingContent::FarEnd, theirs.clone()),
    ] {
        let path = folder.path().join("call.ogg");
        let mut session = Session::start(RecordingOptions {
            content,
            format: OPUS,
            path: path.clone(),
        });
        session.push(&ours, &theirs);
        assert_eq!(session.finish().duration, Duration::from_secs(3));
        let heard = read_ogg_opus(File::open(&path).unwrap(), usize::MAX).unwrap();
        assert_eq!(heard.len(), 3 * RATE, "to the sample: RFC 7845 section 4.4");
        assert_same_levels(&expected, &heard);
    }
}

#[test]
fn a_pause_is_not_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("call.wav");
    let mut session = Session::start(RecordingOptions {
        content: RecordingContent::FarEnd,
        ..RecordingOptions::new(&path)
    });
    let silence = vec![0.0; RATE];
    session.push(&silence, &vec![0.1; RATE]);
    session.recorder.pause();
    wait(|| (session.recorder.state() == RecordingState::Paused).then_some(()));
    session.push(&silence, &vec![0.9; RATE]);
    // Taken, and left out, before it goes on.
    std::thread::sleep(Duration::from_millis(300));
    session.recorder.resume();
    wait(|| (session.recorder.state() == RecordingState::Active).then_some(()));
    session.push(&silence, &vec![0.2; RATE]);
    assert_eq!(session.finish().duration, Duration::from_secs(2));
    let heard = wav(&path).remove(0);
    assert!(heard[..RATE].iter().all(|s| (s - 0.1).abs() < 1e-3));
    assert!(heard[RATE..].iter().all(|s| (s - 0.2).abs() < 1e-3));
}

#[test]
fn a_file_that_is_cut_off_plays_up_to_there() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["call.wav", "call.ogg"] {
        let path = folder.path().join(name);
        let mut session = Session::start(RecordingOptions {
            content: RecordingContent::FarEnd,
            ..RecordingOptions::new(&path)
        });
        let said = tone(800.0, 6);
        session.push(&vec![0.0; said.len()], &said);
        std::thread::sleep(Duration::from_millis(300));
        // As it is on the disk now, were the process killed: and of that, not even the last page is whole.
        let mut cut = std::fs::read(&path).unwrap();
        let least = if name.ends_with("ogg") {
            cut.truncate(cut.len() - 100);
            3
        } else {
            4
        };
        let copy = folder.path().join(format!("cut-{name}"));
        std::fs::write(&copy, cut).unwrap();
        let heard = if name.ends_with("ogg") {
            read_ogg_opus(File::open(&copy).unwrap(), usize::MAX).unwrap()
        } else {
            wav(&copy).remove(0)
        };
        assert!(heard.len() >= least * RATE, "{name}: {} samples", heard.len());
        assert_same_levels(&said[..least * RATE], &heard[..least * RATE]);
        session.finish();
    }
}

#[test]
fn it_ends_with_the_call_and_needs_nobody_to_hold_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("call.wav");
    let (sender, states) = std::sync::mpsc::channel();
    let (recorder, mut taps) =
        Recorder::start(RecordingOptions::new(&path), SystemTime::now(), move |state| {
            let _ = sender.send(state);
        })
        .unwrap();
    drop(recorder);
    let now = Instant::now();
    for n in 0..100 {
        taps.this_end.push(&[0.1; BLOCK], now + BLOCK_TIME * n);
        taps.far_end.push(&[0.1; BLOCK], now + BLOCK_TIME * n);
    }
    drop(taps);
    let state = states.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(state, RecordingState::Finished(_)), "{state:?}");
    assert_eq!(wav(&path)[0].len(), RATE);
}

#[test]
fn trouble_with_the_file_has_a_type_and_stops_nobody() {
    let nowhere = Recorder::start(
        RecordingOptions::new("/nonexistent/call.ogg"),
        SystemTime::now(),
        |_| {},
    );
    assert!(
        matches!(
            &nowhere,
            Err(RecordingError::File {
                kind: ErrorKind::NotFound,
                ..
            })
        ),
        "no such folder"
    );
    if !Path::new("/dev/full").exists() {
        println!("SKIPPED: no /dev/full to stand for a full disk");
        return;
    }
    for format in [RecordingFormat::Wav, OPUS] {
        let options = RecordingOptions {
            format,
            ..RecordingOptions::new("/dev/full")
        };
        let full = |error: &RecordingError| {
            matches!(
                error,
                RecordingError::File {
                    kind: ErrorKind::StorageFull,
                    ..
                }
            )
        };
        let (recorder, mut taps) = match Recorder::start(options, SystemTime::now(), |_| {}) {
            Ok(started) => started,
            Err(error) => {
                assert!(full(&error), "{error:?}");
                continue;
            }
        };
        let mut now = Instant::now();
        let failed = wait(|| {
            // Whoever leaves sound goes on as before.
            for _ in 0..100 {
                now += BLOCK_TIME;
                taps.this_end.push(&[0.3; BLOCK], now);
                taps.far_end.push(&[0.3; BLOCK], now);
            }
            recorder.outcome()
        });
        assert!(full(&failed.unwrap_err()));
        assert!(matches!(recorder.state(), RecordingState::Failed(_)));
        // The outcome is told a moment before the reading side is let go.
        wait(|| taps.far_end.is_closed().then_some(()));
        taps.far_end.push(&[0.3; BLOCK], now);
    }
}

#[test]
fn leaving_sound_neither_allocates_nor_locks_nor_waits() {
    const SECTION: &str = "recording tap";
    assert!(guard::available(), "the guard is built in");
    let folder = tempfile::tempdir().unwrap();
    let session = Session::start(RecordingOptions::new(folder.path().join("call.ogg")));
    let Session {
        recorder,
        mut taps,
        mut now,
    } = session;
    // More than the queue holds: falling behind is no exception.
    for round in 0..4_000 {
        now += BLOCK_TIME;
        let _section = guard::enter(SECTION);
        taps.this_end.push(&[0.1; BLOCK], now);
        if round % 2 == 0 {
            taps.far_end.push_silence(BLOCK, now);
        } else {
            taps.far_end.push(&[0.2; BLOCK / 4], now);
        }
    }
    guard::assert_clean(SECTION);
    recorder.stop();
    wait(|| recorder.outcome()).unwrap();
}

#[test]
fn a_foreign_decoder_reads_it() {
    if Command::new("opusdec").arg("--version").output().is_err() {
        println!("SKIPPED: opusdec is not installed (Debian: opus-tools)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (tone(440.0, 4), tone(1_000.0, 4));
    for content in [RecordingContent::Mixed, RecordingContent::Separate] {
        let path = folder.path().join("call.ogg");
        let mut session = Session::start(RecordingOptions {
            content,
            format: OPUS,
            path: path.clone(),
        });
        session.push(&ours, &theirs);
        session.finish();
        let out = folder.path().join("decoded.wav");
        let decoded = Command::new("opusdec").arg(&path).arg(&out).output().unwrap();
        assert!(decoded.status.success(), "{decoded:?}");
        let info = Command::new("opusinfo").arg(&path).output().unwrap();
        let info =
            String::from_utf8_lossy(&info.stdout).into_owned() + &String::from_utf8_lossy(&info.stderr);
        assert!(
            info.contains("Playback length: 0m:04.000s") && !info.to_lowercase().contains("warning"),
            "{info}"
        );
        let channels = wav(&out);
        match content {
            RecordingContent::Separate => {
                assert_same_levels(&ours, &channels[0]);
                assert_same_levels(&theirs, &channels[1]);
            }
            _ => {
                let mixed: Vec<f32> = ours.iter().zip(&theirs).map(|(a, b)| a + b).collect();
                assert_same_levels(&mixed, &channels[0]);
            }
        }
    }
}

#[test]
fn nothing_of_one_track_is_coded_into_the_other() {
    if Command::new("opusdec").arg("--version").output().is_err() {
        println!("SKIPPED: opusdec is not installed (Debian: opus-tools)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("call.ogg");
    let mut session = Session::start(RecordingOptions {
        content: RecordingContent::Separate,
        format: OPUS,
        path: path.clone(),
    });
    let theirs = tone(600.0, 3);
    session.push(&vec![0.0; theirs.len()], &theirs);
    session.finish();
    let out = folder.path().join("decoded.wav");
    let decoded = Command::new("opusdec")
        .arg("--no-dither")
        .arg(&path)
        .arg(&out)
        .output()
        .unwrap();
    assert!(decoded.status.success(), "{decoded:?}");
    let loudest = wav(&out)[0]
        .iter()
        .fold(0.0_f32, |loudest, s| loudest.max(s.abs()));
    assert!(loudest < 1e-3, "{loudest} of full scale leaks");
}

/// Whatever is in a file that somebody uploads, reading it ends with a sound or an error.
mod hostile {
    use std::io::Cursor;

    use proptest::prelude::*;
    use sidetone_media::recording::read_ogg_opus;

    fn greeting() -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("greeting.ogg");
        let mut session = super::Session::start(super::RecordingOptions::new(&path));
        let sound = super::tone(500.0, 1);
        session.push(&sound, &sound);
        session.finish();
        std::fs::read(path).unwrap()
    }

    #[test]
    fn broken_files_are_sound_or_errors() {
        let whole = greeting();
        assert!(read_ogg_opus(Cursor::new(&whole[..]), usize::MAX).is_ok());
        assert!(read_ogg_opus(Cursor::new(&whole[..]), 1_000).is_err(), "too long");
        assert!(read_ogg_opus(Cursor::new(&b""[..]), usize::MAX).is_err());
        let mut runner = proptest::test_runner::TestRunner::default();
        let places = prop::collection::vec((0..whole.len(), any::<u8>()), 0..6);
        runner
            .run(&(places, 0..=whole.len()), |(places, len)| {
                let mut broken = whole.clone();
                for (at, byte) in places {
                    broken[at] = byte;
                }
                broken.truncate(len);
                let _ = read_ogg_opus(Cursor::new(broken), usize::MAX);
                Ok(())
            })
            .unwrap();
    }
}
