//! From microphone blocks to RTP packets: processing, level, coding, numbering.

use std::time::{Duration, Instant};

use sidetone_opus::{Application, Bandwidth, Bitrate, Channels, Encoder, Error, SampleRate};
use sidetone_pipeline::{Pool, Pooled};

use super::level::Attention;
use super::mixer::Mixer;
use super::sent::SentFrames;
use super::stats::OutboundStats;
use super::{BLOCK, Coding, Level, LevelMeter, Processing, Profile, RATE, VoiceProcessor};
use crate::packet::{AudioLevel, MAX_PAYLOAD, RtpTimestamp, SequenceNumber, VoicePacket};

/// Longest frame: 60 ms.
const MAX_FRAME: usize = 6 * BLOCK;

/// Below this the codec stays in wide band. By itself it goes to the full band from 14 kbit/s, where speech up to 8 kHz
/// loses 0.2 of PESQ-WB for it, and the decoder's enhancement, which works on wide band, another 0.1.
const FULL_BAND: Bitrate = Bitrate::kbps(18);

/// Peaks below are not heard: -60 dB.
const AUDIBLE: f32 = 0.001;

/// Opus packets of one or two bytes say "nothing to send" (RFC 6716 section 2.1.9, `OPUS_SET_DTX`).
const DISCONTINUED: usize = 2;

/// The sending half of the voice path. Sans-IO; allocates nothing but what the processor does.
pub struct Uplink {
    encoder: Encoder,
    processor: Option<VoiceProcessor>,
    pool: Pool<VoicePacket>,
    meter: LevelMeter,
    /// Before the mute: whether somebody speaks whom nobody hears.
    attention: Attention,
    muted_voice: Duration,
    frame: [f32; MAX_FRAME],
    frame_len: usize,
    filled: usize,
    coding: Coding,
    /// What the encoder is tuned for.
    application: Application,
    /// The next frame is told by none before it.
    alone: bool,
    /// Whether the encoder has yet to be told of `coding`.
    recode: bool,
    sent: SentFrames,
    loudest: AudioLevel,
    sequence: SequenceNumber,
    timestamp: RtpTimestamp,
    /// When what is at that timestamp was captured.
    captured: Option<Instant>,
    talk_spurt_ended: bool,
    muted: bool,
    gain: f32,
    /// Voice and other sound together.
    mixer: Mixer,
    /// Whether sound is sent along with the voice, or was and still keeps the mixer.
    mixes: bool,
    stats: OutboundStats,
}

/// How long a block is.
const BLOCK_LENGTH: Duration = Duration::from_millis(10);

/// A block that comes so much later than expected tells of another clock.
const LATEST: Duration = Duration::from_millis(100);

/// Share of what blocks are late that is believed, a frame: a clock that is slower by 0.1 percent is followed within 2 ms.
const SLOWER: u32 = 64;

/// How long so many samples are.
fn samples(count: usize) -> Duration {
    Duration::from_nanos(count as u64 * 1_000_000_000 / u64::from(RATE))
}

const SILENT: AudioLevel = AudioLevel {
    minus_dbov: 127,
    voice: false,
};

impl Uplink {
    /// An uplink that takes its packets from `pool`. RFC 3550 wants the first sequence number and timestamp to be
    /// unguessable: `start` is where the caller's randomness comes in.
    pub fn new(
        profile: &Profile,
        processing: Processing,
        pool: Pool<VoicePacket>,
        start: u64,
    ) -> Result<Self, Error> {
        let mut encoder = Encoder::new(SampleRate::Hz48000, Channels::Mono, profile.application)?;
        encoder.set_bitrate(profile.bitrate)?;
        encoder.set_complexity(profile.encoder_complexity)?;
        encoder.set_inband_fec(true)?;
        Ok(Self {
            encoder,
            processor: VoiceProcessor::new(processing),
            pool,
            meter: LevelMeter::default(),
            attention: Attention::default(),
            muted_voice: Duration::ZERO,
            frame: [0.0; MAX_FRAME],
            frame_len: profile.frame.samples(SampleRate::Hz48000).clamp(BLOCK, MAX_FRAME),
            filled: 0,
            coding: Coding::plain(profile),
            application: profile.application,
            alone: false,
            recode: false,
            sent: SentFrames::default(),
            loudest: SILENT,
            // Half the range, so that a wrap is not met within the first packets of a call.
            sequence: SequenceNumber((start & 0x7fff) as u16),
            timestamp: RtpTimestamp((start >> 16) as u32),
            captured: None,
            talk_spurt_ended: true,
            muted: false,
            gain: 1.0,
            mixer: Mixer::default(),
            mixes: false,
            stats: OutboundStats::default(),
        })
    }

