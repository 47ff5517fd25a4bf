//! Streams that end, jump and lie. After a second of normal traffic the call is as it was: nothing is concealed or
//! discarded, and nothing waits.

use std::time::{Duration, Instant};

use sidetone_media::jitter::{Inserted, JitterBuffer, JitterConfig, JitterStats};

use crate::support::*;

struct Call {
    buffer: JitterBuffer<Tape>,
    pool: sidetone_pipeline::Pool<sidetone_media::packet::VoicePacket>,
    now: Instant,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
}

impl Call {
    fn new() -> Self {
        let now = Instant::now();
        let buffer = JitterBuffer::new(JitterConfig::default(), Tape::new(woman()), now);
        Self {
            buffer,
            pool: pool(210),
            now,
            ssrc: 1,
            sequence: 100,
            timestamp: 5000,
        }
    }

    fn insert(&mut self) -> Inserted {
        let mut packet = packet(
            &self.pool,
            self.sequence,
            self.timestamp,
            &Tape::payload(4800, 960),
        );
        packet.ssrc = self.ssrc;
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(960);
        self.buffer.insert(packet, self.now)
    }

    fn pull(&mut self, ms: u64) {
        for _ in 0..ms / 10 {
            for _ in 0..4 {
                self.now += Duration::from_micros(2500);
                self.buffer.pull(&mut [0.0; 120], self.now);
            }
        }
    }

    fn talk(&mut self, seconds: u64) -> JitterStats {
        for _ in 0..seconds * 50 {
            self.insert();
            self.pull(20);
        }
        self.buffer.stats()
    }

    /// Back to normal after a second: nothing is concealed, and the delay is small.
    #[track_caller]
    fn assert_works(&mut self) {
        self.assert_works_within(0.02);
    }

    #[track_caller]
    fn assert_works_within(&mut self, delay: f64) {
        let before = self.talk(1);
        for second in 2..5 {
            let after = self.talk(1);
            let counts = |stats: &JitterStats| {
                (
                    stats.concealed_samples,
                    stats.packets_discarded,
                    stats.packets_late,
                )
            };
            assert_eq!(counts(&before), counts(&after), "second {second}: {after:?}");
            assert!(after.recent_delay < delay, "second {second}: {after:?}");
        }
        assert!(
            self.buffer.waiting() <= 2,
            "{} packets wait",
            self.buffer.waiting()
        );
    }
}

#[test]
fn another_source_takes_over_and_stragglers_do_not_bring_the_old_one_back() {
    let mut call = Call::new();
    call.assert_works();
    (call.ssrc, call.timestamp, call.sequence) = (2, 0xffff_0000, 9);
    assert_eq!(call.insert(), Inserted::Reset);
    let kept = (call.sequence, call.timestamp);
    call.ssrc = 1;
    assert_eq!(call.insert(), Inserted::Late);
    call.ssrc = 2;
    (call.sequence, call.timestamp) = kept;
    call.pull(20);
    call.assert_works();
    assert_eq!(call.buffer.stats().resets, 1);
}

#[test]
fn jumps_of_the_senders_clock_are_followed() {
    for jump in [
        48_000 * 3,
        48_000 * 600,
        u32::MAX / 2,
        u32::MAX - 48_000 * 3,
        1_000_000_000,
    ] {
        let mut call = Call::new();
        call.assert_works();
        call.timestamp = call.timestamp.wrapping_add(jump);
        call.assert_works();
        assert_eq!(call.buffer.stats().resets, 1, "{jump}");
    }
}

#[test]
fn jumps_of_the_numbers_are_followed() {
    for jump in [3500, 20_000, 40_000, 60_000] {
        let mut call = Call::new();
        call.assert_works();
        call.sequence = call.sequence.wrapping_add(jump);
        call.assert_works();
    }
}

#[test]
fn an_outage_on_either_side_leaves_no_delay() {
    // Nothing arrives.
    let mut call = Call::new();
    call.assert_works();
    for _ in 0..10 {
        call.sequence = call.sequence.wrapping_add(50);
        call.timestamp = call.timestamp.wrapping_add(48_000);
        call.pull(1000);
    }
    assert!(!call.buffer.is_playing());
    call.assert_works();

    // Nobody pulls, and packets pile up.
    for _ in 0..500 {
        call.insert();
        call.now += Duration::from_millis(20);
    }
    assert!(call.buffer.waiting() <= JitterConfig::default().capacity);
    call.assert_works();
}

#[test]
fn malformed_packets_are_counted_and_nothing_else() {
    let mut call = Call::new();
    call.assert_works();
    let before = call.buffer.stats();
    for payload in [
        &[][..],
        &[1, 2, 3],
        &Tape::payload(0, 0),
        &Tape::payload(0, 6000),
        &Tape::payload(0, 1 << 31),
    ] {
        let packet = packet(&call.pool, call.sequence, call.timestamp, payload);
        assert_eq!(call.buffer.insert(packet, call.now), Inserted::Malformed);
    }
    let after = call.buffer.stats();
    assert_eq!(after.packets_discarded, before.packets_discarded + 5);
    assert_eq!(after.packets_received, before.packets_received);
    call.assert_works();
}

