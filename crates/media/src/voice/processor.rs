//! The chain behind [`VoiceProcessor`]: high-pass, echo canceller, noise suppression, gain control.
//!
//! The parts are put together here rather than by their own front, which has no way to tune the canceller, and throws
//! away what it has learnt whenever a part is switched.

use sonora::config::{AdaptiveDigital, GainController2, MaxProcessingRate, Pipeline};
use sonora::{AudioProcessing, Config, StreamConfig};
use sonora_aec3::block::Block;
use sonora_aec3::block_framer::BlockFramer;
use sonora_aec3::block_processor::BlockProcessor;
use sonora_aec3::common::{BLOCK_SIZE, SUB_FRAME_LENGTH};
use sonora_aec3::config::{EchoCanceller3Config, MaskingThresholds};
use sonora_aec3::frame_blocker::FrameBlocker;
use sonora_ns::config::{NsConfig, OVERLAP_SIZE};
use sonora_ns::noise_suppressor::NoiseSuppressor;

use super::Processing;
use super::high_pass::HighPass;
use super::split::{Decimator, Delay, LOW, RATIO, Splitter};
use crate::voice::{BLOCK, RATE};

/// How far gain control goes. What it lifts, it lifts with the room: less noise is allowed and less gain given than
/// by default, and it starts from what the microphone gives, so that a call does not begin loud and sink.
const GAIN: AdaptiveDigital = AdaptiveDigital {
    // Peaks stay this far below full scale, in dB: the limiter behind has nothing to do.
    headroom_db: 5.0,
    // A quiet talker, three times as far away as usual. More lifts the next room.
    max_gain_db: 12.0,
    initial_gain_db: 0.0,
    // Slower than a sentence: faster is heard as pumping.
    max_gain_change_db_per_second: 3.0,
    // Background louder than this is not lifted. More is heard in every pause.
    max_output_noise_level_dbfs: -60.0,
};

/// How the echo canceller weighs the near end against what may be left of the echo. By default half the power of
/// what somebody says while the far end speaks is taken away; `docs/rooms.md` has what is left of that, and of the echo.
fn canceller() -> EchoCanceller3Config {
    let mut config = EchoCanceller3Config::default();
    // It may believe how well its filter does. By default at most 6 dB, above 2 kHz less than 2.
    (config.erle.max_l, config.erle.max_h) = (20.0, 10.0);
    // At the beginning of a word as well, once somebody speaks here.
    config.ep_strength.erle_onset_compensation_in_dominant_nearend = true;
    // The tail as it was measured, not the loudest it could be.
    config.ep_strength.use_conservative_tail_frequency_response = false;
    let suppressor = &mut config.suppressor;
    // How fast a band comes back, from block to block. Much faster, and a canceller that has just begun leaks.
    suppressor.normal_tuning.max_inc_factor = 2.5;
    suppressor.nearend_tuning.max_inc_factor = 4.0;
    // Each band for itself: with these what is above 2 kHz would be as low as 2 kHz is.
    suppressor.high_frequency_suppression.bands_in_limiting_gain = 0;
    // While somebody speaks here, echo to near end from which on a band is held down, and held down fully.
    let mask = |low: &mut MaskingThresholds, transparent, suppress| {
        (low.enr_transparent, low.enr_suppress) = (transparent, suppress);
    };
    mask(&mut suppressor.nearend_tuning.mask_lf, 1.5, 2.5);
    mask(&mut suppressor.nearend_tuning.mask_hf, 0.3, 1.0);
    config
}

/// The parts count in steps of 16 bits.
const SCALE: f32 = 32_768.0;

/// From here on a microphone is saturated.
const SATURATED: f32 = 32_700.0;

/// The capture-side processor: mono, 48 kHz, blocks of 10 ms.
///
/// Sound takes the same time through it whatever is on, so that switching a part neither skips nor repeats anything.
pub struct VoiceProcessor {
    /// From the sound as it came to what came out of here.
    whole: Fade,
    high_pass: HighPass,
    high_passed: Fade,
    far: Decimator,
    near: Splitter,
    echo: Part<EchoCanceller>,
    noise: Part<NoiseSuppressor>,
    gain: Part<AudioProcessing>,
}

impl VoiceProcessor {
    /// By how many samples sound is later behind it, whatever parts are on.
    pub const DELAY: usize = (ECHO_DELAY + NOISE_DELAY) * RATIO + Splitter::DELAY;

    /// A processor with the given parts on, or `None` when all are off.
    pub fn new(processing: Processing) -> Option<Self> {
        processing.is_on().then(|| {
            let mut processor = Self {
                whole: Fade::new(true),
                high_pass: HighPass::new(),
                high_passed: Fade::new(true),
                far: Decimator::new(),
                near: Splitter::new(),
                echo: Part::new(ECHO_DELAY),
                noise: Part::new(NOISE_DELAY),
                gain: Part::new(0),
            };
            processor.set(processing);
            for fade in processor.fades() {
                *fade = Fade::new(fade.on);
            }
            processor
        })
    }

