//! Takes sound at one clock's pace that comes at another's: a resampler steered by how much waits.
//!
//! It refuses to know what the sound is. Sound that comes late, stops for a while or comes in heaps is no error: it fades
//! out before there is nothing left, and in again. For what has to stay aligned with something else, see the reference of
//! the echo canceller; here only the delay is bounded, and nothing clicks.

use std::time::Duration;

use sidetone_pipeline::SampleReader;

use super::StreamFormat;
use super::convert::{Block, ENGINE_RATE, Quality, ResampleError, Resampler, to_mono};

/// Samples of a block: 10 ms.
pub(crate) const BLOCK: usize = ENGINE_RATE as usize / 100;

/// Blocks in which what waits is looked at: the least of them is what the sound is early by. Devices bring it in heaps.
const WINDOW: u32 = 64;

/// Seconds in which steering takes away what is too much. Sooner would be heard as a wavering pitch.
const SETTLING: f64 = 16.0;

/// Most that is steered. Crystals are off by a tenth of it; nobody hears it, 1.7 cents.
const STEERING: f64 = 0.001;

/// What is too much by more than this is thrown away: steering would take minutes.
const TOO_MUCH: Duration = Duration::from_millis(60);

/// The reading end of a stream of another clock, as blocks of 10 ms mono at [`ENGINE_RATE`]. Allocates nothing once made.
pub(crate) struct ElasticReader {
    ring: SampleReader,
    channels: usize,
    /// In frames of the stream, as all counts here.
    margin: usize,
    too_much: usize,
    rate: f64,
    resampler: Resampler,
    interleaved: Vec<f32>,
    mono: Vec<f32>,
    flows: bool,
    /// What comes next does not follow what was.
    jumped: bool,
    gain: f32,
    steering: f64,
    /// The least that waited beyond the margin in this window.
    least: usize,
    looked: u32,
}

impl ElasticReader {
    /// Reads a ring of the given format. `margin` is how late sound may come and not be missed; it is delayed by as much,
    /// and by what the device brings at a time.
    ///
    /// # Errors
    /// [`ResampleError`] for rates that no device has.
    pub(crate) fn new(
        ring: SampleReader,
        format: StreamFormat,
        margin: Duration,
    ) -> Result<Self, ResampleError> {
        let resampler = Resampler::new(
            format.sample_rate,
            ENGINE_RATE,
            Block::Output(BLOCK),
            Quality::LowDelay,
        )?;
        let channels = usize::from(format.channels.max(1));
        let rate = f64::from(format.sample_rate);
        let frames = |duration: Duration| (duration.as_secs_f64() * rate) as usize;
        Ok(Self {
            interleaved: vec![0.0; resampler.input_max() * channels],
            mono: vec![0.0; resampler.input_max()],
            margin: frames(margin),
            too_much: frames(TOO_MUCH),
            ring,
            channels,
            rate,
            resampler,
            flows: false,
            jumped: false,
            gain: 0.0,
            steering: 1.0,
            least: usize::MAX,
            looked: 0,
        })
    }

    /// The next block. Silence, and `false`, while nothing flows.
    pub(crate) fn next(&mut self, block: &mut [f32; BLOCK]) -> bool {
        block.fill(0.0);
        let needed = self.resampler.input_needed();
        if !self.flows {
            let waiting = self.ring.len() / self.channels;
            let Some(surplus) = waiting.checked_sub(needed + self.margin) else {
                return false;
            };
            // What waited while nothing flowed is old.
            self.jump(surplus);
            self.flows = true;
        }
        let left = (self.ring.len() / self.channels).saturating_sub(needed);
        // When the next block could not be filled, this one fades: afterwards it would be too late.
        let runs_dry = left < self.resampler.input_max();
        let surplus = self.surplus(left);
        let silent = runs_dry || surplus > 0 || std::mem::take(&mut self.jumped);
        let interleaved = &mut self.interleaved[..needed * self.channels];
        self.ring.read(interleaved);
        let channels = u16::try_from(self.channels).unwrap_or(1);
        to_mono(interleaved, channels, &mut self.mono);
        self.resampler.process(&self.mono[..needed], block);
        let before = std::mem::replace(&mut self.gain, if silent { 0.0 } else { 1.0 });
        fade(block, before, self.gain);
        // Between blocks, for it changes what the next one needs.
        self.resampler.steer(self.steering);
        if surplus > 0 {
            self.jump(surplus);
        }
        self.flows = !runs_dry;
        true
    }

    /// Steers by what is left after a block, and says how much of it is too much.
    fn surplus(&mut self, left: usize) -> usize {
        self.least = self.least.min(left);
        self.looked += 1;
        if self.looked < WINDOW {
            return 0;
        }
        let (least, margin) = (self.least, self.margin);
        (self.least, self.looked) = (usize::MAX, 0);
        if least > margin + self.too_much {
            return least - margin;
        }
        let early = (least as f64 - margin as f64) / self.rate;
        self.steering = 1.0 - (early / SETTLING).clamp(-STEERING, STEERING);
        0
    }

    /// Goes on with what comes later. The resampler is still full of what was before: that passes unheard.
    fn jump(&mut self, frames: usize) {
        self.ring.skip(frames * self.channels);
        self.jumped = true;
        (self.least, self.looked) = (usize::MAX, 0);
    }
}

/// From one gain to another over a block.
pub(crate) fn fade(block: &mut [f32], from: f32, to: f32) {
    if from == to && to == 1.0 {
        return;
    }
    let step = (to - from) / block.len().max(1) as f32;
    for (index, sample) in block.iter_mut().enumerate() {
        *sample *= from + step * (index + 1) as f32;
    }
}

