//! Voice processing that is switched in mid-call, and who speaks into a muted microphone: recorded speech, a room with an
//! echo, a fan and a keyboard.

#![cfg(feature = "processing")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::path::Path;
use std::time::Instant;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sidetone_media::device::headless::SoundFile;
use sidetone_media::packet::VoicePacket;
use sidetone_media::voice::{BLOCK, Processing, Profile, Uplink};
use sidetone_pipeline::Pool;

const SECOND: usize = 48_000;

const ALL: Processing = Processing {
    echo_cancellation: true,
    noise_suppression: true,
    auto_gain_control: true,
};

/// A recording of `crates/cli/speech`, as often as it takes.
fn speech(name: &str, seconds: usize) -> Vec<f32> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../cli/speech")
        .join(name);
    let sound = SoundFile::read(&path).unwrap().resampled(48_000).unwrap();
    sound
        .samples
        .iter()
        .copied()
        .cycle()
        .take(seconds * SECOND)
        .collect()
}

fn woman(seconds: usize) -> Vec<f32> {
    speech("woman-en.flac", seconds)
}

fn man(seconds: usize) -> Vec<f32> {
    speech("man-it.flac", seconds)
}

/// What comes back of `far` from a small room, 6 dB lower.
fn echo(far: &[f32]) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let walls: Vec<(usize, f32)> = (0..24)
        .map(|n| {
            (
                1200 + n * 40,
                rng.random_range(-0.25..0.25) * 0.88_f32.powi(n as i32),
            )
        })
        .chain([(1150, 0.4)])
        .collect();
    (0..far.len())
        .map(|n| {
            let heard = walls
                .iter()
                .filter_map(|(late, gain)| Some(far[n.checked_sub(*late)?] * gain));
            heard.sum()
        })
        .collect()
}

/// Rushing air, 15 dB below a voice.
fn fan(seconds: usize) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut state = 0.0;
    (0..seconds * SECOND)
        .map(|_| {
            state += 0.063 * (rng.random_range(-1.0..1.0_f32) - state);
            state * 0.085
        })
        .collect()
}

/// Keys that ring for some 10 ms, 3 to 12 a second.
fn typing(seconds: usize) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut sound = vec![0.0; seconds * SECOND];
    let mut next = SECOND;
    while next < sound.len() {
        let strength = rng.random_range(0.024..0.08_f32);
        for (age, sample) in sound[next..].iter_mut().take(4800).enumerate() {
            *sample += rng.random_range(-1.0..1.0_f32) * strength * (-(age as f32) / 480.0).exp();
        }
        next += rng.random_range(SECOND / 12..SECOND / 3);
    }
    sound
}

/// A microphone of a good kind is not silent.
fn with_floor(sound: &[f32]) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    sound
        .iter()
        .map(|sample| sample + rng.random_range(-1.0..1.0_f32) * 1.7e-4)
        .collect()
}

struct Call {
    uplink: Uplink,
    sent: Vec<f32>,
}

impl Call {
    fn new(processing: Processing) -> Self {
        let now = Instant::now();
        let pool = Pool::new(8, || VoicePacket::empty(now));
        Self {
            uplink: Uplink::new(&Profile::BALANCED, processing, pool, 1).unwrap(),
            sent: Vec::new(),
        }
    }

    /// Until `end`, in samples from the beginning.
    fn until(&mut self, end: usize, far: Option<&[f32]>, mic: &[f32]) {
        let now = Instant::now();
        for from in (self.sent.len()..end).step_by(BLOCK) {
            let block = |sound: &[f32]| <[f32; BLOCK]>::try_from(&sound[from..from + BLOCK]).unwrap();
            self.uplink.render(&far.map_or([0.0; BLOCK], block));
            self.uplink.push(&block(mic), now);
            self.sent.extend_from_slice(self.uplink.sent());
        }
    }
}

fn energy(sound: &[f32]) -> f64 {
    sound.iter().map(|sample| f64::from(sample * sample)).sum()
}

/// How much later `sent` is than `mic` around there, in samples.
fn delay(mic: &[f32], sent: &[f32], from: usize) -> usize {
    let length = SECOND / 2;
    let alike = |late: usize| -> f32 {
        let pairs = mic[from..from + length].iter().zip(&sent[from + late..]);
        pairs.map(|(mic, sent)| mic * sent).sum()
    };
    (0..1500).max_by(|a, b| alike(*a).total_cmp(&alike(*b))).unwrap()
}

