//! Playing through a simulated path, block by block.
#![allow(dead_code)] // not every test needs all of it

use sidetone_acoustics::SampleRate;
use sidetone_acoustics::path::{Config, Fault, Path, Trouble};

pub const RATE: u32 = 48_000;

pub fn rate(hz: u32) -> SampleRate {
    SampleRate::new(hz).unwrap()
}

pub fn fault(at: u64, trouble: Trouble) -> Fault {
    Fault { at, trouble }
}

/// Plays `seconds` of `signal` through a path, and gives every block of 10 ms that was recorded to `hear`.
pub fn play(
    signal: impl Iterator<Item = f32>,
    rate: SampleRate,
    seconds: f64,
    config: &Config,
    seed: u64,
    mut hear: impl FnMut(&[f32]),
) {
    let mut path = Path::new(rate, config, seed).unwrap();
    let mut signal = signal.fuse();
    let mut played = vec![0.0; rate.hz() as usize / 100];
    let mut recorded = Vec::new();
    for _ in 0..(seconds * 100.0).round() as usize {
        sidetone_acoustics::signal::fill(&mut signal, &mut played);
        recorded.clear();
        path.process(&played, &mut recorded);
        hear(&recorded);
    }
}

/// All that was recorded.
pub fn record(
    signal: impl Iterator<Item = f32>,
    rate: SampleRate,
    seconds: f64,
    config: &Config,
    seed: u64,
) -> Vec<f32> {
    let mut all = Vec::new();
    play(signal, rate, seconds, config, seed, |block| {
        all.extend_from_slice(block)
    });
    all
}
