//! The loopback benchmark's report as a page.

use std::fmt::Write;

use super::figures::{self, figure};
use super::page::{Origin, Page, Tile, both};
use super::percentile::{percentile, sorted};
use super::report::{Direction, Report};
use super::svg::{Axis, Plot, stacked};

/// The whole page.
pub fn page(report: &Report) -> String {
    let mut page = Page::new("Loopback benchmark", &figures::scenario(report), &report.targets);
    page.tiles(tiles(report));
    page.targets(&report.targets);
    budget(&mut page, report);
    for direction in &report.series {
        curves(&mut page, report, direction);
    }
    page.tables(figures::sections(report));
    page.footer(&Origin {
        machine: &report.machine,
        versions: &report.versions,
        finished_at: &report.finished_at,
        command: &report.command,
        schema: &report.schema,
    });
    page.finish()
}

fn tiles(report: &Report) -> [Tile; 4] {
    let delay = &report.mouth_to_ear_ms;
    let spread = format!("p95 {}, p99 {}", figure(delay.p95, "ms"), figure(delay.p99, "ms"));
    let setup = format!(
        "invite to connected {}",
        figure(report.setup_ms.invite_to_connected, "ms")
    );
    let memory = format!(
        "{} resident per end",
        figure(report.memory.rss_mib_per_end, "MiB")
    );
    let concealed = report.audio.concealed_ratio.map(|ratio| ratio * 100.0);
    let stretched = report.audio.stretched_ratio.map(|ratio| ratio * 100.0);
    let stretched = format!(
        "stretched {}, level {}",
        figure(stretched, "%"),
        figure(report.audio.level_error_db, "dB")
    );
    let tile = |name, value, unit, note| Tile {
        name,
        value,
        unit,
        note,
    };
    [
        tile("Mouth to ear", delay.p50, "ms", spread),
        tile(
            "Answer to first audio",
            report.setup_ms.accept_to_first_audio,
            "ms",
            setup,
        ),
        tile(
            "Processor per end",
            report.cpu.percent_of_core_per_end,
            "%",
            memory,
        ),
        tile("Concealed", concealed, "%", stretched),
    ]
}

fn budget(page: &mut Page, report: &Report) {
    let known: Vec<(usize, &str, f64)> = report
        .latency_budget_ms
        .parts()
        .into_iter()
        .enumerate()
        .filter_map(|(index, (name, part))| part.filter(|&part| part > 0.0).map(|part| (index, name, part)))
        .collect();
    let Some(total) = report.latency_budget_ms.total() else {
        return;
    };
    let parts: Vec<(f64, String, String)> = known
        .iter()
        .map(|&(index, name, part)| (part, format!("part{index}"), format!("{name}: {part:.1} ms")))
        .collect();
    let measured = report.mouth_to_ear_ms.p50;
    let plot = both(|width| {
        let mark = measured.map(|value| (value, format!("measured {value:.1} ms")));
        stacked("Latency budget", width, &parts, "ms", mark)
    });
    let mut legend = String::from("<ul class=\"parts\">");
    for (index, name, part) in known {
        // Writing into a String cannot fail.
        let _infallible = write!(
            legend,
            "<li><i class=\"part{index}\"></i>{name}<b>{part:.1} ms</b></li>"
        );
    }
    legend.push_str("</ul>");
    let note = format!(
        "The parts add up to {total:.1} ms. The line is the median measured from the sound itself; blue is the sender, grey the network, orange the receiver."
    );
    page.card(
        "Where the delay comes from",
        &note,
        &[],
        &format!("{plot}{legend}"),
    );
}