    /// Look-ahead of the encoder in samples.
    pub fn look_ahead(&self) -> usize {
        self.encoder.lookahead()
    }

    /// Sends silence instead of the microphone. The next block fades, so that nothing clicks.
    pub fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
        self.set_dtx();
    }

    /// Silence need not be sent every frame: a muted talker costs two packets every 400 ms. Of other sound nothing is left
    /// out.
    fn set_dtx(&mut self) {
        let _ = self
            .encoder
            .set_dtx(!self.mixes && (self.muted || self.coding.dtx));
    }

    /// Forgets what was heard and not sent, and switches the mute without a fade: for a microphone that is muted
    /// before anybody listens, of which not a moment may be sent.
    pub fn forget(&mut self) {
        self.frame[..self.filled].fill(0.0);
        self.loudest = SILENT;
        self.gain = if self.muted { 0.0 } else { 1.0 };
        // The encoder looks ahead, and keeps the last milliseconds.
        self.encoder.reset();
        self.sent.clear();
    }

    /// Switches parts of the processing. A processor stays once there is one: without it the sound would come sooner,
    /// and a syllable would be skipped.
    pub fn set_processing(&mut self, processing: Processing) {
        match &mut self.processor {
            Some(processor) => processor.set(processing),
            None => self.processor = VoiceProcessor::joining(processing),
        }
    }

    /// Codes so from the next frame on.
    pub fn set_coding(&mut self, coding: Coding) {
        if coding != self.coding {
            self.coding = coding;
            self.recode = true;
        }
    }

    /// Tells the encoder, between two frames. What it refuses it goes on without.
    fn recode(&mut self) {
        self.recode = false;
        if self.application != self.coding.application {
            self.retune();
        }
        let coding = &self.coding;
        self.frame_len = coding.frame.samples(SampleRate::Hz48000).clamp(BLOCK, MAX_FRAME);
        self.stats.planned_loss_percent = coding.loss_percent;
        let _ = self.encoder.set_bitrate(coding.bitrate);
        let _ = self.encoder.set_packet_loss(coding.loss_percent);
        let _ = self.encoder.set_inband_fec(coding.fec);
        let _ = self.encoder.set_dred_duration(coding.dred);
        let bandwidth = if coding.bitrate < FULL_BAND {
            Bandwidth::Wide
        } else {
            Bandwidth::Full
        };
        let _ = self.encoder.set_max_bandwidth(bandwidth);
        self.set_dtx();
    }

    /// Tunes the encoder for something else. That begins anew, so it is shown the frame before: what it looks ahead to and
    /// overlaps with is there, and nothing is skipped. What it learns of that frame the other end does not know.
    fn retune(&mut self) {
        self.application = self.coding.application;
        let _ = self.encoder.set_application(self.application);
        let mut unsent = [0; MAX_PAYLOAD];
        let _ = self.encoder.encode(&self.frame[..self.frame_len], &mut unsent);
        let _ = self.encoder.set_prediction(false);
        self.alone = true;
    }

    /// Shows what the speaker is about to play, for echo cancellation.
    pub fn render(&mut self, block: &[f32; BLOCK]) {
        if let Some(processor) = &mut self.processor {
            processor.render(block);
        }
    }

    /// Blocks worth waiting for: up to the end of the frame, since nothing leaves before. Processing wants each as
    /// it comes, next to what the speaker plays at that time.
    pub fn blocks_wanted(&self) -> usize {
        match self.processor {
            Some(_) => 1,
            None => (self.frame_len - self.filled) / BLOCK,
        }
    }

    /// Takes a block of the microphone, whose first sample was captured then; a packet comes out whenever a frame is full
    /// and worth sending.
    pub fn push(&mut self, block: &[f32; BLOCK], captured: Instant) -> Option<Pooled<VoicePacket>> {
        self.push_with(block, None, captured)
    }

    /// The same with other sound beside the voice, such as a film's. That is added after the voice was processed and
    /// muted, at its own level, and tells those who choose whom to hear by the levels of packets that somebody is heard.
    pub fn push_with(
        &mut self,
        block: &[f32; BLOCK],
        sound: Option<&[f32; BLOCK]>,
        captured: Instant,
    ) -> Option<Pooled<VoicePacket>> {
        let mut block = *block;
        if self.filled == 0 {
            self.begin_frame(captured);
        }
        if let Some(processor) = &mut self.processor {
            processor.capture(&mut block);
        }
        // While sent as well, so that it knows the background when the mute comes.
        if self.attention.hears_a_voice(&block) && self.muted {
            self.muted_voice += BLOCK_LENGTH;
        }
        self.fade(&mut block);
        if self.recode && self.filled == 0 {
            self.recode();
        }
        let heard = self.mix(&mut block, sound);
        let mut level = self.meter.measure(&block);
        level.voice |= heard;
        if level.minus_dbov < self.loudest.minus_dbov {
            self.loudest.minus_dbov = level.minus_dbov;
        }
        self.loudest.voice |= level.voice;
        self.frame[self.filled..self.filled + BLOCK].copy_from_slice(&block);
        self.filled += BLOCK;
        if self.filled < self.frame_len {
            return None;
        }
        self.filled = 0;
        self.finish_frame()
    }

    /// Adds other sound. Says whether any of it is heard.
    fn mix(&mut self, block: &mut [f32; BLOCK], sound: Option<&[f32; BLOCK]>) -> bool {
        // The limiter takes a moment to let go.
        let mixes = sound.is_some() || !self.mixer.is_at_rest();
        if mixes != self.mixes {
            self.mixes = mixes;
            self.set_dtx();
        }
        if !mixes {
            return false;
        }
        self.mixer.add(block);
        if let Some(sound) = sound {
            self.mixer.add(sound);
        }
        self.mixer.finish(block);
        sound.is_some_and(|sound| sound.iter().any(|sample| sample.abs() > AUDIBLE))
    }

    /// Tells when a frame begins. Callbacks may come late, and sound does not: it is as early as the earliest say.
    fn begin_frame(&mut self, captured: Instant) {
        let expected = self.captured.unwrap_or(captured);
        let late = captured.saturating_duration_since(expected);
        // Another device, or one that stood still.
        let is_other = late > LATEST || captured + LATEST < expected;
        self.captured = Some(if is_other {
            captured
        } else {
            captured.min(expected + late / SLOWER)
        });
    }

    fn finish_frame(&mut self) -> Option<Pooled<VoicePacket>> {
        let level = std::mem::replace(&mut self.loudest, SILENT);
        let timestamp = self.timestamp;
        self.timestamp = timestamp.advanced_by(self.frame_len as u32);
        let begun = self.captured?;
        self.captured = Some(begun + samples(self.frame_len));
        // What is decoded at that timestamp went into the processor so much earlier.
        let behind = self.look_ahead() + self.processor.as_ref().map_or(0, |_| VoiceProcessor::DELAY);
        let Some(mut packet) = self.pool.take() else {
            self.stats.frames_dropped += 1;
            return None;
        };
        let frame = &self.frame[..self.frame_len];
        let alone = std::mem::take(&mut self.alone);
        let encoded = packet.fill(|buffer| self.encoder.encode(frame, buffer));
        if alone {
            let _ = self.encoder.set_prediction(true);
        }
        if encoded.is_err() {
            self.stats.frames_dropped += 1;
            return None;
        }
        let discontinued = packet.payload().len() <= DISCONTINUED;
        if discontinued {
            self.stats.frames_discontinued += 1;
            // The first of a pause is sent: by it the other end knows that nothing is missing.
            if std::mem::replace(&mut self.talk_spurt_ended, true) {
                return None;
            }
        }
        self.sent.repeat(self.coding.red, timestamp, &mut packet);
        self.sent.note(timestamp, packet.payload());
        packet.sequence = self.sequence;
        packet.timestamp = timestamp;
        // The box may have carried what came.
        packet.slot = 0;
        packet.source = None;
        packet.marker = !discontinued && std::mem::take(&mut self.talk_spurt_ended);
        packet.level = Some(level);
        packet.at = begun.checked_sub(samples(behind)).unwrap_or(begun);
        self.sequence = self.sequence.next();
        self.stats.packets_sent += 1;
        let copies: usize = packet.copies().map(|(_, frame)| frame.len()).sum();
        self.stats.bytes_sent += (packet.payload().len() + copies) as u64;
        Some(packet)
    }

    /// Another packet of the same content; `None`, as for a frame that is lost, when every buffer is in use.
    pub fn copy(&self, packet: &VoicePacket) -> Option<Pooled<VoicePacket>> {
        let mut copy = self.pool.take()?;
        copy.clone_from(packet);
        Some(copy)
    }

    /// The block that was pushed last, as it is sent: processed, and silent where it is muted.
    pub fn sent(&self) -> &[f32] {
        let end = if self.filled == 0 {
            self.frame_len
        } else {
            self.filled
        };
        &self.frame[end - BLOCK..end]
    }

    /// Ramps over one block when the mute changes.
    fn fade(&mut self, block: &mut [f32; BLOCK]) {
        let target = if self.muted { 0.0 } else { 1.0 };
        if self.gain == target {
            if self.muted {
                block.fill(0.0);
            }
            return;
        }
        let step = (target - self.gain) / BLOCK as f32;
        for (index, sample) in block.iter_mut().enumerate() {
            *sample *= self.gain + step * (index + 1) as f32;
        }
        self.gain = target;
    }

    /// Counters so far.
    pub fn stats(&self) -> OutboundStats {
        OutboundStats {
            level: self.level(),
            ..self.stats.clone()
        }
    }

    /// How long somebody has spoken into the muted microphone.
    pub fn muted_voice(&self) -> Duration {
        self.muted_voice
    }

    /// Level of what is sent.
    pub fn level(&self) -> Level {
        self.meter.level()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sidetone_opus::packet;

    fn uplink(profile: &Profile) -> Uplink {
        let now = Instant::now();
        let pool = Pool::new(8, || VoicePacket::empty(now));
        Uplink::new(profile, Processing::OFF, pool, 0x1234_5678_9abc).unwrap()
    }

    #[test]
    fn packets_are_numbered_and_stamped_in_frames() {
        let speech = crate::voice::tests_support::speech("man-it.flac");
        let mut uplink = uplink(&Profile::BALANCED);
        let now = Instant::now();
        let mut previous: Option<(SequenceNumber, RtpTimestamp)> = None;
        let mut packets = 0;
        for block in speech.chunks_exact(BLOCK).take(200) {
            if let Some(packet) = uplink.push(block.try_into().unwrap(), now) {
                packets += 1;
                assert_eq!(
                    packet.marker,
                    previous.is_none(),
                    "the marker opens the talk spurt"
                );
                if let Some((sequence, timestamp)) = previous {
                    assert_eq!(packet.sequence.distance(sequence), 1);
                    assert_eq!(packet.timestamp.distance(timestamp), 960);
                }
                assert_eq!(
                    packet::inspect(packet.payload()).unwrap().duration.as_millis(),
                    20
                );
                previous = Some((packet.sequence, packet.timestamp));
            }
        }
        assert_eq!(packets, 100);
        assert_eq!(uplink.stats().packets_sent, 100);
    }

    #[test]
    fn a_muted_talker_falls_silent_and_nearly_stops_sending() {
        let speech = crate::voice::tests_support::speech("woman-en.flac");
        let mut uplink = uplink(&Profile::BALANCED);
        uplink.set_muted(true);
        let now = Instant::now();
        let sent = speech
            .chunks_exact(BLOCK)
            .take(500)
            .filter(|block| uplink.push((*block).try_into().unwrap(), now).is_some())
            .count();
        assert!(sent < 60, "{sent} of 250 frames sent");
        assert_eq!(uplink.level().audio_level, 0.0);
        assert!(uplink.stats().frames_discontinued > 190);
    }

    #[test]
    fn only_a_voice_into_a_muted_microphone_is_spoken_in_vain() {
        let speech = crate::voice::tests_support::speech("woman-en.flac");
        let mut uplink = uplink(&Profile::BALANCED);
        let now = Instant::now();
        let mut blocks = speech.chunks_exact(BLOCK);
        let mut speak = |uplink: &mut Uplink, count| {
            for block in blocks.by_ref().take(count) {
                uplink.push(block.try_into().unwrap(), now);
            }
        };
        speak(&mut uplink, 200);
        assert_eq!(uplink.muted_voice(), Duration::ZERO, "she is heard");
        uplink.set_muted(true);
        speak(&mut uplink, 200);
        let spoken = uplink.muted_voice();
        assert!(spoken > Duration::from_secs(1), "{spoken:?} of two seconds");
        for _ in 0..300 {
            uplink.push(&[0.0; BLOCK], now);
        }
        let after = uplink.muted_voice() - spoken;
        assert!(after <= Duration::from_millis(300), "{after:?} of silence");
    }

    /// A block of a sine.
    fn sine(hertz: f64, amplitude: f64, block: usize) -> [f32; BLOCK] {
        std::array::from_fn(|n| {
            let at = (block * BLOCK + n) as f64 / f64::from(RATE);
            (amplitude * (std::f64::consts::TAU * hertz * at).sin()) as f32
        })
    }

    /// How much of a sound is a sine of so many Hz, as an amplitude.
    fn amplitude(hertz: f64, of: &[f32]) -> f64 {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in of.iter().enumerate() {
            let phase = std::f64::consts::TAU * hertz * n as f64 / f64::from(RATE);
            re += f64::from(*sample) * phase.cos();
            im += f64::from(*sample) * phase.sin();
        }
        2.0 * re.hypot(im) / of.len() as f64
    }

    #[test]
    fn other_sound_is_heard_beside_the_voice_and_when_that_is_muted() {
        let mut uplink = uplink(&Profile::BALANCED);
        uplink.set_coding(Coding::plain(&Profile::BALANCED.with_sound()));
        let mut decoder = sidetone_opus::Decoder::new(SampleRate::Hz48000, Channels::Mono).unwrap();
        let now = Instant::now();
        let mut heard = Vec::new();
        let mut packets = 0;
        for block in 0..600 {
            uplink.set_muted((200..400).contains(&block));
            let sound = sine(3000.0, 0.2, block);
            let sound = (block < 400).then_some(&sound);
            if let Some(packet) = uplink.push_with(&sine(500.0, 0.2, block), sound, now) {
                packets += 1;
                assert!(block >= 400 || packet.level.unwrap().voice, "somebody is heard");
                let mut frame = [0.0; 960];
                decoder.decode(packet.payload(), &mut frame).unwrap();
                heard.extend_from_slice(&frame);
            }
        }
        assert_eq!(packets, 300, "nothing is left out");
        let at = |second: usize| &heard[second * 48_000 + 9600..(second + 1) * 48_000];
        for (second, voice, sound) in [
            (0, 0.2, 0.2),
            (1, 0.2, 0.2),
            (2, 0.0, 0.2),
            (3, 0.0, 0.2),
            (4, 0.2, 0.0),
            (5, 0.2, 0.0),
        ] {
            let (v, s) = (amplitude(500.0, at(second)), amplitude(3000.0, at(second)));
            println!("second {second}: voice {v:.4}, sound {s:.4}");
            assert!(
                (v - voice).abs() < 0.01 && (s - sound).abs() < 0.01,
                "{second}: {v} {s}"
            );
        }
    }

    #[test]
    fn loud_sound_and_a_loud_voice_do_not_clip() {
        let mut uplink = uplink(&Profile::BALANCED);
        let now = Instant::now();
        let mut loudest = 0.0_f32;
        for block in 0..100 {
            let (voice, sound) = (sine(500.0, 0.9, block), sine(500.0, 0.9, block));
            uplink.push_with(&voice, Some(&sound), now);
            loudest = uplink.sent().iter().fold(loudest, |most, s| most.max(s.abs()));
        }
        assert!((0.9..=1.0).contains(&loudest), "{loudest}");
        for block in 100..200 {
            uplink.push(&sine(500.0, 0.5, block), now);
        }
        assert_eq!(uplink.sent(), sine(500.0, 0.5, 199), "the limiter lets go");
    }

    /// Whoever listens to a steady sound notices nothing when it is coded otherwise from now on, and back.
    #[test]
    fn the_codec_is_tuned_for_sound_and_back_without_a_gap_or_a_click() {
        let plain = Coding::plain(&Profile::BALANCED);
        let sound = Coding::plain(&Profile::BALANCED.with_sound());
        let mut uplink = uplink(&Profile::BALANCED);
        let mut decoder = sidetone_opus::Decoder::new(SampleRate::Hz48000, Channels::Mono).unwrap();
        let now = Instant::now();
        let mut heard = Vec::new();
        for block in 0..600 {
            match block {
                200 => uplink.set_coding(sound),
                400 => uplink.set_coding(plain),
                _ => {}
            }
            if let Some(packet) = uplink.push(&sine(400.0, 0.3, block), now) {
                let mut frame = [0.0; 960];
                decoder.decode(packet.payload(), &mut frame).unwrap();
                heard.extend_from_slice(&frame);
            }
        }
        let steady = &heard[48_000..];
        let power = |of: &[f32]| (of.iter().map(|s| s * s).sum::<f32>() / of.len() as f32).sqrt();
        // Periods of the sine: 2.5 ms.
        let levels = steady.chunks_exact(120).map(power);
        let (low, high) = levels.fold((f32::MAX, 0.0_f32), |(low, high), level| {
            (low.min(level), high.max(level))
        });
        let steepest = steady
            .windows(2)
            .fold(0.0_f32, |most, pair| most.max((pair[1] - pair[0]).abs()));
        println!("levels {low:.4} to {high:.4}, steepest {steepest:.4}");
        // The sine's own: 0.2121, and 0.0157. Where the codec goes from one mode to the other the decoder fades.
        assert!(low > 0.15 && high < 0.25, "{low} to {high}");
        assert!(steepest < 0.03, "{steepest}");
    }

    #[test]
    fn nothing_of_a_microphone_muted_before_the_call_is_sent() {
        let speech = crate::voice::tests_support::speech("woman-en.flac");
        let mut uplink = uplink(&Profile::BALANCED);
        let now = Instant::now();
        let mut blocks = speech.chunks_exact(BLOCK).skip(100);
        // An odd number of blocks: one waits for its frame to be full.
        for block in blocks.by_ref().take(31) {
            uplink.push(block.try_into().unwrap(), now);
        }
        uplink.set_muted(true);
        uplink.forget();
        let mut decoder = sidetone_opus::Decoder::new(SampleRate::Hz48000, Channels::Mono).unwrap();
        let mut loudest = 0.0_f32;
        for block in blocks.take(50) {
            if let Some(packet) = uplink.push(block.try_into().unwrap(), now) {
                let mut heard = [0.0; MAX_FRAME];
                decoder.decode(packet.payload(), &mut heard).unwrap();
                loudest = heard
                    .iter()
                    .fold(loudest, |loudest, sample| loudest.max(sample.abs()));
            }
        }
        assert!(loudest < 1e-3, "{loudest} of full scale was sent");
    }

    #[test]
    fn an_empty_pool_drops_the_frame_and_counts_it() {
        let now = Instant::now();
        let pool = Pool::new(1, || VoicePacket::empty(now));
        let mut uplink = Uplink::new(&Profile::LOW_LATENCY, Processing::OFF, pool, 0).unwrap();
        let held = uplink.push(&[0.1; BLOCK], now);
        assert!(held.is_some());
        assert!(uplink.push(&[0.1; BLOCK], now).is_none());
        assert_eq!(uplink.stats().frames_dropped, 1);
        drop(held);
        let next = uplink.push(&[0.1; BLOCK], now).unwrap();
        assert_eq!(next.timestamp.distance(RtpTimestamp(0)), 960, "the clock went on");
    }
}
