//! Whatever arrives from the network, the decoder answers with the right number of finite samples or an error,
//! never writes past its output, and goes on to decode the next good packet.
#![allow(clippy::unwrap_used)] // Also in the helpers, which clippy does not count as tests.

mod common;

use common::{FRAME, RATE, VOICES, encoder, packets, speech};
use proptest::prelude::*;
use sidetone_opus::{Bitrate, Channels, Decoder, Dred, Error, packet};
use std::sync::OnceLock;
use std::time::Duration;

/// Room behind every output that must stay as it was.
const FENCE: f32 = 1234.5;

/// Real packets of all kinds: speech modes with FEC and DRED, transform mode, silence.
fn real() -> &'static [Vec<u8>] {
    static PACKETS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    PACKETS.get_or_init(|| {
        let speech = &speech(VOICES[1])[..48_000 * 2];
        let mut all = Vec::new();
        for (kbps, samples) in [(12, 2880), (24, 960), (32, 480), (40, 960), (64, 240)] {
            let mut encoder = encoder(Bitrate::kbps(kbps));
            encoder.set_packet_loss(20).unwrap();
            encoder.set_inband_fec(true).unwrap();
            encoder.set_dred_duration(Duration::from_secs(1)).unwrap();
            encoder.set_dtx(true).unwrap();
            all.extend(
                packets(&mut encoder, speech, samples)
                    .into_iter()
                    .skip(10)
                    .step_by(3),
            );
            all.extend(
                packets(&mut encoder, &vec![0.0; 48_000 / 2], samples)
                    .into_iter()
                    .step_by(5),
            );
        }
        all
    })
}

/// Random bytes, and real packets cut, extended, bent and spliced.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let index = || 0..real().len();
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        index().prop_map(|index| real()[index].clone()),
        (index(), any::<prop::sample::Index>())
            .prop_map(|(index, cut)| real()[index][..cut.index(real()[index].len())].to_vec()),
        (index(), prop::collection::vec(any::<u8>(), 1..80)).prop_map(|(index, tail)| [
            real()[index].as_slice(),
            &tail
        ]
        .concat()),
        (
            index(),
            prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)
        )
            .prop_map(|(index, flips)| {
                let mut packet = real()[index].clone();
                for (at, mask) in flips {
                    let at = at.index(packet.len());
                    packet[at] ^= mask;
                }
                packet
            }),
        (index(), index(), any::<prop::sample::Index>()).prop_map(|(head, tail, at)| {
            let at = at.index(real()[head].len());
            let rest = real()[tail].get(at..).unwrap_or_default();
            [&real()[head][..at], rest].concat()
        }),
    ]
}

/// Checks one decoding call: right length, finite, nothing written past the output.
fn check(
    channels: Channels,
    samples: usize,
    run: impl FnOnce(&mut [f32]) -> Result<usize, Error>,
) -> Result<(), TestCaseError> {
    let len = samples * channels.count();
    let mut out = vec![FENCE; len + 64];
    match run(&mut out[..len]) {
        Ok(count) => {
            prop_assert_eq!(count, samples);
            prop_assert!(out[..len].iter().all(|sample| sample.is_finite()));
        }
        Err(error) => {
            let blames_the_packet = matches!(error, Error::InvalidPacket | Error::Internal(_));
            prop_assert!(blames_the_packet, "{}", error);
        }
    }
    prop_assert!(out[len..].iter().all(|&sample| sample == FENCE));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn decoding_is_total(
        stream in prop::collection::vec((hostile(), 0_u8..4, 1_usize..=48), 1..16),
        complexity in 0_u8..=10,
        stereo: bool,
    ) {
        let channels = if stereo { Channels::Stereo } else { Channels::Mono };
        let mut decoder = Decoder::new(RATE, channels).unwrap();
        decoder.set_complexity(complexity).unwrap();
        decoder.set_bandwidth_extension(complexity % 2 == 0).unwrap();
        let mut dred = Dred::new(RATE).unwrap();
        for (packet, how, quanta) in &stream {
            let lost = quanta * 120;
            match how {
                0 => {
                    // A packet whose framing says nothing decodable is refused whatever the room.
                    let samples = packet::samples(packet, RATE).unwrap_or(5760);
                    check(channels, samples, |out| decoder.decode(packet, out))?;
                }
                1 => check(channels, lost, |out| decoder.decode_fec(packet, out))?,
                2 => {
                    let _ = dred.parse(packet, lost * 10);
                    prop_assert!(dred.available() <= lost * 10);
                    check(channels, lost, |out| decoder.decode_dred(&dred, lost * 2, out))?;
                }
                _ => check(channels, lost, |out| decoder.conceal(out))?,
            }
        }
        let good = real().iter().find(|packet| packet::samples(packet, RATE) == Ok(FRAME)).unwrap();
        check(channels, FRAME, |out| {
            let samples = decoder.decode(good, out);
            assert_eq!(samples, Ok(FRAME), "a good packet after bad ones");
            samples
        })?;
    }

    #[test]
    fn inspection_agrees_with_the_decoder(packet in hostile()) {
        let mut decoder = Decoder::new(RATE, Channels::Mono).unwrap();
        let mut out = vec![0.0; 5760];
        match packet::inspect(&packet) {
            Ok(seen) => {
                prop_assert!((1..=48).contains(&seen.frames));
                prop_assert_eq!(seen.frame_duration * seen.frames as u32, seen.duration);
                prop_assert!(seen.duration <= Duration::from_millis(120));
                prop_assert_eq!(seen.has_fec, packet::has_fec(&packet));
                let samples = packet::samples(&packet, RATE).unwrap();
                prop_assert_eq!(Duration::from_micros(samples as u64 * 1000 / 48), seen.duration);
                if let Ok(decoded) = decoder.decode(&packet, &mut out) {
                    prop_assert_eq!(decoded, samples);
                }
            }
            Err(error) => {
                prop_assert_eq!(error, Error::InvalidPacket);
                prop_assert!(decoder.decode(&packet, &mut out).is_err());
            }
        }
    }

    #[test]
    fn redundancy_never_reaches_further_than_it_can(packet in hostile(), max in 0_usize..200_000) {
        let mut dred = Dred::new(RATE).unwrap();
        match dred.parse(&packet, max) {
            Ok(available) => {
                prop_assert_eq!(available, dred.available());
                prop_assert!(available <= max);
                prop_assert!(available == 0 || dred.nearest() < available);
                prop_assert!(!dred.covers(available + 960, 960));
            }
            Err(error) => {
                prop_assert_eq!(error, Error::InvalidPacket);
                prop_assert_eq!(dred.available(), 0);
            }
        }
    }
}
