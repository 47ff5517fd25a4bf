//! Echo cancellation, noise suppression, gain control and high-pass on the capture side.
//!
//! A thin wrapper: the processor allocates, so it runs on the capture worker, never in a callback.

use serde::{Deserialize, Serialize};

/// Which parts of the processing are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Processing {
    /// Remove the far end from the microphone (needed with loudspeakers).
    pub echo_cancellation: bool,
    /// Remove steady background noise.
    pub noise_suppression: bool,
    /// Bring the talker to a common level.
    pub auto_gain_control: bool,
}

impl Processing {
    /// Everything off: samples pass unchanged.
    pub const OFF: Self = Self {
        echo_cancellation: false,
        noise_suppression: false,
        auto_gain_control: false,
    };

    /// Whether anything is on.
    pub fn is_on(self) -> bool {
        self != Self::OFF
    }
}

impl Default for Processing {
    /// Everything on, as a person at a laptop needs it.
    fn default() -> Self {
        Self {
            echo_cancellation: true,
            noise_suppression: true,
            auto_gain_control: true,
        }
    }
}

#[cfg(feature = "processing")]
mod sonora_processor {
    use sonora::config::{AdaptiveDigital, EchoCanceller, GainController2, HighPassFilter, NoiseSuppression};
    use sonora::{AudioProcessing, Config, StreamConfig};

    use super::Processing;
    use crate::voice::{BLOCK, RATE};

    /// How far gain control goes. What it lifts, it lifts with the room: less noise is allowed and less gain given than
    /// by default, and it starts from what the microphone gives, so that a call does not begin loud and sink.
    const GAIN: AdaptiveDigital = AdaptiveDigital {
        // Peaks stay this far below full scale, in dB: the limiter behind has nothing to do.
        headroom_db: 5.0,
        // A quiet talker, three times as far away as usual. More lifts the next room.
        max_gain_db: 12.0,
        initial_gain_db: 0.0,
        // Slower than a sentence: faster is heard as pumping.
        max_gain_change_db_per_second: 3.0,
        // Background louder than this is not lifted. More is heard in every pause.
        max_output_noise_level_dbfs: -60.0,
    };

    /// The capture-side processor: mono, 48 kHz, blocks of 10 ms.
    pub struct VoiceProcessor {
        inner: AudioProcessing,
        scratch: [f32; BLOCK],
    }

    impl VoiceProcessor {
        /// A processor with the given parts on, or `None` when all are off.
        pub fn new(processing: Processing) -> Option<Self> {
            if !processing.is_on() {
                return None;
            }
            let config = Config {
                high_pass_filter: Some(HighPassFilter::default()),
                echo_canceller: processing.echo_cancellation.then(EchoCanceller::default),
                noise_suppression: processing.noise_suppression.then(NoiseSuppression::default),
                gain_controller2: processing.auto_gain_control.then(|| GainController2 {
                    adaptive_digital: Some(GAIN),
                    ..GainController2::default()
                }),
                ..Config::default()
            };
            let stream = StreamConfig::new(RATE, 1);
            let inner = AudioProcessing::builder()
                .config(config)
                .capture_config(stream)
                .render_config(stream)
                .build();
            Some(Self {
                inner,
                scratch: [0.0; BLOCK],
            })
        }

        /// Shows the processor what is about to be played (the far-end reference).
        pub fn render(&mut self, block: &[f32; BLOCK]) {
            // The processor only analyses the reference; what it writes back is not used. It fails on wrong
            // formats alone, and the format is fixed here.
            let _ = self.inner.process_render_f32(&[block], &mut [&mut self.scratch]);
        }

        /// Cleans one block of the microphone in place.
        pub fn capture(&mut self, block: &mut [f32; BLOCK]) {
            if self
                .inner
                .process_capture_f32(&[&block[..]], &mut [&mut self.scratch])
                .is_ok()
            {
                *block = self.scratch;
            }
        }
    }
}

#[cfg(not(feature = "processing"))]
mod no_processor {
    use super::Processing;
    use crate::voice::BLOCK;

    /// Stands in where the `processing` feature is off: there is none.
    pub enum VoiceProcessor {}

    impl VoiceProcessor {
        /// Always `None`: this build has no processing.
        pub fn new(_: Processing) -> Option<Self> {
            None
        }

        /// Unreachable.
        pub fn render(&mut self, _: &[f32; BLOCK]) {
            match *self {}
        }

        /// Unreachable.
        pub fn capture(&mut self, _: &mut [f32; BLOCK]) {
            match *self {}
        }
    }
}

#[cfg(not(feature = "processing"))]
pub use no_processor::VoiceProcessor;
#[cfg(feature = "processing")]
pub use sonora_processor::VoiceProcessor;

#[cfg(all(test, feature = "processing"))]
mod tests {
    use super::*;
    use crate::voice::BLOCK;

    #[test]
    fn off_is_no_processor_at_all() {
        assert!(VoiceProcessor::new(Processing::OFF).is_none());
    }

    #[test]
    fn an_echo_of_the_far_end_is_removed() {
        let speech = crate::voice::tests_support::speech("woman-en.flac");
        let mut processor = VoiceProcessor::new(Processing {
            echo_cancellation: true,
            noise_suppression: false,
            auto_gain_control: false,
        })
        .unwrap();
        // 40 ms of path, 10 dB down.
        let delay = 4 * BLOCK;
        let (mut before, mut after) = (0.0_f64, 0.0_f64);
        for start in (delay..speech.len().min(48_000 * 12) - BLOCK).step_by(BLOCK) {
            let render: &[f32; BLOCK] = speech[start..start + BLOCK].try_into().unwrap();
            processor.render(render);
            let mut mic = [0.0; BLOCK];
            for (mic, far) in mic.iter_mut().zip(&speech[start - delay..]) {
                *mic = far * 0.316;
            }
            let energy = |block: &[f32; BLOCK]| block.iter().map(|s| f64::from(s * s)).sum::<f64>();
            let echo = energy(&mic);
            processor.capture(&mut mic);
            if start > 48_000 * 5 {
                before += echo;
                after += energy(&mic);
            }
        }
        let erle = 10.0 * (before / after.max(1e-12)).log10();
        assert!(erle > 20.0, "echo return loss enhancement {erle:.1} dB");
    }
}
