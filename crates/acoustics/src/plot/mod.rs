//! Data for plots: bounded, however long the recording.

mod envelope;
mod histogram;
mod spectrogram;

pub use envelope::{Column, Envelope};
pub use histogram::Histogram;
pub use spectrogram::{Spectrogram, SpectrogramData};
