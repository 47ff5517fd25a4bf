//! Redundant audio data (RFC 2198) from the network: any bytes are read or refused, what was read fits a packet, and
//! what is written of it is read again as the same.
//!
//! Input: the payload type, then the payload.
#![no_main]

use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use sidetone_media::packet::{MAX_COPIES, MAX_PAYLOAD, VoicePacket};
use sidetone_media::transport::red;

fn frames(packet: &VoicePacket) -> Vec<(u16, Vec<u8>)> {
    let mut frames: Vec<_> = packet.copies().map(|(distance, frame)| (distance, frame.to_vec())).collect();
    frames.sort();
    frames.dedup_by_key(|frame| frame.0);
    frames
}

fuzz_target!(|input: (u8, &[u8])| {
    let (payload_type, bytes) = (input.0 & 0x7f, input.1);
    let mut packet = VoicePacket::empty(Instant::now());
    if red::read(bytes, payload_type, &mut packet).is_err() {
        return;
    }
    let total: usize = packet.copies().map(|(_, frame)| frame.len()).sum();
    assert!(packet.copies().count() <= MAX_COPIES && packet.payload().len() + total <= MAX_PAYLOAD);
    assert!(!packet.payload().is_empty());
    let distances = frames(&packet).len();
    if distances < packet.copies().count() {
        // Two copies of one frame: which of them is written does not matter.
        return;
    }
    let mut again = VoicePacket::empty(Instant::now());
    assert_eq!(red::read(&red::write(&packet, payload_type), payload_type, &mut again), Ok(()));
    assert_eq!((again.payload(), frames(&again)), (packet.payload(), frames(&packet)));
});
