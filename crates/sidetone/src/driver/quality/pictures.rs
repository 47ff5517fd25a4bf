//! How a call looked from here, for each stream of pictures that there was. In a meeting one place shows one person after the
//! other: each of them counts for themselves.

use std::time::Instant;

use serde_json::{Map, Value};
use sidetone_media::pictures::{InboundStream, VideoReportCard};

use super::{Gauge, Share, stream};

/// Most streams that are told of. Of a large meeting, those that came first.
const MAX_STREAMS: usize = 48;

/// What was measured of all pictures so far.
#[derive(Clone, Debug, Default)]
pub(super) struct PictureQuality {
    streams: Vec<Stream>,
    /// Counters of each place as they were last: those that send, and those that show.
    sent: Vec<Counters>,
    seen: Vec<Counters>,
    looked: Option<Instant>,
}

/// One stream.
#[derive(Clone, Debug)]
struct Stream {
    id: String,
    media: &'static str,
    direction: &'static str,
    codec: String,
    packets: u64,
    frame_rate: Gauge,
    bit_rate: Gauge,
    loss: Gauge,
    lost: Share,
    jitter: Gauge,
    jitter_buffer: Gauge,
    height: Gauge,
    /// Seconds of freezes, of those that passed.
    frozen: f64,
    seconds: f64,
}

/// What counts up.
#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    packets: u64,
    bytes: u64,
    frames: u64,
    lost: i64,
    frozen: f64,
    buffered: f64,
    emitted: u64,
}

impl PictureQuality {
    /// Takes the statistics as they are now; about once a second.
    pub fn look(&mut self, card: &VideoReportCard, now: Instant) {
        let before = self.looked.replace(now);
        let seconds = before.map_or(0.0, |before| now.saturating_duration_since(before).as_secs_f64());
        for (place, sent) in card.outbound.iter().enumerate() {
            let id = format!("send-{}-{}", sent.content_type, sent.layer);
            let counters = Counters {
                packets: sent.packets_sent,
                bytes: sent.bytes_sent,
                frames: sent.frames_sent,
                ..Counters::default()
            };
            let growth = grow(&mut self.sent, place, counters);
            if growth.packets > 0
                && let Some(stream) = self.stream(id, &sent.content_type, "send", &sent.codec)
            {
                stream.take(&growth, seconds);
                stream.loss.note(sent.remote_fraction_lost);
            }
        }
        for (place, seen) in card.inbound.iter().enumerate() {
            let whose = seen
                .participant
                .map_or_else(String::new, |number| format!("-{number}"));
            let id = format!("receive-{}{whose}", seen.content_type);
            let counted = &seen.counters;
            let counters = Counters {
                packets: counted.packets_received,
                bytes: counted.bytes_received,
                frames: counted.frames_rendered,
                lost: counted.packets_lost,
                frozen: counted.total_freezes_duration,
                buffered: counted.jitter_buffer_delay,
                emitted: counted.jitter_buffer_emitted_count,
            };
            let growth = grow(&mut self.seen, place, counters);
            if growth.packets > 0
                && let Some(stream) = self.stream(id, &seen.content_type, "receive", &seen.codec)
            {
                stream.take(&growth, seconds);
                stream.receive(seen, &growth);
            }
        }
    }

    /// The stream of that name, if there is room for it.
    fn stream(
        &mut self,
        id: String,
        content: &str,
        direction: &'static str,
        codec: &str,
    ) -> Option<&mut Stream> {
        let known = self.streams.iter().position(|stream| stream.id == id);
        let index = match known {
            Some(index) => index,
            None if self.streams.len() < MAX_STREAMS => {
                let media = if content == "screen" {
                    "screenShare"
                } else {
                    "video"
                };
                self.streams.push(Stream::new(id, media, direction));
                self.streams.len() - 1
            }
            None => return None,
        };
        let stream = self.streams.get_mut(index)?;
        if !codec.is_empty() && stream.codec != codec {
            codec.clone_into(&mut stream.codec);
        }
        Some(stream)
    }

