//! The report as a table for the terminal.

use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, presets};

use super::figures::{Section, target_text};
use super::target::Target;

/// All figures and targets as text. Colours are used only where the output is a terminal.
pub fn render(sections: Vec<Section>, targets: &[Target]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    for (index, Section { title, rows }) in sections.into_iter().enumerate() {
        // A line between sections, none between figures: the whole report fits a screen or two.
        if index > 0 {
            table.add_row([""]);
        }
        table.add_row([Cell::new(title).add_attribute(Attribute::Bold), Cell::new("")]);
        for (name, value) in rows {
            table.add_row([
                Cell::new(format!("  {name}")),
                Cell::new(value).set_alignment(CellAlignment::Right),
            ]);
        }
    }

    let mut verdicts = Table::new();
    verdicts
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    verdicts.set_header(["Target", "Measured", "At most", ""]);
    for target in targets {
        let (figure, at_most) = target_text(target);
        verdicts.add_row([
            Cell::new(&target.name),
            Cell::new(figure).set_alignment(CellAlignment::Right),
            Cell::new(at_most).set_alignment(CellAlignment::Right),
            verdict(target),
        ]);
    }
    format!("{}\n{}\n", table.trim_fmt(), verdicts.trim_fmt())
}

fn verdict(target: &Target) -> Cell {
    match target.met {
        Some(true) => Cell::new("met").fg(Color::Green),
        Some(false) => Cell::new("missed").fg(Color::Red),
        None => Cell::new("not measured").fg(Color::DarkGrey),
    }
}

#[cfg(test)]
mod tests {
    use super::super::figures::sections;
    use super::super::report::{MouthToEar, Report};
    use super::*;

    #[test]
    fn figures_and_verdicts_are_in_it() {
        let mut report = Report {
            mouth_to_ear_ms: MouthToEar {
                p50: Some(38.26),
                n: 120,
                ..MouthToEar::default()
            },
            ..Report::default()
        };
        report.realtime.callback_locks = Some(2);
        report.judge();
        let text = render(sections(&report), &report.targets);
        assert!(
            text.contains("38.3 ms") && text.contains("missed") && text.contains("not measured"),
            "{text}"
        );
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    }
}
