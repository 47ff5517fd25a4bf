//! Lost packets: each way of filling the gap is better than the cheaper one, measured on real speech against
//! what the same decoder says when nothing is lost.
#![allow(clippy::unwrap_used)] // Also in the helpers, which clippy does not count as tests.

mod common;

use common::{
    FRAME, RATE, VOICES, decode_all, decoder, encoder, packets, rms, snr, spectral_distance, speech, spoken,
};
use sidetone_opus::{Bitrate, Decoder, Dred, Encoder, packet};
use std::time::Duration;

/// Fills the gap of `lost` frames before `next`, one 20 ms frame a call.
type Fill<'a> = &'a mut dyn FnMut(&mut Decoder, &[u8], usize, &mut [f32]);

/// Plays `packets` with those in bursts of `burst` out of every `period` lost, filled in by `fill`.
fn play(decoder: &mut Decoder, packets: &[Vec<u8>], lost: &[bool], fill: Fill<'_>) -> Vec<f32> {
    let mut heard = Vec::new();
    let mut out = [0.0; FRAME];
    for (index, packet) in packets.iter().enumerate() {
        if !lost[index] {
            assert_eq!(decoder.decode(packet, &mut out).unwrap(), FRAME);
        } else {
            let ahead = lost[index..].iter().position(|lost| !lost).unwrap();
            fill(decoder, &packets[index + ahead], ahead, &mut out);
        }
        heard.extend_from_slice(&out);
    }
    heard
}

/// Which packets are lost: `burst` out of every `period`, never the last ones.
fn bursts(packets: usize, burst: usize, period: usize) -> Vec<bool> {
    (0..packets)
        .map(|index| index % period >= period - burst && index + period < packets)
        .collect()
}

fn conceal(decoder: &mut Decoder, _: &[u8], _: usize, out: &mut [f32]) {
    assert_eq!(decoder.conceal(out).unwrap(), FRAME);
}

/// A sender that knows of `percent` loss.
fn lossy_encoder(bitrate: Bitrate, percent: u8) -> Encoder {
    let mut encoder = encoder(bitrate);
    encoder.set_packet_loss(percent).unwrap();
    encoder
}

/// Indices of the lost frames in which somebody speaks.
fn judged(clean: &[f32], lost: &[bool]) -> Vec<usize> {
    let frames = spoken(clean, (0..lost.len()).filter(|&index| lost[index]));
    assert!(frames.len() > 30, "too few frames to judge: {}", frames.len());
    frames
}

#[test]
fn in_band_fec_is_closer_to_the_speech_than_concealment() {
    for voice in VOICES {
        let mut encoder = lossy_encoder(Bitrate::kbps(24), 20);
        encoder.set_inband_fec(true).unwrap();
        let coded = packets(&mut encoder, &speech(voice), FRAME);
        let with_fec = coded.iter().filter(|coded| packet::has_fec(coded)).count();
        assert!(
            with_fec * 2 > coded.len(),
            "{voice}: FEC in {with_fec} of {}",
            coded.len()
        );

        let lost = bursts(coded.len(), 1, 7);
        let clean = decode_all(&mut decoder(5), &coded);
        let concealed = play(&mut decoder(5), &coded, &lost, &mut conceal);
        let recovered = play(&mut decoder(5), &coded, &lost, &mut |decoder, next, _, out| {
            assert_eq!(decoder.decode_fec(next, out).unwrap(), FRAME);
        });
        let frames = judged(&clean, &lost);
        let (concealed_snr, recovered_snr) =
            (snr(&clean, &concealed, &frames), snr(&clean, &recovered, &frames));
        let (concealed_far, recovered_far) = (
            spectral_distance(&clean, &concealed, &frames),
            spectral_distance(&clean, &recovered, &frames),
        );
        println!(
            "{voice}: concealed {concealed_snr:.1} dB SNR, {concealed_far:.1} dB spectrum; \
             FEC {recovered_snr:.1} dB SNR, {recovered_far:.1} dB spectrum"
        );
        assert!(
            recovered_snr > concealed_snr + 3.0,
            "{voice}: SNR {recovered_snr} against {concealed_snr}"
        );
        assert!(
            recovered_far < concealed_far * 0.8,
            "{voice}: spectrum {recovered_far} against {concealed_far}"
        );
    }
}

