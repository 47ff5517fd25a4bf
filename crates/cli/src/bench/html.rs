//! The report as one HTML page that needs nothing else: no script, no font, no picture from elsewhere.
//!
//! Every plot is drawn twice, wide and narrow, and the page shows the one that fits, so that its text stays
//! readable on a phone.

use std::fmt::Write;

use super::figures::{self, Section, figure, target_text};
use super::percentile::{percentile, sorted};
use super::report::{Direction, Report};
use super::svg::{Axis, Plot, escape, stacked};
use super::target::Target;

/// Widths of the two drawings, in pixels.
const WIDE: f64 = 720.0;
const NARROW: f64 = 340.0;

/// The whole page.
pub fn page(report: &Report) -> String {
    let mut body = String::new();
    header(&mut body, report);
    tiles(&mut body, report);
    targets(&mut body, &report.targets);
    budget(&mut body, report);
    for direction in &report.series {
        curves(&mut body, report, direction);
    }
    tables(&mut body, report);
    footer(&mut body, report);
    let style = include_str!("page.css");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Sidetone loopback benchmark</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

fn put(target: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing into a String cannot fail.
    let _infallible = target.write_fmt(arguments);
}

fn header(body: &mut String, report: &Report) {
    let missed = report
        .targets
        .iter()
        .filter(|target| target.met == Some(false))
        .count();
    let measured = report
        .targets
        .iter()
        .filter(|target| target.met.is_some())
        .count();
    let (class, verdict) = match (measured, missed) {
        (0, _) => ("unknown", "No target was measured".to_owned()),
        (_, 0) if measured == report.targets.len() => ("met", "All targets met".to_owned()),
        (_, 0) => (
            "met",
            format!("{measured} of {} targets measured, all met", report.targets.len()),
        ),
        _ => ("missed", format!("{missed} of {measured} targets missed")),
    };
    put(
        body,
        format_args!(
            "<header>\n<p class=\"kicker\">Sidetone</p>\n<h1>Loopback benchmark</h1>\n<p class=\"scenario\">{}.</p>\n\
             <p class=\"verdict {class}\">{verdict}</p>\n</header>\n",
            escape(&figures::scenario(report))
        ),
    );
}

fn tiles(body: &mut String, report: &Report) {
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
    body.push_str("<section class=\"tiles\">\n");
    for (name, value, unit, note) in [
        ("Mouth to ear", delay.p50, "ms", spread),
        (
            "Answer to first audio",
            report.setup_ms.accept_to_first_audio,
            "ms",
            setup,
        ),
        (
            "Processor per end",
            report.cpu.percent_of_core_per_end,
            "%",
            memory,
        ),
        ("Concealed", concealed, "%", stretched),
    ] {
        put(
            body,
            format_args!(
                "<div class=\"tile\"><p class=\"name\">{name}</p><p class=\"value\">{}<span>{unit}</span></p><p class=\"note\">{}</p></div>\n",
                figure(value, ""),
                escape(&note)
            ),
        );
    }
    body.push_str("</section>\n");
}

fn targets(body: &mut String, targets: &[Target]) {
    if targets.is_empty() {
        return;
    }
    body.push_str("<section class=\"card\">\n<h2>Targets</h2>\n<table class=\"targets\">\n<thead><tr><th>What</th><th>Measured</th><th>At most</th><th></th></tr></thead>\n<tbody>\n");
    for target in targets {
        let (measured, at_most) = target_text(target);
        let (class, word) = match target.met {
            Some(true) => ("met", "✓ met"),
            Some(false) => ("missed", "✕ missed"),
            None => ("unknown", "not measured"),
        };
        put(
            body,
            format_args!(
                "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td><span class=\"pill {class}\">{word}</span></td></tr>\n",
                escape(&target.name),
                escape(&measured),
                escape(&at_most)
            ),
        );
    }
    body.push_str("</tbody>\n</table>\n</section>\n");
}

/// Draws a plot for both widths.
fn both(draw: impl Fn(f64) -> String) -> String {
    format!(
        "<div class=\"wide\">{}</div><div class=\"narrow\">{}</div>",
        draw(WIDE),
        draw(NARROW)
    )
}

fn card(body: &mut String, title: &str, note: &str, legend: &[(&str, &str)], plot: &str) {
    put(
        body,
        format_args!(
            "<section class=\"card\">\n<h2>{}</h2>\n<p class=\"note\">{}</p>\n",
            escape(title),
            escape(note)
        ),
    );
    if !legend.is_empty() {
        body.push_str("<p class=\"legend\">");
        for (class, name) in legend {
            put(
                body,
                format_args!("<span><i class=\"{class}\"></i>{}</span>", escape(name)),
            );
        }
        body.push_str("</p>\n");
    }
    put(body, format_args!("{plot}\n</section>\n"));
}

fn budget(body: &mut String, report: &Report) {
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
        put(
            &mut legend,
            format_args!("<li><i class=\"part{index}\"></i>{name}<b>{part:.1} ms</b></li>"),
        );
    }
    legend.push_str("</ul>");
    let note = format!(
        "The parts add up to {total:.1} ms. The line is the median measured from the sound itself; blue is the sender, grey the network, orange the receiver."
    );
    card(
        body,
        "Where the delay comes from",
        &note,
        &[],
        &format!("{plot}{legend}"),
    );
}

