//! Who speaks: what the levels of one stream (RFC 6464), or the sizes of its packets where it tells none, say about it.
//! It knows no other stream; [`stage`](super::stage) compares.

use super::packet::AudioLevel;

/// What a packet sounds like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sound {
    /// Nobody would miss it.
    Silent,
    /// Something, but no voice.
    Ambient,
    /// A voice.
    Speech,
}

/// Quieter than this, in -dBov, and without a voice a packet is silent. Lower lets hum and breath through.
const SILENCE: u8 = 60;
/// A voice that the sender claims is not believed below this: the V bit hangs over while the voice dies away.
const FAINTEST_VOICE: u8 = 75;
/// Where a sender never sets the V bit, this loud is a voice.
const LOUD: u8 = 45;
/// Largest payload of a comfort noise frame of Opus, in bytes.
const COMFORT: usize = 8;
/// What a sender without levels is taken to speak with, in -dBov: it never outranks one that is known to be louder.
const PRESUMED: u8 = 40;

/// Pauses between words that do not end a spurt of speech, in microseconds.
const PAUSE: u64 = 300_000;
/// For how long after a packet of speech its sender is speaking.
const STILL: u64 = 100_000;
/// A talker keeps what it has for as long as it spoke, within these bounds. More at the top lets people think, less
/// lets others in sooner.
const KEEP: (u64, u64) = (200_000, 2_000_000);

/// How fast the background is believed to have become louder, in dB a second. Speech has pauses; what has none is
/// background after half a minute.
const FLOOR_RISE: f32 = 3.0;
/// Nobody's background is taken for louder than this at first.
const FIRST_FLOOR: f32 = 60.0;

#[derive(Clone, Debug)]
pub(crate) struct Activity {
    /// Loudness is 127 less the level, so that more is louder.
    floor: f32,
    score: f32,
    flags: bool,
    largest: f32,
    silent: u32,
    began: u64,
    speech: Option<u64>,
    sound: Option<u64>,
    credit: u64,
}

impl Activity {
    pub(crate) fn new() -> Self {
        Self {
            floor: FIRST_FLOOR,
            score: 0.0,
            flags: false,
            largest: 0.0,
            silent: 0,
            began: 0,
            speech: None,
            sound: None,
            credit: 0,
        }
    }

    /// Hears the newest packet, of `size` bytes of codec payload and `duration` microseconds.
    pub(crate) fn hear(&mut self, now: u64, level: Option<AudioLevel>, size: usize, duration: u64) -> Sound {
        self.flags |= level.is_some_and(|level| level.voice);
        let presumed = self.presume(size);
        let level = level.unwrap_or(presumed);
        let quiet = level.minus_dbov;
        let loud = if self.flags {
            level.voice && quiet <= FAINTEST_VOICE
        } else {
            level.voice || quiet <= LOUD
        };
        let sound = match quiet {
            _ if size <= 3 => Sound::Silent,
            127.. => Sound::Silent,
            _ if loud => Sound::Speech,
            _ if quiet > SILENCE => Sound::Silent,
            _ => Sound::Ambient,
        };
        let seconds = duration as f32 / 1e6;
        let loudness = f32::from(127 - quiet.min(127));
        self.floor = if loudness < self.floor {
            self.floor + (loudness - self.floor) * 0.25
        } else {
            (self.floor + FLOOR_RISE * seconds).min(loudness)
        };
        let above = if sound == Sound::Speech {
            loudness - self.floor
        } else {
            0.0
        };
        self.score += (above.max(0.0) - self.score) * (seconds / 0.3).min(1.0);
        self.silent = if sound == Sound::Silent {
            self.silent.saturating_add(1)
        } else {
            0
        };
        if sound != Sound::Silent {
            self.sound = Some(now);
        }
        if sound == Sound::Speech {
            let pause = self.speech.map(|speech| now.saturating_sub(speech));
            if pause.is_none_or(|pause| pause > PAUSE) {
                self.began = now;
                self.credit = self.credit.saturating_sub(pause.unwrap_or(0));
            }
            self.credit = (self.credit + duration).min(KEEP.1);
            self.speech = Some(now);
        }
        sound
    }

    fn presume(&mut self, size: usize) -> AudioLevel {
        self.largest = (self.largest * 0.999).max(size as f32);
        let voice = size > COMFORT && size as f32 * 2.0 >= self.largest;
        let minus_dbov = if size <= COMFORT {
            126
        } else if voice {
            PRESUMED
        } else {
            SILENCE - 5
        };
        AudioLevel { minus_dbov, voice }
    }

    /// Silent packets in a row, up to the newest.
    pub(crate) fn silent(&self) -> u32 {
        self.silent
    }

    /// Whether a voice is heard right now.
    pub(crate) fn is_speaking(&self, now: u64) -> bool {
        self.speech
            .is_some_and(|speech| now.saturating_sub(speech) <= STILL)
    }

    /// For how long it has been speaking, with pauses between words.
    pub(crate) fn speaking_for(&self, now: u64) -> u64 {
        if self.is_speaking(now) {
            now.saturating_sub(self.began)
        } else {
            0
        }
    }

    /// How long ago it lost the claim to what it has; negative while it still has it.
    pub(crate) fn claim_lost(&self, now: u64) -> i64 {
        match self.speech {
            Some(speech) => {
                let until = speech + self.credit.clamp(KEEP.0, KEEP.1);
                now as i64 - until as i64
            }
            None => i64::MAX / 2,
        }
    }

    /// How long ago anything was heard.
    pub(crate) fn quiet_for(&self, now: u64) -> u64 {
        self.sound.map_or(u64::MAX, |sound| now.saturating_sub(sound))
    }

    /// How far the voice has stood above its own background lately, in dB. It is not worth anything to be loud without
    /// pause.
    pub(crate) fn score(&self) -> f32 {
        self.score
    }
}