#[test]
fn deep_redundancy_rebuilds_a_burst_that_concealment_cannot() {
    for voice in VOICES {
        let mut encoder = lossy_encoder(Bitrate::kbps(32), 20);
        encoder.set_dred_duration(Duration::from_secs(1)).unwrap();
        let coded = packets(&mut encoder, &speech(voice), FRAME);
        // Bursts of 120 ms.
        let lost = bursts(coded.len(), 6, 25);
        let clean = decode_all(&mut decoder(5), &coded);
        let concealed = play(&mut decoder(5), &coded, &lost, &mut conceal);

        let mut dred = Dred::new(RATE).unwrap();
        let mut rebuilt_frames = 0;
        let rebuilt = play(
            &mut decoder(5),
            &coded,
            &lost,
            &mut |decoder, next, ahead, out| {
                let available = dred.parse(next, 48_000).unwrap();
                assert_eq!(available, dred.available());
                rebuilt_frames += usize::from(dred.covers(ahead * FRAME, FRAME));
                assert_eq!(decoder.decode_dred(&dred, ahead * FRAME, out).unwrap(), FRAME);
            },
        );
        let count = lost.iter().filter(|lost| **lost).count();
        assert!(
            rebuilt_frames * 10 > count * 9,
            "{voice}: {rebuilt_frames} of {count} covered"
        );

        let frames = judged(&clean, &lost);
        let (concealed_far, rebuilt_far) = (
            spectral_distance(&clean, &concealed, &frames),
            spectral_distance(&clean, &rebuilt, &frames),
        );
        println!("{voice}: spectrum off by {concealed_far:.1} dB concealed, {rebuilt_far:.1} dB rebuilt");
        assert!(
            rebuilt_far < concealed_far * 0.7,
            "{voice}: {rebuilt_far} against {concealed_far}"
        );
    }
}

#[test]
fn redundancy_in_the_wrong_place_does_not_help() {
    // Guards the measure above: the same redundancy read half a second off must lose its advantage.
    let mut encoder = lossy_encoder(Bitrate::kbps(32), 20);
    encoder.set_dred_duration(Duration::from_secs(1)).unwrap();
    let coded = packets(&mut encoder, &speech(VOICES[0]), FRAME);
    let lost = bursts(coded.len(), 6, 25);
    let clean = decode_all(&mut decoder(5), &coded);
    let frames = judged(&clean, &lost);
    let mut dred = Dred::new(RATE).unwrap();
    let mut far = |shift: usize| {
        let heard = play(
            &mut decoder(5),
            &coded,
            &lost,
            &mut |decoder, next, ahead, out| {
                dred.parse(next, 48_000).unwrap();
                decoder.decode_dred(&dred, ahead * FRAME + shift, out).unwrap();
            },
        );
        spectral_distance(&clean, &heard, &frames)
    };
    let (right, wrong) = (far(0), far(12_000));
    assert!(right < wrong * 0.7, "{right} in place, {wrong} off");
}

#[test]
fn deep_concealment_differs_from_the_classic_and_keeps_more_of_the_voice() {
    for voice in VOICES {
        let coded = packets(&mut encoder(Bitrate::kbps(24)), &speech(voice), FRAME);
        let lost = bursts(coded.len(), 3, 20);
        let clean = decode_all(&mut decoder(0), &coded);
        let frames = judged(&clean, &lost);
        let far = |complexity| {
            let heard = play(&mut decoder(complexity), &coded, &lost, &mut conceal);
            (spectral_distance(&clean, &heard, &frames), heard)
        };
        let ((classic_far, classic), (deep_far, deep)) = (far(0), far(5));
        println!("{voice}: spectrum off by {classic_far:.1} dB classic, {deep_far:.1} dB deep");
        assert_ne!(classic, deep);
        // At complexity 4 the classic one still runs.
        assert_eq!(far(4).1, classic);
        assert!(
            deep_far < classic_far,
            "{voice}: {deep_far} against {classic_far}"
        );
    }
}

