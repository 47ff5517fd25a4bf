//! A least delay that is asked for: it comes, it goes, and nothing is lost for it.

use std::time::Duration;

use proptest::prelude::*;
use sidetone_netsim::Config;

use crate::support::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever is asked for, at whatever times: no frame is lost or made up. What is asked for long enough is there, and
    /// when nothing is asked for any more the delay is what it was.
    #[test]
    fn nothing_is_lost_for_a_minimum_and_it_is_given_back(
        times in proptest::collection::vec((0.2f64..3.0, 0u64..300), 0..8), last in 20u64..200, frame in prop::sample::select(vec![480usize, 960]),
        block in prop::sample::select(vec![240usize, 480]), seed: u64,
    ) {
        let mut minimum = Vec::new();
        let mut at = 2.0;
        for (after, delay) in times {
            at += after;
            minimum.push((at, Duration::from_millis(delay)));
        }
        // Time for 300 ms, or for as much back.
        let asked = at + 3.0;
        let released = asked + 15.0;
        let last = Duration::from_millis(last);
        minimum.extend([(asked, last), (released, Duration::ZERO)]);
        let end = released + 15.0;
        let conditions = Conditions { seed, block, network: Config::IDEAL.delay(Duration::from_millis(30)), minimum, ..Conditions::default() };
        let outcome = run(&conditions, Tape::new(woman()), tape_packets(frame, end));
        // Before the recording is over.
        let stats = &outcome.each_second[end.floor() as usize - 1];
        prop_assert_eq!((stats.packets_discarded, stats.concealed_samples, stats.resets), (0, 0, 0), "{:?}", stats);
        let second = |at: f64| at.floor() as usize;
        let before = outcome.delay_ms(1, 2);
        let with = outcome.delay_ms(second(released) - 3, second(released));
        let after = outcome.delay_ms(second(end) - 4, second(end) - 1);
        let last = last.as_secs_f64() * 1e3;
        prop_assert!(with > last.max(before) - 5.0 && with < last.max(before) + 25.0, "{with} ms where {last} are asked for");
        prop_assert!((after - before).abs() < 12.0, "{after} ms afterwards, {before} before");
    }
}

/// Speech is slowed down and hurried a little, not chopped: no more is added and taken out than was asked for.
#[test]
fn sound_is_not_stretched_back_and_forth() {
    let minimum = vec![(5.0, Duration::from_millis(150)), (20.0, Duration::ZERO)];
    let conditions = Conditions {
        minimum,
        ..Conditions::default()
    };
    let outcome = run(&conditions, Tape::new(man()), tape_packets(960, 40.0));
    outcome.report("150 ms for 15 s");
    for second in [4, 6, 8, 10, 12, 19, 21, 23, 25, 30, 39] {
        println!("  {second} s: {:.1} ms", outcome.delay_ms(second - 1, second));
    }
    let stats = &outcome.stats;
    let samples = 48 * 150;
    assert!(
        stats.inserted_samples_for_deceleration < samples + 2_400,
        "{stats:?}"
    );
    assert!(
        stats.removed_samples_for_acceleration < samples + 2_400,
        "{stats:?}"
    );
}
