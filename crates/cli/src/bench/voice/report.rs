//! What the benchmark says of each case, as JSON and as a table.

use comfy_table::{Cell, CellAlignment, Table, presets};
use serde::Serialize;
use sidetone_media::voice::{RATE, codec_version};

use super::call::Heard;
use super::matrix::Case;
use crate::bench::percentile::{percentile, sorted};

/// All cases.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Where the network's dice started.
    pub seed: u64,
    /// Speech in each case, in seconds.
    pub seconds: f64,
    /// The codec.
    pub codec: &'static str,
    /// One for each case and receiver.
    pub outcomes: Vec<Outcome>,
}

/// One case at one receiver. Shares are of all samples while the stream played.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Name of the case.
    pub case: String,
    /// `sidetone`, or `plain`: the receiver that adapts nothing.
    pub receiver: &'static str,
    /// Sent, with IP, UDP and RTP headers, in kbit/s.
    pub wire_kbps: f64,
    /// The same with the authentication tag of SRTP and the level extension that a real call has.
    pub srtp_kbps: f64,
    /// Share of the packets that never arrived.
    pub lost: f64,
    /// Mouth to ear, median, in ms.
    pub delay_p50_ms: Option<f64>,
    /// Exceeded by one sample in twenty.
    pub delay_p95_ms: Option<f64>,
    /// Longest.
    pub delay_max_ms: Option<f64>,
    /// Share made up.
    pub concealed: f64,
    /// Share rebuilt from copies of whole frames (RED).
    pub red: f64,
    /// Share rebuilt from in-band FEC.
    pub fec: f64,
    /// Share rebuilt from deep redundancy.
    pub dred: f64,
    /// Share added or taken out by playing slower or faster.
    pub stretched: f64,
}

impl Outcome {
    pub fn new(case: &Case, receiver: &'static str, heard: &Heard) -> Self {
        let delays = sorted(&heard.delays_ms);
        let share = |samples: u64| samples as f64 / heard.samples.len().max(1) as f64;
        Self {
            case: case.name.clone(),
            receiver,
            wire_kbps: heard.wire_kbps(),
            srtp_kbps: heard.srtp_kbps(),
            lost: heard.lost,
            delay_p50_ms: percentile(&delays, 0.5),
            delay_p95_ms: percentile(&delays, 0.95),
            delay_max_ms: percentile(&delays, 1.0),
            concealed: share(heard.concealed),
            red: share(heard.red),
            fec: share(heard.fec),
            dred: share(heard.dred),
            stretched: share(heard.stretched),
        }
    }
}

impl Report {
    pub fn new(seed: u64, samples: usize) -> Self {
        Self {
            seed,
            seconds: samples as f64 / f64::from(RATE),
            codec: codec_version(),
            outcomes: Vec::new(),
        }
    }

    /// For the terminal.
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header([
            "case",
            "receiver",
            "kbit/s",
            "lost %",
            "ms p50",
            "p95",
            "max",
            "made up %",
            "RED %",
            "FEC %",
            "DRED %",
        ]);
        for outcome in &self.outcomes {
            let share = |share: f64| format!("{:.2}", share * 100.0);
            let ms = |ms: Option<f64>| ms.map_or("-".into(), |ms| format!("{ms:.1}"));
            let figures = [
                format!("{:.1}", outcome.wire_kbps),
                share(outcome.lost),
                ms(outcome.delay_p50_ms),
                ms(outcome.delay_p95_ms),
                ms(outcome.delay_max_ms),
                share(outcome.concealed),
                share(outcome.red),
                share(outcome.fec),
                share(outcome.dred),
            ];
            let mut row = vec![Cell::new(&outcome.case), Cell::new(outcome.receiver)];
            row.extend(figures.map(|figure| Cell::new(figure).set_alignment(CellAlignment::Right)));
            table.add_row(row);
        }
        format!(
            "{}\n{:.0} s of speech a case, seed {}",
            table.trim_fmt(),
            self.seconds,
            self.seed
        )
    }
}
