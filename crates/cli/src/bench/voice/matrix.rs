//! The cases: one kind of trouble each, then networks as one meets them.

use std::time::Duration;

use sidetone_netsim::{Config, Jitter, Loss, Order, Preset, Rate, Spikes};

/// One way of a path, and the clocks at its ends.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name in reports and file names.
    pub name: String,
    /// The network.
    pub network: Config,
    /// What becomes of it for a while.
    pub dip: Option<Dip>,
    /// The sender's clock against the receiver's, in parts per million.
    pub drift_ppm: f64,
}

/// Another network from one time of the call until another.
#[derive(Clone, Debug)]
pub struct Dip {
    pub network: Config,
    pub from: Duration,
    pub until: Duration,
}

impl Case {
    fn new(name: impl Into<String>, network: Config) -> Self {
        Self {
            name: name.into(),
            network,
            dip: None,
            drift_ppm: 0.0,
        }
    }

    /// What the network is like so far into the call.
    pub fn network_at(&self, elapsed: Duration) -> Config {
        match &self.dip {
            Some(dip) if (dip.from..dip.until).contains(&elapsed) => dip.network,
            _ => self.network,
        }
    }

    /// Whether `name` means this case: its name, or the beginning of it up to a dash.
    pub fn is_named(&self, name: &str) -> bool {
        self.name
            .strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-') || name.ends_with('-'))
    }
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// The path of the cases that are about something else than delay.
const PATH: Config = Config::IDEAL.delay(ms(20));

/// Shares of packets lost, in percent.
const LOSSES: [u32; 6] = [0, 5, 10, 20, 30, 50];

/// Mean lengths of bursts of loss, in packets.
const BURSTS: [u32; 3] = [2, 4, 8];

/// Thin links, in kbit/s, with half a second of queue.
const LINKS: [u64; 4] = [300, 100, 50, 25];

/// All cases.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for percent in LOSSES {
        let loss = Loss::uniform(f64::from(percent) / 100.0);
        cases.push(Case::new(format!("loss-{percent}"), PATH.loss(loss)));
    }
    for burst in BURSTS {
        for percent in LOSSES.into_iter().filter(|percent| *percent > 0) {
            let loss = Loss::bursts(f64::from(percent) / 100.0, burst.into());
            cases.push(Case::new(format!("burst{burst}-{percent}"), PATH.loss(loss)));
        }
    }
    // Longer paths, so that the normal distribution is not cut at no delay at all.
    for (delay, sd) in [(90, 30), (300, 100)] {
        let network = Config::IDEAL.delay(ms(delay)).jitter(Jitter::normal(ms(sd)));
        cases.push(Case::new(format!("jitter-{sd}"), network));
        let network = network.loss(Loss::uniform(0.1));
        cases.push(Case::new(format!("jitter-{sd}-loss-10"), network));
    }
    let held_back = Order::HeldBack {
        probability: 0.05,
        by: ms(50),
    };
    cases.push(Case::new("reorder", PATH.order(held_back)));
    cases.push(Case::new("duplicate", PATH.duplicate(0.1)));
    let spikes = Spikes::Random {
        every: ms(5_000),
        height: ms(300),
    };
    cases.push(Case::new("spikes", PATH.spikes(spikes)));
    let narrow = |kbps: u64| PATH.rate(Rate::new(kbps * 1000, ms(500)));
    for kbps in LINKS {
        cases.push(Case::new(format!("link-{kbps}"), narrow(kbps)));
    }
    cases.push(Case {
        dip: Some(Dip {
            network: narrow(30),
            from: ms(10_000),
            until: ms(20_000),
        }),
        ..Case::new("dip", narrow(100))
    });
    for drift_ppm in [300.0, -300.0] {
        let sign = if drift_ppm > 0.0 { "fast" } else { "slow" };
        cases.push(Case {
            drift_ppm,
            ..Case::new(format!("drift-{sign}"), PATH)
        });
    }
    for preset in [
        Preset::Broadband,
        Preset::Wifi,
        Preset::WifiCongested,
        Preset::Cellular,
        Preset::CellularEdge,
        Preset::SatelliteLow,
        Preset::Satellite,
    ] {
        cases.push(Case::new(format!("preset-{preset}"), preset.config()));
    }
    cases
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_usable_as_files() {
        let cases = cases();
        let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names.len(), cases.len());
        for name in names {
            assert!(
                name.chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            );
        }
    }

    #[test]
    fn a_case_is_picked_by_name_or_family() {
        let named = |name: &str| cases().iter().filter(|case| case.is_named(name)).count();
        assert_eq!(named("loss"), 6);
        assert_eq!(named("loss-5"), 1, "not loss-50");
        assert_eq!(named("burst4"), 5);
        assert_eq!(named("nothing"), 0);
    }
}
