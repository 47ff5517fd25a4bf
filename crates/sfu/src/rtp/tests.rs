//! Vectors, and what is written read back.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

#[test]
fn headers_are_taken_apart() {
    let mut packet = vec![0xb1, 0xef, 0, 7, 0, 0, 3, 0xc0, 0, 0, 0, 9, 0, 0, 0, 5];
    // Extension: id 1 with one byte, id 3 with two, padding; then payload and padding of four.
    packet.extend([0xbe, 0xde, 0, 2, 0x10, 0x85, 0x31, 1, 2, 0, 0, 0]);
    packet.extend([1, 2, 3, 0, 0, 0, 4]);
    let parsed = Parsed::parse(&packet).unwrap();
    assert_eq!((parsed.ssrc, parsed.sequence, parsed.timestamp), (9, 7, 960));
    assert_eq!((parsed.marker, parsed.payload_type), (true, 111));
    assert_eq!(parsed.extension(Some(1)), Some(&[0x85][..]));
    assert_eq!(parsed.extension(Some(3)), Some(&[1, 2][..]));
    assert_eq!(parsed.extension(None), None);
    assert_eq!(parsed.payload, [1, 2, 3]);
}

#[test]
fn a_nack_names_its_packets() {
    let mut buffer = [0; 100];
    let mut writer = Writer::new(&mut buffer);
    assert!(writer.nack(1, 2, &[(65_535, 0b101), (10, 0)]));
    let length = writer.len();
    let Some(Control::Nack { ssrc, missing }) = Controls::new(&buffer[..length]).next() else {
        panic!("no nack");
    };
    assert_eq!(ssrc, 2);
    assert_eq!(missing.collect::<Vec<_>>(), [65_535, 0, 2, 10]);
}

#[test]
fn a_compound_packet_is_read_to_its_end() {
    let mut buffer = [0; 300];
    let mut writer = Writer::new(&mut buffer);
    let block = ReportBlock {
        ssrc: 4,
        fraction_lost: 9,
        lost: -3,
        highest: 70_000,
        jitter: 5,
        last_report: 6,
        delay: 7,
    };
    assert!(writer.sender_report(1, 0x1234_5678_9abc_def0, 2, 3, 4));
    assert!(writer.receiver_report(1, &[block, block]));
    assert!(writer.keyframe_wanted(1, 77));
    let length = writer.len();
    let all: Vec<_> = Controls::new(&buffer[..length]).collect();
    let sender = Control::Sender {
        ssrc: 1,
        ntp: 0x1234_5678_9abc_def0,
        timestamp: 2,
    };
    assert_eq!(
        all,
        [
            sender,
            Control::Report(block),
            Control::Report(block),
            Control::Keyframe { ssrc: 77 }
        ]
    );
}

#[test]
fn an_estimate_is_read() {
    // draft-alvestrand-rmcat-remb-03 section 2.2: exponent 1, mantissa 2^17 + 1.
    let packet = [
        0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 1, 0b110, 0, 1, 0, 0, 0, 9,
    ];
    let all: Vec<_> = Controls::new(&packet).collect();
    assert_eq!(all, [Control::Available(2 * 0x2_0001)]);
}

#[test]
fn losses_and_roll_overs_are_counted() {
    let start = Instant::now();
    let mut reception = Reception::new(start, 3, 48_000, 65_530);
    for n in 0..20u16 {
        if n % 4 != 1 {
            let now = start + Duration::from_millis(20 * u64::from(n));
            reception.packet(now, 65_530u16.wrapping_add(n), 960 * u32::from(n));
        }
    }
    let block = reception.report(start);
    assert_eq!((block.lost, block.fraction_lost), (5, 64));
    assert_eq!((block.highest, block.jitter), (65_549, 0));
    assert_eq!(reception.report(start).fraction_lost, 0);
}

