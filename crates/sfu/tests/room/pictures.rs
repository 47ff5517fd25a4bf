//! Cameras in three layers and shared screens: who sees what, and that no decoder finds a seam.

use std::time::Duration;

use sidetone_sfu::room::{Format, Formats, Media, Publication, Rights, Slot, Want};

use crate::studio::Studio;

#[test]
fn everybody_sees_what_was_asked_for_in_the_size_it_is_shown() {
    let mut studio = Studio::new();
    for number in 1..=5 {
        studio.join(number, 3, 1);
    }
    for number in 1..=4 {
        studio.publish(number, Media::Video, 3);
    }
    studio.watch(5, &[(3, 720), (1, 180), (2, 360)]);
    studio.run(3000);
    assert_eq!(studio.all_seen(5, 3), [(1, 0), (2, 1), (3, 2)]);
    // Nobody sees itself, and slots left over show whoever there is, small.
    assert_eq!(studio.all_seen(1, 3), [(2, 0), (3, 0), (4, 0)]);
    studio.watch(5, &[(4, 360), (2, 720), (1, 180)]);
    studio.run(3000);
    assert_eq!(studio.all_seen(5, 3), [(1, 0), (2, 2), (4, 1)]);
    assert!(studio.check() >= 2);
    for slot in 0..3 {
        let slot = Slot {
            media: Media::Video,
            number: slot,
        };
        let seen = studio.sees(5, Media::Video, slot.number).unwrap();
        assert_eq!(studio.shown[&(5, slot)], Some(seen.0));
    }
}

#[test]
fn a_thin_path_gets_the_lowest_layer_of_all_and_goes_up_and_down_without_a_seam() {
    let mut studio = Studio::new();
    for number in 1..=4 {
        studio.join(number, 3, 1);
    }
    for number in 1..=3 {
        studio.publish(number, Media::Video, 3);
    }
    studio.watch(4, &[(1, 720), (2, 720), (3, 360)]);
    let steps: [(u64, &[(u32, u8)]); 6] = [
        (10_000_000, &[(1, 2), (2, 2), (3, 1)]),
        (500_000, &[(1, 0), (2, 0), (3, 0)]),
        (1_000_000, &[(1, 1), (2, 0), (3, 0)]),
        (300_000, &[(1, 0), (2, 0)]),
        (50_000, &[]),
        (10_000_000, &[(1, 2), (2, 2), (3, 1)]),
    ];
    for (bits, seen) in steps {
        studio.set_available(4, bits);
        studio.run(2500);
        assert_eq!(studio.all_seen(4, 3), seen, "{bits}");
        assert_eq!(studio.carries[&4], seen.len(), "{bits}");
    }
    assert!(studio.check() >= 6);
}

#[test]
fn a_layer_that_its_sender_switches_off_is_soon_replaced() {
    let mut studio = Studio::new();
    for number in 1..=2 {
        studio.join(number, 1, 1);
    }
    studio.publish(1, Media::Video, 3);
    studio.watch(2, &[(1, 720)]);
    studio.run(3_000);
    assert_eq!(studio.all_seen(2, 1), [(1, 2)]);
    for round in 0..5 {
        studio.cameras[0].layers[2].off = true;
        studio.run(600);
        assert_eq!(studio.all_seen(2, 1), [(1, 1)], "round {round}");
        studio.cameras[0].layers[2].off = false;
        studio.run(600);
        assert_eq!(studio.all_seen(2, 1), [(1, 2)], "round {round}");
    }
    // A smaller one that stops is missed by nobody who sees a larger.
    let before = studio.check();
    studio.cameras[0].layers[0].off = true;
    studio.run(3_000);
    assert_eq!(studio.all_seen(2, 1), [(1, 2)]);
    assert_eq!(studio.check(), before);
}

