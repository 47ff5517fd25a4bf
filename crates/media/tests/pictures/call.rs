//! A call of two on a good network.

use std::time::Duration;

use sidetone_media::transport::Transport;
use sidetone_media::video::Codec;

use crate::studio::{CAMERA, End, config, pair, run_until};
use crate::support::{connected, loopback, run};

const LONG: Duration = Duration::from_secs(20);

fn all_was_sent(seen: &[bytes::Bytes], sent: &std::collections::HashSet<bytes::Bytes>) {
    assert!(
        seen.iter().all(|frame| sent.contains(frame)),
        "every byte as it was"
    );
}

#[test]
fn every_codec_goes_both_ways() {
    run(async {
        for codec in Codec::ALL {
            // VP8 is always there; the other goes first.
            let mut codecs = vec![codec];
            if codec != Codec::Vp8 {
                codecs.push(Codec::Vp8);
            }
            let (mut a, mut b) = pair(&codecs, &codecs).await;
            a.video.camera[0].set_demand(Some(CAMERA));
            b.video.camera[0].set_demand(Some(CAMERA));
            let enough = |a: &End, b: &End| a.sees_camera.seen.len() >= 40 && b.sees_camera.seen.len() >= 40;
            let done = run_until(&mut a, &mut b, LONG, enough).await;
            assert!(
                done,
                "{codec:?}: {} {} {:?} {:?}",
                a.sees_camera.seen.len(),
                b.sees_camera.seen.len(),
                a.peer.transport.video_stats(),
                b.peer.transport.video_stats()
            );
            all_was_sent(&b.sees_camera.seen, &a.camera.sent);
            all_was_sent(&a.sees_camera.seen, &b.camera.sent);
            assert_eq!(a.sees_camera.codecs.keys().collect::<Vec<_>>(), [&codec]);
            assert_eq!(
                a.sees_camera.keys, 1,
                "{codec:?}: one key frame, at the beginning"
            );
            assert!(a.sees_camera.captured > 20, "{codec:?}");
        }
    });
}

#[test]
fn camera_screen_and_voice_go_at_once() {
    run(async {
        let (mut a, mut b) = pair(&[Codec::Vp8], &[Codec::Vp8]).await;
        for end in [&a, &b] {
            end.video.camera[0].set_demand(Some(CAMERA));
            end.video.screen.set_demand(Some(CAMERA));
        }
        let mut sequence = 0u16;
        let mut heard = 0;
        let done = run_until(&mut a, &mut b, LONG, |a, b| {
            let packet = a.peer.packet(sequence, &[7; 60]);
            a.peer.voice.outgoing.push(packet);
            sequence += 1;
            while b.peer.voice.incoming.pop().is_some() {
                heard += 1;
            }
            [&a.sees_camera, &a.sees_screen, &b.sees_camera, &b.sees_screen]
                .iter()
                .all(|seen| seen.seen.len() >= 40)
        })
        .await;
        assert!(done, "{:?}", b.peer.transport.video_stats());
        all_was_sent(&b.sees_camera.seen, &a.camera.sent);
        all_was_sent(&b.sees_screen.seen, &a.screen.sent);
        assert!(heard + 3 >= sequence, "{heard} of {sequence}");
        assert_eq!(b.peer.transport.stats().packets_discarded, 0);
        // The path carries far more than the 36 kbit/s it begins with, and that was found out.
        let found = a.peer.transport.stats().available_outgoing_bitrate;
        assert!(found > Some(200_000), "{found:?}");
    });
}

#[test]
fn a_camera_begins_and_ends_without_a_word_between_the_ends() {
    run(async {
        let (mut a, mut b) = pair(&[Codec::Vp8], &[Codec::Vp8]).await;
        let events = (a.peer.events.len(), b.peer.events.len());
        for turn in 1..=3 {
            let before = b.sees_camera.seen.len();
            a.video.camera[0].set_demand(Some(CAMERA));
            assert!(
                run_until(&mut a, &mut b, LONG, |_, b| b.sees_camera.seen.len()
                    >= before + 20)
                .await
            );
            assert_eq!(b.sees_camera.keys, turn, "it begins with a key frame");
            a.video.camera[0].set_demand(None);
            run_until(&mut a, &mut b, Duration::from_millis(300), |_, _| false).await;
            let rest = b.sees_camera.seen.len();
            run_until(&mut a, &mut b, Duration::from_millis(300), |_, _| false).await;
            assert_eq!(b.sees_camera.seen.len(), rest, "nothing after the end");
        }
        let descriptions = |end: &End, from: usize| {
            let new = end.peer.events[from..].iter();
            new.filter(|event| format!("{event:?}").contains("LocalDescription"))
                .count()
        };
        assert_eq!((descriptions(&a, events.0), descriptions(&b, events.1)), (0, 0));
    });
}

