//! Whatever happens, every sample pulled is accounted for, nothing panics and nothing piles up.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use sidetone_media::jitter::{Inserted, JitterBuffer, JitterConfig};

use crate::support::*;

#[derive(Clone, Debug)]
enum Step {
    /// The next packet in order, with that many samples (in units of 2.5 ms).
    Next(u8),
    /// A packet that far from the last, in numbers and in samples.
    Odd {
        sequence: i16,
        timestamp: i32,
        quanta: u8,
        ssrc: u8,
    },
    /// A number of packets never comes.
    Lose(u8),
    /// A payload that is no packet.
    Garbage(Vec<u8>),
    /// Time passes, in units of 0.1 ms.
    Wait(u16),
    /// Sound is wanted, in units of 2.5 ms.
    Pull(u8),
    /// What a working call does, that many times 20 ms.
    Flow(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u8..=24).prop_map(Step::Next),
        1 => (any::<i16>(), any::<i32>(), 0_u8..60, 0_u8..3)
            .prop_map(|(sequence, timestamp, quanta, ssrc)| Step::Odd { sequence, timestamp, quanta, ssrc }),
        2 => (-40_i16..40, -40_000_i32..40_000, 1_u8..25)
            .prop_map(|(sequence, timestamp, quanta)| Step::Odd { sequence, timestamp, quanta, ssrc: 0 }),
        1 => (1_u8..40).prop_map(Step::Lose),
        1 => proptest::collection::vec(any::<u8>(), 0..20).prop_map(Step::Garbage),
        3 => (0_u16..1000).prop_map(Step::Wait),
        1 => (0_u16..60_000).prop_map(Step::Wait),
        4 => (1_u8..=4).prop_map(Step::Pull),
        3 => (1_u8..100).prop_map(Step::Flow),
    ]
}

struct Hands {
    buffer: JitterBuffer<Tape>,
    pool: sidetone_pipeline::Pool<sidetone_media::packet::VoicePacket>,
    now: Instant,
    sequence: u16,
    timestamp: u32,
    position: usize,
    inserted: u64,
}

impl Hands {
    fn insert(&mut self, ssrc: u8, payload: &[u8]) -> Inserted {
        let mut packet = packet(&self.pool, self.sequence, self.timestamp, payload);
        packet.ssrc = ssrc.into();
        self.inserted += 1;
        self.buffer.insert(packet, self.now)
    }

    fn next(&mut self, quanta: u8) {
        let samples = usize::from(quanta) * 120;
        self.insert(0, &Tape::payload(self.position, samples));
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(samples as u32);
        self.position += samples;
    }

    fn pull(&mut self, quanta: u8) {
        let mut out = [9.0; 480];
        let out = &mut out[..usize::from(quanta) * 120];
        self.buffer.pull(out, self.now);
        assert!(
            out.iter().all(|sample| sample.abs() <= 2.0),
            "every sample was written"
        );
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Next(quanta) => self.next(*quanta),
            Step::Odd {
                sequence,
                timestamp,
                quanta,
                ssrc,
            } => {
                let kept = (self.sequence, self.timestamp);
                self.sequence = self.sequence.wrapping_add_signed(*sequence);
                self.timestamp = self.timestamp.wrapping_add_signed(*timestamp);
                self.insert(*ssrc, &Tape::payload(1000, usize::from(*quanta) * 120));
                (self.sequence, self.timestamp) = kept;
            }
            Step::Lose(count) => {
                self.sequence = self.sequence.wrapping_add((*count).into());
                self.timestamp = self.timestamp.wrapping_add(u32::from(*count) * 960);
            }
            Step::Garbage(bytes) => {
                self.insert(0, bytes);
            }
            Step::Wait(tenths) => self.now += Duration::from_micros(u64::from(*tenths) * 100),
            Step::Pull(quanta) => self.pull(*quanta),
            Step::Flow(count) => {
                for _ in 0..*count {
                    self.next(8);
                    for _ in 0..2 {
                        self.pull(4);
                        self.now += Duration::from_millis(10);
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_sequence_of_events_is_survived(steps in proptest::collection::vec(step(), 1..120)) {
        let config = JitterConfig::default();
        let capacity = config.capacity;
        let now = Instant::now();
        let mut hands = Hands {
            buffer: JitterBuffer::new(config, Tape::new(woman()), now),
            pool: pool(capacity + 2),
            now,
            sequence: 65_500,
            timestamp: u32::MAX - 20_000,
            position: 0,
            inserted: 0,
        };
        for step in &steps {
            hands.step(step);
            // The pool is the proof that packets come back.
            prop_assert!(hands.pool.available() >= 2);
            let stats = hands.buffer.stats();
            prop_assert!(stats.total_samples_received < 48_000 * 600);
        }
        // Whatever happened, a working call gets through when the memory of it is over: ten seconds later.
        for _ in 0..550 {
            hands.step(&Step::Flow(1));
        }
        let before = hands.buffer.stats();
        hands.step(&Step::Flow(100));
        let after = hands.buffer.stats();
        prop_assert_eq!(after.concealed_samples, before.concealed_samples, "{:?}", after);
        prop_assert!(after.recent_delay < 0.1, "{:?}", after);
        prop_assert!(hands.buffer.waiting() <= 5);
        while hands.buffer.waiting() > 0 {
            hands.step(&Step::Pull(4));
            hands.now += Duration::from_millis(10);
        }
        let stats = hands.buffer.stats();
        assert_accounted(&stats, (stats.level * RATE).round() as u64);
    }
}
