//! What an app chooses between: how much delay to spend on robustness.

use std::time::Duration;

use sidetone_opus::{Application, Bitrate, FrameDuration};

/// How the voice path trades delay, rate and robustness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Encoder tuning.
    pub application: Application,
    /// Audio in a packet: 10, 20, 40 or 60 ms. Every step up saves 40 bytes of headers a packet and costs that
    /// much delay.
    pub frame: FrameDuration,
    /// Target rate of the codec. Below about 24 kbit/s there is no room for deep redundancy. On a clean link 36 kbit/s
    /// lose 0.06 of PESQ-WB against 44, just above what fits into 65 with the headers.
    pub bitrate: Bitrate,
    /// Encoder effort, 0 to 10. At 32 kbit/s 9 costs a quarter more than 6 and gains 0.02 of PESQ-WB on our recordings;
    /// 5 saves a little more and loses 0.1 once the encoder plans for loss.
    pub encoder_complexity: u8,
    /// Decoder effort, 0 to 10. From 5 lost frames are drawn by a neural network, from 7 coding noise is removed
    /// as well, at three times the cost of a good frame, while the rate is low enough to gain by it.
    pub decoder_complexity: u8,
}

/// Rate of music in mono: the upper end of what RFC 7587 section 3.1.1 recommends.
const SOUND: Bitrate = Bitrate::kbps(64);

impl Profile {
    /// 20 ms frames, speech-tuned coding with in-band redundancy: the default.
    pub const BALANCED: Self = Self {
        application: Application::Voip,
        frame: FrameDuration::Ms20,
        bitrate: Bitrate::kbps(42),
        encoder_complexity: 6,
        decoder_complexity: 7,
    };

    /// 10 ms frames and the transform coder alone, whose look-ahead is 2.5 ms instead of 6.5 ms. No in-band
    /// redundancy, and a higher rate for the same quality.
    pub const LOW_LATENCY: Self = Self {
        application: Application::LowDelay,
        frame: FrameDuration::Ms10,
        bitrate: Bitrate::kbps(64),
        encoder_complexity: 5,
        decoder_complexity: 5,
    };

    /// The same where more is sent than a voice, such as a film: faithful to whatever sounds. What is shortest of delay
    /// already is that.
    #[must_use]
    pub fn with_sound(self) -> Self {
        Self {
            application: match self.application {
                Application::LowDelay => Application::LowDelay,
                _ => Application::Audio,
            },
            bitrate: self.bitrate.max(SOUND),
            ..self
        }
    }

    /// Length of a frame.
    pub fn frame_duration(&self) -> Duration {
        self.frame.duration()
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::BALANCED
    }
}
