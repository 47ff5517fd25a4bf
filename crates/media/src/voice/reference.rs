//! What the speaker plays, told by the microphone's clock: the far-end reference of the echo canceller. Sans-IO.
//!
//! Speaker and microphone each have a crystal of their own, and an echo that moves against its reference by a few
//! hundredths of a sample a second is already hard to cancel. So the reference is resampled by the ratio of the two
//! clocks, and each of its blocks is what left for the speaker when the block of the microphone was captured: the
//! delay that the canceller has learnt stays, also when another device takes over. What happens between the driver
//! and the air is not known here; that delay is constant, and the canceller finds it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sidetone_pipeline::{
    DriftEstimator, LatchReader, LatchWriter, SampleReader, SampleWriter, latch, samples,
};

use super::{BLOCK, RATE};
use crate::device::convert::{Block, Quality, ResampleError, Resampler};

/// Samples between the two ends: 160 ms. A speaker's ring is kept far emptier than that.
const CAPACITY: usize = 16 * BLOCK;

/// Blocks whose median misalignment is looked at: 0.64 s. Callbacks are late by milliseconds at random.
const WINDOW: usize = 64;

/// The same after a device was opened: the sooner it is aligned, the sooner the canceller can learn.
const FIRST_WINDOW: usize = 16;

/// Misalignment, in seconds, that is jumped over rather than steered away. More than a busy machine's lateness; a
/// device that was swapped or stumbled is off by more.
const JUMP: f64 = 0.004;

/// Seconds in which steering would take away what the reference has moved since it was aligned. It only mops up what the
/// measured clocks leave; faster follows the lateness of callbacks, which the canceller hears as a room that moves.
const SETTLING: f64 = 60.0;

/// Span of a drift estimate that is worth following. Before, it is off by more than most crystals are.
const TRUSTED: Duration = Duration::from_secs(4);

/// Makes both ends. `origin` is any moment before the first block.
///
/// # Errors
/// [`ResampleError`] as [`Resampler::new`].
pub fn reference(origin: Instant) -> Result<(ReferenceWriter, ReferenceReader), ResampleError> {
    let (writer, reader) = samples(CAPACITY);
    let (mark, marks) = latch();
    let opened = Arc::new(AtomicU64::new(0));
    let resampler = Resampler::new(RATE, RATE, Block::Output(BLOCK), Quality::LowDelay)?;
    let reader = ReferenceReader {
        input: vec![0.0; resampler.input_max()],
        samples: reader,
        marks,
        origin,
        opened: opened.clone(),
        seen: 0,
        resampler,
        speaker: DriftEstimator::new(RATE),
        microphone: DriftEstimator::new(RATE),
        captured: 0,
        read: 0,
        ahead: 0,
        hold: 0,
        errors: [0.0; WINDOW],
        measured: 0,
        window: FIRST_WINDOW,
        goal: 0.0,
        correction: 0.0,
    };
    let writer = ReferenceWriter {
        samples: writer,
        mark,
        origin,
        opened,
        written: 0,
    };
    Ok((writer, reader))
}

/// The speaker's end.
pub struct ReferenceWriter {
    samples: SampleWriter,
    mark: LatchWriter,
    origin: Instant,
    opened: Arc<AtomicU64>,
    written: u64,
}

impl ReferenceWriter {
    /// Takes what is written to the speaker; the device takes its first sample at `due`. Wait-free.
    pub fn write(&mut self, samples: &[f32], due: Instant) {
        // 584 years of nanoseconds.
        let since = due.saturating_duration_since(self.origin).as_nanos() as u64;
        self.mark.publish([self.written, since]);
        self.written += self.samples.write(samples) as u64;
    }

    /// The speaker is another one from now on.
    pub fn reopened(&self) {
        self.opened.fetch_add(1, Ordering::Relaxed);
    }
}

