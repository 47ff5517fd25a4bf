//! One end's sound on the timeline of a recording.
//!
//! Each end runs on a clock of its own, begins at a moment of its own and may miss a stretch. What is where is decided
//! by the time at which each piece was there: lateness is never negative, so the least lateness of a second tells how
//! far the sound is off, and a busy machine that hands pieces over late changes nothing.

use std::collections::VecDeque;
use std::time::Instant;

use super::tap::Piece;
use crate::voice::RATE;

/// Nobody hears whether the two ends are this far apart, and clocks part no further in minutes: 20 ms.
const TOLERANCE: i64 = RATE as i64 / 50;

/// How much sound is looked at before something is moved.
const WINDOW: usize = RATE as usize;

/// Longest silence that stands for lost sound.
const LONGEST_GAP: u64 = 60 * RATE as u64;

/// One end.
#[derive(Debug, Default)]
pub struct Timeline {
    /// Samples that are in their place and were not taken yet.
    ready: VecDeque<f32>,
    /// Samples placed since the origin.
    placed: u64,
    /// Where the next piece should begin, by its own count.
    next: Option<u64>,
    /// Least lateness in this window, and samples seen in it.
    window: Option<(i64, usize)>,
    /// Samples to leave out: they would come too late on the timeline.
    surplus: usize,
    lost: u64,
}

impl Timeline {
    /// Takes a piece that came since `origin`.
    pub fn take(&mut self, piece: &Piece, origin: Instant) {
        let mut samples = piece.samples();
        match self.next {
            Some(next) => {
                let gap = piece.position.saturating_sub(next).min(LONGEST_GAP);
                self.lost += gap;
                self.place_silence(gap as usize);
            }
            // The first piece: it begins where its time says.
            None => {
                let late = self.lateness(piece, origin) - samples.len() as i64;
                self.place_silence(usize::try_from(late).unwrap_or(0).min(LONGEST_GAP as usize));
            }
        }
        self.next = Some(piece.position + samples.len() as u64);
        let left_out = self.surplus.min(samples.len());
        self.surplus -= left_out;
        samples = &samples[left_out..];
        self.ready.extend(samples);
        self.placed += samples.len() as u64;
        self.correct(self.lateness(piece, origin), piece.samples().len());
    }

    /// How many samples the sound up to this piece falls short of its time.
    fn lateness(&self, piece: &Piece, origin: Instant) -> i64 {
        let time = piece.at.saturating_duration_since(origin).as_secs_f64() * f64::from(RATE);
        time.round() as i64 - self.placed as i64
    }

    fn correct(&mut self, lateness: i64, samples: usize) {
        let (least, seen) = self.window.unwrap_or((i64::MAX, 0));
        let (least, seen) = (least.min(lateness), seen + samples);
        if seen < WINDOW {
            self.window = Some((least, seen));
            return;
        }
        self.window = None;
        if least > TOLERANCE {
            self.place_silence(usize::try_from(least).unwrap_or(0));
        } else if least < -TOLERANCE {
            self.surplus = usize::try_from(-least).unwrap_or(0);
        }
    }

    fn place_silence(&mut self, len: usize) {
        self.ready.extend(std::iter::repeat_n(0.0, len));
        self.placed += len as u64;
    }

    /// Samples in their place.
    pub fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Fills up with silence to at least so many.
    pub fn pad(&mut self, len: usize) {
        self.place_silence(len.saturating_sub(self.ready.len()));
    }

    /// Takes the first samples out.
    pub fn pull(&mut self, out: &mut [f32]) {
        for sample in out {
            *sample = self.ready.pop_front().unwrap_or(0.0);
        }
    }

    /// Leaves out what is ready.
    pub fn clear(&mut self) {
        self.ready.clear();
    }

    /// Begins anew: what comes next is placed by its time from a new origin.
    pub fn restart(&mut self) {
        *self = Self {
            lost: self.lost,
            ..Self::default()
        };
    }

