use proptest::prelude::*;

use super::*;
use crate::statistics::{Aggregate, Video};
use sidetone_media::pictures::{InboundStream, OutboundStream};

fn call() -> CallStats {
    let mut stats = CallStats::default();
    stats.voice.inbound.push(Default::default());
    stats
}

/// A second of 50 packets of 80 bytes each way, of which the network eats `lost`.
fn pass(stats: &mut CallStats, lost: u64) {
    stats.transport.packets_sent += 50;
    stats.transport.bytes_sent += 4000;
    stats.transport.packets_received += 50 - lost;
    stats.transport.bytes_received += 80 * (50 - lost);
    stats.transport.packets_lost += lost as i64;
    stats.voice.inbound[0].jitter.total_samples_received += 48_000;
    stats.voice.inbound[0].jitter.concealed_samples += lost * 960;
}

fn samples(events: &[MediaStatisticsEvent]) -> Vec<&MediaSample> {
    let samples = events.iter().filter_map(|event| match event {
        MediaStatisticsEvent::SampleReported(sample) => Some(&**sample),
        MediaStatisticsEvent::SummaryReported(_) => None,
    });
    samples.collect()
}

fn summaries(events: &[MediaStatisticsEvent]) -> Vec<&MediaSummary> {
    let summaries = events.iter().filter_map(|event| match event {
        MediaStatisticsEvent::SummaryReported(summary) => Some(summary),
        MediaStatisticsEvent::SampleReported(_) => None,
    });
    summaries.collect()
}

#[test]
fn a_sample_is_a_second_of_the_counters() {
    let (mut collector, now) = (Collector::new(CollectorOptions::default()), Instant::now());
    let mut stats = call();
    assert_eq!(collector.observe(&stats, now), []);
    pass(&mut stats, 5);
    stats.transport.jitter = Duration::from_millis(4);
    stats.transport.round_trip_time = Some(Duration::from_millis(21));
    stats.voice.outbound.level.audio_level = 0.5;
    stats.voice.inbound[0].level.audio_level = 1.5;
    stats.voice.inbound[0].jitter.recent_delay = 0.06;
    // Half a second: rates are of seconds all the same.
    let events = collector.observe(&stats, now + Duration::from_millis(500));
    let samples = samples(&events);
    let audio = &samples[0].audio;
    assert_eq!(samples[0].elapsed_in_ms, 500.0);
    assert_eq!(audio.send.bitrate, Some(64_000.0));
    assert_eq!(audio.send.packets_per_second, Some(100.0));
    assert_eq!(audio.send.pair_rtt_in_ms, Some(21.0));
    assert_eq!(audio.send.audio_input_level, Some(32_768.0));
    assert_eq!(audio.receive.packets_per_second, Some(90.0));
    assert_eq!(audio.receive.packets_lost_per_second, Some(10.0));
    assert_eq!(audio.receive.jitter_in_ms, Some(4.0));
    assert_eq!(audio.receive.jitter_buffer_in_ms, Some(60.0));
    assert_eq!(
        audio.receive.audio_output_level,
        Some(65_536.0),
        "no more than all"
    );
    assert_eq!(audio.receive.healed_ratio, Some(0.1));
    // What was not measured is absent and not nothing.
    assert_eq!(audio.send.rtt_in_ms, None);
    assert_eq!(audio.send.packets_lost_per_second, None);
    assert_eq!(audio.send.available_bitrate, None);

    stats.transport.remote_round_trip_time = Some(Duration::from_millis(20));
    stats.transport.remote_fraction_lost = 0.1;
    stats.transport.available_outgoing_bitrate = Some(400_000);
    pass(&mut stats, 0);
    let events = collector.observe(&stats, now + Duration::from_millis(1500));
    let MediaStatisticsEvent::SampleReported(sample) = &events[0] else {
        panic!("{events:?}")
    };
    assert_eq!(sample.audio.send.rtt_in_ms, Some(20.0));
    assert_eq!(sample.audio.send.available_bitrate, Some(400_000.0));
    assert_eq!(sample.audio.send.packets_lost_per_second, Some(5.0));
}

