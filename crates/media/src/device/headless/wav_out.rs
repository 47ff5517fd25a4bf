//! A speaker that writes a WAV file.
//!
//! The clock's thread only fills a ring; a second thread does the writing, so a slow disk is never heard.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::memory::{Recording, memory_output};
use super::{HeadlessOutput, TimelineHandle};
use crate::device::convert::RATES;
use crate::device::{DeviceError, StreamFormat};

/// Sound that may wait for the disk, in seconds.
const RING_SECONDS: usize = 4;
/// How often the ring is emptied.
const INTERVAL: Duration = Duration::from_millis(100);
/// Intervals between two updates of the header, so that a killed process leaves a file that can be played.
const FLUSH_EVERY: u32 = 10;

/// A speaker that writes 32-bit float WAV to `path`, and the file. The file's first sample is heard at the epoch
/// of the device's timeline.
///
/// # Errors
/// [`DeviceError::File`] when the file cannot be created, [`DeviceError::Format`] for a format no device has.
pub fn wav_output(path: &Path, format: StreamFormat) -> Result<(HeadlessOutput, WavRecording), DeviceError> {
    let (device, recording) = memory_output(
        format,
        RING_SECONDS * format.sample_rate.min(*RATES.end()) as usize,
    )?;
    let spec = hound::WavSpec {
        channels: format.channels,
        sample_rate: format.sample_rate,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let file = hound::WavWriter::create(path, spec).map_err(|error| problem(path, &error))?;
    let timeline = recording.timeline();
    let stop = Arc::new(AtomicBool::new(false));
    let writer = Writer {
        file,
        recording,
        stop: stop.clone(),
    };
    let thread = std::thread::Builder::new()
        .name("wav writer".into())
        .spawn(move || writer.run());
    let thread = thread.map_err(|error| problem(path, &error))?;
    Ok((
        device,
        WavRecording {
            path: path.into(),
            timeline,
            stop,
            thread: Some(thread),
        },
    ))
}

fn problem(path: &Path, error: &dyn std::fmt::Display) -> DeviceError {
    DeviceError::File {
        path: path.display().to_string(),
        reason: error.to_string(),
    }
}

struct Writer {
    file: hound::WavWriter<BufWriter<File>>,
    recording: Recording,
    stop: Arc<AtomicBool>,
}

impl Writer {
    fn run(mut self) -> Result<Written, hound::Error> {
        let mut block = vec![0.0; 4096];
        let mut samples = 0;
        for round in 1.. {
            // Before the last emptying, or what came in between would be lost.
            let last = self.stop.load(Ordering::Acquire);
            loop {
                let read = self.recording.read(&mut block);
                if read == 0 {
                    break;
                }
                samples += read as u64;
                block[..read]
                    .iter()
                    .try_for_each(|&sample| self.file.write_sample(sample))?;
            }
            if last {
                break;
            }
            if round % FLUSH_EVERY == 0 {
                self.file.flush()?;
            }
            std::thread::park_timeout(INTERVAL);
        }
        let channels = u64::from(self.recording.format().channels.max(1));
        let lost = self.recording.lost() / channels;
        self.file.finalize()?;
        Ok(Written {
            frames: samples / channels,
            lost,
        })
    }
}

/// What a [`WavRecording`] holds in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Frames in the file.
    pub frames: u64,
    /// Frames that were dropped because the disk did not keep up.
    pub lost: u64,
}

/// The file a [`wav_output`] writes. Dropping it completes the file as well, but hides what went wrong.
pub struct WavRecording {
    path: PathBuf,
    timeline: TimelineHandle,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Written, hound::Error>>>,
}

impl WavRecording {
    /// When the samples were heard.
    pub fn timeline(&self) -> TimelineHandle {
        self.timeline.clone()
    }

    /// Writes what is left and closes the file. Close the device's stream first: what it plays later is lost.
    ///
    /// # Errors
    /// [`DeviceError::File`] when writing failed at any time.
    pub fn finish(mut self) -> Result<Written, DeviceError> {
        match self.join() {
            Some(Ok(result)) => result.map_err(|error| problem(&self.path, &error)),
            Some(Err(_)) | None => Err(problem(&self.path, &"the writer stopped")),
        }
    }

    fn join(&mut self) -> Option<std::thread::Result<Result<Written, hound::Error>>> {
        self.stop.store(true, Ordering::Release);
        self.thread.take().map(|thread| {
            thread.thread().unpark();
            thread.join()
        })
    }
}

impl Drop for WavRecording {
    fn drop(&mut self) {
        if let Some(Ok(Err(error))) = self.join() {
            tracing::warn!(path = %self.path.display(), %error, "recording incomplete");
        }
    }
}