#[test]
fn speech_enhancement_switches_on_at_six_and_seven() {
    let coded = packets(
        &mut encoder(Bitrate::kbps(16)),
        &speech(VOICES[0])[..48_000 * 2],
        FRAME,
    );
    let plain = decode_all(&mut decoder(5), &coded);
    let lace = decode_all(&mut decoder(6), &coded);
    let nolace = decode_all(&mut decoder(7), &coded);
    assert_eq!(decode_all(&mut decoder(0), &coded), plain);
    assert_ne!(plain, lace);
    assert_ne!(lace, nolace);
    let all: Vec<usize> = (0..coded.len()).collect();
    assert!(
        snr(&plain, &nolace, &all) > 3.0,
        "enhanced speech is still the same speech"
    );
}

#[test]
fn concealment_of_a_long_loss_fades_to_silence() {
    for complexity in [0, 5] {
        let pcm = speech(VOICES[0]);
        let coded = packets(&mut encoder(Bitrate::kbps(24)), &pcm[..48_000 * 2], FRAME);
        let mut decoder = decoder(complexity);
        let level = rms(&decode_all(&mut decoder, &coded));
        let mut out = [0.0; FRAME];
        for _ in 0..100 {
            decoder.conceal(&mut out).unwrap();
            assert!(out.iter().all(|sample| sample.abs() < 1.5));
        }
        assert!(
            rms(&out) < level / 30.0,
            "complexity {complexity}: {} after {level}",
            rms(&out)
        );
    }
}

#[test]
fn without_redundancy_the_fillers_conceal() {
    let coded = packets(
        &mut encoder(Bitrate::kbps(24)),
        &speech(VOICES[0])[..48_000 * 2],
        FRAME,
    );
    let lost = bursts(coded.len(), 2, 10);
    let concealed = play(&mut decoder(5), &coded, &lost, &mut conceal);
    let mut dred = Dred::new(RATE).unwrap();
    let rebuilt = play(
        &mut decoder(5),
        &coded,
        &lost,
        &mut |decoder, next, ahead, out| {
            assert_eq!(dred.parse(next, 48_000).unwrap(), 0);
            assert!(!dred.covers(ahead * FRAME, FRAME));
            assert_eq!(decoder.decode_dred(&dred, ahead * FRAME, out).unwrap(), FRAME);
        },
    );
    assert_eq!(rebuilt, concealed);
    assert!(coded.iter().all(|coded| !packet::has_fec(coded)));
}

#[test]
fn a_gap_longer_than_the_fec_is_concealed_in_front() {
    let mut encoder = lossy_encoder(Bitrate::kbps(24), 20);
    encoder.set_inband_fec(true).unwrap();
    let coded = packets(&mut encoder, &speech(VOICES[1])[..48_000 * 3], FRAME);
    let mut decoder = decoder(0);
    let at = (60..coded.len())
        .find(|&index| packet::has_fec(&coded[index]))
        .unwrap();
    for packet in &coded[..at - 2] {
        decoder.decode(packet, &mut [0.0; FRAME]).unwrap();
    }
    let mut gap = [9.0; FRAME * 2];
    assert_eq!(decoder.decode_fec(&coded[at], &mut gap).unwrap(), FRAME * 2);
    assert!(
        gap.iter().all(|sample| sample.abs() < 1.5),
        "all of the gap is written"
    );
    assert_eq!(decoder.last_packet_duration(), FRAME * 2);
}