    /// The same in mid-call, where nothing processed until now.
    pub fn joining(processing: Processing) -> Option<Self> {
        let mut processor = Self::new(processing)?;
        processor.whole = Fade::new(false);
        processor.whole.towards(true);
        Some(processor)
    }

    /// Switches parts on and off in mid-call. What stays on keeps what it has learnt.
    pub fn set(&mut self, processing: Processing) {
        self.high_passed.towards(processing.is_on());
        self.echo.switch(processing.echo_cancellation, EchoCanceller::new);
        self.noise.switch(processing.noise_suppression, || {
            NoiseSuppressor::new_with_bands(NsConfig::default(), BANDS)
        });
        self.gain.switch(processing.auto_gain_control, gain_control);
    }

    fn fades(&mut self) -> [&mut Fade; 5] {
        [
            &mut self.whole,
            &mut self.high_passed,
            &mut self.echo.fade,
            &mut self.noise.fade,
            &mut self.gain.fade,
        ]
    }

    /// Shows the processor what is about to be played (the far-end reference).
    pub fn render(&mut self, block: &[f32; BLOCK]) {
        if let Some(echo) = &mut self.echo.part {
            echo.render(&self.far.run(&block.map(|sample| sample * SCALE)));
        }
    }

    /// Cleans one block of the microphone in place.
    pub fn capture(&mut self, block: &mut [f32; BLOCK]) {
        let raw = *block;
        *block = block.map(|sample| sample * SCALE);
        let saturated = block.iter().any(|sample| sample.abs() >= SATURATED);
        let high_passed = self.high_pass.run(block);
        self.high_passed.mix(block, &high_passed);

        let (mut low, mut rest) = self.near.split(block);
        // Before the echo is gone: what the canceller fills in for it is no noise of the room.
        if let Some(noise) = &mut self.noise.part {
            noise.analyze(&low);
        }
        self.echo
            .run(&mut low, &mut rest, |echo, low| echo.capture(low, saturated));
        self.noise.run(&mut low, &mut rest, |noise, low| {
            noise.process(low);
            [noise.upper_band_gain(); LOW]
        });
        *block = self
            .near
            .join(&low, &rest)
            .map(|sample| (sample / SCALE).clamp(-1.0, 1.0));

        if let Some(gain) = &mut self.gain.part {
            let mut lifted = *block;
            // It fails on wrong formats alone, and the format is fixed here.
            let _ = gain.process_capture_f32(&[&block[..]], &mut [&mut lifted]);
            self.gain.fade.mix(block, &lifted);
        }
        let processed = std::mem::replace(block, raw);
        self.whole.mix(block, &processed);
        for fade in self.fades() {
            fade.next();
        }
        self.echo.tidy();
        self.noise.tidy();
        self.gain.tidy();
    }
}

/// One part, which can be switched while sound goes through it.
struct Part<P> {
    part: Option<P>,
    fade: Fade,
    /// As late as what the part gives.
    low: Delay,
    rest: Delay,
}

impl<P> Part<P> {
    /// For a part that takes so many samples of the low rate.
    fn new(delay: usize) -> Self {
        Self {
            part: None,
            fade: Fade::new(false),
            low: Delay::new(delay),
            rest: Delay::new(delay * RATIO),
        }
    }

    fn switch(&mut self, on: bool, make: impl FnOnce() -> P) {
        if on {
            self.part.get_or_insert_with(make);
        }
        self.fade.towards(on);
    }

    /// Drops the part when it is no longer heard.
    fn tidy(&mut self) {
        if self.fade.is_silent() {
            self.part = None;
        }
    }

    /// `process` changes the low part in place and tells its gain for the rest.
    fn run(
        &mut self,
        low: &mut [f32; LOW],
        rest: &mut [f32; BLOCK],
        process: impl FnOnce(&mut P, &mut [f32; LOW]) -> [f32; LOW],
    ) {
        let mut done = *low;
        self.low.run(low);
        self.rest.run(rest);
        let Some(part) = &mut self.part else { return };
        let gains = process(part, &mut done);
        let mut lowered = *rest;
        for (samples, gain) in lowered.chunks_exact_mut(RATIO).zip(gains) {
            samples.iter_mut().for_each(|sample| *sample *= gain);
        }
        self.fade.mix(low, &done);
        self.fade.mix(rest, &lowered);
    }
}

/// Blocks that a part which was switched on has to come to itself: longer than any delay.
const AWAKE: u32 = 3;

