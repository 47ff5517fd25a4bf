//! What the benchmark says of each case, as JSON and as a table.

use comfy_table::{Cell, CellAlignment, Table, presets};
use serde::Serialize;
use sidetone_media::voice::Processing;

use super::measure::Figures;

/// All cases.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Where the dice started.
    pub seed: u64,
    /// Length of each case, in seconds.
    pub seconds: f64,
    /// What was on.
    pub processing: Processing,
    /// One for each case.
    pub outcomes: Vec<Outcome>,
}

/// One case.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Name of the case.
    pub case: &'static str,
    /// Whether the far end speaks.
    pub far: bool,
    /// Whether the near end speaks.
    pub near: bool,
    /// When both speak, where they do; otherwise when the canceller had its time to learn. In seconds.
    pub settled_s: f64,
    /// What came of it.
    #[serde(flatten)]
    pub figures: Figures,
}

impl Report {
    /// For the terminal.
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header([
            "case",
            "ERLE dB",
            "worst 3 s",
            "20 dB in s",
            "near dB",
            "onsets dB",
            "swing dB",
            "noise dB",
            "delay ms",
        ]);
        for outcome in &self.outcomes {
            let figures = &outcome.figures;
            let mut row = vec![Cell::new(outcome.case)];
            let cells = [
                figures.erle_db,
                figures.erle_worst_db,
                figures.convergence_s,
                figures.near_attenuation_db,
                figures.onset_attenuation_db,
                figures.gain_swing_db,
                figures.noise_reduction_db,
                figures.delay_ms,
            ];
            row.extend(cells.map(|figure| {
                let text = figure.map_or("-".into(), |figure| format!("{figure:.1}"));
                Cell::new(text).set_alignment(CellAlignment::Right)
            }));
            table.add_row(row);
        }
        format!(
            "{}\n{:.0} s a case, seed {}",
            table.trim_fmt(),
            self.seconds,
            self.seed
        )
    }
}
