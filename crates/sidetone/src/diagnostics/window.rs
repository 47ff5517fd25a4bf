//! A share of counters over the last few seconds.

use std::collections::VecDeque;

/// Observations kept, about one a second. One packet in fifty is not 2 % of a call.
const LENGTH: usize = 6;

/// Two counters that only grow, as they were lately.
#[derive(Clone, Debug, Default)]
pub struct Window {
    seen: VecDeque<(f64, f64)>,
}

impl Window {
    /// Takes the counters as they are now; gives the share of `part` in `whole` since the oldest that is kept, where at
    /// least `least` was counted. Counters that fell begin anew: it is another stream.
    pub fn share(&mut self, part: f64, whole: f64, least: f64) -> Option<f64> {
        if self.seen.back().is_some_and(|(_, before)| whole < *before) {
            self.seen.clear();
        }
        if self.seen.len() == LENGTH {
            self.seen.pop_front();
        }
        self.seen.push_back((part, whole));
        let (first_part, first_whole) = *self.seen.front()?;
        let counted = whole - first_whole;
        (counted >= least && counted > 0.0).then(|| ((part - first_part) / counted).clamp(0.0, 1.0))
    }

    /// Whether nothing at all was counted for as long as this looks back.
    pub fn is_still(&self) -> bool {
        let ends = self.seen.front().zip(self.seen.back());
        self.seen.len() == LENGTH && ends.is_some_and(|(first, last)| first.1 == last.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_seconds_count_and_too_little_is_nothing() {
        let mut window = Window::default();
        assert_eq!(window.share(0.0, 0.0, 20.0), None);
        assert_eq!(window.share(5.0, 10.0, 20.0), None);
        assert_eq!(window.share(10.0, 20.0, 20.0), Some(0.5));
        let mut share = None;
        for second in 1..10 {
            share = window.share(10.0, 20.0 + 50.0 * f64::from(second), 20.0);
        }
        assert_eq!(share, Some(0.0), "what was lost is forgotten");
        assert!(!window.is_still());
        for _ in 0..5 {
            window.share(10.0, 470.0, 20.0);
        }
        assert!(window.is_still());
        assert_eq!(window.share(0.0, 3.0, 20.0), None, "another stream");
    }
}
