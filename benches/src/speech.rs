//! Real speech in the shapes that the workloads want.

use sidetone_media::device::convert::resample_all;
use sidetone_media::voice::{BLOCK, Profile, RATE};
use sidetone_opus::{Channels, Encoder, SampleRate};

use crate::Error;

/// Where the recording is loud and without a pause, in seconds from its beginning, and how much of it is taken.
const FROM: usize = 1;
const SECONDS: usize = 4;

/// Four seconds of a woman speaking, in blocks of 10 ms at 48 kHz.
pub fn blocks() -> Result<Vec<[f32; BLOCK]>, Error> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/cli/speech/woman-en.flac");
    let mut reader = claxon::FlacReader::open(path)?;
    let rate = reader.streaminfo().sample_rate;
    let (skip, take) = (FROM * rate as usize, SECONDS * rate as usize);
    let samples = reader.samples().skip(skip).take(take);
    let samples: Vec<f32> = samples
        .map(|sample| sample.map(|sample| sample as f32 / 32_768.0))
        .collect::<Result<_, _>>()?;
    let samples = resample_all(&samples, rate, RATE)?;
    Ok(samples.as_chunks().0.to_vec())
}

/// The same as frames of 20 ms.
pub fn frames() -> Result<Vec<Vec<f32>>, Error> {
    Ok(blocks()?.chunks_exact(2).map(<[_]>::concat).collect())
}

/// The same as packets of 20 ms, coded as calls do by default.
pub fn packets() -> Result<Vec<Vec<u8>>, Error> {
    let mut encoder = encoder(&Profile::BALANCED)?;
    let mut packet = [0; 1275];
    let mut packets = Vec::new();
    for frame in frames()? {
        let length = encoder.encode(&frame, &mut packet)?;
        packets.push(packet[..length].to_vec());
    }
    Ok(packets)
}

/// An encoder as [`sidetone_media::voice::Uplink`] sets it up.
pub fn encoder(profile: &Profile) -> Result<Encoder, Error> {
    let mut encoder = Encoder::new(SampleRate::Hz48000, Channels::Mono, profile.application)?;
    encoder.set_bitrate(profile.bitrate)?;
    encoder.set_complexity(profile.encoder_complexity)?;
    encoder.set_inband_fec(true)?;
    Ok(encoder)
}
