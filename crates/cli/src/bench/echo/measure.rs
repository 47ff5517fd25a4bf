//! What a case did to the sound: the figures of ITU-T G.168 and P.340 in plain energy ratios.

use sidetone_media::voice::RATE;

use super::case::Case;
use super::room::{ALONE, Room};
use crate::bench::percentile::{percentile, sorted};

/// Samples looked at together: 20 ms.
const FRAME: usize = 960;

/// A frame that is this far below the loudest, as a ratio of energies, is a pause: 40 dB.
const PAUSE: f64 = 1e-4;

/// Echo taken away once the canceller counts as converged, in dB.
const CONVERGED: f64 = 20.0;

/// Frames in a second.
const SECOND: usize = RATE as usize / FRAME;

/// Longest delay that is looked for: 40 ms.
const MAX_DELAY: usize = 1920;

/// Figures of one case; absent where it has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Figures {
    /// Echo return loss enhancement of the last third, far end alone, in dB.
    pub erle_db: Option<f64>,
    /// The least of any three seconds of that.
    pub erle_worst_db: Option<f64>,
    /// Seconds until 20 dB of echo are gone, from the first word or from the swap on.
    pub convergence_s: Option<f64>,
    /// How much quieter the near end is sent than it arrives, in dB, the first five seconds aside.
    pub near_attenuation_db: Option<f64>,
    /// The same of the first 200 ms after each pause of half a second.
    pub onset_attenuation_db: Option<f64>,
    /// Between the loudest and the quietest second of the near end's gain (5th to 95th percentile), in dB.
    pub gain_swing_db: Option<f64>,
    /// How much quieter the background is sent where nobody speaks, in dB, in the last third.
    pub noise_reduction_db: Option<f64>,
    /// Delay that the processing adds, in ms.
    pub delay_ms: Option<f64>,
}

impl Figures {
    pub fn new(case: &Case, room: &Room, sent: &[f32]) -> Self {
        let delay = case.near.then(|| delay(&room.near, sent)).flatten();
        let shifted = &sent[delay.unwrap_or(0)..];
        let (near, echo) = (energies(&room.near), energies(&room.echo));
        let (mic, out) = (energies(&room.mic), energies(shifted));
        let (speaks, echoes) = (active(&near), active(&echo));
        let frames = out.len();
        let mut figures = Self {
            delay_ms: delay.map(|samples| samples as f64 * 1000.0 / f64::from(RATE)),
            ..Self::default()
        };
        if case.far && !case.near {
            let erle = |range: std::ops::Range<usize>| {
                ratio_db(range.filter(|n| echoes[*n]).map(|n| (mic[n], out[n])))
            };
            figures.erle_db = erle(frames * 2 / 3..frames);
            let windows = (frames * 2 / 3..frames - 3 * SECOND).step_by(SECOND);
            let worst = sorted(
                &windows
                    .filter_map(|n| erle(n..n + 3 * SECOND))
                    .collect::<Vec<_>>(),
            );
            figures.erle_worst_db = percentile(&worst, 0.0);
            let start = if case.swap { frames / 2 } else { 0 };
            let gone = (start..frames - SECOND)
                .step_by(SECOND / 10)
                .find(|n| erle(*n..*n + SECOND).is_some_and(|erle| erle >= CONVERGED));
            figures.convergence_s = gone.map(|n| (n - start) as f64 / SECOND as f64);
        }
        if case.near {
            let first = if case.far { ALONE / FRAME } else { 0 } + 5 * SECOND;
            let spoken = |n: &usize| speaks[*n];
            figures.near_attenuation_db = ratio_db((first..frames).filter(spoken).map(|n| (near[n], out[n])));
            let onset = |n: &usize| {
                let begun = (n.saturating_sub(SECOND / 5)..=*n).find(|n| speaks[*n]);
                begun.is_some_and(|begun| !speaks[begun.saturating_sub(SECOND / 2)..begun].contains(&true))
            };
            figures.onset_attenuation_db = ratio_db((first..frames).filter(onset).map(|n| (near[n], out[n])));
            let gains: Vec<f64> = (first..frames - SECOND)
                .step_by(SECOND)
                .filter_map(|n| ratio_db((n..n + SECOND).filter(spoken).map(|n| (near[n], out[n]))))
                .collect();
            let gains = sorted(&gains);
            figures.gain_swing_db = percentile(&gains, 0.95)
                .zip(percentile(&gains, 0.05))
                .map(|(h, l)| h - l);
        }
        if !case.far {
            let quiet =
                |n: &usize| !speaks[n.saturating_sub(SECOND / 4)..(n + 2).min(frames)].contains(&true);
            figures.noise_reduction_db =
                ratio_db((frames * 2 / 3..frames).filter(quiet).map(|n| (mic[n], out[n])));
        }
        figures
    }
}

fn energies(samples: &[f32]) -> Vec<f64> {
    let energy = |frame: &[f32]| frame.iter().map(|s| f64::from(*s) * f64::from(*s)).sum::<f64>();
    samples.chunks_exact(FRAME).map(energy).collect()
}

fn active(energies: &[f64]) -> Vec<bool> {
    let loudest = energies.iter().copied().fold(0.0, f64::max);
    energies.iter().map(|energy| *energy > loudest * PAUSE).collect()
}

/// Energy before to energy after, in dB. `None` without any.
fn ratio_db(pairs: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (before, after) = pairs.fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
    (before > 0.0).then(|| 10.0 * (before / after.max(1e-12)).log10())
}

/// Where `sent` resembles `near` most, in samples, by the correlation of its loudest second.
fn delay(near: &[f32], sent: &[f32]) -> Option<usize> {
    let length = RATE as usize;
    let starts = (near.len() / 2..near.len().checked_sub(length + MAX_DELAY)?).step_by(length / 2);
    let power = |from: usize| near[from..from + length].iter().map(|s| s * s).sum::<f32>();
    let from = starts.max_by(|a, b| power(*a).total_cmp(&power(*b)))?;
    let alike = |lag: usize| {
        let pairs = near[from..from + length].iter().zip(&sent[from + lag..]);
        pairs.map(|(a, b)| a * b).sum::<f32>()
    };
    (0..MAX_DELAY).max_by(|a, b| alike(*a).total_cmp(&alike(*b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_and_an_attenuation_are_found() {
        let voice = crate::speech::bundled(crate::speech::MAN).unwrap();
        let near = &voice[..8 * RATE as usize];
        let mut sent = vec![0.0; 123];
        sent.extend(near.iter().map(|sample| sample * 0.5));
        assert_eq!(delay(near, &sent), Some(123));
        let pairs = || energies(near).into_iter().zip(energies(&sent[123..]));
        let attenuation = ratio_db(pairs()).unwrap();
        assert!((attenuation - 6.02).abs() < 0.01, "{attenuation} dB");
    }
}