#[test]
fn who_looks_at_fewer_is_shown_fewer_and_nothing_where_nobody_looks() {
    let mut studio = Studio::new();
    for number in 1..=4 {
        studio.join(number, 3, 1);
    }
    for number in 1..=3 {
        studio.publish(number, Media::Video, 1);
    }
    studio.watch(4, &[(3, 180), (1, 180)]);
    for (cameras, seen) in [
        (Some(1), [(3, 0)].as_slice()),
        (Some(0), &[]),
        (None, &[(1, 0), (2, 0), (3, 0)]),
    ] {
        let (now, who) = (studio.instant(), studio.keys[&4]);
        studio.room.show_cameras(now, who, cameras);
        studio.run(2500);
        assert_eq!(studio.all_seen(4, 3), seen, "{cameras:?}");
        // What is not wanted says nothing of the path.
        assert_eq!(studio.carries[&4], 3);
    }
    studio.check();
}

#[test]
fn the_estimate_wavers_and_the_picture_does_not() {
    let mut studio = Studio::new();
    for number in 1..=2 {
        studio.join(number, 1, 1);
    }
    studio.publish(1, Media::Video, 3);
    studio.watch(2, &[(1, 720)]);
    studio.set_available(2, 2_000_000);
    studio.run(3000);
    let before = studio.check();
    for n in 0..40 {
        studio.set_available(2, if n % 2 == 0 { 1_480_000 } else { 1_400_000 });
        studio.run(500);
    }
    assert_eq!(studio.check(), before);
    assert_eq!(studio.all_seen(2, 1), [(1, 2)]);
}

#[test]
fn clocks_that_run_differently_do_no_harm_in_hours() {
    for frame in [3599, 3601] {
        let mut studio = Studio::new();
        studio.frame = frame;
        studio.join(1, 1, 0);
        studio.join(2, 1, 0);
        studio.publish(1, Media::Video, 2);
        studio.watch(2, &[(1, 360)]);
        studio.run(1000);
        let before = studio.check();
        studio.run(2 * 3_600_000);
        assert_eq!(studio.check(), before);
        assert_eq!(studio.room.counters().absurd, 0);
        let slot = Slot {
            media: Media::Video,
            number: 0,
        };
        let got = &studio.got[&(2, slot)];
        let (first, last) = (got.values().next().unwrap(), got.values().next_back().unwrap());
        let ahead = last
            .timestamp
            .wrapping_sub(first.timestamp)
            .wrapping_sub((last.at - first.at) as u32 * 90);
        assert!((ahead as i32).abs() < 90 * 100, "{}", ahead as i32);
    }
}

#[test]
fn a_shared_screen_comes_first() {
    let mut studio = Studio::new();
    for number in 1..=3 {
        studio.join(number, 2, 1);
    }
    studio.publish(1, Media::Video, 3);
    studio.publish(2, Media::Share, 3);
    studio.watch(3, &[(1, 720)]);
    studio.set_available(3, 1_700_000);
    studio.run(3000);
    assert_eq!(studio.sees(3, Media::Share, 0), Some((2, 2)));
    assert_eq!(studio.all_seen(3, 2), [(1, 0)]);
    let rights = Rights {
        share: false,
        ..Rights::ALL
    };
    studio
        .room
        .set_rights(studio.instant(), studio.keys[&2], rights, &mut |_| {});
    studio.run(2500);
    assert_eq!(studio.sees(3, Media::Share, 0), None);
    let slot = Slot {
        media: Media::Share,
        number: 0,
    };
    assert_eq!(studio.shown[&(3, slot)], None);
    assert_eq!(studio.all_seen(3, 2), [(1, 2)]);
    studio.check();
}

