//! The report as a page: figures, plots over time, and pictures to look at.

use super::outcome::{Outcome, Stream};
use super::report::Report;
use super::strip;
use crate::bench::figures::figure;
use crate::bench::page::{Origin, Page, Tile, both};
use crate::bench::svg::{Axis, Plot};

/// The whole page.
pub fn page(title: &'static str, report: &Report) -> String {
    let names: Vec<&str> = report.cases.iter().map(|outcome| outcome.case).collect();
    let scenario = format!(
        "Pictures over loopback UDP with real codecs, ICE and DTLS-SRTP: {}{}",
        names.join(", "),
        report
            .not_measured
            .iter()
            .map(|why| format!(". {why}"))
            .collect::<String>()
    );
    let mut page = Page::new(title, &scenario, &report.targets);
    if let Some(stream) = report.cases.first().and_then(|outcome| outcome.streams.first()) {
        page.tiles(tiles(stream));
    }
    page.targets(&report.targets);
    for outcome in &report.cases {
        for stream in &outcome.streams {
            pictures(&mut page, outcome, stream);
            curves(&mut page, outcome, stream);
        }
    }
    page.tables(report.cases.iter().flat_map(Outcome::sections).collect());
    page.footer(&Origin {
        machine: &report.machine,
        versions: &report.versions,
        finished_at: &report.finished_at,
        command: &report.command,
        schema: report.schema,
    });
    page.finish()
}

fn tiles(stream: &Stream) -> [Tile; 4] {
    let tile = |name, value, unit, note| Tile {
        name,
        value,
        unit,
        note,
    };
    let glass = &stream.glass_to_glass_ms;
    let (gap, ssim) = (stream.freezes.longest_gap_ms, stream.ssim.mean);
    [
        tile(
            "Glass to glass",
            glass.p50,
            "ms",
            format!("p95 {}", figure(glass.p95, "ms")),
        ),
        tile(
            "First sharp picture",
            stream.first_sharp_ms,
            "ms",
            format!("first one {}", figure(stream.first_picture_ms, "ms")),
        ),
        tile(
            "PSNR",
            stream.psnr_db.mean,
            "dB",
            format!("SSIM {}", figure(ssim, "")),
        ),
        tile(
            "Freezes",
            Some(stream.freezes.count as f64),
            "",
            format!("longest gap {}", figure(gap, "ms")),
        ),
    ]
}

fn pictures(page: &mut Page, outcome: &Outcome, stream: &Stream) {
    if stream.strip.is_empty() {
        return;
    }
    let title = format!("{}, {}: sent, and seen below", outcome.case, stream.name);
    let note = "Each pair is one picture, found by the mark in it, from the first to the last that was looked at closely. \
                Text is a part of the picture, pixel by pixel. The likeness is that of the whole picture.";
    page.card(&title, note, &[], &strip::html(&stream.strip));
}

/// A curve: its points, and the class that is its colour.
type Curve<'a> = (&'a [(f64, f64)], &'static str);

fn curves(page: &mut Page, outcome: &Outcome, stream: &Stream) {
    let series = &stream.series;
    let titled = |what: &str| format!("{what}: {}, {}", outcome.case, stream.name);
    let draw = |title: &str, unit: &'static str, curves: &[Curve<'_>], dots: bool| {
        both(|width| {
            let time = Axis {
                from: 0.0,
                to: outcome.seconds.max(1.0),
                unit: "s",
            };
            let values = curves.iter().flat_map(|(points, _)| points.iter());
            let y = Axis::around(values.map(|(_, value)| *value), unit);
            let mut plot = Plot::new(title, (width, 200.0), time, y);
            for (points, class) in curves {
                if dots {
                    plot.dots(points.iter().copied(), class);
                } else {
                    plot.line(points.iter().copied(), class);
                }
            }
            if stream.recovery.is_some() {
                plot.mark(outcome.seconds / 3.0, "narrow", 0);
                plot.mark(outcome.seconds * 2.0 / 3.0, "wide", 0);
            }
            plot.finish()
        })
    };
    let mut card = |title: &str, note: &str, unit, legend: &[(&str, &str)], curves: &[Curve<'_>], dots| {
        if curves.iter().any(|(points, _)| !points.is_empty()) {
            let title = titled(title);
            page.card(&title, note, legend, &draw(&title, unit, curves, dots));
        }
    };
    card(
        "Bit rate",
        "Payload sent in each quarter second, retransmissions included, and what the encoder was to keep to.",
        "kbit/s",
        &[("a", "sent"), ("b", "told to the encoder")],
        &[(&series.target_kbps, "b"), (&series.kbps, "a")],
        false,
    );
    card(
        "Rows shown",
        "Height of the pictures in the size in which they came.",
        "px",
        &[],
        &[(&series.height, "a")],
        false,
    );
    card(
        "Glass to glass",
        "Each dot is a picture, from when it was taken to when it was shown, by the mark in it.",
        "ms",
        &[],
        &[(&series.glass_to_glass_ms, "a")],
        true,
    );
    card(
        "Likeness",
        "PSNR of luma at the size that was captured.",
        "dB",
        &[],
        &[(&series.psnr_db, "a")],
        true,
    );
}
