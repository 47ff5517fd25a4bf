//! Decrypted datagrams of a hostile sender, through RTP parsing and into a jitter buffer that plays meanwhile.
//!
//! Input: one byte of settings (low four bits the id of the level extension, bit 7 whether the payload type is
//! Opus's or the first packet's), then steps: one byte of time passed (in ms), two bytes of datagram length
//! (little-endian), the datagram.
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use sidetone_media::jitter::{JitterBuffer, JitterConfig, OpusDecoder};
use sidetone_media::packet::VoicePacket;
use sidetone_media::transport::rtp::{self, Negotiated, OPUS_PAYLOAD_TYPE};
use sidetone_pipeline::Pool;

/// Longer streams only make runs slower.
const MAX_STEPS: usize = 32;

fuzz_target!(|data: &[u8]| {
    let Some((&settings, mut rest)) = data.split_first() else {
        return;
    };
    let start = Instant::now();
    let mut now = start;
    let pool = Pool::new(MAX_STEPS, || VoicePacket::empty(start));
    let decoder = OpusDecoder::new(0).expect("memory");
    let mut buffer = JitterBuffer::new(JitterConfig::default(), decoder, now);
    let mut payload_type = (settings & 0x80 == 0).then_some(OPUS_PAYLOAD_TYPE);
    let mut block = [0.0; 480];

    for _ in 0..MAX_STEPS {
        let [passed, low, high, tail @ ..] = rest else {
            break;
        };
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(tail.len());
        let (datagram, tail) = tail.split_at(length);
        rest = tail;
        now += Duration::from_millis(u64::from(*passed));

        if let Ok(packet) = rtp::parse(datagram) {
            let negotiated = Negotiated {
                payload_type: *payload_type.get_or_insert(packet.header.payload_type),
                red_payload_type: None,
                level_id: Some(settings & 0x0F),
                capture_id: None,
            };
            let mut voice = pool.take().expect("as many as steps");
            if rtp::read(&packet, negotiated, now, &mut voice).is_ok() {
                assert_eq!(voice.payload(), &packet.payload[..]);
                assert!(voice.level.is_none_or(|level| level.minus_dbov <= 127));
                // What is written is what was read.
                let again = rtp::write(&voice, voice.ssrc, negotiated);
                assert_eq!(again.payload, packet.payload);
                assert_eq!(again.header.sequence_number, packet.header.sequence_number);
                buffer.insert(voice, now);
            }
        }
        buffer.pull(&mut block, now);
        assert!(block.iter().all(|sample| sample.is_finite()));
    }
});
