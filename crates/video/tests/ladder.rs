//! What is chosen for a budget: never more than there is, calm, and back at full quality in time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use sidetone_video::codec::{ContentHint, Effort, Settings};
use sidetone_video::ladder::{Budget, Ladder, Refinement, Source, share_out, simulcast_layers};
use sidetone_video::picture::{ColourSpace, Size};
use sidetone_video::{Codec, EncodedFrame};
use std::time::Duration;

fn camera() -> Source {
    Source {
        size: Size::P720,
        frame_rate: 30.0,
        hint: ContentHint::Motion,
        temporal_layers: 1,
        colour: ColourSpace::default(),
    }
}

fn screen() -> Source {
    Source {
        size: Size::P1080,
        frame_rate: 15.0,
        hint: ContentHint::Text,
        temporal_layers: 2,
        colour: ColourSpace::default(),
    }
}

fn budget(bitrate: u32) -> Budget {
    Budget {
        bitrate,
        shown_at: None,
        encode_time: None,
        cpu: 0.5,
    }
}

fn at(tenths: u64) -> Duration {
    Duration::from_millis(tenths * 100)
}

/// The plan after the budget has been the same for three seconds.
fn settled(ladder: &mut Ladder, budget: &Budget, from: u64) -> Settings {
    (0..=30)
        .map(|step| ladder.decide(budget, at(from + step)))
        .last()
        .unwrap()
}

#[test]
fn movement_keeps_its_frame_rate_and_gives_up_size() {
    let heights: Vec<(u32, f32)> = [3_000_000, 900_000, 600_000, 300_000, 150_000, 60_000]
        .into_iter()
        .map(|bitrate| {
            let plan = Ladder::new(Codec::Vp8, camera(), 1).decide(&budget(bitrate), at(0));
            (plan.size.height(), plan.frame_rate)
        })
        .collect();
    assert_eq!(
        heights,
        [
            (720, 30.0),
            (720, 30.0),
            (540, 30.0),
            (360, 30.0),
            (240, 30.0),
            (180, 15.0)
        ]
    );
}

#[test]
fn text_keeps_its_size_and_gives_up_frame_rate() {
    let plans: Vec<(u32, f32)> = [3_000_000, 2_000_000, 1_000_000, 300_000, 140_000]
        .into_iter()
        .map(|bitrate| {
            let plan = Ladder::new(Codec::Vp8, screen(), 1).decide(&budget(bitrate), at(0));
            (plan.size.height(), plan.frame_rate)
        })
        .collect();
    assert_eq!(
        plans,
        [(1080, 15.0), (1080, 15.0), (1080, 7.5), (1080, 2.0), (1080, 1.0)]
    );
    // A better codec buys frames.
    let plan = Ladder::new(Codec::Av1, screen(), 1).decide(&budget(1_000_000), at(0));
    assert_eq!(plan.frame_rate, 10.0);
}

#[test]
fn a_screen_is_not_scaled_while_it_is_not_huge() {
    let size = |width, height, codec| {
        let source = Source {
            size: Size::new(width, height).unwrap(),
            ..screen()
        };
        let plan = Ladder::new(codec, source, 1).decide(&budget(3_000_000), at(0));
        (plan.size.width(), plan.size.height())
    };
    assert_eq!(size(1920, 1200, Codec::Vp8), (1920, 1200));
    assert_eq!(size(1367, 769, Codec::Vp8), (1367, 769));
    assert_eq!(size(1367, 769, Codec::H264), (1366, 768));
    assert_eq!(size(3840, 2160, Codec::Av1), (1920, 1080));
}

#[test]
fn a_drop_is_followed_at_once_and_quality_is_back_within_three_seconds() {
    for (source, codec) in [(camera(), Codec::Vp8), (screen(), Codec::Av1)] {
        let mut ladder = Ladder::new(codec, source, 1);
        let full = settled(&mut ladder, &budget(2_000_000), 0);
        let dropped = ladder.decide(&budget(300_000), at(40));
        assert!(dropped.bitrate <= 300_000);
        assert_ne!((dropped.size, dropped.frame_rate), (full.size, full.frame_rate));
        settled(&mut ladder, &budget(300_000), 41);
        let early = ladder.decide(&budget(2_000_000), at(100));
        assert_eq!(
            (early.size, early.frame_rate),
            (dropped.size, dropped.frame_rate),
            "not by a flicker"
        );
        let back = (101..130)
            .map(|step| ladder.decide(&budget(2_000_000), at(step)))
            .last()
            .unwrap();
        assert_eq!(back, full);
    }
}

