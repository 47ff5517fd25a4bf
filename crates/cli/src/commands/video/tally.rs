//! What was sent and seen of a call's pictures, to its end: statistics forget a stream that has ended, and count without a
//! clock.

use std::time::Instant;

use serde::Serialize;
use sidetone_media::pictures::{InboundStream, OutboundStream, VideoReportCard};

/// Every stream that there was.
#[derive(Debug, Default, Serialize)]
pub struct Tally {
    /// One for each layer.
    pub sent: Vec<Sent>,
    /// One for each camera and screen, and whoever's it was.
    pub seen: Vec<Seen>,
}

/// A stream that was sent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// As it stood last.
    #[serde(flatten)]
    pub stream: OutboundStream,
    /// Over the time in which it was sent.
    pub frames_per_second: f64,
    /// Payload, over the same time.
    pub bits_per_second: f64,
    #[serde(skip)]
    frames: Course,
    #[serde(skip)]
    bytes: Course,
}

/// A stream that was seen.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// As it stood last.
    #[serde(flatten)]
    pub stream: InboundStream,
    /// Over the time in which it came.
    pub frames_per_second: f64,
    /// Payload, over the same time.
    pub bits_per_second: f64,
    #[serde(skip)]
    frames: Course,
    #[serde(skip)]
    bytes: Course,
}

/// How a counter grew.
#[derive(Debug)]
struct Course {
    first: (Instant, u64),
    last: (Instant, u64),
}

impl Course {
    fn new(now: Instant, count: u64) -> Self {
        Self {
            first: (now, count),
            last: (now, count),
        }
    }

    /// Takes in where it stands. Growth a second, up to where it last grew.
    fn take(&mut self, now: Instant, count: u64) -> f64 {
        if count < self.last.1 {
            // Another stream of the kind, that begins at nothing.
            *self = Self::new(now, count);
        } else if count > self.last.1 {
            self.last = (now, count);
        }
        let seconds = self.last.0.saturating_duration_since(self.first.0).as_secs_f64();
        if seconds > 0.0 {
            (self.last.1 - self.first.1) as f64 / seconds
        } else {
            0.0
        }
    }
}

impl Tally {
    /// Takes in the statistics of now.
    pub fn take(&mut self, now: Instant, card: &VideoReportCard) {
        for stream in card.outbound.iter().filter(|stream| stream.frames_sent > 0) {
            let is_it = |sent: &&mut Sent| {
                (&sent.stream.content_type, sent.stream.layer) == (&stream.content_type, stream.layer)
            };
            match self.sent.iter_mut().find(is_it) {
                Some(sent) => {
                    sent.frames_per_second = sent.frames.take(now, stream.frames_sent);
                    sent.bits_per_second = 8.0 * sent.bytes.take(now, stream.bytes_sent);
                    sent.stream = stream.clone();
                }
                None => self.sent.push(Sent {
                    stream: stream.clone(),
                    frames_per_second: 0.0,
                    bits_per_second: 0.0,
                    frames: Course::new(now, stream.frames_sent),
                    bytes: Course::new(now, stream.bytes_sent),
                }),
            }
        }
        let shown = |stream: &&InboundStream| stream.counters.frames_rendered > 0;
        for stream in card.inbound.iter().filter(shown) {
            let is_it = |seen: &&mut Seen| {
                (&seen.stream.content_type, seen.stream.participant)
                    == (&stream.content_type, stream.participant)
            };
            let count = stream.counters.frames_rendered;
            match self.seen.iter_mut().find(is_it) {
                Some(seen) => {
                    seen.frames_per_second = seen.frames.take(now, count);
                    seen.bits_per_second = 8.0 * seen.bytes.take(now, stream.counters.bytes_received);
                    seen.stream = stream.clone();
                }
                None => self.seen.push(Seen {
                    stream: stream.clone(),
                    frames_per_second: 0.0,
                    bits_per_second: 0.0,
                    frames: Course::new(now, count),
                    bytes: Course::new(now, stream.counters.bytes_received),
                }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn rates_are_those_of_the_time_in_which_it_was_sent() {
        let (mut tally, start) = (Tally::default(), Instant::now());
        // Two seconds at 30 pictures a second, then three of nothing, then it is gone.
        for (second, frames) in [(0, 0), (1, 30), (2, 60), (3, 90), (5, 90), (6, 90)] {
            let stream = OutboundStream {
                content_type: "camera".into(),
                frames_sent: frames,
                bytes_sent: frames * 1000,
                ..OutboundStream::default()
            };
            let card = VideoReportCard {
                outbound: vec![stream],
                ..VideoReportCard::default()
            };
            tally.take(start + Duration::from_secs(second), &card);
        }
        tally.take(start + Duration::from_secs(7), &VideoReportCard::default());
        assert_eq!(tally.sent.len(), 1);
        let sent = &tally.sent[0];
        assert_eq!((sent.frames_per_second, sent.bits_per_second), (30.0, 240_000.0));
        assert_eq!(sent.stream.frames_sent, 90);
    }
}
