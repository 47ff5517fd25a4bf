//! What an echo is like.

use serde::Serialize;

use super::decay::Decay;
use crate::rate::SampleRate;
use crate::sample::power_db;
use crate::stats::Spread;

/// The way from a speaker to a microphone.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Windows of a second in which something was played.
    pub windows: u64,
    /// Windows in which nothing was.
    pub silent_windows: u64,
    /// Whether anything of what was played comes back.
    pub found: bool,
    /// By how much what comes back is weaker than what was played (ITU-T G.168: ERL), in dB.
    pub return_loss_db: Option<f64>,
    /// When the first of it arrives, in milliseconds, over the whole time.
    pub delay_ms: Option<f64>,
    /// The same window by window: how stable it is. A canceller has to find it again when it moves.
    pub delays_ms: Option<Spread>,
    /// How long the sound lingers in the room.
    pub decay: Option<Decay>,
    /// Power of what was played and of what was recorded meanwhile, in dB of full scale.
    pub played_db: f64,
    /// See above.
    pub recorded_db: f64,
    /// Power of the quietest window that was recorded, in dB of full scale.
    pub floor_db: f64,
    /// The path's impulse response, from 2 ms before the first arrival.
    pub impulse_response: Vec<f32>,
}

impl Report {
    pub(super) fn without_echo(windows: u64, silent_windows: u64, delays_ms: Option<Spread>) -> Self {
        Self {
            windows,
            silent_windows,
            found: false,
            return_loss_db: None,
            delay_ms: None,
            delays_ms,
            decay: None,
            played_db: power_db(0.0),
            recorded_db: power_db(0.0),
            floor_db: power_db(0.0),
            impulse_response: Vec::new(),
        }
    }

    pub(super) fn powers(&mut self, played: f64, recorded: f64, floor: f64) {
        self.played_db = power_db(played);
        self.recorded_db = power_db(recorded);
        self.floor_db = power_db(floor);
    }

    pub(super) fn found(
        &mut self,
        rate: SampleRate,
        first: usize,
        gain: f64,
        decay: Option<Decay>,
        piece: &[f64],
    ) {
        self.found = true;
        self.return_loss_db = Some(-power_db(gain));
        self.delay_ms = Some(rate.milliseconds(first as f64));
        self.decay = decay;
        self.impulse_response = piece.iter().map(|lag| *lag as f32).collect();
    }
}

/// What a canceller takes away (ITU-T G.168: ERLE), in dB: two reports of the same sound, recorded before and after it. The
/// rest may be noise: it takes away at least so much. `None` where nothing was played.
pub fn enhancement_db(before: &Report, after: &Report) -> Option<f64> {
    (before.windows > 0 && after.windows > 0).then_some(before.recorded_db - after.recorded_db)
}
