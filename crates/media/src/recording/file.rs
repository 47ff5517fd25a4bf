//! A file that sound is written to.

use std::io;
use std::path::Path;

use super::ogg_opus::OggOpusFile;
use super::wav::WavFile;
use super::{RecordingError, RecordingFormat, RecordingOptions};

/// A file under way. Dropping it leaves what was flushed.
pub trait SoundFile: Send {
    /// Writes as many samples of each channel.
    ///
    /// # Errors
    /// [`RecordingError`]: nothing more can be written then.
    fn write(&mut self, channels: &[&[f32]]) -> Result<(), RecordingError>;

    /// Makes what was written playable, whatever happens next.
    ///
    /// # Errors
    /// As [`SoundFile::write`].
    fn flush(&mut self) -> Result<(), RecordingError>;

    /// Completes the file.
    ///
    /// # Errors
    /// As [`SoundFile::write`].
    fn finish(self: Box<Self>) -> Result<(), RecordingError>;
}

/// Makes the file.
///
/// # Errors
/// [`RecordingError`].
pub fn create(options: &RecordingOptions) -> Result<Box<dyn SoundFile>, RecordingError> {
    let channels = options.content.tracks().len();
    Ok(match options.format {
        RecordingFormat::Wav => Box::new(WavFile::create(&options.path, channels)?),
        RecordingFormat::OggOpus(bitrate) => Box::new(OggOpusFile::create(&options.path, channels, bitrate)?),
    })
}

/// Trouble with a file.
pub fn trouble(path: &Path, error: &io::Error) -> RecordingError {
    RecordingError::File {
        path: path.display().to_string(),
        kind: error.kind(),
        reason: error.to_string(),
    }
}

impl From<sidetone_opus::Error> for RecordingError {
    fn from(error: sidetone_opus::Error) -> Self {
        Self::Codec(error.to_string())
    }
}
