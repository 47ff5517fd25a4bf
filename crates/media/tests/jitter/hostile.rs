//! Streams that end, jump and lie.

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

    /// The call works: nothing is concealed, and the delay is small.
    fn assert_works(&mut self) {
        let before = self.talk(2);
        let after = self.talk(3);
        assert_eq!(before.concealed_samples, after.concealed_samples, "{after:?}");
        assert_eq!(before.packets_discarded, after.packets_discarded, "{after:?}");
        assert!(after.recent_delay < 0.02, "{after:?}");
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
        call.talk(2);
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
