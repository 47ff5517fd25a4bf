//! What is heard next. For every stretch of time the playout decides: play the packet, rebuild it from what the
//! next one carries, make something up, or wait; and whether to hurry or linger a pitch period.
//!
//! Two positions on the media line rule everything: `next`, the first sample not yet taken from a packet, and
//! `covered`, how much sound has been made up since. Their sum is the playhead. When a packet comes late, up to
//! `covered` of it may be skipped; how much decides the delay from there on.

use super::JitterStats;
use super::LONGEST_PACKET;
use super::conceal::{Fade, Joint};
use super::config::{JitterConfig, samples, seconds};
use super::decoder::VoiceDecoder;
use super::delay::DelayEstimator;
use super::packets::Packets;
use super::pcm::Pcm;
use super::slack::Slack;
use crate::packet::SequenceNumber;

/// Most that is made up in one go: 10 ms, one frame of the neural concealment.
pub(super) const CHUNK: i64 = 480;
/// After a pause a packet may start this late without losing its beginning: the onset of a word matters more
/// than 20 ms that are soon worked off.
const GRACE: i64 = 960;
/// Slack over the target that is left when sound is taken out, so that it need not be put back: 1 ms.
pub(super) const MARGIN: i64 = 48;

/// Share of the last packets that came late from which this is no chance, but a queue that grows: two in a row. The
/// target learns of it only when sound of many packets is lost.
const TREND: f32 = 0.2;
/// What a packet counts in that share.
const TREND_WEIGHT: f32 = 0.125;

/// Packets from one look at their deep redundancy to the next, a second: it is read on loss anyway.
const LOOK: u32 = 50;

/// Where sound came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nothing plays: silence.
    Idle,
    /// A packet.
    Media,
    /// Redundancy in a later packet.
    Recovered,
    /// Made up, fading.
    Concealed,
    /// Made up, faded to silence.
    Silence,
    /// Background noise while the sender pauses.
    Comfort,
}

/// What a pull did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// Where the newest sound in the buffer came from.
    pub source: Source,
    /// Samples added (positive) or taken out (negative) by time-stretching.
    pub stretched: i32,
}

/// The surroundings of one pull.
pub(super) struct Round<'a> {
    pub(super) now: i64,
    pub(super) block: i64,
    pub(super) packets: &'a mut Packets,
    pub(super) delay: &'a DelayEstimator,
    pub(super) stats: &'a mut JitterStats,
}

/// The playing side of the jitter buffer.
pub(super) struct Playout<D> {
    pub(super) decoder: D,
    pub(super) pcm: Pcm,
    pub(super) slack: Slack,
    pub(super) next: i64,
    pub(super) covered: i64,
    /// Whether packets before `next` are too late: something of this stream was played.
    begun: bool,
    pub(super) playing: bool,
    /// Samples pulled since it began.
    played: i64,
    pub(super) source: Source,
    /// Length of the concealment under way.
    pub(super) run: i64,
    pub(super) fade: Fade,
    pub(super) paused: bool,
    /// Number of the packet that was heard last, unless that was a copy.
    sequence: Option<SequenceNumber>,
    /// Who made the sound that was decoded last, where packets tell.
    pub(super) talker: Option<u32>,
    /// Reach of the deep redundancy that packets carry now, looked at every so often.
    pub(super) deep: i64,
    since_look: u32,
    /// Reach of the redundancy that the decoder holds, and of which packet.
    pub(super) redundancy: Option<(i64, i64)>,
    /// Share of the last packets that came late.
    late: f32,
    max_excess: i64,
    pub(super) stop_after: i64,
    /// Samples pulled since the last stretch.
    pub(super) since_stretch: i64,
    pub(super) noise_floor: f32,
    recent_delay: f64,
}

impl<D: VoiceDecoder> Playout<D> {
    pub(super) fn new(config: &JitterConfig, decoder: D) -> Self {
        Self {
            decoder,
            pcm: Pcm::new(),
            slack: Slack::new(),
            next: 0,
            covered: 0,
            begun: false,
            playing: false,
            played: 0,
            source: Source::Idle,
            run: 0,
            fade: Fade {
                after: samples(config.fade_after),
                length: samples(config.fade),
            },
            paused: false,
            sequence: None,
            talker: None,
            deep: 0,
            since_look: 0,
            redundancy: None,
            late: 0.0,
            max_excess: samples(config.max_excess),
            stop_after: samples(config.stop_after),
            since_stretch: 0,
            noise_floor: 0.0,
            recent_delay: 0.0,
        }
    }

