//! What `--input`, `--output` and `--share-sound` can name, and the devices made of it.
//!
//! Everything that can be wrong with a choice is found out before a call is placed: recordings are read, devices looked
//! up and files created at the start. A recording begins to play when the call is connected, so that no word of it is
//! said to a telephone that still rings.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sidetone::{AudioInput, AudioOutput, SharedSound};
use sidetone_media::device::headless::{HeadlessInput, HeadlessOutput, Source, WavRecording, wav_output};
use sidetone_media::device::{DeviceError, DeviceId, InputDevice, OutputDevice, cpal, system_sound};
use sidetone_media::voice::VOICE_FORMAT;

use crate::speech;

/// The tone that `tone` means, in Hz.
const TONE: f64 = 440.0;
/// Tones outside are not heard, or not carried by a 48 kHz device.
const TONES: std::ops::RangeInclusive<f64> = 20.0..=20_000.0;

/// What to use as a microphone.
#[derive(Clone, Debug, PartialEq)]
pub enum InputChoice {
    /// The system's.
    Default,
    /// Nothing.
    Silence,
    /// A sine of so many Hz.
    Tone(f64),
    /// The bundled recording, again and again.
    Speech,
    /// A recording, once.
    File(PathBuf),
    /// A particular one.
    Device(DeviceId),
}

impl FromStr for InputChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "" => return Err("expected a device or a file".into()),
            "default" => Self::Default,
            "silence" => Self::Silence,
            "tone" => Self::Tone(TONE),
            "speech" => Self::Speech,
            _ => match text.split_once(':') {
                Some(("tone", hertz)) => Self::Tone(frequency(hertz)?),
                Some(("device", id)) => Self::Device(device(id)?),
                _ => Self::File(text.into()),
            },
        })
    }
}

/// What to send with a share.
#[derive(Clone, Debug, PartialEq)]
pub enum SoundChoice {
    /// All other programs.
    System,
    /// What can be a microphone too.
    Input(InputChoice),
}

impl FromStr for SoundChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "system" => Ok(Self::System),
            _ => text.parse().map(Self::Input),
        }
    }
}

/// Prepares the sound of a share. A recording begins to play when it is shared.
///
/// # Errors
/// [`DeviceError`] when it is not to be had, or a recording cannot be read.
pub fn shared_sound(choice: &SoundChoice) -> Result<SharedSound, DeviceError> {
    Ok(match choice {
        SoundChoice::System => system_sound::probe().map(|()| SharedSound::System)?,
        SoundChoice::Input(choice) => SharedSound::Input(input(choice, None)?),
    })
}

/// What to use as a speaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputChoice {
    /// The system's.
    Default,
    /// None: heard by nobody.
    Null,
    /// A WAV file.
    File(PathBuf),
    /// A particular one.
    Device(DeviceId),
}

impl FromStr for OutputChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "default" => Self::Default,
            "null" => Self::Null,
            _ => match text.split_once(':') {
                Some(("device", id)) => Self::Device(device(id)?),
                _ if Path::new(text)
                    .extension()
                    .is_some_and(|e| e.eq_ignore_ascii_case("wav")) =>
                {
                    Self::File(text.into())
                }
                _ => return Err("expected default, null, device:ID or a file that ends in .wav".into()),
            },
        })
    }
}

fn frequency(text: &str) -> Result<f64, String> {
    let hertz: f64 = text
        .trim_end_matches("Hz")
        .trim()
        .parse()
        .map_err(|_| format!("`{text}` is no frequency"))?;
    if TONES.contains(&hertz) {
        Ok(hertz)
    } else {
        Err("a tone has 20 to 20000 Hz".into())
    }
}

fn device(id: &str) -> Result<DeviceId, String> {
    if id.is_empty() {
        Err("device: without an id; see `sidetone devices list`".into())
    } else {
        Ok(DeviceId(id.into()))
    }
}

/// The microphone of an end.
pub struct Microphone {
    /// For the device manager.
    pub input: AudioInput,
    gate: Gate,
}

/// Whether recordings play.
type Gate = Arc<AtomicBool>;

impl Microphone {
    /// Prepares what was chosen.
    ///
    /// # Errors
    /// [`DeviceError`] when a recording cannot be read or there is no such device.
    pub fn new(choice: &InputChoice) -> Result<Self, DeviceError> {
        let gate = Gate::default();
        let input = input(choice, Some(&gate))?;
        Ok(Self { input, gate })
    }

