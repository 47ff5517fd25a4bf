//! Signals to play into sound devices, and what their recordings say.
//!
//! Sans-IO: no threads, clocks, devices or files. [`signal`] makes samples to play; an analyser takes blocks of any size
//! of what was recorded, holds a bounded amount of memory whatever comes and however long, and tells what it found.
//! [`path`] is a simulated way between the two, with known truth. [`profile`] turns results into verdicts.
//!
//! | to know | play | give the recording to |
//! |---|---|---|
//! | round trip, speaker to microphone | [`signal::ChirpCode`] | [`latency::Latency`] |
//! | dropouts, repeats, jumps, clicks, drift of clocks | [`glitch::Tones`] | [`glitch::Glitches`] |
//! | levels, noise, clipping, DC, dead and swapped channels | [`signal::channel_tone`] or nothing | [`level::Levels`] |
//! | gain control of the system | [`signal::Staircase::levels`] | [`level::Following`] |
//! | frequency and impulse response, distortion | [`signal::Sweep`] | [`sweep::Response`] |
//! | THD+N at a tone | [`signal::Sine`] | [`sweep::Distortion`] |
//! | echo return loss, delay, reverberation | [`signal::Pink`], or speech | [`echo::Echo`] |
//!
//! Hostile samples are harmless: what is no number counts as silence, and every result is finite. Settings that make no
//! sense give an [`Error`].
#![forbid(unsafe_code)]

mod dice;
pub mod echo;
mod error;
pub mod glitch;
pub mod latency;
pub mod level;
pub mod path;
pub mod plot;
pub mod profile;
mod rate;
mod sample;
pub mod signal;
mod spectrum;
mod stats;
pub mod sweep;

pub use error::Error;
pub use rate::SampleRate;
pub use sample::{SILENCE_DB, amplitude, amplitude_db, power_db};
pub use stats::Spread;