    /// Another stream begins. What is ready is still heard.
    pub(super) fn restart(&mut self) {
        self.decoder.reset();
        self.slack.clear();
        self.redundancy = None;
        self.begun = false;
        self.playing = false;
        self.paused = false;
        self.covered = 0;
        self.run = 0;
        self.late = 0.0;
    }

    /// Whether whole blocks may be pulled: the first block is pulled in small steps to its end, so that packets
    /// begin where blocks do.
    pub(super) fn is_playing(&self) -> bool {
        self.playing && self.played >= CHUNK
    }

    /// Whether the playhead has passed a position for good.
    pub(super) fn is_past(&self, end: i64) -> bool {
        self.begun && end <= self.next
    }

    /// Media time of the next sample that is heard.
    pub(super) fn position(&self) -> i64 {
        self.next + self.covered - self.pcm.ready() as i64
    }

    pub(super) fn ready(&self) -> usize {
        self.pcm.ready()
    }

    pub(super) fn recent_delay(&self) -> i64 {
        self.recent_delay as i64
    }

    /// Samples in a packet, if the codec can read it.
    pub(super) fn samples(&self, payload: &[u8]) -> Option<i64> {
        self.decoder
            .samples(payload)
            .filter(|n| (1..=LONGEST_PACKET).contains(n))
            .map(|n| n as i64)
    }

    /// Whether a packet carries in-band FEC.
    pub(super) fn has_fec(&self, payload: &[u8]) -> bool {
        self.decoder.has_fec(payload)
    }

    pub(super) fn pull(
        &mut self,
        out: &mut [f32],
        now: i64,
        packets: &mut Packets,
        delay: &DelayEstimator,
        stats: &mut JitterStats,
    ) -> Pulled {
        let (inserted, removed) = (
            stats.inserted_samples_for_deceleration,
            stats.removed_samples_for_acceleration,
        );
        let mut round = Round {
            now,
            block: out.len() as i64,
            packets,
            delay,
            stats,
        };
        while self.pcm.ready() < out.len() {
            let missing = (out.len() - self.pcm.ready()) as i64;
            self.produce(missing, &mut round);
        }
        let emitted = self.pcm.emit(out);
        self.since_stretch = self.since_stretch.saturating_add(emitted as i64);
        if self.playing {
            self.played = self.played.saturating_add(emitted as i64);
        }
        stats.total_samples_received += emitted as u64;
        let inserted = stats.inserted_samples_for_deceleration - inserted;
        let removed = stats.removed_samples_for_acceleration - removed;
        Pulled {
            source: self.source,
            stretched: inserted as i32 - removed as i32,
        }
    }

    /// Makes more sound ready: at least one sample.
    fn produce(&mut self, missing: i64, round: &mut Round<'_>) {
        if self.begun {
            while round
                .packets
                .first()
                .is_some_and(|first| first.end() <= self.next)
            {
                round.packets.take_first();
                round.stats.packets_discarded += 1;
            }
        }
        if !self.playing && !self.start(round) {
            return self.idle(missing, round);
        }
        let offset = self.pcm.ready() as i64;
        let heard = round.now + offset - (self.next + self.covered);
        self.slack.note(heard, offset, round.block);
        let excess = heard - offset - round.delay.target();
        if excess > self.max_excess && round.packets.first().is_some() {
            self.jump(excess, round);
        }
        let Some(first) = round.packets.first() else {
            return self.starve(missing, round);
        };
        let (at, sequence, due) = (first.at, first.sequence, first.at + batch(first.samples));
        let hole = at - self.next - self.covered;
        if hole > 0 {
            let follows =
                sequence.is_some_and(|sequence| Some(sequence) == self.sequence.map(SequenceNumber::next));
            if self.paused || follows {
                return self.comfort(missing.min(hole), round);
            }
            return self.fill(hole, missing, round);
        }
        if self.is_resting() && round.now - due < round.delay.target() {
            // Free to choose when to come back: exactly at the target.
            return self.rest(missing, round);
        }
        if self.take(round) && !self.paused {
            self.adapt(round);
        }
    }

    /// Starts with the first packet when its time has come.
    fn start(&mut self, round: &mut Round<'_>) -> bool {
        let Some(first) = round.packets.first() else {
            return false;
        };
        if self.pcm.ready() > 0 || round.now - first.at < round.delay.target() + batch(first.samples) {
            return false;
        }
        self.next = if self.begun {
            self.next.max(first.at)
        } else {
            first.at
        };
        self.covered = 0;
        self.begun = true;
        self.playing = true;
        self.played = 0;
        self.slack.clear();
        true
    }

