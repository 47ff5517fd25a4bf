//! The bundled recordings of real speech, and any other sound file, as mono samples of the engine's rate. Who speaks
//! and under which licence: `speech/ATTRIBUTION.md`.

use std::path::Path;

use sidetone::media::device::DeviceError;
use sidetone::media::device::headless::SoundFile;
use sidetone::media::voice::RATE;

/// A woman, in English.
pub const WOMAN: &[u8] = include_bytes!("../speech/woman-en.flac");
/// A man, in Italian.
pub const MAN: &[u8] = include_bytes!("../speech/man-it.flac");

/// Decodes one of the bundled recordings.
///
/// # Errors
/// [`DeviceError::File`] for bytes that are no sound.
pub fn bundled(bytes: &[u8]) -> Result<Vec<f32>, DeviceError> {
    let bad = |reason| DeviceError::File {
        path: "bundled speech".into(),
        reason,
    };
    mono(SoundFile::decode(bytes).map_err(bad)?)
}

/// Reads a WAV or FLAC file.
///
/// # Errors
/// [`DeviceError::File`] when it cannot be read or is no sound.
pub fn read(path: &Path) -> Result<Vec<f32>, DeviceError> {
    mono(SoundFile::read(path)?)
}

/// A sound file is one channel already, whatever it had.
fn mono(sound: SoundFile) -> Result<Vec<f32>, DeviceError> {
    Ok(sound.resampled(RATE)?.samples)
}
