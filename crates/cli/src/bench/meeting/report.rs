//! What a run came to, as data (schema `sidetone.bench.meeting/1`) and as rows for people.
//!
//! A figure that was not measured is `null`, never zero. Names end in their unit.

use std::collections::BTreeMap;

use serde::Serialize;

use super::case::{CASES, Case};
use crate::bench::figures::{Section, figure};
use crate::bench::machine::Machine;
use crate::bench::page::{Origin, Page, Tile, both};
use crate::bench::percentile::{percentile, sorted};
use crate::bench::svg::{Axis, Plot};
use crate::bench::target::Target;

/// Name and number of the schema.
pub const SCHEMA: &str = "sidetone.bench.meeting/1";

/// A run of one or several meetings.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// When the run ended, RFC 3339.
    pub finished_at: String,
    /// The command that repeats the run.
    pub command: String,
    /// One for each meeting.
    pub cases: Vec<Outcome>,
    /// Receive, decrypt, encrypt and send without anything between, in the same run.
    pub bare: Option<Bare>,
    /// What the figures are held against.
    pub targets: Vec<Target>,
    /// The machine.
    pub machine: Machine,
    /// Versions of the program and its libraries.
    pub versions: BTreeMap<String, String>,
}

/// Some of a distribution, in the unit that its field's name ends in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// Median.
    pub p50: Option<f64>,
    /// Exceeded by one in twenty.
    pub p95: Option<f64>,
    /// Exceeded by one in a hundred.
    pub p99: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// How many there are.
    pub n: usize,
}

impl Spread {
    /// Of these values.
    pub fn of(values: &[f64]) -> Self {
        let sorted = sorted(values);
        Self {
            p50: percentile(&sorted, 0.5),
            p95: percentile(&sorted, 0.95),
            p99: percentile(&sorted, 0.99),
            max: sorted.last().copied(),
            n: sorted.len(),
        }
    }
}

/// The cost of a packet that no forwarding unit can do without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Bare {
    /// Packets a second out of the loop.
    pub packets_per_second: f64,
    /// Processor time of the loop for each packet that it sent.
    pub us_per_packet: f64,
}

/// What one meeting came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// Name of the case.
    pub case: String,
    /// People in the meeting.
    pub participants: u32,
    /// Those with an open microphone.
    pub talkers: u32,
    /// Those who show a picture, which all others see.
    pub cameras: u32,
    /// How many a participant hears at once.
    pub slots: u8,
    /// Length of the measured part.
    pub seconds: f64,
    /// From the request to join until the first voice packet, one participant joining after the other while somebody
    /// talks.
    pub join_ms: Spread,
    /// Packets a second that the talkers and cameras sent.
    pub sent_per_second: f64,
    /// Packets a second that participants received.
    pub forwarded_per_second: f64,
    /// Packets that are missing between the first and the last of a stream: gaps in what was received, of all
    /// participants.
    pub lost: u64,
    /// Processor time of the forwarding threads for each packet that participants received.
    pub sfu_us_per_packet: Option<f64>,
    /// Share of one core that the forwarding threads used.
    pub sfu_percent_of_core: Option<f64>,
    /// From the talker's socket to the participant's, of a sample of packets.
    pub latency_ms: Spread,
    /// Memory of the service for each participant: what it holds of its own in the meeting above what it held before. The
    /// pages of the program that come in with the first participant are nobody's.
    pub kib_per_participant: Option<f64>,
    /// Beginning of a talker's turn that was not heard, of the voice that was sent; only where they take turns.
    pub clipped_ms: Spread,
    /// Share of one core that the participants themselves used: near 100 the generator was the bottleneck.
    pub generator_percent_of_core: Option<f64>,
    /// Forwarding latency over time: second of the run, 99th percentile in ms.
    pub latency_over_time: Vec<(f64, f64)>,
}

