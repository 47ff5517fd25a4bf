//! Named conditions, each with the reason for its values.
//!
//! They are typical paths for comparing one build with the next, not models of a given operator's network.
//! All values are one way; use the same both ways unless the uplink is what you test.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::{Config, Jitter, Loss, Order, Rate, Spikes};

/// A named set of conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// A perfect wire.
    Ideal,
    /// Two machines on one switched network.
    Lan,
    /// Home fibre or cable, same continent.
    Broadband,
    /// Good Wi-Fi, then broadband.
    Wifi,
    /// Wi-Fi with many stations on the channel.
    WifiCongested,
    /// Mobile data with a good signal.
    Cellular,
    /// Mobile data at the edge of a cell, moving.
    CellularEdge,
    /// Low-orbit satellite access.
    SatelliteLow,
    /// Geostationary satellite access.
    Satellite,
    /// Between continents, wired.
    Intercontinental,
    /// A thin uplink with an oversized buffer, filled by another transfer.
    Bufferbloat,
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

const fn us(microseconds: u64) -> Duration {
    Duration::from_micros(microseconds)
}

impl Preset {
    /// All presets, from the easiest to the hardest of each kind.
    pub const ALL: [Self; 11] = [
        Self::Ideal,
        Self::Lan,
        Self::Broadband,
        Self::Wifi,
        Self::WifiCongested,
        Self::Cellular,
        Self::CellularEdge,
        Self::SatelliteLow,
        Self::Satellite,
        Self::Intercontinental,
        Self::Bufferbloat,
    ];

    /// Its name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ideal => "ideal",
            Self::Lan => "lan",
            Self::Broadband => "broadband",
            Self::Wifi => "wifi",
            Self::WifiCongested => "wifi-congested",
            Self::Cellular => "cellular",
            Self::CellularEdge => "cellular-edge",
            Self::SatelliteLow => "satellite-low",
            Self::Satellite => "satellite",
            Self::Intercontinental => "intercontinental",
            Self::Bufferbloat => "bufferbloat",
        }
    }

    /// The conditions, one way.
    pub const fn config(self) -> Config {
        match self {
            Self::Ideal => Config::IDEAL,
            // A few store-and-forward hops; switches keep the order and practically never lose a packet.
            Self::Lan => Config::IDEAL
                .delay(us(300))
                .jitter(Jitter::normal(us(50)))
                .keep_order(),
            // 25 ms of round trip to a peer on the same continent, a short queue at the access router.
            Self::Broadband => Config::IDEAL
                .delay(ms(12))
                .jitter(Jitter::pareto(ms(1), 3.0, ms(30)))
                .loss(Loss::uniform(0.0005))
                .keep_order()
                .rate(Rate::new(20_000_000, ms(60))),
            // Link-layer retries turn radio loss into delay: a tail of some 10 ms, and little loss left over.
            Self::Wifi => Config::IDEAL
                .delay(ms(15))
                .jitter(Jitter::pareto(ms(4), 2.5, ms(120)))
                .loss(Loss::bursts(0.003, 2.0))
                .keep_order()
                .rate(Rate::new(30_000_000, ms(100))),
            // Contention makes the tail long, retries run out in bursts, and a station that scans for another
            // access point stops for about 100 ms every now and then.
            Self::WifiCongested => Config::IDEAL
                .delay(ms(20))
                .jitter(Jitter::pareto(ms(15), 2.2, ms(300)))
                .loss(Loss::bursts(0.03, 4.0))
                .keep_order()
                .rate(Rate::new(3_000_000, ms(200)))
                .spikes(Spikes::Random {
                    every: ms(6_000),
                    height: ms(150),
                }),
            // Scheduling grants and link-layer repeats in units of some milliseconds; order kept by the radio layer.
            Self::Cellular => Config::IDEAL
                .delay(ms(30))
                .jitter(Jitter::normal(ms(8)))
                .loss(Loss::bursts(0.005, 3.0))
                .keep_order()
                .rate(Rate::new(5_000_000, ms(300))),
            // Repeats pile up, the rate falls, and a handover stops everything for a part of a second.
            Self::CellularEdge => Config::IDEAL
                .delay(ms(70))
                .jitter(Jitter::pareto(ms(25), 2.2, ms(400)))
                .loss(Loss::bursts(0.04, 5.0))
                .keep_order()
                .rate(Rate::new(400_000, ms(500)))
                .spikes(Spikes::Random {
                    every: ms(12_000),
                    height: ms(600),
                }),
            // About 45 ms of round trip; the beam is scheduled anew every 15 s, which costs a short stall.
            Self::SatelliteLow => Config::IDEAL
                .delay(ms(22))
                .jitter(Jitter::normal(ms(6)))
                .loss(Loss::bursts(0.008, 6.0))
                .order(Order::HeldBack {
                    probability: 0.001,
                    by: ms(10),
                })
                .rate(Rate::new(10_000_000, ms(150)))
                .spikes(Spikes::Periodic {
                    every: ms(15_000),
                    height: ms(80),
                }),
            // 36 000 km up and down again is 240 to 280 ms; the rest is ground network.
            Self::Satellite => Config::IDEAL
                .delay(ms(290))
                .jitter(Jitter::normal(ms(5)))
                .loss(Loss::bursts(0.005, 4.0))
                .keep_order()
                .rate(Rate::new(2_000_000, ms(400))),
            // Half the globe in fibre; parallel paths in the core reorder a packet now and then.
            Self::Intercontinental => Config::IDEAL
                .delay(ms(120))
                .jitter(Jitter::pareto(ms(2), 3.0, ms(60)))
                .loss(Loss::uniform(0.002))
                .order(Order::HeldBack {
                    probability: 0.002,
                    by: ms(3),
                })
                .rate(Rate::new(20_000_000, ms(80))),
            // A megabit up, half a second of buffer, and something else that keeps most of it full: a high delay
            // that wanders, with bursts of loss when the buffer is full.
            Self::Bufferbloat => Config::IDEAL
                .delay(ms(250))
                .jitter(Jitter::uniform(ms(60)))
                .loss(Loss::bursts(0.02, 8.0))
                .keep_order()
                .rate(Rate::new(300_000, ms(500))),
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No preset has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no network preset is called {0:?}; there are: {names}", names = Preset::ALL.map(Preset::name).join(", "))]
pub struct UnknownPreset(pub String);

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|preset| preset.name() == name)
            .ok_or_else(|| UnknownPreset(name.into()))
    }
}
