//! How long a shard rests before it looks at its socket again, as network cards moderate their interrupts: where packets
//! come so often that being woken for each costs more than forwarding it, one wake-up takes several. A thread that is
//! rarely woken does not rest, and one that has much to do finds several packets anyway.

use std::time::{Duration, Instant};

/// Longest rest, which is what a packet may wait for others. Longer saves more wake-ups, and delays more: with the time to
/// forward a packet to a full room it must stay below two milliseconds.
const LONGEST: Duration = Duration::from_micros(1_500);

/// Packets expected in the longest rest from which on it is worth its delay.
const WORTH: f32 = 2.0;

/// Share of its time that the thread may work while it still rests. Above, rests would add to queues.
const SPARE: f32 = 1.0 / 3.0;

/// What the past is taken over. Shorter follows sooner, and is moved by single packets.
const MEMORY: Duration = Duration::from_millis(20);

/// Watches how busy a thread is.
#[derive(Debug)]
pub(super) struct Moderation {
    /// Packets and seconds of work, each fading with [`MEMORY`].
    packets: f32,
    work: f32,
    at: Instant,
}

impl Moderation {
    pub const fn new(now: Instant) -> Self {
        Self {
            packets: 0.0,
            work: 0.0,
            at: now,
        }
    }

    /// A round of work took so many packets, from `start` until `end`. Gives the time to rest; none where the thread
    /// shall wait for the next packet.
    pub fn round(&mut self, start: Instant, end: Instant, packets: usize) -> Option<Duration> {
        let passed = end.saturating_duration_since(self.at).as_secs_f32();
        let memory = MEMORY.as_secs_f32();
        let fade = memory / (memory + passed);
        self.at = end;
        self.packets = self.packets * fade + packets as f32;
        self.work = self.work * fade + end.saturating_duration_since(start).as_secs_f32();
        let expected = self.packets * (LONGEST.as_secs_f32() / memory);
        let spare = 1.0 - self.work / memory / SPARE;
        (packets > 0 && expected >= WORTH && spare > 0.0).then(|| LONGEST.mul_f32(spare))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second of rounds, `packets` every `gap` microseconds, each packet `work` microseconds: the share of rounds that
    /// were followed by a rest, and the longest.
    fn rests(packets: usize, gap: u64, work: u64) -> (f64, Duration) {
        let mut now = Instant::now();
        let mut moderation = Moderation::new(now);
        let (mut rested, mut longest, rounds) = (0, Duration::ZERO, 1_000_000 / gap);
        for _ in 0..rounds {
            now += Duration::from_micros(gap);
            let end = now + Duration::from_micros(work * packets as u64);
            if let Some(rest) = moderation.round(now, end, packets) {
                (rested, longest) = (rested + 1, longest.max(rest));
            }
        }
        (f64::from(rested) / rounds as f64, longest)
    }

    #[test]
    fn only_frequent_packets_that_cost_little_are_waited_for() {
        // Fifty microphones of which four are heard.
        let (share, longest) = rests(1, 400, 30);
        assert!(share > 0.9, "{share}");
        assert!(longest <= LONGEST, "{longest:?}");
        // One talker, and ten.
        assert_eq!(rests(1, 20_000, 300).0, 0.0);
        assert_eq!(rests(1, 2_000, 300).0, 0.0);
        // Fifty who all hear each other.
        assert!(rests(1, 400, 150).0 < 0.1);
        // A round that found nothing is followed by a wait for the next packet.
        assert_eq!(rests(0, 400, 0).0, 0.0);
    }
}
