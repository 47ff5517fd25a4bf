//! WAV with 16 bits a sample. The header says how long the file is, so it is written anew with every flush.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use super::RecordingError;
use super::file::{SoundFile, trouble};
use crate::voice::RATE;

/// A WAV file under way.
pub struct WavFile {
    path: PathBuf,
    file: hound::WavWriter<BufWriter<File>>,
}

impl WavFile {
    /// Makes the file.
    ///
    /// # Errors
    /// [`RecordingError::File`].
    pub fn create(path: &Path, channels: usize) -> Result<Self, RecordingError> {
        let spec = hound::WavSpec {
            channels: channels as u16,
            sample_rate: RATE,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let file = hound::WavWriter::create(path, spec).map_err(|error| failed(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }
}

fn failed(path: &Path, error: hound::Error) -> RecordingError {
    let error = match error {
        hound::Error::IoError(error) => error,
        // Such as: longer than four gigabytes, which is six hours.
        other => io::Error::other(other.to_string()),
    };
    trouble(path, &error)
}

impl SoundFile for WavFile {
    fn write(&mut self, channels: &[&[f32]]) -> Result<(), RecordingError> {
        let len = channels.iter().map(|channel| channel.len()).min().unwrap_or(0);
        for index in 0..len {
            for channel in channels {
                let sample = channel.get(index).copied().unwrap_or(0.0).clamp(-1.0, 1.0);
                self.file
                    .write_sample((sample * f32::from(i16::MAX)).round() as i16)
                    .map_err(|error| failed(&self.path, error))?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), RecordingError> {
        self.file.flush().map_err(|error| failed(&self.path, error))
    }

    fn finish(self: Box<Self>) -> Result<(), RecordingError> {
        let Self { path, file } = *self;
        file.finalize().map_err(|error| failed(&path, error))
    }
}
