//! What is heard where no packet is: the sound rebuilt from redundancy, made up, or left out; and how silence
//! begins and ends.

use super::conceal::Joint;
use super::decoder::VoiceDecoder;
use super::playout::{CHUNK, Playout, Round, Source};

/// Smallest length a decoder can make up.
const QUANTUM: i64 = 120;

impl<D: VoiceDecoder> Playout<D> {
    /// Fills part of a hole before the first packet: from its redundancy, or by making something up.
    pub(super) fn fill(&mut self, hole: i64, missing: i64, round: &mut Round<'_>) {
        let Some(first) = round.packets.first() else {
            return;
        };
        let payload = first.packet.payload();
        let frame = first.samples;
        let talker = first.packet.source;
        let has_fec = frame % QUANTUM == 0 && self.decoder.has_fec(payload);
        if has_fec && hole <= frame {
            let turns = self.turn_to(talker);
            let joint = (hole < frame || turns || self.is_resting()).then(|| Joint::new(&self.pcm));
            let room = self.pcm.room(frame as usize);
            if room.and_then(|room| self.decoder.decode_fec(payload, room)) == Some(frame as usize) {
                round.stats.fec_packets_received += 1;
                round.stats.fec_samples += hole as u64;
                self.pcm.commit((frame - hole) as usize, frame as usize);
                return self.recovered(hole, joint, round);
            }
        }
        let reach = match self.redundancy {
            // What another talker said before goes before the sound that was lost here, not in its place.
            _ if talker != self.talker => 0,
            Some((at, reach)) if at == first.at => reach,
            _ => {
                let reach = self.decoder.redundancy(payload) as i64;
                self.redundancy = Some((first.at, reach));
                self.deep = reach;
                round.stats.fec_packets_received += u64::from(reach > 0);
                reach
            }
        };
        let left_for_fec = if has_fec { frame } else { 0 };
        let wanted = CHUNK.min(if hole > left_for_fec {
            hole - left_for_fec
        } else {
            hole
        });
        let length = whole(wanted);
        if hole - length < reach {
            let joint = self.is_resting().then(|| Joint::new(&self.pcm));
            let room = self.pcm.room(length as usize);
            if room.and_then(|room| self.decoder.decode_redundant(hole as usize, room))
                == Some(length as usize)
            {
                round.stats.dred_samples += wanted as u64;
                self.pcm.commit(0, wanted as usize);
                return self.recovered(wanted, joint, round);
            }
        }
        self.conceal(wanted, missing, round);
    }

    fn recovered(&mut self, length: i64, joint: Option<Joint>, round: &mut Round<'_>) {
        if let Some(joint) = joint {
            joint.put(self.pcm.tail_mut(length as usize));
        }
        self.covered += length;
        self.run = 0;
        self.source = Source::Recovered;
        round.stats.recovered_samples += length as u64;
    }

    /// Nothing is here.
    pub(super) fn starve(&mut self, missing: i64, round: &mut Round<'_>) {
        if self.covered >= self.stop_after {
            self.playing = false;
            return self.idle(missing, round);
        }
        if self.paused {
            self.comfort(missing, round)
        } else {
            self.conceal(CHUNK, missing, round)
        }
    }

    /// Makes up `wanted` samples, or silence for what is `missing` when the fade is over.
    fn conceal(&mut self, wanted: i64, missing: i64, round: &mut Round<'_>) {
        if !matches!(self.source, Source::Concealed | Source::Silence) {
            round.stats.concealment_events += 1;
            self.run = 0;
        }
        let length = whole(wanted);
        let made = if self.fade.is_over(self.run) || self.source == Source::Silence {
            None
        } else {
            let room = self.pcm.room(length as usize);
            room.and_then(|room| {
                let made = self.decoder.conceal(room);
                self.fade.apply(room, self.run);
                made
            })
        };
        if made == Some(length as usize) {
            self.pcm.commit(0, wanted as usize);
            self.source = Source::Concealed;
            self.run += wanted;
            self.covered += wanted;
            round.stats.concealed_samples += wanted as u64;
        } else {
            let length = self.hush(missing.min(wanted));
            self.source = Source::Silence;
            self.run += length;
            self.covered += length;
            round.stats.concealed_samples += length as u64;
            round.stats.silent_concealed_samples += length as u64;
        }
    }

    /// The sender pauses: background noise.
    pub(super) fn comfort(&mut self, length: i64, round: &mut Round<'_>) {
        let length = length.min(CHUNK);
        let quanta = whole(length);
        let room = self.pcm.room(quanta as usize);
        if room.and_then(|room| self.decoder.conceal(room)) == Some(quanta as usize) {
            self.pcm.commit(0, length as usize);
        } else {
            self.pcm.push_silence(length as usize);
        }
        self.source = Source::Comfort;
        self.covered += length;
        round.stats.comfort_samples += length as u64;
    }

    /// Goes on with whatever filled the time so far.
    pub(super) fn rest(&mut self, missing: i64, round: &mut Round<'_>) {
        match self.source {
            Source::Comfort => self.comfort(missing, round),
            _ => self.conceal(missing, missing, round),
        }
    }

    pub(super) fn idle(&mut self, missing: i64, round: &mut Round<'_>) {
        let length = self.hush(missing);
        self.source = Source::Idle;
        round.stats.idle_samples += length as u64;
    }

    /// Appends silence, without a click when there was sound.
    fn hush(&mut self, length: i64) -> i64 {
        let joint = (!matches!(self.source, Source::Idle | Source::Silence)).then(|| Joint::new(&self.pcm));
        let pushed = self.pcm.push_silence(length as usize);
        if let Some(joint) = joint {
            joint.end(self.pcm.tail_mut(pushed));
        }
        pushed as i64
    }
}

/// The next length a decoder can make up.
fn whole(length: i64) -> i64 {
    (length.max(1) as u64).next_multiple_of(QUANTUM as u64) as i64
}
