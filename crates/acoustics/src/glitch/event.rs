//! What was found: glitches, their numbers, and which of them are one.

use serde::Serialize;

use super::drift::Drift;
use crate::rate::SampleRate;

/// What kind of glitch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The sound was missing or much weaker.
    Dropout,
    /// The last sample was held.
    Held,
    /// Sound that had come before came instead of what should.
    Repeat,
    /// Samples were lost or put in, without a gap: see [`Glitch::shift`].
    Jump,
    /// Something short was added, or took the place of some samples.
    Click,
    /// The level changed at once and stayed: see [`Glitch::level_db`].
    Level,
    /// Something else was heard besides.
    Disturbance,
}

/// Something that should not be in a recording.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Glitch {
    /// What kind.
    pub kind: Kind,
    /// The sample of the recording it begins at.
    pub at: u64,
    /// The same in seconds.
    pub seconds: f64,
    /// How long it lasted, in samples; 0 for a jump without a seam.
    pub length: u64,
    /// The same in milliseconds.
    pub milliseconds: f64,
    /// How many samples later everything comes from here on: what was put in, negative for what was lost. `None` where
    /// that could not be told.
    pub shift: Option<f64>,
    /// By how many dB the level is another one from here on.
    pub level_db: f64,
}

/// How many of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)] // named like the kinds
pub struct Counts {
    pub dropouts: u64,
    pub held: u64,
    pub repeats: u64,
    pub jumps: u64,
    pub clicks: u64,
    pub levels: u64,
    pub disturbances: u64,
    /// Weaker ones shortly after a strong one: its echo in the room. In none of the other numbers.
    pub echoes: u64,
}

impl Counts {
    /// All kinds together, without echoes.
    pub fn total(&self) -> u64 {
        self.dropouts + self.held + self.repeats + self.jumps + self.clicks + self.levels + self.disturbances
    }

    /// Those that no noise in the room can be: sound was missing, repeated or moved.
    pub fn of_sound(&self) -> u64 {
        self.dropouts + self.held + self.repeats + self.jumps
    }

    fn of(&mut self, kind: Kind) -> &mut u64 {
        match kind {
            Kind::Dropout => &mut self.dropouts,
            Kind::Held => &mut self.held,
            Kind::Repeat => &mut self.repeats,
            Kind::Jump => &mut self.jumps,
            Kind::Click => &mut self.clicks,
            Kind::Level => &mut self.levels,
            Kind::Disturbance => &mut self.disturbances,
        }
    }
}

/// What a recording of the tones says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Whether the tones were heard at all. If not, nothing else says anything.
    pub found: bool,
    /// When they were heard first, in seconds.
    pub found_at: Option<f64>,
    /// Length of the recording, in seconds.
    pub heard_seconds: f64,
    /// Amplitude of the strong tone, in dB of full scale.
    pub level_db: Option<f64>,
    /// RMS of all besides the tones, in dB of full scale.
    pub noise_db: Option<f64>,
    /// What differs by less than this share of the strong tone's amplitude is not seen. Above 0.7, silence is not.
    pub sensitivity: Option<f64>,
    /// How the clocks drift apart.
    pub drift: Option<Drift>,
    /// How many glitches of each kind.
    pub counts: Counts,
    /// The tones are gone since then, in seconds: nothing has come back so far. In no other number.
    pub lost_since: Option<f64>,
    /// Where the tones are not there: another tone that is heard instead, in Hz. Played and recorded at different rates,
    /// [`TONES`](super::TONES) sound higher or lower.
    pub other_tone_hz: Option<f64>,
    /// Samples that were no numbers.
    pub broken_samples: u64,
    /// The first thousand glitches, in order of time.
    pub glitches: Vec<Glitch>,
}

/// Glitches that are kept for the report.
const KEPT: usize = 1000;
/// How long after a glitch its echoes come, in seconds.
const ECHOES: f64 = 0.4;
/// An echo is weaker than this share of the glitch itself.
const ECHO_SHARE: f64 = 0.7;
/// Two jumps that cancel within this are one repeat, in seconds.
const ONE_REPEAT: f64 = 1.0;

/// Keeps count.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    rate: SampleRate,
    counts: Counts,
    kept: Vec<Glitch>,
    /// A jump that may turn out to be the beginning of a repeat.
    jump: Option<Glitch>,
    /// What may be told, since the last time.
    told: Vec<Glitch>,
    /// End and height of the last glitch that was no echo.
    strong: Option<(u64, f64)>,
}

impl Ledger {
    pub(super) fn new(rate: SampleRate) -> Self {
        Self {
            rate,
            counts: Counts::default(),
            kept: Vec::new(),
            jump: None,
            told: Vec::new(),
            strong: None,
        }
    }

    /// `height` is the largest difference, in amplitudes of the strong tone.
    pub(super) fn add(&mut self, glitch: Glitch, height: f64) {
        let echoes = self.rate.count(ECHOES) as u64;
        let weaker =
            |(end, strong): (u64, f64)| glitch.at <= end + echoes && height < ECHO_SHARE * strong.min(1.0);
        // A gap as such differs by the whole tone.
        let may_be_echo = !matches!(glitch.kind, Kind::Jump | Kind::Level);
        if may_be_echo && self.strong.is_some_and(weaker) {
            self.counts.echoes += 1;
            return;
        }
        self.strong = Some((glitch.at + glitch.length, height));
        let Some(jump) = self.jump.take() else {
            return self.keep(glitch);
        };
        let back = match (jump.shift, glitch.shift) {
            (Some(there), Some(back)) => there > 0.0 && (there + back).abs() < 1.0,
            _ => false,
        };
        let near = glitch.at - jump.at <= self.rate.count(ONE_REPEAT) as u64;
        if glitch.kind == Kind::Jump && back && near {
            let length = glitch.at - jump.at;
            self.tell(Glitch {
                kind: Kind::Repeat,
                length,
                milliseconds: self.rate.milliseconds(length as f64),
                shift: Some(0.0),
                level_db: 0.0,
                ..jump
            });
        } else {
            self.tell(jump);
            self.keep(glitch);
        }
    }

    fn keep(&mut self, glitch: Glitch) {
        if glitch.kind == Kind::Jump {
            self.jump = Some(glitch);
        } else {
            self.tell(glitch);
        }
    }

    fn tell(&mut self, glitch: Glitch) {
        *self.counts.of(glitch.kind) += 1;
        if self.kept.len() < KEPT {
            self.kept.push(glitch);
        }
        self.told.push(glitch);
    }

    /// Gives what is certain at the sample `now`.
    pub(super) fn settle(&mut self, now: u64, tell: impl FnMut(Glitch)) {
        let wait = self.rate.count(ONE_REPEAT) as u64;
        if self.jump.is_some_and(|jump| now > jump.at + wait) {
            self.flush();
        }
        self.told.drain(..).for_each(tell);
    }

    /// No second jump will come.
    pub(super) fn flush(&mut self) {
        if let Some(jump) = self.jump.take() {
            self.tell(jump);
        }
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn glitches(&self) -> &[Glitch] {
        &self.kept
    }
}
