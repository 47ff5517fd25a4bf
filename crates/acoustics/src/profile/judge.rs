//! Verdicts on the reports of the analysers.

use super::limits::Limits;
use super::verdict::{Check, Outcome, Verdict};
use crate::echo;
use crate::glitch;
use crate::latency;
use crate::level::{self, Relation};
use crate::sweep;

/// Something that limits can be applied to.
pub trait Judge {
    /// One verdict for each check, always the same checks in the same order.
    fn judge(&self, limits: &Limits) -> Vec<Verdict>;
}

fn heard(found: bool, what: &str) -> Verdict {
    if found {
        Verdict::plain(Check::SignalHeard, Outcome::Pass, format!("{what} was heard"))
    } else {
        Verdict::plain(
            Check::SignalHeard,
            Outcome::Fail,
            format!("{what} was played, but not heard"),
        )
    }
}

/// Fails where `bad`.
fn unless(check: Check, bad: bool, good: &str, reason: String) -> Verdict {
    if bad {
        Verdict::plain(check, Outcome::Fail, reason)
    } else {
        Verdict::plain(check, Outcome::Pass, good.into())
    }
}

impl Judge for latency::Report {
    fn judge(&self, limits: &Limits) -> Vec<Verdict> {
        let median = self.latency_ms.map(|latency| latency.p50);
        let spread = self.latency_ms.map(|latency| latency.p95 - latency.min);
        vec![
            heard(self.latency_ms.is_some(), "the chirp"),
            Verdict::at_most(Check::Latency, median, limits.latency_ms, "ms"),
            Verdict::at_most(Check::LatencyStability, spread, limits.latency_spread_ms, "ms"),
        ]
    }
}

impl Judge for glitch::Report {
    fn judge(&self, limits: &Limits) -> Vec<Verdict> {
        let minutes = (self.heard_seconds - self.found_at.unwrap_or(0.0)) / 60.0;
        // What can be seen at all; and what never came back counts.
        let seen = self.found && self.sensitivity.is_some_and(|least| least < 0.7);
        let count = self.counts.of_sound() + u64::from(self.lost_since.is_some());
        // One glitch in ten seconds is one, not six a minute.
        let a_minute = seen.then(|| count as f64 / minutes.max(1.0));
        let mut glitches =
            Verdict::at_most(Check::Glitches, a_minute, limits.glitches_per_minute, "a minute");
        let besides = self.counts.total() - self.counts.of_sound();
        if besides > 0 && glitches.outcome == Outcome::Pass {
            glitches.outcome = Outcome::Warn;
            glitches.reason = format!(
                "no sound was lost, but {besides} clicks or noises were heard: the device's or the room's"
            );
            glitches.advice = Some("Repeat the test where it is quiet, or through a cable.");
        }
        if let Some(since) = self.lost_since {
            glitches.outcome = Outcome::Fail;
            glitches.reason = format!("the tone stopped after {since:.1} s and did not come back");
            glitches.advice = Some(super::advice::of(Check::Glitches));
        }
        let drift = self.drift.map(|drift| drift.ppm.abs());
        let mut heard = heard(self.found, "the tone");
        if let Some(hz) = self
            .other_tone_hz
            .filter(|_| !self.found || self.lost_since.is_some())
        {
            heard.outcome = Outcome::Fail;
            heard.reason = format!(
                "a tone of {hz:.0} Hz was heard instead of {:.0} Hz",
                glitch::TONES[0]
            );
            heard.advice = Some(super::advice::OTHER_RATE);
        }
        vec![
            heard,
            glitches,
            Verdict::at_most(Check::ClockDrift, drift, limits.drift_ppm, "ppm"),
        ]
    }
}

impl Judge for level::Report {
    fn judge(&self, limits: &Limits) -> Vec<Verdict> {
        let measured = self.seconds > 0.0;
        let number = |channels: Vec<usize>| {
            let numbers: Vec<String> = channels.iter().map(|channel| (channel + 1).to_string()).collect();
            numbers.join(", ")
        };
        let those = |what: &dyn Fn(&level::Channel) -> bool| -> Vec<usize> {
            let channels = self.channels.iter().enumerate();
            channels
                .filter(|(_, channel)| what(channel))
                .map(|(at, _)| at)
                .collect()
        };
        let (muted, dead) = (those(&|channel| channel.muted), those(&|channel| channel.dead));
        let all_muted = muted.len() == self.channels.len();
        let inverted: Vec<usize> = self
            .pairs
            .iter()
            .filter(|pair| pair.relation == Relation::Inverted)
            .map(|pair| pair.other)
            .collect();
        let most = |value: &dyn Fn(&level::Channel) -> f64| {
            let channels = self.channels.iter().filter(|channel| measured && !channel.muted);
            channels.map(value).reduce(f64::max)
        };
        let minutes = (self.seconds / 60.0).max(1.0);
        vec![
            unless(
                Check::Muted,
                all_muted,
                "sound comes",
                "nothing but zeros came: not even noise".into(),
            ),
            unless(
                Check::DeadChannel,
                !all_muted && !dead.is_empty(),
                "all channels are alive",
                format!("channel {} is much quieter than the others", number(dead)),
            ),
            unless(
                Check::ChannelOrder,
                self.swapped,
                "no channels are swapped",
                "channels were heard in another order than they were played in".into(),
            ),
            unless(
                Check::Polarity,
                !inverted.is_empty(),
                "no channel is turned around",
                format!("channel {} has the opposite polarity", number(inverted)),
            ),
            Verdict::at_most(
                Check::Noise,
                most(&|channel| channel.floor_dba),
                limits.noise_dba,
                "dBFS(A)",
            ),
            Verdict::at_most(Check::Dc, most(&|channel| channel.dc.abs()), limits.dc, ""),
            Verdict::at_most(
                Check::Clipping,
                most(&|channel| channel.flat_tops as f64 / minutes),
                limits.clipping_per_minute,
                "a minute",
            ),
        ]
    }
}

