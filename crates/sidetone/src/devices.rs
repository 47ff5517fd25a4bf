//! The microphones and speakers an app can pick, and those it brings itself.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sidetone_capture::{CaptureError, SourceInfo};
use sidetone_media::device::headless::{self, AfterEnd};
use sidetone_media::device::{DeviceError, DeviceId, DeviceInfo, Direction, InputDevice, OutputDevice};
use sidetone_media::voice::{RATE, VOICE_FORMAT};
use sidetone_pipeline::SampleWriter;
use tokio::sync::watch;

use crate::video::{cameras, screens};

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

    pub(crate) fn make(&self) -> Result<Box<dyn InputDevice>, DeviceError> {
        Ok(match self {
            Self::Default => system::input(None)?,
            Self::Device(id) => system::input(Some(id))?,
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

    pub(crate) fn make(&self) -> Result<Box<dyn OutputDevice>, DeviceError> {
        Ok(match self {
            Self::Default => system::output(None)?,
            Self::Device(id) => system::output(Some(id))?,
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

/// Lists and picks microphones and speakers. Cheap to clone.
#[derive(Clone)]
pub struct DeviceManager {
    selection: Arc<watch::Sender<Selection>>,
    lister: Arc<Mutex<Option<Lister>>>,
}

/// Lists the devices there are now.
type Lister = Arc<dyn Fn(Direction) -> Result<Vec<DeviceInfo>, DeviceError> + Send + Sync>;

impl Default for DeviceManager {
    fn default() -> Self {
        Self {
            selection: Arc::new(watch::Sender::new(Selection::default())),
            lister: Arc::default(),
        }
    }
}

impl DeviceManager {
    /// Every microphone there is now.
    ///
    /// # Errors
    /// [`DeviceError`] when the platform's audio system does not answer.
    pub fn microphones(&self) -> Result<Vec<DeviceInfo>, DeviceError> {
        self.list(Direction::Input)
    }

    /// Every speaker there is now.
    ///
    /// # Errors
    /// [`DeviceError`] when the platform's audio system does not answer.
    pub fn speakers(&self) -> Result<Vec<DeviceInfo>, DeviceError> {
        self.list(Direction::Output)
    }

    /// Every camera of this machine now. None where the build has none (feature `camera`).
    pub fn cameras(&self) -> Vec<SourceInfo> {
        cameras::list()
    }

    /// Every screen that can be shared now. Of a Wayland desktop (feature `wayland`): what the person is asked for, and what
    /// was picked last.
    ///
    /// # Errors
    /// [`CaptureError`] when the desktop does not answer.
    pub fn screens(&self) -> Result<Vec<SourceInfo>, CaptureError> {
        screens::list()
    }

    /// Every window that can be shared now.
    ///
    /// # Errors
    /// [`CaptureError`] when the desktop does not answer.
    pub fn windows(&self) -> Result<Vec<SourceInfo>, CaptureError> {
        screens::windows()
    }

    /// Lists devices by `lister` instead of the platform's audio system, for an app that brings its own.
    pub fn list_by(
        &self,
        lister: impl Fn(Direction) -> Result<Vec<DeviceInfo>, DeviceError> + Send + Sync + 'static,
    ) {
        *lock(&self.lister) = Some(Arc::new(lister));
    }

    fn list(&self, direction: Direction) -> Result<Vec<DeviceInfo>, DeviceError> {
        // Not while it lists, which takes as long as the audio system likes.
        let lister = lock(&self.lister).clone();
        lister.map_or_else(|| system::list(direction), |lister| lister(direction))
    }

    /// Picks the microphone for running and future calls. In a running call a failure comes as an event, and the
    /// microphone before stays.
    pub fn select_microphone(&self, input: AudioInput) {
        self.selection.send_modify(|selection| {
            selection.input = input;
            selection.input_revision += 1;
        });
    }

    /// Picks the speaker for running and future calls.
    pub fn select_speaker(&self, output: AudioOutput) {
        self.selection.send_modify(|selection| {
            selection.output = output;
            selection.output_revision += 1;
        });
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Selection> {
        self.selection.subscribe()
    }
}

mod system {
    use super::{DeviceError, DeviceInfo, Direction};
    #[cfg(not(feature = "cpal"))]
    use super::{DeviceId, InputDevice, OutputDevice};

    #[cfg(feature = "cpal")]
    pub use sidetone_media::device::cpal::{devices, input, output};

    pub fn list(direction: Direction) -> Result<Vec<DeviceInfo>, DeviceError> {
        Ok(devices()?
            .into_iter()
            .filter(|device| device.direction == direction)
            .collect())
    }

    #[cfg(not(feature = "cpal"))]
    pub fn devices() -> Result<Vec<DeviceInfo>, DeviceError> {
        Ok(Vec::new())
    }

    #[cfg(not(feature = "cpal"))]
    pub fn input(_: Option<&DeviceId>) -> Result<Box<dyn InputDevice>, DeviceError> {
        Err(DeviceError::NotFound(
            "this build has no sound cards (feature `cpal`)".into(),
        ))
    }

    #[cfg(not(feature = "cpal"))]
    pub fn output(_: Option<&DeviceId>) -> Result<Box<dyn OutputDevice>, DeviceError> {
        Err(DeviceError::NotFound(
            "this build has no sound cards (feature `cpal`)".into(),
        ))
    }
}
