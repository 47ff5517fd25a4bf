//! Speech survives encoding and decoding: shape, delay, length and rate are as promised.
#![allow(clippy::unwrap_used)] // Also in the helpers, which clippy does not count as tests.

mod common;

use common::{FRAME, RATE, VOICES, decode_all, decoder, delay, encoder, packets, rms, speech};
use sidetone_opus::{
    Application, Bandwidth, Bitrate, Channels, Decoder, Encoder, FrameDuration, SampleRate, packet,
};

#[test]
fn speech_keeps_its_shape_at_every_bit_rate_and_frame_duration() {
    for voice in VOICES {
        let pcm = &speech(voice)[..48_000 * 4];
        let mut last = 0.0;
        for (kbps, least) in [(12, 0.7), (24, 0.85), (32, 0.9), (64, 0.92)] {
            for duration in [FrameDuration::Ms10, FrameDuration::Ms20, FrameDuration::Ms60] {
                let mut encoder = encoder(Bitrate::kbps(kbps));
                let coded = packets(&mut encoder, pcm, duration.samples(RATE));
                let heard = decode_all(&mut decoder(0), &coded);
                assert_eq!(heard.len(), coded.len() * duration.samples(RATE));
                let (_, likeness) = delay(pcm, &heard, 480);
                assert!(likeness > least, "{voice} {kbps} kbit/s {duration:?}: {likeness}");
                let level = 20.0 * (rms(&heard) / rms(&pcm[..heard.len()])).log10();
                assert!(
                    level.abs() < 1.0,
                    "{voice} {kbps} kbit/s {duration:?}: level {level} dB"
                );
                if duration == FrameDuration::Ms20 {
                    assert!(
                        likeness > last,
                        "{voice}: more bits, less likeness at {kbps} kbit/s"
                    );
                    last = likeness;
                }
            }
        }
    }
}

#[test]
fn every_frame_duration_decodes_to_its_own_length_at_every_rate() {
    for rate in SampleRate::ALL {
        for duration in FrameDuration::ALL {
            for channels in [Channels::Mono, Channels::Stereo] {
                let mut encoder = Encoder::new(rate, channels, Application::Audio).unwrap();
                let mut decoder = Decoder::new(rate, channels).unwrap();
                let pcm = vec![0.1; duration.samples(rate) * channels.count()];
                let mut coded = [0; 4000];
                let bytes = encoder.encode(&pcm, &mut coded).unwrap();
                let mut out = vec![9.0; pcm.len() + 1];
                assert_eq!(
                    decoder.decode(&coded[..bytes], &mut out).unwrap(),
                    duration.samples(rate)
                );
                assert_eq!(out[pcm.len()], 9.0, "wrote past the packet's end");
                assert_eq!(decoder.last_packet_duration(), duration.samples(rate));
                assert_eq!(
                    packet::inspect(&coded[..bytes]).unwrap().duration,
                    duration.duration()
                );
            }
        }
    }
}

#[test]
fn lookahead_is_the_delay_that_is_heard() {
    let pcm = &speech(VOICES[0])[..48_000 * 3];
    for application in [Application::Voip, Application::Audio, Application::LowDelay] {
        let mut encoder = Encoder::new(RATE, Channels::Mono, application).unwrap();
        encoder.set_bitrate(Bitrate::kbps(96)).unwrap();
        let coded = packets(&mut encoder, pcm, FRAME);
        let heard = decode_all(&mut decoder(0), &coded);
        let (measured, likeness) = delay(pcm, &heard, 600);
        // The conversation mode takes the lowest bass out, which costs some likeness.
        assert!(likeness > 0.93, "{application:?}: {likeness}");
        // A sample or two of dispersion: the delay of a codec is not the same at every frequency.
        let expected = encoder.lookahead();
        assert!(
            measured.abs_diff(expected) <= 2,
            "{application:?}: {measured}, promised {expected}"
        );
    }
}

