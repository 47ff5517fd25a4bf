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