#[test]
fn a_new_speaker_is_large_before_anybody_asks() {
    let mut studio = Studio::new();
    for number in 1..=6 {
        studio.join(number, 2, 0);
    }
    for number in 1..=5 {
        studio.publish(number, Media::Video, 3);
    }
    studio.watch(6, &[(1, 720), (2, 180)]);
    studio.run(3000);
    assert_eq!(studio.all_seen(6, 2), [(1, 2), (2, 0)]);
    studio.speaking = Some(2);
    studio.run(1500);
    assert_eq!(studio.all_seen(6, 2), [(1, 2), (2, 2)]);
    // Who asked for nothing sees the speaker first, in place of another.
    studio.speaking = Some(5);
    studio.run(3500);
    let seen = studio.all_seen(1, 2);
    assert!(seen.contains(&(5, 1)), "{seen:?}");
    studio.check();
}

#[test]
fn spotlight_and_pin_go_before_what_is_wanted() {
    let mut studio = Studio::new();
    for number in 1..=6 {
        studio.join(number, 1, 0);
    }
    for number in 1..=4 {
        studio.publish(number, Media::Video, 1);
    }
    studio.watch(5, &[(1, 180)]);
    studio.run(2000);
    assert_eq!(studio.all_seen(5, 1), [(1, 0)]);
    studio.room.spotlight(studio.instant(), &[3]);
    studio.run(2000);
    assert_eq!(studio.all_seen(5, 1), [(3, 0)]);
    let pin = Want {
        number: 2,
        media: Media::Video,
        height: 180,
        pinned: true,
    };
    studio.room.watch(studio.instant(), studio.keys[&5], &[pin]);
    studio.run(2000);
    assert_eq!(studio.all_seen(5, 1), [(2, 0)]);
    studio.check();
}

#[test]
fn keyframe_requests_are_few_however_many_ask() {
    let mut studio = Studio::new();
    for number in 1..=100 {
        studio.join(number, 1, 0);
    }
    studio.publish(1, Media::Video, 1);
    studio.run(2000);
    let before = studio.cameras[0].layers[0].requests;
    assert!(before <= 3, "{before}");
    for _ in 0..100 {
        for number in 2..=100 {
            studio
                .room
                .keyframe_wanted(studio.instant(), studio.keys[&number], number * 1000 + 100);
        }
        studio.run(20);
    }
    let requests = studio.cameras[0].layers[0].requests - before;
    assert!((2..=5).contains(&requests), "{requests} in two seconds");
    // One who always asks is heard every 2.5 s.
    studio.run(20_000);
    let before = studio.cameras[0].layers[0].requests;
    for _ in 0..1000 {
        studio
            .room
            .keyframe_wanted(studio.instant(), studio.keys[&7], 7100);
        studio.run(20);
    }
    let requests = studio.cameras[0].layers[0].requests - before;
    assert!(requests <= 14, "{requests} in twenty seconds");
}

#[test]
fn a_sender_that_sends_no_keyframe_is_asked_again_but_ever_more_seldom() {
    let mut studio = Studio::new();
    studio.join(1, 1, 0);
    studio.join(2, 1, 0);
    studio.publish(1, Media::Video, 1);
    studio.run(1000);
    studio.leave_keyframes_out(30_000);
    let requests = studio.cameras[0].layers[0].requests;
    assert!((6..=16).contains(&requests), "{requests}");
}

impl Studio {
    /// The encoder is deaf.
    fn leave_keyframes_out(&mut self, milliseconds: u64) {
        self.join(3, 1, 0);
        for _ in 0..milliseconds / 20 {
            self.cameras[0].layers[0].key = false;
            self.run(20);
        }
    }
}