#[test]
fn the_bit_rate_set_is_the_bit_rate_sent() {
    let pcm = speech(VOICES[1]);
    for kbps in [16, 24, 32, 48] {
        let mut encoder = encoder(Bitrate::kbps(kbps));
        let coded = packets(&mut encoder, &pcm, FRAME);
        let bits = coded.iter().map(|packet| packet.len() * 8).sum::<usize>() as f64;
        let sent = bits / (coded.len() as f64 * 0.02) / 1000.0;
        // Variable rate: pauses and easy sounds cost less, hard ones a little more.
        assert!(
            (0.6..1.15).contains(&(sent / f64::from(kbps))),
            "{kbps} kbit/s set, {sent} sent"
        );

        encoder.set_vbr(false).unwrap();
        encoder.reset();
        let sizes: Vec<usize> = packets(&mut encoder, &pcm[..48_000 * 2], FRAME)
            .iter()
            .map(Vec::len)
            .collect();
        let size = kbps as usize * 1000 / 8 / 50;
        assert!(
            sizes.iter().all(|&bytes| bytes == size),
            "constant rate of {size} bytes: {sizes:?}"
        );
    }
}

#[test]
fn stereo_keeps_its_sides_apart() {
    let left = &speech(VOICES[0])[..48_000 * 3];
    let interleaved: Vec<f32> = left.iter().flat_map(|&sample| [sample, 0.0]).collect();
    let mut encoder = Encoder::new(RATE, Channels::Stereo, Application::Audio).unwrap();
    encoder.set_bitrate(Bitrate::kbps(96)).unwrap();
    let coded = packets(&mut encoder, &interleaved, FRAME * 2);
    let mut decoder = Decoder::new(RATE, Channels::Stereo).unwrap();
    let mut out = [0.0; FRAME * 2];
    let (mut left_out, mut right_out) = (Vec::new(), Vec::new());
    for packet in &coded {
        assert_eq!(decoder.decode(packet, &mut out).unwrap(), FRAME);
        left_out.extend(out.chunks_exact(2).map(|pair| pair[0]));
        right_out.extend(out.chunks_exact(2).map(|pair| pair[1]));
    }
    assert!(delay(left, &left_out, 480).1 > 0.97);
    assert!(
        rms(&right_out) < 0.05 * rms(&left_out),
        "{} against {}",
        rms(&right_out),
        rms(&left_out)
    );
}

#[test]
fn a_limit_on_bandwidth_holds() {
    let pcm = &speech(VOICES[0])[..48_000];
    for limit in [Bandwidth::Narrow, Bandwidth::Wide, Bandwidth::Full] {
        let mut encoder = encoder(Bitrate::kbps(48));
        encoder.set_max_bandwidth(limit).unwrap();
        for coded in packets(&mut encoder, pcm, FRAME) {
            assert!(packet::inspect(&coded).unwrap().bandwidth <= limit);
        }
    }
}

#[test]
fn pitch_follows_the_voice() {
    let mut encoder = encoder(Bitrate::kbps(24));
    let coded = packets(&mut encoder, &speech("man-it"), FRAME);
    let mut decoder = decoder(0);
    let mut out = [0.0; FRAME];
    let mut periods: Vec<usize> = coded
        .iter()
        .filter_map(|packet| {
            decoder.decode(packet, &mut out).unwrap();
            decoder.pitch().filter(|_| rms(&out) > 0.05)
        })
        .collect();
    periods.sort_unstable();
    let hz = 48_000 / periods[periods.len() / 2];
    assert!((80..250).contains(&hz), "median pitch of a man's voice: {hz} Hz");
}

#[test]
fn reset_makes_the_coder_as_new() {
    let pcm = &speech(VOICES[0])[..48_000];
    let mut encoder = encoder(Bitrate::kbps(24));
    let first = packets(&mut encoder, pcm, FRAME);
    encoder.reset();
    assert_eq!(packets(&mut encoder, pcm, FRAME), first);

    let mut decoder = decoder(0);
    let heard = decode_all(&mut decoder, &first);
    decoder.reset();
    assert_eq!(decode_all(&mut decoder, &first), heard);
}

#[test]
fn the_library_names_itself() {
    assert!(
        sidetone_opus::version().starts_with("libopus 1.6"),
        "{}",
        sidetone_opus::version()
    );
}
