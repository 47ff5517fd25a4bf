//! Proof of channel mixing and rate conversion on real speech and on tones.

use std::f64::consts::TAU;

use proptest::prelude::*;

use super::*;

fn tone(frequency: f64, rate: u32, frames: usize) -> Vec<f32> {
    (0..frames)
        .map(|n| (0.5 * (TAU * frequency * n as f64 / f64::from(rate)).sin()) as f32)
        .collect()
}

/// Streams `input` through a converter, in blocks as they come.
fn stream(resampler: &mut Resampler, input: &[f32]) -> Vec<f32> {
    let mut out = Vec::new();
    let mut block = vec![0.0; resampler.output_max()];
    let mut rest = input;
    loop {
        let (taken, given) = resampler.process(rest, &mut block);
        if taken == 0 {
            return out;
        }
        out.extend_from_slice(&block[..given]);
        rest = &rest[taken..];
    }
}

/// Signal-to-error ratio of `got` against `wanted`, in dB.
fn snr(wanted: &[f32], got: &[f32]) -> f64 {
    let signal: f64 = wanted.iter().map(|&w| f64::from(w).powi(2)).sum();
    let error: f64 = wanted
        .iter()
        .zip(got)
        .map(|(&w, &g)| f64::from(w - g).powi(2))
        .sum();
    10.0 * (signal / error.max(1e-30)).log10()
}

#[test]
fn a_tone_comes_out_the_same_and_late_by_what_is_documented() {
    for (from, to) in [
        (44_100, 48_000),
        (48_000, 44_100),
        (16_000, 48_000),
        (48_000, 48_000),
        (96_000, 48_000),
    ] {
        for block in [
            Block::Input(from as usize / 100),
            Block::Output(to as usize / 100),
        ] {
            let mut resampler = Resampler::new(from, to, block, Quality::LowDelay).unwrap();
            let got = stream(&mut resampler, &tone(1000.0, from, from as usize));
            let delay = resampler.delay_samples();
            // The same tone, computed at the output rate and moved by the delay.
            let wanted: Vec<f32> = (0..got.len())
                .map(|n| (0.5 * (TAU * 1000.0 * (n as f64 - delay) / f64::from(to)).sin()) as f32)
                .collect();
            let settled = 4 * delay.ceil() as usize;
            let snr = snr(&wanted[settled..], &got[settled..]);
            println!("{from} -> {to} {block:?}: delay {delay:.1} samples, {snr:.1} dB");
            assert!(snr > 60.0, "{from} -> {to} {block:?}: {snr:.1} dB");
        }
    }
}

#[test]
fn the_fixed_side_is_fixed() {
    let mut resampler = Resampler::new(44_100, 48_000, Block::Output(480), Quality::LowDelay).unwrap();
    let input = tone(300.0, 44_100, 44_100);
    let mut out = [0.0; 480];
    let mut position = 0;
    for _ in 0..90 {
        resampler.steer(1.0 + 0.0003);
        let (taken, given) = resampler.process(&input[position..], &mut out);
        assert_eq!(given, 480);
        position += taken;
    }
    // 90 blocks of 10 ms at 44.1 kHz are 39 690 frames; 300 ppm less is 39 678; then the filter's look-ahead.
    assert!((39_670..39_690).contains(&position), "{position}");
}

#[test]
fn steering_changes_the_rate_by_as_much_as_asked() {
    for ppm in [-300.0, 300.0] {
        let mut resampler = Resampler::new(48_000, 48_000, Block::Input(480), Quality::LowDelay).unwrap();
        resampler.steer(1.0 + ppm * 1e-6);
        let got = stream(&mut resampler, &vec![0.0; 48_000 * 100]).len() as f64;
        let measured = (got / 4_800_000.0 - 1.0) * 1e6;
        assert!(
            (measured - ppm).abs() < 10.0,
            "asked for {ppm} ppm, got {measured:.1}"
        );
    }
}

#[test]
fn absurd_ratios_are_refused_or_clamped() {
    assert_eq!(
        Resampler::new(0, 48_000, Block::Input(480), Quality::LowDelay).err(),
        Some(ResampleError::Rate(0))
    );
    let huge = Resampler::new(48_000, u32::MAX, Block::Input(480), Quality::LowDelay).err();
    assert_eq!(huge, Some(ResampleError::Rate(u32::MAX)));
    let empty = Resampler::new(48_000, 44_100, Block::Input(0), Quality::LowDelay).err();
    assert!(matches!(empty, Some(ResampleError::Misuse(_))), "{empty:?}");
    let mut resampler = Resampler::new(48_000, 44_100, Block::Input(480), Quality::LowDelay).unwrap();
    for ratio in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e9, 1.0] {
        resampler.steer(ratio);
        let mut out = vec![0.0; resampler.output_max()];
        let (taken, given) = resampler.process(&[0.0; 480], &mut out);
        assert_eq!(taken, 480, "{ratio}");
        assert!((430..=455).contains(&given), "{ratio}: {given}");
    }
}

#[test]
fn speech_survives_the_way_there_and_back() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../cli/speech/woman-en.flac");
    let bytes = std::fs::read(path).unwrap();
    let speech = crate::device::headless::SoundFile::decode(&bytes).unwrap();
    let there = resample_all(&speech.samples, 16_000, 48_000).unwrap();
    assert_eq!(there.len(), speech.samples.len() * 3);
    let back = resample_all(&there, 48_000, 16_000).unwrap();
    let snr = snr(&speech.samples, &back);
    println!("16 kHz -> 48 kHz -> 16 kHz: {snr:.1} dB");
    // The filter takes away the last few per cent below 8 kHz, and nothing else.
    assert!(snr > 30.0, "{snr}");
}

proptest! {
    #[test]
    fn a_voice_survives_any_channel_count(mono in prop::collection::vec(-1.0_f32..1.0, 0..200), channels in 1_u16..=64) {
        let mut frames = vec![f32::NAN; mono.len() * usize::from(channels)];
        prop_assert_eq!(from_mono(&mono, channels, &mut frames), mono.len());
        let mut back = vec![0.0; mono.len()];
        prop_assert_eq!(to_mono(&frames, channels, &mut back), mono.len());
        // Two of the channels carry it, so the mean of all is less by their share.
        let share = if channels < 3 { 1.0 } else { 2.0 / f32::from(channels) };
        for (sent, got) in mono.iter().zip(&back) {
            prop_assert!((sent * share - got).abs() < 1e-6);
        }
    }

    #[test]
    fn short_slices_are_never_overrun(frames in 0_usize..50, room in 0_usize..50, channels in 0_u16..9) {
        let interleaved = vec![0.5; frames * usize::from(channels)];
        let mut mono = vec![0.0; room];
        let expected = if channels == 0 { 0 } else { frames.min(room) };
        prop_assert_eq!(to_mono(&interleaved, channels, &mut mono), expected);
        let mut wide = vec![0.0; room];
        let fits = if channels == 0 { 0 } else { frames.min(room / usize::from(channels)) };
        prop_assert_eq!(from_mono(&vec![0.5; frames], channels, &mut wide), fits);
    }
}
