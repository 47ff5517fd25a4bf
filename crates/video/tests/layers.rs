//! Temporal layers can be left out without a trace, and simulcast layers are streams of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{available, coded, decoded, mean_psnr, pictures, same_samples, size};
use sidetone_video::codec::{Error, Settings, Simulcast};
use sidetone_video::picture::{Pool, Size};
use sidetone_video::scale::Scaler;
use sidetone_video::synthetic::{Camera, Clip, Screen};
use sidetone_video::{Codec, ContentHint, EncodedFrame};
use std::time::Duration;

/// Codecs whose encoder here makes temporal layers.
fn layered() -> impl Iterator<Item = Codec> {
    available().filter(|&codec| codec != Codec::H264)
}

#[test]
fn upper_layers_can_be_left_out() {
    let camera = pictures(&Camera::new(Size::P180, 1), 30.0, 40);
    let screen = pictures(&Screen::new(Size::P180, 1), 15.0, 40);
    for codec in layered() {
        for layers in [2, 3] {
            for (drawn, hint) in [(&camera, ContentHint::Motion), (&screen, ContentHint::Text)] {
                let settings = Settings {
                    temporal_layers: layers,
                    hint,
                    ..Settings::new(Size::P180, 400_000, 30.0)
                };
                let frames = coded(codec, settings, drawn);
                let all = decoded(codec, &frames);
                assert!(
                    mean_psnr(drawn, &all) > 28.0,
                    "{codec} {:.1}",
                    mean_psnr(drawn, &all)
                );
                for top in 0..layers {
                    let kept: Vec<&EncodedFrame> =
                        frames.iter().filter(|frame| frame.temporal <= top).collect();
                    let expected = frames.len().div_ceil(1 << (layers - 1 - top));
                    assert!(
                        kept.len().abs_diff(expected) <= 1,
                        "{codec} {} of {}",
                        kept.len(),
                        frames.len()
                    );
                    let shown = decoded(codec, kept.iter().copied());
                    let mut compared = 0;
                    for picture in &shown {
                        let twin = all.iter().find(|twin| twin.time() == picture.time()).unwrap();
                        assert!(
                            same_samples(picture, twin),
                            "{codec} L{layers} {hint:?} up to {top}: {picture:?}"
                        );
                        compared += 1;
                    }
                    assert_eq!(compared, kept.len());
                }
            }
        }
    }
}

#[test]
fn a_layer_is_joined_at_a_sync_frame_and_left_at_any() {
    let drawn = pictures(&Camera::new(Size::P180, 1), 30.0, 41);
    for codec in layered() {
        let settings = Settings {
            temporal_layers: 3,
            ..Settings::new(Size::P180, 400_000, 30.0)
        };
        let frames = coded(codec, settings, &drawn);
        let all = decoded(codec, &frames);
        let start = frames
            .iter()
            .position(|frame| frame.time > Duration::from_millis(500) && frame.temporal == 1 && frame.sync)
            .expect("a place to join");
        let kept: Vec<_> = frames
            .iter()
            .enumerate()
            .filter(|(at, frame)| frame.temporal == 0 || (*at >= start && frame.temporal <= 1))
            .map(|(_, frame)| frame)
            .collect();
        for picture in decoded(codec, kept) {
            let twin = all.iter().find(|twin| twin.time() == picture.time()).unwrap();
            assert!(same_samples(&picture, twin), "{codec} {picture:?}");
        }
        // What nothing leans on may be lost one by one.
        let odd = frames
            .iter()
            .enumerate()
            .filter(|(at, frame)| !frame.discardable || at % 3 == 0);
        for picture in decoded(codec, odd.map(|(_, frame)| frame)) {
            let twin = all.iter().find(|twin| twin.time() == picture.time()).unwrap();
            assert!(same_samples(&picture, twin), "{codec} {picture:?}");
        }
    }
}

