//! Two clocks that disagree: an hour long the delay stays what it was.

use crate::support::*;

#[test]
fn an_hour_of_drifting_clocks_leaves_the_delay_alone() {
    for (drift_ppm, grid) in [(300.0, true), (-300.0, true), (300.0, false), (-300.0, false)] {
        let conditions = Conditions {
            drift_ppm,
            grid,
            ..Conditions::default()
        };
        let outcome = run(&conditions, Tape::new(man()), tape_packets(960, 3600.0));
        outcome.report(&format!("{drift_ppm} ppm"));
        println!(
            "  first minute {:.1} ms, last {:.1} ms",
            outcome.delay_ms(5, 60),
            outcome.delay_ms(3500, 3590)
        );
        assert!(outcome.delay_ms(3500, 3590) < 25.0);
        // The drift itself is worked off by stretching: 0.03 % of the samples, and little more.
        let stats = &outcome.stats;
        assert!(stats.stretched_ratio() < 0.001, "{stats:?}");
        assert!(stats.concealed_ratio() < 0.0005, "{stats:?}");
        assert_eq!(stats.resets, 0);
    }
}
