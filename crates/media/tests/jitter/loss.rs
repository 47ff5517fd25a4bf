//! Lost packets, with the real codec and real speech: redundancy is used where it is here in time.

use std::time::Duration;

use sidetone_media::jitter::JitterConfig;
use sidetone_netsim::{Config, Loss};

use crate::support::*;

/// Delay enough that the packet after a hole is here when the hole is reached.
fn patient() -> JitterConfig {
    JitterConfig {
        min_delay: Duration::from_millis(65),
        initial_delay: Duration::from_millis(65),
        ..JitterConfig::default()
    }
}

#[test]
fn fec_in_the_next_packet_fills_single_holes() {
    let packets = opus_packets(
        woman(),
        960,
        Coding {
            loss: 20,
            fec: true,
            ..Coding::default()
        },
    );
    let network = Config::IDEAL.loss(Loss::uniform(0.1));
    let conditions = Conditions {
        network,
        config: patient(),
        ..Conditions::default()
    };
    let outcome = run(&conditions, opus(), packets);
    outcome.report("FEC");
    let stats = &outcome.stats;
    assert!(stats.fec_packets_received > 20, "{stats:?}");
    assert!(stats.recovered_samples > 3 * stats.concealed_samples, "{stats:?}");
}

#[test]
fn deep_redundancy_fills_bursts() {
    let network = Config::IDEAL.loss(Loss::bursts(0.1, 3.0));
    let mut recovered = Vec::new();
    for dred in [true, false] {
        let dred_duration = if dred {
            Duration::from_secs(1)
        } else {
            Duration::ZERO
        };
        // In-band FEC would take most of the rate.
        let coding = Coding {
            loss: 20,
            dred: dred_duration,
            ..Coding::default()
        };
        let packets = opus_packets(woman(), 960, coding);
        let mut config = patient();
        (config.min_delay, config.initial_delay) = (Duration::from_millis(120), Duration::from_millis(120));
        let conditions = Conditions {
            network,
            config,
            ..Conditions::default()
        };
        let outcome = run(&conditions, opus(), packets);
        outcome.report(&format!("bursts, deep redundancy {dred}"));
        recovered.push((outcome.stats.recovered_samples, outcome.stats.concealed_samples));
    }
    assert!(recovered[0].0 > 4 * recovered[0].1, "{recovered:?}");
    assert_eq!(recovered[1].0, 0, "{recovered:?}");
}

#[test]
fn long_loss_fades_to_silence_and_comes_back() {
    let packets = opus_packets(woman(), 960, Coding::default());
    let packets: Vec<_> = packets
        .into_iter()
        .enumerate()
        .filter(|(i, _)| !(250..300).contains(i))
        .map(|(_, sent)| sent)
        .collect();
    let outcome = run(&Conditions::default(), opus(), packets);
    outcome.report("a second lost");
    let stats = &outcome.stats;
    assert_eq!(
        stats.concealment_events, 2,
        "one in the middle, one at the end: {stats:?}"
    );
    assert!((48_000..52_000).contains(&stats.concealed_samples), "{stats:?}");
    assert!(stats.silent_concealed_samples > 30_000, "{stats:?}");
    // 5.3 s to 5.9 s is silence.
    let quiet = &outcome.heard[48_000 * 53 / 10..48_000 * 59 / 10];
    assert!(quiet.iter().all(|x| x.abs() < 1e-3));
    assert!(outcome.delay_ms(7, 12) < 15.0);
}