fn curves(page: &mut Page, report: &Report, direction: &Direction) {
    let name = &direction.name;
    let titled = |title: &str| {
        if name.is_empty() {
            title.to_owned()
        } else {
            format!("{title}, {name}")
        }
    };
    let seconds = direction
        .mouth_to_ear
        .iter()
        .map(|point| point.0)
        .chain(direction.jitter_buffer.iter().map(|sample| sample.at_s))
        .fold(direction.waveform_s, f64::max)
        .max(1.0);
    let time = Axis {
        from: 0.0,
        to: seconds,
        unit: "s",
    };

    let delays: Vec<f64> = direction.mouth_to_ear.iter().map(|point| point.1).collect();
    if !delays.is_empty() {
        let limit = report
            .targets
            .iter()
            .find(|target| target.name.ends_with("median") && !target.name.contains("above"));
        let plot = both(|width| {
            let values = delays.iter().copied().chain(limit.map(|target| target.at_most));
            let title = titled("Mouth to ear over time");
            let mut plot = Plot::new(&title, (width, 240.0), time, Axis::around(values, "ms"));
            if let Some(target) = limit {
                plot.level(target.at_most, &format!("target {} ms", target.at_most), "");
            }
            plot.dots(direction.mouth_to_ear.iter().copied(), "a").finish()
        });
        let note =
            "Each dot is 0.4 s of speech, found again in what came out of the speaker. Pauses leave gaps.";
        page.card(&titled("Mouth to ear over time"), note, &[], &plot);
        let note =
            "How many of those pieces of speech were how late, and the share that was at most so late.";
        let legend = [
            ("a", "pieces of speech"),
            ("b", "share at most so late (full height: 100 %)"),
        ];
        page.card(
            &titled("Distribution of mouth to ear"),
            note,
            &legend,
            &both(|width| histogram(&delays, width)),
        );
    }
    if !direction.jitter_buffer.is_empty() {
        let plot = both(|width| {
            let samples = &direction.jitter_buffer;
            let values = samples
                .iter()
                .flat_map(|sample| [sample.delay_ms, sample.target_ms]);
            let title = titled("Jitter buffer over time");
            let mut plot = Plot::new(&title, (width, 220.0), time, Axis::around(values, "ms"));
            plot.line(samples.iter().map(|sample| (sample.at_s, sample.target_ms)), "b");
            plot.line(samples.iter().map(|sample| (sample.at_s, sample.delay_ms)), "a")
                .finish()
        });
        let legend = [("a", "delay it adds"), ("b", "delay it steers for")];
        page.card(
            &titled("Jitter buffer over time"),
            "Time from arrival of a packet to its playout.",
            &legend,
            &plot,
        );
    }
    if !direction.spoken.is_empty() {
        let axis = Axis {
            from: 0.0,
            to: direction.waveform_s,
            unit: "s",
        };
        let peaks = |values: &[f32], sign: f64| {
            values
                .iter()
                .map(|&peak| f64::from(peak) * sign)
                .collect::<Vec<_>>()
        };
        let loudest = direction
            .spoken
            .iter()
            .chain(&direction.heard)
            .copied()
            .fold(0.01_f32, f32::max);
        let full = (f64::from(loudest) * 10.0).ceil() / 10.0;
        let plot = both(|width| {
            let y = Axis {
                from: -full,
                to: full,
                unit: "",
            };
            let mut plot = Plot::new(&titled("Spoken and heard"), (width, 220.0), axis, y);
            plot.area(&peaks(&direction.spoken, 1.0), "a")
                .area(&peaks(&direction.heard, -1.0), "b")
                .finish()
        });
        let legend = [
            ("a", "into the microphone"),
            ("b", "out of the far speaker, mirrored"),
        ];
        page.card(
            &titled("Spoken and heard"),
            "Peak of the sound on one clock; full scale is 1.",
            &legend,
            &plot,
        );
    }
}

/// Bars of how many delays fall where, and their cumulative share.
fn histogram(delays: &[f64], width: f64) -> String {
    let sorted = sorted(delays);
    let (Some(&first), Some(&last)) = (sorted.first(), sorted.last()) else {
        return String::new();
    };
    // About thirty bars, of a whole tenth of a millisecond at least.
    let bin = ((last - first) / 30.0).max(0.1);
    let from = (first / bin).floor() * bin - bin;
    let bins = ((last - from) / bin).floor() as usize + 2;
    let mut counts = vec![0_u32; bins];
    for delay in &sorted {
        counts[(((delay - from) / bin) as usize).min(bins - 1)] += 1;
    }
    let x = Axis {
        from,
        to: from + bin * bins as f64,
        unit: "ms",
    };
    let y = Axis::around(counts.iter().map(|&count| f64::from(count)), "");
    let mut plot = Plot::new("Distribution of mouth to ear", (width, 240.0), x, y);
    for (index, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let left = from + bin * index as f64;
        let hint = format!("{count} between {left:.1} and {:.1} ms", left + bin);
        plot.bar((left, left + bin), f64::from(count), "a", &hint);
    }
    let cumulative = sorted
        .iter()
        .enumerate()
        .map(|(index, &delay)| (delay, (index + 1) as f64 / sorted.len() as f64 * y.to));
    plot.line(std::iter::once((first, 0.0)).chain(cumulative), "b");
    for (row, (name, q)) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)]
        .into_iter()
        .enumerate()
    {
        if let Some(value) = percentile(&sorted, q) {
            plot.mark(value, &format!("{name} {value:.1} ms"), row as u8);
        }
    }
    plot.finish()
}

#[cfg(test)]
mod tests;