    /// Lets a recording play: the other end hears from now on.
    pub fn begin(&self) {
        self.gate.store(true, Ordering::Release);
    }
}

/// Prepares what was chosen. A recording waits for its gate, if it has one.
fn input(choice: &InputChoice, gate: Option<&Gate>) -> Result<AudioInput, DeviceError> {
    Ok(match choice {
        InputChoice::Default => cpal::input(None).map(|_| AudioInput::Default)?,
        InputChoice::Device(id) => cpal::input(Some(id)).map(|_| AudioInput::Device(id.clone()))?,
        InputChoice::Silence => AudioInput::Silence,
        InputChoice::Tone(hertz) => AudioInput::Tone(*hertz),
        InputChoice::Speech => recording("speech", bundled()?, true, gate),
        InputChoice::File(path) => {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
            recording(&name, speech::read(path)?, false, gate)
        }
    })
}

/// The bundled recordings one after the other: half a minute of a woman and a man.
fn bundled() -> Result<Vec<f32>, DeviceError> {
    Ok([speech::bundled(speech::WOMAN)?, speech::bundled(speech::MAN)?].concat())
}

fn recording(name: &str, samples: Vec<f32>, repeat: bool, gate: Option<&Gate>) -> AudioInput {
    let waits = gate.is_some();
    let gate = gate.cloned().unwrap_or_default();
    let (name, samples) = (name.to_owned(), Arc::<[f32]>::from(samples));
    AudioInput::custom(move || {
        // Each call hears it from the start.
        gate.store(!waits, Ordering::Release);
        let source = Recording {
            samples: samples.clone(),
            repeat,
            gate: gate.clone(),
            position: 0,
        };
        Ok(Box::new(HeadlessInput::new(&name, VOICE_FORMAT, source)?) as Box<dyn InputDevice>)
    })
}

/// A recording that waits for its gate.
struct Recording {
    samples: Arc<[f32]>,
    repeat: bool,
    gate: Gate,
    position: usize,
}

impl Source for Recording {
    fn fill(&mut self, out: &mut [f32]) -> bool {
        out.fill(0.0);
        if self.samples.is_empty() || !self.gate.load(Ordering::Acquire) {
            return true;
        }
        let mut rest = out;
        while !rest.is_empty() {
            if self.position == self.samples.len() {
                if !self.repeat {
                    return false;
                }
                self.position = 0;
            }
            let from = &self.samples[self.position..];
            let count = from.len().min(rest.len());
            let (now, later) = rest.split_at_mut(count);
            now.copy_from_slice(&from[..count]);
            self.position += count;
            rest = later;
        }
        true
    }
}

/// The speaker of an end.
pub struct Speaker {
    /// For the device manager.
    pub output: AudioOutput,
    file: Option<Arc<Mutex<File>>>,
}

impl Speaker {
    /// Prepares what was chosen; a file is created at once.
    ///
    /// # Errors
    /// [`DeviceError`] when the file cannot be created or there is no such device.
    pub fn new(choice: &OutputChoice) -> Result<Self, DeviceError> {
        Ok(match choice {
            OutputChoice::Default => cpal::output(None).map(|_| AudioOutput::Default)?.into(),
            OutputChoice::Device(id) => cpal::output(Some(id))
                .map(|_| AudioOutput::Device(id.clone()))?
                .into(),
            OutputChoice::Null => AudioOutput::Null.into(),
            OutputChoice::File(path) => {
                let file = Arc::new(Mutex::new(File::create(path)?));
                let output = AudioOutput::custom({
                    let file = file.clone();
                    move || Ok(Box::new(lock(&file).open()?) as Box<dyn OutputDevice>)
                });
                Self {
                    output,
                    file: Some(file),
                }
            }
        })
    }

    /// Completes the file. To be called after the last call's devices are closed.
    ///
    /// # Errors
    /// [`DeviceError::File`] when it could not be written.
    pub fn finish(self) -> Result<(), DeviceError> {
        self.file.map_or(Ok(()), |file| lock(&file).finish())
    }
}

impl From<AudioOutput> for Speaker {
    fn from(output: AudioOutput) -> Self {
        Self { output, file: None }
    }
}

