//! Files that the benchmarks leave: figures for programs, sound for others to judge. Errors are in words.

use std::fs;
use std::path::Path;

use serde::Serialize;
use sidetone_media::voice::RATE;

/// Makes a folder, and those above it.
pub fn folder(path: &Path) -> Result<(), String> {
    fs::create_dir_all(path).map_err(|error| about(path, &error))
}

/// Writes figures as JSON.
pub fn json(path: &Path, figures: &impl Serialize) -> Result<(), String> {
    let json = serde_json::to_string_pretty(figures).map_err(|error| error.to_string())?;
    text(path, &json)
}

/// Writes text, in a folder that is made where it is missing.
pub fn text(path: &Path, content: &str) -> Result<(), String> {
    if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
        folder(above)?;
    }
    fs::write(path, content).map_err(|error| about(path, &error))
}

/// Where a file is, as people are told.
pub fn shown(path: &Path) -> String {
    fs::canonicalize(path)
        .as_deref()
        .unwrap_or(path)
        .display()
        .to_string()
}

/// Writes 16-bit WAV at the engine's rate: `name.wav` in the folder.
pub fn wav(folder: &Path, name: &str, samples: &[f32]) -> Result<(), String> {
    let path = folder.join(format!("{name}.wav"));
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let written = hound::WavWriter::create(&path, spec).and_then(|mut writer| {
        for sample in samples {
            writer.write_sample((sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16)?;
        }
        writer.finalize()
    });
    written.map_err(|error| about(&path, &error))
}

fn about(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}
