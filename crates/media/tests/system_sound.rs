//! What other programs play, from a real sound server: theirs is heard, ours is not, and what comes and goes is followed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![cfg(all(feature = "system-sound", feature = "cpal", target_os = "linux"))]

#[path = "../../../tests/support/pulse.rs"]
mod pulse;

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pulse::on_pulse;
use sidetone_media::device::{
    CAPTURE_SECTION, CaptureStream, DeviceError, DeviceId, PlayoutStream, StreamEvent, StreamRequest, cpal,
    system_sound,
};
use sidetone_pipeline::{guard, notifier};

const RATE: usize = 48_000;

/// What our own process plays, and two other programs. They do not fall on each other's harmonics.
const OURS: f64 = 700.0;
const THEIRS: f64 = 1100.0;
const ANOTHERS: f64 = 1700.0;

fn sine(hertz: f64, seconds: f64) -> Vec<f32> {
    (0..(seconds * RATE as f64) as usize)
        .map(|n| (0.25 * (std::f64::consts::TAU * hertz * n as f64 / RATE as f64).sin()) as f32)
        .collect()
}

/// Level of a sine of so many Hz in dB below full scale: of a twentieth of a second at a time, for its pitch may be off by
/// what clocks are.
fn level(hertz: f64, of: &[f32]) -> f64 {
    let parts = of.chunks_exact(RATE / 20);
    let count = parts.len().max(1) as f64;
    let amplitude = parts.map(|part| {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in part.iter().enumerate() {
            // A window, so that a loud neighbour does not leak.
            let window = 1.0 - (std::f64::consts::TAU * n as f64 / part.len() as f64).cos();
            let phase = std::f64::consts::TAU * hertz * n as f64 / RATE as f64;
            re += f64::from(*sample) * window * phase.cos();
            im += f64::from(*sample) * window * phase.sin();
        }
        2.0 * re.hypot(im) / part.len() as f64
    });
    20.0 * (amplitude.sum::<f64>() / count).max(1e-9).log10()
}

/// Another program that plays a sine until it is dropped.
struct Player(Child);

