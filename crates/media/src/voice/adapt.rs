//! How much redundancy the sender adds for the loss the peer reports. The whole policy, sans-IO.

use std::time::Duration;

/// What the encoder should add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redundancy {
    /// Loss the encoder plans for, in percent. In-band FEC is sent when this is above 0.
    pub loss_percent: u8,
    /// Reach of the deep redundancy.
    pub dred: Duration,
}

/// Follows reported loss, quick to rise and slow to fall.
#[derive(Clone, Debug, Default)]
pub struct Adaptation {
    loss: f64,
}

/// A new loss report counts for this much when it is worse: two reports reach 90 % of it.
const RISE: f64 = 0.7;
/// And this much when it is better: about ten reports to forget. Bursts come back.
const FALL: f64 = 0.2;
/// Below this the link is called clean: redundancy would only cost quality.
const CLEAN: f64 = 0.005;
/// From here single-frame FEC is not enough, because losses come in runs.
const RUNS: f64 = 0.05;

impl Adaptation {
    /// Takes a report of the fraction lost (0 to 1) since the last one.
    pub fn report(&mut self, fraction_lost: f64) -> Redundancy {
        let reported = if fraction_lost.is_finite() {
            fraction_lost.clamp(0.0, 1.0)
        } else {
            0.0
        };
        let weight = if reported > self.loss { RISE } else { FALL };
        self.loss += (reported - self.loss) * weight;
        if self.loss < CLEAN {
            return Redundancy {
                loss_percent: 0,
                dred: Duration::ZERO,
            };
        }
        Redundancy {
            loss_percent: (self.loss * 100.0).ceil().min(100.0) as u8,
            dred: if self.loss < RUNS {
                Duration::ZERO
            } else {
                Duration::from_millis(500)
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_at_once_and_falls_slowly() {
        let mut adaptation = Adaptation::default();
        assert_eq!(adaptation.report(0.0).loss_percent, 0);
        assert!(adaptation.report(0.2).loss_percent >= 14);
        assert!(adaptation.report(0.2).dred > Duration::ZERO);
        assert!(
            adaptation.report(0.0).loss_percent >= 10,
            "one good report does not call off the alarm"
        );
        for _ in 0..30 {
            adaptation.report(0.0);
        }
        assert_eq!(
            adaptation.report(0.0),
            Redundancy {
                loss_percent: 0,
                dred: Duration::ZERO
            }
        );
    }

    #[test]
    fn nonsense_reports_are_bounded() {
        let mut adaptation = Adaptation::default();
        for value in [f64::NAN, f64::INFINITY, -3.0, 7.0] {
            assert!(adaptation.report(value).loss_percent <= 100);
        }
    }
}
