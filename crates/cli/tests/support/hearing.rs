//! Whether what was said is what was heard, by correlation: energy alone would take any noise for speech.

use std::path::Path;

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use std::sync::Arc;

/// Rate at which sounds are compared: that of the bundled recordings, in Hz.
pub const RATE: usize = 16_000;

/// Pieces this long are looked for.
const PIECE: usize = RATE / 2;

/// A piece that correlates at least this well is the same sound. Other speech of the same voice stays below 0.5 in a
/// piece this long; this speech, coded at 32 kbit/s, above 0.9.
const SAME: f64 = 0.8;

/// How far a piece may lie from where the others say it should, in samples: the jitter buffer plays faster and slower.
const SLACK: i64 = RATE as i64 / 10;

/// What was found of a recording.
#[derive(Debug)]
pub struct Heard {
    /// Position of each spoken piece in what was said, its lag in what was heard and how alike they are.
    pub pieces: Vec<(usize, i64, f64)>,
    /// Share of the pieces that were heard in their place, 0 to 1.
    pub share: f64,
    /// Share of the pieces that were heard anywhere: for machines whose sound server drops a moment under load, which
    /// moves all that follows.
    pub anywhere: f64,
}

/// Looks for every half second of speech of `said` in `heard`, both at [`RATE`].
pub fn find(said: &[f32], heard: &[f32]) -> Heard {
    let mut search = Search::new(heard);
    let loudness = rms(said);
    let pieces: Vec<_> = said
        .chunks_exact(PIECE)
        .enumerate()
        .filter(|(_, piece)| rms(piece) > loudness / 3.0)
        .map(|(index, piece)| {
            let (at, likeness) = search.best(piece);
            (index * PIECE, at as i64 - (index * PIECE) as i64, likeness)
        })
        .collect();
    let mut lags: Vec<_> = pieces
        .iter()
        .filter(|piece| piece.2 >= SAME)
        .map(|piece| piece.1)
        .collect();
    lags.sort_unstable();
    let usual = lags.get(lags.len() / 2).copied().unwrap_or(0);
    let in_place = pieces
        .iter()
        .filter(|piece| piece.2 >= SAME && (piece.1 - usual).abs() <= SLACK)
        .count();
    let all = pieces.len().max(1) as f64;
    Heard {
        share: in_place as f64 / all,
        anywhere: lags.len() as f64 / all,
        pieces,
    }
}

/// Reads a bundled recording, `seconds` of it.
pub fn recording(path: &str, seconds: usize) -> Vec<f32> {
    let mut reader = claxon::FlacReader::open(path).expect("a recording");
    assert_eq!(reader.streaminfo().sample_rate as usize, RATE);
    reader
        .samples()
        .take(seconds * RATE)
        .map(|sample| sample.expect("a sample") as f32 / 32_768.0)
        .collect()
}

/// Reads what an end wrote: one channel, 48 kHz. Nothing above 8 kHz is in it, so every third sample is enough.
pub fn wav(path: &Path) -> Vec<f32> {
    let mut reader = hound::WavReader::open(path).expect("a WAV file");
    assert_eq!((reader.spec().channels, reader.spec().sample_rate), (1, 48_000));
    reader
        .samples::<f32>()
        .map(|sample| sample.expect("a sample"))
        .step_by(48_000 / RATE)
        .collect()
}

fn rms(samples: &[f32]) -> f64 {
    energy(samples).sqrt() / (samples.len().max(1) as f64).sqrt()
}

fn energy(samples: &[f32]) -> f64 {
    samples.iter().map(|sample| f64::from(*sample).powi(2)).sum()
}

/// Cross-correlation with one long sound.
struct Search<'a> {
    heard: &'a [f32],
    spectrum: Vec<Complex<f64>>,
    forward: Arc<dyn RealToComplex<f64>>,
    inverse: Arc<dyn ComplexToReal<f64>>,
}

impl<'a> Search<'a> {
    fn new(heard: &'a [f32]) -> Self {
        assert!(heard.len() > PIECE, "only {} samples were heard", heard.len());
        let size = (heard.len() + PIECE).next_power_of_two();
        let mut planner = RealFftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
        let mut search = Self {
            heard,
            spectrum: Vec::new(),
            forward,
            inverse,
        };
        search.spectrum = search.transform(heard);
        search
    }

    fn transform(&self, samples: &[f32]) -> Vec<Complex<f64>> {
        let mut padded = self.forward.make_input_vec();
        padded
            .iter_mut()
            .zip(samples)
            .for_each(|(to, from)| *to = f64::from(*from));
        let mut spectrum = self.forward.make_output_vec();
        self.forward
            .process(&mut padded, &mut spectrum)
            .expect("lengths that fit");
        spectrum
    }

    /// Where `piece` fits best, and how well: 1 is the same sound, louder or softer.
    fn best(&mut self, piece: &[f32]) -> (usize, f64) {
        let mut product: Vec<_> = self
            .spectrum
            .iter()
            .zip(self.transform(piece))
            .map(|(heard, said)| heard * said.conj())
            .collect();
        let mut correlation = self.inverse.make_output_vec();
        self.inverse
            .process(&mut product, &mut correlation)
            .expect("lengths that fit");
        let scale = correlation.len() as f64 * energy(piece).sqrt();
        let mut squares = energy(&self.heard[..piece.len()]);
        let mut best = (0, 0.0);
        for (at, correlation) in correlation
            .iter()
            .enumerate()
            .take(self.heard.len() - piece.len())
        {
            // Next to silence everything is alike.
            let likeness = correlation / (scale * squares.max(1e-6).sqrt());
            if likeness > best.1 {
                best = (at, likeness);
            }
            squares += f64::from(self.heard[at + piece.len()]).powi(2) - f64::from(self.heard[at]).powi(2);
        }
        best
    }
}
