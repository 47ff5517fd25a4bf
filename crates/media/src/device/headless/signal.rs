//! Devices that need no sound of anybody's: silence, a tone, and a speaker nobody hears.

use std::f64::consts::TAU;

use super::{HeadlessInput, HeadlessOutput, Sink, Source};
use crate::device::convert::ENGINE_RATE;
use crate::device::{DeviceError, StreamFormat};

/// A silent room: as a [`Source`] nothing is said in it, as a [`Sink`] nobody listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silence;

impl Silence {
    /// A microphone in a silent room, 48 kHz mono.
    pub fn input() -> HeadlessInput {
        HeadlessInput::unchecked("silence", VOICE, Silence)
    }

    /// A speaker nobody hears, 48 kHz mono.
    pub fn output() -> HeadlessOutput {
        HeadlessOutput::unchecked("silence", VOICE, Silence)
    }
}

const VOICE: StreamFormat = StreamFormat {
    sample_rate: ENGINE_RATE,
    channels: 1,
};

impl Source for Silence {
    fn fill(&mut self, out: &mut [f32]) -> bool {
        out.fill(0.0);
        true
    }
}

impl Sink for Silence {
    fn take(&mut self, _: &[f32]) {}
}

struct Tone {
    channels: usize,
    amplitude: f32,
    /// Cycles a sample.
    step: f64,
    /// In cycles, below 1.
    phase: f64,
}

impl Source for Tone {
    fn fill(&mut self, out: &mut [f32]) -> bool {
        for frame in out.chunks_exact_mut(self.channels) {
            frame.fill(self.amplitude * (self.phase * TAU).sin() as f32);
            self.phase = (self.phase + self.step).fract();
        }
        true
    }

    fn rewind(&mut self) {
        self.phase = 0.0;
    }
}

/// A microphone that hears a sine of `frequency` Hz with the given peak amplitude (1 is full scale), on every
/// channel.
///
/// # Errors
/// [`DeviceError::Format`] for a format no device has, or a frequency the rate cannot carry.
pub fn tone_input(
    format: StreamFormat,
    frequency: f64,
    amplitude: f32,
) -> Result<HeadlessInput, DeviceError> {
    let rate = f64::from(format.sample_rate);
    if !(frequency > 0.0 && frequency < rate / 2.0 && amplitude.is_finite()) {
        let reason = format!("no tone of {frequency} Hz with amplitude {amplitude} at {rate} Hz");
        return Err(DeviceError::Format {
            id: "headless:input:tone".into(),
            reason,
        });
    }
    let channels = usize::from(format.channels.max(1));
    HeadlessInput::new(
        "tone",
        format,
        Tone {
            channels,
            amplitude,
            step: frequency / rate,
            phase: 0.0,
        },
    )
}
