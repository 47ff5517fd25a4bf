//! Mouth-to-ear delay, measured from the sound itself: what went into the microphone against what came out of
//! the speaker, by windowed normalised cross-correlation.
//!
//! It refuses to know timestamps from inside the engine: the only clock is the one both recordings share, and the
//! caller says how far apart they begin on it.

use std::time::Duration;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

/// How to measure.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Length of the piece of the reference that is searched for. Longer is surer, shorter follows faster.
    pub window: Duration,
    /// From the start of one window to the next.
    pub hop: Duration,
    /// Smallest delay looked for, in milliseconds. Below zero, so that a wrong clock offset shows up as such.
    pub earliest_ms: f64,
    /// Largest delay looked for, in milliseconds.
    pub latest_ms: f64,
    /// A window whose best match correlates less than this is rejected.
    pub min_correlation: f64,
    /// A window that matches nearly as well 1.5 ms or more beside its best match is rejected: this is the least by
    /// which the best must be better. A sustained vowel is its own neighbour one pitch period away, and finds
    /// itself in other vowels.
    pub min_distinction: f64,
    /// A window counts as speech when its power is at most this far below the active speech level.
    pub activity_margin_db: f64,
    /// When the first recorded sample was heard, in milliseconds after the first reference sample was spoken.
    pub recording_starts_ms: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            window: Duration::from_millis(400),
            hop: Duration::from_millis(100),
            earliest_ms: -50.0,
            latest_ms: 1000.0,
            // On the bundled speech, other speech of the same voice reaches 0.72, but then it is never distinct.
            min_correlation: 0.6,
            min_distinction: 0.06,
            activity_margin_db: 15.9,
            recording_starts_ms: 0.0,
        }
    }
}

/// The delay of one window of speech.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowDelay {
    /// Where the window begins in the reference.
    pub at: Duration,
    /// From spoken to heard, in milliseconds, to a fraction of a sample.
    pub delay_ms: f64,
    /// Normalised correlation of the match, up to 1.
    pub correlation: f64,
}

/// All windows of one recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measurement {
    /// Windows that were found again, in order.
    pub windows: Vec<WindowDelay>,
    /// Windows without enough speech to look for.
    pub silent: usize,
    /// Windows of speech that were not found again.
    pub rejected: usize,
    /// Level of the recorded speech against the reference over the windows found, in dB. `None` without any.
    pub level_error_db: Option<f64>,
}

impl Measurement {
    /// The delays alone, in milliseconds.
    pub fn delays_ms(&self) -> Vec<f64> {
        self.windows.iter().map(|window| window.delay_ms).collect()
    }
}

/// Finds every window of `reference` again in `recorded`. Both are mono at `rate` Hz.
///
/// Windows whose search range lies wholly outside the recording are not looked for and not counted.
pub fn mouth_to_ear(reference: &[f32], recorded: &[f32], rate: u32, options: &Options) -> Measurement {
    let rate = f64::from(rate);
    let window = (options.window.as_secs_f64() * rate).round() as usize;
    let hop = ((options.hop.as_secs_f64() * rate).round() as usize).max(1);
    let lag_of = |delay_ms: f64| ((delay_ms - options.recording_starts_ms) * rate / 1e3).round() as isize;
    let (first_lag, last_lag) = (lag_of(options.earliest_ms), lag_of(options.latest_ms));
    let mut measurement = Measurement::default();
    if window == 0 || reference.len() < window || last_lag < first_lag {
        return measurement;
    }
    let Some(level) = active_speech_power(reference, rate as u32) else {
        measurement.silent = (reference.len() - window) / hop + 1;
        return measurement;
    };
    let threshold = level * 10_f64.powf(-options.activity_margin_db / 10.0);

    let (flat_reference, flat_recorded) = (flattened(reference, rate), flattened(recorded, rate));
    let mut matcher = Matcher::new(
        window,
        (last_lag - first_lag) as usize + 1,
        (rate * 0.0015) as usize,
    );
    let (mut reference_energy, mut recorded_energy) = (0.0, 0.0);
    for start in (0..=reference.len() - window).step_by(hop) {
        let template = &reference[start..start + window];
        if power(template) < threshold {
            measurement.silent += 1;
            continue;
        }
        let flat_template = &flat_reference[start..start + window];
        let Some(found) = matcher.search(flat_template, &flat_recorded, start as isize + first_lag) else {
            continue;
        };
        if found.correlation < options.min_correlation || found.distinction < options.min_distinction {
            measurement.rejected += 1;
            continue;
        }
        let delay_ms = (found.position - start as f64) / rate * 1e3 + options.recording_starts_ms;
        measurement.windows.push(WindowDelay {
            at: Duration::from_secs_f64(start as f64 / rate),
            delay_ms,
            correlation: found.correlation,
        });
        reference_energy += power(template);
        recorded_energy += power(&recorded[found.index..found.index + window]);
    }
    if reference_energy > 0.0 && recorded_energy > 0.0 {
        measurement.level_error_db = Some(10.0 * (recorded_energy / reference_energy).log10());
    }
    measurement
}