#[test]
fn a_budget_that_flickers_around_a_rung_changes_nothing() {
    let mut ladder = Ladder::new(Codec::Vp8, camera(), 1);
    settled(&mut ladder, &budget(700_000), 0);
    let mut sizes = std::collections::HashSet::new();
    for step in 40..400 {
        let bitrate = if step % 7 < 5 { 860_000 } else { 770_000 };
        sizes.insert(ladder.decide(&budget(bitrate), at(step)).size);
    }
    assert_eq!(sizes.len(), 1);
}

#[test]
fn nothing_larger_is_sent_than_is_shown() {
    let mut ladder = Ladder::new(Codec::Vp8, camera(), 1);
    let shown = |size| Budget {
        shown_at: Some(size),
        ..budget(3_000_000)
    };
    settled(&mut ladder, &budget(3_000_000), 0);
    assert_eq!(settled(&mut ladder, &shown(Size::P180), 40).size, Size::P180);
    assert_eq!(
        settled(&mut ladder, &shown(Size::new(500, 281).unwrap()), 80).size,
        Size::P360
    );
    assert_eq!(settled(&mut ladder, &shown(Size::P1080), 120).size, Size::P720);
    assert_eq!(ladder.largest(Some(Size::P180)), Size::P180);
    assert_eq!(ladder.largest(None), Size::P720);
    let mut ladder = Ladder::new(Codec::Vp8, screen(), 1);
    assert_eq!(settled(&mut ladder, &shown(Size::P360), 0).size, Size::P360);
    assert_eq!(settled(&mut ladder, &shown(Size::P1080), 40).size, Size::P1080);
}

#[test]
fn a_machine_that_does_not_keep_up_is_spared() {
    let mut ladder = Ladder::new(Codec::Vp8, camera(), 1);
    let costs = |plan: &Settings| Budget {
        // 40 ms for a 720p picture where 16.7 are allowed.
        encode_time: Some(Duration::from_secs_f64(
            0.040 * f64::from(plan.size.pixels()) / 921_600.0,
        )),
        ..budget(3_000_000)
    };
    let mut plan = ladder.decide(&budget(3_000_000), at(0));
    for step in 1..100 {
        plan = ladder.decide(&costs(&plan), at(step));
    }
    assert!(
        plan.size.height() <= 540 && plan.effort == Effort::Least,
        "{plan:?}"
    );
    let load = costs(&plan).encode_time.unwrap().as_secs_f32() * plan.frame_rate;
    assert!(load <= 0.5, "{load}");
    // The machine has time again: it is used again.
    for step in 100..400 {
        let cheap = Budget {
            encode_time: Some(Duration::from_millis(2)),
            ..budget(3_000_000)
        };
        plan = ladder.decide(&cheap, at(step));
    }
    assert_eq!(plan.size, Size::P720);
}

#[test]
fn a_still_picture_is_refined_and_then_costs_nothing() {
    let frame = |bytes: usize, quantizer| EncodedFrame {
        codec: Codec::Vp9,
        data: vec![0; bytes],
        key: false,
        size: Size::P1080,
        time: Duration::ZERO,
        layer: 0,
        temporal: 0,
        temporal_layers: 1,
        sync: false,
        discardable: false,
        leans_on: [1, 0],
        quantizer,
    };
    let mut refinement = Refinement::new(ContentHint::Text);
    assert_eq!(refinement.due(), None);
    refinement.fresh(at(10));
    let mut now = refinement.due().unwrap();
    assert!(now > at(10));
    // Finer and finer.
    let mut repeated = 0;
    for quantizer in [200, 150, 100, 70, 60] {
        refinement.repeated(Some(&frame(9000, quantizer)), 16_000, now);
        repeated += 1;
        match refinement.due() {
            Some(due) => now = due,
            None => break,
        }
    }
    assert_eq!((repeated, refinement.due()), (5, None));

    // Nothing left to say.
    refinement.fresh(now);
    for _ in 0..4 {
        assert!(refinement.due().is_some());
        refinement.repeated(Some(&frame(40, 150)), 16_000, now);
    }
    assert_eq!(refinement.due(), None);

    // No room, for ever: it ends all the same.
    refinement.fresh(now);
    let mut count = 0;
    while refinement.due().is_some() {
        refinement.repeated(None, 16_000, now);
        count += 1;
        assert!(count < 100);
    }

    let mut moving = Refinement::new(ContentHint::Motion);
    moving.fresh(now);
    assert_eq!(moving.due(), None);
}

