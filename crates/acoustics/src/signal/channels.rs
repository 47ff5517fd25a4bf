//! Tones that tell which channel is heard.

use crate::error::Error;
use crate::rate::SampleRate;
use crate::signal::Sine;

/// What is played on the first channels, in Hz: all within the telephone band, none a harmonic of another.
pub const CHANNEL_TONES: [f64; 8] = [397.0, 523.0, 683.0, 887.0, 1153.0, 1511.0, 1979.0, 2593.0];

/// The tone of a channel, counted from 0. Channels beyond the eighth begin again.
///
/// # Errors
/// An amplitude outside of 0 to 1.
pub fn channel_tone(rate: SampleRate, channel: usize, amplitude: f64) -> Result<Sine, Error> {
    Sine::new(rate, CHANNEL_TONES[channel % CHANNEL_TONES.len()], amplitude)
}