#[test]
fn a_loss_in_a_picture_is_a_loss_for_all_and_answered_from_the_cache() {
    let mut studio = Studio::new();
    studio.join(1, 1, 0);
    studio.join(2, 1, 0);
    studio.publish(1, Media::Video, 3);
    studio.watch(2, &[(1, 720)]);
    studio.loss = Some(17);
    studio.run(5000);
    studio.check();
    let slot = Slot {
        media: Media::Video,
        number: 0,
    };
    let got = &studio.got[&(2, slot)];
    let (first, last) = (*got.keys().next().unwrap(), *got.keys().next_back().unwrap());
    let missing: Vec<u64> = (first..last)
        .filter(|sequence| !got.contains_key(sequence))
        .collect();
    assert!(missing.len() > 20);
    let recent = got.keys().rev().take(50).copied();
    let mut again = Vec::new();
    let key = studio.keys[&2];
    for sequence in recent {
        studio.room.nack(
            studio.epoch + Duration::from_millis(studio.now),
            key,
            2100,
            [sequence as u16],
            &mut |forwarded| {
                assert!(forwarded.resent);
                let payload = [forwarded.head, forwarded.body].concat();
                let before = &got[&forwarded.header.sequence];
                assert_eq!(before.timestamp, forwarded.header.timestamp);
                assert_eq!(
                    before.picture,
                    u16::from_be_bytes([payload[2], payload[3]]) & 0x7fff
                );
                again.push(forwarded.header.sequence);
            },
        );
    }
    assert_eq!(again.len(), 50);
}

#[test]
fn pictures_survive_chaos() {
    use rand::{RngExt, SeedableRng};
    for seed in 0..30 {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let mut studio = Studio::new();
        for number in 1..=8 {
            studio.join(number, rng.random_range(0..5), rng.random_range(0..2));
            if rng.random() {
                studio.publish(number, Media::Video, rng.random_range(1..4));
            }
        }
        studio.publish(3, Media::Share, 1);
        for _ in 0..40 {
            let number = rng.random_range(1..=8);
            let (key, now) = (studio.keys[&number], studio.instant());
            match rng.random_range(0..7) {
                0 => {
                    let rights = Rights {
                        video: rng.random(),
                        share: rng.random(),
                        receive: rng.random(),
                        audio: true,
                    };
                    studio.room.set_rights(now, key, rights, &mut |_| {});
                }
                1 => studio.room.set_rights(now, key, Rights::ALL, &mut |_| {}),
                2 => studio.set_available(number, rng.random_range(0..5_000_000)),
                3 => {
                    let wants: Vec<_> = (0..3)
                        .map(|_| (rng.random_range(1..=9), rng.random_range(0..1000)))
                        .collect();
                    studio.watch(number, &wants);
                }
                4 => studio.speaking = Some(number),
                5 => studio.room.spotlight(now, &[number]),
                _ => {
                    // The encoder begins anew.
                    for camera in studio.cameras.iter_mut().filter(|camera| camera.owner == number) {
                        camera.layers[0].sequence = rng.random();
                        camera.layers[0].timestamp = rng.random();
                        camera.layers[0].key = true;
                        let media = camera.media;
                        let formats = Formats::new().with(Format::Vp8, 96);
                        let ssrc = rng.random_range(100..1 << 30);
                        camera.layers[0].ssrc = ssrc;
                        let publication = Publication {
                            media,
                            layer: 0,
                            ssrc,
                            formats,
                            height: 180,
                        };
                        let _ = studio.room.publish(now, key, &publication);
                    }
                }
            }
            studio.run(200);
        }
        studio.check_after_restarts(seed);
    }
}

impl Studio {
    /// As [`Studio::check`], where streams may begin anew: then the frame's number may go on or not, but no gap, and
    /// whatever follows nothing is a keyframe.
    fn check_after_restarts(&self, seed: u64) {
        for (whose, got) in &self.got {
            for ((before, a), (after, b)) in got.iter().zip(got.iter().skip(1)) {
                let what = || format!("seed {seed} {whose:?} {a:?} {b:?}");
                assert_eq!(before + 1, *after, "{}", what());
                let step = b.timestamp.wrapping_sub(a.timestamp) as i32;
                let same = (a.number, a.layer) == (b.number, b.layer) && b.frame <= a.frame + 1;
                assert!(step > 0 || same && a.frame == b.frame && step == 0, "{}", what());
                assert!(same || b.keyframe && b.part == 0, "{}", what());
            }
        }
    }
}
