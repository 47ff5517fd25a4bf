//! Every figure of a report as words, in the order people ask for them. Shared by the terminal and the page.

use std::borrow::Cow;

use super::report::{Devices, Ends, Profile, Report};
use super::target::Target;

/// A heading and its rows of name and value.
pub struct Section {
    /// Heading.
    pub title: Cow<'static, str>,
    /// Name and value of each figure.
    pub rows: Vec<(String, String)>,
}

/// What stands for a figure that was not measured.
pub const UNMEASURED: &str = "–";

/// A figure with its unit, with as many decimals as it deserves.
pub fn figure(value: Option<f64>, unit: &str) -> String {
    let Some(value) = value else {
        return UNMEASURED.to_owned();
    };
    let decimals = match value.abs() {
        size if size == 0.0 || size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    if unit.is_empty() {
        format!("{value:.decimals$}")
    } else {
        format!("{value:.decimals$} {unit}")
    }
}

/// A count.
fn count<N: ToString>(value: Option<N>) -> String {
    value.map_or_else(|| UNMEASURED.to_owned(), |value| value.to_string())
}

/// Figure and limit of a target, with units.
pub fn target_text(target: &Target) -> (String, String) {
    let whole = |value: f64| {
        let value = if value.fract() == 0.0 {
            format!("{value:.0}")
        } else {
            format!("{value}")
        };
        if target.unit.is_empty() {
            value
        } else {
            format!("{value} {}", target.unit)
        }
    };
    let measured = match target.figure {
        Some(value) if value.fract() == 0.0 => whole(value),
        value => figure(value, &target.unit),
    };
    (measured, whole(target.at_most))
}

/// What was run, in one sentence.
pub fn scenario(report: &Report) -> String {
    let scenario = &report.scenario;
    let ends = match scenario.ends {
        Ends::Thread => "both ends in one process",
        Ends::Process => "a process for each end",
    };
    let devices = match scenario.devices {
        Devices::Headless => "headless devices",
        Devices::Sound => "sound devices",
    };
    let profile = match scenario.profile {
        Profile::Balanced => "balanced profile",
        Profile::LowLatency => "low-latency profile",
    };
    let network = match &scenario.network {
        None => "bare loopback".to_owned(),
        Some(network) => {
            let rtt = (network.a_to_b.delay + network.b_to_a.delay).as_secs_f64() * 1e3;
            format!(
                "emulated network of {rtt:.0} ms round trip, seed {}",
                scenario.seed
            )
        }
    };
    let processing = if scenario.processing {
        "voice processing on"
    } else {
        "voice processing off"
    };
    format!(
        "{:.0} s of {}, {} ms frames, {profile}, {processing}, {devices}, {ends}, {network}",
        scenario.duration_s, scenario.input, scenario.frame_ms
    )
}

/// All figures.
pub fn sections(report: &Report) -> Vec<Section> {
    let row = |name: &str, value: String| (name.to_owned(), value);
    let ms = |name: &str, value| row(name, figure(value, "ms"));
    let (setup, delay, cpu) = (&report.setup_ms, &report.mouth_to_ear_ms, &report.cpu);
    let (memory, realtime, audio, rtp) = (&report.memory, &report.realtime, &report.audio, &report.rtp);
    let percent = |value: Option<f64>| figure(value.map(|value| value * 100.0), "%");

    let mut budget: Vec<_> = report
        .latency_budget_ms
        .parts()
        .into_iter()
        .map(|(name, value)| ms(name, value))
        .collect();
    budget.push(ms("Sum", report.latency_budget_ms.total()));
    let mut processor = vec![
        row(
            "Mean of both ends",
            figure(cpu.percent_of_core_per_end, "% of a core"),
        ),
        row("Caller", figure(cpu.caller, "% of a core")),
        row("Callee", figure(cpu.callee, "% of a core")),
    ];
    processor.extend(
        cpu.by_thread
            .iter()
            .map(|(name, &value)| row(&format!("Thread {name}"), figure(Some(value), "% of a core"))),
    );
    let mut sections = vec![
        Section {
            title: "Call setup".into(),
            rows: vec![
                ms("Invite to ringing", setup.invite_to_ringing),
                ms("Invite to connected", setup.invite_to_connected),
                ms("Answer to connected", setup.accept_to_connected),
                ms("Answer to first audio", setup.accept_to_first_audio),
            ],
        },
        Section {
            title: "Mouth to ear".into(),
            rows: vec![
                ms("Median", delay.p50),
                ms("95th percentile", delay.p95),
                ms("99th percentile", delay.p99),
                ms("Shortest", delay.min),
                ms("Longest", delay.max),
                row("Windows found again", delay.n.to_string()),
                row("Windows not found", delay.rejected.to_string()),
            ],
        },
        Section {
            title: "Latency budget".into(),
            rows: budget,
        },
        Section {
            title: "Sound".into(),
            rows: vec![
                row("Concealed", percent(audio.concealed_ratio)),
                row("Stretched", percent(audio.stretched_ratio)),
                row("Level error", figure(audio.level_error_db, "dB")),
            ],
        },
        Section {
            title: "RTP packets".into(),
            rows: vec![
                row("Sent", count(rtp.sent)),
                row("Received", count(rtp.received)),
                row("Lost", count(rtp.lost)),
                row("Late", count(rtp.late)),
                row("Recovered", count(rtp.recovered)),
            ],
        },
        Section {
            title: "Real time".into(),
            rows: vec![
                row("Callback allocations", count(realtime.callback_allocations)),
                row("Callback locks", count(realtime.callback_locks)),
                row(
                    "Callback time, 99th percentile",
                    figure(realtime.callback_p99_us, "µs"),
                ),
                row("Samples overrun", count(realtime.overruns)),
                row("Samples underrun", count(realtime.underruns)),
                row(
                    "Worker allocations per 10 ms",
                    figure(realtime.worker_allocations_per_10ms, ""),
                ),
                row(
                    "Real-time priority",
                    realtime
                        .priority
                        .map_or(
                            UNMEASURED,
                            |granted| if granted { "granted" } else { "not granted" },
                        )
                        .into(),
                ),
            ],
        },
        Section {
            title: "Processor".into(),
            rows: processor,
        },
        Section {
            title: "Memory".into(),
            rows: vec![
                row("Mean of both ends", figure(memory.rss_mib_per_end, "MiB")),
                row("Caller", figure(memory.caller, "MiB")),
                row("Callee", figure(memory.callee, "MiB")),
            ],
        },
    ];
    if let Some(network) = &report.scenario.network {
        let rows = vec![
            ms("Mean one-way delay", network.mean_delay_ms),
            ms("Median above it", delay.above_path_p50),
            row(
                "Loss asked for, to the callee",
                percent(Some(network.a_to_b.loss.ratio())),
            ),
            row(
                "Loss asked for, to the caller",
                percent(Some(network.b_to_a.loss.ratio())),
            ),
            ms("Relay's own lateness, mean", network.relay_lateness_ms),
        ];
        sections.insert(
            2,
            Section {
                title: "Emulated network".into(),
                rows,
            },
        );
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_follow_the_size() {
        assert_eq!(figure(Some(123.4), "ms"), "123 ms");
        assert_eq!(figure(Some(12.34), "ms"), "12.3 ms");
        assert_eq!(figure(Some(-1.234), "dB"), "-1.23 dB");
        assert_eq!(figure(Some(0.0), ""), "0");
        assert_eq!(figure(None, "ms"), UNMEASURED);
    }
}
