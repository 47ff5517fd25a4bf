//! What comes over one link: a [`Downlink`] for each of its streams, made when the stream's first packet comes. Decoders
//! are big, and most slots of a meeting stay empty, so one is kept ready and the others are made elsewhere meanwhile.
//! It refuses to know speakers and threads.

use std::time::Instant;

use sidetone_pipeline::{Pooled, QueueReceiver, QueueSender};

use super::heard::Speaking;
use super::stats::InboundStats;
use super::{BLOCK, Downlink, Level, LinkId};
use crate::packet::VoicePacket;
use crate::transport::MAX_SLOTS;
use crate::transport::video::{Lips, PlayedSound};

/// Packets that may wait for a decoder to be made, which takes a few milliseconds.
const HELD: usize = 64;

/// One of the streams.
struct Stream {
    slot: u8,
    downlink: Box<Downlink>,
    /// The level when it was last asked for.
    before: Level,
}

/// The streams of a link.
pub struct Inlet {
    link: LinkId,
    queue: QueueReceiver<Pooled<VoicePacket>>,
    streams: Vec<Stream>,
    /// For the next stream that begins.
    spare: Option<Box<Downlink>>,
    /// How many streams there can be.
    slots: usize,
    /// Packets of streams that have no downlink yet.
    held: Vec<Pooled<VoicePacket>>,
    /// Asks for another spare. Dropped when there are enough.
    wanted: Option<QueueSender<()>>,
    /// What keeps the sound with pictures, where there are any.
    lips: Option<Lips>,
}

impl Inlet {
    /// The receiving half of a port with so many slots. `wanted` asks for another downlink, which comes to [`supply`](Self::supply).
    pub fn new(
        link: LinkId,
        (queue, slots, lips): (QueueReceiver<Pooled<VoicePacket>>, usize, Option<Lips>),
        spare: Box<Downlink>,
        wanted: Option<QueueSender<()>>,
    ) -> Self {
        let mut inlet = Self {
            link,
            queue,
            streams: Vec::with_capacity(slots.clamp(1, MAX_SLOTS)),
            spare: Some(spare),
            slots: slots.clamp(1, MAX_SLOTS),
            held: Vec::with_capacity(if slots > 1 { HELD } else { 0 }),
            wanted,
            lips,
        };
        if slots == 0 {
            // There is no telling streams apart, so the one there is need not be waited for.
            inlet.begin(0);
        }
        inlet
    }

    /// Which link.
    pub fn link(&self) -> LinkId {
        self.link
    }

    /// Takes in what arrived. Allocates nothing.
    pub fn receive(&mut self) {
        while let Some(packet) = self.queue.pop() {
            self.take(packet);
        }
    }

    fn take(&mut self, packet: Pooled<VoicePacket>) {
        let slot = packet.slot;
        if self.streams.iter().all(|stream| stream.slot != slot) {
            self.begin(slot);
        }
        match self.streams.iter_mut().find(|stream| stream.slot == slot) {
            Some(stream) => stream.downlink.insert(packet),
            // A flood of more than fits is lost.
            None if self.held.len() < self.held.capacity() => self.held.push(packet),
            None => {}
        }
    }

    /// Gives the spare, if there is one, to a stream that begins, and asks for another.
    fn begin(&mut self, slot: u8) {
        if self.streams.len() >= self.slots {
            return;
        }
        let Some(downlink) = self.spare.take() else { return };
        self.streams.push(Stream {
            slot,
            downlink,
            before: Level::default(),
        });
        if let Some(wanted) = self.wanted.as_ref().filter(|_| self.streams.len() < self.slots) {
            wanted.push(());
        }
    }

    /// Another downlink is ready. Not for a real-time section: what it cannot use is freed.
    pub fn supply(&mut self, downlink: Box<Downlink>) {
        self.spare = Some(downlink);
        if self.streams.len() + 1 >= self.slots {
            self.wanted = None;
        }
        let held = self.held.len();
        for _ in 0..held {
            let packet = self.held.remove(0);
            self.take(packet);
        }
    }

    /// Adds the next samples of every stream, a multiple of 2.5 ms and at most a block, to `sum`.
    pub fn pull(&mut self, sum: &mut [f32], now: Instant) {
        let mut block = [0.0; BLOCK];
        for Stream { downlink, .. } in &mut self.streams {
            if downlink.is_idle() {
                downlink.rest();
                continue;
            }
            let block = &mut block[..sum.len().min(BLOCK)];
            downlink.pull(block, now);
            sum.iter_mut()
                .zip(block)
                .for_each(|(sum, sample)| *sum += *sample);
        }
    }

    /// Says when the next samples are heard, `at`, and waits as long as the pictures with them need. Allocates nothing.
    pub fn keep_with_pictures(&mut self, at: Instant, now: Instant) {
        let Some(lips) = &self.lips else { return };
        for Stream { slot, downlink, .. } in &mut self.streams {
            downlink.set_minimum_delay(lips.minimum_delay(*slot));
            if let (Some(ssrc), Some(timestamp), Some(delay)) =
                (downlink.ssrc(), downlink.playout_timestamp(), downlink.delay(now))
            {
                lips.played(PlayedSound {
                    slot: *slot,
                    ssrc,
                    participant: downlink.source(),
                    timestamp,
                    delay,
                    needed: downlink.needed_delay(),
                    at,
                });
            }
        }
    }

    /// Whether anything is being played.
    pub fn is_playing(&self) -> bool {
        self.streams.iter().any(|stream| stream.downlink.is_playing())
    }

    /// Whether `source` is being played; anybody, where none is named.
    pub fn plays(&self, source: Option<u32>) -> bool {
        let named = |stream: &&Stream| source.is_none() || stream.downlink.source() == source;
        self.streams
            .iter()
            .filter(named)
            .any(|stream| stream.downlink.is_playing())
    }

    /// Samples that every stream which plays has decoded. `None` where nothing plays and nothing waits: those streams do
    /// not care how much is pulled.
    pub fn decoded(&self) -> Option<usize> {
        let streams = self.streams.iter().map(|stream| &stream.downlink);
        streams
            .filter(|stream| !stream.is_idle())
            .map(|stream| stream.decoded())
            .min()
    }

    /// Who was heard since this was asked last, and how loud.
    pub fn heard(&mut self) -> impl Iterator<Item = Speaking> {
        let link = self.link;
        self.streams.iter_mut().filter_map(move |stream| {
            let level = stream.downlink.level();
            let before = std::mem::replace(&mut stream.before, level);
            stream.downlink.take_voice().then(|| Speaking {
                link,
                slot: stream.slot,
                source: stream.downlink.source(),
                audio_level: level.since(&before),
            })
        })
    }

    /// Counters of every stream so far, by slot.
    pub fn stats(&self) -> Vec<InboundStats> {
        let streams = self.streams.iter().map(|stream| InboundStats {
            slot: stream.slot,
            ..stream.downlink.stats()
        });
        let mut stats: Vec<_> = streams.collect();
        stats.sort_by_key(|stats| stats.slot);
        stats
    }
}
