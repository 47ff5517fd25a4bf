//! Makes samples of a call's counters, and summaries of samples. Takes the time as an argument.

use std::time::{Duration, Instant};

use super::pictures::video;
use super::{
    Audio, AudioReceive, AudioSend, CollectorOptions, MediaPoint, MediaSample, MediaStatisticsEvent,
    MediaSummary,
};
use crate::CallStats;

/// Full scale of a level.
const FULL_LEVEL: f64 = 65_536.0;

/// A collector's arithmetic.
#[derive(Debug)]
pub(crate) struct Collector {
    interval: Duration,
    points: usize,
    /// The counters as they were at the last look, and when that was.
    before: Option<(CallStats, Instant)>,
    /// The first look.
    start: Option<Instant>,
    point: Option<(MediaPoint, Instant)>,
    summary: MediaSummary,
}

impl Collector {
    pub fn new(options: CollectorOptions) -> Self {
        Self {
            interval: options.aggregation_interval.max(Duration::from_secs(1)),
            points: options.data_points_per_aggregation.max(1),
            before: None,
            start: None,
            point: None,
            summary: MediaSummary::default(),
        }
    }

    /// Takes the counters as they are at `now`, about once a second. The first look gives nothing to compare with.
    pub fn observe(&mut self, stats: &CallStats, now: Instant) -> Vec<MediaStatisticsEvent> {
        let start = *self.start.get_or_insert(now);
        let Some((before, at)) = self.before.replace((stats.clone(), now)) else {
            return Vec::new();
        };
        let seconds = now.saturating_duration_since(at).as_secs_f64();
        // Counters that fell are another stream's, of which there is nothing to compare with yet.
        if seconds <= 0.0
            || stats.transport.packets_sent < before.transport.packets_sent
            || stats.transport.packets_received < before.transport.packets_received
        {
            return Vec::new();
        }
        let sample = MediaSample {
            elapsed_in_ms: millis(now.saturating_duration_since(start)),
            audio: Audio {
                send: send(stats, &before, seconds),
                receive: receive(stats, &before, seconds),
            },
            video: video("camera", stats, &before, seconds),
            screen_share: video("screen", stats, &before, seconds),
        };
        let (point, began) = self.point.get_or_insert_with(|| {
            let start_in_ms = millis(at.saturating_duration_since(start));
            (
                MediaPoint {
                    start_in_ms,
                    ..MediaPoint::default()
                },
                at,
            )
        });
        point.audio.send.note(&sample.audio.send);
        point.audio.receive.note(&sample.audio.receive);
        point.video.note(&sample.video);
        point.screen_share.note(&sample.screen_share);
        let length = now.saturating_duration_since(*began);
        point.duration_in_ms = millis(length);
        let mut events = vec![MediaStatisticsEvent::SampleReported(Box::new(sample))];
        // A tick that comes a little early ends the point all the same.
        if length + Duration::from_millis(500) > self.interval {
            self.summary
                .points
                .extend(self.point.take().map(|(point, _)| point));
        }
        if self.summary.points.len() == self.points {
            events.push(MediaStatisticsEvent::SummaryReported(std::mem::take(
                &mut self.summary,
            )));
        }
        events
    }

    /// What is left at the end.
    pub fn finish(&mut self) -> Option<MediaStatisticsEvent> {
        self.summary
            .points
            .extend(self.point.take().map(|(point, _)| point));
        let rest = std::mem::take(&mut self.summary);
        (!rest.points.is_empty()).then_some(MediaStatisticsEvent::SummaryReported(rest))
    }
}

pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn level(level: f64) -> f64 {
    (level.clamp(0.0, 1.0) * FULL_LEVEL).round()
}

fn send(stats: &CallStats, before: &CallStats, seconds: f64) -> AudioSend<Option<f64>> {
    let (now, before) = (&stats.transport, &before.transport);
    let packets = now.packets_sent.saturating_sub(before.packets_sent) as f64 / seconds;
    // Before the first report nothing is known of what arrived.
    let reported = now.remote_round_trip_time.is_some();
    AudioSend {
        bitrate: Some(8.0 * now.bytes_sent.saturating_sub(before.bytes_sent) as f64 / seconds),
        jitter_in_ms: reported.then(|| millis(now.remote_jitter)),
        packets_per_second: Some(packets),
        packets_lost_per_second: reported.then_some(packets * now.remote_fraction_lost),
        rtt_in_ms: now.remote_round_trip_time.map(millis),
        pair_rtt_in_ms: now.round_trip_time.map(millis),
        available_bitrate: now.available_outgoing_bitrate.map(f64::from),
        audio_input_level: Some(level(stats.voice.outbound.level.audio_level)),
        ..AudioSend::default()
    }
}

fn receive(stats: &CallStats, before: &CallStats, seconds: f64) -> AudioReceive<Option<f64>> {
    let (now, was) = (&stats.transport, &before.transport);
    // Which of several streams is this call's is not told.
    let [inbound] = &stats.voice.inbound[..] else {
        return AudioReceive::default();
    };
    let jitter = &inbound.jitter;
    let healed = before.voice.inbound.first().and_then(|before| {
        let heard = jitter
            .total_samples_received
            .checked_sub(before.jitter.total_samples_received)?;
        let healed = jitter
            .concealed_samples
            .checked_sub(before.jitter.concealed_samples)?;
        (heard > 0).then(|| healed as f64 / heard as f64)
    });
    AudioReceive {
        bitrate: Some(8.0 * now.bytes_received.saturating_sub(was.bytes_received) as f64 / seconds),
        jitter_in_ms: Some(millis(now.jitter)),
        packets_per_second: Some(now.packets_received.saturating_sub(was.packets_received) as f64 / seconds),
        packets_lost_per_second: Some((now.packets_lost - was.packets_lost).max(0) as f64 / seconds),
        rtt_in_ms: now.remote_round_trip_time.map(millis),
        pair_rtt_in_ms: now.round_trip_time.map(millis),
        jitter_buffer_in_ms: Some(jitter.recent_delay * 1e3),
        audio_output_level: Some(level(inbound.level.audio_level)),
        healed_ratio: healed,
        ..AudioReceive::default()
    }
}

#[cfg(test)]
#[path = "collector_tests.rs"]
mod tests;
