//! From RTP packets to speaker samples: the jitter buffer with its decoder, and the level of what comes out.

use std::time::Instant;

use sidetone_pipeline::Pooled;

use super::stats::InboundStats;
use super::{Level, LevelMeter, Profile};
use crate::jitter::{JitterBuffer, JitterConfig, OpusDecoder};
use crate::packet::{RtpTimestamp, VoicePacket};

/// The receiving half of the voice path, one for each stream. Sans-IO; allocates nothing after creation.
pub struct Downlink {
    jitter: JitterBuffer<OpusDecoder>,
    meter: LevelMeter,
}

impl Downlink {
    /// A downlink for one stream.
    pub fn new(profile: &Profile, config: JitterConfig, now: Instant) -> Result<Self, sidetone_opus::Error> {
        let decoder = OpusDecoder::new(profile.decoder_complexity)?;
        Ok(Self {
            jitter: JitterBuffer::new(config, decoder, now),
            meter: LevelMeter::default(),
        })
    }

    /// Takes a packet. Its [`VoicePacket::at`] is when it arrived.
    pub fn insert(&mut self, packet: Pooled<VoicePacket>) {
        let arrived = packet.at;
        self.jitter.insert(packet, arrived);
    }

    /// Writes the next samples, a multiple of 2.5 ms and at most a block.
    pub fn pull(&mut self, out: &mut [f32], now: Instant) {
        self.jitter.pull(out, now);
        self.meter.measure(out);
    }

    /// Whether a stream is being played. Until then, pull in the smallest steps, so that it starts at the right
    /// moment.
    pub fn is_playing(&self) -> bool {
        self.jitter.is_playing()
    }

    /// Samples decoded and not yet pulled: pulling them needs no packet.
    pub fn decoded(&self) -> usize {
        self.jitter.decoded()
    }

    /// RTP timestamp of the sample that the next pull begins with; `None` while nothing plays.
    pub fn playout_timestamp(&self) -> Option<RtpTimestamp> {
        self.jitter.playout_timestamp()
    }

    /// Level of what is heard.
    pub fn level(&self) -> Level {
        self.meter.level()
    }

    /// Counters so far.
    pub fn stats(&self) -> InboundStats {
        InboundStats {
            level: self.level(),
            jitter: self.jitter.stats(),
        }
    }
}
