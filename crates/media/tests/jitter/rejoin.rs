//! A packet that comes while something is already being made up for it.

use std::time::{Duration, Instant};

use sidetone_media::jitter::{Inserted, JitterBuffer, JitterConfig, Source};

use crate::support::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Plays a call of 20 ms packets that arrive on time, except that number `late` comes `by` later. Returns the
/// concealed samples and the delay before and after.
fn with_one_late(late: u64, by: Duration) -> (u64, f64, f64) {
    let start = Instant::now();
    let pool = pool(300);
    let mut buffer = JitterBuffer::new(JitterConfig::default(), Tape::new(woman()), start);
    let mut before = 0.0;
    let mut waiting = Vec::new();
    for tick in 0..1000_u64 {
        let now = start + ms(tick * 10) + Duration::from_micros(500);
        if tick % 2 == 0 {
            let i = tick / 2;
            let sent = start + ms(tick * 10);
            waiting.push((i, if i == late { sent + by } else { sent }));
        }
        if tick == late * 2 {
            before = buffer.stats().recent_delay;
        }
        waiting.retain(|&(i, at)| {
            if at > now {
                return true;
            }
            let payload = Tape::payload(i as usize * 960, 960);
            assert_eq!(
                buffer.insert(packet(&pool, i as u16, i as u32 * 960, &payload), at),
                Inserted::Stored
            );
            false
        });
        for quarter in 0..4 {
            buffer.pull(&mut [0.0; 120], now + Duration::from_micros(quarter * 2500));
        }
    }
    let stats = buffer.stats();
    (stats.concealed_samples, before, stats.recent_delay)
}

#[test]
fn a_late_packet_replaces_the_rest_of_its_concealment() {
    let (concealed, before, after) = with_one_late(100, ms(8));
    println!("concealed {concealed}, delay {before} then {after}");
    // 10 ms were made up, and not the whole packet.
    assert_eq!(concealed, 480);
    assert!((after - before).abs() < 0.003, "{before} {after}");
}

#[test]
fn a_packet_later_than_its_end_is_lost_and_costs_no_delay() {
    let start = Instant::now();
    let pool = pool(300);
    let mut buffer = JitterBuffer::new(JitterConfig::default(), Tape::new(woman()), start);
    let insert = |buffer: &mut JitterBuffer<Tape>, i: u16, now| {
        let payload = Tape::payload(usize::from(i) * 960, 960);
        buffer.insert(packet(&pool, i, u32::from(i) * 960, &payload), now)
    };
    for i in 0..100_u16 {
        let now = start + ms(u64::from(i) * 20);
        if i == 53 {
            assert_eq!(insert(&mut buffer, 50, now), Inserted::Late);
        }
        if i != 50 {
            assert_eq!(insert(&mut buffer, i, now), Inserted::Stored);
            assert_eq!(insert(&mut buffer, i, now), Inserted::Duplicate);
        }
        for quarter in 0..8 {
            let pulled = buffer.pull(&mut [0.0; 120], now + Duration::from_micros(500 + quarter * 2500));
            if i == 50 && quarter > 2 {
                assert_eq!(pulled.source, Source::Concealed);
            }
        }
    }
    let stats = buffer.stats();
    assert_eq!(stats.concealed_samples, 960);
    assert_eq!(stats.packets_late, 1);
    assert!(stats.recent_delay < 0.01);
}

#[test]
fn packets_out_of_order_are_put_in_order() {
    let start = Instant::now();
    let pool = pool(300);
    let config = JitterConfig {
        initial_delay: ms(80),
        min_delay: ms(80),
        ..JitterConfig::default()
    };
    let mut buffer = JitterBuffer::new(config, Tape::new(woman()), start);
    let mut heard = Vec::new();
    for i in 0..100_u16 {
        // Pairs are swapped.
        let number = i ^ 1;
        let now = start + ms(u64::from(i) * 20);
        let payload = Tape::payload(usize::from(number) * 960, 960);
        buffer.insert(packet(&pool, number, u32::from(number) * 960, &payload), now);
        for quarter in 0..8 {
            let mut out = [0.0; 120];
            buffer.pull(&mut out, now + Duration::from_micros(quarter * 2500));
            heard.extend_from_slice(&out);
        }
    }
    let stats = buffer.stats();
    assert_eq!(stats.concealed_samples, 0, "{stats:?}");
    let from = stats.idle_samples as usize;
    // After the fade-in, the recording itself.
    assert_eq!(heard[from + 480..from + 48_000], woman()[480..48_000]);
}
