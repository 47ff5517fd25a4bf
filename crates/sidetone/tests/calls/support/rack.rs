//! What the microphones of a rack hear.

use std::sync::Arc;

use sidetone::media::device::StreamFormat;
use sidetone::media::device::headless::{SoundFile, Source};

use super::speech;

pub const MONO: StreamFormat = StreamFormat {
    sample_rate: 48_000,
    channels: 1,
};

/// A headset's, while it is a telephone.
#[allow(dead_code)] // by diagnostics
pub const PHONE: StreamFormat = StreamFormat {
    sample_rate: 16_000,
    channels: 1,
};

/// A person who reads a recording, again and again, at whatever rate.
struct Reader {
    recording: Arc<Vec<f32>>,
    /// Place in it, in samples, and how far it goes on with each.
    at: f64,
    step: f64,
    channels: usize,
}

impl Source for Reader {
    fn fill(&mut self, out: &mut [f32]) -> bool {
        for frame in out.chunks_exact_mut(self.channels) {
            frame.fill(self.recording[self.at as usize]);
            self.at = (self.at + self.step) % self.recording.len() as f64;
        }
        true
    }
}

/// A microphone before which somebody reads a recording.
pub fn reads(recording: &str) -> impl Fn(StreamFormat) -> Box<dyn Source> + Send + Sync + 'static {
    let file = SoundFile::read(speech::path(recording).as_ref()).unwrap();
    let rate = f64::from(file.sample_rate);
    let recording = Arc::new(file.samples);
    move |format| {
        Box::new(Reader {
            recording: recording.clone(),
            at: 0.0,
            step: rate / f64::from(format.sample_rate),
            channels: format.channels.into(),
        })
    }
}
