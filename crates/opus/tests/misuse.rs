//! Callers' mistakes come back as errors that say what was wrong, and change nothing.
#![allow(clippy::unwrap_used)] // Also in the helpers, which clippy does not count as tests.

mod common;

use common::{FRAME, RATE, VOICES, decoder, encoder, packets, speech};
use proptest::prelude::*;
use sidetone_opus::{
    Application, Bitrate, Channels, Decoder, Dred, Encoder, Error, FrameDuration, MAX_DRED, SampleRate,
};
use std::time::Duration;

#[test]
fn settings_out_of_range_are_refused() {
    let mut encoder = encoder(Bitrate::kbps(24));
    assert!(matches!(
        encoder.set_complexity(11),
        Err(Error::Setting {
            name: "complexity",
            value: 11
        })
    ));
    assert!(matches!(
        encoder.set_packet_loss(101),
        Err(Error::Setting {
            name: "packet loss",
            value: 101
        })
    ));
    assert!(matches!(
        encoder.set_bitrate(Bitrate(0)),
        Err(Error::Setting {
            name: "bit rate",
            value: 0
        })
    ));
    assert!(matches!(
        encoder.set_bitrate(Bitrate(u32::MAX)),
        Err(Error::Setting { .. })
    ));
    assert!(encoder.set_dred_duration(MAX_DRED).is_ok());
    assert!(
        encoder
            .set_dred_duration(MAX_DRED + Duration::from_millis(10))
            .is_err()
    );
    assert!(encoder.set_dred_duration(Duration::MAX).is_err());
    assert!(decoder(0).set_complexity(11).is_err());
}

#[test]
fn input_must_be_one_frame_of_numbers() {
    let mut encoder = encoder(Bitrate::kbps(24));
    let mut out = [0; 1275];
    let wrong = Error::FrameLength {
        got: 961,
        channels: 1,
        rate: 48_000,
    };
    assert_eq!(encoder.encode(&[0.0; 961], &mut out), Err(wrong));
    assert!(encoder.encode(&[], &mut out).is_err());
    assert_eq!(
        encoder.encode(&[0.0; FRAME], &mut []),
        Err(Error::OutputTooSmall { needed: 1, got: 0 })
    );
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut pcm = [0.0; FRAME];
        pcm[700] = bad;
        assert_eq!(encoder.encode(&pcm, &mut out), Err(Error::NotFinite));
    }
    let mut stereo = Encoder::new(RATE, Channels::Stereo, Application::Voip).unwrap();
    assert!(stereo.encode(&[0.0; FRAME * 2 + 1], &mut out).is_err());
    assert!(stereo.encode(&[0.0; FRAME * 2], &mut out).is_ok());
}

#[test]
fn loud_input_passes_and_leaves_the_coder_healthy() {
    let mut encoder = encoder(Bitrate::kbps(24));
    encoder.set_packet_loss(20).unwrap();
    encoder.set_dred_duration(Duration::from_secs(1)).unwrap();
    let mut decoder = decoder(7);
    let mut coded = [0; 1275];
    let mut out = [0.0; FRAME];
    let speech = speech(VOICES[0]);
    for loudness in [1.0, 10.0, 1e6, 1e30, f32::MAX, 1.0] {
        for frame in speech.chunks_exact(FRAME).take(40) {
            let frame: Vec<f32> = frame.iter().map(|sample| sample * loudness).collect();
            let bytes = encoder.encode(&frame, &mut coded).unwrap();
            decoder.decode(&coded[..bytes], &mut out).unwrap();
            assert!(out.iter().all(|sample| sample.is_finite()));
        }
    }
}

#[test]
fn room_for_the_result_is_checked_before_decoding() {
    let coded = packets(
        &mut encoder(Bitrate::kbps(24)),
        &speech(VOICES[0])[..48_000],
        FRAME,
    );
    let mut decoder = decoder(0);
    let mut short = [7.0; FRAME - 1];
    let expected = Error::OutputTooSmall {
        needed: FRAME,
        got: FRAME - 1,
    };
    assert_eq!(decoder.decode(&coded[30], &mut short), Err(expected));
    assert!(short.iter().all(|&sample| sample == 7.0));
    assert_eq!(decoder.decode(&[], &mut [0.0; FRAME]), Err(Error::InvalidPacket));
}

#[test]
fn a_lost_stretch_is_a_multiple_of_two_and_a_half_milliseconds() {
    let mut decoder = decoder(0);
    for samples in [0, 1, 119, 121, 5760 + 120] {
        let mut out = vec![0.0; samples];
        assert_eq!(decoder.conceal(&mut out), Err(Error::LostLength { got: samples }));
    }
    for samples in [120, 600, 1440, 5760] {
        assert_eq!(decoder.conceal(&mut vec![0.0; samples]), Ok(samples));
    }
}

#[test]
fn redundancy_of_another_rate_is_refused() {
    let dred = Dred::new(SampleRate::Hz16000).unwrap();
    let expected = Error::RateMismatch {
        dred: 16_000,
        decoder: 48_000,
    };
    assert_eq!(
        decoder(5).decode_dred(&dred, 960, &mut [0.0; FRAME]),
        Err(expected)
    );
}

#[test]
fn coders_move_between_threads() {
    fn send<T: Send>(_: T) {}
    send(encoder(Bitrate::kbps(24)));
    send(decoder(0));
    send(Dred::new(RATE).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However small the room, a packet stays inside it and still decodes.
    #[test]
    fn packets_fit_the_room_given(room in 1_usize..200, start in 0_usize..400, duration in 0_usize..6) {
        let speech = speech_once();
        let samples = FrameDuration::ALL[duration].samples(RATE);
        let mut encoder = encoder(Bitrate::kbps(64));
        let mut out = vec![0xAA; room + 8];
        let mut decoder = decoder(0);
        for frame in speech[start * FRAME..].chunks_exact(samples).take(8) {
            match encoder.encode(frame, &mut out[..room]) {
                Ok(bytes) => {
                    prop_assert!(bytes <= room);
                    prop_assert_eq!(decoder.decode(&out[..bytes], &mut vec![0.0; samples]).unwrap(), samples);
                }
                Err(error) => prop_assert!(matches!(error, Error::OutputTooSmall { .. }), "{}", error),
            }
            prop_assert!(out[room..].iter().all(|&byte| byte == 0xAA));
        }
    }
}

/// Proptest calls this for every case, and reading the file is slow.
fn speech_once() -> &'static [f32] {
    static SPEECH: std::sync::OnceLock<Vec<f32>> = std::sync::OnceLock::new();
    SPEECH.get_or_init(|| speech(VOICES[0]))
}

#[test]
fn errors_are_plain_sentences() {
    assert_eq!(Error::InvalidPacket.to_string(), "not a valid Opus packet");
    let refused = Decoder::new(RATE, Channels::Mono)
        .unwrap()
        .set_complexity(99)
        .unwrap_err();
    assert_eq!(refused.to_string(), "complexity cannot be 99");
}