impl Report {
    /// Fills in what follows from other fields.
    pub fn judge(&mut self) {
        self.schema = SCHEMA;
        let mut targets = Vec::new();
        for outcome in &self.cases {
            let case = CASES.iter().find(|case| case.name == outcome.case);
            targets.extend(held_against(outcome, case));
        }
        let cost = |name: &str| {
            let found = self.cases.iter().find(|outcome| outcome.case == name)?;
            found.sfu_us_per_packet
        };
        if let (Some(ten), Some(thousand)) = (cost("ten"), cost("thousand")) {
            targets.push(Target::new(
                "Cost of a packet with 1000 people above that with 10",
                Some((thousand / ten - 1.0) * 100.0),
                20.0,
                "%",
            ));
        }
        self.targets = targets;
    }

    /// All figures, a section for each meeting.
    pub fn sections(&self) -> Vec<Section> {
        let mut sections: Vec<Section> = self.cases.iter().map(Outcome::section).collect();
        if let Some(bare) = self.bare {
            sections.push(Section {
                title: "Bare loop: receive, open, seal, send".into(),
                rows: vec![
                    row("Packets a second", bare.packets_per_second, ""),
                    row("Processor time a packet", bare.us_per_packet, "µs"),
                ],
            });
        }
        sections
    }

    /// The page.
    pub fn page(&self) -> String {
        let names: Vec<&str> = self.cases.iter().map(|outcome| outcome.case.as_str()).collect();
        let scenario = format!(
            "Meetings over loopback UDP with real ICE and DTLS-SRTP: {}",
            names.join(", ")
        );
        let mut page = Page::new("Meeting benchmark", &scenario, &self.targets);
        if let Some(largest) = self.cases.iter().max_by_key(|outcome| outcome.participants) {
            page.tiles(largest.tiles());
        }
        page.targets(&self.targets);
        self.costs(&mut page);
        for outcome in self
            .cases
            .iter()
            .filter(|outcome| !outcome.latency_over_time.is_empty())
        {
            outcome.latency(&mut page);
        }
        page.tables(self.sections());
        page.footer(&Origin {
            machine: &self.machine,
            versions: &self.versions,
            finished_at: &self.finished_at,
            command: &self.command,
            schema: self.schema,
        });
        page.finish()
    }

    /// A bar for what a packet cost in each meeting, and a line for what it must cost.
    fn costs(&self, page: &mut Page) {
        let costs: Vec<(&str, f64)> = self
            .cases
            .iter()
            .filter_map(|outcome| Some((outcome.case.as_str(), outcome.sfu_us_per_packet?)))
            .collect();
        if costs.is_empty() {
            return;
        }
        let bare = self.bare.map(|bare| bare.us_per_packet);
        let plot = both(|width| {
            let x = Axis {
                from: 0.0,
                to: costs.len() as f64,
                unit: "",
            };
            let values = costs.iter().map(|(_, cost)| *cost).chain(bare).chain([0.0]);
            let mut plot = Plot::new(
                "Processor time a packet",
                (width, 240.0),
                x,
                Axis::around(values, "µs"),
            );
            for (index, (name, cost)) in costs.iter().enumerate() {
                let left = index as f64;
                plot.bar(
                    (left + 0.15, left + 0.85),
                    *cost,
                    "a",
                    &format!("{name}: {cost:.2} µs"),
                );
            }
            if let Some(bare) = bare {
                plot.level(bare, &format!("bare loop {bare:.2} µs"), "");
            }
            plot.finish()
        });
        let order: Vec<&str> = costs.iter().map(|(name, _)| *name).collect();
        let note = format!(
            "Of the forwarding threads, kernel included. From left to right: {}.",
            order.join(", ")
        );
        page.card("Processor time for a forwarded packet", &note, &[], &plot);
    }
}

fn row(name: &str, value: impl Into<Option<f64>>, unit: &str) -> (String, String) {
    (name.to_owned(), figure(value.into(), unit))
}