/// The signal with the slope of the voice taken out: a first-order high-pass at 1 kHz. Otherwise the lowest
/// harmonics decide alone, and any two vowels of one pitch look alike.
fn flattened(samples: &[f32], rate: f64) -> Vec<f32> {
    let pole = (-std::f64::consts::TAU * 1000.0 / rate).exp() as f32;
    let before = std::iter::once(0.0).chain(samples.iter().copied());
    samples
        .iter()
        .zip(before)
        .map(|(&sample, before)| sample - pole * before)
        .collect()
}

/// Mean square.
fn power(samples: &[f32]) -> f64 {
    samples
        .iter()
        .map(|&sample| f64::from(sample).powi(2))
        .sum::<f64>()
        / samples.len().max(1) as f64
}

/// Mean square of the active speech: of the 10 ms frames that are less than 15.9 dB below it (the margin of ITU-T
/// P.56). `None` where there is nothing above -70 dBFS.
pub fn active_speech_power(samples: &[f32], rate: u32) -> Option<f64> {
    let frames: Vec<f64> = samples
        .chunks_exact((rate as usize / 100).max(1))
        .map(power)
        .collect();
    let mut threshold = 1e-7;
    let mut level = None;
    // The threshold follows the level, and both only rise: a fixed point is near after a few rounds.
    for _ in 0..8 {
        let active = frames.iter().filter(|&&frame| frame > threshold);
        let (count, sum) = active.fold((0_u32, 0.0), |(count, sum), frame| (count + 1, sum + frame));
        if count == 0 {
            break;
        }
        let mean = sum / f64::from(count);
        level = Some(mean);
        threshold = mean * 10_f64.powf(-1.59);
    }
    level
}

/// Where a template matched best.
struct Match {
    /// Sample of the recording, to a fraction.
    position: f64,
    /// The nearest whole sample.
    index: usize,
    correlation: f64,
    /// By how much it is better than any match that is not its neighbour.
    distinction: f64,
}

/// Searches templates of one length over ranges of one length, by FFT.
struct Matcher {
    window: usize,
    lags: usize,
    /// Lags this near to each other are one match.
    neighbourhood: usize,
    forward: std::sync::Arc<dyn RealToComplex<f64>>,
    inverse: std::sync::Arc<dyn realfft::ComplexToReal<f64>>,
    time: Vec<f64>,
    template: Vec<Complex<f64>>,
    region: Vec<Complex<f64>>,
    correlation: Vec<f64>,
    centred: Vec<f64>,
    stretch: Vec<f64>,
}

impl Matcher {
    fn new(window: usize, lags: usize, neighbourhood: usize) -> Self {
        // Long enough that nothing wraps round into the lags we read; a multiple of a power of two is fast.
        let size = (window + lags - 1).next_multiple_of(4096);
        let mut planner = RealFftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
        Self {
            window,
            lags,
            neighbourhood,
            time: forward.make_input_vec(),
            template: forward.make_output_vec(),
            region: forward.make_output_vec(),
            correlation: inverse.make_output_vec(),
            forward,
            inverse,
            centred: vec![0.0; window],
            stretch: vec![0.0; window + lags - 1],
        }
    }

