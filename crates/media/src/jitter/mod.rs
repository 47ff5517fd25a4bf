//! The adaptive jitter buffer: packets go in as they come, sound comes out as the speaker wants it.
//!
//! It learns how late packets are (`delay`) and how they are lost (`loss`), so that it waits for redundancy where
//! that is worth the delay, and takes the frames that later packets repeat. It decides on every block whether to
//! play, conceal, recover, hurry or linger (`playout`, `gap`, `decision`), and changes the length of sound without
//! changing its pitch (`stretch`). Sans-IO: the time is an argument. It allocates when created and never after, and
//! it refuses to know sockets, devices and codecs (a [`VoiceDecoder`] is handed in).
//!
//! Inside, time and media are both counted in samples at 48 kHz.

mod conceal;
mod config;
mod decision;
mod decoder;
mod delay;
mod gap;
mod loss;
mod minimum;
mod opus;
mod packets;
mod pcm;
mod playout;
mod slack;
mod stats;
mod stream;
mod stretch;

use std::time::{Duration, Instant};

use sidetone_pipeline::{Pool, Pooled};

pub use config::JitterConfig;
pub use decoder::VoiceDecoder;
pub use opus::OpusDecoder;
pub use playout::{Pulled, Source};
pub use stats::JitterStats;

use crate::packet::{RtpTimestamp, VoicePacket};
use config::{samples, seconds};
use delay::DelayEstimator;
use loss::LossHistory;
use minimum::Minimum;
use packets::{Packets, Placed, Waiting};
use playout::Playout;
use stream::{Arrived, Stream};

/// Longest packet Opus allows, in samples.
const LONGEST_PACKET: usize = 5760;

/// Copies of lost frames that can wait: half a second of 20 ms frames, all of which were lost.
const SPARE: usize = 32;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It waits for its turn.
    Stored,
    /// It is here already.
    Duplicate,
    /// Its time is over, or it belongs to a stream that has ended.
    Late,
    /// It waits for its turn; the oldest packet was dropped to make room.
    Overflow,
    /// It waits, and is the first of a new stream: what waited before was dropped.
    Reset,
    /// The codec cannot read it.
    Malformed,
}

/// A jitter buffer for one stream of voice, with its decoder.
pub struct JitterBuffer<D> {
    epoch: Instant,
    config: JitterConfig,
    stream: Option<Stream>,
    /// The source before this one, whose stragglers must not end the stream again.
    ended: Option<(u32, i64)>,
    delay: DelayEstimator,
    minimum: Minimum,
    loss: LossHistory,
    packets: Packets,
    /// For the copies that packets carry.
    spare: Pool<VoicePacket>,
    playout: Playout<D>,
    stats: JitterStats,
}

impl<D: VoiceDecoder> JitterBuffer<D> {
    /// An empty buffer. All allocation happens here.
    pub fn new(config: JitterConfig, decoder: D, now: Instant) -> Self {
        Self {
            epoch: now,
            stream: None,
            ended: None,
            delay: DelayEstimator::new(&config),
            minimum: Minimum::default(),
            loss: LossHistory::new(),
            packets: Packets::new(config.capacity),
            spare: Pool::new(SPARE, || VoicePacket::empty(now)),
            playout: Playout::new(&config, decoder),
            stats: JitterStats::default(),
            config,
        }
    }

    /// Takes a packet. `now` is when it arrived on this machine: the socket's time rather than the caller's,
    /// since what a packet waited in a queue is no fault of the network. Packets may come in any order.
    pub fn insert(&mut self, packet: Pooled<VoicePacket>, now: Instant) -> Inserted {
        let inserted = self.place(packet, now);
        match inserted {
            Inserted::Stored | Inserted::Reset => {}
            Inserted::Late => {
                self.stats.packets_late += 1;
                self.stats.packets_discarded += 1;
            }
            Inserted::Duplicate | Inserted::Malformed | Inserted::Overflow => {
                self.stats.packets_discarded += 1
            }
        }
        inserted
    }

