//! How a call sounded and looked from here: what the call's records are told of its streams when it is over.

mod pictures;

use std::time::Instant;

use serde_json::{Map, Value, json};
use sidetone_media::pictures::VideoReportCard;
use sidetone_media::transport::TransportStats;
use sidetone_media::voice::InboundStats;

use pictures::PictureQuality;

/// A figure over the life of a stream.
#[derive(Clone, Copy, Debug, Default)]
struct Gauge {
    sum: f64,
    count: u32,
    max: f64,
}

impl Gauge {
    fn note(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
        self.max = self.max.max(value);
    }

    fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }

    /// Writes mean and maximum, where anything was measured.
    fn write(&self, name: &str, to: &mut Map<String, Value>) {
        if let Some(mean) = self.mean() {
            to.insert(format!("{name}Avg"), mean.into());
            to.insert(format!("{name}Max"), self.max.into());
        }
    }
}

/// A share of a total: of each interval, and of all.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    part: f64,
    whole: f64,
    max: f64,
}

impl Share {
    /// Takes the counters as they are now.
    fn note(&mut self, part: f64, whole: f64) {
        let (more, of) = (part - self.part, whole - self.whole);
        if of > 0.0 {
            self.max = self.max.max((more / of).clamp(0.0, 1.0));
        }
        (self.part, self.whole) = (part, whole);
    }

    /// Takes what has come since.
    fn add(&mut self, part: f64, whole: f64) {
        self.note(self.part + part, self.whole + whole);
    }

    fn write(&self, name: &str, to: &mut Map<String, Value>) {
        if self.whole > 0.0 {
            let all = (self.part / self.whole).clamp(0.0, 1.0);
            to.insert(format!("{name}Avg"), all.into());
            to.insert(format!("{name}Max"), self.max.into());
        }
    }
}

/// What was measured of a call so far.
#[derive(Clone, Debug, Default)]
pub struct Quality {
    /// In milliseconds, as all times here.
    round_trip: Gauge,
    sent_jitter: Gauge,
    sent_loss: Gauge,
    received_jitter: Gauge,
    received_loss: Share,
    jitter_buffer: Gauge,
    healed: Share,
    packets_sent: u64,
    packets_received: u64,
    pictures: PictureQuality,
}

impl Quality {
    /// Takes the statistics as they are now; about once a second.
    pub fn observe(&mut self, transport: &TransportStats, inbound: Option<&InboundStats>) {
        let millis = |duration: std::time::Duration| duration.as_secs_f64() * 1000.0;
        if let Some(round_trip) = transport.round_trip_time {
            self.round_trip.note(millis(round_trip));
            self.sent_jitter.note(millis(transport.remote_jitter));
            self.sent_loss.note(transport.remote_fraction_lost);
        }
        if transport.packets_received > 0 {
            let lost = transport.packets_lost.max(0) as f64;
            self.received_jitter.note(millis(transport.jitter));
            self.received_loss
                .note(lost, lost + transport.packets_received as f64);
        }
        if let Some(InboundStats { jitter, .. }) = inbound {
            self.jitter_buffer.note(jitter.recent_delay * 1000.0);
            self.healed.note(
                jitter.concealed_samples as f64,
                jitter.total_samples_received as f64,
            );
        }
        self.packets_sent = transport.packets_sent;
        self.packets_received = transport.packets_received;
    }

    /// The same of the pictures.
    pub fn look(&mut self, card: &VideoReportCard, now: Instant) {
        self.pictures.look(card, now);
    }

    /// The two streams of sound and those of pictures, in the words of the service's call diagnostics. None where no packet was sent or received.
    pub fn streams(&self) -> Vec<Map<String, Value>> {
        let stream = |direction: &str, packets: u64| {
            let mut stream = stream(direction, "audio", direction, "opus", packets);
            self.round_trip.write("roundTripTime", &mut stream);
            stream
        };
        let mut streams = Vec::new();
        if self.packets_sent > 0 {
            let mut sent = stream("send", self.packets_sent);
            self.sent_jitter.write("jitter", &mut sent);
            self.sent_loss.write("packetLossRate", &mut sent);
            streams.push(sent);
        }
        if self.packets_received > 0 {
            let mut received = stream("receive", self.packets_received);
            self.received_jitter.write("jitter", &mut received);
            self.received_loss.write("packetLossRate", &mut received);
            self.jitter_buffer.write("jitterBufferSize", &mut received);
            self.healed.write("healedDataRatio", &mut received);
            streams.push(received);
        }
        for mut stream in self.pictures.streams() {
            // They take the same path.
            self.round_trip.write("roundTripTime", &mut stream);
            streams.push(stream);
        }
        streams
    }
}

/// What is told of every stream.
fn stream(id: &str, media: &str, direction: &str, codec: &str, packets: u64) -> Map<String, Value> {
    let mut stream = Map::new();
    stream.insert("streamId".into(), id.into());
    stream.insert("mediaType".into(), media.into());
    stream.insert("streamDirection".into(), direction.into());
    stream.insert("codecName".into(), codec.into());
    stream.insert("transportType".into(), "udp".into());
    stream.insert("packetUtilization".into(), json!(packets));
    stream
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn means_are_over_the_call_and_maxima_over_the_worst_second() {
        let mut quality = Quality::default();
        for (received, lost, round_trip) in [(50, 0, 10), (90, 10, 30), (140, 10, 20)] {
            let transport = TransportStats {
                packets_sent: received,
                packets_received: received,
                packets_lost: lost,
                round_trip_time: Some(Duration::from_millis(round_trip)),
                ..TransportStats::default()
            };
            quality.observe(&transport, None);
        }
        let streams = quality.streams();
        let [sent, received] = &streams[..] else {
            panic!("{streams:?}")
        };
        assert_eq!(sent["streamDirection"], "send");
        assert_eq!(sent["roundTripTimeAvg"], 20.0);
        assert_eq!(received["roundTripTimeMax"], 30.0);
        assert_eq!(received["packetLossRateMax"], 0.2);
        assert_eq!(received["packetLossRateAvg"], 10.0 / 150.0);
        assert_eq!(received["packetUtilization"], 140);
        assert!(!received.contains_key("healedDataRatioAvg"), "not measured");
    }

    #[test]
    fn a_stream_without_packets_is_none() {
        let mut quality = Quality::default();
        quality.observe(&TransportStats::default(), None);
        assert!(quality.streams().is_empty());
    }
}
