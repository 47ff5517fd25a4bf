//! What is coded comes back: sharp enough, within the bit rate, for every codec of this build.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{available, bitrate, coded, decoded, encode_all, mean_psnr, pictures, same_samples, size};
use sidetone_video::codec::{self, Effort, Error, Settings};
use sidetone_video::picture::{self, ColourSpace, Matrix, Picture, Range, Size};
use sidetone_video::synthetic::{Act, Camera, Clip, Screen};
use sidetone_video::{Codec, ContentHint};
use std::time::Duration;

#[test]
fn a_camera_comes_back() {
    let drawn = pictures(&Camera::new(Size::P360, 1), 30.0, 30);
    for codec in available() {
        let frames = coded(codec, Settings::new(Size::P360, 800_000, 30.0), &drawn);
        assert!(frames[0].key && !frames[1].key, "{codec}");
        assert!(frames.len() >= 28, "{codec} left out {}", 30 - frames.len());
        let shown = decoded(codec, &frames);
        assert_eq!(shown.len(), frames.len(), "{codec}");
        let psnr = mean_psnr(&drawn, &shown);
        println!("camera {codec} {psnr:.1} dB");
        assert!(psnr > 39.0, "{codec}: {psnr:.1} dB");
        for (frame, shown) in frames.iter().zip(&shown) {
            assert_eq!(
                (frame.codec, frame.size, frame.time),
                (codec, Size::P360, shown.time())
            );
            assert!(frame.quantizer > 0 || codec == Codec::H264);
        }
    }
}

#[test]
fn text_comes_back_sharp() {
    let clip = Screen::with_script(Size::P720, 1, vec![(Act::Typing, Duration::from_secs(10))]);
    let drawn = pictures(&clip, 15.0, 30);
    for codec in available() {
        let settings = Settings {
            hint: ContentHint::Text,
            ..Settings::new(Size::P720, 1_500_000, 15.0)
        };
        let frames = coded(codec, settings, &drawn);
        let shown = decoded(codec, &frames);
        // At once readable, then refined to visually lossless.
        let (first, last) = (
            mean_psnr(&drawn, &shown[..1]),
            mean_psnr(&drawn, &shown[shown.len() - 1..]),
        );
        println!(
            "text {codec} {} bytes, {first:.1} dB, later {last:.1} dB",
            frames[0].data.len()
        );
        let (at_once, later) = match codec {
            Codec::Vp8 => (34.0, 44.0),
            Codec::Vp9 => (38.0, 50.0),
            Codec::Av1 => (50.0, 52.0),
            Codec::H264 => (30.0, 40.0),
        };
        assert!(first > at_once, "{codec}: {first:.1} dB");
        assert!(last > later, "{codec}: {last:.1} dB");
        // 300 ms at the bit rate.
        assert!(
            frames[0].data.len() < 1_500_000 / 8 * 3 / 10,
            "{codec}: {}",
            frames[0].data.len()
        );
    }
}

#[test]
fn the_bit_rate_is_kept_and_changes_without_a_key_frame() {
    let drawn = pictures(&Camera::new(Size::P360, 2), 30.0, 180);
    for codec in available() {
        let mut settings = Settings::new(Size::P360, 600_000, 30.0);
        let mut encoder = codec::encoder(codec, settings).unwrap();
        let two_seconds = Duration::from_secs(2);
        let first = bitrate(&encode_all(encoder.as_mut(), &drawn[..60]), two_seconds);
        settings.bitrate = 200_000;
        encoder.configure(settings).unwrap();
        assert_eq!(encoder.settings().bitrate, 200_000);
        let settling = encode_all(encoder.as_mut(), &drawn[60..120]);
        let second = encode_all(encoder.as_mut(), &drawn[120..]);
        assert!(!settling.iter().chain(&second).any(|frame| frame.key), "{codec}");
        let second = bitrate(&second, two_seconds);
        println!("{codec}: {first:.0} for 600000, {second:.0} for 200000 bit/s");
        assert!(
            (420_000.0..720_000.0).contains(&first),
            "{codec}: {first:.0} bit/s"
        );
        assert!(
            (140_000.0..260_000.0).contains(&second),
            "{codec}: {second:.0} bit/s"
        );
    }
}

#[test]
fn a_key_frame_comes_when_asked_for() {
    let drawn = pictures(&Camera::new(Size::P180, 3), 30.0, 20);
    for codec in available() {
        let mut encoder = codec::encoder(codec, Settings::new(Size::P180, 300_000, 30.0)).unwrap();
        let mut frames = encode_all(encoder.as_mut(), &drawn[..12]);
        let key = encoder.encode(&drawn[12], true).unwrap().expect("not left out");
        assert!(key.key, "{codec}");
        assert!(!frames[1..].iter().any(|frame| frame.key));
        frames.push(key);
        frames.extend(encode_all(encoder.as_mut(), &drawn[13..]));
        // Somebody who comes in there sees the same as somebody who saw everything.
        let at = frames.iter().rposition(|frame| frame.key).unwrap();
        let (all, late) = (decoded(codec, &frames), decoded(codec, &frames[at..]));
        for (all, late) in all[at..].iter().zip(&late) {
            assert!(same_samples(all, late), "{codec} at {:?}", late.time());
        }
    }
}

