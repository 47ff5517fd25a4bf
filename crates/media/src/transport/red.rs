//! Redundant audio data on the wire (RFC 2198): the frame of a packet and the earlier ones it repeats, to and from
//! [`VoicePacket`]. It refuses to know which frames are worth repeating, and what becomes of them.

use bytes::{BufMut, Bytes, BytesMut};

use crate::packet::VoicePacket;

/// Bytes of a block header but the last.
const HEADER: usize = 4;

/// Most blocks that are looked at. A peer that repeats more than this wastes our time.
const MAX_BLOCKS: usize = 32;

/// The payload is no RED.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("peer misbehaved: malformed redundant payload")]
pub struct Malformed;

/// The payload that carries `voice` and its copies as `payload_type`, oldest first.
pub fn write(voice: &VoicePacket, payload_type: u8) -> Bytes {
    let copies: usize = voice.copies().map(|(_, frame)| HEADER + frame.len()).sum();
    let mut bytes = BytesMut::with_capacity(copies + 1 + voice.payload().len());
    let mut order = [0_u16; crate::packet::MAX_COPIES];
    let mut count = 0;
    for (slot, (distance, _)) in order.iter_mut().zip(voice.copies()) {
        *slot = distance;
        count += 1;
    }
    order[..count].sort_unstable_by(|a, b| b.cmp(a));
    let oldest_first = || {
        order[..count]
            .iter()
            .filter_map(|wanted| voice.copies().find(|(distance, _)| distance == wanted))
    };
    for (distance, frame) in oldest_first() {
        bytes.put_u8(0x80 | payload_type);
        // 14 bits of offset, 10 of length: what a packet takes fits.
        bytes.put_uint((u64::from(distance) << 10) | frame.len() as u64, 3);
    }
    bytes.put_u8(payload_type & 0x7f);
    oldest_first().for_each(|(_, frame)| bytes.put_slice(frame));
    bytes.put_slice(voice.payload());
    bytes.freeze()
}

/// Copies the blocks of `payload` that are of `payload_type` into `voice`: the last is the packet's own, the others
/// are copies, of which the newest are taken. On an error `voice` must not be used.
///
/// # Errors
/// [`Malformed`] when the headers or lengths are wrong, or the packet's own frame is missing or of another type.
pub fn read(payload: &[u8], payload_type: u8, voice: &mut VoicePacket) -> Result<(), Malformed> {
    let mut blocks = [(0_u16, 0_usize, 0_usize); MAX_BLOCKS];
    let (mut count, mut at, mut body) = (0, 0, 0);
    let own = loop {
        let first = *payload.get(at).ok_or(Malformed)?;
        if first & 0x80 == 0 {
            at += 1;
            break first;
        }
        let header = payload.get(at..at + HEADER).ok_or(Malformed)?;
        let bits = u32::from_be_bytes([0, header[1], header[2], header[3]]);
        let (distance, len) = ((bits >> 10) as u16, (bits & 0x3ff) as usize);
        // A block of another type is skipped, and its bytes with it.
        let usable = first & 0x7f == payload_type;
        *blocks.get_mut(count).ok_or(Malformed)? = (if usable { distance } else { 0 }, body, len);
        count += 1;
        body += len;
        at += HEADER;
    };
    let frames = payload.get(at..).ok_or(Malformed)?;
    let main = frames.get(body..).ok_or(Malformed)?;
    if own != payload_type || main.is_empty() || !voice.set_payload(main) {
        return Err(Malformed);
    }
    for &(distance, start, len) in blocks[..count].iter().rev() {
        // Distance 0 would be the frame itself. What a packet cannot hold is left out.
        if let Some(frame) = frames.get(start..start + len) {
            voice.add_copy(distance, frame);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;

    fn packet(payload: &[u8], copies: &[(u16, Vec<u8>)]) -> VoicePacket {
        let mut voice = VoicePacket::empty(Instant::now());
        assert!(voice.set_payload(payload));
        for (distance, frame) in copies {
            voice.add_copy(*distance, frame);
        }
        voice
    }

    fn copies(voice: &VoicePacket) -> Vec<(u16, Vec<u8>)> {
        let mut copies: Vec<_> = voice
            .copies()
            .map(|(distance, frame)| (distance, frame.to_vec()))
            .collect();
        copies.sort();
        copies
    }

    #[test]
    fn the_bytes_are_those_of_the_rfc() {
        let voice = packet(b"now", &[(960, b"old".to_vec()), (1920, b"older".to_vec())]);
        let bytes = write(&voice, 111);
        assert_eq!(
            &bytes[..],
            // 0x80 | 111, then 1920 << 10 | 5 and 960 << 10 | 3, then 111.
            b"\xef\x1e\x00\x05\xef\x0f\x00\x03\x6foldoldernow"
                .iter()
                .copied()
                .take(9)
                .chain(*b"olderoldnow")
                .collect::<Vec<u8>>()
        );
    }

    #[test]
    fn malformed_payloads_are_refused() {
        let mut voice = VoicePacket::empty(Instant::now());
        for bytes in [
            &b""[..],
            b"\x6f",
            b"\x60frame of another type",
            b"\xef\x0f\x00",
            b"\xef\x0f\x03\xff\x6fshort",
            b"\xef\x0f\x00\x05\x6fblock",
        ] {
            assert_eq!(read(bytes, 111, &mut voice), Err(Malformed), "{bytes:?}");
        }
        assert_eq!(read(&[0xef, 0, 4, 0].repeat(40), 111, &mut voice), Err(Malformed));
        // A block of another type, one without distance and an empty one are no copies.
        assert_eq!(
            read(
                b"\xe0\x0f\x00\x02\xef\x00\x00\x01\xef\x0f\x00\x00\x6faabmain",
                111,
                &mut voice
            ),
            Ok(())
        );
        assert_eq!((voice.payload(), voice.copies().count()), (&b"main"[..], 0));
    }

    proptest! {
        #[test]
        fn packets_survive_the_wire(
            payload in proptest::collection::vec(any::<u8>(), 1..300),
            sent in proptest::collection::btree_map(1_u16..1 << 14, proptest::collection::vec(any::<u8>(), 1..290), 0..4),
        ) {
            let sent: Vec<_> = sent.into_iter().collect();
            let voice = packet(&payload, &sent);
            let mut received = VoicePacket::empty(Instant::now());
            read(&write(&voice, 96), 96, &mut received).unwrap();
            prop_assert_eq!(received.payload(), &payload[..]);
            prop_assert_eq!(copies(&received), copies(&voice));
        }

        #[test]
        fn no_bytes_are_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..1400), payload_type in 0_u8..=127) {
            let mut voice = VoicePacket::empty(Instant::now());
            if read(&bytes, payload_type, &mut voice).is_ok() {
                let held: usize = voice.copies().map(|(_, frame)| frame.len()).sum();
                prop_assert!(!voice.payload().is_empty());
                prop_assert!(held + voice.payload().len() < bytes.len());
            }
        }
    }
}