#[test]
fn numbers_and_clock_wrap_around_unheard() {
    // Together, and each alone.
    for (sequence, timestamp) in [(65_500, u32::MAX - 48_000), (65_500, 7), (7, u32::MAX - 48_000)] {
        let mut call = Call::new();
        (call.sequence, call.timestamp) = (sequence, timestamp);
        call.assert_works();
        call.assert_works();
        let stats = call.buffer.stats();
        assert_eq!((stats.concealed_samples, stats.resets), (0, 0), "{stats:?}");
        assert!(call.sequence < 1000 || call.timestamp < 1_000_000, "it did wrap");
    }
}

/// Each packet comes with three copies of one that is so much older, in packets.
fn with_duplicates(ages: std::ops::Range<u16>) -> (Call, f64) {
    let mut call = Call::new();
    call.assert_works();
    let (before, mut longest) = (call.buffer.stats(), 0.0_f64);
    for (_, age) in (0..500).zip(ages.cycle()) {
        call.insert();
        let kept = (call.sequence, call.timestamp);
        let old = call.sequence.wrapping_sub(1 + age);
        for _ in 0..3 {
            call.sequence = old;
            call.timestamp = kept.1.wrapping_sub(u32::from(1 + age) * 960);
            assert!(matches!(call.insert(), Inserted::Duplicate | Inserted::Late));
        }
        (call.sequence, call.timestamp) = kept;
        call.pull(20);
        longest = longest.max(call.buffer.stats().recent_delay);
    }
    let after = call.buffer.stats();
    assert_eq!(before.concealed_samples, after.concealed_samples, "{after:?}");
    (call, longest)
}

#[test]
fn duplicates_of_what_just_came_cost_nothing() {
    let (mut call, longest) = with_duplicates(0..1);
    assert!(longest < 0.02, "{longest} s");
    call.assert_works();
}

#[test]
fn duplicates_of_what_was_played_cost_nothing() {
    let (mut call, longest) = with_duplicates(1..100);
    assert!(longest < 0.02, "{longest} s");
    call.assert_works();
}

#[test]
fn a_sender_that_restarts_is_heard_at_once() {
    // Another stream under a new name, under the old name, and with a second's silence between.
    for (ssrc, gap) in [(2, 0), (1, 0), (1, 1000), (2, 1000)] {
        let mut call = Call::new();
        call.assert_works();
        for (sequence, timestamp) in [(40_000, 3_000_000_000), (11, 17), (65_530, u32::MAX - 100)] {
            (call.ssrc, call.sequence, call.timestamp) = (ssrc, sequence, timestamp);
            call.pull(gap);
            call.assert_works();
        }
    }
}

#[test]
fn frames_of_any_length_follow_each_other() {
    let mut call = Call::new();
    call.assert_works();
    let before = call.buffer.stats();
    for round in 0..100 {
        for quanta in [1, 24, 4, 8, 2, 48, 16, 8] {
            let samples = quanta * 120;
            let payload = Tape::payload(4800 + round, samples);
            let mut packet = packet(&call.pool, call.sequence, call.timestamp, &payload);
            packet.ssrc = call.ssrc;
            assert_eq!(call.buffer.insert(packet, call.now), Inserted::Stored);
            call.sequence = call.sequence.wrapping_add(1);
            call.timestamp = call.timestamp.wrapping_add(samples as u32);
            // As long as it took to record.
            for _ in 0..quanta {
                call.now += Duration::from_micros(2500);
                call.buffer.pull(&mut [0.0; 120], call.now);
            }
        }
    }
    let after = call.buffer.stats();
    // A frame that is sent when it is full comes later the longer it is: at most the longest of them waits.
    assert!(after.recent_delay < 0.15, "{after:?}");
    assert_eq!(after.packets_discarded, before.packets_discarded, "{after:?}");
    call.assert_works();
}

#[test]
fn redundancy_that_lies_costs_nothing() {
    let good = Tape::payload(4800, 960);
    let huge = Tape::payload(0, 1 << 31);
    let long = Tape::payload(0, 2880);
    let blocks: [&[(u16, &[u8])]; 7] = [
        // No frame, of an impossible length, and longer than the way to the next.
        &[(960, &[1])],
        &[(960, &huge)],
        &[(960, &long)],
        // Over the packet itself, over each other, off the grid, and as far as can be said.
        &[(1, &good)],
        &[(960, &good), (960, &good), (961, &good)],
        &[(777, &good), (1333, &good)],
        &[(16_383, &good), (16_382, &huge)],
    ];
    for lies in blocks {
        let mut call = Call::new();
        call.assert_works();
        for i in 0..250 {
            let mut packet = packet(&call.pool, call.sequence, call.timestamp, &good);
            packet.ssrc = call.ssrc;
            for (distance, frame) in lies {
                packet.add_copy(*distance, frame);
            }
            call.sequence = call.sequence.wrapping_add(1);
            call.timestamp = call.timestamp.wrapping_add(960);
            // Every tenth is lost, so that the lies are asked.
            if i % 10 != 0 {
                call.buffer.insert(packet, call.now);
            }
            call.pull(20);
            let stats = call.buffer.stats();
            assert!(stats.recent_delay < 0.1, "{lies:?}: {stats:?}");
        }
        // What was lost is remembered for a while, and a frame waited for that repeats it.
        call.assert_works_within(0.04);
    }
}