#[test]
fn simulcast_sizes_are_halves() {
    let heights = |size| -> Vec<u32> {
        simulcast_layers(size)
            .iter()
            .map(|layer| layer.size.height())
            .collect()
    };
    assert_eq!(heights(Size::P720), [180, 360, 720]);
    assert_eq!(heights(Size::P360), [180, 360]);
    assert_eq!(heights(Size::P180), [180]);
    assert_eq!(heights(Size::P1080), [270, 540, 1080]);
}

proptest! {
    /// Whatever comes in: a plan an encoder takes, within the budget, no larger than the source, and in its shape.
    #[test]
    fn plans_are_always_possible(
        width in 16..4000_u32, height in 16..2200_u32, rate in 1.0..60.0_f32, hint in 0..3_usize, codec in 0..4_usize,
        steps in proptest::collection::vec((0..8_000_000_u32, proptest::option::of((1..2000_u32, 1..2000_u32)), 0..200_u64, 0..30_u64), 1..60),
    ) {
        let source = Source {
            size: Size::new(width, height).unwrap(),
            frame_rate: rate,
            hint: [ContentHint::Motion, ContentHint::Detail, ContentHint::Text][hint],
            temporal_layers: 2,
            colour: ColourSpace::default(),
        };
        let mut ladder = Ladder::new(Codec::ALL[codec], source, 1);
        let mut now = 0;
        let mut last: Option<Settings> = None;
        for (bitrate, shown, cost, wait) in steps {
            now += wait;
            let budget = Budget {
                bitrate,
                shown_at: shown.map(|(width, height)| Size::new(width, height).unwrap()),
                encode_time: last.map(|_| Duration::from_millis(cost)),
                cpu: 0.5,
            };
            let plan = ladder.decide(&budget, at(now));
            prop_assert!(plan.bitrate <= bitrate.max(10_000));
            prop_assert!(plan.size.width() <= width && plan.size.height() <= height);
            prop_assert!(plan.frame_rate <= rate.max(1.0) && plan.frame_rate >= 0.1);
            let (shape, source_shape) = (
                f64::from(plan.size.width()) / f64::from(plan.size.height()),
                f64::from(width) / f64::from(height),
            );
            let pixel = 3.0 / f64::from(plan.size.width().min(plan.size.height()));
            prop_assert!((shape / source_shape - 1.0).abs() <= pixel * 2.0, "{plan:?}");
            last = Some(plan);
        }
    }

    /// More bits are never answered with less picture.
    #[test]
    fn more_bits_give_no_less(one in 10_000..5_000_000_u32, more in 0..5_000_000_u32, text: bool, codec in 0..4_usize) {
        let source = if text { screen() } else { camera() };
        let plan = |bitrate| Ladder::new(Codec::ALL[codec], source, 1).decide(&budget(bitrate), at(0));
        let (little, much) = (plan(one), plan(one + more));
        let work = |plan: &Settings| plan.size.pixels() as f32 * plan.frame_rate;
        prop_assert!(work(&much) >= work(&little), "{little:?} {much:?}");
        prop_assert!(much.bitrate >= little.bitrate);
    }

    /// The shares add up to the budget at most, lower layers come first, and a layer nobody looks at costs nothing.
    #[test]
    fn shares_add_up(steps in proptest::collection::vec((0..6_000_000_u32, any::<[bool; 3]>()), 1..20), codec in 0..4_usize) {
        let mut layers = simulcast_layers(Size::P720);
        for (bitrate, wanted) in steps {
            share_out(&mut layers, &wanted, bitrate, Codec::ALL[codec]);
            for (layer, like) in layers.iter().zip([Settings::new(Size::P180, 10_000, 30.0); 3]) {
                let settings = layer.settings(&like);
                prop_assert_eq!(settings.map(|settings| settings.bitrate), layer.bitrate);
                prop_assert!(settings.is_none_or(|settings| settings.size == layer.size && settings.frame_rate == 30.0));
            }
            let sum: u32 = layers.iter().filter_map(|layer| layer.bitrate).sum();
            prop_assert!(sum <= bitrate.max(10_000), "{layers:?} of {bitrate}");
            let mut off = false;
            for (layer, wanted) in layers.iter().zip(wanted) {
                if !wanted {
                    prop_assert_eq!(layer.bitrate, None);
                    continue;
                }
                prop_assert!(!(off && layer.bitrate.is_some()), "{layers:?}");
                off = layer.bitrate.is_none();
            }
            // Somebody is always served.
            if let Some(first) = wanted.iter().position(|&wanted| wanted) {
                prop_assert!(layers[first].bitrate.is_some());
            }
        }
    }
}
