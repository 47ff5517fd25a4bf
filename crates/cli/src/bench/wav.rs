//! Sound that the benchmark leaves for others to judge.

use std::path::Path;

use sidetone_media::voice::RATE;

/// Writes 16-bit WAV at the engine's rate.
///
/// # Errors
/// In words, when the file cannot be written.
pub fn write(folder: &Path, name: &str, samples: &[f32]) -> Result<(), String> {
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
    written.map_err(|error| format!("{}: {error}", path.display()))
}
