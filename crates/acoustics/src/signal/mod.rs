//! Signals to play. Each is an iterator over samples, so that a callback may take as many as it has room for: the same
//! samples come whatever the blocks, at any rate from 8 to 192 kHz, and from the same seed on every machine.
//!
//! Amplitudes are of full scale, from 0 to 1.

mod channels;
mod chirp;
mod fade;
mod noise;
mod sine;
mod staircase;
mod sweep;

pub use channels::{CHANNEL_TONES, channel_tone};
pub(crate) use chirp::SYMBOLS;
pub use chirp::{ChirpCode, Chirps};
pub use fade::Faded;
pub use noise::{Pink, White};
pub use sine::Sine;
pub use staircase::{Staircase, Step};
pub use sweep::Sweep;

/// Fills a block of one channel from a signal, the rest with silence where it has ended. Returns how many samples came.
pub fn fill(signal: &mut impl Iterator<Item = f32>, block: &mut [f32]) -> usize {
    let mut filled = 0;
    for sample in block.iter_mut() {
        *sample = match signal.next() {
            Some(next) => {
                filled += 1;
                next
            }
            None => 0.0,
        };
    }
    filled
}

pub(crate) fn checked_amplitude(amplitude: f64) -> Result<f64, crate::Error> {
    crate::error::within("an amplitude", amplitude, 0.0, 1.0)
}