#[test]
fn a_summary_has_the_points_that_were_asked_for() {
    let options = CollectorOptions {
        aggregation_interval: Duration::from_secs(5),
        data_points_per_aggregation: 3,
    };
    let (mut collector, mut now) = (Collector::new(options), Instant::now());
    let mut stats = call();
    let mut events = collector.observe(&stats, now);
    for second in 0..37 {
        // Ticks are never quite in time.
        now += Duration::from_millis(if second % 2 == 0 { 990 } else { 1010 });
        pass(&mut stats, second % 5);
        events.extend(collector.observe(&stats, now));
    }
    assert_eq!(samples(&events).len(), 37);
    let reported = summaries(&events);
    assert_eq!(reported.len(), 2);
    for (index, point) in reported.iter().flat_map(|summary| &summary.points).enumerate() {
        assert!((point.duration_in_ms - 5000.0).abs() <= 20.0, "{point:?}");
        assert!(
            (point.start_in_ms - 5000.0 * index as f64).abs() <= 20.0,
            "{point:?}"
        );
        let lost = point.audio.receive.packets_lost_per_second.unwrap();
        assert_eq!((lost.count, lost.minimum), (5, 0.0));
        assert!((lost.sum - 10.0).abs() < 0.2 && (lost.average - 2.0).abs() < 0.04);
    }
    let Some(MediaStatisticsEvent::SummaryReported(last)) = collector.finish() else {
        panic!("seven seconds are left")
    };
    let counts: Vec<_> = last
        .points
        .iter()
        .map(|point| point.audio.send.bitrate.unwrap().count)
        .collect();
    assert_eq!(counts, [5, 2]);
}

#[test]
fn another_connection_begins_anew() {
    let (mut collector, now) = (Collector::new(CollectorOptions::default()), Instant::now());
    let mut stats = call();
    pass(&mut stats, 0);
    collector.observe(&stats, now);
    let second = Duration::from_secs(1);
    assert_eq!(collector.observe(&call(), now + second), []);
    let mut stats = call();
    pass(&mut stats, 0);
    assert_eq!(collector.observe(&stats, now + second * 2).len(), 1);
}

#[test]
fn it_is_written_under_the_names_of_the_specification() {
    let (mut collector, now) = (Collector::new(CollectorOptions::default()), Instant::now());
    let mut stats = call();
    collector.observe(&stats, now);
    pass(&mut stats, 0);
    let events = collector.observe(&stats, now + Duration::from_secs(1));
    let json = serde_json::to_value(&events[0]).unwrap();
    assert_eq!(json["event"], "sampleReported");
    let names = |way: &str| -> Vec<String> {
        let stream = json["audio"][way].as_object().unwrap();
        stream.keys().cloned().collect()
    };
    let has = |way: &str, wanted: &[&str]| {
        let names = names(way);
        for wanted in wanted {
            assert!(names.iter().any(|name| name == wanted), "{wanted}: {names:?}");
        }
    };
    let both = [
        "id",
        "codecName",
        "bitrate",
        "jitterInMs",
        "packetsPerSecond",
        "packetsLostPerSecond",
        "rttInMs",
        "pairRttInMs",
    ];
    has("send", &both);
    has("send", &["availableBitrate", "audioInputLevel"]);
    has("receive", &both);
    has(
        "receive",
        &["jitterBufferInMs", "audioOutputLevel", "healedRatio"],
    );
    let json = serde_json::to_value(collector.finish()).unwrap();
    assert_eq!(json["event"], "summaryReported");
    assert_eq!(json["points"][0]["audio"]["send"]["bitrate"]["maximum"], 32_000.0);
}

proptest! {
    /// Whatever the ticks and the figures: every sample is in exactly one point, and points follow each other.
    #[test]
    fn nothing_is_counted_twice_or_lost(
        interval in 1..30u64,
        points in 1..8usize,
        ticks in proptest::collection::vec((900..2500u64, 0..50u64), 1..200),
    ) {
        let options = CollectorOptions {
            aggregation_interval: Duration::from_secs(interval),
            data_points_per_aggregation: points,
        };
        let (mut collector, mut now) = (Collector::new(options), Instant::now());
        let mut stats = call();
        let mut events = collector.observe(&stats, now);
        for (millis, lost) in &ticks {
            now += Duration::from_millis(*millis);
            pass(&mut stats, *lost);
            events.extend(collector.observe(&stats, now));
        }
        events.extend(collector.finish());
        let mut end = 0.0;
        let (mut count, mut sum) = (0, 0.0);
        for point in summaries(&events).iter().flat_map(|summary| &summary.points) {
            prop_assert!((point.start_in_ms - end).abs() < 1e-3);
            end = point.start_in_ms + point.duration_in_ms;
            let Aggregate { count: more, sum: of, minimum, maximum, average } =
                point.audio.receive.packets_lost_per_second.unwrap();
            prop_assert!(minimum <= average + 1e-9 && average <= maximum + 1e-9);
            count += more;
            sum += of;
        }
        let listed = samples(&events);
        prop_assert_eq!(count as usize, listed.len());
        prop_assert_eq!(listed.len(), ticks.len());
        let wanted: f64 = listed.iter().filter_map(|sample| sample.audio.receive.packets_lost_per_second).sum();
        prop_assert!((sum - wanted).abs() < 1e-6);
    }
}

