//! Plots show what was there, however long.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // a test fails by them

mod support;

use proptest::prelude::*;
use sidetone_acoustics::plot::{Envelope, Histogram, Spectrogram};
use sidetone_acoustics::signal::Sine;
use support::rate;

proptest! {
    #[test]
    fn an_envelope_holds_every_sample(samples in prop::collection::vec(-1.0_f32..1.0, 1..5_000), columns in 2_usize..200) {
        let mut envelope = Envelope::new(columns);
        samples.chunks(77).for_each(|block| envelope.push(block));
        let drawn = envelope.columns();
        prop_assert!(drawn.len() <= columns);
        let width = envelope.samples_per_column() as usize;
        prop_assert_eq!(drawn.len(), samples.len().div_ceil(width));
        // At most one in two columns is given away.
        prop_assert!(width == 1 || drawn.len() > columns / 2 - 1);
        for (column, piece) in drawn.iter().zip(samples.chunks(width)) {
            prop_assert_eq!(column.min, piece.iter().copied().fold(f32::MAX, f32::min));
            prop_assert_eq!(column.max, piece.iter().copied().fold(f32::MIN, f32::max));
        }
    }

    #[test]
    fn a_histogram_counts_every_value(values in prop::collection::vec(any::<f64>(), 0..500), bins in 1_usize..50) {
        let mut histogram = Histogram::new(-10.0, 1e3, bins).unwrap();
        values.iter().for_each(|value| histogram.push(*value));
        prop_assert_eq!(histogram.total() + histogram.invalid, values.len() as u64);
        prop_assert_eq!(histogram.counts.len(), bins);
    }

    #[test]
    fn a_tone_is_in_its_row(hz in 150.0_f64..7_000.0, seconds in 1_usize..20) {
        let rate = rate(16_000);
        let mut spectrogram = Spectrogram::new(rate, 40, 60);
        let tone: Vec<f32> = Sine::new(rate, hz, 0.5).unwrap().take(seconds * 16_000).collect();
        tone.chunks(160).for_each(|block| spectrogram.push(block));
        let data = spectrogram.data();
        prop_assert!(data.levels_db.len() <= 40);
        let length = data.column_seconds * data.levels_db.len() as f64;
        prop_assert!((length - seconds as f64).abs() < 2.0 * data.column_seconds + 0.1, "{length} s of {seconds}");
        for column in &data.levels_db {
            let loudest = (0..column.len()).max_by(|a, b| column[*a].total_cmp(&column[*b])).unwrap();
            let upper = data.frequencies.get(loudest + 1).copied().unwrap_or(8_000.0);
            // To within a bin.
            let bin = 16_000.0 / 1024.0;
            prop_assert!((data.frequencies[loudest] - bin..=upper + bin).contains(&hz), "row {loudest} for {hz}");
            prop_assert!((-13.0..-8.5).contains(&column[loudest]), "{}", column[loudest]);
        }
    }
}

#[test]
fn a_histogram_knows_its_bins() {
    let mut histogram = Histogram::new(0.0, 10.0, 5).unwrap();
    for value in [0.0, 1.99, 2.0, 9.99, 10.0, -0.1, f64::NAN] {
        histogram.push(value);
    }
    assert_eq!(histogram.counts, [2, 1, 0, 0, 1]);
    assert_eq!((histogram.below, histogram.above, histogram.invalid), (1, 1, 1));
}
