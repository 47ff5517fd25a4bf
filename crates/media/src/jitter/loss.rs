//! How far back the redundancy on the wire would have helped, and whether waiting for it is worth the delay.
//!
//! Every packet that could have come is judged once, when all that could have replaced it had its chance: it came; or
//! a packet `w` frames later carried it again; or it was gone. So the benefit of waiting `w` frames is measured on the
//! losses that really happened, random or in bursts, and on the redundancy that is really sent; no model of either is
//! needed. Older judgements are forgotten. This module refuses to know sound, clocks and codecs.

use crate::packet::SequenceNumber;

/// Longest wait that is considered, in frames: 320 ms of 20 ms frames, beyond which talk turns half-duplex.
pub(super) const LONGEST: usize = 16;

/// Share of what was learned that is kept for each packet. 0.996 remembers 5 s of 20 ms frames: bursts are seconds
/// apart.
const FORGET: f32 = 0.996;

/// Packets without loss that are believed to have gone before: one hole at the start of a call is not a trend.
const BELIEF: f32 = 50.0;

/// What a second of delay costs, in shares of sound made up: one percent made up is worth 20 ms. At 10 % random loss
/// a second copy would save 0.9 %, which is not worth its 20 ms; at 20 % it saves 3.2 %, which is.
const PRICE: f32 = 0.5;

/// What sound from deep redundancy is worth, beside 1 for the frame itself and 0 for made-up sound.
const DEEP: f32 = 0.6;

/// How much better another wait must be, in shares of sound: every change stretches the sound.
const HYSTERESIS: f32 = 0.003;

/// What is known about loss.
#[derive(Debug)]
pub(super) struct LossHistory {
    highest: Option<SequenceNumber>,
    /// Bit `i`: packet `highest - i` came.
    came: u64,
    /// Bit `w`: packets repeat the frame `w` frames before their own.
    copies: u32,
    /// How many frames back deep redundancy reaches.
    deep: usize,
    /// Weight of what waiting that many frames would have saved.
    saved: [f32; LONGEST + 1],
    total: f32,
    wait: usize,
}

impl LossHistory {
    pub(super) fn new() -> Self {
        Self {
            highest: None,
            came: 0,
            copies: 0,
            deep: 0,
            saved: [0.0; LONGEST + 1],
            total: BELIEF,
            wait: 0,
        }
    }

    /// Another stream begins. The way is likely the same, so what was learned about it stays.
    pub(super) fn restart(&mut self) {
        (self.highest, self.came) = (None, 0);
    }

    /// A packet of `frame` samples came, which repeats the frames at the distances of `copies` (bit `w`: `w` frames
    /// before its own).
    pub(super) fn came(&mut self, sequence: SequenceNumber, copies: u32, frame: i64) {
        let Some(highest) = self.highest else {
            (self.highest, self.came, self.copies) = (Some(sequence), !0, copies);
            return;
        };
        let step = sequence.distance(highest);
        if step <= 0 {
            if step > -64 {
                self.came |= 1 << -step;
            }
            return;
        }
        (self.highest, self.copies) = (Some(sequence), copies);
        for i in 1..=step.min(64) {
            self.came = self.came << 1 | u64::from(i == step.min(64));
            self.judge();
        }
        self.choose(frame);
    }

    /// Whether a packet came before; `None` where that is too long ago to be known.
    pub(super) fn has(&self, sequence: SequenceNumber) -> Option<bool> {
        match self.highest.map(|highest| highest.distance(sequence)) {
            Some(back @ 0..64) => Some(self.came >> back & 1 == 1),
            Some(64..) => None,
            _ => Some(false),
        }
    }

    /// Packets carry deep redundancy that reaches that many frames back.
    pub(super) fn deep(&mut self, frames: usize) {
        self.deep = frames;
    }

    /// Frames worth waiting for.
    pub(super) fn wait(&self) -> usize {
        self.wait
    }

    /// Judges the packet that is [`LONGEST`] behind the newest.
    fn judge(&mut self) {
        self.saved.iter_mut().for_each(|saved| *saved *= FORGET);
        self.total = self.total * FORGET + 1.0;
        if self.came >> LONGEST & 1 == 1 {
            return;
        }
        let (mut whole, mut deep) = (false, false);
        for wait in 1..=LONGEST {
            let here = self.came >> (LONGEST - wait) & 1 == 1;
            whole |= here && self.copies >> wait & 1 == 1;
            deep |= here && wait <= self.deep;
            self.saved[wait] += if whole {
                1.0
            } else if deep {
                DEEP
            } else {
                0.0
            };
        }
    }

    fn choose(&mut self, frame: i64) {
        let cost = PRICE * frame as f32 / 48_000.0;
        let worth = |wait: usize| self.saved[wait] / self.total - cost * wait as f32;
        // The shortest of equals.
        let best = (0..=LONGEST).fold(
            0,
            |best, wait| if worth(wait) > worth(best) { wait } else { best },
        );
        if worth(best) > worth(self.wait) + HYSTERESIS {
            self.wait = best;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends packets, of which those of `lost` do not come.
    fn send(
        history: &mut LossHistory,
        from: u16,
        count: u16,
        copies: u32,
        lost: impl Fn(u16) -> bool,
    ) -> u16 {
        for i in 0..count {
            if !lost(i) {
                history.came(SequenceNumber(from.wrapping_add(i)), copies, 960);
            }
        }
        from.wrapping_add(count)
    }

    #[test]
    fn without_loss_or_redundancy_nothing_is_waited_for() {
        let mut history = LossHistory::new();
        let next = send(&mut history, 65_000, 1000, 0b10, |_| false);
        assert_eq!(history.wait(), 0);
        send(&mut history, next, 1000, 0, |i| i % 5 == 0);
        assert_eq!(history.wait(), 0, "nothing to wait for");
    }

    #[test]
    fn single_losses_want_one_frame_and_pairs_two() {
        let mut history = LossHistory::new();
        let next = send(&mut history, 0, 500, 0b110, |i| i % 10 == 0);
        assert_eq!(history.wait(), 1);
        let next = send(&mut history, next, 500, 0b110, |i| i % 10 < 2);
        assert_eq!(history.wait(), 2);
        send(&mut history, next, 1000, 0b110, |_| false);
        assert_eq!(history.wait(), 0, "the delay goes back when the loss ends");
    }

    #[test]
    fn a_rare_loss_is_not_worth_the_delay() {
        let mut history = LossHistory::new();
        send(&mut history, 0, 2000, 0b10, |i| i % 100 == 0);
        assert_eq!(history.wait(), 0);
    }

    #[test]
    fn bursts_wait_for_deep_redundancy() {
        let mut history = LossHistory::new();
        history.deep(10);
        send(&mut history, 0, 1000, 0, |i| i % 20 < 4);
        assert_eq!(history.wait(), 4);
    }

    #[test]
    fn order_and_jumps_do_not_matter() {
        let mut history = LossHistory::new();
        for i in (0..400_u16).step_by(2) {
            history.came(SequenceNumber(i + 1), 0b10, 960);
            history.came(SequenceNumber(i), 0b10, 960);
        }
        assert_eq!(history.wait(), 0);
        history.came(SequenceNumber(2000), !0, 960);
        history.came(SequenceNumber(40_000), !0, 120);
        history.came(SequenceNumber(7), 0, 5760);
        assert!(history.wait() <= LONGEST);
    }
}
