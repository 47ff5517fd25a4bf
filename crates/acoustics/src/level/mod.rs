//! Levels of every channel: loudness, noise, DC, clipping, silence, and whether the right channel is heard where it should.

mod channel;
mod clipping;
mod following;
mod meter;
mod pairs;

pub use channel::Channel;
pub use following::{Following, FollowingReport, StepLevel};
pub use meter::{Meter, Reading};
pub use pairs::{Pair, Relation};

use serde::Serialize;

use crate::error::Error;
use crate::rate::SampleRate;
use crate::sample::clean;
use crate::spectrum::PowerSpectrum;
use channel::ChannelMeter;
use pairs::PairMeter;

/// Channels a device can have.
const MOST_CHANNELS: usize = 64;
/// The first channels are compared with each other.
const COMPARED: usize = 8;

/// Measures a recording of any number of channels. Nothing needs to be played; where each channel is played its
/// [`channel_tone`](crate::signal::channel_tone), swapped channels are found.
#[derive(Clone, Debug)]
pub struct Levels {
    rate: SampleRate,
    channels: Vec<ChannelMeter>,
    pairs: Vec<PairMeter>,
    /// A frame that a block ended in the middle of.
    frame: Vec<f64>,
    broken: u64,
    spectrum: PowerSpectrum,
}

/// What a recording's levels are.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Length of the recording, in seconds.
    pub seconds: f64,
    /// Each channel by itself.
    pub channels: Vec<Channel>,
    /// Channels against each other, each with those after it.
    pub pairs: Vec<Pair>,
    /// Channels are heard, but in another order than they were played in.
    pub swapped: bool,
    /// Samples that were no numbers.
    pub broken_samples: u64,
}

impl Levels {
    /// `channels` are interleaved in what is pushed.
    ///
    /// # Errors
    /// No channel, or more than 64.
    pub fn new(rate: SampleRate, channels: usize) -> Result<Self, Error> {
        if channels == 0 || channels > MOST_CHANNELS {
            return Err(Error::Channels(channels));
        }
        let compared = channels.min(COMPARED);
        let pairs =
            (0..compared).flat_map(|one| (one + 1..compared).map(move |other| PairMeter::new(one, other)));
        // A sixth of a second, for a resolution of about 6 Hz.
        let size = rate.count(0.12).next_power_of_two();
        Ok(Self {
            rate,
            channels: (0..channels).map(|_| ChannelMeter::new(rate, size)).collect(),
            pairs: pairs.collect(),
            frame: Vec::with_capacity(channels),
            broken: 0,
            spectrum: PowerSpectrum::new(size),
        })
    }

    /// Measures a block. It may end in the middle of a frame.
    pub fn push(&mut self, recorded: &[f32]) {
        for &sample in recorded {
            if !sample.is_finite() {
                self.broken += 1;
            }
            self.frame.push(clean(sample));
            if self.frame.len() == self.channels.len() {
                for (channel, sample) in self.channels.iter_mut().zip(&self.frame) {
                    channel.push(*sample, &mut self.spectrum);
                }
                self.pairs.iter_mut().for_each(|pair| pair.push(&self.frame));
                self.frame.clear();
            }
        }
    }

    /// What was measured so far.
    pub fn report(&self) -> Report {
        let loudest = self.channels.iter().map(ChannelMeter::power).fold(0.0, f64::max);
        let channels: Vec<Channel> = self
            .channels
            .iter()
            .map(|channel| channel.report(loudest))
            .collect();
        let heard: Vec<Option<usize>> = channels.iter().map(|channel| channel.tone).collect();
        let mut order: Vec<usize> = heard.iter().copied().flatten().collect();
        let elsewhere = heard
            .iter()
            .enumerate()
            .any(|(at, tone)| tone.is_some_and(|tone| tone != at));
        order.sort_unstable();
        order.dedup();
        let frames = self.channels.first().map_or(0, ChannelMeter::count);
        Report {
            seconds: self.rate.seconds(frames),
            // One tone in all channels is no order at all.
            swapped: elsewhere && order.len() > 1,
            channels,
            pairs: self.pairs.iter().map(PairMeter::report).collect(),
            broken_samples: self.broken,
        }
    }
}
