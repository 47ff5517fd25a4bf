//! The voice path: microphone to packet ([`Uplink`]) and packet to speaker ([`Downlink`], [`Mixer`]), and the
//! engine that runs both on real-time threads.
//!
//! Everything here works in blocks of 10 ms, mono, 48 kHz. `Uplink`, `Downlink`, `Mixer` and `Lead` are sans-IO:
//! they take the time as an argument, so a simulation drives them exactly as the two workers do. It refuses to
//! know how packets travel (a `Transport` does) and who is talking (the calls do).

mod adapt;
mod blocks;
mod capture;
mod downlink;
mod engine;
mod heard;
#[cfg(feature = "processing")]
mod high_pass;
mod inlet;
mod lead;
mod level;
mod listener;
mod mixer;
mod playout;
mod processing;
#[cfg(feature = "processing")]
mod processor;
mod profile;
mod reference;
mod sent;
mod shared;
#[cfg(feature = "processing")]
mod split;
mod stats;
mod uplink;

pub use adapt::{Adaptation, Coding, Red, Report, SOUND_RATE, Terms, VOICE_RATE};
pub use downlink::Downlink;
pub use engine::{LinkId, VoiceConfig, VoiceEngine, VoiceError, VoiceEvent};
pub use heard::{Heard, Speaking};
pub use lead::Lead;
pub use level::{Level, LevelMeter};
pub use listener::{Listener, MicrophoneStats};
pub use mixer::Mixer;
pub use processing::{Processing, VoiceProcessor};
pub use profile::Profile;
pub use reference::{ReferenceReader, ReferenceWriter, reference};
pub use shared::{SharedSound, SharedSoundKeeper};
pub use sidetone_opus::{Application, Bitrate, FrameDuration};
pub use stats::{DeviceStats, InboundStats, LatencyBudget, OutboundStats, PlayoutStats, VoiceStats};
pub use uplink::Uplink;

use crate::device::StreamFormat;

/// Version of the codec library.
pub fn codec_version() -> &'static str {
    sidetone_opus::version()
}

/// Samples in a block: 10 ms at 48 kHz.
pub const BLOCK: usize = 480;

/// Rate of the voice path in Hz.
pub const RATE: u32 = 48_000;

/// Format of devices that have no wish of their own.
pub const VOICE_FORMAT: StreamFormat = StreamFormat {
    sample_rate: RATE,
    channels: 1,
};

#[cfg(test)]
pub(crate) mod tests_support {
    /// A recording of `crates/cli/speech` at 48 kHz mono.
    pub fn speech(name: &str) -> Vec<f32> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../cli/speech")
            .join(name);
        let mut reader = claxon::FlacReader::open(path).unwrap();
        let rate = reader.streaminfo().sample_rate;
        let samples: Vec<f32> = reader.samples().map(|s| s.unwrap() as f32 / 32_768.0).collect();
        crate::device::convert::resample_all(&samples, rate, super::RATE).unwrap()
    }
}
