//! Lost, doubled and exchanged packets: no standstill that one would notice, and nothing undecodable for the decoder.

use std::time::Duration;

use sidetone_media::video::Codec;
use sidetone_netsim::{Jitter, Loss, Order};

use super::support::{Call, Scenario};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn three_percent_of_loss_are_no_freeze() {
    for codec in Codec::ALL {
        for seed in 0..5 {
            let mut scenario = Scenario::new(codec);
            scenario.seed = seed;
            scenario.there = scenario.there.loss(Loss::uniform(0.03));
            scenario.back = scenario.back.loss(Loss::uniform(0.03));
            let mut call = Call::new(scenario);
            call.run(MINUTE);
            let stats = call.stats();
            assert!(
                stats.longest_freeze_duration <= 0.2,
                "{codec:?}, seed {seed}: {stats:?}"
            );
            // Half the round trip, and the wait for retransmissions.
            assert!(call.latency(Duration::ZERO, MINUTE).0 < Duration::from_millis(110));
            assert!(call.missed() == 0, "{codec:?}, seed {seed}: {}", call.missed());
        }
    }
}

#[test]
fn five_percent_in_bursts_go_on() {
    for seed in 0..5 {
        let mut scenario = Scenario::new(Codec::Vp8);
        scenario.seed = seed;
        scenario.there = scenario.there.loss(Loss::bursts(0.05, 4.0));
        let mut call = Call::new(scenario);
        call.run(MINUTE);
        let stats = call.stats();
        assert!(stats.longest_freeze_duration <= 0.3, "seed {seed}: {stats:?}");
        assert!(stats.freeze_duration_per_minute <= 2.0, "seed {seed}: {stats:?}");
    }
}

#[test]
fn packets_that_change_places_or_come_twice_do_no_harm() {
    for codec in Codec::ALL {
        let mut scenario = Scenario::new(codec);
        scenario.there = scenario
            .there
            .jitter(Jitter::normal(Duration::from_millis(8)))
            .order(Order::Natural)
            .duplicate(0.05);
        let mut call = Call::new(scenario);
        call.run(MINUTE);
        let stats = call.stats();
        assert_eq!(
            (stats.freeze_count, stats.pli_count),
            (0, 0),
            "{codec:?}: {stats:?}"
        );
        assert!(call.missed() == 0);
        // What only changes places is not asked for again.
        assert!(
            stats.retransmitted_packets_received * 50 < stats.packets_received,
            "{stats:?}"
        );
    }
}

#[test]
fn missing_upper_layers_are_no_loss() {
    // No retransmission comes through: the other end hears nothing.
    for codec in [Codec::Vp8, Codec::Vp9, Codec::Av1] {
        let mut scenario = Scenario::new(codec);
        scenario.layers = 3;
        scenario.there = scenario.there.loss(Loss::uniform(0.02));
        let mut call = Call::new(scenario);
        call.run(MINUTE);
        let stats = call.stats();
        assert!(stats.longest_freeze_duration <= 0.2, "{codec:?}: {stats:?}");
        assert_eq!(stats.pli_count, 0, "{codec:?}: {stats:?}");
    }
}

#[test]
fn a_decoder_that_fails_gets_a_key_frame() {
    let mut call = Call::new(Scenario::new(Codec::Vp8));
    call.fail_at = Some(Duration::from_secs(5));
    call.run(Duration::from_secs(10));
    let stats = call.stats();
    assert_eq!((stats.pli_count, call.key_frames), (1, 2));
    assert!(stats.longest_freeze_duration <= 0.4, "{stats:?}");
    assert!(call.shown.len() > 280);
}

#[test]
fn after_a_blackout_there_is_a_key_frame() {
    let mut call = Call::new(Scenario::new(Codec::H264));
    call.run(Duration::from_secs(5));
    call.there.set_blackout(true);
    call.run(Duration::from_secs(3));
    call.there.set_blackout(false);
    call.run(Duration::from_secs(3));
    let stats = call.stats();
    assert!(stats.longest_freeze_duration <= 4.0, "{stats:?}");
    let last = call.shown.last().unwrap();
    assert!(call.now - call.start - last.shown < Duration::from_millis(100));
    assert!(stats.pli_count <= 3, "{stats:?}");
}
