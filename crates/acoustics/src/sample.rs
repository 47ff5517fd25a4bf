//! Samples as numbers that can be reckoned with, and decibels.
//!
//! Drivers give anything: what is no number counts as silence, what is absurdly loud as loud. So that every result
//! is finite, however hostile the block.

/// 60 dB above full scale: no converter gives more.
const LOUDEST: f32 = 1000.0;

/// The level of nothing at all, in dB: finite, so that it can be drawn, sorted and written as JSON.
pub const SILENCE_DB: f64 = -200.0;

/// The sample, or 0 where it is no number, within 60 dB above full scale.
pub(crate) fn clean(sample: f32) -> f64 {
    if sample.is_nan() {
        0.0
    } else {
        f64::from(sample.clamp(-LOUDEST, LOUDEST))
    }
}

/// Ratio of powers in dB, not below [`SILENCE_DB`].
pub fn power_db(power: f64) -> f64 {
    // Also what is no number.
    if power > 1e-20 {
        10.0 * power.log10()
    } else {
        SILENCE_DB
    }
}

/// Ratio of amplitudes in dB, not below [`SILENCE_DB`].
pub fn amplitude_db(amplitude: f64) -> f64 {
    power_db(amplitude * amplitude)
}

/// Amplitude of a level in dB.
pub fn amplitude(db: f64) -> f64 {
    10.0_f64.powf(db / 20.0)
}
