//! What a run came to, as data (schemas `sidetone.bench.video/1` and `sidetone.bench.screen/1`) and as rows for people.

use std::collections::BTreeMap;

use serde::Serialize;

use super::outcome::{Outcome, Stream};
use crate::bench::figures::{Section, figure};
use crate::bench::machine::Machine;
use crate::bench::target::Target;

/// A run of one or several cases.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Name and number of the schema.
    pub schema: &'static str,
    /// When the run ended, RFC 3339.
    pub finished_at: String,
    /// The command that repeats the run.
    pub command: String,
    /// One for each case.
    pub cases: Vec<Outcome>,
    /// What the figures are held against.
    pub targets: Vec<Target>,
    /// What was not measured, and why, in words.
    pub not_measured: Option<String>,
    /// The machine.
    pub machine: Machine,
    /// Versions of the program and its libraries.
    pub versions: BTreeMap<String, String>,
}

/// What the cases are held against. One that is not as designed is held against nothing.
pub fn targets(cases: &[Outcome]) -> Vec<Target> {
    let designed = cases.iter().filter(|outcome| outcome.as_designed);
    designed.flat_map(held_against).collect()
}

fn held_against(outcome: &Outcome) -> Vec<Target> {
    let each = |what: &str, of: fn(&Stream) -> Option<f64>, at_most: f64, unit: &str| {
        let named = |stream: &Stream| match outcome.streams.len() {
            1 => format!("{}: {what}", outcome.case),
            _ => format!("{}: {what}, {}", outcome.case, stream.name),
        };
        let target = |stream| Target::new(&named(stream), of(stream), at_most, unit);
        outcome.streams.iter().map(target).collect::<Vec<_>>()
    };
    let first_sharp = || each("first sharp picture", |stream| stream.first_sharp_ms, 300.0, "ms");
    match outcome.case {
        "two-way" => {
            let glass = |stream: &Stream| stream.glass_to_glass_ms.p50;
            // Nothing that was shown would be nothing that is missing.
            let missing = |stream: &Stream| {
                let frames = &stream.frames;
                (frames.shown > 0).then_some(frames.missing as f64)
            };
            let mut targets = each("glass to glass, median", glass, 120.0, "ms");
            targets.extend(each("pictures not shown", missing, 0.0, ""));
            targets
        }
        "loss-3" => each(
            "longest standstill",
            |stream| stream.freezes.longest_gap_ms,
            200.0,
            "ms",
        ),
        "dip" => each(
            "full quality again",
            |stream| stream.recovery?.quality_s,
            3.0,
            "s",
        ),
        "at-once" => first_sharp(),
        "idle" => {
            let mut targets = first_sharp();
            let name = format!("{}: processor for coding", outcome.case);
            targets.push(Target::new(&name, outcome.cpu.encoding, 15.0, "% of a core"));
            targets
        }
        _ => Vec::new(),
    }
}

impl Outcome {
    /// What was run, in one line.
    pub fn title(&self) -> String {
        let (width, height) = self.size;
        let rate = self.frame_rate;
        format!("{}: {}, {width} × {height} at {rate}", self.case, self.about)
    }

    /// All figures: a section for each stream, and one for the processor.
    pub fn sections(&self) -> Vec<Section> {
        let mut sections: Vec<Section> = self
            .streams
            .iter()
            .map(|stream| Section {
                title: format!("{}, {}", self.title(), stream.name).into(),
                rows: stream.rows(),
            })
            .collect();
        let cpu = &self.cpu;
        let load = |name: &str, value| row(name, value, "% of a core");
        sections.push(Section {
            title: format!("{}: processor, one process for both ends", self.case).into(),
            rows: vec![
                load("Coding", cpu.encoding),
                load("Coding, second half of the time", cpu.encoding_late),
                load("Decoding", cpu.decoding),
                load("Network of the first end", cpu.network[0]),
                load("Network of the second end", cpu.network[1]),
                load("An end that films", cpu.filming_end),
            ],
        });
        sections
    }
}

fn row(name: &str, value: impl Into<Option<f64>>, unit: &str) -> (String, String) {
    (name.to_owned(), figure(value.into(), unit))
}

impl Stream {
    fn rows(&self) -> Vec<(String, String)> {
        let (frames, freezes) = (&self.frames, &self.freezes);
        let count = |name: &str, count: u64| (name.to_owned(), count.to_string());
        let mut rows = vec![
            row("Glass to glass, median", self.glass_to_glass_ms.p50, "ms"),
            row(
                "Glass to glass, 95th percentile",
                self.glass_to_glass_ms.p95,
                "ms",
            ),
            row("Glass to glass, longest", self.glass_to_glass_ms.max, "ms"),
            row("First picture after", self.first_picture_ms, "ms"),
            row(
                &format!("First sharp one ({} dB) after", self.sharp_db),
                self.first_sharp_ms,
                "ms",
            ),
            row("PSNR, mean", self.psnr_db.mean, "dB"),
            row("PSNR, one in twenty below", self.psnr_db.p5, "dB"),
            row("PSNR, last", self.psnr_db.last, "dB"),
            row("SSIM, mean", self.ssim.mean, ""),
            row("SSIM, last", self.ssim.last, ""),
            row("VMAF, mean", self.vmaf.mean, ""),
            row("VMAF, one in twenty below", self.vmaf.p5, ""),
            count("Freezes", freezes.count),
            row("Frozen in all", freezes.total_s, "s"),
            row("Longest time between pictures", freezes.longest_gap_ms, "ms"),
            (
                format!("Sent ({})", self.codec),
                figure(Some(self.kbps), "kbit/s"),
            ),
            count("Packets sent again", self.retransmitted),
            count("Pictures captured", frames.captured),
            count("Coded", frames.encoded),
            count("Sent", frames.sent),
            count("Shown", frames.shown),
            count("Not shown in between", frames.missing),
            count("Dropped before coding", frames.dropped_by_sender),
            count("Dropped after receipt", frames.dropped_by_receiver),
        ];
        if frames.unreadable > 0 {
            rows.push(count("Marks that cannot be read", frames.unreadable));
        }
        if let Some(recovery) = &self.recovery {
            rows.push(row("Full size again after", recovery.size_s, "s"));
            rows.push(row("Full quality again after", recovery.quality_s, "s"));
            rows.push(row("PSNR before the dip", recovery.before_db, "dB"));
        }
        rows
    }
}
