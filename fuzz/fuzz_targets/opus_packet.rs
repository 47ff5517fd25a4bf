//! A stream of packets from a hostile sender, played by one decoder in every way there is.
//!
//! Input: one byte of decoder settings (complexity in the low four bits, bit 4 stereo, bit 5 bandwidth
//! extension, bits 6-7 rate), then steps: one byte naming the way (low two bits: decode, FEC, DRED, conceal) and
//! the lost time (upper six bits, in units of 2.5 ms), two bytes of packet length (little-endian), the packet.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sidetone_opus::{Channels, Decoder, Dred, Error, SampleRate, packet};
use std::time::Duration;

/// Longer streams only make runs slower: state builds up within a few packets.
const MAX_STEPS: usize = 24;
/// What must not be touched behind the output.
const FENCE: f32 = 1234.5;

fuzz_target!(|data: &[u8]| {
    let Some((&settings, mut rest)) = data.split_first() else {
        return;
    };
    let rate = match settings >> 6 {
        0 | 1 => SampleRate::Hz48000,
        2 => SampleRate::Hz16000,
        _ => SampleRate::Hz8000,
    };
    let channels = if settings & 0x10 == 0 {
        Channels::Mono
    } else {
        Channels::Stereo
    };
    let mut decoder = Decoder::new(rate, channels).expect("memory");
    decoder
        .set_complexity((settings & 0x0F) % 11)
        .expect("complexity is in range");
    decoder
        .set_bandwidth_extension(settings & 0x20 != 0)
        .expect("a switch");
    let mut dred = Dred::new(rate).expect("memory");

    for _ in 0..MAX_STEPS {
        let Some((&[way, low, high], after)) = rest.split_first_chunk() else {
            break;
        };
        let (packet, after) = after.split_at(after.len().min(u16::from_le_bytes([low, high]).into()));
        rest = after;

        let seen = packet::inspect(packet);
        if let Ok(seen) = &seen {
            assert!(seen.duration <= Duration::from_millis(120));
            assert_eq!(seen.frame_duration * seen.frames as u32, seen.duration);
        }
        let quantum = rate.hz() as usize / 400;
        let lost = (usize::from(way >> 2) % 48 + 1) * quantum;
        match way & 3 {
            0 => {
                let samples = packet::samples(packet, rate).unwrap_or(48 * quantum);
                let result = check(channels, samples, |out| decoder.decode(packet, out));
                assert!(
                    seen.is_ok() || result.is_err(),
                    "decoded what cannot be inspected"
                );
            }
            1 => drop(check(channels, lost, |out| decoder.decode_fec(packet, out))),
            2 => {
                let available = dred.parse(packet, lost * 10).unwrap_or(0);
                assert_eq!(available, dred.available());
                assert!(available <= lost * 10);
                check(channels, lost, |out| decoder.decode_dred(&dred, lost * 2, out))
                    .expect("fills the gap");
            }
            _ => {
                check(channels, lost, |out| decoder.conceal(out)).expect("fills the gap");
            }
        }
    }
});

/// Runs one decoding call: it must report the right length, leave finite samples and write nothing past them.
fn check(
    channels: Channels,
    samples: usize,
    run: impl FnOnce(&mut [f32]) -> Result<usize, Error>,
) -> Result<usize, Error> {
    let len = samples * channels.count();
    let mut out = vec![FENCE; len + 16];
    let result = run(&mut out[..len]);
    if let Ok(count) = result {
        assert_eq!(count, samples);
        assert!(out[..len].iter().all(|sample| sample.is_finite()));
    }
    assert!(out[len..].iter().all(|&sample| sample == FENCE));
    result
}