/// The steepest bend of a sound: a click has one that no voice has.
fn bend(sound: &[f32]) -> f32 {
    let bends = sound
        .windows(3)
        .map(|three| (three[0] - 2.0 * three[1] + three[2]).abs());
    bends.fold(0.0, f32::max)
}

/// When something is switched.
fn switches() -> [usize; 8] {
    [6, 8, 10, 12, 14, 16, 18, 20].map(|second| second * SECOND)
}

/// Each part off and on again, then everything.
fn steps() -> [Processing; 8] {
    let without = |echo: bool, noise: bool, gain: bool| Processing {
        echo_cancellation: !echo,
        noise_suppression: !noise,
        auto_gain_control: !gain,
    };
    [
        without(true, false, false),
        ALL,
        without(false, true, false),
        ALL,
        without(false, false, true),
        ALL,
        Processing::OFF,
        ALL,
    ]
}

#[test]
fn switching_in_mid_call_is_not_heard() {
    let mic = with_floor(&man(24));
    let mut steady = Call::new(ALL);
    steady.until(mic.len(), None, &mic);
    for begun in [ALL, Processing::OFF] {
        let mut call = Call::new(begun);
        for (at, processing) in switches().into_iter().zip(steps()) {
            call.until(at, None, &mic);
            call.uplink.set_processing(processing);
        }
        call.until(mic.len(), None, &mic);
        for at in switches() {
            let near = at - SECOND / 20..at + SECOND / 10;
            let (before, after) = (at - SECOND..near.start, near.end..at + SECOND);
            let speech = bend(&call.sent[before]).max(bend(&call.sent[after]));
            // The switch may meet the sharpest sound of all.
            let speech = speech.max(1.2 * bend(&steady.sent[near.clone()]));
            let switched = bend(&call.sent[near]);
            println!("{begun:?} at {at}: {switched:.5} of {speech:.5}");
            assert!(switched <= speech, "a click at {at}: {switched} of {speech}");
        }
    }
}

#[test]
fn switching_in_mid_call_neither_skips_nor_repeats() {
    let mic = with_floor(&man(24));
    let mut call = Call::new(ALL);
    for (at, processing) in switches().into_iter().zip(steps()) {
        call.until(at, None, &mic);
        call.uplink.set_processing(processing);
    }
    call.until(mic.len(), None, &mic);
    let late: Vec<usize> = switches()
        .into_iter()
        .flat_map(|at| [at - SECOND, at + SECOND / 2])
        .map(|at| delay(&mic, &call.sent, at))
        .collect();
    println!("{late:?}");
    // What is taken from a voice moves where it resembles itself most, by less than a millisecond.
    let (least, most) = (late.iter().min().unwrap(), late.iter().max().unwrap());
    assert!(most - least <= 48, "{late:?}");
    // With everything off it is what the microphone gave.
    let off = 18 * SECOND + SECOND / 2..20 * SECOND - SECOND / 2;
    let late = delay(&mic, &call.sent, off.start);
    for at in off {
        assert!((call.sent[at + late] - mic[at]).abs() < 1e-4, "at {at}");
    }
}

#[test]
fn processing_that_was_off_from_the_beginning_adds_its_delay_once() {
    let mic = with_floor(&man(24));
    let mut call = Call::new(Processing::OFF);
    call.until(6 * SECOND, None, &mic);
    assert_eq!(call.sent, mic[..6 * SECOND], "nothing is touched");
    call.uplink.set_processing(ALL);
    call.until(12 * SECOND, None, &mic);
    let late = delay(&mic, &call.sent, 8 * SECOND);
    println!("{late} samples");
    assert!((500..900).contains(&late), "{late} samples");
    // While it changes over, nothing is missing: the loudness stays.
    let around = 6 * SECOND - SECOND / 20..6 * SECOND + SECOND / 10;
    let ratio = energy(&call.sent[around.clone()]) / energy(&mic[around]);
    assert!((0.3..3.0).contains(&ratio), "{ratio}");
}

