//! A recording on the machine's clock.

use std::path::Path;

use sidetone::media::voice::RATE;

use super::samples;
use super::wire::Nanos;

/// Mono sound at [`RATE`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Track {
    /// The samples.
    pub samples: Vec<f32>,
    /// The moment of the first.
    pub from: Nanos,
}

impl Track {
    /// Reads a recording that began at `from`.
    pub fn read(path: &Path, from: Nanos) -> Result<Self, String> {
        let samples = samples::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self { samples, from })
    }

    /// `seconds` out of the endless repetition of `speech` that began at `began`, from the moment `from` on.
    pub fn repeated(speech: &[f32], began: Nanos, from: Nanos, seconds: f64) -> Self {
        let first = count(from - began).max(0);
        let length = (seconds.max(0.0) * f64::from(RATE)) as usize;
        let samples = speech
            .iter()
            .copied()
            .cycle()
            .skip(first as usize % speech.len().max(1))
            .take(length)
            .collect();
        Self {
            samples,
            from: began + nanos(first),
        }
    }

    /// What is left of it from the moment `from` on, and at most `seconds` of that.
    pub fn cut(&self, from: Nanos, seconds: f64) -> Self {
        let skip = (count(from - self.from).max(0) as usize).min(self.samples.len());
        let length = (seconds.max(0.0) * f64::from(RATE)) as usize;
        Self {
            samples: self.samples[skip..].iter().copied().take(length).collect(),
            from: self.from + nanos(skip as i64),
        }
    }
}

/// Samples in a time.
fn count(nanos: Nanos) -> i64 {
    (nanos as f64 / 1e9 * f64::from(RATE)).round() as i64
}

/// Time of samples.
pub fn nanos(samples: i64) -> Nanos {
    (samples as f64 / f64::from(RATE) * 1e9) as Nanos
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repetition_is_cut_where_it_is_heard() {
        let speech: Vec<f32> = (0..RATE).map(|index| index as f32).collect();
        let track = Track::repeated(&speech, 1_000_000_000, 2_500_000_000, 0.75);
        assert_eq!(track.from, 2_500_000_000);
        assert_eq!((track.samples[0], track.samples[24_000]), (24_000.0, 0.0));
        assert_eq!(track.samples.len(), 36_000);
    }

    #[test]
    fn a_cut_keeps_its_moment() {
        let track = Track {
            samples: (0..100).map(|index| index as f32).collect(),
            from: 0,
        };
        let cut = track.cut(nanos(48), 1.0);
        assert_eq!((cut.samples[0], cut.samples.len()), (48.0, 52));
        assert!((cut.from - nanos(48)).abs() <= 1);
        assert_eq!(track.cut(-5, 1.0), track);
        assert!(track.cut(nanos(1000), 1.0).samples.is_empty());
    }
}