    /// Gives up sound that is far too old, because nobody pulled or the network stood still.
    fn jump(&mut self, excess: i64, round: &mut Round<'_>) {
        let goal = self.next + self.covered + excess;
        while round.packets.first().is_some_and(|first| first.end() <= goal) {
            round.packets.take_first();
            round.stats.packets_discarded += 1;
        }
        // What comes next continues nothing that was heard.
        self.next = goal;
        self.covered = 0;
        self.redundancy = None;
        self.source = Source::Silence;
        self.slack.clear();
    }

    /// Goes on with another talker's sound, if it is another's: it was coded by another encoder, whose state this decoder
    /// does not have. Tells whether it was.
    pub(super) fn turn_to(&mut self, talker: Option<u32>) -> bool {
        let turns = self.talker != talker;
        if turns {
            self.talker = talker;
            self.decoder.reset();
            self.redundancy = None;
        }
        turns
    }

    /// Makes the first packet ready, which is here in time or late. `false` when nothing came of it.
    pub(super) fn take(&mut self, round: &mut Round<'_>) -> bool {
        let Some(waiting) = round.packets.take_first() else {
            return false;
        };
        let lead = waiting.at - self.next;
        let least = lead.max(0);
        let resting = self.is_resting();
        let mut passed = least;
        let late = self.covered > least;
        if waiting.sequence.is_some() {
            self.late += (f32::from(u8::from(late)) - self.late) * TREND_WEIGHT;
        }
        // The newest packet of several late ones is heard from its beginning: nothing better will come.
        let trend = self.late > TREND && round.packets.first().is_none();
        if late && !trend {
            let added = self.slack.missing(lowest(round.delay), self.covered - least);
            passed = self.covered - added;
            if resting {
                passed = least.max(passed - GRACE);
            }
        }
        if self.source == Source::Concealed && passed == self.covered {
            // The sound is broken here anyway: a good place to take out what is not needed.
            let keep = (round.delay.target() + MARGIN).min(self.slack.after(0));
            passed += self.slack.removable(keep, CHUNK.min(waiting.samples / 2));
        }
        let skip = passed - lead;
        if skip >= waiting.samples {
            round.stats.packets_discarded += 1;
            return false;
        }
        let turns = self.turn_to(waiting.packet.source);
        let continuous =
            skip == 0 && passed == self.covered && !resting && !turns && self.source != Source::Idle;
        let offset = self.pcm.ready() as i64;
        let joint = (!continuous).then(|| Joint::new(&self.pcm));
        let room = self.pcm.room(waiting.samples as usize);
        let payload = waiting.packet.payload();
        if self.since_look >= LOOK {
            self.since_look = 0;
            self.deep = self.decoder.redundancy(payload) as i64;
            self.redundancy = Some((waiting.at, self.deep));
        }
        self.since_look += 1;
        let decoded = room.and_then(|room| self.decoder.decode(payload, room));
        let decoded = decoded.map_or(0, |n| (n as i64).min(waiting.samples));
        if decoded <= skip {
            round.stats.packets_discarded += 1;
            return false;
        }
        let kept = decoded - skip;
        self.pcm.commit(skip as usize, decoded as usize);
        if let Some(joint) = joint {
            joint.put(self.pcm.tail_mut(kept as usize));
        }
        self.slack.shift(self.covered - passed);
        self.next = waiting.at + decoded;
        self.covered = 0;
        self.run = 0;
        self.paused = self.decoder.is_pause(payload);
        self.sequence = waiting.sequence;
        self.source = Source::Media;

        if waiting.sequence.is_none() {
            round.stats.recovered_samples += kept as u64;
            round.stats.red_samples += kept as u64;
            return true;
        }
        let delay = (round.now + offset - waiting.arrival).max(0);
        // Mean over about a second.
        self.recent_delay += (delay as f64 - self.recent_delay) * (kept as f64 / 48_000.0).min(1.0);
        let stats = &mut *round.stats;
        let kept_seconds = |delay: i64| seconds(delay) * kept as f64;
        stats.decoded_samples += kept as u64;
        stats.jitter_buffer_emitted_count += kept as u64;
        stats.jitter_buffer_delay += kept_seconds(delay);
        stats.jitter_buffer_target_delay += kept_seconds(round.delay.target_delay());
        stats.jitter_buffer_minimum_delay += kept_seconds(round.delay.needed());
        true
    }

    /// Whether what was heard last has no bearing on what comes next.
    pub(super) fn is_resting(&self) -> bool {
        matches!(self.source, Source::Comfort | Source::Silence) && self.covered > 0
    }
}

/// How much earlier than its own time the last of several short packets that make up a block is needed.
fn batch(samples: i64) -> i64 {
    (CHUNK - samples).max(0)
}

/// Slack from which sound is added: what the target itself wanders is left alone.
pub(super) fn lowest(delay: &DelayEstimator) -> i64 {
    delay.floor() - 24
}
