//! The limits of each profile.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// A kind of device, and how it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// One person, sound at the ear, microphone near the mouth.
    Headset,
    /// One person or a few at arm's length, in an office.
    Speakerphone,
    /// A room with people several metres away.
    ConferenceRoom,
}

/// Beyond `warn` something is wrong, beyond `fail` calls suffer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bound {
    /// The first.
    pub warn: f64,
    /// The second.
    pub fail: f64,
}

const fn bound(warn: f64, fail: f64) -> Bound {
    Bound { warn, fail }
}

/// What a device must reach. Change single ones where a site has its own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// At most so many milliseconds from played to recorded, in the median.
    ///
    /// ITU-T G.114 holds 150 ms from mouth to ear as what most calls bear unharmed, and 400 ms as the most to plan for. Both
    /// ends' devices together take about one round trip of one of them out of that, so that it may be half of it; the
    /// values are ours.
    pub latency_ms: Bound,
    /// The latency varies by at most so many milliseconds, from the least to the 95th percentile. Ours: it becomes a
    /// buffer.
    pub latency_spread_ms: Bound,
    /// The clocks drift apart by at most so many ppm. Ours: crystals stay below 100, and a resampler follows 500.
    pub drift_ppm: Bound,
    /// At most so many glitches a minute. Ours: one is audible, one a minute is annoying.
    pub glitches_per_minute: Bound,
    /// A-weighted noise is at most so many dB of full scale. Ours: ITU-T P.341 limits the noise that is sent at the nominal
    /// level of a terminal, which full scale is not.
    pub noise_dba: Bound,
    /// The constant in the signal is at most so much of full scale. Ours: it takes headroom, and clicks when switched.
    pub dc: Bound,
    /// So many half seconds in a minute may have flat tops. Ours.
    pub clipping_per_minute: Bound,
    /// What comes back of the played sound is at least so many dB weaker, without any canceller. Ours: of a headset nothing
    /// should; a canceller of a loudspeaker copes with an echo as loud as what was played (0 dB), and is happier with
    /// the 6 dB that ITU-T G.168 starts from.
    pub return_loss_db: Bound,
    /// The same behind the canceller: what ITU-T P.340 and P.341 call terminal coupling loss, though not weighted as
    /// there. 45 dB are what terminals reach with headsets and handsets, 35 dB the least of hands-free ones.
    pub cancelled_loss_db: Bound,
    /// The echo's delay varies by at most so many milliseconds. Ours: a canceller has to find it again.
    pub echo_spread_ms: Bound,
    /// Sound lingers for at most so many seconds (T60). Ours: meeting rooms are built for 0.4 to 0.8.
    pub reverberation_seconds: Bound,
    /// The lowest frequency within 10 dB of 1 kHz is at most so many Hz: the bands of wideband (ITU-T P.341) and
    /// narrowband telephony (ITU-T P.342, from 300 Hz to 3.4 kHz) as warning and failure.
    pub low_hz: Bound,
    /// The highest such frequency is at least so many Hz.
    pub high_hz: Bound,
    /// Harmonic distortion at 1 kHz is at most so many percent. Ours: ITU-T P.341 and P.342 ask for less at nominal level,
    /// with measuring microphones.
    pub thd_percent: Bound,
    /// The test signal is at least so many dB above the noise. Ours.
    pub snr_db: Bound,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Headset, Self::Speakerphone, Self::ConferenceRoom];

    /// Its name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Headset => "headset",
            Self::Speakerphone => "speakerphone",
            Self::ConferenceRoom => "conference-room",
        }
    }

    /// Its limits.
    pub const fn limits(self) -> Limits {
        let headset = Limits {
            latency_ms: bound(75.0, 150.0),
            latency_spread_ms: bound(5.0, 20.0),
            drift_ppm: bound(100.0, 500.0),
            glitches_per_minute: bound(0.0, 1.0),
            noise_dba: bound(-60.0, -50.0),
            dc: bound(0.01, 0.05),
            clipping_per_minute: bound(0.0, 6.0),
            return_loss_db: bound(40.0, 30.0),
            cancelled_loss_db: bound(45.0, 40.0),
            echo_spread_ms: bound(2.0, 10.0),
            reverberation_seconds: bound(0.8, 1.5),
            low_hz: bound(200.0, 300.0),
            high_hz: bound(6_300.0, 3_400.0),
            thd_percent: bound(3.0, 10.0),
            snr_db: bound(35.0, 20.0),
        };
        match self {
            Self::Headset => headset,
            Self::Speakerphone => Limits {
                return_loss_db: bound(6.0, 0.0),
                cancelled_loss_db: bound(45.0, 35.0),
                noise_dba: bound(-55.0, -45.0),
                reverberation_seconds: bound(0.5, 1.0),
                thd_percent: bound(5.0, 15.0),
                snr_db: bound(30.0, 15.0),
                ..headset
            },
            Self::ConferenceRoom => Limits {
                latency_ms: bound(100.0, 200.0),
                return_loss_db: bound(6.0, 0.0),
                cancelled_loss_db: bound(45.0, 35.0),
                noise_dba: bound(-50.0, -40.0),
                reverberation_seconds: bound(0.6, 0.9),
                thd_percent: bound(5.0, 15.0),
                snr_db: bound(25.0, 12.0),
                ..headset
            },
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No profile has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no profile is called {0:?}; there are: {names}", names = Profile::ALL.map(Profile::name).join(", "))]
pub struct UnknownProfile(pub String);

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.name() == name)
            .ok_or_else(|| UnknownProfile(name.into()))
    }
}
