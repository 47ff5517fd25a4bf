//! A path that suddenly carries a fraction, and then as much as before: queues stay short, sound goes through, the picture
//! comes back.

use std::time::Duration;

use sidetone_media::video::Codec;
use sidetone_netsim::{Jitter, Loss, Order, Rate};
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
    // The drop comes at different moments between two frames, and two reports.
    for phase in [0, 9, 17, 33, 45, 61, 81, 95].map(Duration::from_millis) {
        let mut scenario = Scenario::new(Codec::Vp8);
        scenario.sizes = Sizes::Rate;
        scenario.most = Bitrate::kbps(1_800);
        let there = scenario.there;
        scenario.there = there.rate(path(2_000));
        let mut call = Call::new(scenario);
        call.run(seconds(15) + phase);
        call.there.set_config(there.rate(path(300)));
        call.run(seconds(15) - phase);
        call.there.set_config(there.rate(path(2_000)));
        call.run(seconds(15));
        let stats = call.stats();
        // Found out what the path carries within three seconds.
        assert!(call.shown_rate(seconds(3), seconds(15)) > 1.2e6);
        // The picture goes on with what there is.
        assert!(call.shown_rate(seconds(18), seconds(30)) > 150e3);
        assert!(stats.longest_freeze_duration < 1.5, "{stats:?}");
        // Sound never waits long, but for the moment in which nobody could know.
        assert!(call.audio_waits(seconds(4), seconds(15)).0 < Duration::from_millis(60));
        assert!(call.audio_waits(seconds(18), seconds(30)).1 < Duration::from_millis(40));
        // From capture to screen: no queue stays, here or on the way.
        assert!(call.latency(seconds(5), seconds(15)).0 < Duration::from_millis(120));
        assert!(call.latency(seconds(22), seconds(30)).0 < Duration::from_millis(150));
        // And is as good as before three seconds after there is room again.
        let before = call.shown_rate(seconds(10), seconds(15));
        assert!(call.shown_rate(seconds(33), seconds(36)) > 0.9 * before);
    }
}

#[test]
fn the_first_picture_goes_as_fast_as_the_path_carries() {
    let first = |begins: Duration| {
        let mut scenario = Scenario::new(Codec::Vp8);
        scenario.sizes = Sizes::Rate;
        scenario.begins = begins;
        scenario.there = scenario.there.rate(path(2_000));
        let mut call = Call::new(scenario);
        call.run(begins + seconds(3));
        let shown = call.shown[0];
        (shown.shown - shown.captured.max(begins), shown.bytes, call)
    };
    for begins in [2, 5, 19, 23, 59].map(seconds) {
        // The link takes 25 ms, and 4 ms a kilobyte.
        let (took, bytes, call) = first(begins);
        assert!(
            bytes > 35_000 && took < Duration::from_millis(230),
            "{bytes} {took:?}"
        );
        // Nobody hears how that was found out.
        let (longest, _) = call.audio_waits(Duration::ZERO, begins);
        assert!(longest < Duration::from_millis(50), "{longest:?}");
    }
    // Where nothing could be known, it is found out while it goes.
    let (took, _, _) = first(Duration::ZERO);
    assert!(took < Duration::from_millis(500), "{took:?}");
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
    assert_eq!(call.key_frames, 2);
    assert!(
        with_key < Duration::from_millis(25),
        "{with_key:?}, {calm:?} without"
    );
}

#[test]
fn loss_of_the_air_is_no_full_path() {
    let mut scenario = Scenario::new(Codec::Vp9);
    scenario.sizes = Sizes::Rate;
    scenario.most = Bitrate::kbps(1_800);
    scenario.there = scenario.there.rate(path(2_000)).loss(Loss::uniform(0.05));
    let mut call = Call::new(scenario);
    call.run(seconds(30));
    assert!(call.shown_rate(seconds(3), seconds(30)) > 1.1e6);
    assert_eq!(call.stats().freeze_count, 0);
    assert!(call.audio_waits(seconds(5), seconds(30)).0 < Duration::from_millis(40));
}

#[test]
fn jitter_makes_it_slower_and_not_worse() {
    let mut scenario = Scenario::new(Codec::Vp8);
    scenario.sizes = Sizes::Rate;
    scenario.most = Bitrate::kbps(1_800);
    let jitter = Jitter::normal(Duration::from_millis(5));
    scenario.there = scenario
        .there
        .rate(path(2_000))
        .jitter(jitter)
        .order(Order::Natural);
    let mut call = Call::new(scenario);
    call.run(seconds(30));
    assert!(call.shown_rate(seconds(15), seconds(30)) > 1.0e6);
    assert_eq!(call.stats().freeze_count, 0);
}