    /// All of them, in the words of the service's call diagnostics.
    pub fn streams(&self) -> impl Iterator<Item = Map<String, Value>> {
        self.streams.iter().map(Stream::told)
    }
}

/// By how much the counters of a place grew. Those that fell are of another connection, and began at nothing.
fn grow(places: &mut Vec<Counters>, place: usize, now: Counters) -> Counters {
    if places.len() <= place {
        places.resize(place + 1, Counters::default());
    }
    let mut last = std::mem::replace(&mut places[place], now);
    if now.packets < last.packets {
        last = Counters::default();
    }
    Counters {
        packets: now.packets - last.packets,
        bytes: now.bytes.saturating_sub(last.bytes),
        frames: now.frames.saturating_sub(last.frames),
        lost: (now.lost - last.lost).max(0),
        frozen: (now.frozen - last.frozen).max(0.0),
        buffered: (now.buffered - last.buffered).max(0.0),
        emitted: now.emitted.saturating_sub(last.emitted),
    }
}

impl Stream {
    fn new(id: String, media: &'static str, direction: &'static str) -> Self {
        Self {
            id,
            media,
            direction,
            codec: String::new(),
            packets: 0,
            frame_rate: Gauge::default(),
            bit_rate: Gauge::default(),
            loss: Gauge::default(),
            lost: Share::default(),
            jitter: Gauge::default(),
            jitter_buffer: Gauge::default(),
            height: Gauge::default(),
            frozen: 0.0,
            seconds: 0.0,
        }
    }

    /// Takes in how the counters grew in so many seconds.
    fn take(&mut self, growth: &Counters, seconds: f64) {
        self.packets += growth.packets;
        if seconds > 0.0 {
            self.frame_rate.note(growth.frames as f64 / seconds);
            self.bit_rate.note(8.0 * growth.bytes as f64 / seconds);
            self.frozen += growth.frozen;
            self.seconds += seconds;
        }
    }

    fn receive(&mut self, seen: &InboundStream, growth: &Counters) {
        self.jitter.note(seen.counters.jitter * 1e3);
        let lost = growth.lost as f64;
        self.lost.add(lost, lost + growth.packets as f64);
        if growth.emitted > 0 {
            self.jitter_buffer
                .note(growth.buffered / growth.emitted as f64 * 1e3);
        }
        if seen.frame_height > 0 {
            self.height.note(seen.frame_height.into());
        }
    }

