//! Whether a microphone brings anything, told from its blocks before anything is done to them. It refuses to know
//! what a person would do about it.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::{BLOCK, RATE};

/// What a microphone brings, before processing and mute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MicrophoneStats {
    /// Seconds of sound brought since it was opened (W3C `media-source.totalSamplesDuration`).
    pub total_samples_duration: f64,
    /// Seconds since it last brought anything but digital silence, or was opened. Absent where nobody speaks into it: a
    /// file, a tone, an application.
    pub silent_for: Option<f64>,
    /// Whether it has brought anything but digital silence since it was opened.
    pub heard: bool,
    /// Seconds of voice that were not sent because the microphone is off, since the engine started.
    pub muted_voice_duration: f64,
}

/// Below the smallest step of 24 bits: no converter, and no resampler behind one, is that quiet by chance.
const DIGITAL_SILENCE: f32 = 1e-7;

/// Listens to one microphone from its opening on. Sans-IO; allocates nothing.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Whether a person is expected at it.
    attended: bool,
    blocks: u64,
    heard: bool,
    last_heard: Instant,
}

impl Listener {
    /// A microphone opened at `now`. `attended` tells whether somebody is expected to speak into it.
    pub fn new(attended: bool, now: Instant) -> Self {
        Self {
            attended,
            blocks: 0,
            heard: false,
            last_heard: now,
        }
    }

    /// Takes a block as the device brought it.
    pub fn hear(&mut self, block: &[f32; BLOCK], now: Instant) {
        self.blocks += 1;
        if block.iter().any(|sample| sample.abs() > DIGITAL_SILENCE) {
            self.heard = true;
            self.last_heard = now;
        }
    }

    /// What there is to say. [`MicrophoneStats::muted_voice_duration`] is not this one's to know.
    pub fn stats(&self, now: Instant) -> MicrophoneStats {
        let silence = now.saturating_duration_since(self.last_heard).as_secs_f64();
        MicrophoneStats {
            total_samples_duration: self.blocks as f64 * BLOCK as f64 / f64::from(RATE),
            silent_for: self.attended.then_some(silence),
            heard: self.heard,
            muted_voice_duration: 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn zeros_and_no_blocks_at_all_are_silence() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut listener = Listener::new(true, start);
        assert_eq!(listener.stats(at(3)).silent_for, Some(3.0), "no blocks");
        listener.hear(&[0.0; BLOCK], at(4));
        let stats = listener.stats(at(5));
        assert_eq!((stats.silent_for, stats.heard), (Some(5.0), false), "zeros");
        assert_eq!(stats.total_samples_duration, 0.01);

        let mut block = [0.0; BLOCK];
        block[479] = -1.0 / 32_768.0;
        listener.hear(&block, at(6));
        let stats = listener.stats(at(8));
        assert_eq!(
            (stats.silent_for, stats.heard),
            (Some(2.0), true),
            "the smallest step of 16 bits"
        );
        assert_eq!(Listener::new(false, start).stats(at(9)).silent_for, None);
    }
}
