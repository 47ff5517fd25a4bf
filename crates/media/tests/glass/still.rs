//! A screen that stands still: sharp after a moment, free of charge after that, and there for whoever begins to look.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sidetone_capture::camera::pattern;
use sidetone_media::pictures::{ContentHint, Picture, Size, VideoSource};
use sidetone_media::video::Content::Screen;

use crate::studio::{pair, until};
use crate::support::run;

#[test]
fn a_still_screen_gets_sharp_then_costs_nothing_and_is_there_for_who_looks_later() {
    run(async {
        let (a, b) = pair().await;
        b.eyes.open.store(false, Ordering::Relaxed);
        let source = VideoSource {
            hint: ContentHint::Text,
            frame_rate: 30.0,
            epoch: std::time::Instant::now(),
        };
        let inlet = a.engine.start_source(Screen, source);
        let mut picture = Picture::black(Size::P720);
        pattern::draw(&mut picture, 7, Duration::from_micros(1));
        inlet.take(picture);
        // One picture was handed in. It is coded until nothing is left to add.
        let encoded = || a.card().outbound.get(1).map_or(0, |screen| screen.frames_encoded);
        assert!(until(|| encoded() >= 2).await, "{:#?}", a.card());
        let rest = async || {
            loop {
                let before = encoded();
                tokio::time::sleep(Duration::from_millis(1_500)).await;
                if encoded() == before {
                    return before;
                }
            }
        };
        let before = tokio::time::timeout(Duration::from_secs(60), rest())
            .await
            .expect("it comes to rest");
        println!("{before} frames until it rests");
        assert_eq!(b.eyes.count(Screen), 0, "nobody has looked");
        assert_eq!(b.card().inbound[1].counters.frames_decoded, 0);
        // Somebody begins to look. Nothing moves, so somebody has to ask.
        b.eyes.open.store(true, Ordering::Relaxed);
        b.eyes.keep_all();
        b.engine.look_again();
        assert!(until(|| b.eyes.count(Screen) > 0).await, "{:#?}", b.card());
        b.eyes.sight(Screen, |sight| {
            let likeness = sight.likeness(Size::P720);
            println!("{likeness:.1} dB");
            assert!(likeness > 40.0, "{likeness} dB");
        });
    });
}
