//! What to do with a picture that stands still: code it again until it is visually lossless, then nothing at all.
//! Pure: frames and the time in, the time of the next repetition out.

use crate::codec::{Codec, ContentHint, EncodedFrame};
use std::time::Duration;

/// A picture that has not been followed by another one for so long stands still.
const STILL: Duration = Duration::from_millis(150);
/// Shortest time from one repetition to the next: 15 a second.
const STEP: Duration = Duration::from_millis(66);
/// Most repetitions of one picture. Each costs what a frame costs.
const MOST: u32 = 40;
/// So many repetitions in a row that carry nearly nothing: there is nothing left to refine.
const EMPTY: u32 = 4;

/// Watches one stream of text or detail; movement is never refined, its next picture comes anyway.
#[derive(Clone, Debug)]
pub struct Refinement {
    on: bool,
    /// When the next repetition is due; `None` when there is nothing to refine.
    due: Option<Duration>,
    repeated: u32,
    empty: u32,
}

impl Refinement {
    /// For pictures of `hint`.
    pub fn new(hint: ContentHint) -> Self {
        Self {
            on: hint != ContentHint::Motion,
            due: None,
            repeated: 0,
            empty: 0,
        }
    }

    /// A new picture was given to the encoder at `now`.
    pub fn fresh(&mut self, now: Duration) {
        self.repeated = 0;
        self.empty = 0;
        self.due = self.on.then_some(now + STILL);
    }

    /// The last picture was given again at `now` ([`Refinement::due`] had come). `frame`: what came out, `None`
    /// where the rate control had no room; `share`: bytes that a frame of the stream has on average.
    pub fn repeated(&mut self, frame: Option<&EncodedFrame>, share: usize, now: Duration) {
        self.repeated += 1;
        if let Some(frame) = frame {
            let nearly_nothing = frame.data.len() < share / 20;
            self.empty = if nearly_nothing { self.empty + 1 } else { 0 };
            if is_clean(frame) || self.empty >= EMPTY {
                self.due = None;
                return;
            }
        }
        self.due = (self.repeated < MOST).then_some(now + STEP);
    }

    /// When to give the last picture to the encoder again; `None`: never, until another comes.
    pub fn due(&self) -> Option<Duration> {
        self.due
    }
}

/// Whether nobody could tell the frame from its original: 49 dB and more in `examples/codecs.rs`.
fn is_clean(frame: &EncodedFrame) -> bool {
    match frame.codec {
        Codec::Vp8 => frame.quantizer <= 20,
        Codec::Vp9 | Codec::Av1 => frame.quantizer <= 60,
        // The library does not say how coarse it was.
        Codec::H264 => false,
    }
}
