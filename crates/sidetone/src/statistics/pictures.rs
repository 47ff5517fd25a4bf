//! A second of a call's pictures, out of its counters.

use sidetone_media::pictures::{InboundStream, OutboundStream};

use super::collector::millis;
use super::{Video, VideoReceive, VideoSend};
use crate::CallStats;

/// What there is of pictures of that content type.
pub(super) fn video(
    content: &str,
    stats: &CallStats,
    before: &CallStats,
    seconds: f64,
) -> Video<Option<f64>> {
    let (now, was) = (&stats.video, &before.video);
    let sent = now.outbound.iter().zip(&was.outbound);
    let sent: Vec<_> = sent.filter(|(now, _)| now.content_type == content).collect();
    let seen = now.inbound.iter().zip(&was.inbound).filter(|(now, was)| {
        let same = was.participant.is_none() || was.participant == now.participant;
        now.content_type == content && now.counters.packets_received > 0 && same
    });
    Video {
        send: send(&sent, stats, seconds),
        receive: seen.map(|(now, was)| receive(now, was, stats, seconds)).collect(),
    }
}

/// Growth a second of a counter; none of one that fell, which is another stream's.
fn rate(now: u64, before: u64, seconds: f64) -> Option<f64> {
    now.checked_sub(before).map(|growth| growth as f64 / seconds)
}

fn size(side: u32) -> Option<f64> {
    (side > 0).then(|| side.into())
}

fn send(
    layers: &[(&OutboundStream, &OutboundStream)],
    stats: &CallStats,
    seconds: f64,
) -> VideoSend<Option<f64>> {
    let begun = || layers.iter().filter(|(now, _)| now.frames_sent > 0);
    // The largest that is sent, else that was.
    let Some((top, was)) = begun()
        .rfind(|(now, _)| now.active)
        .or_else(|| begun().next_back())
    else {
        return VideoSend::default();
    };
    let sum = |of: fn(&OutboundStream) -> u64| {
        let rates = layers.iter().map(|(now, was)| rate(of(now), of(was), seconds));
        rates.sum::<Option<f64>>()
    };
    let lost = layers.iter().map(|(now, was)| {
        rate(now.packets_sent, was.packets_sent, seconds).map(|packets| packets * now.remote_fraction_lost)
    });
    let transport = &stats.transport;
    // Before the first report nothing is known of what arrived.
    let reported = transport.remote_round_trip_time.is_some();
    VideoSend {
        codec_name: top.codec.clone(),
        bitrate: sum(|stream| stream.bytes_sent).map(|bytes| 8.0 * bytes),
        packets_per_second: sum(|stream| stream.packets_sent),
        packets_lost_per_second: lost.sum::<Option<f64>>().filter(|_| reported),
        rtt_in_ms: transport.remote_round_trip_time.map(millis),
        pair_rtt_in_ms: transport.round_trip_time.map(millis),
        available_bitrate: transport.available_outgoing_bitrate.map(f64::from),
        frame_rate_input: rate(top.frames, was.frames, seconds),
        frame_width_input: size(top.source_width),
        frame_height_input: size(top.source_height),
        frame_rate_encoded: rate(top.frames_encoded, was.frames_encoded, seconds),
        frame_rate_sent: rate(top.frames_sent, was.frames_sent, seconds),
        frame_width_sent: size(top.frame_width),
        frame_height_sent: size(top.frame_height),
        frames_sent: Some(top.frames_sent as f64),
        frames_encoded: Some(top.frames_encoded as f64),
        key_frames_encoded: Some(top.key_frames_encoded as f64),
        ..VideoSend::default()
    }
}

fn receive(
    stream: &InboundStream,
    before: &InboundStream,
    stats: &CallStats,
    seconds: f64,
) -> VideoReceive<Option<f64>> {
    let (now, was) = (&stream.counters, &before.counters);
    let transport = &stats.transport;
    let emitted = now
        .jitter_buffer_emitted_count
        .saturating_sub(was.jitter_buffer_emitted_count);
    let waited = (now.jitter_buffer_delay - was.jitter_buffer_delay).max(0.0);
    let id = stream.participant.map(|number| number.to_string());
    VideoReceive {
        id: id.unwrap_or_else(|| VideoReceive::<()>::default().id),
        codec_name: stream.codec.clone(),
        bitrate: rate(now.bytes_received, was.bytes_received, seconds).map(|bytes| 8.0 * bytes),
        jitter_in_ms: Some(now.jitter * 1e3),
        packets_per_second: rate(now.packets_received, was.packets_received, seconds),
        packets_lost_per_second: Some((now.packets_lost - was.packets_lost).max(0) as f64 / seconds),
        rtt_in_ms: transport.remote_round_trip_time.map(millis),
        pair_rtt_in_ms: transport.round_trip_time.map(millis),
        jitter_buffer_in_ms: (emitted > 0).then(|| waited / emitted as f64 * 1e3),
        frame_rate_output: rate(now.frames_rendered, was.frames_rendered, seconds),
        frame_rate_decoded: rate(now.frames_decoded, was.frames_decoded, seconds),
        frame_rate_received: rate(now.frames_received, was.frames_received, seconds),
        frame_width_received: size(stream.frame_width),
        frame_height_received: size(stream.frame_height),
        longest_freeze_duration_in_ms: Some(now.longest_freeze_duration * 1e3),
        total_freeze_duration_in_ms: Some(now.total_freezes_duration * 1e3),
        frames_received: Some(now.frames_received as f64),
        frames_decoded: Some(now.frames_decoded as f64),
        frames_dropped: Some(now.frames_dropped as f64),
        key_frames_decoded: Some(now.key_frames_decoded as f64),
    }
}