#[cfg(test)]
mod tests {
    use sidetone_pipeline::{SampleWriter, samples};

    use super::*;

    const MARGIN: Duration = Duration::from_millis(30);

    /// A device that brings a sine of 1 kHz in heaps by its own clock.
    struct Device {
        writer: SampleWriter,
        format: StreamFormat,
        period: usize,
        /// Seconds of a sample.
        step: f64,
        written: u64,
    }

    impl Device {
        fn new(rate: u32, channels: u16, period: usize, ppm: f64) -> (Self, ElasticReader) {
            let format = StreamFormat {
                sample_rate: rate,
                channels,
            };
            let (writer, reader) = samples(rate as usize / 4 * usize::from(channels));
            let reader = ElasticReader::new(reader, format, MARGIN).unwrap();
            let step = 1.0 / (f64::from(rate) * (1.0 + ppm * 1e-6));
            let device = Self {
                writer,
                format,
                period,
                step,
                written: 0,
            };
            (device, reader)
        }

        /// Brings whatever is captured by then.
        fn advance(&mut self, seconds: f64) {
            let channels = usize::from(self.format.channels);
            while (self.written + self.period as u64) as f64 * self.step <= seconds {
                let heap: Vec<f32> = (0..self.period)
                    .flat_map(|n| {
                        let at = (self.written + n as u64) as f64 / f64::from(self.format.sample_rate);
                        let sample = 0.5 * (std::f64::consts::TAU * 1000.0 * at).sin();
                        std::iter::repeat_n(sample as f32, channels)
                    })
                    .collect();
                self.writer.write(&heap);
                self.written += self.period as u64;
            }
        }
    }

    /// Largest step between neighbours: a sine of 1 kHz at half scale makes one of 0.0654.
    fn steepest(sound: &[f32]) -> f32 {
        sound
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).abs())
            .fold(0.0, f32::max)
    }

    fn run(
        device: &mut Device,
        reader: &mut ElasticReader,
        blocks: std::ops::Range<usize>,
        silent: impl Fn(usize) -> bool,
    ) -> (Vec<f32>, usize) {
        let (mut sound, mut holes) = (Vec::new(), 0);
        for number in blocks {
            if !silent(number) {
                device.advance((number + 1) as f64 * 0.01);
            }
            let mut block = [0.0; BLOCK];
            holes += usize::from(!reader.next(&mut block));
            sound.extend_from_slice(&block);
        }
        (sound, holes)
    }

    #[test]
    fn clocks_that_drift_apart_for_minutes_leave_no_hole_and_no_click() {
        for (rate, channels, period, ppm) in [
            (48_000, 1, 480, 300.0),
            (48_000, 1, 960, -300.0),
            (44_100, 2, 882, 100.0),
            (48_000, 2, 97, -100.0),
        ] {
            let (mut device, mut reader) = Device::new(rate, channels, period, ppm);
            let (sound, holes) = run(&mut device, &mut reader, 0..18_000, |_| false);
            assert!(holes <= 6, "{ppm} ppm: {holes} holes, all at the beginning");
            assert!(steepest(&sound) < 0.07, "{ppm} ppm: {}", steepest(&sound));
            let most = (MARGIN.as_secs_f64() * f64::from(rate)) as usize + 2 * period + 2 * BLOCK;
            let waiting = device.writer.len() / usize::from(channels);
            assert!(waiting <= most, "{ppm} ppm: {waiting} frames wait");
        }
    }

    #[test]
    fn what_stops_fades_and_what_comes_again_is_heard_without_a_click() {
        let (mut device, mut reader) = Device::new(48_000, 1, 480, 0.0);
        // Two seconds of sound, one of nothing, then sound; and a stall that ends in a heap.
        let silent = |number: usize| (200..300).contains(&number) || (500..512).contains(&number);
        let mut at = 0.0;
        let (mut sound, mut holes) = (Vec::new(), 0);
        for number in 0..800 {
            if (200..300).contains(&number) {
                // Nothing is captured meanwhile.
                device.written += 480;
            } else if !silent(number) {
                at = (number + 1) as f64 * 0.01;
            }
            if !(200..300).contains(&number) {
                device.advance(at);
            }
            let mut block = [0.0; BLOCK];
            holes += usize::from(!reader.next(&mut block));
            sound.extend_from_slice(&block);
        }
        assert!((95..=120).contains(&holes), "{holes}");
        assert!(steepest(&sound) < 0.07, "{}", steepest(&sound));
        let rms = |of: &[f32]| (of.iter().map(|s| s * s).sum::<f32>() / of.len() as f32).sqrt();
        assert_eq!(rms(&sound[220 * BLOCK..290 * BLOCK]), 0.0);
        assert!(rms(&sound[400 * BLOCK..450 * BLOCK]) > 0.34);
        assert!(rms(&sound[600 * BLOCK..]) > 0.34);
    }

    #[test]
    fn a_heap_that_waited_is_not_heard_late() {
        let (mut device, mut reader) = Device::new(48_000, 1, 480, 0.0);
        run(&mut device, &mut reader, 0..100, |_| false);
        // The reader stood still for as long as the ring holds.
        device.advance(1.24);
        let (sound, _) = run(&mut device, &mut reader, 124..300, |_| false);
        assert!(steepest(&sound) < 0.07, "{}", steepest(&sound));
        assert!(
            device.writer.len() < 3 * 1440,
            "{} samples wait",
            device.writer.len()
        );
    }
}
