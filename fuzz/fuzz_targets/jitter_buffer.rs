//! Random insertions and pulls, as a state machine: packets early, late, twice, out of order, of any length and
//! source, with any clock, with copies of frames that never were, while sound is pulled in any rhythm. Every sample must be accounted for, every packet
//! must come back to the pool, and a working call must get through afterwards.
//!
//! Input: steps as `arbitrary` reads them.
#![no_main]

use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sidetone_media::jitter::{JitterBuffer, JitterConfig, VoiceDecoder};
use sidetone_media::packet::{RtpTimestamp, SequenceNumber, VoicePacket};
use sidetone_pipeline::Pool;

/// Longer stories only make runs slower.
const MAX_STEPS: usize = 200;
const CAPACITY: usize = 40;

#[derive(Arbitrary, Debug)]
enum Step {
    /// The next packet in order, of that many times 2.5 ms, with these abilities.
    Next { quanta: u8, abilities: u8 },
    /// A packet away from the order.
    Odd { sequence: i16, timestamp: i32, quanta: u8, abilities: u8, ssrc: u8 },
    /// The next packet in order, of 20 ms, which repeats earlier frames: samples back, units of 2.5 ms, abilities.
    Repeat { copies: [(u16, u8, u8); 3] },
    /// Packets never come.
    Lose { count: u8 },
    /// Time passes.
    Wait { tenths_of_ms: u16 },
    /// Sound is wanted, in units of 2.5 ms.
    Pull { quanta: u8 },
}

/// A codec that does what the packet says: its first byte is a length, its second what works.
struct Puppet {
    redundancy: usize,
    level: f32,
}

impl Puppet {
    fn fill(&mut self, out: &mut [f32]) -> Option<usize> {
        for sample in out.iter_mut() {
            self.level = -self.level;
            *sample = self.level;
        }
        Some(out.len())
    }
}

impl VoiceDecoder for Puppet {
    fn samples(&self, payload: &[u8]) -> Option<usize> {
        let &[quanta, abilities, ..] = payload else { return None };
        (abilities & 1 == 0).then_some(usize::from(quanta) * 120 + usize::from(abilities >> 7))
    }

    fn decode(&mut self, payload: &[u8], out: &mut [f32]) -> Option<usize> {
        let samples = self.samples(payload)?;
        (payload[1] & 2 == 0).then(|| self.fill(&mut out[..samples]))?
    }

    fn has_fec(&self, payload: &[u8]) -> bool {
        payload[1] & 4 != 0
    }

    fn decode_fec(&mut self, payload: &[u8], out: &mut [f32]) -> Option<usize> {
        assert_eq!(Some(out.len()), self.samples(payload));
        (payload[1] & 8 == 0).then(|| self.fill(out))?
    }

    fn conceal(&mut self, out: &mut [f32]) -> Option<usize> {
        assert!(out.len().is_multiple_of(120) && (120..=480).contains(&out.len()));
        self.fill(out)
    }

    fn redundancy(&mut self, payload: &[u8]) -> usize {
        self.redundancy = usize::from(payload[1] & 0x30) * 480;
        self.redundancy
    }

    fn decode_redundant(&mut self, offset: usize, out: &mut [f32]) -> Option<usize> {
        assert!(offset > 0 && out.len().is_multiple_of(120));
        self.fill(out)
    }

    fn is_pause(&self, payload: &[u8]) -> bool {
        payload[1] & 0x40 != 0
    }

    fn reset(&mut self) {}
}

struct Call {
    buffer: JitterBuffer<Puppet>,
    pool: Pool<VoicePacket>,
    now: Instant,
    sequence: u16,
    timestamp: u32,
}

impl Call {
    fn insert(&mut self, sequence: u16, timestamp: u32, ssrc: u8, payload: [u8; 2]) {
        self.insert_with(sequence, timestamp, ssrc, payload, &[]);
    }

    fn insert_with(&mut self, sequence: u16, timestamp: u32, ssrc: u8, payload: [u8; 2], copies: &[(u16, u8, u8)]) {
        let Some(mut packet) = self.pool.take() else { panic!("packets do not come back") };
        packet.sequence = SequenceNumber(sequence);
        packet.timestamp = RtpTimestamp(timestamp);
        packet.ssrc = ssrc.into();
        assert!(packet.set_payload(&payload));
        for &(distance, quanta, abilities) in copies {
            packet.add_copy(distance, &[quanta, abilities]);
        }
        self.buffer.insert(packet, self.now);
    }

    fn next(&mut self, quanta: u8, abilities: u8) {
        self.next_with(quanta, abilities, &[]);
    }

    fn next_with(&mut self, quanta: u8, abilities: u8, copies: &[(u16, u8, u8)]) {
        self.insert_with(self.sequence, self.timestamp, 0, [quanta, abilities], copies);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(u32::from(quanta) * 120);
    }

    /// What a working call does, that many times 20 ms.
    fn work(&mut self, rounds: usize) {
        for _ in 0..rounds {
            self.next(8, 0);
            for _ in 0..2 {
                self.pull(3);
                self.now += Duration::from_millis(10);
            }
        }
    }

    fn pull(&mut self, quanta: u8) {
        let mut out = [f32::NAN; 480];
        let out = &mut out[..120 * usize::from(quanta % 4 + 1)];
        self.buffer.pull(out, self.now);
        assert!(out.iter().all(|sample| sample.is_finite() && sample.abs() < 4.0));
    }
}

fuzz_target!(|steps: Vec<Step>| {
    let now = Instant::now();
    let config = JitterConfig { capacity: CAPACITY, ..JitterConfig::default() };
    let buffer = JitterBuffer::new(config, Puppet { redundancy: 0, level: 0.5 }, now);
    let pool = Pool::new(CAPACITY + 1, || VoicePacket::empty(now));
    let mut call = Call { buffer, pool, now, sequence: 65_530, timestamp: u32::MAX - 3000 };
    for step in steps.iter().take(MAX_STEPS) {
        match *step {
            Step::Next { quanta, abilities } => call.next(quanta % 24 + 1, abilities),
            Step::Odd { sequence, timestamp, quanta, abilities, ssrc } => {
                let sequence = call.sequence.wrapping_add_signed(sequence);
                let timestamp = call.timestamp.wrapping_add_signed(timestamp);
                call.insert(sequence, timestamp, ssrc % 3, [quanta, abilities]);
            }
            Step::Repeat { copies } => call.next_with(8, 0, &copies),
            Step::Lose { count } => {
                call.sequence = call.sequence.wrapping_add(count.into());
                call.timestamp = call.timestamp.wrapping_add(u32::from(count) * 960);
            }
            Step::Wait { tenths_of_ms } => call.now += Duration::from_micros(u64::from(tenths_of_ms) * 100),
            Step::Pull { quanta } => call.pull(quanta),
        }
    }
    call.work(400);
    let before = call.buffer.stats();
    call.work(100);
    let after = call.buffer.stats();
    assert_eq!(before.concealed_samples, after.concealed_samples, "{after:?}");
    assert!(after.recent_delay < 0.1, "{after:?}");
    while call.buffer.waiting() > 0 {
        call.pull(3);
        call.now += Duration::from_millis(10);
    }
    let stats = call.buffer.stats();
    let made = stats.decoded_samples
        + stats.recovered_samples
        + stats.concealed_samples
        + stats.comfort_samples
        + stats.idle_samples
        + stats.inserted_samples_for_deceleration
        - stats.removed_samples_for_acceleration;
    assert_eq!(made, stats.total_samples_received + (stats.level * 48_000.0).round() as u64, "{stats:?}");
});
