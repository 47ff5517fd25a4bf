//! Writes the seeds of the target `opus_packet` from real speech: `cargo run --bin opus_packet_seeds` in `fuzz/`.

use sidetone_opus::{Application, Bitrate, Channels, Encoder, FrameDuration, SampleRate};
use std::error::Error;
use std::fs;
use std::time::Duration;

/// Name, bit rate in kbit/s, frame, decoder settings byte, ways the packets are played in turn.
const SEEDS: [(&str, u32, FrameDuration, u8, &[u8]); 5] = [
    ("silk-60ms", 12, FrameDuration::Ms60, 0x85, &[0]),
    ("silk-fec", 20, FrameDuration::Ms20, 0x07, &[0, 0, 1 | 7 << 2, 0]),
    (
        "hybrid-dred",
        32,
        FrameDuration::Ms20,
        0x05,
        &[0, 0, 2 | 15 << 2, 0],
    ),
    (
        "celt-stereo-lost",
        96,
        FrameDuration::Ms5,
        0x10,
        &[0, 0, 3 | 3 << 2, 0],
    ),
    ("wideband-extended", 14, FrameDuration::Ms10, 0x27, &[0]),
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut reader = claxon::FlacReader::open(format!("{root}/crates/cli/speech/woman-en.flac"))?;
    let speech: Vec<f32> = reader
        .samples()
        .map(|sample| Ok(sample? as f32 / 32_768.0))
        .collect::<claxon::Result<_>>()?;
    let folder = format!("{root}/fuzz/corpus/opus_packet");
    fs::create_dir_all(&folder)?;

    for (name, kbps, duration, settings, ways) in SEEDS {
        let rate = SampleRate::Hz16000;
        let mut encoder = Encoder::new(rate, Channels::Mono, Application::Voip)?;
        encoder.set_bitrate(Bitrate::kbps(kbps))?;
        encoder.set_packet_loss(20)?;
        encoder.set_inband_fec(ways.iter().any(|way| way & 3 == 1))?;
        let dred = ways.iter().any(|way| way & 3 == 2);
        encoder.set_dred_duration(Duration::from_millis(if dred { 400 } else { 0 }))?;
        let mut seed = vec![settings];
        let mut packet = [0; 1275];
        // Half a second in, so that the coder has settled and somebody speaks.
        for (index, frame) in speech.chunks_exact(duration.samples(rate)).enumerate() {
            let bytes = encoder.encode(frame, &mut packet)?;
            let position = duration.duration() * index as u32;
            if position < Duration::from_millis(500) {
                continue;
            }
            if position >= Duration::from_millis(500) + duration.duration() * 8 {
                break;
            }
            seed.push(ways[index % ways.len()]);
            seed.extend_from_slice(&(bytes as u16).to_le_bytes());
            seed.extend_from_slice(&packet[..bytes]);
        }
        fs::write(format!("{folder}/seed-{name}"), &seed)?;
    }
    Ok(())
}
