//! A path that suddenly carries a fraction, and then as much as before: queues stay short, sound goes through, the picture
//! comes back.

use std::time::Duration;

use sidetone_media::video::Codec;
use sidetone_netsim::Rate;
use sidetone_opus::Bitrate;

use super::support::{Call, Scenario, Sizes};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn path(kbps: u64) -> Rate {
    Rate::new(kbps * 1_000, Duration::from_millis(500))
}

#[test]
fn two_megabits_to_three_hundred_kilobits_and_back() {
    for seed in 0..3 {
        let mut scenario = Scenario::new(Codec::Vp8);
        scenario.seed = seed;
        scenario.sizes = Sizes::Rate;
        scenario.most = Bitrate::kbps(1_800);
        let there = scenario.there;
        scenario.there = there.rate(path(2_000));
        let mut call = Call::new(scenario);
        call.run(seconds(15));
        call.there.set_config(there.rate(path(300)));
        call.run(seconds(15));
        call.there.set_config(there.rate(path(2_000)));
        call.run(seconds(15));
        for second in 0..45 {
            let (from, to) = (seconds(second), seconds(second + 1));
            eprintln!(
                "{second:2} {:8.0} bit/s latency {:?} audio {:?}",
                call.shown_rate(from, to),
                call.latency(from, to),
                call.audio_waits(from, to)
            );
        }
        let stats = call.stats();
        eprintln!("{stats:?}");
        // Found out what the path carries within three seconds.
        assert!(call.shown_rate(seconds(3), seconds(15)) > 1.2e6);
        // The picture goes on with what there is.
        assert!(call.shown_rate(seconds(18), seconds(30)) > 150e3);
        assert!(stats.longest_freeze_duration < 1.5, "{stats:?}");
        // Sound never waits long, but for the moment in which nobody could know.
        assert!(call.audio_waits(seconds(4), seconds(15)).0 < Duration::from_millis(60));
        assert!(call.audio_waits(seconds(18), seconds(30)).1 < Duration::from_millis(40));
        // And is as good as before three seconds after there is room again.
        let before = call.shown_rate(seconds(10), seconds(15));
        assert!(call.shown_rate(seconds(33), seconds(36)) > 0.9 * before);
    }
}

#[test]
fn sound_is_not_behind_a_key_frame() {
    let mut scenario = Scenario::new(Codec::Vp8);
    scenario.sizes = Sizes::Rate;
    scenario.most = Bitrate::kbps(1_800);
    scenario.there = scenario.there.rate(path(2_000));
    let mut call = Call::new(scenario);
    call.run(seconds(10));
    let calm = call.audio_waits(seconds(5), seconds(10)).0;
    call.fail_at = Some(seconds(10));
    call.run(seconds(2));
    let with_key = call.audio_waits(seconds(10), seconds(12)).0;
    eprintln!("{calm:?} {with_key:?}");
    assert_eq!(call.key_frames, 2);
    assert!(
        with_key < Duration::from_millis(25),
        "{with_key:?}, {calm:?} without"
    );
}
