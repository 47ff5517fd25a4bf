//! Who is in the room: what a voice sends, and the truth about it.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use sidetone_sfu::room::AudioLevel;

/// What a frame holds, in truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Background.
    Quiet,
    /// The faint beginning of a word, which no detector notices.
    Onset,
    /// A voice.
    Voice,
    /// A noise that passes for a voice.
    Cough,
}

/// How somebody talks. Times in frames of 20 ms.
#[derive(Clone, Debug)]
pub struct Manner {
    pub speech: std::ops::Range<u32>,
    pub pause: std::ops::Range<u32>,
    /// Of the voice, in -dBov.
    pub level: u8,
    /// Whether the header tells levels.
    pub levels: bool,
    /// Whether packets repeat earlier frames.
    pub red: bool,
    /// Whether pauses are not sent but for a frame in twenty.
    pub dtx: bool,
    /// Always claims the loudest voice.
    pub liar: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            speech: 20..120,
            pause: 10..60,
            level: 25,
            levels: true,
            red: false,
            dtx: false,
            liar: false,
        }
    }
}

impl Manner {
    /// Only listens, with an open microphone.
    pub fn silent() -> Self {
        Self {
            speech: 0..0,
            ..Self::default()
        }
    }
}

/// A mouth with a microphone in front of it.
#[derive(Debug)]
pub struct Voice {
    pub manner: Manner,
    /// Whether it is in a spurt, and frames until that changes.
    speaking: bool,
    left: u32,
    age: u32,
    quiet: u32,
}

impl Voice {
    pub fn new(manner: Manner) -> Self {
        Self {
            manner,
            speaking: false,
            left: 25,
            age: 0,
            quiet: 0,
        }
    }

    /// Says something now, for so many frames.
    pub fn say(&mut self, frames: u32) {
        (self.speaking, self.left, self.age) = (true, frames, 0);
    }

    /// The next 20 ms: what they are, the level told, and whether they are sent.
    pub fn next(&mut self, rng: &mut ChaCha8Rng) -> (Frame, AudioLevel, bool) {
        if self.left == 0 {
            let silent = self.manner.speech.is_empty();
            self.speaking = !self.speaking && !silent;
            let range = if self.speaking {
                &self.manner.speech
            } else {
                &self.manner.pause
            };
            self.left = rng.random_range(range.clone());
            self.age = 0;
        }
        self.left = self.left.saturating_sub(1);
        let frame = match (self.speaking, self.age) {
            (true, 0..2) => Frame::Onset,
            (true, _) => Frame::Voice,
            _ => Frame::Quiet,
        };
        self.age += 1;
        let minus_dbov = match frame {
            Frame::Quiet => rng.random_range(66..80),
            Frame::Onset => rng.random_range(61..66),
            _ => self.manner.level + rng.random_range(0..8),
        };
        let level = AudioLevel {
            minus_dbov,
            voice: frame == Frame::Voice,
        };
        let level = if self.manner.liar {
            AudioLevel {
                minus_dbov: 0,
                voice: true,
            }
        } else {
            level
        };
        self.quiet = if frame == Frame::Quiet { self.quiet + 1 } else { 0 };
        let sent = !self.manner.dtx || self.quiet < 10 || self.quiet.is_multiple_of(20);
        (frame, level, sent)
    }
}

/// What was said in one packet.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    pub frame: Frame,
    /// When, in milliseconds.
    pub at: u64,
    /// Whether the network lost it, or the room had no right to take it.
    pub lost: bool,
    /// When it came to the room, in milliseconds.
    pub came: u64,
    /// How many others had a voice at the time.
    pub others: usize,
}
