//! Measures the codecs: processor time, bit rate and PSNR on a camera-like and a screen-like clip.
//! `cargo run --release -p sidetone-video --features av1,h264,synthetic --example codecs`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use sidetone_video::codec::{self, Effort, Limits, Settings};
use sidetone_video::picture::{Pool, Size};
use sidetone_video::synthetic::{Act, Camera, Clip, Screen};
use sidetone_video::{Codec, ContentHint, quality};
use std::time::Duration;

struct Case {
    name: &'static str,
    clip: Box<dyn Clip>,
    rate: f32,
    bitrate: u32,
    hint: ContentHint,
    frames: u32,
}

/// Processor time of this process.
fn cpu() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: a clock id and a place for the answer.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn main() {
    println!(
        "{:<22} {:<5} {:<6} {:>8} {:>7} {:>7} {:>8} {:>7} {:>8} {:>7} {:>6} {:>5}",
        "clip",
        "codec",
        "effort",
        "ms/frame",
        "worst",
        "key ms",
        "kbit/s",
        "PSNR",
        "key kB",
        "key dB",
        "dec ms",
        "drop"
    );
    let screen = |script: &[(Act, u64)]| {
        let script = script
            .iter()
            .map(|&(act, ms)| (act, Duration::from_millis(ms)))
            .collect();
        Screen::with_script(Size::P1080, 1, script)
    };
    let text = |name, clip| Case {
        name,
        clip: Box::new(clip),
        rate: 15.0,
        bitrate: 2_000_000,
        hint: ContentHint::Text,
        frames: 90,
    };
    let cases = [
        text("screen 1080p15", Screen::new(Size::P1080, 1)),
        text("typing 1080p15", screen(&[(Act::Typing, 60_000)])),
        Case {
            frames: 15,
            ..text("still 1080p15", screen(&[]))
        },
        Case {
            name: "camera 720p30",
            clip: Box::new(Camera::new(Size::P720, 1)),
            rate: 30.0,
            bitrate: 1_500_000,
            hint: ContentHint::Motion,
            frames: 90,
        },
    ];
    for Case {
        name,
        clip,
        rate,
        bitrate,
        hint,
        frames,
    } in &cases
    {
        let pictures: Vec<_> = (0..*frames)
            .map(|number| clip.picture(Duration::from_secs_f32(number as f32 / rate)))
            .collect();
        for codec in Codec::ALL.into_iter().filter(|codec| codec.is_available()) {
            for effort in [Effort::Least, Effort::Usual, Effort::Most] {
                let settings = Settings {
                    hint: *hint,
                    effort,
                    ..Settings::new(clip.size(), *bitrate, *rate)
                };
                let mut encoder = codec::encoder(codec, settings).unwrap();
                let mut decoder = codec::decoder(codec, Limits::default()).unwrap();
                let pool = Pool::new(2);
                let (mut spent, mut worst, mut first) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
                let (mut bytes, mut dropped, mut decoding) = (0, 0, Duration::ZERO);
                let (mut psnr, mut key) = (Vec::new(), (0, 0.0));
                for (number, picture) in pictures.iter().enumerate() {
                    let before = cpu();
                    let frame = encoder.encode(picture, number == 0).unwrap();
                    let took = cpu() - before;
                    if number == 0 {
                        first = took
                    } else {
                        worst = worst.max(took)
                    }
                    spent += took;
                    let Some(frame) = frame else {
                        dropped += 1;
                        continue;
                    };
                    bytes += frame.data.len();
                    let before = cpu();
                    let shown = decoder.decode(&frame.data, frame.time, &pool).unwrap().unwrap();
                    decoding += cpu() - before;
                    let quality = quality::psnr(picture, &shown).unwrap();
                    if number == 0 {
                        key = (frame.data.len(), quality);
                    }
                    psnr.push(quality);
                }
                let ms = |time: Duration| time.as_secs_f64() * 1000.0;
                println!(
                    "{name:<22} {:<5} {:<6} {:>8.2} {:>7.1} {:>7.1} {:>8.0} {:>7.2} {:>8.1} {:>7.1} {:>6.2} {dropped:>5}",
                    codec.name(),
                    format!("{effort:?}"),
                    ms(spent) / f64::from(*frames),
                    ms(worst),
                    ms(first),
                    bytes as f64 * 8.0 / 1000.0 / (f64::from(*frames) / f64::from(*rate)),
                    psnr.iter().sum::<f64>() / psnr.len() as f64,
                    key.0 as f64 / 1000.0,
                    key.1,
                    ms(decoding) / psnr.len() as f64,
                );
            }
        }
    }
}
