//! A call's statistics as a small table for people. Programs read the JSON.

use comfy_table::{Table, presets};
use sidetone::CallStats;
use sidetone_media::jitter::JitterStats;

use super::video::Tally;

/// The figures that tell how a call sounded, and what was to be seen.
pub fn table(stats: &CallStats, video: &Tally) -> String {
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

    let mut rows: Vec<_> = rows
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    rows.extend(pictures(video));

    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (name, value) in rows {
        table.add_row([name, value]);
    }
    format!("\n{table}")
}

/// A row for each stream of pictures, each layer for itself.
fn pictures(video: &Tally) -> Vec<(String, String)> {
    let sent = video.sent.iter().map(|sent| {
        let stream = &sent.stream;
        let value = format!(
            "{} {}x{}, {:.1} frames/s, {:.0} kbit/s, {} dropped",
            stream.codec,
            stream.frame_width,
            stream.frame_height,
            sent.frames_per_second,
            sent.bits_per_second / 1e3,
            stream.frames_dropped,
        );
        (format!("{} sent", stream.content_type), value)
    });
    let seen = video.seen.iter().map(|seen| {
        let (stream, counters) = (&seen.stream, &seen.stream.counters);
        let whose = stream
            .participant
            .map_or_else(String::new, |number| format!(" of participant {number}"));
        let expected = counters.packets_received as i64 + counters.packets_lost;
        let behind = stream
            .behind_sound
            .map(|seconds| format!(", {:.0} ms behind the sound", seconds * 1e3));
        let value = format!(
            "{} {}x{}, {:.1} frames/s, {:.0} kbit/s, {} packets, {:.1} % lost, jitter {:.1} ms, {} NACK, {} PLI, \
             {} dropped, {} freezes of {:.1} s together{}",
            stream.codec,
            stream.frame_width,
            stream.frame_height,
            seen.frames_per_second,
            seen.bits_per_second / 1e3,
            counters.packets_received,
            100.0 * counters.packets_lost.max(0) as f64 / expected.max(1) as f64,
            counters.jitter * 1e3,
            counters.nack_count,
            counters.pli_count,
            counters.frames_dropped,
            counters.freeze_count,
            counters.total_freezes_duration,
            behind.unwrap_or_default(),
        );
        (format!("{} seen{whose}", stream.content_type), value)
    });
    sent.chain(seen).collect()
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
    use std::time::{Duration, Instant};

    use sidetone_media::pictures::{InboundStream, OutboundStream};

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
        stats.video.outbound.push(OutboundStream {
            content_type: "screen".into(),
            codec: "VP8".into(),
            frame_width: 640,
            frame_height: 360,
            frames_sent: 1,
            frames_dropped: 7,
            ..OutboundStream::default()
        });
        let mut seen = InboundStream {
            content_type: "camera".into(),
            participant: Some(3),
            behind_sound: Some(0.012),
            ..InboundStream::default()
        };
        (seen.counters.frames_rendered, seen.counters.freeze_count) = (9, 2);
        (seen.counters.packets_received, seen.counters.packets_lost) = (198, 2);
        (seen.counters.nack_count, seen.counters.jitter) = (4, 0.0021);
        stats.video.inbound.push(seen);
        let mut video = Tally::default();
        video.take(Instant::now(), &stats.video);
        let shown = table(&stats, &video);
        for part in [
            "5 packets, 5.0 %",
            "20.0 ms",
            "concealed",
            "screen sent",
            "VP8 640x360, 0.0 frames/s, 0 kbit/s, 7 dropped",
            "camera seen of participant 3",
            "198 packets, 1.0 % lost, jitter 2.1 ms, 4 NACK, 0 PLI",
            "2 freezes of 0.0 s together, 12 ms behind the sound",
            "30.0 ms = frame 20.0 + look-ahead 0.0",
        ] {
            assert!(shown.contains(part), "{part} is missing:\n{shown}");
        }
    }
}
