//! From RTP packets to speaker samples: the jitter buffer with its decoder, and the level of what comes out.

use std::time::{Duration, Instant};

use sidetone_pipeline::Pooled;

use super::stats::InboundStats;
use super::{Level, LevelMeter, Profile};
use crate::jitter::{JitterBuffer, JitterConfig, OpusDecoder};
use crate::packet::{RtpTimestamp, VoicePacket};

/// The receiving half of the voice path, one for each stream. Sans-IO; allocates nothing after creation.
pub struct Downlink {
    jitter: JitterBuffer<OpusDecoder>,
    meter: LevelMeter,
    /// Whether a voice was heard since [`Downlink::take_voice`].
    voice: bool,
}

impl Downlink {
    /// A downlink for one stream.
    pub fn new(profile: &Profile, config: JitterConfig, now: Instant) -> Result<Self, sidetone_opus::Error> {
        let decoder = OpusDecoder::new(profile.decoder_complexity)?;
        Ok(Self {
            jitter: JitterBuffer::new(config, decoder, now),
            meter: LevelMeter::default(),
            voice: false,
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
        self.voice |= self.meter.measure(out).voice;
    }

    /// Whether nothing plays and nothing waits. [`pull`](Self::pull) may be left out then, see [`rest`](Self::rest).
    pub fn is_idle(&self) -> bool {
        self.jitter.is_idle()
    }

    /// What a pull would do while there is nothing to pull.
    pub fn rest(&mut self) {
        self.meter.rest();
    }

    /// Who made the sound that is heard, where packets tell: the participant's number in a meeting.
    pub fn source(&self) -> Option<u32> {
        self.jitter.talker()
    }

    /// Whether a voice was heard since the last time this was asked.
    pub fn take_voice(&mut self) -> bool {
        std::mem::take(&mut self.voice)
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

    /// Source of the packets; `None` before the first.
    pub fn ssrc(&self) -> Option<u32> {
        self.jitter.ssrc()
    }

    /// Delay of what a pull at `now` begins with, as [`JitterBuffer::delay`].
    pub fn delay(&self, now: Instant) -> Option<Duration> {
        self.jitter.delay(now)
    }

    /// How much delay the network needs, as [`JitterBuffer::needed_delay`].
    pub fn needed_delay(&self) -> Duration {
        self.jitter.needed_delay()
    }

    /// Least delay from now on, as [`JitterBuffer::set_minimum_delay`].
    pub fn set_minimum_delay(&mut self, minimum: Duration) {
        self.jitter.set_minimum_delay(minimum);
    }

    /// Level of what is heard.
    pub fn level(&self) -> Level {
        self.meter.level()
    }

    /// Counters so far.
    pub fn stats(&self) -> InboundStats {
        InboundStats {
            slot: 0,
            source: self.source(),
            level: self.level(),
            jitter: self.jitter.stats(),
        }
    }
}

#[cfg(test)]
mod tests {
    use sidetone_pipeline::Pool;

    use super::*;
    use crate::voice::{BLOCK, Processing, Uplink};

    #[test]
    fn a_muted_talker_is_not_missed() {
        let start = Instant::now();
        let pool = Pool::new(16, || VoicePacket::empty(start));
        let profile = Profile::BALANCED;
        let mut uplink = Uplink::new(&profile, Processing::OFF, pool, 7).unwrap();
        let mut downlink = Downlink::new(&profile, JitterConfig::default(), start).unwrap();
        let speech = crate::voice::tests_support::speech("woman-en.flac");
        let mut out = [0.0; BLOCK];
        for (n, block) in (0_u32..).zip(speech.chunks_exact(BLOCK).cycle().take(1_500)) {
            if n == 300 || n == 1_300 {
                uplink.set_muted(n == 300);
            }
            let now = start + Duration::from_millis(10) * n;
            if let Some(mut packet) = uplink.push(block.try_into().unwrap(), now) {
                packet.at = now;
                downlink.insert(packet);
            }
            downlink.pull(&mut out, now);
        }
        let stats = downlink.stats().jitter;
        assert!(stats.comfort_samples > 8 * 48_000, "{stats:?}");
        assert_eq!(stats.concealed_samples, 0, "{stats:?}");
    }
}