/// The microphone's end.
pub struct ReferenceReader {
    samples: SampleReader,
    marks: LatchReader,
    origin: Instant,
    opened: Arc<AtomicU64>,
    seen: u64,
    resampler: Resampler,
    input: Vec<f32>,
    speaker: DriftEstimator,
    microphone: DriftEstimator,
    /// Samples of the microphone.
    captured: u64,
    /// Samples of the speaker, up to which they have been told.
    read: u64,
    /// Samples that were told as silence, since they were not there yet.
    ahead: u64,
    /// Silence to tell before the next sample.
    hold: u64,
    errors: [f64; WINDOW],
    measured: usize,
    window: usize,
    /// Misalignment to keep: what was left when the clocks were not yet known.
    goal: f64,
    correction: f64,
}

impl ReferenceReader {
    /// What is played while a block is captured, of which the first sample was at `captured`. Once for each block.
    pub fn next(&mut self, captured: Instant) -> [f32; BLOCK] {
        self.align(captured);
        self.captured += BLOCK as u64;
        let needed = self.resampler.input_needed();
        let held = self.hold.min(needed as u64) as usize;
        self.hold -= held as u64;
        let input = &mut self.input[..needed];
        input.fill(0.0);
        let wanted = needed - held;
        self.ahead -= self.samples.skip(self.ahead as usize) as u64;
        // What is still to come of samples already told comes before any other.
        let found = if self.ahead == 0 {
            self.samples.read(&mut input[held..])
        } else {
            0
        };
        self.read += wanted as u64;
        self.ahead += (wanted - found) as u64;
        let mut block = [0.0; BLOCK];
        self.resampler.process(input, &mut block);
        block
    }

    /// The microphone is another one from now on.
    pub fn reopened(&mut self) {
        self.microphone.reset();
        self.restart();
    }

    fn restart(&mut self) {
        (self.measured, self.window) = (0, FIRST_WINDOW);
        (self.goal, self.correction) = (0.0, 0.0);
    }

    fn align(&mut self, captured: Instant) {
        let opened = self.opened.load(Ordering::Relaxed);
        if opened != self.seen {
            self.seen = opened;
            self.speaker.reset();
            self.restart();
        }
        self.microphone.push(self.captured, captured);
        let Some((_, [written, since])) = self.marks.read() else {
            return;
        };
        let due = self.origin + Duration::from_nanos(since);
        self.speaker.push(written, due);
        let ratio = |clock: &DriftEstimator| {
            let drift = clock.drift().filter(|drift| drift.span >= TRUSTED)?;
            Some(drift.ratio)
        };
        let clocks = ratio(&self.microphone).zip(ratio(&self.speaker));
        let clocks = clocks.map(|(microphone, speaker)| microphone / speaker);
        self.resampler
            .steer(clocks.unwrap_or(1.0) * (1.0 + self.correction));

        // When the device takes the next sample to be told, against when it should: what leaves for the speaker now is
        // heard only later, so the reference is never behind its echo, and the playout worker is always that far.
        let error = seconds(due, captured) + (self.read as f64 - written as f64) / f64::from(RATE);
        if self.hold > 0 {
            return;
        }
        self.errors[self.measured] = error;
        self.measured += 1;
        if self.measured == self.window {
            self.measured = 0;
            self.correct(clocks.is_some());
        }
    }

    /// Goes back by so many samples, or on where it is less than none.
    fn shift(&mut self, back: i64) {
        let Ok(back) = u64::try_from(back) else {
            self.ahead += back.unsigned_abs();
            self.read += back.unsigned_abs();
            return;
        };
        // What was told as silence is told after all; the rest is waited for.
        let told = back.min(self.ahead);
        self.ahead -= told;
        self.read -= told;
        self.hold = back - told;
    }

    fn correct(&mut self, clocks_known: bool) {
        let errors = &mut self.errors[..self.window];
        let (_, error, _) = errors.select_nth_unstable_by(self.window / 2, f64::total_cmp);
        let error = *error;
        let far_off = error.abs() > JUMP;
        if far_off || self.window == FIRST_WINDOW {
            self.shift((error * f64::from(RATE)) as i64);
            self.restart();
        }
        if far_off {
            return;
        }
        self.window = WINDOW;
        if !clocks_known {
            self.goal = error;
        }
        self.correction = (error - self.goal) / SETTLING;
    }
}