    /// The best match that begins at `first` or up to the number of lags later, wholly inside `recorded`.
    fn search(&mut self, template: &[f32], recorded: &[f32], first: isize) -> Option<Match> {
        let last_start = recorded.len().checked_sub(self.window)? as isize;
        let usable = first.max(0)..=(first + self.lags as isize - 1).min(last_start);
        if usable.is_empty() {
            return None;
        }
        let (low, high) = (usable.start() - first, usable.end() - first);

        for (offset, sample) in self.stretch.iter_mut().enumerate() {
            let index = usize::try_from(first + offset as isize).ok();
            *sample = index
                .and_then(|index| recorded.get(index))
                .map_or(0.0, |&sample| f64::from(sample));
        }
        let mean = template.iter().map(|&sample| f64::from(sample)).sum::<f64>() / self.window as f64;
        for (centred, &sample) in self.centred.iter_mut().zip(template) {
            *centred = f64::from(sample) - mean;
        }
        let template_energy: f64 = self.centred.iter().map(|sample| sample * sample).sum();
        self.correlate()?;

        // Slide the energy of the recording along with the lag.
        let (mut sum, mut squares) = self.stretch[..self.window]
            .iter()
            .fold((0.0, 0.0), |(sum, squares), sample| {
                (sum + sample, squares + sample * sample)
            });
        for lag in 0..self.lags {
            if lag > 0 {
                let (gone, come) = (self.stretch[lag - 1], self.stretch[lag + self.window - 1]);
                sum += come - gone;
                squares += come * come - gone * gone;
            }
            let energy = squares - sum * sum / self.window as f64;
            let product = template_energy * energy;
            // -100 dBFS and below is no sound, only rounding.
            let audible = energy > 1e-10 * self.window as f64;
            self.correlation[lag] = if audible {
                self.correlation[lag] / product.sqrt()
            } else {
                0.0
            };
        }

        let scores = &self.correlation[..self.lags];
        let best = (low as usize..=high as usize).max_by(|&a, &b| scores[a].total_cmp(&scores[b]))?;
        let neighbour = |lag: usize| scores.get(lag).copied().unwrap_or(scores[best]);
        let (before, peak, after) = (neighbour(best.wrapping_sub(1)), scores[best], neighbour(best + 1));
        // Vertex of the parabola through the three highest points.
        let bend = before - 2.0 * peak + after;
        let fraction = if bend < 0.0 {
            (0.5 * (before - after) / bend).clamp(-0.5, 0.5)
        } else {
            0.0
        };
        let elsewhere = (low as usize..=high as usize)
            .filter(|lag| lag.abs_diff(best) > self.neighbourhood)
            .map(|lag| scores[lag])
            .fold(0.0, f64::max);
        let start = first + best as isize;
        Some(Match {
            position: start as f64 + fraction,
            index: start as usize,
            correlation: peak,
            distinction: peak - elsewhere,
        })
    }

    /// Cross-correlation of `centred` with `stretch` for every lag, into `correlation`.
    fn correlate(&mut self) -> Option<()> {
        let size = self.time.len();
        for (source, spectrum) in [
            (&self.centred, &mut self.template),
            (&self.stretch, &mut self.region),
        ] {
            self.time.fill(0.0);
            self.time[..source.len()].copy_from_slice(source);
            self.forward.process(&mut self.time, spectrum).ok()?;
        }
        for (region, template) in self.region.iter_mut().zip(&self.template) {
            *region *= template.conj() / size as f64;
        }
        // Real signals have real first and last bins; rounding must not say otherwise.
        if let [first, .., last] = self.region.as_mut_slice() {
            first.im = 0.0;
            last.im = 0.0;
        }
        self.inverse.process(&mut self.region, &mut self.correlation).ok()
    }
}

#[cfg(test)]
mod tests;
