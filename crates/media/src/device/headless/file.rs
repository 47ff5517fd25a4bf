//! A microphone that hears a sound file.

use std::path::Path;
use std::sync::Arc;

use super::sound_file::SoundFile;
use super::{HeadlessInput, Source};
use crate::device::convert::from_mono;
use crate::device::{DeviceError, Direction, StreamFormat};

/// What a file does when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterEnd {
    /// From the start again, without a gap.
    Repeat,
    /// Silence, and one [`StreamEvent::Ended`](crate::device::StreamEvent::Ended).
    Silence,
}

/// A microphone that hears the WAV or FLAC file at `path`, mixed down to one voice and converted to `format`
/// beforehand, so that nothing but copying is left for the clock's thread.
///
/// # Errors
/// [`DeviceError::File`] for anything that is no sound (see [`SoundFile::read`]), [`DeviceError::Format`] for a
/// format no device has.
pub fn file_input(path: &Path, format: StreamFormat, after: AfterEnd) -> Result<HeadlessInput, DeviceError> {
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned();
    // Before the file is read: a format that no device has is no reason to convert an hour of sound.
    super::check(&super::info(&name, Direction::Input, format), format)?;
    let mono = SoundFile::read(path)?.resampled(format.sample_rate)?;
    let mut frames = vec![0.0; mono.samples.len() * usize::from(format.channels)];
    from_mono(&mono.samples, format.channels, &mut frames);
    HeadlessInput::new(&name, format, Clip::new(frames.into(), after))
}

struct Clip {
    samples: Arc<[f32]>,
    after: AfterEnd,
    position: usize,
}

impl Clip {
    fn new(samples: Arc<[f32]>, after: AfterEnd) -> Self {
        Self {
            samples,
            after,
            position: 0,
        }
    }
}

impl Source for Clip {
    fn fill(&mut self, out: &mut [f32]) -> bool {
        let mut filled = 0;
        while filled < out.len() {
            let rest = &self.samples[self.position..];
            let count = rest.len().min(out.len() - filled);
            out[filled..filled + count].copy_from_slice(&rest[..count]);
            filled += count;
            self.position += count;
            if self.position == self.samples.len() {
                if self.after == AfterEnd::Silence || self.samples.is_empty() {
                    out[filled..].fill(0.0);
                    return false;
                }
                self.position = 0;
            }
        }
        true
    }

    fn rewind(&mut self) {
        self.position = 0;
    }
}