    /// Samples that were lost on the way here.
    pub fn lost(&self) -> u64 {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::tap::Tap;
    use super::*;
    use crate::voice::BLOCK;

    const BLOCK_TIME: Duration = Duration::from_millis(10);

    /// Pushes `blocks` of a running count, each handed over `late` after its time, on a clock that is `ppm` too fast.
    fn play(blocks: u64, ppm: f64, late: impl Fn(u64) -> Duration) -> Vec<f32> {
        let origin = Instant::now();
        let (mut tap, pieces) = Tap::new();
        let mut timeline = Timeline::default();
        for block in 0..blocks {
            let samples = [block as f32 + 1.0; BLOCK];
            let at = BLOCK_TIME.mul_f64((block + 1) as f64 / (1.0 + ppm * 1e-6));
            tap.push(&samples, origin + at + late(block));
            timeline.take(&pieces.pop().unwrap(), origin);
        }
        let mut out = vec![0.0; timeline.ready()];
        timeline.pull(&mut out);
        out
    }

    /// At which time each block is heard, in blocks.
    fn place(out: &[f32], block: u64) -> Option<f64> {
        let at = out.iter().position(|sample| *sample == block as f32 + 1.0)?;
        Some(at as f64 / BLOCK as f64)
    }

    #[test]
    fn pieces_that_are_handed_over_late_stay_where_they_belong() {
        // A machine that is busy for up to 150 ms now and then.
        let out = play(1_000, 0.0, |block| {
            Duration::from_millis((block * 37) % 150 * (block % 5) / 4)
        });
        for block in 0..1_000 {
            let at = place(&out, block).unwrap();
            assert!((at - block as f64).abs() <= 2.0, "block {block} at {at}");
        }
    }

    #[test]
    fn a_clock_that_runs_away_is_followed() {
        for ppm in [-1_500.0, 1_500.0] {
            // Two minutes: without a correction 180 ms off.
            let out = play(12_000, ppm, |_| Duration::ZERO);
            let seconds = out.len() as f64 / f64::from(RATE);
            let real = 120.0 / (1.0 + ppm * 1e-6);
            assert!((seconds - real).abs() < 0.03, "{ppm} ppm: {seconds} of {real}");
        }
    }

    #[test]
    fn what_the_queue_lost_is_silence_of_the_same_length() {
        let origin = Instant::now();
        let (mut tap, pieces) = Tap::new();
        for block in 0..1_200_u32 {
            tap.push(&[1.0; BLOCK], origin + BLOCK_TIME * (block + 1));
        }
        // Something came first, as it would in a recording that runs.
        let mut timeline = Timeline {
            next: Some(0),
            ..Timeline::default()
        };
        while let Some(piece) = pieces.pop() {
            timeline.take(&piece, origin);
        }
        assert_eq!(timeline.lost(), (1_200 - 1_024) * BLOCK as u64);
        let mut out = vec![1.0; timeline.ready()];
        timeline.pull(&mut out);
        assert_eq!(out.len(), 1_200 * BLOCK);
        assert!(out[..176 * BLOCK].iter().all(|sample| *sample == 0.0));
        assert!(out[176 * BLOCK..].iter().all(|sample| *sample == 1.0));
    }

    proptest! {
        #[test]
        fn no_order_of_times_and_lengths_breaks_it(
            pieces in prop::collection::vec((0usize..=BLOCK, 0u64..5_000), 0..400),
        ) {
            let origin = Instant::now();
            let (mut tap, receiver) = Tap::new();
            let mut timeline = Timeline::default();
            let mut put = 0;
            for (len, at) in pieces {
                tap.push(&[0.5; BLOCK][..len], origin + Duration::from_millis(at));
                timeline.take(&receiver.pop().unwrap(), origin);
                put += len;
            }
            let mut out = vec![0.0; timeline.ready()];
            timeline.pull(&mut out);
            prop_assert!(out.iter().filter(|sample| **sample != 0.0).count() <= put);
            // Nothing is ever placed more than a window beyond the latest time.
            prop_assert!(out.len() <= 5 * RATE as usize + put + WINDOW);
        }
    }
}