fn curves(body: &mut String, report: &Report, direction: &Direction) {
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
        card(body, &titled("Mouth to ear over time"), note, &[], &plot);
        let note =
            "How many of those pieces of speech were how late, and the share that was at most so late.";
        let legend = [
            ("a", "pieces of speech"),
            ("b", "share at most so late (full height: 100 %)"),
        ];
        card(
            body,
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
        card(
            body,
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
        card(
            body,
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

fn tables(body: &mut String, report: &Report) {
    body.push_str("<section class=\"card\">\n<h2>All figures</h2>\n<div class=\"columns\">\n");
    for Section { title, rows } in figures::sections(report) {
        put(
            body,
            format_args!("<table class=\"figures\"><caption>{title}</caption><tbody>\n"),
        );
        for (name, value) in rows {
            put(
                body,
                format_args!(
                    "<tr><td>{}</td><td class=\"n\">{}</td></tr>\n",
                    escape(&name),
                    escape(&value)
                ),
            );
        }
        body.push_str("</tbody></table>\n");
    }
    body.push_str("</div>\n</section>\n");
}

fn footer(body: &mut String, report: &Report) {
    let machine = &report.machine;
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| figures::UNMEASURED.into());
    let load = figure(machine.load_average, "");
    let rows = [
        (
            "Processor",
            format!(
                "{}, {} cores, {}",
                text(&machine.cpu),
                machine.cores.unwrap_or(0),
                machine.architecture
            ),
        ),
        ("Memory", figure(machine.memory_mib.map(|mib| mib as f64), "MiB")),
        (
            "System",
            format!("{}, {}", text(&machine.os), text(&machine.kernel)),
        ),
        ("Load when it began", load),
        (
            "Versions",
            report
                .versions
                .iter()
                .map(|(name, version)| format!("{name} {version}"))
                .collect::<Vec<_>>()
                .join(", "),
        ),
        ("Finished", report.finished_at.clone()),
    ];
    body.push_str("<footer>\n<dl>\n");
    for (name, value) in rows {
        put(body, format_args!("<dt>{name}</dt><dd>{}</dd>\n", escape(&value)));
    }
    body.push_str("</dl>\n");
    if !report.command.is_empty() {
        put(
            body,
            format_args!("<p>Repeat it with</p>\n<pre>{}</pre>\n", escape(&report.command)),
        );
    }
    put(
        body,
        format_args!(
            "<p class=\"note\">Schema {}</p>\n</footer>\n",
            escape(&report.schema)
        ),
    );
}

#[cfg(test)]
mod tests;