#[test]
fn simulcast_layers_are_streams_of_their_own() {
    let drawn = pictures(&Camera::new(Size::P720, 1), 30.0, 12);
    let settings = [
        Settings::new(Size::P180, 150_000, 30.0),
        Settings::new(Size::P360, 500_000, 30.0),
        Settings::new(Size::P720, 1_500_000, 30.0),
    ];
    for codec in available() {
        let mut simulcast = Simulcast::new(codec, &settings).unwrap();
        let mut frames: [Vec<EncodedFrame>; 3] = Default::default();
        for (number, picture) in drawn.iter().enumerate() {
            match number {
                4 => simulcast.set_on(2, false).unwrap(),
                6 => simulcast.ask_key(0).unwrap(),
                8 => simulcast.set_on(2, true).unwrap(),
                _ => {}
            }
            simulcast
                .encode(picture, |frame| frames[usize::from(frame.layer)].push(frame))
                .unwrap();
        }
        let keys = |layer: usize| -> Vec<Duration> {
            frames[layer]
                .iter()
                .filter(|frame| frame.key)
                .map(|frame| frame.time)
                .collect()
        };
        assert_eq!(keys(0), [drawn[0].time(), drawn[6].time()], "{codec}");
        assert_eq!(keys(1), [drawn[0].time()], "{codec}");
        assert_eq!(keys(2), [drawn[0].time(), drawn[8].time()], "{codec}");
        assert!(
            !frames[2]
                .iter()
                .any(|frame| (4..8).any(|number| frame.time == drawn[number].time()))
        );

        let pool = Pool::new(drawn.len());
        for (layer, settings) in settings.iter().enumerate() {
            let small: Vec<_> = drawn
                .iter()
                .map(|picture| Scaler::new().scaled(picture, settings.size, &pool).unwrap())
                .collect();
            let shown = decoded(codec, &frames[layer]);
            assert_eq!(shown.len(), frames[layer].len());
            let psnr = mean_psnr(&small, &shown);
            assert!(psnr > 34.0, "{codec} layer {layer}: {psnr:.1} dB");
        }
    }
}

#[test]
fn an_odd_last_row_is_left_out_and_the_rest_stays_sharp() {
    let Some(codec) = available().next() else { return };
    let picture = Screen::new(size(321, 181), 1).picture(Duration::ZERO);
    let even = picture.crop(Size::P180.rect()).unwrap();
    let mut simulcast = Simulcast::new(codec, &[Settings::new(Size::P180, 2_000_000, 5.0)]).unwrap();
    let mut frames = Vec::new();
    simulcast.encode(&picture, |frame| frames.push(frame)).unwrap();
    let direct = coded(codec, Settings::new(Size::P180, 2_000_000, 5.0), &[even]);
    assert!(frames == direct, "{codec}: as if it had been even from the start");
}

#[test]
fn simulcast_refuses_what_makes_no_sense() {
    let [small, large] = [Size::P180, Size::P360].map(|size| Settings::new(size, 200_000, 30.0));
    let Some(codec) = available().next() else { return };
    for bad in [&[][..], &[large, small][..], &[small; 4][..]] {
        assert!(matches!(Simulcast::new(codec, bad), Err(Error::Setting { .. })));
    }
    let mut simulcast = Simulcast::new(codec, &[small, large]).unwrap();
    assert!(matches!(simulcast.set_on(2, true), Err(Error::Setting { .. })));
    assert!(matches!(
        simulcast.configure(0, Settings::new(size(800, 600), 200_000, 30.0)),
        Err(Error::Setting { .. })
    ));
    simulcast
        .configure(1, Settings::new(Size::P720, 900_000, 30.0))
        .unwrap();
    let mut sizes = Vec::new();
    simulcast
        .encode(&Camera::new(Size::P720, 1).picture(Duration::ZERO), |frame| {
            sizes.push(frame.size)
        })
        .unwrap();
    assert_eq!(sizes, [Size::P720, Size::P180]);
}