    fn place(&mut self, packet: Pooled<VoicePacket>, now: Instant) -> Inserted {
        let arrival = self.ticks(now);
        let Some(samples) = self.playout.samples(packet.payload()) else {
            return Inserted::Malformed;
        };
        if self
            .ended
            .is_some_and(|(ssrc, until)| packet.ssrc == ssrc && arrival < until)
        {
            return Inserted::Late;
        }
        self.stats.packets_received += 1;
        let mut reset = false;
        let arrived = match self
            .stream
            .as_mut()
            .map(|stream| stream.place(&packet, arrival, &self.delay))
        {
            Some(Some(arrived)) => arrived,
            known => {
                reset = known.is_some();
                self.begin(&packet, arrival)
            }
        };
        let Arrived {
            at,
            transit,
            plausible,
        } = arrived;
        let first = self.stats.packets_received == 1 || reset;
        let before = self.loss.has(packet.sequence);
        if !first && plausible {
            self.learn_loss(&packet, samples);
            self.take_copies(&packet, at, arrival);
        }
        let waiting = Waiting {
            at,
            samples,
            arrival,
            sequence: Some(packet.sequence),
            packet,
        };
        let too_late = self.playout.is_past(waiting.end());
        if too_late {
            if before == Some(true) && !first {
                return Inserted::Duplicate;
            }
            // A copy of what was played long ago tells nothing of the network.
            self.delay_learn(transit, samples, plausible && !reset && before.is_some());
            return Inserted::Late;
        }
        let placed = self.packets.insert(waiting);
        if placed != Placed::Duplicate {
            // The first packet was taught by the restart.
            self.delay_learn(transit, samples, plausible && !first);
        }
        match placed {
            Placed::Duplicate => Inserted::Duplicate,
            _ if reset => Inserted::Reset,
            Placed::Overflow => Inserted::Overflow,
            Placed::Stored => Inserted::Stored,
        }
    }

    /// Learns whether waiting for the redundancy of later packets is worth it.
    fn learn_loss(&mut self, packet: &VoicePacket, samples: i64) {
        let mut copies = u32::from(self.playout.has_fec(packet.payload())) << 1;
        for (distance, _) in packet.copies() {
            copies |= 1_u32
                .checked_shl((i64::from(distance) / samples) as u32)
                .unwrap_or(0);
        }
        self.loss.deep((self.playout.deep / samples) as usize);
        self.loss.came(packet.sequence, copies, samples);
        self.delay.reach(self.loss.wait() as i64 * samples);
    }

    /// Puts the frames that a packet repeats where they are missing.
    fn take_copies(&mut self, packet: &VoicePacket, at: i64, arrival: i64) {
        for (distance, frame) in packet.copies() {
            let at = at - i64::from(distance);
            let Some(samples) = self.playout.samples(frame) else {
                self.stats.packets_discarded += 1;
                continue;
            };
            if self.playout.is_past(at + samples) || self.packets.has(at) {
                continue;
            }
            let Some(mut copy) = self.spare.take() else { return };
            if copy.set_payload(frame) {
                copy.source = packet.source;
                self.packets.insert(Waiting {
                    at,
                    samples,
                    arrival,
                    sequence: None,
                    packet: copy,
                });
            }
        }
    }

    fn delay_learn(&mut self, transit: i64, samples: i64, learn: bool) {
        if learn {
            self.delay.learn(transit, samples);
        }
    }

    /// Begins a stream with this packet.
    fn begin(&mut self, packet: &VoicePacket, arrival: i64) -> Arrived {
        let mut believed = samples(self.config.initial_delay);
        if let Some(old) = self.stream.take() {
            // The way is likely the same, so what it needed is the best guess.
            believed = self.delay.needed();
            self.stats.resets += 1;
            self.stats.packets_lost = self.stats.packets_lost.saturating_add(old.lost());
            if old.ssrc() != packet.ssrc {
                self.ended = Some((old.ssrc(), arrival + 24_000));
            }
        }
        self.packets.clear();
        self.loss.restart();
        self.playout.restart();
        let (stream, arrived) = Stream::new(packet, arrival);
        self.delay.restart(arrived.transit, believed);
        self.stream = Some(stream);
        arrived
    }

