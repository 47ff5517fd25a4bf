//! Recognises who is talking: by the course of loudness, which coding and a little stretching leave as it is.

use std::path::Path;
use std::sync::OnceLock;

use sidetone::media::device::headless::SoundFile;

pub const WOMAN: &str = "woman-en.flac";
pub const MAN: &str = "man-it.flac";
pub const RECORDINGS: [&str; 2] = [WOMAN, MAN];

/// Loudness this many times a second.
const FRAMES: usize = 200;

pub fn path(recording: &str) -> String {
    format!("{}/../cli/speech/{recording}", env!("CARGO_MANIFEST_DIR"))
}

/// How alike the samples (48 kHz) are to the most similar passage of a recording: the correlation of their courses of
/// loudness, 1 at best.
pub fn likeness(heard: &[f32], recording: &str) -> f64 {
    let heard = course(heard, 48_000);
    let whole = recording_course(recording);
    whole
        .windows(heard.len())
        .map(|passage| correlation(&heard, passage))
        .fold(0.0, f64::max)
}

/// Longest silence, in seconds, in what was heard of a recording that is not the recording's own, neither as late as at the
/// beginning nor as late as at the end.
#[allow(dead_code)] // by calls that stay where they are
pub fn longest_silence(heard: &[f32], recording: &str) -> f64 {
    let heard = course(heard, 48_000);
    let whole = recording_course(recording);
    let place = |part: &[f64]| {
        let likeness = whole
            .windows(part.len())
            .map(|passage| correlation(part, passage));
        likeness
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map_or(0, |best| best.0)
    };
    let part = 3 * FRAMES / 2;
    let length = whole.len() - 5 * FRAMES;
    let first = place(&heard[..part]);
    let last = (place(&heard[heard.len() - part..]) + 2 * length - (heard.len() - part)) % length;
    let (mut run, mut longest) = (0, 0);
    for (n, heard) in heard.iter().enumerate() {
        let expected = whole[(first + n) % length].min(whole[(last + n) % length]);
        run = if expected > 0.1 && *heard < expected / 3.0 {
            run + 1
        } else {
            0
        };
        longest = longest.max(run);
    }
    f64::from(longest) / FRAMES as f64
}

/// Root mean square.
pub fn level(samples: &[f32]) -> f32 {
    let sum: f32 = samples.iter().map(|s| s * s).sum();
    (sum / samples.len().max(1) as f32).sqrt()
}

fn recording_course(recording: &str) -> &'static [f64] {
    static COURSES: [OnceLock<Vec<f64>>; 2] = [OnceLock::new(), OnceLock::new()];
    let which = RECORDINGS.iter().position(|r| *r == recording).unwrap();
    COURSES[which].get_or_init(|| {
        let file = SoundFile::read(Path::new(&path(recording))).unwrap();
        let mut course = course(&file.samples, file.sample_rate as usize);
        // It is read again and again: a passage may go over the end.
        course.extend_from_within(..5 * FRAMES);
        course
    })
}

fn course(samples: &[f32], rate: usize) -> Vec<f64> {
    samples
        .chunks_exact(rate / FRAMES)
        .map(|frame| f64::from(level(frame)).sqrt())
        .collect()
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a - mean_a, b - mean_b);
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    if aa * bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}