/// A second of 30 frames of 2000 bytes each way, of which the network eats a packet.
fn film(stats: &mut CallStats, participant: Option<u32>) {
    if stats.video.outbound.is_empty() {
        for (content, layer) in [("camera", 0), ("camera", 1), ("screen", 0)] {
            stats.video.outbound.push(OutboundStream {
                content_type: content.into(),
                layer,
                codec: "VP8".into(),
                ..OutboundStream::default()
            });
        }
        stats.video.inbound = vec![InboundStream::default(), InboundStream::default()];
        stats.video.inbound[0].content_type = "camera".into();
        stats.video.inbound[1].content_type = "screen".into();
    }
    for (layer, sent) in stats.video.outbound.iter_mut().take(2).enumerate() {
        sent.active = true;
        (sent.source_width, sent.source_height) = (1280, 720);
        (sent.frame_width, sent.frame_height) = (320 << layer, 180 << layer);
        sent.frames += 30;
        sent.frames_encoded += 30;
        sent.frames_sent += 30;
        sent.packets_sent += 60;
        sent.bytes_sent += 60_000;
    }
    let seen = &mut stats.video.inbound[0];
    seen.participant = participant;
    (seen.frame_width, seen.frame_height) = (640, 360);
    seen.counters.packets_received += 59;
    seen.counters.packets_lost += 1;
    seen.counters.bytes_received += 59_000;
    seen.counters.frames_received += 30;
    seen.counters.frames_decoded += 29;
    seen.counters.frames_rendered += 28;
    seen.counters.jitter = 0.003;
    seen.counters.jitter_buffer_delay += 1.5;
    seen.counters.jitter_buffer_emitted_count += 30;
    seen.counters.total_freezes_duration += 0.2;
}

#[test]
fn pictures_are_measured_by_stream_and_summed_up() {
    let options = CollectorOptions {
        aggregation_interval: Duration::from_secs(2),
        data_points_per_aggregation: 1,
    };
    let (mut collector, now) = (Collector::new(options), Instant::now());
    let mut stats = call();
    film(&mut stats, Some(3));
    collector.observe(&stats, now);
    film(&mut stats, Some(3));
    let events = collector.observe(&stats, now + Duration::from_secs(1));
    let sample = samples(&events)[0].clone();
    let sent = &sample.video.send;
    assert_eq!(
        (sent.codec_name.as_str(), sent.bitrate),
        ("VP8", Some(960_000.0)),
        "of both layers"
    );
    assert_eq!(
        (sent.frame_rate_sent, sent.frame_height_sent),
        (Some(30.0), Some(360.0))
    );
    assert_eq!(
        (sent.frame_rate_input, sent.frame_width_input),
        (Some(30.0), Some(1280.0))
    );
    assert_eq!(sent.packets_lost_per_second, None, "nobody has reported");
    let [seen] = &sample.video.receive[..] else {
        panic!("{sample:?}")
    };
    assert_eq!((seen.id.as_str(), seen.bitrate), ("3", Some(472_000.0)));
    assert_eq!(
        (seen.packets_lost_per_second, seen.jitter_in_ms),
        (Some(1.0), Some(3.0))
    );
    assert_eq!(seen.jitter_buffer_in_ms, Some(50.0));
    assert_eq!(
        (seen.frame_rate_received, seen.frame_rate_decoded),
        (Some(30.0), Some(29.0))
    );
    assert_eq!(
        (seen.frame_rate_output, seen.frames_decoded),
        (Some(28.0), Some(58.0))
    );
    assert_eq!(sample.screen_share, Video::default(), "nobody shows a screen");
    // Somebody else takes the place: of them there is nothing to compare with yet.
    film(&mut stats, Some(4));
    let events = collector.observe(&stats, now + Duration::from_secs(2));
    assert_eq!(samples(&events)[0].video.receive, []);
    let point = &summaries(&events)[0].points[0];
    assert_eq!(point.video.send.frame_rate_sent.unwrap().count, 2);
    let bitrate = point.video.receive[0].bitrate.unwrap();
    assert_eq!((bitrate.count, bitrate.average), (1, 472_000.0));
}
