//! A voice stream in virtual time: packets of a recording go through a network emulator into a jitter buffer
//! that is pulled by a speaker's clock.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sidetone_media::jitter::{JitterBuffer, JitterConfig, JitterStats, OpusDecoder, VoiceDecoder};
use sidetone_media::packet::{RtpTimestamp, SequenceNumber, VoicePacket};
use sidetone_netsim::{Config, Link};
use sidetone_opus::{Application, Bitrate, Channels, Encoder, SampleRate};
use sidetone_pipeline::{Pool, Pooled};

pub const RATE: f64 = 48_000.0;

/// A recording of `crates/cli/speech`, at 48 kHz mono.
pub fn speech(name: &str) -> Vec<f32> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../cli/speech")
        .join(name);
    let mut reader = claxon::FlacReader::open(path).unwrap();
    let rate = reader.streaminfo().sample_rate;
    let samples: Vec<f32> = reader.samples().map(|s| s.unwrap() as f32 / 32_768.0).collect();
    sidetone_media::device::convert::resample_all(&samples, rate, 48_000).unwrap()
}

pub fn woman() -> &'static Arc<[f32]> {
    static SOUND: OnceLock<Arc<[f32]>> = OnceLock::new();
    SOUND.get_or_init(|| speech("woman-en.flac").into())
}

pub fn man() -> &'static Arc<[f32]> {
    static SOUND: OnceLock<Arc<[f32]>> = OnceLock::new();
    SOUND.get_or_init(|| speech("man-it.flac").into())
}

pub fn pool(n: usize) -> Pool<VoicePacket> {
    let now = Instant::now();
    Pool::new(n, move || VoicePacket::empty(now))
}

/// A codec whose packets say where in a recording, repeated for ever, their sound is. Keeps the jitter buffer's
/// work apart from a real codec's. Concealment goes on with the recording, marked by half the level.
pub struct Tape {
    sound: Arc<[f32]>,
    position: usize,
}

impl Tape {
    pub fn new(sound: &Arc<[f32]>) -> Self {
        Self {
            sound: Arc::clone(sound),
            position: 0,
        }
    }

    /// The payload for `samples` samples at `position`.
    pub fn payload(position: usize, samples: usize) -> [u8; 12] {
        let mut payload = [0; 12];
        payload[..8].copy_from_slice(&(position as u64).to_le_bytes());
        payload[8..].copy_from_slice(&(samples as u32).to_le_bytes());
        payload
    }

    fn play(&mut self, out: &mut [f32], gain: f32) {
        for sample in out {
            *sample = self.sound[self.position % self.sound.len()] * gain;
            self.position += 1;
        }
    }
}

impl VoiceDecoder for Tape {
    fn samples(&self, payload: &[u8]) -> Option<usize> {
        Some(u32::from_le_bytes(payload.get(8..12)?.try_into().ok()?) as usize)
    }

    fn decode(&mut self, payload: &[u8], out: &mut [f32]) -> Option<usize> {
        let samples = self.samples(payload)?;
        self.position = (u64::from_le_bytes(payload[..8].try_into().ok()?) % (1 << 40)) as usize;
        self.play(out.get_mut(..samples)?, 1.0);
        Some(samples)
    }

    fn conceal(&mut self, out: &mut [f32]) -> Option<usize> {
        self.play(out, 0.5);
        Some(out.len())
    }

    fn reset(&mut self) {}
}

/// What the sender does at one step.
pub struct Sent {
    pub timestamp: u32,
    pub samples: usize,
    pub payload: Vec<u8>,
}

/// Packets of a recording, by the tape codec.
pub fn tape_packets(frame: usize, seconds: f64) -> impl Iterator<Item = Sent> {
    let count = (seconds * RATE / frame as f64) as usize;
    (0..count).map(move |i| Sent {
        timestamp: (i * frame) as u32,
        samples: frame,
        payload: Tape::payload(i * frame, frame).to_vec(),
    })
}

/// How a recording is coded.
#[derive(Clone, Copy, Default)]
pub struct Coding {
    /// Loss announced to the encoder, in percent.
    pub loss: u8,
    pub fec: bool,
    pub dtx: bool,
    /// Reach of the deep redundancy.
    pub dred: Duration,
}