fn held_against(outcome: &Outcome, case: Option<&Case>) -> Vec<Target> {
    let named = |what: &str| format!("{}: {what}", outcome.case);
    let mut targets = Vec::new();
    if let Some(at_most) = case.and_then(|case| case.at_most_us) {
        let cost = outcome.sfu_us_per_packet;
        targets.push(Target::new(
            &named("processor time a packet"),
            cost,
            at_most,
            "µs",
        ));
    }
    targets.push(Target::new(
        &named("packets lost by the service"),
        Some(outcome.lost as f64),
        0.0,
        "",
    ));
    if outcome.case == "one-to-100" {
        let (join, memory) = (outcome.join_ms, outcome.kib_per_participant);
        targets.push(Target::new(&named("join, median"), join.p50, 15.0, "ms"));
        targets.push(Target::new(&named("join, 95th percentile"), join.p95, 25.0, "ms"));
        targets.push(Target::new(
            &named("memory a silent participant"),
            memory,
            75.0,
            "KiB",
        ));
    }
    if outcome.cameras > 0 {
        let memory = outcome.kib_per_participant;
        targets.push(Target::new(
            &named("memory a participant who sees a picture"),
            memory,
            300.0,
            "KiB",
        ));
    }
    let load = outcome.sfu_percent_of_core;
    if load.is_some_and(|load| load <= 70.0) {
        let late = outcome.latency_ms.p99;
        targets.push(Target::new(&named("latency, 99th percentile"), late, 2.0, "ms"));
    }
    targets
}

impl Outcome {
    fn section(&self) -> Section {
        let title = match self.cameras {
            0 => format!(
                "{}: {} people, {} talk, {} heard at once",
                self.case, self.participants, self.talkers, self.slots
            ),
            cameras => format!(
                "{}: {} people, {} talk, {cameras} shows a picture to all",
                self.case, self.participants, self.talkers
            ),
        };
        let mut rows = vec![
            row("Join to first voice, median", self.join_ms.p50, "ms"),
            row("Join to first voice, 95th percentile", self.join_ms.p95, "ms"),
            row("Packets a second in", self.sent_per_second, ""),
            row("Packets a second out", self.forwarded_per_second, ""),
            row("Lost by the service", self.lost as f64, ""),
            row("Service, time a packet", self.sfu_us_per_packet, "µs"),
            row("Service, load", self.sfu_percent_of_core, "% of a core"),
            row("Latency, median", self.latency_ms.p50, "ms"),
            row("Latency, 99th percentile", self.latency_ms.p99, "ms"),
            row("Latency, longest", self.latency_ms.max, "ms"),
            row("Memory a participant", self.kib_per_participant, "KiB"),
            row("Generator, load", self.generator_percent_of_core, "% of a core"),
        ];
        if self.clipped_ms.n > 0 {
            rows.push(row("Clipped of a turn, median", self.clipped_ms.p50, "ms"));
            rows.push(row("Clipped of a turn, most", self.clipped_ms.max, "ms"));
        }
        Section {
            title: title.into(),
            rows,
        }
    }

    fn tiles(&self) -> [Tile; 4] {
        let tile = |name, value, unit, note| Tile {
            name,
            value,
            unit,
            note,
        };
        let out = format!("{:.0} packets a second out", self.forwarded_per_second);
        let people = format!("{} people, {} talk", self.participants, self.talkers);
        let join = format!("95th percentile {}", figure(self.join_ms.p95, "ms"));
        let late = format!("99th percentile {}", figure(self.latency_ms.p99, "ms"));
        [
            tile("Time a packet", self.sfu_us_per_packet, "µs", out),
            tile("Load of the service", self.sfu_percent_of_core, "%", people),
            tile("Join to first voice", self.join_ms.p50, "ms", join),
            tile("Forwarding latency", self.latency_ms.p50, "ms", late),
        ]
    }

    fn latency(&self, page: &mut Page) {
        let plot = both(|width| {
            let x = Axis {
                from: 0.0,
                to: self.seconds.max(1.0),
                unit: "s",
            };
            let values = self.latency_over_time.iter().map(|(_, late)| *late);
            let y = Axis::around(values.chain([0.0]), "ms");
            let mut plot = Plot::new("Forwarding latency", (width, 200.0), x, y);
            plot.line(self.latency_over_time.iter().copied(), "a").finish()
        });
        let title = format!("Forwarding latency, {}", self.case);
        let note = "99th percentile of each second, from the talker's socket to the participant's.";
        page.card(&title, note, &[], &plot);
    }
}
