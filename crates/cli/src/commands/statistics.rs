//! A call's statistics as a small table for people. Programs read the JSON.

use comfy_table::{Table, presets};
use sidetone::CallStats;
use sidetone_media::jitter::JitterStats;

/// The figures that tell how a call sounded.
pub fn table(stats: &CallStats) -> String {
    let (transport, voice) = (&stats.transport, &stats.voice);
    let expected = transport.packets_received as i64 + transport.packets_lost;
    let lost = 100.0 * transport.packets_lost.max(0) as f64 / expected.max(1) as f64;
    let mut rows = vec![
        (
            "sent",
            format!(
                "{} packets, {}",
                transport.packets_sent,
                bytes(transport.bytes_sent)
            ),
        ),
        (
            "received",
            format!(
                "{} packets, {}",
                transport.packets_received,
                bytes(transport.bytes_received)
            ),
        ),
        ("lost", format!("{} packets, {lost:.1} %", transport.packets_lost)),
        (
            "jitter",
            format!("{:.1} ms", transport.jitter.as_secs_f64() * 1e3),
        ),
        (
            "round trip",
            transport.round_trip_time.map_or_else(
                || "unknown".into(),
                |time| format!("{:.1} ms", time.as_secs_f64() * 1e3),
            ),
        ),
    ];
    if !voice.inbound.is_empty() {
        // Of a meeting, all that was heard together.
        let mut jitter = JitterStats::default();
        for JitterStats {
            total_samples_received,
            concealed_samples,
            inserted_samples_for_deceleration,
            removed_samples_for_acceleration,
            packets_late,
            ..
        } in voice.inbound.iter().map(|inbound| &inbound.jitter)
        {
            jitter.total_samples_received += total_samples_received;
            jitter.concealed_samples += concealed_samples;
            jitter.inserted_samples_for_deceleration += inserted_samples_for_deceleration;
            jitter.removed_samples_for_acceleration += removed_samples_for_acceleration;
            jitter.packets_late += packets_late;
        }
        rows.push(("concealed", format!("{:.2} %", 100.0 * jitter.concealed_ratio())));
        rows.push(("stretched", format!("{:.2} %", 100.0 * jitter.stretched_ratio())));
        rows.push(("late", format!("{} packets", jitter.packets_late)));
    }
    let budget = &voice.latency;
    let parts = [
        ("frame", budget.frame),
        ("look-ahead", budget.look_ahead),
        ("jitter buffer", budget.jitter_buffer),
        ("playout", budget.playout),
        ("device", budget.device),
    ];
    let sum = parts.iter().map(|(_, seconds)| seconds).sum::<f64>();
    let parts: Vec<_> = parts
        .iter()
        .map(|(name, seconds)| format!("{name} {:.1}", seconds * 1e3))
        .collect();
    rows.push((
        "delay here",
        format!("{:.1} ms = {}", sum * 1e3, parts.join(" + ")),
    ));

    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (name, value) in rows {
        table.add_row([name, &value]);
    }
    format!("\n{table}")
}

fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} B"),
        10_000..10_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        _ => format!("{:.1} MB", count as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_table_has_what_a_person_asks_for() {
        let mut stats = CallStats::default();
        stats.transport.packets_received = 95;
        stats.transport.packets_lost = 5;
        stats.transport.round_trip_time = Some(Duration::from_millis(20));
        stats.voice.inbound.push(Default::default());
        stats.voice.latency.frame = 0.02;
        stats.voice.latency.device = 0.01;
        let shown = table(&stats);
        for part in [
            "5 packets, 5.0 %",
            "20.0 ms",
            "concealed",
            "30.0 ms = frame 20.0 + look-ahead 0.0",
        ] {
            assert!(shown.contains(part), "{part} is missing:\n{shown}");
        }
    }
}