/// A file for each call: `heard.wav`, `heard-2.wav`, …
struct File {
    path: PathBuf,
    calls: u32,
    /// Made ahead, so that a path that cannot be written is known before a call is.
    next: Option<(HeadlessOutput, WavRecording)>,
    current: Option<WavRecording>,
}

impl File {
    fn create(path: &Path) -> Result<Self, DeviceError> {
        let next = Some(wav_output(path, VOICE_FORMAT)?);
        Ok(Self {
            path: path.into(),
            calls: 0,
            next,
            current: None,
        })
    }

    fn open(&mut self) -> Result<HeadlessOutput, DeviceError> {
        self.calls += 1;
        let (device, recording) = match self.next.take() {
            Some(made) => made,
            None => wav_output(&numbered(&self.path, self.calls), VOICE_FORMAT)?,
        };
        match self.current.replace(recording) {
            Some(before) => before.finish().map(|_| device),
            None => Ok(device),
        }
    }

    fn finish(&mut self) -> Result<(), DeviceError> {
        let made = self.next.take().map(|(_, recording)| recording);
        [self.current.take(), made]
            .into_iter()
            .flatten()
            .try_for_each(|recording| recording.finish().map(drop))
    }
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-{number}.wav"))
}

/// No holder of this lock leaves half a value behind.
fn lock(file: &Mutex<File>) -> MutexGuard<'_, File> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_what_they_say() {
        let input = |text: &str| text.parse::<InputChoice>();
        assert_eq!(input("tone"), Ok(InputChoice::Tone(440.0)));
        assert_eq!(input("tone:1000"), Ok(InputChoice::Tone(1000.0)));
        assert_eq!(input("speech"), Ok(InputChoice::Speech));
        assert_eq!(input("a/b.wav"), Ok(InputChoice::File("a/b.wav".into())));
        assert_eq!(
            input("device:alsa:hw:0"),
            Ok(InputChoice::Device(DeviceId("alsa:hw:0".into())))
        );
        for bad in ["", "tone:", "tone:x", "tone:5", "tone:inf", "tone:NaN", "device:"] {
            assert!(input(bad).is_err(), "{bad:?}");
        }
        let sound = |text: &str| text.parse::<SoundChoice>();
        assert_eq!(sound("system"), Ok(SoundChoice::System));
        assert_eq!(sound("tone"), Ok(SoundChoice::Input(InputChoice::Tone(440.0))));
        assert!(sound("").is_err() && sound("tone:5").is_err());
        let output = |text: &str| text.parse::<OutputChoice>();
        assert_eq!(output("x.WAV"), Ok(OutputChoice::File("x.WAV".into())));
        for bad in ["", "nul", "x.flac", ".wav", "device:"] {
            assert!(output(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_recording_waits_for_its_gate_and_plays_once() {
        let gate = Gate::default();
        let samples: Arc<[f32]> = (1..=5).map(|s| s as f32).collect();
        let mut source = Recording {
            samples,
            repeat: false,
            gate: gate.clone(),
            position: 0,
        };
        let mut out = [9.0; 4];
        assert!(source.fill(&mut out));
        assert_eq!(out, [0.0; 4], "the call is not connected yet");
        gate.store(true, Ordering::Release);
        assert!(source.fill(&mut out));
        assert_eq!(out, [1.0, 2.0, 3.0, 4.0]);
        assert!(!source.fill(&mut out), "it is over");
        assert_eq!(out, [5.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn the_bundled_speech_is_at_least_half_a_minute() {
        assert!(bundled().unwrap().len() >= 30 * 48_000);
    }

    #[test]
    fn each_call_has_its_own_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heard.wav");
        let mut file = File::create(&path).unwrap();
        drop(file.open().unwrap());
        drop(file.open().unwrap());
        file.finish().unwrap();
        assert!(path.exists() && folder.path().join("heard-2.wav").exists());
        assert!(File::create(&folder.path().join("missing/heard.wav")).is_err());
    }

    #[test]
    fn a_file_that_is_no_sound_is_refused_before_any_call() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no.wav");
        std::fs::write(&path, b"this is no sound").unwrap();
        assert!(matches!(
            Microphone::new(&InputChoice::File(path)),
            Err(DeviceError::File { .. })
        ));
    }
}
