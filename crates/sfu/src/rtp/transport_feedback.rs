//! Arrival times for the sender's congestion control (draft-holmer-rmcat-transport-wide-cc-extensions-01).

use std::time::{Duration, Instant};

use super::writer::Writer;

/// Time between two feedbacks, from the first packet on.
pub const INTERVAL: Duration = Duration::from_millis(100);

/// Most packets one feedback tells of.
const MAX_PACKETS: u64 = 256;

/// Most arrivals kept: what a participant may send in the interval, and more.
const MAX_ARRIVALS: usize = 1024;

/// Unit of the differences.
const TICK: Duration = Duration::from_micros(250);

/// Ticks of a unit of the reference time: 64 ms.
const REFERENCE: i64 = 256;

/// Collects arrivals.
#[derive(Debug)]
pub struct TransportFeedback {
    origin: Instant,
    /// Sequence number, extended, and ticks.
    arrivals: Vec<(u64, i64)>,
    next: Option<u64>,
    count: u8,
    due: Option<Instant>,
}

impl TransportFeedback {
    /// Before the first packet.
    pub const fn new(now: Instant) -> Self {
        Self {
            origin: now,
            arrivals: Vec::new(),
            next: None,
            count: 0,
            due: None,
        }
    }

    /// When a feedback is to be written.
    pub const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Puts a feedback that is due off.
    pub fn defer(&mut self, now: Instant) {
        self.due = self.due.map(|due| due.max(now + INTERVAL));
    }

    /// A packet came.
    pub fn packet(&mut self, now: Instant, sequence: u16) {
        let newest = self.arrivals.last().map(|(sequence, _)| *sequence).or(self.next);
        // A turn ahead, so that earlier packets have a place below.
        let newest = newest.unwrap_or(0x1_0000 | u64::from(sequence));
        let sequence = newest.saturating_add_signed((sequence.wrapping_sub(newest as u16) as i16).into());
        let next = *self.next.get_or_insert(sequence);
        if sequence < next || self.arrivals.len() >= MAX_ARRIVALS {
            // Told of as missing already.
            return;
        }
        let at = self.arrivals.partition_point(|(other, _)| *other < sequence);
        if self.arrivals.get(at).is_some_and(|(other, _)| *other == sequence) {
            return;
        }
        let ticks = now.saturating_duration_since(self.origin).as_micros() / TICK.as_micros();
        self.arrivals.insert(at, (sequence, ticks as i64));
        self.due.get_or_insert(now + INTERVAL);
    }

    /// Writes one feedback. Tells whether there is more to write.
    pub fn write(&mut self, writer: &mut Writer<'_>, ssrc: u32, media: u32) -> bool {
        self.due = None;
        let (Some(mut base), Some(&(first, start))) = (self.next, self.arrivals.first()) else {
            return false;
        };
        // Nobody needs to be told of a long gap.
        if first - base > MAX_PACKETS / 2 {
            base = first;
        }
        let reference = start.div_euclid(REFERENCE);
        let mut symbols = [0u8; MAX_PACKETS as usize];
        let (mut last, mut told, mut end, mut bytes) = (reference * REFERENCE, 0, base, 0);
        for &(sequence, ticks) in &self.arrivals {
            let at = sequence - base;
            let delta = ticks - last;
            let (Ok(_), true) = (i16::try_from(delta), at < MAX_PACKETS) else {
                break;
            };
            let small = (0..256).contains(&delta);
            symbols[at as usize] = if small { 1 } else { 2 };
            bytes += if small { 1 } else { 2 };
            (last, told, end) = (ticks, told + 1, sequence + 1);
        }
        let symbols = &symbols[..(end - base) as usize];
        let chunks = symbols.len().div_ceil(7);
        let length = (16 + 2 * chunks + bytes as usize).next_multiple_of(4);
        let Some(body) = writer.packet(15, 205, length) else {
            return false;
        };
        body.fill(0);
        body[..4].copy_from_slice(&ssrc.to_be_bytes());
        body[4..8].copy_from_slice(&media.to_be_bytes());
        body[8..10].copy_from_slice(&(base as u16).to_be_bytes());
        body[10..12].copy_from_slice(&(symbols.len() as u16).to_be_bytes());
        let word = (reference as u32) << 8 | u32::from(self.count);
        body[12..16].copy_from_slice(&word.to_be_bytes());
        self.count = self.count.wrapping_add(1);
        let (vectors, deltas) = body[16..].split_at_mut(2 * chunks);
        for (to, seven) in vectors.chunks_exact_mut(2).zip(symbols.chunks(7)) {
            // A vector of seven symbols of two bits.
            let mut vector = 0xc000;
            for (n, symbol) in seven.iter().enumerate() {
                vector |= u16::from(*symbol) << (12 - 2 * n);
            }
            to.copy_from_slice(&vector.to_be_bytes());
        }
        let (mut last, mut at) = (reference * REFERENCE, 0);
        for (_, ticks) in self.arrivals.drain(..told) {
            let delta = ticks - last;
            last = ticks;
            if (0..256).contains(&delta) {
                deltas[at] = delta as u8;
                at += 1;
            } else {
                deltas[at..at + 2].copy_from_slice(&(delta as i16).to_be_bytes());
                at += 2;
            }
        }
        self.next = Some(end);
        !self.arrivals.is_empty()
    }
}