/// Packets of a recording, by Opus.
pub fn opus_packets(sound: &[f32], frame: usize, coding: Coding) -> Vec<Sent> {
    let mut encoder = Encoder::new(SampleRate::Hz48000, Channels::Mono, Application::Voip).unwrap();
    encoder.set_bitrate(Bitrate::kbps(32)).unwrap();
    encoder.set_complexity(9).unwrap();
    encoder.set_inband_fec(coding.fec).unwrap();
    encoder.set_packet_loss(coding.loss).unwrap();
    encoder.set_dtx(coding.dtx).unwrap();
    encoder.set_dred_duration(coding.dred).unwrap();
    let mut buffer = [0; 1200];
    sound
        .chunks_exact(frame)
        .enumerate()
        .map(|(i, chunk)| {
            let n = encoder.encode(chunk, &mut buffer).unwrap();
            Sent {
                timestamp: (i * frame) as u32,
                samples: frame,
                payload: buffer[..n].to_vec(),
            }
        })
        .collect()
}

pub fn opus() -> OpusDecoder {
    OpusDecoder::new(5).unwrap()
}

/// How the ends and the path behave.
#[derive(Clone)]
pub struct Conditions {
    pub network: Config,
    pub seed: u64,
    /// The sender's clock against the receiver's.
    pub drift_ppm: f64,
    /// Longest time a thread wakes too late, both for arrivals and for pulls.
    pub wake: Duration,
    /// Samples a pull takes once the stream plays.
    pub block: usize,
    /// Whether pulls happen on a fixed grid of 10 ms, as by a device with that period, rather than from whenever
    /// the stream started.
    pub grid: bool,
    pub config: JitterConfig,
    /// Least delays that are asked for, from these seconds on.
    pub minimum: Vec<(f64, Duration)>,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            network: Config::IDEAL,
            seed: 1,
            drift_ppm: 0.0,
            wake: Duration::from_micros(1000),
            block: 480,
            grid: false,
            config: JitterConfig::default(),
            minimum: Vec::new(),
        }
    }
}

/// What came out.
pub struct Outcome {
    pub heard: Vec<f32>,
    pub stats: JitterStats,
    /// Statistics at every second.
    pub each_second: Vec<JitterStats>,
}

impl Outcome {
    /// Mean time from arrival to playout between two seconds, in ms.
    pub fn delay_ms(&self, from: usize, to: usize) -> f64 {
        let (a, b) = (&self.each_second[from], &self.each_second[to]);
        (b.jitter_buffer_delay - a.jitter_buffer_delay)
            / (b.jitter_buffer_emitted_count - a.jitter_buffer_emitted_count).max(1) as f64
            * 1e3
    }

    pub fn report(&self, what: &str) {
        let s = &self.stats;
        println!(
            "{what}: delay {:.1} ms, target {:.1} ms, concealed {:.2} %, stretched {:.2} % (+{} -{}), late {}, \
             recovered {}, events {}",
            s.jitter_buffer_delay / s.jitter_buffer_emitted_count.max(1) as f64 * 1e3,
            s.jitter_buffer_target_delay / s.jitter_buffer_emitted_count.max(1) as f64 * 1e3,
            s.concealed_ratio() * 100.0,
            s.stretched_ratio() * 100.0,
            s.inserted_samples_for_deceleration,
            s.removed_samples_for_acceleration,
            s.packets_late,
            s.recovered_samples,
            s.concealment_events,
        );
    }
}

/// Every sample pulled came from somewhere.
pub fn assert_accounted(stats: &JitterStats, ready: u64) {
    let made = stats.decoded_samples + stats.inserted_samples_for_deceleration + stats.concealed_samples
        - stats.removed_samples_for_acceleration
        + stats.recovered_samples
        + stats.comfort_samples
        + stats.idle_samples;
    assert_eq!(made, stats.total_samples_received + ready, "{stats:?}");
}

pub fn packet(
    pool: &Pool<VoicePacket>,
    sequence: u16,
    timestamp: u32,
    payload: &[u8],
) -> Pooled<VoicePacket> {
    let mut packet = pool.take().expect("the pool is large enough");
    packet.ssrc = 7;
    packet.sequence = SequenceNumber(sequence);
    packet.timestamp = RtpTimestamp(timestamp);
    assert!(packet.set_payload(payload));
    packet
}