#[test]
fn echo_is_gone_two_seconds_after_switching_on() {
    let far = woman(40);
    let mic = with_floor(&echo(&far));
    // Gain control, left alone with the echo, would lift it.
    let with_echo = Processing {
        auto_gain_control: false,
        ..ALL
    };
    let without_echo = Processing {
        echo_cancellation: false,
        ..with_echo
    };
    for begun in [with_echo, Processing::OFF] {
        let mut call = Call::new(begun);
        call.until(10 * SECOND, Some(&far), &mic);
        for on in [12, 20, 28] {
            call.uplink.set_processing(without_echo);
            call.until(on * SECOND, Some(&far), &mic);
            let there = energy(&call.sent[(on - 1) * SECOND..on * SECOND]);
            assert!(
                there > 0.1 * energy(&mic[(on - 1) * SECOND..on * SECOND]),
                "nothing cancels"
            );
            call.uplink.set_processing(with_echo);
            call.until((on + 6) * SECOND, Some(&far), &mic);
            for second in on + 2..on + 5 {
                let part = second * SECOND..(second + 1) * SECOND;
                let gone = 10.0 * (energy(&mic[part.clone()]) / energy(&call.sent[part])).log10();
                println!("{begun:?} on at {on} s: {gone:.1} dB in second {second}");
                assert!(gone > 15.0, "{gone:.1} dB of echo are gone in second {second}");
            }
        }
    }
}

/// What is switched beside it does not make the canceller forget.
#[test]
fn the_canceller_keeps_what_it_learnt_when_another_part_is_switched() {
    let far = woman(20);
    let mic = with_floor(&echo(&far));
    let mut call = Call::new(ALL);
    call.until(10 * SECOND, Some(&far), &mic);
    call.uplink.set_processing(Processing {
        noise_suppression: false,
        ..ALL
    });
    call.until(20 * SECOND, Some(&far), &mic);
    for at in [10, 11, 12] {
        let part = at * SECOND..(at + 1) * SECOND;
        let gone = 10.0 * (energy(&mic[part.clone()]) / energy(&call.sent[part])).log10();
        println!("{gone:.1} dB");
        assert!(gone > 30.0, "{gone:.1} dB in second {at}");
    }
}

/// The largest share of five seconds that counts as speech into the muted microphone, some seconds aside for learning.
fn spoken(processing: Processing, far: Option<&[f32]>, mic: &[f32]) -> [f64; 2] {
    let mut call = Call::new(processing);
    call.uplink.set_muted(true);
    call.until(6 * SECOND, far, mic);
    let mut shares = Vec::new();
    while call.sent.len() + 5 * SECOND <= mic.len() {
        let (before, end) = (call.uplink.muted_voice(), call.sent.len() + 5 * SECOND);
        call.until(end, far, mic);
        shares.push((call.uplink.muted_voice() - before).as_secs_f64() / 5.0);
    }
    let least = shares.iter().copied().fold(1.0, f64::min);
    [least, shares.iter().copied().fold(0.0, f64::max)]
}

/// What the diagnostics call speaking: `SPEAKING` in `crates/sidetone/src/diagnostics/monitor.rs`.
const SPEAKING: f64 = 0.2;

#[test]
fn speaking_while_muted_is_told_from_echo_fan_and_keys() {
    let far = woman(32);
    let echo = with_floor(&echo(&far));
    let mixed: Vec<f32> = echo
        .iter()
        .zip(man(32))
        .map(|(echo, near)| echo + near * 0.5)
        .collect();
    let quiet: Vec<f32> = man(32).iter().map(|sample| sample * 0.1).collect();
    for (name, far, mic, speaks) in [
        ("a voice", None, with_floor(&man(32)), true),
        ("a quiet voice", None, with_floor(&quiet), true),
        ("a voice over the far end", Some(&far[..]), mixed, true),
        ("the far end", Some(&far[..]), echo, false),
        ("a fan", None, with_floor(&fan(32)), false),
        ("a keyboard", None, with_floor(&typing(32)), false),
        ("nothing", None, with_floor(&vec![0.0; 32 * SECOND]), false),
    ] {
        let [least, most] = spoken(ALL, far, &mic);
        println!(
            "{name}: {:.0} to {:.0} % of the time",
            least * 100.0,
            most * 100.0
        );
        if speaks {
            assert!(least >= SPEAKING, "{name} is heard {least} of the time");
        } else {
            assert!(
                most < SPEAKING / 2.0,
                "{name} is taken for a voice {most} of the time"
            );
        }
    }
    let keys = spoken(Processing::OFF, None, &with_floor(&typing(32)));
    assert!(keys[1] < SPEAKING / 2.0, "without processing {keys:?}");
}
