//! The delay that different networks lead to.

use std::time::Duration;

use sidetone_netsim::{Config, Jitter, Loss};

use crate::support::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn an_ideal_network_costs_a_few_milliseconds_and_no_sound() {
    for (frame, seed, grid) in [
        (960, 1, false),
        (960, 2, true),
        (960, 3, true),
        (480, 3, false),
        (480, 4, true),
        (120, 5, false),
        (120, 5, true),
        (2880, 6, false),
        (2880, 6, true),
    ] {
        let conditions = Conditions {
            seed,
            grid,
            ..Conditions::default()
        };
        let outcome = run(&conditions, Tape::new(woman()), tape_packets(frame, 30.0));
        outcome.report(&format!("ideal, {} ms frames, grid {grid}", frame as f64 / 48.0));
        let stats = &outcome.stats;
        // The sender's last packet is followed by nothing.
        assert!(
            outcome.each_second.last().unwrap().concealed_samples == 0,
            "{stats:?}"
        );
        assert!(stats.target_delay <= 0.005, "{stats:?}");
        assert!(stats.stretched_ratio() < 0.002, "{stats:?}");
    }
}

#[test]
fn jitter_of_30_ms_is_followed_at_the_quantile() {
    for (frame, seed) in [(960, 1), (960, 2), (960, 3), (960, 5), (480, 4)] {
        let network = Config::IDEAL.delay(ms(90)).jitter(Jitter::normal(ms(30)));
        let conditions = Conditions {
            network,
            seed,
            ..Conditions::default()
        };
        let outcome = run(&conditions, Tape::new(woman()), tape_packets(frame, 60.0));
        outcome.report(&format!("30 ms jitter, {} ms frames", frame / 48));
        println!("  after 10 s: {:.1} ms over the mean", outcome.delay_ms(10, 58));
        let stats = &outcome.stats;
        // Between 1.2 and 2.4 standard deviations.
        assert!((36.0..72.0).contains(&outcome.delay_ms(10, 58)), "{stats:?}");
        assert!(stats.concealed_ratio() < 0.10, "{stats:?}");
    }
}

#[test]
fn loss_is_concealed_and_nothing_else() {
    for loss in [0.01, 0.05, 0.2, 0.5] {
        let network = Config::IDEAL.delay(ms(40)).loss(Loss::uniform(loss));
        let conditions = Conditions {
            network,
            ..Conditions::default()
        };
        let outcome = run(&conditions, Tape::new(woman()), tape_packets(960, 30.0));
        outcome.report(&format!("{} % loss", loss * 100.0));
        let stats = &outcome.stats;
        let lost = stats.packets_lost as f64 * 960.0;
        assert!(
            (stats.concealed_samples as f64) < lost * 1.1 + 4800.0,
            "{stats:?}"
        );
        assert!(
            (stats.concealed_samples as f64) > lost * 0.9 - 4800.0,
            "{stats:?}"
        );
        assert!(stats.target_delay <= 0.006, "{stats:?}");
    }
}

#[test]
fn excess_delay_is_gone_ten_seconds_after_a_bad_network() {
    // Five seconds of a bad network in the middle of a good one.
    let good = Config::IDEAL.delay(ms(20));
    let bad = good.jitter(Jitter::normal(ms(25)));
    let mut outcome = None;
    for seed in 0..3 {
        let conditions = Conditions {
            network: good,
            seed,
            ..Conditions::default()
        };
        let swaps = vec![(5.0, bad), (10.0, good)];
        let o = run_changing(&conditions, Tape::new(woman()), tape_packets(960, 30.0), swaps);
        o.report("spike");
        for second in 0..29 {
            print!("{:.0} ", o.delay_ms(second, second + 1));
        }
        println!();
        // A lull of three seconds is believed where it is a calm; what is left goes in the next pause of speech.
        assert!(o.delay_ms(20, 21) < 20.0);
        assert!(o.delay_ms(25, 29) < 15.0);
        outcome = Some(o);
    }
    assert!(outcome.is_some());
}

#[test]
fn a_stall_leaves_no_delay_behind() {
    let good = Config::IDEAL.delay(ms(20)).keep_order();
    let slow = Config::IDEAL.delay(ms(620)).keep_order();
    let conditions = Conditions {
        network: good,
        ..Conditions::default()
    };
    // One packet takes 600 ms longer, and the others queue behind it.
    let swaps = vec![(5.0, slow), (5.02, good)];
    let outcome = run_changing(&conditions, Tape::new(woman()), tape_packets(960, 30.0), swaps);
    outcome.report("stall");
    for second in 0..29 {
        print!("{:.0} ", outcome.delay_ms(second, second + 1));
    }
    println!();
    assert!(outcome.delay_ms(12, 13) < 20.0);
}
