//! Reads a sound file whole: WAV of every PCM width and float, and FLAC.
//!
//! A file may be anything: every length in a header is checked against what is really there, and nothing is
//! reserved on a header's word. It refuses to know who listens.

use std::io::Cursor;
use std::path::Path;

use crate::device::DeviceError;
use crate::device::callback::MAX_CHANNELS;
use crate::device::convert::{RATES, resample_all};

/// Largest file read, in bytes.
const MAX_BYTES: u64 = 512 << 20;
/// Longest sound kept, in frames: an hour at 48 kHz. FLAC can promise days in a few bytes.
const MAX_FRAMES: usize = 48_000 * 3600;

/// A sound, mixed down to one channel.
#[derive(Clone, Debug, PartialEq)]
pub struct SoundFile {
    /// Frames per second, in Hz.
    pub sample_rate: u32,
    /// Channels the file had.
    pub channels: u16,
    /// The samples, full scale at +-1.
    pub samples: Vec<f32>,
}

impl SoundFile {
    /// Reads the WAV or FLAC file at `path`; the contents decide which, not the name.
    ///
    /// # Errors
    /// [`DeviceError::File`] with the reason: unreadable, too large, neither WAV nor FLAC, damaged or cut short,
    /// a channel count or rate no sound has, no samples, or samples that are no numbers.
    pub fn read(path: &Path) -> Result<Self, DeviceError> {
        load(path)
            .and_then(|bytes| Self::decode(&bytes))
            .map_err(|reason| file_error(path, reason))
    }

    /// The sound in `bytes`, which hold a WAV or FLAC file.
    ///
    /// # Errors
    /// The reason in words, as in [`SoundFile::read`].
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        match bytes.get(..4) {
            Some(b"RIFF") => decode_wav(bytes),
            Some(b"fLaC") => decode_flac(bytes),
            None if bytes.is_empty() => Err("the file is empty".into()),
            _ => Err("neither WAV nor FLAC".into()),
        }
    }

    /// The same sound at another rate.
    ///
    /// # Errors
    /// [`DeviceError::Format`] for rates no device has.
    pub fn resampled(self, rate: u32) -> Result<Self, DeviceError> {
        let samples =
            resample_all(&self.samples, self.sample_rate, rate).map_err(|error| DeviceError::Format {
                id: "headless".into(),
                reason: error.to_string(),
            })?;
        Ok(Self {
            sample_rate: rate,
            channels: self.channels,
            samples,
        })
    }
}

fn file_error(path: &Path, reason: String) -> DeviceError {
    DeviceError::File {
        path: path.display().to_string(),
        reason,
    }
}

fn load(path: &Path) -> Result<Vec<u8>, String> {
    let meta = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !meta.is_file() {
        return Err("not a file".into());
    }
    if meta.len() > MAX_BYTES {
        return Err(format!(
            "{} bytes are more than the {MAX_BYTES} that can be read",
            meta.len()
        ));
    }
    std::fs::read(path).map_err(|error| error.to_string())
}

/// Mixes interleaved samples down as they come and enforces the limits.
struct Mixer {
    sample_rate: u32,
    channels: u16,
    samples: Vec<f32>,
    sum: f32,
    filled: u16,
}

impl Mixer {
    fn new(sample_rate: u32, channels: u32) -> Result<Self, String> {
        let channels = u16::try_from(channels).unwrap_or(u16::MAX);
        if channels == 0 || channels > MAX_CHANNELS {
            return Err(format!("{channels} channels; 1 to {MAX_CHANNELS} can be read"));
        }
        if !RATES.contains(&sample_rate) {
            return Err(format!(
                "{sample_rate} Hz; {} to {} can be read",
                RATES.start(),
                RATES.end()
            ));
        }
        Ok(Self {
            sample_rate,
            channels,
            samples: Vec::new(),
            sum: 0.0,
            filled: 0,
        })
    }

    fn push(&mut self, sample: f32) -> Result<(), String> {
        if !sample.is_finite() {
            return Err(format!("frame {} is not a number", self.samples.len()));
        }
        self.sum += sample;
        self.filled += 1;
        if self.filled == self.channels {
            if self.samples.len() == MAX_FRAMES {
                return Err(format!("longer than {MAX_FRAMES} frames"));
            }
            self.samples.push(self.sum / f32::from(self.channels));
            (self.sum, self.filled) = (0.0, 0);
        }
        Ok(())
    }

    fn finish(self) -> Result<SoundFile, String> {
        if self.samples.is_empty() {
            return Err("no samples in it".into());
        }
        Ok(SoundFile {
            sample_rate: self.sample_rate,
            channels: self.channels,
            samples: self.samples,
        })
    }
}

fn decode_wav(bytes: &[u8]) -> Result<SoundFile, String> {
    let damaged = |error: hound::Error| format!("damaged WAV: {error}");
    let mut reader = hound::WavReader::new(Cursor::new(bytes)).map_err(damaged)?;
    let (spec, promised) = (reader.spec(), reader.len());
    if promised as usize > bytes.len() {
        return Err(format!(
            "damaged WAV: {promised} samples in {} bytes",
            bytes.len()
        ));
    }
    let mut mixer = Mixer::new(spec.sample_rate, u32::from(spec.channels))?;
    let cut = |error: hound::Error| match error {
        hound::Error::IoError(_) => "cut short: the header promises more samples".to_owned(),
        other => damaged(other),
    };
    match spec.sample_format {
        hound::SampleFormat::Float => {
            for sample in reader.samples::<f32>() {
                mixer.push(sample.map_err(cut)?)?;
            }
        }
        hound::SampleFormat::Int => {
            let scale = full_scale(u32::from(spec.bits_per_sample))?;
            for sample in reader.samples::<i32>() {
                mixer.push(sample.map_err(cut)? as f32 * scale)?;
            }
        }
    }
    mixer.finish()
}

fn decode_flac(bytes: &[u8]) -> Result<SoundFile, String> {
    let damaged = |error: claxon::Error| format!("damaged FLAC: {error}");
    let mut reader = claxon::FlacReader::new(Cursor::new(bytes)).map_err(damaged)?;
    let info = reader.streaminfo();
    let scale = full_scale(info.bits_per_sample)?;
    let mut mixer = Mixer::new(info.sample_rate, info.channels)?;
    for sample in reader.samples() {
        mixer.push(sample.map_err(damaged)? as f32 * scale)?;
    }
    // Zero or absent: the encoder did not know (RFC 9639 section 8.2).
    let promised = info.samples.unwrap_or(0);
    let found = mixer.samples.len() as u64;
    if found < promised {
        return Err(format!(
            "cut short: the header promises {promised} frames, {found} are there"
        ));
    }
    mixer.finish()
}

/// What one step of an integer sample is worth when full scale is 1.
fn full_scale(bits: u32) -> Result<f32, String> {
    match bits {
        4..=32 => Ok(1.0 / (1_u64 << (bits - 1)) as f32),
        _ => Err(format!("{bits} bits a sample; 4 to 32 can be read")),
    }
}
