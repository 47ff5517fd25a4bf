//! What an app picks as its microphone and speaker, those that it brings itself included.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sidetone_media::device::headless::{self, AfterEnd};
use sidetone_media::device::{DeviceError, DeviceId, InputDevice, OutputDevice, Platform};
use sidetone_media::voice::{RATE, VOICE_FORMAT};
use sidetone_pipeline::SampleWriter;

use super::supervisor::Wish;

/// Makes a device. Called each time a call opens the microphone.
type InputFactory = Arc<dyn Fn() -> Result<Box<dyn InputDevice>, DeviceError> + Send + Sync>;
type OutputFactory = Arc<dyn Fn() -> Result<Box<dyn OutputDevice>, DeviceError> + Send + Sync>;

/// Where the sound that is sent comes from.
#[derive(Clone, Default)]
pub enum AudioInput {
    /// The microphone the system would pick.
    #[default]
    Default,
    /// A particular microphone.
    Device(DeviceId),
    /// A recording (WAV or FLAC), played as if spoken.
    File {
        /// Its path.
        path: PathBuf,
        /// Whether to begin again at the end.
        repeat: bool,
    },
    /// A sine of this many Hz.
    Tone(f64),
    /// Nothing.
    Silence,
    /// Whatever the app makes.
    Custom(InputFactory),
}

/// Where received sound goes.
#[derive(Clone, Default)]
pub enum AudioOutput {
    /// The speaker the system would pick.
    #[default]
    Default,
    /// A particular speaker.
    Device(DeviceId),
    /// Nowhere, at the pace of a real speaker.
    Null,
    /// Whatever the app makes.
    Custom(OutputFactory),
}

impl AudioInput {
    /// A microphone made by `factory` each time one is opened.
    pub fn custom(
        factory: impl Fn() -> Result<Box<dyn InputDevice>, DeviceError> + Send + Sync + 'static,
    ) -> Self {
        Self::Custom(Arc::new(factory))
    }

    /// A microphone fed by the app: samples written to the [`AudioFeed`] are sent, in the order written. Mono, 48 kHz.
    pub fn raw() -> (Self, AudioFeed) {
        let feed = AudioFeed::default();
        let slot = feed.writer.clone();
        let input = Self::custom(move || {
            // Half a second may wait: more is delay, less is holes when the app is late.
            let (device, writer) = headless::memory_input(VOICE_FORMAT, RATE as usize / 2)?;
            *lock(&slot) = Some(writer);
            Ok(Box::new(device) as Box<dyn InputDevice>)
        });
        (input, feed)
    }

    /// What the supervisor is to see to.
    pub(crate) fn wish(&self) -> Wish {
        match self {
            Self::Default => Wish::Default,
            Self::Device(id) => Wish::Device(id.clone()),
            _ => Wish::Own,
        }
    }

    pub(crate) fn make(&self, platform: &dyn Platform) -> Result<Box<dyn InputDevice>, DeviceError> {
        Ok(match self {
            Self::Default => platform.input(None)?,
            Self::Device(id) => platform.input(Some(id))?,
            Self::File { path, repeat } => {
                let after = if *repeat {
                    AfterEnd::Repeat
                } else {
                    AfterEnd::Silence
                };
                Box::new(headless::file_input(path, VOICE_FORMAT, after)?)
            }
            Self::Tone(frequency) => Box::new(headless::tone_input(VOICE_FORMAT, *frequency, 0.25)?),
            Self::Silence => Box::new(headless::Silence::input()),
            Self::Custom(factory) => factory()?,
        })
    }
}

impl AudioOutput {
    /// A speaker made by `factory` each time one is opened.
    pub fn custom(
        factory: impl Fn() -> Result<Box<dyn OutputDevice>, DeviceError> + Send + Sync + 'static,
    ) -> Self {
        Self::Custom(Arc::new(factory))
    }

    /// A speaker read by the app: what would be heard is taken from the [`AudioTap`]. Mono, 48 kHz.
    pub fn raw() -> (Self, AudioTap) {
        let tap = AudioTap::default();
        let slot = tap.recording.clone();
        let output = Self::custom(move || {
            let (device, recording) = headless::memory_output(VOICE_FORMAT, RATE as usize)?;
            *lock(&slot) = Some(recording);
            Ok(Box::new(device) as Box<dyn OutputDevice>)
        });
        (output, tap)
    }

    /// What the supervisor is to see to.
    pub(crate) fn wish(&self) -> Wish {
        match self {
            Self::Default => Wish::Default,
            Self::Device(id) => Wish::Device(id.clone()),
            _ => Wish::Own,
        }
    }

    pub(crate) fn make(&self, platform: &dyn Platform) -> Result<Box<dyn OutputDevice>, DeviceError> {
        Ok(match self {
            Self::Default => platform.output(None)?,
            Self::Device(id) => platform.output(Some(id))?,
            Self::Null => Box::new(headless::Silence::output()),
            Self::Custom(factory) => factory()?,
        })
    }
}

/// Feeds a microphone that the app brings. See [`AudioInput::raw`].
#[derive(Clone, Default)]
pub struct AudioFeed {
    writer: Arc<Mutex<Option<SampleWriter>>>,
}

impl AudioFeed {
    /// Queues samples (mono, 48 kHz, -1 to 1) and returns how many were taken: fewer when half a second waits already,
    /// none while no call has the microphone open.
    pub fn write(&self, samples: &[f32]) -> usize {
        lock(&self.writer).as_mut().map_or(0, |writer| {
            let fits = samples.len().min(writer.vacant());
            writer.write(&samples[..fits])
        })
    }

    /// Samples waiting to be sent.
    pub fn waiting(&self) -> usize {
        lock(&self.writer).as_ref().map_or(0, SampleWriter::len)
    }
}

/// Reads a speaker that the app brings. See [`AudioOutput::raw`].
#[derive(Clone, Default)]
pub struct AudioTap {
    recording: Arc<Mutex<Option<headless::Recording>>>,
}

impl AudioTap {
    /// Takes what was played (mono, 48 kHz) and returns how many samples that was. A second is kept; what
    /// is played while nobody reads for longer is lost.
    pub fn read(&self, out: &mut [f32]) -> usize {
        lock(&self.recording)
            .as_mut()
            .map_or(0, |recording| recording.read(out))
    }
}

/// No holder of these locks can leave half a value behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is picked now. A new value reaches running calls at once.
#[derive(Clone, Default)]
pub(crate) struct Selection {
    pub input: AudioInput,
    pub output: AudioOutput,
    /// Counts picks, so that drivers see which side changed.
    pub input_revision: u64,
    pub output_revision: u64,
}