/// Goes from one sound to another within a block.
struct Fade {
    on: bool,
    /// Share of the second sound.
    share: f32,
    /// Blocks until it begins.
    wait: u32,
}

impl Fade {
    fn new(on: bool) -> Self {
        Self {
            on,
            share: f32::from(u8::from(on)),
            wait: 0,
        }
    }

    fn towards(&mut self, on: bool) {
        if on && !self.on {
            self.wait = AWAKE;
        }
        self.on = on;
    }

    /// Share at the end of this block.
    fn target(&self) -> f32 {
        f32::from(u8::from(self.on && self.wait == 0))
    }

    fn mix(&self, first: &mut [f32], second: &[f32]) {
        let step = (self.target() - self.share) / first.len() as f32;
        for (index, (first, second)) in first.iter_mut().zip(second).enumerate() {
            let share = self.share + step * (index + 1) as f32;
            *first += (second - *first) * share;
        }
    }

    /// The block is over.
    fn next(&mut self) {
        self.share = self.target();
        self.wait = self.wait.saturating_sub(1);
    }

    /// Whether nothing is heard of the second sound, nor soon will be.
    fn is_silent(&self) -> bool {
        !self.on && self.share == 0.0
    }
}

fn gain_control() -> AudioProcessing {
    let stream = StreamConfig::new(RATE, 1);
    let config = Config {
        pipeline: Pipeline {
            maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz,
            ..Pipeline::default()
        },
        gain_controller2: Some(GainController2 {
            adaptive_digital: Some(GAIN),
            ..GainController2::default()
        }),
        ..Config::default()
    };
    AudioProcessing::builder()
        .config(config)
        .capture_config(stream)
        .render_config(stream)
        .build()
}

/// Bands of the parts: the low one and, for all above, a second.
const BANDS: usize = 2;

/// Stands for all above 8 kHz in the canceller, so that the gain for it can be read. Far louder than the comfort noise
/// that comes with it.
const PROBE: f32 = 1e9;

/// How late sound is behind the canceller, in samples of the low rate: a block of its own is gathered, and overlaps the
/// next.
const ECHO_DELAY: usize = 2 * BLOCK_SIZE;

/// How late it is behind noise suppression.
const NOISE_DELAY: usize = OVERLAP_SIZE;

/// The echo canceller, fed with halves of a block, of which it makes blocks of its own length.
struct EchoCanceller {
    inner: BlockProcessor,
    far: FrameBlocker,
    near: FrameBlocker,
    out: BlockFramer,
    block: Block,
    half: Vec<Vec<Vec<f32>>>,
}

impl EchoCanceller {
    fn new() -> Self {
        let mut inner = BlockProcessor::new(&canceller(), BANDS * 16_000, 1, 1);
        // Before it knows a far end, sound would go through it sooner.
        inner.buffer_render(&Block::new(BANDS, 1));
        Self {
            inner,
            far: FrameBlocker::new(BANDS, 1),
            near: FrameBlocker::new(BANDS, 1),
            out: BlockFramer::new(BANDS, 1),
            block: Block::new(BANDS, 1),
            half: vec![vec![vec![0.0; SUB_FRAME_LENGTH]]; BANDS],
        }
    }

    fn render(&mut self, low: &[f32; LOW]) {
        for half in low.chunks_exact(SUB_FRAME_LENGTH) {
            let above = [0.0; SUB_FRAME_LENGTH];
            self.far
                .insert_sub_frame_and_extract_block(&[vec![half], vec![&above]], &mut self.block);
            self.inner.buffer_render(&self.block);
        }
        if self.far.is_block_available() {
            self.far.extract_block(&mut self.block);
            self.inner.buffer_render(&self.block);
        }
    }

    /// Takes the echo out of the low part. Returns the gain for the rest.
    fn capture(&mut self, low: &mut [f32; LOW], saturated: bool) -> [f32; LOW] {
        let mut gains = [PROBE; LOW];
        let halves = low
            .chunks_exact_mut(SUB_FRAME_LENGTH)
            .zip(gains.chunks_exact_mut(SUB_FRAME_LENGTH));
        for (low, gains) in halves {
            self.near
                .insert_sub_frame_and_extract_block(&[vec![&*low], vec![&*gains]], &mut self.block);
            self.inner
                .process_capture(false, saturated, None, &mut self.block);
            self.out
                .insert_block_and_extract_sub_frame(&self.block, &mut self.half);
            low.copy_from_slice(&self.half[0][0]);
            gains.copy_from_slice(&self.half[1][0]);
        }
        if self.near.is_block_available() {
            self.near.extract_block(&mut self.block);
            self.inner
                .process_capture(false, saturated, None, &mut self.block);
            self.out.insert_block(&self.block);
        }
        gains.map(|gain| gain / PROBE)
    }
}
