//! What a run is held against: the figures the project set out to reach, chosen by what was run.
//!
//! Targets are reported, never asserted: machines differ.

use serde::{Deserialize, Serialize};
use sidetone_netsim::{Config, Jitter, Loss};

use super::report::{Devices, Ends, Profile, Report};

/// One figure, and what it should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// What is measured.
    pub name: String,
    /// What came out, if it was measured.
    pub figure: Option<f64>,
    /// The most it should be.
    pub at_most: f64,
    /// Unit of both; empty for counts and ratios.
    pub unit: String,
    /// Whether it is; `None` where it was not measured.
    pub met: Option<bool>,
}

impl Target {
    /// Holds a figure against the most it should be.
    pub fn new(name: &str, figure: Option<f64>, at_most: f64, unit: &str) -> Self {
        let met = figure.map(|figure| figure <= at_most);
        Self {
            name: name.to_owned(),
            figure,
            at_most,
            unit: unit.to_owned(),
            met,
        }
    }
}

/// The targets that apply to this run.
pub fn targets(report: &Report) -> Vec<Target> {
    let scenario = &report.scenario;
    let path = scenario
        .network
        .as_ref()
        .map_or((Config::IDEAL, Config::IDEAL), |net| (net.a_to_b, net.b_to_a));
    let ideal = path.0 == Config::IDEAL && path.1 == Config::IDEAL;
    let lossless = [path.0, path.1]
        .iter()
        .all(|config| config.loss == Loss::None && config.rate.is_none());
    let steady = [path.0, path.1]
        .iter()
        .all(|config| config.jitter == Jitter::None)
        && lossless;
    let round_trip_ms = (path.0.delay + path.1.delay).as_secs_f64() * 1e3;
    let delay = report.mouth_to_ear_ms;
    let mut targets = Vec::new();

    match (ideal, scenario.devices, scenario.profile) {
        (true, Devices::Headless, Profile::Balanced) => {
            targets.push(Target::new("Mouth to ear, median", delay.p50, 40.0, "ms"));
        }
        (true, Devices::Headless, Profile::LowLatency) => {
            targets.push(Target::new("Mouth to ear, median", delay.p50, 25.0, "ms"));
        }
        (true, Devices::Sound, _) => {
            targets.push(Target::new(
                "Mouth to ear through sound devices, median",
                delay.p50,
                75.0,
                "ms",
            ));
        }
        (false, ..) => {
            targets.push(Target::new(
                "Mouth to ear above the path, median",
                delay.above_path_p50,
                90.0,
                "ms",
            ));
        }
    }

    let first_audio = report.setup_ms.accept_to_first_audio;
    // Through sound cards it is not measured.
    let headless = scenario.devices == Devices::Headless;
    if ideal {
        if headless {
            targets.push(Target::new("Answer to first audio", first_audio, 40.0, "ms"));
        }
        targets.push(Target::new(
            "Invite to connected",
            report.setup_ms.invite_to_connected,
            100.0,
            "ms",
        ));
    } else if headless && steady && round_trip_ms <= 100.0 {
        let at_most = if scenario.warm_up { 130.0 } else { 300.0 };
        targets.push(Target::new("Answer to first audio", first_audio, at_most, "ms"));
    }

    // Two ends in one process cannot be told from the benchmark itself, but then they look worse, not better.
    let at_most = if scenario.processing { 3.5 } else { 2.0 };
    let name = match scenario.ends {
        Ends::Process => "Processor per end",
        Ends::Thread => "Processor per end, benchmark included",
    };
    targets.push(Target::new(
        name,
        report.cpu.percent_of_core_per_end,
        at_most,
        "% of a core",
    ));

    let count = |count: Option<u64>| count.map(|count| count as f64);
    targets.push(Target::new(
        "Allocations in callbacks",
        count(report.realtime.callback_allocations),
        0.0,
        "",
    ));
    targets.push(Target::new(
        "Locks in callbacks",
        count(report.realtime.callback_locks),
        0.0,
        "",
    ));
    if steady {
        let concealed = report.audio.concealed_ratio.map(|ratio| ratio * 100.0);
        targets.push(Target::new("Concealed", concealed, 0.0, "%"));
    }
    targets
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::report::{Network, Scenario};
    use super::*;

    fn find<'a>(targets: &'a [Target], name: &str) -> Option<&'a Target> {
        targets.iter().find(|target| target.name.starts_with(name))
    }

    fn on(config: Config, scenario: Scenario) -> Report {
        let network = Some(Network {
            a_to_b: config,
            b_to_a: config,
            ..Network::default()
        });
        Report {
            scenario: Scenario { network, ..scenario },
            ..Report::default()
        }
    }

    #[test]
    fn met_missed_and_not_measured() {
        let mut report = Report::default();
        report.mouth_to_ear_ms.p50 = Some(40.0);
        report.realtime.callback_allocations = Some(1);
        let targets = targets(&report);
        assert_eq!(find(&targets, "Mouth to ear, median").unwrap().met, Some(true));
        assert_eq!(find(&targets, "Allocations").unwrap().met, Some(false));
        assert_eq!(find(&targets, "Answer to first audio").unwrap().met, None);
    }

    #[test]
    fn the_profile_and_the_devices_choose_the_delay() {
        let mut report = Report::default();
        report.scenario.profile = Profile::LowLatency;
        assert_eq!(targets(&report)[0].at_most, 25.0);
        report.scenario.devices = Devices::Sound;
        assert_eq!(targets(&report)[0].at_most, 75.0);
        assert!(find(&targets(&report), "Answer to first audio").is_none());
    }

    #[test]
    fn a_bad_network_is_judged_above_its_path() {
        let config = Config::IDEAL
            .delay(Duration::from_millis(90))
            .jitter(Jitter::normal(Duration::from_millis(30)));
        let mut report = on(config, Scenario::default());
        report.mouth_to_ear_ms.p50 = Some(175.0);
        report.scenario.network.as_mut().unwrap().mean_delay_ms = Some(90.5);
        report.judge();
        assert_eq!(report.targets[0].figure, Some(84.5));
        assert_eq!(report.targets[0].met, Some(true));
        assert!(find(&report.targets, "Concealed").is_none());
    }

    #[test]
    fn warming_up_changes_the_time_to_first_audio() {
        let config = Config::IDEAL.delay(Duration::from_millis(50));
        for (warm_up, at_most) in [(true, 130.0), (false, 300.0)] {
            let report = on(
                config,
                Scenario {
                    warm_up,
                    ..Scenario::default()
                },
            );
            assert_eq!(
                find(&targets(&report), "Answer to first audio").unwrap().at_most,
                at_most
            );
        }
    }
}