/// From `earlier` to `later`; below zero where they are the other way round.
fn seconds(later: Instant, earlier: Instant) -> f64 {
    match later.checked_duration_since(earlier) {
        Some(duration) => duration.as_secs_f64(),
        None => -earlier.duration_since(later).as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A speaker and a microphone, of which callbacks are up to 1.5 ms late.
    struct Devices {
        start: Instant,
        writer: ReferenceWriter,
        reader: ReferenceReader,
        /// Seconds of a sample of the speaker.
        step: f64,
        written: u64,
        /// When the speaker takes the next sample.
        due: f64,
        blocks: u64,
        dice: u32,
    }

    const PERIOD: usize = BLOCK / 2;

    impl Devices {
        fn new(drift_ppm: f64) -> Self {
            let start = Instant::now();
            let (writer, reader) = reference(start).unwrap();
            Self {
                start,
                writer,
                reader,
                step: 1.0 / (f64::from(RATE) * (1.0 + drift_ppm * 1e-6)),
                written: 0,
                due: 1.0,
                blocks: 0,
                dice: 7,
            }
        }

        fn late(&mut self) -> f64 {
            self.dice = self.dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(self.dice) / f64::from(u32::MAX) * 0.0015
        }

        fn at(&self, seconds: f64) -> Instant {
            self.start + Duration::from_secs_f64(seconds)
        }

        /// One block of the microphone. What is played is a ramp of its own time in seconds, so that what is told says
        /// when it was played: returns how much earlier than its capture the middle of the block was, in seconds.
        fn block(&mut self) -> f64 {
            let captured = 1.0 + self.blocks as f64 * 0.01;
            self.blocks += 1;
            while self.due - 0.0015 < captured + 0.01 {
                let samples: Vec<f32> = (0..PERIOD)
                    .map(|n| (self.due + n as f64 * self.step - 1.0) as f32)
                    .collect();
                let noticed = self.due + self.late();
                let at = self.at(noticed);
                self.writer.write(&samples, at);
                self.written += PERIOD as u64;
                self.due += PERIOD as f64 * self.step;
            }
            let noticed = captured + self.late();
            let block = self.reader.next(self.at(noticed));
            f64::from(block[BLOCK / 2]) - (captured - 1.0 + BLOCK as f64 / 2.0 / f64::from(RATE))
        }
    }

    /// Widest way the misalignment goes over `blocks`.
    fn wander(devices: &mut Devices, blocks: usize) -> f64 {
        let offsets: Vec<f64> = (0..blocks).map(|_| devices.block()).collect();
        let (low, high) = offsets.iter().fold((f64::MAX, f64::MIN), |(low, high), at| {
            (low.min(*at), high.max(*at))
        });
        high - low
    }

    #[test]
    fn clocks_that_drift_apart_stay_aligned() {
        for drift in [-300.0, -100.0, 0.0, 100.0, 300.0] {
            let mut devices = Devices::new(drift);
            wander(&mut devices, 1500);
            // Without steering, 300 ppm are 9 ms in 30 s.
            let wander = wander(&mut devices, 3000);
            assert!(wander < 0.000_4, "{drift} ppm: {:.3} ms", wander * 1e3);
        }
    }

    #[test]
    fn the_reference_is_where_it_was_after_the_speaker_was_swapped() {
        for gap in [0.03, -0.004] {
            let mut devices = Devices::new(0.0);
            wander(&mut devices, 1000);
            let before = devices.block();
            devices.due += gap;
            devices.writer.reopened();
            wander(&mut devices, 100);
            let after = devices.block();
            let moved = (after - before).abs();
            assert!(moved < 0.002, "a gap of {gap} s moved it {:.2} ms", moved * 1e3);
        }
    }

    #[test]
    fn a_speaker_that_stands_still_is_silence_and_comes_back_aligned() {
        let mut devices = Devices::new(0.0);
        wander(&mut devices, 1000);
        let before = devices.block();
        let stalled = devices.due;
        devices.due += 2.0;
        let told: Vec<f64> = (0..150).map(|_| devices.block()).collect();
        assert!(told.iter().all(|offset| *offset < 0.1), "nothing is made up");
        assert!(devices.due > stalled);
        wander(&mut devices, 400);
        let moved = (devices.block() - before).abs();
        assert!(moved < 0.002, "moved {:.2} ms", moved * 1e3);
    }
}
