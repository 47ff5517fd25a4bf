//! How long sound lingers: reverberation time by backward integration (Schroeder 1965; ISO 3382-2).

use serde::Serialize;

use crate::rate::SampleRate;
use crate::sample::power_db;
use crate::stats::Slope;

/// The line is drawn from here on, in dB below the beginning.
const FROM_DB: f64 = -5.0;
/// Over so much of the decay, in dB: the most that can be told apart from the noise.
const RANGES_DB: [f64; 3] = [30.0, 20.0, 10.0];
/// The noise is so far below the end of the line, in dB.
const CLEARANCE_DB: f64 = 8.0;

/// A reverberation time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decay {
    /// Seconds in which the sound falls by 60 dB (T60).
    pub seconds: f64,
    /// The part of the decay it was told from, in dB: 30, 20 or 10 (T30, T20, T10).
    pub range_db: f64,
}

/// The reverberation time of an impulse response. `None` where it does not fall far enough out of its noise.
pub fn decay(rate: SampleRate, response: &[f64]) -> Option<Decay> {
    let peak = (0..response.len()).max_by(|a, b| response[*a].abs().total_cmp(&response[*b].abs()))?;
    let powers: Vec<f64> = response[peak..].iter().map(|sample| sample * sample).collect();
    if powers.len() < rate.count(0.02) {
        return None;
    }
    // The last tenth is noise.
    let end = powers.len() - powers.len() / 10;
    let noise = powers[end..].iter().sum::<f64>() / (powers.len() - end).max(1) as f64;
    let mut energy = 0.0;
    let mut curve: Vec<f64> = powers[..end]
        .iter()
        .rev()
        .map(|power| {
            energy += power - noise;
            energy
        })
        .collect();
    curve.reverse();
    let all = *curve.first()?;
    if all <= 0.0 {
        return None;
    }
    let level = |energy: f64| power_db(energy / all);
    // What the noise makes of the curve, at its worst.
    let uncertain = level(noise * (end as f64).sqrt() * 3.0);
    let crossing = |db: f64| curve.iter().position(|energy| level(*energy) < db);
    RANGES_DB.iter().find_map(|&range_db| {
        if FROM_DB - range_db < uncertain + CLEARANCE_DB {
            return None;
        }
        let (from, to) = (crossing(FROM_DB)?, crossing(FROM_DB - range_db)?);
        if to < from + 8 {
            return None;
        }
        let mut line = Slope::default();
        curve[from..to]
            .iter()
            .enumerate()
            .for_each(|(at, energy)| line.push(at as f64, level(*energy)));
        let slope = line.value().filter(|slope| *slope < 0.0)?;
        Some(Decay {
            seconds: -60.0 / slope / rate.float(),
            range_db,
        })
    })
}
