//! The page holds every figure, stands alone, and lets no text of the report become markup.

use super::super::report::{
    Audio, Cpu, JitterSample, LatencyBudget, Memory, MouthToEar, RealTime, Rtp, Scenario, Setup,
};
use super::super::svg::escape;
use super::*;

/// A report with everything in it.
fn full() -> Report {
    let delays: Vec<(f64, f64)> = (0..280)
        .filter(|n| n % 37 > 4)
        .map(|n| {
            (
                f64::from(n) * 0.1,
                37.5 + 3.0 * (f64::from(n) * 0.7).sin() + if n % 90 == 50 { 9.0 } else { 0.0 },
            )
        })
        .collect();
    let speech: Vec<f32> = (0..600_u16)
        .map(|n| {
            (f32::from(n) * 0.05).sin().abs()
                * (f32::from(n) * 0.31).cos().abs()
                * if n % 90 < 12 { 0.0 } else { 0.6 }
        })
        .collect();
    let mut heard = vec![0.0; 2];
    heard.extend(speech[..598].iter().map(|peak| peak * 0.97));
    let sorted = sorted(&delays.iter().map(|point| point.1).collect::<Vec<_>>());
    let mut report = Report {
        finished_at: "2026-11-21T05:40:00Z".into(),
        command: "sidetone bench loopback --duration 30s --html report.html".into(),
        scenario: Scenario {
            input: "woman-en and man-it".into(),
            duration_s: 30.0,
            frame_ms: 20.0,
            warm_up: true,
            ..Scenario::default()
        },
        setup_ms: Setup {
            invite_to_ringing: Some(4.2),
            accept_to_connected: Some(6.1),
            accept_to_first_audio: Some(31.8),
            invite_to_connected: Some(88.0),
        },
        mouth_to_ear_ms: MouthToEar {
            p50: percentile(&sorted, 0.5),
            p95: percentile(&sorted, 0.95),
            p99: percentile(&sorted, 0.99),
            n: sorted.len(),
            min: sorted.first().copied(),
            max: sorted.last().copied(),
            rejected: 2,
            above_path_p50: None,
        },
        latency_budget_ms: LatencyBudget {
            capture_device: Some(2.5),
            frame: Some(20.0),
            processing: Some(0.0),
            codec_lookahead: Some(6.5),
            network: Some(0.4),
            jitter_buffer: Some(3.1),
            playout_block: Some(2.5),
            playout_device: Some(2.5),
        },
        cpu: Cpu {
            percent_of_core_per_end: Some(2.31),
            by_thread: [("capture".to_owned(), 0.9), ("playout".to_owned(), 0.7)].into(),
            ..Cpu::default()
        },
        memory: Memory {
            rss_mib_per_end: Some(18.4),
            ..Memory::default()
        },
        realtime: RealTime {
            callback_allocations: Some(0),
            callback_locks: Some(0),
            callback_p99_us: Some(11.0),
            overruns: Some(0),
            underruns: Some(480),
            worker_allocations_per_10ms: Some(0.0),
            priority: Some(false),
        },
        audio: Audio {
            concealed_ratio: Some(0.0),
            stretched_ratio: Some(0.0013),
            level_error_db: Some(-0.21),
        },
        rtp: Rtp {
            sent: Some(3000),
            received: Some(3000),
            lost: Some(0),
            late: Some(0),
            recovered: Some(0),
        },
        series: vec![Direction {
            name: "caller to callee".into(),
            mouth_to_ear: delays,
            jitter_buffer: (0..300_u16)
                .map(|n| JitterSample {
                    at_s: f64::from(n) * 0.1,
                    delay_ms: 3.0 + (f64::from(n) * 0.3).sin(),
                    target_ms: 3.0,
                })
                .collect(),
            spoken: speech,
            heard,
            waveform_s: 30.0,
        }],
        machine: super::super::machine::Machine::probe(),
        versions: super::super::machine::versions(),
        ..Report::default()
    };
    report.judge();
    report
}

#[test]
fn the_page_shows_every_figure_and_stands_alone() {
    let report = full();
    let page = page(&report);
    // For looking at it: SIDETONE_PAGE=/somewhere/report.html.
    if let Some(path) = std::env::var_os("SIDETONE_PAGE") {
        std::fs::write(path, &page).unwrap();
    }
    for section in figures::sections(&report) {
        for (name, value) in section.rows {
            assert!(page.contains(&format!(
                "<tr><td>{}</td><td class=\"n\">{}</td></tr>",
                escape(&name),
                escape(&value)
            )));
        }
    }
    assert_eq!(page.matches("<svg").count(), 2 * 5);
    // The processor is over its limit.
    assert!(page.contains("1 of 7 targets missed"));
    for foreign in ["<script", "http://", "https://", "@import", "url(", "NaN"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn an_empty_report_is_a_page_too() {
    let mut report = Report::default();
    report.judge();
    let page = page(&report);
    assert!(page.contains("No target was measured") && !page.contains("<svg"));
}

#[test]
fn text_does_not_become_markup() {
    let mut report = full();
    report.scenario.input = "<b>loud</b>".into();
    report.command = "a && b <c>".into();
    report.series[0].name = "<i>".into();
    let page = page(&report);
    assert!(!page.contains("<b>loud") && !page.contains("<c>") && !page.contains("time, <i>"));
    assert!(page.contains("&lt;b&gt;loud&lt;/b&gt;"));
}