    /// Fills `out` with what is to be heard next: a multiple of 120 samples (2.5 ms), at most 480 (10 ms), always
    /// completely. `now` is when it was asked for. Before a stream plays ([`is_playing`](Self::is_playing)), pull
    /// 120 at a time, so that it starts at the right moment.
    pub fn pull(&mut self, out: &mut [f32], now: Instant) -> Pulled {
        let now = self.ticks(now);
        let minimum = if self.playout.playing {
            let delay = now - self.playout.position() - self.delay.fastest();
            self.minimum.step(out.len() as i64, delay, self.delay.needed())
        } else {
            self.minimum.jump()
        };
        self.delay.set_minimum(minimum);
        self.playout
            .pull(out, now, &mut self.packets, &self.delay, &mut self.stats)
    }

    /// Least delay over the fastest packets from now on, whatever the network needs, so that sound is with something that
    /// comes later; at most [`JitterConfig::max_delay`]. A stream that plays gets there, and back, by playing slower and
    /// faster.
    pub fn set_minimum_delay(&mut self, minimum: Duration) {
        self.minimum.want(samples(minimum));
    }

    /// How long after its arrival, had it been among the fastest, the sample is played that a pull at `now` begins with:
    /// what [`set_minimum_delay`](Self::set_minimum_delay) compares with. `None` while nothing plays.
    pub fn delay(&self, now: Instant) -> Option<Duration> {
        let delay = self.ticks(now) - self.playout.position() - self.delay.fastest();
        self.is_playing()
            .then(|| Duration::from_secs_f64(seconds(delay.max(0))))
    }

    /// How much of that the network needs, its losses included.
    pub fn needed_delay(&self) -> Duration {
        Duration::from_secs_f64(seconds(self.delay.needed().max(0)))
    }

    /// Source of the packets (RFC 3550 section 3, SSRC); `None` before the first.
    pub fn ssrc(&self) -> Option<u32> {
        self.stream.as_ref().map(Stream::ssrc)
    }

    /// Whether a stream is being played and may be pulled in whole blocks. `false` before the first packet is due,
    /// during the first 10 ms after it, and after a long silence.
    pub fn is_playing(&self) -> bool {
        self.playout.is_playing()
    }

    /// Whether nothing plays and nothing waits: until a packet comes, pulls bring silence and may be left out.
    pub fn is_idle(&self) -> bool {
        !self.playout.playing && self.playout.ready() == 0 && self.packets.len() == 0
    }

    /// Who made the sound that was decoded last, where packets tell ([`VoicePacket::source`]).
    pub fn talker(&self) -> Option<u32> {
        self.playout.talker
    }

    /// Samples that can be pulled before another packet is needed.
    pub fn decoded(&self) -> usize {
        self.playout.ready()
    }

    /// RTP timestamp of the sample that the next pull begins with (`estimatedPlayoutTimestamp` of webrtc-stats), to
    /// within the stretch under way. `None` while nothing plays.
    pub fn playout_timestamp(&self) -> Option<RtpTimestamp> {
        let stream = self.stream.as_ref().filter(|_| self.playout.is_playing())?;
        Some(stream.timestamp(self.playout.position()))
    }

    /// Counters so far.
    pub fn stats(&self) -> JitterStats {
        let mut stats = self.stats.clone();
        if let Some(stream) = &self.stream {
            stats.packets_lost = stats.packets_lost.saturating_add(stream.lost());
            stats.target_delay = seconds(self.delay.target_delay());
            stats.redundancy_delay = seconds(self.delay.redundancy());
        }
        stats.recent_delay = seconds(self.playout.recent_delay());
        stats.level = seconds(self.packets.span() + self.playout.ready() as i64);
        stats
    }

    /// Packets waiting now.
    pub fn waiting(&self) -> usize {
        self.packets.len()
    }

    fn ticks(&self, now: Instant) -> i64 {
        samples(now.saturating_duration_since(self.epoch))
    }
}
