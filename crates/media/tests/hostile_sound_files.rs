//! A file may be anything. Whatever it is, reading it ends in sound or in a clear error, soon, and without
//! taking memory on a header's word.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use proptest::prelude::*;
use sidetone_media::device::DeviceError;
use sidetone_media::device::headless::SoundFile;

const SPEECH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../cli/speech/man-it.flac");

/// A good WAV of `frames` frames.
fn wav(spec: hound::WavSpec, frames: usize) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
    for n in 0..frames * usize::from(spec.channels) {
        let phase = (n / usize::from(spec.channels)) as f32 / 100.0;
        match spec.sample_format {
            hound::SampleFormat::Float => writer.write_sample(phase.sin() * 0.5).unwrap(),
            hound::SampleFormat::Int => {
                let full = (1_i64 << (spec.bits_per_sample - 1)) as f32;
                writer.write_sample((phase.sin() * 0.5 * full) as i32).unwrap();
            }
        }
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

fn spec(channels: u16, bits_per_sample: u16, sample_format: hound::SampleFormat) -> hound::WavSpec {
    hound::WavSpec {
        channels,
        sample_rate: 8000,
        bits_per_sample,
        sample_format,
    }
}

fn pcm16() -> Vec<u8> {
    wav(spec(1, 16, hound::SampleFormat::Int), 800)
}

fn refused(bytes: &[u8]) -> String {
    SoundFile::decode(bytes).expect_err("no sound")
}

/// `bytes` with others at `offset`.
fn patched(mut bytes: Vec<u8>, offset: usize, patch: &[u8]) -> Vec<u8> {
    bytes[offset..offset + patch.len()].copy_from_slice(patch);
    bytes
}

#[test]
fn every_width_and_channel_count_reads_the_same() {
    use hound::SampleFormat::{Float, Int};
    for (bits, format) in [(8, Int), (16, Int), (24, Int), (32, Int), (32, Float)] {
        for channels in [1, 2, 6] {
            let sound = SoundFile::decode(&wav(spec(channels, bits, format), 800)).unwrap();
            assert_eq!(
                (sound.sample_rate, sound.channels, sound.samples.len()),
                (8000, channels, 800)
            );
            for (n, sample) in sound.samples.iter().enumerate() {
                let wanted = (n as f32 / 100.0).sin() * 0.5;
                assert!(
                    (sample - wanted).abs() < 1.0 / 120.0,
                    "{bits} bits, {channels} channels, {n}: {sample}"
                );
            }
        }
    }
}

#[test]
fn flac_reads_whole() {
    let sound = SoundFile::read(Path::new(SPEECH)).unwrap();
    assert_eq!((sound.sample_rate, sound.channels), (16_000, 1));
    let power = sound.samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / sound.samples.len() as f64;
    let level = 10.0 * power.log10();
    assert!((-35.0..-10.0).contains(&level), "speech level {level:.1} dB");
}

#[test]
fn each_defect_has_its_own_words() {
    assert!(refused(b"").contains("empty"));
    assert!(refused(b"RI").contains("neither WAV nor FLAC"));
    assert!(refused(b"This is a letter, not a sound.").contains("neither WAV nor FLAC"));
    assert!(refused(b"RIFF\x10\0\0\0AVI LIST").contains("damaged WAV"));
    assert!(refused(b"fLaC\0\0\0").contains("damaged FLAC"));
    // Offsets of a WAV as hound writes it: channels 22, rate 24, byte rate 28, block 32, bits 34, length 40.
    assert!(refused(&patched(pcm16(), 22, &[0, 0])).contains("zero channels"));
    let silent = wav(spec(1, 16, hound::SampleFormat::Int), 0);
    assert!(refused(&silent).contains("no samples"));
    let rate = patched(
        patched(pcm16(), 24, &1_u32.to_le_bytes()),
        28,
        &2_u32.to_le_bytes(),
    );
    assert!(refused(&rate).contains("1 Hz"));
    let rate = patched(
        patched(pcm16(), 24, &0x7000_0000_u32.to_le_bytes()),
        28,
        &0xE000_0000_u32.to_le_bytes(),
    );
    assert!(refused(&rate).contains("Hz"));
    let huge = patched(pcm16(), 40, &0xFFFF_FFFE_u32.to_le_bytes());
    assert!(refused(&huge).contains("samples in"), "{}", refused(&huge));
    let mut cut = pcm16();
    cut.truncate(cut.len() - 100);
    assert!(refused(&cut).contains("cut short"), "{}", refused(&cut));
    let mut infinite = wav(spec(1, 32, hound::SampleFormat::Float), 10);
    let end = infinite.len();
    infinite[end - 4..].copy_from_slice(&f32::INFINITY.to_le_bytes());
    assert!(
        refused(&infinite).contains("frame 9 is not a number"),
        "{}",
        refused(&infinite)
    );
    let flac = std::fs::read(SPEECH).unwrap();
    assert!(SoundFile::decode(&flac[..flac.len() / 2]).is_err());
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for path in [
        folder.path().join("missing.wav"),
        folder.path().to_owned(),
        "/dev/zero".into(),
    ] {
        match SoundFile::read(&path) {
            Err(DeviceError::File { path: named, reason }) => {
                assert_eq!(named, path.display().to_string());
                assert!(!reason.is_empty());
            }
            other => panic!("{path:?}: {other:?}"),
        }
    }
}

/// Bytes changed at random places.
fn mutated(original: Vec<u8>, header: usize) -> impl Strategy<Value = Vec<u8>> {
    let length = original.len();
    let changes = prop::collection::vec((0..header.min(length), any::<u8>()), 1..8);
    (changes, 0..length, any::<bool>()).prop_map(move |(changes, end, cut)| {
        let mut bytes = original.clone();
        changes
            .into_iter()
            .for_each(|(place, value)| bytes[place] = value);
        bytes.truncate(if cut { end } else { length });
        bytes
    })
}

fn sound_or_error(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(sound) = SoundFile::decode(bytes) {
        prop_assert!(!sound.samples.is_empty());
        prop_assert!(sound.samples.iter().all(|sample| sample.is_finite()));
        prop_assert!(sound.sample_rate >= 4000 && (1..=64).contains(&sound.channels));
        prop_assert!(sound.samples.len() <= 8 * bytes.len().max(1) * 65_536);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_wav_with_a_mutated_header(bytes in mutated(pcm16(), 64)) {
        sound_or_error(&bytes)?;
    }

    #[test]
    fn a_wide_wav_with_a_mutated_header(bytes in mutated(wav(spec(2, 24, hound::SampleFormat::Int), 300), 80)) {
        sound_or_error(&bytes)?;
    }

    #[test]
    fn a_flac_with_a_mutated_header(bytes in mutated(std::fs::read(SPEECH).unwrap()[..20_000].to_vec(), 8300)) {
        sound_or_error(&bytes)?;
    }

    #[test]
    fn anything_behind_a_good_beginning(
        magic in prop::sample::select(vec![&b"RIFF"[..], b"fLaC", b"RIFF\xff\xff\xff\xffWAVEfmt "]),
        tail in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        sound_or_error(&[magic, &tail].concat())?;
    }
}
