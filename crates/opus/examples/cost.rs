//! What the codec costs on this machine: milliseconds per 20 ms frame of real speech, by setting.
//!
//! `cargo run --release -p sidetone-opus --example cost`
#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;

use common::{FRAME, RATE, VOICES, encoder, packets, speech};
use sidetone_opus::{Bitrate, Dred};
use std::time::{Duration, Instant};

/// Mean and worst time of `work` over all `items`, in ms.
fn timed<T, R>(items: impl IntoIterator<Item = T>, mut work: impl FnMut(T) -> R) -> (f64, f64) {
    let times: Vec<f64> = items
        .into_iter()
        .map(|item| {
            let start = Instant::now();
            std::hint::black_box(work(item));
            start.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    (
        times.iter().sum::<f64>() / times.len() as f64,
        times.into_iter().fold(0.0, f64::max),
    )
}

fn report(what: &str, (mean, worst): (f64, f64)) {
    println!("{what:<44} {mean:6.3} ms   worst {worst:6.3} ms");
}

fn main() {
    let speech: Vec<f32> = VOICES.into_iter().flat_map(speech).collect();
    println!(
        "{}, {} frames of 20 ms, 48 kHz mono",
        sidetone_opus::version(),
        speech.len() / FRAME
    );

    let mut out = [0; 1275];
    for (kbps, complexity, dred) in [
        (24, 5, false),
        (24, 9, false),
        (32, 9, false),
        (32, 9, true),
        (32, 10, true),
    ] {
        let mut encoder = encoder(Bitrate::kbps(kbps));
        encoder.set_complexity(complexity).unwrap();
        encoder.set_packet_loss(20).unwrap();
        encoder.set_inband_fec(true).unwrap();
        encoder
            .set_dred_duration(Duration::from_secs(if dred { 1 } else { 0 }))
            .unwrap();
        let cost = timed(speech.chunks_exact(FRAME), |frame| {
            encoder.encode(frame, &mut out).unwrap()
        });
        let redundancy = if dred { "FEC and DRED" } else { "FEC" };
        report(
            &format!("encode {kbps} kbit/s, complexity {complexity}, {redundancy}"),
            cost,
        );
    }

    let mut encoder = encoder(Bitrate::kbps(32));
    encoder.set_packet_loss(20).unwrap();
    encoder.set_dred_duration(Duration::from_secs(1)).unwrap();
    let coded = packets(&mut encoder, &speech, FRAME);
    let mut pcm = [0.0; FRAME];
    for complexity in [0, 5, 6, 7] {
        let mut decoder = common::decoder(complexity);
        let cost = timed(&coded, |packet| decoder.decode(packet, &mut pcm).unwrap());
        report(&format!("decode, complexity {complexity}"), cost);
    }
    for complexity in [0, 5] {
        let mut decoder = common::decoder(complexity);
        let cost = timed(coded.chunks_exact(5), |packets| {
            for packet in packets {
                decoder.decode(packet, &mut pcm).unwrap();
            }
        });
        let with_loss = timed(coded.chunks_exact(5), |packets| {
            for packet in &packets[..4] {
                decoder.decode(packet, &mut pcm).unwrap();
            }
            decoder.conceal(&mut pcm).unwrap();
        });
        report(
            &format!("conceal one, decode four, complexity {complexity}"),
            with_loss,
        );
        report(&format!("decode five, complexity {complexity}"), cost);
    }
    let mut dred = Dred::new(RATE).unwrap();
    report(
        "read redundancy (1 s)",
        timed(&coded, |packet| dred.parse(packet, 48_000).unwrap()),
    );
    report(
        "read redundancy (100 ms)",
        timed(&coded, |packet| dred.parse(packet, 4_800).unwrap()),
    );
}
