//! Packets of pictures of a hostile sender, through payload formats, assembly and the buffer of frames, which plays
//! meanwhile.
//!
//! Input: one byte for the codec, then steps: one byte of time passed (in ms), one byte of flags (bit 0 marker, bit 1 sent
//! again, bit 2 with a dependency descriptor, bits 3 and 4 steps of the timestamp, bits 5 to 7 steps of the sequence number
//! less one; 7 stands for two bytes of sequence number), one byte of length of the descriptor where there is one, the
//! descriptor, two bytes of payload length (little-endian), the payload.
#![no_main]

use std::time::{Duration, Instant};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sidetone_media::packet::{RtpTimestamp, SequenceNumber};
use sidetone_media::video::{Codec, ReceiverOutput, VideoPacket, VideoReceiver};

/// Longer streams only make runs slower.
const MAX_STEPS: usize = 64;

fn take<'a>(rest: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, tail) = rest.split_at(count.min(rest.len()));
    *rest = tail;
    taken
}

fn byte(rest: &mut &[u8]) -> u8 {
    take(rest, 1).first().copied().unwrap_or(0)
}

/// Everything that is to be done now. What is due must not be due again at once, or a driver would never sleep.
fn poll(receiver: &mut VideoReceiver, now: Instant) {
    let mut outputs = 0;
    while let Some(output) = receiver.poll(now) {
        outputs += 1;
        assert!(outputs < 1_000);
        match output {
            ReceiverOutput::Frame(frame) => {
                assert!(!frame.data.is_empty() && frame.due <= now);
                if frame.data[0] == 0xff {
                    receiver.decoder_failed(now);
                } else {
                    receiver.decoded(frame.key);
                    receiver.rendered(now);
                }
            }
            ReceiverOutput::Nack(nacks) => assert!(!nacks.is_empty()),
            ReceiverOutput::PictureLoss => {}
        }
    }
    assert!(receiver.next_timeout().is_none_or(|next| next > now));
}

fuzz_target!(|data: &[u8]| {
    let mut rest = data;
    let codec = Codec::ALL[usize::from(byte(&mut rest) & 3)];
    let start = Instant::now();
    let mut now = start;
    let mut receiver = VideoReceiver::new(codec, now);
    let (mut sequence, mut timestamp) = (65_000u16, 0u32);
    for _ in 0..MAX_STEPS {
        if rest.is_empty() {
            break;
        }
        now += Duration::from_millis(u64::from(byte(&mut rest)));
        let flags = byte(&mut rest);
        timestamp = timestamp.wrapping_add(u32::from(flags >> 3 & 3) * 3_000);
        sequence = match flags >> 5 {
            7 => u16::from_le_bytes([byte(&mut rest), byte(&mut rest)]),
            step => sequence.wrapping_add(u16::from(step)).wrapping_sub(1),
        };
        let dependency = (flags & 4 != 0).then(|| {
            let length = usize::from(byte(&mut rest));
            Bytes::copy_from_slice(take(&mut rest, length))
        });
        let length = usize::from(u16::from_le_bytes([byte(&mut rest), byte(&mut rest)]));
        let packet = VideoPacket {
            sequence: SequenceNumber(sequence),
            timestamp: RtpTimestamp(timestamp),
            marker: flags & 1 != 0,
            payload: Bytes::copy_from_slice(take(&mut rest, length)),
            dependency,
        };
        if flags & 2 != 0 {
            receiver.retransmission(packet, now);
        } else {
            receiver.packet(packet, now);
        }
        poll(&mut receiver, now);
    }
    // Whatever came, it comes to rest, but for requests for a key frame.
    for _ in 0..100 {
        match receiver.next_timeout() {
            Some(next) => now = next,
            None => break,
        }
        poll(&mut receiver, now);
    }
    let stats = receiver.stats(now);
    assert!(stats.frames_rendered <= stats.frames_received);
});
