//! Opus alone, at the efforts that the profiles choose between.

use sidetone_media::voice::Profile;
use sidetone_opus::{Channels, Decoder, SampleRate};

use crate::speech::{encoder, frames, packets};
use crate::{Error, Step, Workload};

/// Samples in 20 ms.
const FRAME: usize = 960;

pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "opus_encode_9",
        operation: "frame of 20 ms, complexity 9",
        per_step: 1,
        warm_up: 25,
        counted: 100,
        make: || encode(9),
    },
    Workload {
        name: "opus_encode_5",
        operation: "frame of 20 ms, complexity 5",
        per_step: 1,
        warm_up: 25,
        counted: 100,
        make: || encode(5),
    },
    Workload {
        name: "opus_decode",
        operation: "frame of 20 ms",
        per_step: 1,
        warm_up: 25,
        counted: 100,
        make: decode,
    },
    Workload {
        name: "opus_conceal",
        operation: "10 ms drawn by the neural network after a good frame",
        per_step: 1,
        warm_up: 25,
        counted: 50,
        make: conceal,
    },
];

fn encode(complexity: u8) -> Result<Step, Error> {
    let mut encoder = encoder(&Profile::BALANCED)?;
    encoder.set_complexity(complexity)?;
    let mut frames = frames()?.into_iter().cycle();
    let mut packet = [0; 1275];
    Ok(Box::new(move |meter| {
        let frame = frames.next().unwrap_or_default();
        let coded = meter.measure(|| encoder.encode(&frame, &mut packet));
        assert!(coded.is_ok_and(|length| length > 2));
    }))
}

fn decoder() -> Result<Decoder, Error> {
    let mut decoder = Decoder::new(SampleRate::Hz48000, Channels::Mono)?;
    decoder.set_complexity(Profile::BALANCED.decoder_complexity)?;
    Ok(decoder)
}

fn decode() -> Result<Step, Error> {
    let mut decoder = decoder()?;
    let mut packets = packets()?.into_iter().cycle();
    let mut out = [0.0; FRAME];
    Ok(Box::new(move |meter| {
        let packet = packets.next().unwrap_or_default();
        let decoded = meter.measure(|| decoder.decode(&packet, &mut out));
        assert!(decoded.is_ok_and(|samples| samples == FRAME));
    }))
}

fn conceal() -> Result<Step, Error> {
    let mut decoder = decoder()?;
    let mut packets = packets()?.into_iter().cycle();
    let mut out = [0.0; FRAME];
    Ok(Box::new(move |meter| {
        let packet = packets.next().unwrap_or_default();
        assert!(decoder.decode(&packet, &mut out).is_ok());
        let concealed = meter.measure(|| decoder.conceal(&mut out[..FRAME / 2]));
        assert!(concealed.is_ok_and(|samples| samples == FRAME / 2));
    }))
}
