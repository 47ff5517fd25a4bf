//! A world follows from its seed and from nothing else: without that, no failing seed could be replayed.

use std::time::Instant;

use crate::chaos::{Totals, story};

#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in [3, 1_000_003] {
        let start = Instant::now();
        let first = story(seed, start, &mut Totals::default());
        let second = story(seed, start, &mut Totals::default());
        assert!(first.len() > 20, "a story worth telling");
        assert_eq!(first, second);
    }
}
