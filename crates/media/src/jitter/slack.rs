//! How much time there was between the moment a packet could last have come and its media time: the quantity
//! the target is compared with.
//!
//! Sound is pulled in blocks. A packet that begins `offset` samples into a block is needed when the block is
//! pulled, `offset` before it is heard. So removing up to `offset` samples is free, and the next one makes the
//! packet needed a whole block earlier. This module does that arithmetic over the last few packets, which also
//! covers devices that pull in bursts.

/// Packets looked back at.
const LEN: usize = 16;

#[derive(Clone, Copy, Debug, Default)]
struct Need {
    /// Time it is heard less media time.
    heard: i64,
    /// Samples from the start of the block.
    offset: i64,
}

/// Recent packets' slack.
#[derive(Debug)]
pub(super) struct Slack {
    needs: [Need; LEN],
    len: usize,
    next: usize,
    block: i64,
}

impl Slack {
    pub(super) fn new() -> Self {
        Self {
            needs: [Need::default(); LEN],
            len: 0,
            next: 0,
            block: 480,
        }
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
        self.next = 0;
    }

    /// A packet was needed: it will be heard `heard` after its media time, and begins `offset` samples into a
    /// block of `block`.
    pub(super) fn note(&mut self, heard: i64, offset: i64, block: i64) {
        if block != self.block {
            self.block = block.max(1);
            self.clear();
        }
        self.needs[self.next] = Need {
            heard,
            offset: offset.rem_euclid(self.block),
        };
        self.next = (self.next + 1) % LEN;
        self.len = (self.len + 1).min(LEN);
    }

    /// Sound was added (positive) or taken out (negative): everything that follows shifts.
    pub(super) fn shift(&mut self, by: i64) {
        for need in &mut self.needs[..self.len] {
            need.heard += by;
            need.offset = (need.offset + by).rem_euclid(self.block);
        }
    }

    /// Smallest time between need and media time if everything were shifted by `by`.
    pub(super) fn after(&self, by: i64) -> i64 {
        let slack = |need: &Need| need.heard + by - (need.offset + by).rem_euclid(self.block);
        self.needs[..self.len]
            .iter()
            .map(slack)
            .min()
            .unwrap_or(i64::MAX / 4)
    }

    /// Largest number of samples that can be taken out, up to `most`, with a slack of `wanted` left.
    pub(super) fn removable(&self, wanted: i64, most: i64) -> i64 {
        // `after` never rises as more is taken out, so halving finds the edge.
        let (mut good, mut bad) = (0, most + 1);
        while bad - good > 1 {
            let middle = good + (bad - good) / 2;
            if self.after(-middle) >= wanted {
                good = middle
            } else {
                bad = middle
            }
        }
        good
    }

    /// Smallest number of samples to add, up to `most`, so that the slack is `wanted`.
    pub(super) fn missing(&self, wanted: i64, most: i64) -> i64 {
        if self.after(0) >= wanted {
            return 0;
        }
        let (mut bad, mut good) = (0, most.max(1));
        while good - bad > 1 {
            let middle = bad + (good - bad) / 2;
            if self.after(middle) >= wanted {
                good = middle
            } else {
                bad = middle
            }
        }
        good.min(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_into_a_block_is_free() {
        let mut slack = Slack::new();
        slack.note(1000, 200, 480);
        assert_eq!(slack.after(0), 800);
        assert_eq!(slack.after(-200), 800);
        assert_eq!(slack.after(-201), 320);
        assert_eq!(slack.removable(700, 720), 200);
        assert_eq!(slack.removable(320, 720), 680);
        assert_eq!(slack.removable(900, 720), 0);
    }

    #[test]
    fn adding_helps_when_the_packet_falls_into_the_next_block() {
        let mut slack = Slack::new();
        slack.note(500, 0, 480);
        assert_eq!(slack.missing(500, 720), 0);
        assert_eq!(slack.missing(600, 720), 480);
        slack.shift(480);
        assert_eq!(slack.after(0), 980);
    }
}
