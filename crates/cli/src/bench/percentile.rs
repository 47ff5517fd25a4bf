//! Percentiles of a handful of measurements. It knows nothing of their unit.

/// The value below which the share `q` (0 to 1) of `sorted` lies, interpolated between neighbours. `None` when empty.
pub fn percentile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let rank = q.clamp(0.0, 1.0) * last as f64;
    let below = sorted[rank.floor() as usize];
    let above = sorted[rank.ceil() as usize];
    Some(below + (above - below) * rank.fract())
}

/// `values` in order, without those that are no number.
pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// Median of `values` in any order.
pub fn median(values: &[f64]) -> Option<f64> {
    percentile(&sorted(values), 0.5)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_values() {
        assert_eq!(percentile(&[], 0.5), None);
        assert_eq!(percentile(&[3.0], 0.99), Some(3.0));
        let hundred: Vec<f64> = (0..=100).map(f64::from).collect();
        assert_eq!(percentile(&hundred, 0.95), Some(95.0));
        assert_eq!(percentile(&[1.0, 2.0], 0.5), Some(1.5));
        assert_eq!(median(&[9.0, f64::NAN, 1.0, 5.0]), Some(5.0));
    }

    proptest! {
        #[test]
        fn it_is_monotonic_and_within_range(values in prop::collection::vec(-1e6..1e6_f64, 1..50), a in 0.0..=1.0, b in 0.0..=1.0) {
            let sorted = sorted(&values);
            let at = |q: f64| percentile(&sorted, q).unwrap();
            prop_assert!(at(0.0) <= at(f64::min(a, b)) && at(f64::min(a, b)) <= at(f64::max(a, b)));
            prop_assert!(at(f64::max(a, b)) <= at(1.0));
        }
    }
}