    fn told(&self) -> Map<String, Value> {
        let mut told = stream(&self.id, self.media, self.direction, &self.codec, self.packets);
        if self.codec.is_empty() {
            told.remove("codecName");
        }
        let mut put = |name: &str, value: Option<f64>| {
            told.extend(value.map(|value| (name.to_owned(), Value::from(value))));
        };
        put("videoFrameRateAvg", self.frame_rate.mean());
        put("recvResolutionHeight", self.height.mean());
        let minutes = self.seconds / 60.0;
        let frozen = (self.direction == "receive" && minutes > 0.0).then(|| self.frozen * 1e3 / minutes);
        put("recvFreezeDurationPerMinuteInMs", frozen);
        self.bit_rate.write("videoBitRate", &mut told);
        self.loss.write("packetLossRate", &mut told);
        self.lost.write("packetLossRate", &mut told);
        self.jitter.write("jitter", &mut told);
        self.jitter_buffer.write("jitterBufferSize", &mut told);
        told
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sidetone_media::pictures::OutboundStream;

    use super::*;

    fn seen(participant: Option<u32>, second: u64) -> InboundStream {
        let mut seen = InboundStream {
            content_type: "camera".into(),
            codec: "VP8".into(),
            participant,
            frame_height: 360,
            ..InboundStream::default()
        };
        let counters = &mut seen.counters;
        counters.packets_received = 90 * second;
        counters.packets_lost = 10 * second as i64;
        counters.bytes_received = 90_000 * second;
        counters.frames_rendered = 30 * second;
        counters.jitter = 0.004;
        counters.jitter_buffer_delay = 0.05 * 30.0 * second as f64;
        counters.jitter_buffer_emitted_count = 30 * second;
        counters.total_freezes_duration = 0.5 * second as f64;
        seen
    }

    #[test]
    fn each_stream_is_told_of_by_its_rates() {
        let (mut quality, start) = (PictureQuality::default(), Instant::now());
        for second in 0..=4 {
            let sent = OutboundStream {
                content_type: "screen".into(),
                codec: "VP9".into(),
                packets_sent: 20 * second,
                bytes_sent: 10_000 * second,
                frames_sent: 5 * second,
                remote_fraction_lost: 0.25,
                ..OutboundStream::default()
            };
            let card = VideoReportCard {
                outbound: vec![sent, OutboundStream::default()],
                inbound: vec![seen(Some(7), second), InboundStream::default()],
            };
            quality.look(&card, start + Duration::from_secs(second));
        }
        let streams: Vec<_> = quality.streams().collect();
        let [screen, camera] = &streams[..] else {
            panic!("{streams:?}")
        };
        assert_eq!(
            (&screen["mediaType"], &screen["streamDirection"]),
            (&"screenShare".into(), &"send".into())
        );
        assert_eq!(
            (&screen["codecName"], &screen["packetUtilization"]),
            (&"VP9".into(), &80.into())
        );
        assert_eq!(screen["videoBitRateMax"], 80_000.0);
        assert_eq!(screen["packetLossRateAvg"], 0.25);
        assert!(!screen.contains_key("recvResolutionHeight"));
        assert_eq!(
            (&camera["streamId"], &camera["mediaType"]),
            (&"receive-camera-7".into(), &"video".into())
        );
        assert_eq!(camera["videoFrameRateAvg"], 30.0);
        assert_eq!(camera["videoBitRateAvg"], 720_000.0);
        assert_eq!(camera["packetLossRateMax"], 0.1);
        assert_eq!(camera["jitterAvg"], 4.0);
        assert!((camera["jitterBufferSizeAvg"].as_f64().unwrap() - 50.0).abs() < 1e-6);
        assert_eq!(camera["recvResolutionHeight"], 360.0);
        assert_eq!(camera["recvFreezeDurationPerMinuteInMs"], 30_000.0);
    }

    #[test]
    fn who_takes_the_place_of_another_begins_at_nothing() {
        let (mut quality, start) = (PictureQuality::default(), Instant::now());
        for second in 0..6 {
            let card = VideoReportCard {
                outbound: Vec::new(),
                inbound: vec![seen(Some(if second < 4 { 1 } else { 2 }), second)],
            };
            quality.look(&card, start + Duration::from_secs(second));
        }
        let packets: Vec<_> = quality
            .streams()
            .map(|stream| stream["packetUtilization"].clone())
            .collect();
        assert_eq!(packets, [270, 180]);
    }

    #[test]
    fn who_stands_still_costs_no_rate_and_who_is_too_many_is_left_out() {
        let (mut quality, start) = (PictureQuality::default(), Instant::now());
        for (at, second) in [0, 1, 2, 2, 2, 3].into_iter().enumerate() {
            let card = VideoReportCard {
                outbound: Vec::new(),
                inbound: (0..60).map(|number| seen(Some(number), second)).collect(),
            };
            quality.look(&card, start + Duration::from_secs(at as u64));
        }
        let streams: Vec<_> = quality.streams().collect();
        assert_eq!(streams.len(), MAX_STREAMS);
        assert!(
            streams.iter().all(|stream| stream["videoFrameRateAvg"] == 30.0),
            "{streams:?}"
        );
    }
}