impl Judge for level::FollowingReport {
    fn judge(&self, _: &Limits) -> Vec<Verdict> {
        let verdict = match (self.follows, self.slope) {
            (Some(true), Some(slope)) => Verdict::plain(
                Check::GainControl,
                Outcome::Warn,
                format!(
                    "the gain follows the level: 10 dB more became {:.1} dB more",
                    10.0 * slope
                ),
            ),
            (Some(_), _) => Verdict::plain(
                Check::GainControl,
                Outcome::Pass,
                "the gain stays as it is".into(),
            ),
            (None, _) => Verdict::plain(
                Check::GainControl,
                Outcome::NotMeasured,
                "too few of the levels were heard".into(),
            ),
        };
        vec![verdict]
    }
}

impl Judge for echo::Report {
    fn judge(&self, limits: &Limits) -> Vec<Verdict> {
        let spread = self
            .delays_ms
            .filter(|_| self.found)
            .map(|delays| delays.max - delays.min);
        let decay = self.decay.map(|decay| decay.seconds);
        let loss = match (self.found, self.windows) {
            // What cannot be told from the noise is no echo.
            (false, 1..) => Verdict::plain(Check::EchoReturnLoss, Outcome::Pass, "nothing comes back".into()),
            _ => Verdict::at_least(
                Check::EchoReturnLoss,
                self.return_loss_db,
                limits.return_loss_db,
                "dB",
            ),
        };
        vec![
            loss,
            Verdict::at_most(Check::EchoDelayStability, spread, limits.echo_spread_ms, "ms"),
            Verdict::at_most(Check::Reverberation, decay, limits.reverberation_seconds, "s"),
        ]
    }
}

/// An echo before and behind a canceller: what is judged is how loud it still is against what was played.
#[derive(Clone, Copy, Debug)]
pub struct Cancelled<'a> {
    /// What the microphone gave.
    pub before: &'a echo::Report,
    /// What the canceller left of it.
    pub after: &'a echo::Report,
}

impl Judge for Cancelled<'_> {
    fn judge(&self, limits: &Limits) -> Vec<Verdict> {
        let loss = echo::enhancement_db(self.before, self.after)
            .map(|_| self.after.played_db - self.after.recorded_db);
        vec![Verdict::at_least(
            Check::EchoBehindCanceller,
            loss,
            limits.cancelled_loss_db,
            "dB",
        )]
    }
}

impl Judge for sweep::ResponseReport {
    fn judge(&self, limits: &Limits) -> Vec<Verdict> {
        let distortion = self.distortion.iter().find(|at| (at.hz - 1000.0).abs() < 1.0);
        let [low, high] = [
            self.within_10_db.map(|band| band.0),
            self.within_10_db.map(|band| band.1),
        ];
        vec![
            heard(self.found, "the sweep"),
            Verdict::at_most(Check::BandwidthLow, low, limits.low_hz, "Hz"),
            Verdict::at_least(Check::BandwidthHigh, high, limits.high_hz, "Hz"),
            Verdict::at_most(
                Check::Distortion,
                distortion.map(|at| at.thd_percent),
                limits.thd_percent,
                "%",
            ),
            Verdict::at_least(Check::SignalToNoise, self.snr_db, limits.snr_db, "dB"),
        ]
    }
}

impl Judge for sweep::DistortionReport {
    fn judge(&self, limits: &Limits) -> Vec<Verdict> {
        let value = |value: f64| self.found.then_some(value);
        vec![
            heard(self.found, "the tone"),
            Verdict::at_most(
                Check::Distortion,
                value(self.thd_percent),
                limits.thd_percent,
                "%",
            ),
            Verdict::at_least(Check::SignalToNoise, value(self.snr_db), limits.snr_db, "dB"),
        ]
    }
}
