//! The sound of a connection, as far as pictures have to do with it: when what is played was made, and how long the
//! playout has to wait. It refuses to know pictures.

use std::time::{Duration, Instant};

use crate::packet::RtpTimestamp;
use crate::transport::MAX_SLOTS;
use crate::transport::video::{LipsEnd, PlayedSound};
use crate::video::{Moment, NtpTime, Timeline};

/// How often sound and pictures are brought together.
const ADJUST: Duration = Duration::from_millis(250);

/// Sources of sound that are remembered: a connection has one, or as many as slots, and changes them seldom.
const MAX_VOICES: usize = 2 * MAX_SLOTS;

/// A stream of sound.
struct Voice {
    ssrc: u32,
    participant: Option<u32>,
    timeline: Timeline,
}

/// What is known of all sound of a connection.
pub(crate) struct Lips {
    end: LipsEnd,
    voices: Vec<Voice>,
    /// What was played last, of each slot.
    played: [Option<PlayedSound>; MAX_SLOTS],
    adjust: Instant,
    /// Whether any sound waits for pictures.
    waits: bool,
}

impl Lips {
    pub(crate) fn new(end: LipsEnd, now: Instant) -> Self {
        Self {
            end,
            voices: Vec::with_capacity(MAX_VOICES),
            played: [None; MAX_SLOTS],
            adjust: now,
            waits: false,
        }
    }

    /// A packet of sound has come.
    pub(crate) fn packet(
        &mut self,
        ssrc: u32,
        participant: Option<u32>,
        timestamp: RtpTimestamp,
        captured: Option<NtpTime>,
    ) {
        // Sources that say nothing are not worth a place.
        if captured.is_none() && !self.voices.iter().any(|voice| voice.ssrc == ssrc) {
            return;
        }
        let voice = self.voice(ssrc);
        if voice.participant != participant {
            voice.participant = participant;
            voice.timeline.forget_capturer();
        }
        if let Some(captured) = captured {
            voice.timeline.captured(captured, timestamp.0);
        }
    }

    /// A sender report of something that is no picture.
    pub(crate) fn sender_report(&mut self, ssrc: u32, ntp: NtpTime, rtp: u32) {
        self.voice(ssrc).timeline.reported(ntp, rtp);
    }

    fn voice(&mut self, ssrc: u32) -> &mut Voice {
        let known = self.voices.iter().position(|voice| voice.ssrc == ssrc);
        let at = known.unwrap_or_else(|| {
            if self.voices.len() == MAX_VOICES {
                self.voices.remove(0);
            }
            self.voices.push(Voice {
                ssrc,
                participant: None,
                timeline: Timeline::new(crate::packet::CLOCK_RATE),
            });
            self.voices.len() - 1
        });
        &mut self.voices[at]
    }

    /// What the playout says next: a sample that is played, and when that was made.
    pub(crate) fn next_played(&mut self) -> Option<(PlayedSound, Moment)> {
        let sound = self.end.played.pop()?;
        if let Some(played) = self.played.get_mut(usize::from(sound.slot)) {
            *played = Some(sound);
        }
        // What is played may be of somebody else than what comes by now.
        let voice = self
            .voices
            .iter()
            .find(|voice| voice.ssrc == sound.ssrc && voice.participant == sound.participant);
        let made = voice.map_or(Moment::default(), |voice| voice.timeline.at(sound.timestamp.0));
        Some((sound, made))
    }

    /// What was played last of somebody.
    pub(crate) fn of(&self, participant: Option<u32>) -> Option<&PlayedSound> {
        let played = self.played.iter().flatten();
        played
            .filter(|sound| sound.participant == participant)
            .max_by_key(|sound| sound.at)
    }

    /// Whether it is time to bring sound and pictures together.
    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        let due = now >= self.adjust;
        if due {
            self.adjust = now + ADJUST;
        }
        due
    }

    /// Has sound wait as long as `minimum` says for whom it is of, and no longer.
    pub(crate) fn set_minimum_delays(&mut self, minimum: impl Fn(Option<u32>) -> Duration) {
        self.waits = false;
        for (slot, played) in self.played.iter().enumerate() {
            let minimum = played.map_or(Duration::ZERO, |sound| minimum(sound.participant));
            self.end.set_minimum_delay(slot, minimum);
            self.waits |= !minimum.is_zero();
        }
    }

    /// When to look again, if nothing comes before.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.waits.then_some(self.adjust)
    }
}