#[test]
fn a_decoder_that_fails_gets_a_key_frame() {
    run(async {
        let (mut a, mut b) = pair(&[Codec::Vp8], &[Codec::Vp8]).await;
        a.video.camera[0].set_demand(Some(CAMERA));
        assert!(run_until(&mut a, &mut b, LONG, |_, b| b.sees_camera.seen.len() >= 10).await);
        b.video.remote[0].failed();
        assert!(run_until(&mut a, &mut b, LONG, |_, b| b.sees_camera.keys == 2).await);
        run_until(&mut a, &mut b, Duration::from_millis(600), |_, _| false).await;
        let stats = a.peer.transport.video_stats();
        assert_eq!(a.camera.keys, 2, "one is enough: {stats:?}");
        assert!(stats.outbound[0].counters.pli_count >= 1, "{stats:?}");
        assert!(b.peer.transport.video_stats().inbound[0].counters.pli_count >= 1);
    });
}

#[test]
fn ends_with_different_codecs_use_what_both_have() {
    run(async {
        let (mut a, mut b) = pair(
            &[Codec::Av1, Codec::Vp9, Codec::Vp8],
            &[Codec::H264, Codec::Vp9, Codec::Vp8],
        )
        .await;
        a.video.camera[0].set_demand(Some(CAMERA));
        b.video.camera[0].set_demand(Some(CAMERA));
        let enough = |a: &End, b: &End| a.sees_camera.seen.len() >= 10 && b.sees_camera.seen.len() >= 10;
        assert!(run_until(&mut a, &mut b, LONG, enough).await);
        assert_eq!(b.sees_camera.codecs.keys().collect::<Vec<_>>(), [&Codec::Vp9]);
        assert_eq!(a.sees_camera.codecs.keys().collect::<Vec<_>>(), [&Codec::Vp9]);
    });
}

#[test]
fn a_screen_has_codecs_of_its_own() {
    run(async {
        let mut config = config(&[Codec::Vp8, Codec::Vp9]);
        if let Some(video) = &mut config.video {
            video.screen = vec![Codec::Vp9];
        }
        let (a, b) = connected(config.clone(), config).await;
        let (mut a, mut b) = (End::new(a), End::new(b));
        a.video.camera[0].set_demand(Some(CAMERA));
        a.video.screen.set_demand(Some(CAMERA));
        let enough = |_: &End, b: &End| b.sees_camera.seen.len() >= 10 && b.sees_screen.seen.len() >= 10;
        assert!(run_until(&mut a, &mut b, LONG, enough).await);
        assert_eq!(b.sees_camera.codecs.keys().collect::<Vec<_>>(), [&Codec::Vp8]);
        assert_eq!(b.sees_screen.codecs.keys().collect::<Vec<_>>(), [&Codec::Vp9]);
    });
}

#[test]
fn an_end_without_pictures_is_heard_all_the_same() {
    run(async {
        for turned in [false, true] {
            let (seeing, blind) = (config(&[Codec::Vp8]), loopback());
            let (a, b) = if turned {
                let (b, a) = connected(blind, seeing).await;
                (a, b)
            } else {
                connected(seeing, blind).await
            };
            let mut a = a;
            let video = a.transport.take_video().unwrap();
            video.camera[0].set_demand(Some(CAMERA));
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert_eq!(video.camera[0].codec(), None);
            assert_eq!(video.camera[0].wanted(), sidetone_media::video::Wanted::Nothing);
            a.send(1, b"voice").await;
            assert_eq!(b.receive().await.payload(), b"voice");
            b.send(1, b"back").await;
            assert_eq!(a.receive().await.payload(), b"back");
        }
    });
}
