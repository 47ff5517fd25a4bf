//! The line of numbers: what the pictures of a call do, second by second.

use std::time::Instant;

use sidetone::CallStats;

/// What was counted a while ago.
#[derive(Default)]
pub struct Numbers {
    before: Option<(Instant, Counts)>,
}

/// What has to be compared with before.
#[derive(Clone, Copy, Default)]
struct Counts {
    sent: u64,
    coded: u64,
    decoded: u64,
}

impl Numbers {
    /// What happened since the last time, in words. Rates are those of all streams together, sizes those of the largest.
    pub fn words(&mut self, stats: &CallStats, now: Instant) -> String {
        let (outbound, inbound) = (&stats.video.outbound, &stats.video.inbound);
        let counts = Counts {
            sent: outbound.iter().map(|sent| sent.bytes_sent).sum(),
            coded: outbound.iter().map(|sent| sent.frames_sent).max().unwrap_or(0),
            decoded: inbound
                .iter()
                .map(|seen| seen.counters.frames_decoded)
                .max()
                .unwrap_or(0),
        };
        let Some((then, before)) = self.before.replace((now, counts)) else {
            return String::new();
        };
        let seconds = now.saturating_duration_since(then).as_secs_f64().max(0.001);
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
        let mut words = Vec::new();
        if let Some(seen) = inbound
            .iter()
            .max_by_key(|seen| seen.frame_width)
            .filter(|seen| seen.frame_width > 0)
        {
            let fps = rate(counts.decoded, before.decoded);
            words.push(format!(
                "in {}x{} {fps:.0} fps",
                seen.frame_width, seen.frame_height
            ));
        }
        let sent = outbound.iter().filter(|sent| sent.active);
        if let Some(sent) = sent.max_by_key(|sent| sent.frame_width) {
            words.push(format!(
                "out {}x{} {:.0} fps {:.0} kbit/s, {:.1} % lost",
                sent.frame_width,
                sent.frame_height,
                rate(counts.coded, before.coded),
                rate(counts.sent, before.sent) * 8.0 / 1000.0,
                sent.remote_fraction_lost * 100.0
            ));
        }
        if let Some(time) = stats.transport.round_trip_time {
            words.push(format!("{:.0} ms there and back", time.as_secs_f64() * 1000.0));
        }
        words.join(" | ")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sidetone::media::pictures::{InboundStream, OutboundStream};

    use super::*;

    fn stats(frames: u64, bytes_sent: u64) -> CallStats {
        let mut stats = CallStats::default();
        let mut seen = InboundStream {
            frame_width: 640,
            frame_height: 360,
            ..InboundStream::default()
        };
        seen.counters.frames_decoded = frames;
        stats.video.inbound.push(seen);
        stats.video.outbound.push(OutboundStream {
            active: true,
            frame_width: 1280,
            frame_height: 720,
            frames_sent: frames / 2,
            bytes_sent,
            remote_fraction_lost: 0.025,
            ..OutboundStream::default()
        });
        stats
    }

    #[test]
    fn rates_are_of_the_time_between_two_looks() {
        let (mut numbers, then) = (Numbers::default(), Instant::now());
        assert_eq!(numbers.words(&stats(100, 10_000), then), "");
        assert_eq!(
            numbers.words(&stats(160, 260_000), then + Duration::from_secs(2)),
            "in 640x360 30 fps | out 1280x720 15 fps 1000 kbit/s, 2.5 % lost"
        );
        // Counters that begin anew, as those of another call do.
        assert!(
            numbers
                .words(&stats(0, 0), then + Duration::from_secs(3))
                .contains("in 640x360 0 fps")
        );
    }
}
