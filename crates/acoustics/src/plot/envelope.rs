//! A waveform as columns of lowest and highest sample.

use serde::Serialize;

use crate::sample::clean;

/// Part of a waveform.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Column {
    /// The lowest sample.
    pub min: f32,
    /// The highest sample.
    pub max: f32,
}

/// The waveform of a recording of any length: from half as many to as many columns as were asked for.
#[derive(Clone, Debug)]
pub struct Envelope {
    most: usize,
    columns: Vec<Column>,
    /// Samples a column.
    width: u64,
    /// Samples in the last column.
    filled: u64,
}

impl Envelope {
    /// At most `columns`, and at least two.
    pub fn new(columns: usize) -> Self {
        let most = columns.clamp(2, 1 << 20) & !1;
        Self {
            most,
            columns: Vec::new(),
            width: 1,
            filled: 1,
        }
    }

    /// Draws a block.
    pub fn push(&mut self, recorded: &[f32]) {
        for &sample in recorded {
            let sample = clean(sample) as f32;
            match self.columns.last_mut().filter(|_| self.filled < self.width) {
                Some(column) => {
                    column.min = column.min.min(sample);
                    column.max = column.max.max(sample);
                    self.filled += 1;
                }
                None => {
                    if self.columns.len() == self.most {
                        self.halve();
                    }
                    self.columns.push(Column {
                        min: sample,
                        max: sample,
                    });
                    self.filled = 1;
                }
            }
        }
    }

    /// Two columns become one.
    fn halve(&mut self) {
        let pairs = self.columns.chunks(2).map(|pair| Column {
            min: pair.iter().map(|column| column.min).fold(f32::MAX, f32::min),
            max: pair.iter().map(|column| column.max).fold(f32::MIN, f32::max),
        });
        self.columns = pairs.collect();
        self.width *= 2;
    }

    /// What was drawn so far.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Samples of each column but the last.
    pub fn samples_per_column(&self) -> u64 {
        self.width
    }
}
