//! What was sent to a receiver, by transport-wide sequence number, until its feedback tells what became of it.

use std::time::Instant;

use crate::rtp::Arrivals;

/// Packets remembered: over a second of 10 Mbit/s. A power of two.
const MOST: usize = 1_024;

/// Feedback that leaps by more than this in a receiver's time, in ticks of 250 us, is another clock, or a lie.
const LEAP: i64 = 40_000;

#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    /// Microseconds since the origin, which wrap.
    at: u32,
    bytes: u16,
    probe: bool,
    told: bool,
}

/// A packet that came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Came {
    /// When it was sent and when it came, in milliseconds of each end's clock.
    pub sent: f64,
    pub came: f64,
    pub bytes: u32,
    pub probe: bool,
}

/// Remembers packets.
#[derive(Debug)]
pub(super) struct History {
    origin: Instant,
    /// Made for the first packet: who is sent voices only has none.
    packets: Box<[Sent]>,
    /// Number of the next packet.
    next: u64,
    /// The newest arrival, in ticks on a clock that does not wrap.
    newest: Option<i64>,
    /// Number of the newest packet that came.
    told: Option<u64>,
}

impl History {
    pub fn new(now: Instant) -> Self {
        Self {
            origin: now,
            packets: Box::default(),
            next: 0,
            newest: None,
            told: None,
        }
    }

    /// Numbers a packet that is sent.
    pub fn sent(&mut self, now: Instant, bytes: usize, probe: bool) -> u16 {
        if self.packets.is_empty() {
            self.packets = vec![Sent::default(); MOST].into();
        }
        let number = self.next;
        self.next += 1;
        self.packets[number as usize % MOST] = Sent {
            at: self.micros(now) as u32,
            bytes: bytes.min(usize::from(u16::MAX)) as u16,
            probe,
            told: false,
        };
        number as u16
    }

    /// Takes feedback. `each` is told of every packet that came and had not been told of; packets that were never sent,
    /// or are told of again, are nobody's.
    pub fn feedback(&mut self, now: Instant, body: &[u8], mut each: impl FnMut(Came)) {
        let Some(arrivals) = Arrivals::parse(body) else {
            return;
        };
        let (now, mut newest) = (self.micros(now), self.newest);
        for (sequence, arrived) in arrivals {
            let Some(arrived) = arrived else {
                continue;
            };
            let Some(last) = self.next.checked_sub(1) else {
                return;
            };
            let back = u64::from((last as u16).wrapping_sub(sequence));
            if back >= MOST as u64 || back > last {
                continue;
            }
            let sent = &mut self.packets[(last - back) as usize % MOST];
            if std::mem::replace(&mut sent.told, true) {
                continue;
            }
            self.told = self.told.max(Some(last - back));
            // The receiver's clock wraps, and ours of 32 bits.
            let arrived = match newest {
                Some(newest) => newest + wrapped(arrived - newest),
                None => arrived,
            };
            if newest.is_some_and(|newest| (arrived - newest).abs() > LEAP) {
                newest = Some(arrived);
                continue;
            }
            newest = Some(newest.map_or(arrived, |newest| newest.max(arrived)));
            let age = (now as u32).wrapping_sub(sent.at);
            each(Came {
                sent: now.saturating_sub(u64::from(age)) as f64 / 1_000.0,
                came: arrived as f64 / 4.0,
                bytes: u32::from(sent.bytes),
                probe: sent.probe,
            });
        }
        self.newest = newest;
    }

    /// Whether the newest packet has come, so that none is under way.
    pub fn is_empty(&self) -> bool {
        self.told.is_some_and(|told| told + 1 == self.next)
    }

    fn micros(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.origin).as_micros() as u64
    }
}

/// The shortest way between two times of a clock that wraps.
fn wrapped(difference: i64) -> i64 {
    let half = Arrivals::TURN / 2;
    (difference + half).rem_euclid(Arrivals::TURN) - half
}
