//! Percentiles, and a line through points that come one by one.

use serde::Serialize;

/// Where some measurements lie. All in the unit of what was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// Median.
    pub p50: f64,
    /// 95 % are not above.
    pub p95: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    /// Of `values` in any order. `None` when there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            min: *sorted.first()?,
            p50: percentile(&sorted, 0.5)?,
            p95: percentile(&sorted, 0.95)?,
            max: *sorted.last()?,
        })
    }
}

/// The value below which the share `q` (0 to 1) of `sorted` lies, interpolated between neighbours. `None` when empty.
pub(crate) fn percentile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let rank = q.clamp(0.0, 1.0) * last as f64;
    let below = sorted[rank.floor() as usize];
    let above = sorted[rank.ceil() as usize];
    Some(below + (above - below) * rank.fract())
}

/// Median of values in any order. `None` when empty.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    percentile(values, 0.5)
}

/// Slope of the line of least squares through points that come one by one. After a [`break`](Self::split) the line may
/// begin at another height with the same slope.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slope {
    count: f64,
    mean_x: f64,
    mean_y: f64,
    /// Sums over the part that grows.
    xx: f64,
    xy: f64,
    /// The same of the parts before.
    done_xx: f64,
    done_xy: f64,
}

impl Slope {
    pub(crate) fn push(&mut self, x: f64, y: f64) {
        self.count += 1.0;
        let dx = x - self.mean_x;
        self.mean_x += dx / self.count;
        self.mean_y += (y - self.mean_y) / self.count;
        self.xx += dx * (x - self.mean_x);
        self.xy += dx * (y - self.mean_y);
    }

    /// What comes now may lie at another height.
    pub(crate) fn split(&mut self) {
        *self = Self {
            done_xx: self.done_xx + self.xx,
            done_xy: self.done_xy + self.xy,
            ..Self::default()
        };
    }

    pub(crate) fn value(&self) -> Option<f64> {
        let xx = self.xx + self.done_xx;
        (xx > 0.0).then(|| (self.xy + self.done_xy) / xx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_again_through_a_step() {
        let mut slope = Slope::default();
        assert_eq!(slope.value(), None);
        for x in 0..100 {
            if x == 40 {
                slope.split();
            }
            let x = f64::from(x);
            slope.push(x, 3.0 * x + if x < 40.0 { 7.0 } else { -1000.0 });
        }
        assert!((slope.value().unwrap() - 3.0).abs() < 1e-9);
    }

    #[test]
    fn percentiles_of_known_values() {
        let spread = Spread::of((0..=100).rev().map(f64::from)).unwrap();
        assert_eq!(
            spread,
            Spread {
                min: 0.0,
                p50: 50.0,
                p95: 95.0,
                max: 100.0
            }
        );
        assert_eq!(Spread::of([f64::NAN]), None);
    }
}
