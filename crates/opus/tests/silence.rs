//! Discontinuous transmission: silence costs next to nothing and ends at the first word.
#![allow(clippy::unwrap_used)] // Also in the helpers, which clippy does not count as tests.

mod common;

use common::{FRAME, VOICES, decode_all, decoder, encoder, packets, rms, speech};
use sidetone_opus::{Bitrate, packet};

#[test]
fn silence_shrinks_to_packets_that_need_not_be_sent() {
    let mut encoder = encoder(Bitrate::kbps(24));
    encoder.set_dtx(true).unwrap();
    let talk = speech(VOICES[0])[..48_000 * 2].to_vec();
    packets(&mut encoder, &talk, FRAME);
    assert!(!encoder.in_dtx());

    let silence = packets(&mut encoder, &vec![0.0; 48_000 * 3], FRAME);
    assert!(encoder.in_dtx());
    // The first 200 ms still go out; after that, an update every 400 ms at most.
    let tiny = silence[20..].iter().filter(|coded| coded.len() <= 2).count();
    assert!(
        tiny * 10 > (silence.len() - 20) * 9,
        "{tiny} of {}",
        silence.len() - 20
    );
    for coded in &silence {
        assert_eq!(
            packet::inspect(coded).unwrap().is_dtx,
            coded.len() <= 2,
            "{} bytes",
            coded.len()
        );
    }

    let again = packets(&mut encoder, &talk[9_600..], FRAME);
    assert!(!encoder.in_dtx());
    assert!(
        again.iter().take(10).any(|coded| coded.len() > 20),
        "speech is sent at once"
    );
}

#[test]
fn without_it_silence_is_sent() {
    let mut encoder = encoder(Bitrate::kbps(24));
    let silence = packets(&mut encoder, &vec![0.0; 48_000], FRAME);
    assert!(!encoder.in_dtx());
    assert!(silence.iter().all(|coded| coded.len() > 2));
}

#[test]
fn tiny_packets_decode_to_quiet() {
    let mut encoder = encoder(Bitrate::kbps(24));
    encoder.set_dtx(true).unwrap();
    let coded = packets(&mut encoder, &vec![0.0; 48_000 * 2], FRAME);
    let heard = decode_all(&mut decoder(5), &coded);
    assert_eq!(heard.len(), coded.len() * FRAME);
    assert!(rms(&heard) < 1e-3, "{}", rms(&heard));
}