#[test]
fn the_size_changes_on_the_run() {
    for codec in available() {
        let mut encoder = codec::encoder(codec, Settings::new(Size::P360, 500_000, 30.0)).unwrap();
        let mut frames = Vec::new();
        // Down, up beyond the first, and to odd ones.
        let sizes = [Size::P360, Size::P180, Size::P720, size(322, 182), Size::P360];
        for (number, &size) in sizes.iter().enumerate() {
            encoder.configure(Settings::new(size, 500_000, 30.0)).unwrap();
            let clip = Camera::new(size, 1);
            for step in 0..3 {
                let picture = clip.picture(Duration::from_millis(number as u64 * 100 + step * 33));
                let frame = encoder.encode(&picture, false).unwrap();
                assert!(
                    step > 0 || frame.as_ref().is_some_and(|frame| frame.key),
                    "{codec} {size}"
                );
                frames.extend(frame);
            }
        }
        for (frame, shown) in frames.iter().zip(decoded(codec, &frames)) {
            assert_eq!(frame.size, shown.size(), "{codec}");
        }
    }
}

#[test]
fn odd_and_tiny_sizes_come_back() {
    for codec in available().filter(|&codec| codec != Codec::H264) {
        for (width, height) in [(1, 1), (2, 2), (15, 17), (161, 91), (16, 1), (1, 16)] {
            let size = size(width, height);
            let mut picture = Picture::black(size);
            picture.fill([120, 100, 150]);
            let settings = Settings::new(size, 100_000, 30.0);
            let frames = coded(codec, settings, &[picture.clone()]);
            let shown = decoded(codec, &frames);
            assert_eq!(shown[0].size(), size, "{codec}");
            let psnr = mean_psnr(&[picture], &shown);
            assert!(psnr > 30.0, "{codec} {size}: {psnr:.1} dB");
        }
    }
}

#[test]
fn the_meaning_of_samples_goes_along() {
    let wide = ColourSpace {
        matrix: Matrix::Bt709,
        range: Range::Full,
    };
    let mut drawn = pictures(&Camera::new(Size::P180, 1), 30.0, 2);
    drawn.iter_mut().for_each(|picture| picture.set_colour(wide));
    for codec in available() {
        for colour in [ColourSpace::default(), wide] {
            let settings = Settings {
                colour,
                ..Settings::new(Size::P180, 300_000, 30.0)
            };
            let shown = decoded(codec, &coded(codec, settings, &drawn));
            let told = matches!(codec, Codec::Vp9 | Codec::Av1);
            let wanted = if told { colour } else { ColourSpace::default() };
            assert_eq!(shown[1].colour(), wanted, "{codec}");
        }
    }
}

#[test]
fn a_hint_and_an_effort_change_on_the_run() {
    let drawn = pictures(&Screen::new(Size::P360, 1), 15.0, 6);
    for codec in available() {
        let mut settings = Settings::new(Size::P360, 500_000, 15.0);
        let mut encoder = codec::encoder(codec, settings).unwrap();
        let mut frames = encode_all(encoder.as_mut(), &drawn[..2]);
        settings.hint = ContentHint::Text;
        settings.effort = Effort::Least;
        settings.threads = 2;
        encoder.configure(settings).unwrap();
        frames.extend(encode_all(encoder.as_mut(), &drawn[2..4]));
        settings.effort = Effort::Most;
        settings.temporal_layers = 2;
        encoder.configure(settings).unwrap();
        frames.extend(encode_all(encoder.as_mut(), &drawn[4..]));
        let shown = decoded(codec, &frames);
        assert_eq!(shown.len(), frames.len(), "{codec}");
        assert!(mean_psnr(&drawn, &shown) > 25.0, "{codec}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for codec in available() {
        let good = Settings::new(Size::P180, 300_000, 30.0);
        let mut encoder = codec::encoder(codec, good).unwrap();
        for bad in [
            Settings { bitrate: 0, ..good },
            Settings {
                frame_rate: f32::NAN,
                ..good
            },
            Settings {
                frame_rate: 0.0,
                ..good
            },
            Settings {
                temporal_layers: 0,
                ..good
            },
            Settings {
                temporal_layers: 4,
                ..good
            },
            Settings { threads: 0, ..good },
        ] {
            assert!(matches!(codec::encoder(codec, bad), Err(Error::Setting { .. })));
            assert!(matches!(encoder.configure(bad), Err(Error::Setting { .. })));
        }
        assert_eq!(*encoder.settings(), good);
        assert!(matches!(
            encoder.encode(&Picture::black(Size::P360), false),
            Err(Error::Picture(picture::Error::OtherSize { .. }))
        ));
        assert!(
            encoder
                .encode(&Picture::black(Size::P180), false)
                .unwrap()
                .is_some()
        );
    }
}

#[test]
fn a_codec_that_is_not_built_in_says_so() {
    for codec in Codec::ALL.into_iter().filter(|codec| !codec.is_available()) {
        let refused = codec::encoder(codec, Settings::new(Size::P180, 300_000, 30.0)).err();
        assert_eq!(refused, Some(Error::Unavailable(codec)));
        assert_eq!(
            codec::decoder(codec, codec::Limits::default()).err(),
            Some(Error::Unavailable(codec))
        );
    }
}
