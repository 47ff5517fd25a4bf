//! A report as one HTML page that needs nothing else: no script, no font, no picture from elsewhere.
//!
//! The parts that every report has; what a benchmark measured fills them. Every plot is drawn twice, wide and narrow,
//! and the page shows the one that fits, so that its text stays readable on a phone.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::figures::{self, Section, figure, target_text};
use super::machine::Machine;
use super::svg::escape;
use super::target::Target;

/// Widths of the two drawings, in pixels.
const WIDE: f64 = 720.0;
const NARROW: f64 = 340.0;

/// A page that is being written, from top to bottom.
pub struct Page {
    title: &'static str,
    body: String,
}

/// One of the figures that are shown large.
pub struct Tile {
    /// What it is.
    pub name: &'static str,
    /// How much.
    pub value: Option<f64>,
    /// Of what.
    pub unit: &'static str,
    /// More about it.
    pub note: String,
}

/// How a report came about.
pub struct Origin<'a> {
    /// Where.
    pub machine: &'a Machine,
    /// With what.
    pub versions: &'a BTreeMap<String, String>,
    /// When, RFC 3339.
    pub finished_at: &'a str,
    /// The command that repeats it.
    pub command: &'a str,
    /// Name and number of the JSON's schema.
    pub schema: &'a str,
}

impl Page {
    /// Begins a page about `scenario`, with the verdict on all targets.
    pub fn new(title: &'static str, scenario: &str, targets: &[Target]) -> Self {
        let missed = targets.iter().filter(|target| target.met == Some(false)).count();
        let measured = targets.iter().filter(|target| target.met.is_some()).count();
        let (class, verdict) = match (measured, missed) {
            (0, _) => ("unknown", "No target was measured".to_owned()),
            (_, 0) if measured == targets.len() => ("met", "All targets met".to_owned()),
            (_, 0) => (
                "met",
                format!("{measured} of {} targets measured, all met", targets.len()),
            ),
            _ => ("missed", format!("{missed} of {measured} targets missed")),
        };
        let mut page = Self {
            title,
            body: String::new(),
        };
        page.put(format_args!(
            "<header>\n<p class=\"kicker\">Sidetone</p>\n<h1>{title}</h1>\n<p class=\"scenario\">{}.</p>\n\
             <p class=\"verdict {class}\">{verdict}</p>\n</header>\n",
            escape(scenario)
        ));
        page
    }

    fn put(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing into a String cannot fail.
        let _infallible = self.body.write_fmt(arguments);
    }

    /// The figures that people look for first.
    pub fn tiles(&mut self, tiles: impl IntoIterator<Item = Tile>) {
        self.put(format_args!("<section class=\"tiles\">\n"));
        for Tile {
            name,
            value,
            unit,
            note,
        } in tiles
        {
            self.put(format_args!(
                "<div class=\"tile\"><p class=\"name\">{name}</p><p class=\"value\">{}<span>{unit}</span></p><p class=\"note\">{}</p></div>\n",
                figure(value, ""),
                escape(&note)
            ));
        }
        self.put(format_args!("</section>\n"));
    }

    /// Every target with what came out.
    pub fn targets(&mut self, targets: &[Target]) {
        if targets.is_empty() {
            return;
        }
        self.put(format_args!("<section class=\"card\">\n<h2>Targets</h2>\n<table class=\"targets\">\n<thead><tr><th>What</th><th>Measured</th><th>At most</th><th></th></tr></thead>\n<tbody>\n"));
        for target in targets {
            let (measured, at_most) = target_text(target);
            let (class, word) = match target.met {
                Some(true) => ("met", "✓ met"),
                Some(false) => ("missed", "✕ missed"),
                None => ("unknown", "not measured"),
            };
            self.put(format_args!(
                "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td><span class=\"pill {class}\">{word}</span></td></tr>\n",
                escape(&target.name),
                escape(&measured),
                escape(&at_most)
            ));
        }
        self.put(format_args!("</tbody>\n</table>\n</section>\n"));
    }

    /// A plot with its title, what it shows, and what its colours mean.
    pub fn card(&mut self, title: &str, note: &str, legend: &[(&str, &str)], plot: &str) {
        self.put(format_args!(
            "<section class=\"card\">\n<h2>{}</h2>\n<p class=\"note\">{}</p>\n",
            escape(title),
            escape(note)
        ));
        if !legend.is_empty() {
            self.put(format_args!("<p class=\"legend\">"));
            for (class, name) in legend {
                self.put(format_args!(
                    "<span><i class=\"{class}\"></i>{}</span>",
                    escape(name)
                ));
            }
            self.put(format_args!("</p>\n"));
        }
        self.put(format_args!("{plot}\n</section>\n"));
    }

    /// Every figure there is.
    pub fn tables(&mut self, sections: Vec<Section>) {
        self.put(format_args!(
            "<section class=\"card\">\n<h2>All figures</h2>\n<div class=\"columns\">\n"
        ));
        for Section { title, rows } in sections {
            self.put(format_args!(
                "<table class=\"figures\"><caption>{title}</caption><tbody>\n"
            ));
            for (name, value) in rows {
                self.put(format_args!(
                    "<tr><td>{}</td><td class=\"n\">{}</td></tr>\n",
                    escape(&name),
                    escape(&value)
                ));
            }
            self.put(format_args!("</tbody></table>\n"));
        }
        self.put(format_args!("</div>\n</section>\n"));
    }

    /// Where, when and how it was measured.
    pub fn footer(&mut self, origin: &Origin<'_>) {
        let machine = origin.machine;
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
                origin
                    .versions
                    .iter()
                    .map(|(name, version)| format!("{name} {version}"))
                    .collect::<Vec<_>>()
                    .join(", "),
            ),
            ("Finished", origin.finished_at.to_owned()),
        ];
        self.put(format_args!("<footer>\n<dl>\n"));
        for (name, value) in rows {
            self.put(format_args!("<dt>{name}</dt><dd>{}</dd>\n", escape(&value)));
        }
        self.put(format_args!("</dl>\n"));
        if !origin.command.is_empty() {
            self.put(format_args!(
                "<p>Repeat it with</p>\n<pre>{}</pre>\n",
                escape(origin.command)
            ));
        }
        self.put(format_args!(
            "<p class=\"note\">Schema {}</p>\n</footer>\n",
            escape(origin.schema)
        ));
    }

    /// The whole page.
    pub fn finish(self) -> String {
        let Self { title, body } = self;
        let style = include_str!("page.css");
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>Sidetone {}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
            title.to_lowercase()
        )
    }
}

/// Draws a plot for both widths.
pub fn both(draw: impl Fn(f64) -> String) -> String {
    format!(
        "<div class=\"wide\">{}</div><div class=\"narrow\">{}</div>",
        draw(WIDE),
        draw(NARROW)
    )
}
