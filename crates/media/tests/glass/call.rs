//! A call of two on a good network.

use std::time::{Duration, Instant};

use sidetone_media::pictures::Size;
use sidetone_media::video::Content::{Camera, Screen};

use crate::studio::{other_camera, pair, request, until};
use crate::support::run;

#[test]
fn cameras_and_a_screen_are_seen_as_they_were_taken() {
    run(async {
        let (a, b) = pair().await;
        let mut camera = a.film(Camera, Size::P360, 30);
        let _other = b.film(Camera, Size::P360, 30);
        let _screen = a.film(Screen, Size::P720, 5);
        let enough = || a.eyes.count(Camera) > 120 && b.eyes.count(Camera) > 120 && b.eyes.count(Screen) > 20;
        assert!(until(enough).await, "{:#?}", b.card());
        for (eyes, content, size) in [
            (&a.eyes, Camera, Size::P360),
            (&b.eyes, Camera, Size::P360),
            (&b.eyes, Screen, Size::P720),
        ] {
            eyes.sight(content, |sight| {
                let (median, most) = sight.glass_to_glass();
                let likeness = sight.likeness(size);
                println!("{content:?} {size}: {likeness:.1} dB, glass to glass p50 {median:?} p95 {most:?}");
                assert!(likeness > 28.0, "{content:?}: {likeness} dB");
                assert!(sight.frames.is_sorted(), "{content:?}: in order");
                assert_eq!(sight.unreadable, 0, "{content:?}");
            });
        }
        b.eyes
            .sight(Screen, |sight| assert_eq!(sight.sizes.last(), Some(&Size::P720)));
        // Another source in its place, of another shape: nothing is negotiated, nothing begins anew but the picture.
        let shape = Size::new(480, 360).unwrap();
        camera
            .start(&mut other_camera(shape), request(shape, 30), Instant::now())
            .unwrap();
        let shown = || b.eyes.sight(Camera, |sight| sight.sizes.last() == Some(&shape));
        assert!(until(shown).await, "{:#?}", b.card());
        // Nobody sees one in the shape of the other.
        b.eyes.sight(Camera, |sight| {
            let shapes = sight
                .sizes
                .iter()
                .map(|size| size.width() * 9 == size.height() * 16);
            assert!(shapes.is_sorted_by(|one, next| one >= next), "{:?}", sight.sizes);
        });
        // Statistics follow some times a second.
        assert!(
            until(|| a.card().outbound[0].frame_width == 480).await,
            "{:#?}",
            a.card()
        );
        let (sent, seen) = (a.card(), b.card());
        let (out, screen) = (&sent.outbound[0], &sent.outbound[1]);
        assert!(
            out.frames_encoded > 100 && out.key_frames_encoded >= 1 && out.qp_sum > 0,
            "{out:?}"
        );
        assert!(out.total_encode_time > 0.0 && out.frame_height == 360, "{out:?}");
        assert_eq!(
            (out.codec.as_str(), screen.content_type.as_str()),
            ("VP8", "screen")
        );
        let inbound = &seen.inbound[0];
        assert!(
            inbound.counters.frames_decoded > 100 && inbound.total_decode_time > 0.0,
            "{inbound:?}"
        );
        assert_eq!(inbound.frames_corrupted, 0);
    });
}

#[test]
fn a_camera_begins_ends_and_begins_again() {
    run(async {
        let (a, b) = pair().await;
        for turn in 1..=2 {
            let camera = a.film(Camera, Size::P180, 30);
            let before = b.eyes.count(Camera);
            assert!(
                until(|| b.eyes.count(Camera) > before + 20).await,
                "turn {turn}: {:#?}",
                b.card()
            );
            assert_eq!(b.engine.receiving(Instant::now()).len(), 1);
            a.engine.stop_source(Camera);
            drop(camera);
            assert!(until(|| b.engine.receiving(Instant::now()).is_empty()).await);
            let rest = b.eyes.count(Camera);
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert_eq!(b.eyes.count(Camera), rest, "nothing after the end");
        }
        assert!(a.card().outbound[0].key_frames_encoded >= 2, "counters go on");
    });
}
