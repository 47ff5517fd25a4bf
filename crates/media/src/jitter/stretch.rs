//! Time-stretching by whole pitch periods: one period is taken out or repeated under a cross-fade, so the sound
//! gets shorter or longer while its pitch stays (overlap-add guided by waveform similarity, WSOLA; Verhelst and
//! Roelands, ICASSP 1993). It refuses to know why anybody would want to.

use std::ops::RangeInclusive;

/// Shortest lag: 2.5 ms, a voice at 400 Hz.
pub(super) const MIN_LAG: usize = 120;
/// Longest lag: 15 ms, a voice at 67 Hz.
pub(super) const MAX_LAG: usize = 720;
/// Shortest cross-fade that is not heard as a click.
pub(super) const MIN_FADE: usize = 120;

/// Reduction of the rate for the coarse search: 8 kHz.
const STEP: usize = 6;
/// Compared length, 8 ms.
const WINDOW: usize = 384;
const COARSE: usize = (2 * MAX_LAG + WINDOW) / STEP + 2;

/// A lag at which a signal resembles itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Match {
    pub(super) lag: usize,
    /// Normalised correlation, -1 to 1.
    pub(super) correlation: f32,
}

/// Which way from the origin the other period lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Before,
    After,
}

fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let (mut dot, mut aa, mut bb) = (0.0_f32, 1e-9_f32, 1e-9_f32);
    for (x, y) in a.iter().zip(b) {
        dot += x * y;
        aa += x * x;
        bb += y * y;
    }
    dot / (aa * bb).sqrt()
}

/// Finds the lag, among `lags`, at which the signal around `origin` resembles itself most. `None` when the signal
/// is too short for any of them.
pub(super) fn best_lag(
    signal: &[f32],
    origin: usize,
    side: Side,
    lags: RangeInclusive<usize>,
) -> Option<Match> {
    let ahead = signal.len().checked_sub(origin)?;
    let (low, high) = (*lags.start().max(&MIN_LAG), *lags.end().min(&MAX_LAG));
    let (high, window) = match side {
        Side::Before => (high.min(origin), ahead.min(WINDOW)),
        Side::After => {
            let high = high.min(ahead.saturating_sub(MIN_FADE));
            (high, ahead.saturating_sub(high).min(WINDOW))
        }
    };
    if low > high || window < MIN_FADE {
        return None;
    }
    let other = |lag: usize| match side {
        Side::Before => origin - lag,
        Side::After => origin + lag,
    };

    // Coarse search at 8 kHz: means over STEP samples, counted from the earliest sample in reach.
    let first = match side {
        Side::Before => origin - high / STEP * STEP,
        Side::After => origin,
    };
    let mut coarse = [0.0_f32; COARSE];
    let mut len = 0;
    for (mean, chunk) in coarse.iter_mut().zip(signal[first..].chunks_exact(STEP)) {
        *mean = chunk.iter().sum();
        len += 1;
    }
    let at = (origin - first) / STEP;
    let length = (window / STEP).min(len - at.min(len));
    let here = coarse.get(at..at + length)?;
    let mut best: Option<Match> = None;
    for lag in low.div_ceil(STEP)..=high / STEP {
        let from = match side {
            Side::Before => at - lag,
            Side::After => at + lag,
        };
        let Some(there) = coarse[..len].get(from..from + length) else {
            continue;
        };
        let correlation = correlation(here, there);
        if best.is_none_or(|best| correlation > best.correlation) {
            best = Some(Match {
                lag: lag * STEP,
                correlation,
            });
        }
    }

    // Fine search around it at the full rate.
    let middle = best.map_or(low, |best| best.lag);
    let here = &signal[origin..origin + window];
    (middle.saturating_sub(STEP).max(low)..=(middle + STEP).min(high))
        .map(|lag| {
            let from = other(lag);
            Match {
                lag,
                correlation: correlation(here, &signal[from..from + window]),
            }
        })
        .max_by(|a, b| a.correlation.total_cmp(&b.correlation))
}

/// Cross-fades `signal[origin..]` into what lies `lag` later. Returns the length of the fade: the caller then
/// takes out the `lag` samples that follow it.
pub(super) fn fold(signal: &mut [f32], origin: usize, lag: usize) -> usize {
    let ahead = signal.len().saturating_sub(origin + lag);
    let fade = ahead.min(lag.clamp(MIN_FADE, 480));
    for i in 0..fade {
        let weight = (i + 1) as f32 / (fade + 1) as f32;
        let (old, new) = (signal[origin + i], signal[origin + lag + i]);
        signal[origin + i] = old + (new - old) * weight;
    }
    fade
}

/// Fills the gap of `lag` samples at `origin`: it begins as the sound after the gap does, and ends as the sound
/// before it did, so both joints are seamless.
pub(super) fn unfold(signal: &mut [f32], origin: usize, lag: usize) {
    let ahead = signal.len() - origin - lag;
    let fade = lag.min(ahead);
    for i in 0..lag {
        let before = signal[origin - lag + i];
        signal[origin + i] = if i < fade {
            let weight = (i + 1) as f32 / (fade + 1) as f32;
            let after = signal[origin + lag + i];
            after + (before - after) * weight
        } else {
            before
        };
    }
}

/// Root mean square.
pub(super) fn rms(signal: &[f32]) -> f32 {
    (signal.iter().map(|x| x * x).sum::<f32>() / signal.len().max(1) as f32).sqrt()
}
