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

#[cfg(not(feature = "processing"))]
mod no_processor {
    use super::Processing;
    use crate::voice::BLOCK;

    /// Stands in where the `processing` feature is off: there is none.
    pub enum VoiceProcessor {}

    impl VoiceProcessor {
        /// By how many samples sound is later behind it.
        pub const DELAY: usize = 0;

        /// Always `None`: this build has no processing.
        pub fn new(_: Processing) -> Option<Self> {
            None
        }

        /// Always `None`: this build has no processing.
        pub fn joining(_: Processing) -> Option<Self> {
            None
        }

        /// Unreachable.
        pub fn set(&mut self, _: Processing) {
            match *self {}
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

#[cfg(feature = "processing")]
pub use super::processor::VoiceProcessor;
#[cfg(not(feature = "processing"))]
pub use no_processor::VoiceProcessor;

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