/// Sends everything, and plays until the last packet is over.
pub fn run<D: VoiceDecoder>(
    conditions: &Conditions,
    decoder: D,
    packets: impl IntoIterator<Item = Sent>,
) -> Outcome {
    run_changing(conditions, decoder, packets, Vec::new())
}

/// The same, with a network that changes at the given seconds.
pub fn run_changing<D: VoiceDecoder>(
    conditions: &Conditions,
    decoder: D,
    packets: impl IntoIterator<Item = Sent>,
    changes: Vec<(f64, Config)>,
) -> Outcome {
    let mut changes = changes.into_iter().peekable();
    let mut minimum = conditions.minimum.iter().peekable();
    let start = Instant::now();
    let mut random = ChaCha8Rng::seed_from_u64(conditions.seed);
    let pool = pool(1000);
    let mut link = Link::new(conditions.network, conditions.seed);
    let mut buffer = JitterBuffer::new(conditions.config.clone(), decoder, start);
    let mut heard = Vec::new();
    let mut each_second = vec![buffer.stats()];

    let mut packets = packets.into_iter().peekable();
    let speed = 1.0 + conditions.drift_ppm * 1e-6;
    let sent_at = |sent: &Sent| {
        // Sent when its last sample has been recorded. Timestamps begin anywhere.
        start + Duration::from_secs_f64((f64::from(sent.timestamp) + sent.samples as f64) / RATE / speed)
    };
    let late = |random: &mut ChaCha8Rng| conditions.wake.mul_f64(random.random::<f64>());
    let mut sequence = 65_000_u16;
    let mut pulled = 0_u64;
    let phase = Duration::from_secs_f64(random.random_range(0.0..0.02));
    let mut idle = 0;
    let mut woken: VecDeque<Pooled<VoicePacket>> = VecDeque::new();
    loop {
        let due = if conditions.grid {
            pulled / 480 * 480
        } else {
            pulled
        };
        let next_pull = start + phase + Duration::from_secs_f64(due as f64 / RATE) + late(&mut random);
        // Everything that happens before the pull.
        loop {
            let send = packets.peek().map(sent_at);
            let deliver = link.next_timeout();
            match (send, deliver) {
                (Some(send), deliver)
                    if send <= next_pull && deliver.is_none_or(|deliver| send <= deliver) =>
                {
                    let sent = packets.next().unwrap();
                    if let Some((_, network)) =
                        changes.next_if(|(at, _)| send >= start + Duration::from_secs_f64(*at))
                    {
                        link.set_config(network);
                    }
                    let timestamp = sent.timestamp.wrapping_add(u32::MAX - 96_000);
                    let bytes = sent.payload.len();
                    link.send((sequence, timestamp, sent.payload), bytes, send);
                    sequence = sequence.wrapping_add(1);
                }
                (_, Some(deliver)) if deliver <= next_pull => {
                    while let Some((sequence, timestamp, payload)) = link.poll(deliver) {
                        let at = deliver + late(&mut random);
                        let mut packet = packet(&pool, sequence, timestamp, &payload);
                        packet.at = at;
                        woken.push_back(packet);
                    }
                }
                _ => break,
            }
        }
        while woken.front().is_some_and(|packet| packet.at <= next_pull) {
            let Some(packet) = woken.pop_front() else { break };
            let at = packet.at;
            buffer.insert(packet, at);
        }
        let aligned = !conditions.grid || pulled.is_multiple_of(conditions.block as u64);
        let len = if buffer.is_playing() && aligned {
            conditions.block
        } else {
            120
        };
        if let Some((_, minimum)) = minimum.next_if(|(at, _)| pulled as f64 / RATE >= *at) {
            buffer.set_minimum_delay(*minimum);
        }
        let mut out = [0.0; 480];
        buffer.pull(&mut out[..len], next_pull);
        heard.extend_from_slice(&out[..len]);
        pulled += len as u64;
        if pulled / 48_000 >= each_second.len() as u64 {
            each_second.push(buffer.stats());
        }
        if packets.peek().is_none() && link.next_timeout().is_none() && buffer.waiting() == 0 {
            idle += 1;
            if idle > 5 {
                break;
            }
        }
    }
    let stats = buffer.stats();
    // What waits is only what is ready, once no packet waits.
    assert_accounted(&stats, (stats.level * RATE).round() as u64);
    Outcome {
        heard,
        stats,
        each_second,
    }
}