/// Reads a feedback of vectors as the draft has it: sequence numbers and ticks of those that arrived.
fn read_feedback(body: &[u8]) -> Vec<(u16, i64)> {
    let count = u16::from_be_bytes([body[10], body[11]]);
    let base = u16::from_be_bytes([body[8], body[9]]);
    let reference = u32::from_be_bytes([0, body[12], body[13], body[14]]);
    let mut ticks = i64::from(reference) * 256;
    let (vectors, mut deltas) = body[16..].split_at(2 * usize::from(count).div_ceil(7));
    let mut arrived = Vec::new();
    for n in 0..count {
        let at = 2 * usize::from(n / 7);
        let vector = u16::from_be_bytes([vectors[at], vectors[at + 1]]);
        match vector >> (12 - 2 * (n % 7)) & 3 {
            0 => continue,
            1 => {
                ticks += i64::from(deltas[0]);
                deltas = &deltas[1..];
            }
            _ => {
                ticks += i64::from(i16::from_be_bytes([deltas[0], deltas[1]]));
                deltas = &deltas[2..];
            }
        }
        arrived.push((base.wrapping_add(n), ticks));
    }
    arrived
}

#[test]
fn what_is_missing_is_asked_for_until_it_comes() {
    let start = Instant::now();
    let after = |millis| start + Duration::from_millis(millis);
    let mut missing = Missing::new(1, 65_530);
    let mut out = [(0, 0); 4];
    missing.packet(after(0), 65_533);
    missing.packet(after(1), 20);
    assert_eq!(missing.due(), Some(after(0)));
    missing.packet(after(2), 65_532);
    // 65531, 65534, 65535, 0, 1, and what comes late.
    for sequence in 2..20 {
        missing.packet(after(6), sequence);
    }
    assert_eq!(missing.ask(after(11), Duration::ZERO, &mut out), 1);
    assert_eq!(out[0], (65_531, 0b11_1100));
    missing.packet(after(20), 65_531);
    assert_eq!(missing.due(), Some(after(51)));
    assert_eq!(missing.ask(after(60), Duration::from_millis(100), &mut out), 1);
    assert_eq!((out[0], missing.due()), ((65_534, 0b111), Some(after(160))));
    // In vain: at some time it is given up.
    let asked = (0..20).filter(|n| missing.ask(after(1_000 * (n + 1)), Duration::ZERO, &mut out) > 0);
    assert_eq!(asked.count(), 4);
    assert_eq!(missing.due(), None);
    // A gap that nothing closes.
    missing.packet(after(50_000), 5_000);
    assert_eq!(missing.due(), None);
}

proptest! {
    #[test]
    fn feedback_tells_when_each_packet_came(
        first in any::<u16>(),
        steps in prop::collection::vec((1u16..4, 0u64..200, any::<bool>()), 1..400),
    ) {
        let start = Instant::now();
        let mut feedback = TransportFeedback::new(start);
        let (mut sequence, mut millis, mut sent, mut told) = (first, 0, Vec::new(), Vec::new());
        for (n, (step, wait, now)) in steps.iter().enumerate() {
            millis += wait;
            feedback.packet(start + Duration::from_millis(millis), sequence);
            sent.push((sequence, (millis * 4) as i64));
            sequence = sequence.wrapping_add(*step);
            if *now || n + 1 == steps.len() || n % 50 == 49 {
                loop {
                    let mut buffer = [0; 1400];
                    let mut writer = Writer::new(&mut buffer);
                    let more = feedback.write(&mut writer, 1, 2);
                    let length = writer.len();
                    if let Some(Control::TransportFeedback(body)) = Controls::new(&buffer[..length]).next() {
                        told.extend(read_feedback(body));
                    }
                    if !more {
                        break;
                    }
                }
            }
        }
        prop_assert_eq!(told, sent);
    }

    #[test]
    fn nothing_panics(packet in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Parsed::parse(&packet).map(|parsed| parsed.extensions().count());
        for control in Controls::new(&packet) {
            if let Control::Nack { missing, .. } = control {
                prop_assert!(missing.count() <= 17 * packet.len());
            }
        }
    }
}