impl Player {
    fn start(hertz: f64, sink: &str) -> Self {
        let mut child = Command::new("pacat")
            .args([
                "-p",
                "-d",
                sink,
                "--format=float32le",
                "--rate=48000",
                "--channels=1",
            ])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let bytes: Vec<u8> = sine(hertz, 1.0).iter().flat_map(|s| s.to_le_bytes()).collect();
        // It ends when its reader does.
        std::thread::spawn(move || while input.write_all(&bytes).is_ok() {});
        Self(child)
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Our own loudspeaker, which plays a sine for as long as this is looked after.
struct Ourselves {
    stream: PlayoutStream,
    position: usize,
}

impl Ourselves {
    fn start(sink: &str) -> Self {
        let mut speaker = cpal::output(Some(&DeviceId(format!("alsa:{sink}")))).unwrap();
        let stream = speaker.open(StreamRequest::default(), notifier().0).unwrap();
        Self { stream, position: 0 }
    }

    fn play(&mut self) {
        let channels = usize::from(self.stream.format.channels);
        let ahead = 4800_usize.saturating_sub(self.stream.samples.len() / channels);
        let frames: Vec<f32> = (0..ahead)
            .flat_map(|n| {
                let at = (self.position + n) as f64 / RATE as f64;
                let sample = (0.25 * (std::f64::consts::TAU * OURS * at).sin()) as f32;
                std::iter::repeat_n(sample, channels)
            })
            .collect();
        self.position += ahead;
        self.stream.samples.write(&frames);
    }
}

/// Listens for a while, our own loudspeaker playing on.
fn hear(sound: &mut CaptureStream, ourselves: &mut Ourselves, seconds: f64) -> Vec<f32> {
    let mut heard = Vec::new();
    let patience = Instant::now() + Duration::from_secs(60);
    while heard.len() < (seconds * RATE as f64) as usize {
        assert!(
            Instant::now() < patience,
            "the sound stands still after {}",
            heard.len()
        );
        ourselves.play();
        std::thread::sleep(Duration::from_millis(10));
        let mut part = vec![0.0; sound.samples.len()];
        sound.samples.read(&mut part);
        heard.extend_from_slice(&part);
    }
    heard
}

/// Listens until a half second is as wanted.
fn hear_until(
    sound: &mut CaptureStream,
    ourselves: &mut Ourselves,
    what: &str,
    wanted: impl Fn(&[f32]) -> bool,
) -> Vec<f32> {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let heard = hear(sound, ourselves, 0.5);
        let levels = [OURS, THEIRS, ANOTHERS].map(|hertz| level(hertz, &heard));
        println!(
            "{what}: ours {:.1} dB, theirs {:.1}, another's {:.1}",
            levels[0], levels[1], levels[2]
        );
        if wanted(&heard) {
            return heard;
        }
        assert!(Instant::now() < patience, "{what}: it never came to that");
    }
}

#[test]
fn other_programs_are_heard_as_they_come_and_go_and_this_one_is_not() {
    on_pulse(
        "other_programs_are_heard_as_they_come_and_go_and_this_one_is_not",
        &["speaker", "spare"],
        |server| {
            let early = Player::start(THEIRS, "speaker");
            let mut ourselves = Ourselves::start("speaker");
            system_sound::probe().unwrap();
            let mut sound = system_sound::input()
                .unwrap()
                .open(StreamRequest::default(), notifier().0)
                .unwrap();
            let loud = |hertz: f64, heard: &[f32]| level(hertz, heard) > -13.5;
            let gone = |hertz: f64, heard: &[f32]| level(hertz, heard) < -80.0;
            hear_until(&mut sound, &mut ourselves, "one", |heard| loud(THEIRS, heard));
            let late = Player::start(ANOTHERS, "spare");
            hear_until(&mut sound, &mut ourselves, "two", |heard| {
                loud(THEIRS, heard) && loud(ANOTHERS, heard)
            });
            // The film goes to another loudspeaker.
            let inputs = server.pactl(&["list", "short", "sink-inputs"]);
            let moved = inputs.lines().last().unwrap().split_whitespace().next().unwrap();
            server.pactl(&["move-sink-input", moved, "speaker"]);
            hear_until(&mut sound, &mut ourselves, "moved", |heard| {
                loud(THEIRS, heard) && loud(ANOTHERS, heard)
            });
            let heard = hear(&mut sound, &mut ourselves, 3.0);
            // By half seconds: on a machine under load a player stumbles, and goes on.
            let mut levels = [OURS, THEIRS, ANOTHERS].map(|hertz| {
                let parts = heard.chunks_exact(RATE / 2).map(|part| level(hertz, part));
                let mut parts: Vec<f64> = parts.collect();
                parts.sort_by(f64::total_cmp);
                parts
            });
            println!("ours, theirs and another's in dB: {levels:.1?}");
            let [ours, theirs, anothers] = levels.each_mut().map(|parts| parts.split_off(3));
            assert!(
                theirs[0] > -13.5 && anothers[0] > -13.5,
                "each at its own level, -12 dB"
            );
            assert!(ours[2] < -80.0, "we hear ourselves");
            let played = ourselves.stream.clock.frames();
            assert!(played > RATE as u64, "our own loudspeaker played {played} frames");
            drop(early);
            hear_until(&mut sound, &mut ourselves, "one went", |heard| {
                gone(THEIRS, heard) && loud(ANOTHERS, heard)
            });
            drop(late);
            hear_until(&mut sound, &mut ourselves, "both went", |heard| {
                gone(THEIRS, heard) && gone(ANOTHERS, heard)
            });
            assert_eq!(sound.events.poll(), None);
            drop(sound);
            guard::assert_clean(CAPTURE_SECTION);
        },
    );
}

#[test]
fn a_server_that_dies_is_a_loss_and_no_server_a_clear_error() {
    on_pulse(
        "a_server_that_dies_is_a_loss_and_no_server_a_clear_error",
        &["speaker"],
        |server| {
            let mut input = system_sound::input().unwrap();
            let mut sound = input.open(StreamRequest::default(), notifier().0).unwrap();
            server.kill_server();
            let patience = Instant::now() + Duration::from_secs(30);
            while sound.events.poll() != Some(StreamEvent::Lost) {
                assert!(Instant::now() < patience, "the loss was never told");
                std::thread::sleep(Duration::from_millis(10));
            }
            drop(sound);
            let refused = input.open(StreamRequest::default(), notifier().0).err();
            println!("without a server: {refused:?}");
            assert!(matches!(
                refused,
                Some(DeviceError::NotFound(_) | DeviceError::Unavailable { .. })
            ));
            assert!(matches!(
                system_sound::probe(),
                Err(DeviceError::NotFound(_) | DeviceError::Unavailable { .. })
            ));
        },
    );
}
