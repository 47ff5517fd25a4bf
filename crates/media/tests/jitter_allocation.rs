//! Inserting and pulling never allocate, with the real codec, on a network that makes it do everything it can.
//! The allocator itself counts, also what C code asks for.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sidetone_media::jitter::{JitterBuffer, JitterConfig, OpusDecoder};
use sidetone_media::packet::{RtpTimestamp, SequenceNumber, VoicePacket};
use sidetone_opus::{Application, Channels, Encoder, SampleRate};
use sidetone_pipeline::{Pool, guard};

const SECTION: &str = "jitter buffer";

#[test]
fn nothing_is_allocated_after_creation() {
    assert!(guard::available(), "the guard is built in");
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut encoder = Encoder::new(SampleRate::Hz48000, Channels::Mono, Application::Voip).unwrap();
    encoder.set_packet_loss(20).unwrap();
    encoder.set_inband_fec(true).unwrap();
    encoder.set_dred_duration(Duration::from_millis(500)).unwrap();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/speech/man-it.flac");
    let mut reader = claxon::FlacReader::open(path).unwrap();
    let speech: Vec<f32> = reader.samples().map(|s| s.unwrap() as f32 / 32_768.0).collect();
    // The pitch does not matter here: 16 kHz played at 48 kHz.
    let mut payload = [0; 1200];
    let packets: Vec<Vec<u8>> = speech
        .chunks_exact(960)
        .map(|chunk| {
            let n = encoder.encode(chunk, &mut payload).unwrap();
            payload[..n].to_vec()
        })
        .collect();

    let start = Instant::now();
    let pool = Pool::new(260, || VoicePacket::empty(start));
    let mut buffer = JitterBuffer::new(JitterConfig::default(), OpusDecoder::new(7).unwrap(), start);
    let mut late: Vec<(u64, u16, u32, usize)> = Vec::with_capacity(1000);
    for tick in 0..packets.len() as u64 * 2 {
        let now = start + Duration::from_millis(tick * 10);
        // Single losses come back from redundancy, the long one does not.
        let i = (tick / 2) as usize;
        let stalled = (100..200).contains(&i) && i % 50 < 20;
        if tick % 2 == 0 && !stalled && !random.random_bool(0.15) {
            let by = if random.random_bool(0.3) {
                random.random_range(0..12)
            } else {
                0
            };
            late.push((tick + by, i as u16, i as u32 * 960, i));
        }
        late.retain(|&(due, sequence, timestamp, i)| {
            if due > tick {
                return true;
            }
            let mut packet = pool.take().unwrap();
            packet.ssrc = if i < packets.len() / 2 { 1 } else { 2 };
            packet.sequence = SequenceNumber(sequence);
            packet.timestamp = RtpTimestamp(timestamp);
            packet.source = Some(i as u32 / 40);
            assert!(packet.set_payload(&packets[i]));
            for back in [1, 3] {
                if i % 100 > 50 && i >= back {
                    assert!(packet.add_copy(back as u16 * 960, &packets[i - back]));
                }
            }
            let _section = guard::enter(SECTION);
            buffer.insert(packet, now);
            false
        });
        let _section = guard::enter(SECTION);
        buffer.pull(&mut [0.0; 480], now);
    }
    let stats = buffer.stats();
    println!("{stats:?}");
    assert!(
        stats.concealed_samples > 0 && stats.red_samples > 0 && stats.fec_samples > 0 && stats.resets == 1,
        "{stats:?}"
    );
    assert!(
        stats.removed_samples_for_acceleration + stats.inserted_samples_for_deceleration > 0,
        "{stats:?}"
    );
    guard::assert_clean(SECTION);
}
