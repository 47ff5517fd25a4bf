//! Whether to hurry or to linger: compares the slack of the last packets with the target and, where it is far
//! enough off and the sound allows it, takes a pitch period out or repeats one.
//!
//! The band in which nothing is done widens with the spread of the network's delay, because the target itself
//! wanders then; on a steady network it is a millisecond, so a steady stream is never touched. Speech is made
//! shorter only when much is at stake: nobody hears what is done in its pauses, which are never far.

use super::decoder::VoiceDecoder;
use super::playout::{MARGIN, Playout, Round, lowest};
use super::stretch::{self, MAX_LAG, MIN_FADE, MIN_LAG, Side};

/// Sound that a hurry wants to see: two periods of the lowest voice.
const AHEAD: usize = 2 * MAX_LAG;
/// Excess from which haste matters more than beauty: 80 ms.
const URGENT: i64 = 3840;
/// Excess from which hurrying may not wait for a pause in speech: 40 ms. Half of it costs 0.04 of PESQ-WB where the
/// network's delay varies by 30 ms; more is delay that stays for as long as somebody talks without drawing breath.
const HURRY: i64 = 1920;
/// Lack from which lingering may not wait for one: 10 ms.
const HASTE: i64 = 480;
/// Resemblance of two periods that makes the joint inaudible, and the least acceptable one.
const ALIKE: f32 = 0.85;
const BEARABLE: f32 = 0.5;
/// Pause between two stretches of speech: 40 ms.
const PAUSE: i64 = 1920;
/// The same in silence or haste: 10 ms.
const SHORT_PAUSE: i64 = 480;
/// Root mean square below which nobody hears what is done: -60 dBFS; and above which it cannot be background.
const INAUDIBLE: f32 = 0.001;
const LOUD: f32 = 0.01;

impl<D: VoiceDecoder> Playout<D> {
    /// Adapts the delay, after a packet was made ready.
    pub(super) fn adapt(&mut self, round: &mut Round<'_>) {
        let (target, spread) = (round.delay.target(), round.delay.spread());
        let quiet = self.is_quiet();
        if self.since_stretch < SHORT_PAUSE {
            return;
        }
        let slack = self.slack.after(0);
        if slack < lowest(round.delay) {
            self.linger(target, quiet, round);
        } else {
            // What costs no slack may always go.
            self.hurry((target + MARGIN - spread / 16).min(slack), quiet, round);
        }
    }

    /// Whether the newest sound is background. Keeps track of what background sounds like.
    fn is_quiet(&mut self) -> bool {
        let rms = stretch::rms(self.pcm.tail(960));
        self.noise_floor = if rms < self.noise_floor {
            rms
        } else {
            (self.noise_floor * 1.015).max(1e-5)
        };
        rms < INAUDIBLE || (rms < 2.0 * self.noise_floor && rms < LOUD)
    }

    fn linger(&mut self, target: i64, quiet: bool, round: &mut Round<'_>) {
        let want = self.slack.missing(target, 48_000);
        let urgent = want > HASTE;
        if !quiet && !urgent && self.since_stretch < PAUSE {
            return;
        }
        let (signal, head) = self.pcm.all();
        let lag = if quiet {
            (want as usize).clamp(MIN_LAG, MAX_LAG)
        } else {
            // A little more than wanted may be taken: a period is what it is.
            let most = (want as usize + 480).min(MAX_LAG);
            let alike = if want > URGENT { BEARABLE } else { ALIKE };
            match stretch::best_lag(signal, head, Side::Before, MIN_LAG..=most) {
                Some(found) if found.correlation >= alike => found.lag,
                _ => return,
            }
        };
        if !self.pcm.open(lag) {
            return;
        }
        let (signal, head) = self.pcm.all();
        stretch::unfold(signal, head, lag);
        self.slack.shift(lag as i64);
        self.since_stretch = 0;
        round.stats.inserted_samples_for_deceleration += lag as u64;
    }

    fn hurry(&mut self, keep: i64, quiet: bool, round: &mut Round<'_>) {
        let urgent = self.slack.after(-URGENT) >= keep;
        let most = self.slack.removable(keep, MAX_LAG as i64);
        let may = quiet || urgent || self.since_stretch >= PAUSE && self.slack.after(-HURRY) >= keep;
        if most < MIN_LAG as i64 || !may {
            return;
        }
        // More sound to look at allows longer periods; the packets are here, or there would be no excess.
        if self.pcm.ready() < AHEAD && round.packets.first().is_some_and(|first| first.at == self.next) {
            self.take(round);
        }
        let covered_next = round.packets.first().is_some_and(|first| first.at <= self.next);
        let (signal, head) = self.pcm.all();
        let ready = signal.len() - head;
        let spare = if covered_next {
            ready
        } else {
            ready.saturating_sub(round.block as usize)
        };
        let most = (most as usize).min(spare).min(ready.saturating_sub(MIN_FADE));
        if most < MIN_LAG {
            return;
        }
        let lag = if quiet {
            most
        } else {
            let alike = if urgent { BEARABLE } else { ALIKE };
            match stretch::best_lag(signal, head, Side::After, MIN_LAG..=most) {
                Some(found) if found.correlation >= alike => found.lag,
                _ => return,
            }
        };
        let fade = stretch::fold(signal, head, lag);
        self.pcm.remove(fade, lag);
        self.slack.shift(-(lag as i64));
        self.since_stretch = 0;
        round.stats.removed_samples_for_acceleration += lag as u64;
    }
}
