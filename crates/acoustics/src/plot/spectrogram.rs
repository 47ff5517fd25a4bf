//! Levels over time and frequency.

use serde::Serialize;

use crate::rate::SampleRate;
use crate::sample::{clean, power_db};
use crate::spectrum::PowerSpectrum;

/// Lowest frequency of a row, in Hz.
const LOWEST: f64 = 50.0;

/// The spectrogram of a recording of any length. Rows are bands of one width on a logarithmic scale, columns are from half
/// as many to as many as were asked for.
#[derive(Clone, Debug)]
pub struct Spectrogram {
    rate: SampleRate,
    spectrum: PowerSpectrum,
    window: Vec<f64>,
    most: usize,
    /// First bin of each row, and the one after the last.
    edges: Vec<usize>,
    /// Powers, row after row of each column.
    columns: Vec<Vec<f32>>,
    /// Spectra a column, and how many the last one has.
    width: u32,
    filled: u32,
}

/// What a [`Spectrogram`] has drawn.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SpectrogramData {
    /// Seconds of a column.
    pub column_seconds: f64,
    /// Lower edge of each row, in Hz.
    pub frequencies: Vec<f64>,
    /// Levels in dB of full scale: a column each, its rows from low to high.
    pub levels_db: Vec<Vec<f32>>,
}

impl Spectrogram {
    /// At most `columns` by `rows`; fewer rows where the transform cannot tell them apart.
    pub fn new(rate: SampleRate, columns: usize, rows: usize) -> Self {
        let size = rate.count(0.04).next_power_of_two();
        let rows = rows.clamp(1, 1024);
        let ratio = rate.float() / 2.0 / LOWEST;
        let bin = |row: usize| {
            let hz = LOWEST * ratio.powf(row as f64 / rows as f64);
            (hz * size as f64 / rate.float()).round() as usize
        };
        let mut edges: Vec<usize> = (0..=rows).map(bin).collect();
        edges.dedup();
        Self {
            rate,
            spectrum: PowerSpectrum::new(size),
            window: Vec::with_capacity(size),
            most: columns.clamp(2, 1 << 16) & !1,
            edges,
            columns: Vec::new(),
            width: 1,
            filled: 1,
        }
    }

    /// Draws a block.
    pub fn push(&mut self, recorded: &[f32]) {
        for &sample in recorded {
            self.window.push(clean(sample));
            if self.window.len() == self.spectrum.size() {
                self.draw();
                // Half of it again, with the next.
                self.window.drain(..self.spectrum.size() / 2);
            }
        }
    }

    fn draw(&mut self) {
        let size = self.window.len();
        let bins = self.spectrum.of(self.window.iter().copied());
        let row = |edge: &[usize]| {
            let bins = &bins[edge[0].min(size / 2)..edge[1].min(size / 2)];
            bins.iter().sum::<f64>() as f32
        };
        let powers: Vec<f32> = self.edges.windows(2).map(row).collect();
        match self.columns.last_mut().filter(|_| self.filled < self.width) {
            Some(column) => {
                column
                    .iter_mut()
                    .zip(powers)
                    .for_each(|(sum, power)| *sum += power);
                self.filled += 1;
            }
            None => {
                if self.columns.len() == self.most {
                    self.halve();
                }
                self.columns.push(powers);
                self.filled = 1;
            }
        }
    }

    fn halve(&mut self) {
        let sum = |pair: &[Vec<f32>]| {
            let rows = 0..pair[0].len();
            rows.map(|row| pair.iter().map(|column| column[row]).sum())
                .collect()
        };
        self.columns = self.columns.chunks(2).map(sum).collect();
        self.width *= 2;
    }

    /// What was drawn so far.
    pub fn data(&self) -> SpectrogramData {
        let size = self.spectrum.size();
        let last = self.columns.len().saturating_sub(1);
        let levels = self.columns.iter().enumerate().map(|(at, column)| {
            let spectra = if at == last { self.filled } else { self.width };
            column
                .iter()
                .map(|sum| power_db(f64::from(*sum) / f64::from(spectra)) as f32)
                .collect()
        });
        let rows = self.edges.len() - 1;
        SpectrogramData {
            column_seconds: f64::from(self.width) * self.rate.seconds(size as u64 / 2),
            frequencies: self.edges[..rows]
                .iter()
                .map(|bin| *bin as f64 * self.rate.float() / size as f64)
                .collect(),
            levels_db: levels.collect(),
        }
    }
}
