//! A call in virtual time: one camera and one voice, a sender, two links, a receiver, and a decoder that knows whether it
//! was given what it can decode.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use sidetone_media::bandwidth::{BandwidthEstimator, Delivery, Estimate, Reporting};
use sidetone_media::packet::{RtpTimestamp, SequenceNumber};
use sidetone_media::video::payload::{Mtu, Outgoing, TemporalLayers};
use sidetone_media::video::recovery::Nack;
use sidetone_media::video::{
    Allocator, Codec, Content, Demand, Demands, OutgoingPacket, ReceiverOutput, Report, StreamConfig,
    StreamId, TemporalLayer, VideoPacket, VideoReceiver, VideoSender, VideoStats, Wanted, timestamp,
};
use sidetone_media::voice::VOICE_RATE;
use sidetone_netsim::{Config, Link};
use sidetone_opus::Bitrate;

const SSRC: u32 = 1;
const RTX: u32 = 2;
const AUDIO: u32 = 3;
const FRAME: Duration = Duration::from_nanos(33_333_333);
const AUDIO_INTERVAL: Duration = Duration::from_millis(20);
const AUDIO_BYTES: usize = 160;
const MAGIC: [u8; 4] = [0xa5, 0xc3, 0x96, 0x8f];

/// How large frames are.
#[derive(Clone, Copy, Debug)]
pub enum Sizes {
    /// Whatever the path carries.
    Fixed { key: usize, delta: usize },
    /// As an encoder makes them that keeps to what it is told.
    Rate,
}

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub codec: Codec,
    pub layers: u8,
    pub sizes: Sizes,
    /// Most that the camera can use.
    pub most: Bitrate,
    /// When it begins; until then there is sound only.
    pub begins: Duration,
    pub there: Config,
    pub back: Config,
    pub seed: u64,
}

impl Scenario {
    /// Round trip of 50 ms and nothing else.
    pub fn new(codec: Codec) -> Self {
        let config = Config::IDEAL.delay(Duration::from_millis(25)).keep_order();
        Self {
            codec,
            layers: 1,
            sizes: Sizes::Fixed {
                key: 40_000,
                delta: 4_000,
            },
            most: Bitrate::kbps(4_000),
            begins: Duration::ZERO,
            there: config,
            back: config,
            seed: 1,
        }
    }
}

#[derive(Clone, Debug)]
enum Wire {
    Video(u64, OutgoingPacket),
    Audio(u64),
}

#[derive(Clone, Debug)]
enum Answer {
    Nack(Vec<Nack>),
    PictureLoss,
    Feedback(Vec<(u64, Instant)>),
}

/// A frame as it was shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    pub captured: Duration,
    pub shown: Duration,
    pub bytes: usize,
}

pub struct Call {
    pub scenario: Scenario,
    pub start: Instant,
    pub now: Instant,
    pub sender: VideoSender,
    pub receiver: VideoReceiver,
    pub estimator: BandwidthEstimator,
    pub there: Link<Departed>,
    back: Link<Answer>,
    stream: StreamId,
    allocator: Allocator,
    rate: Bitrate,
    next_frame: Instant,
    next_audio: Instant,
    reporting: Reporting,
    frame: u64,
    /// Whether the camera has not begun.
    idle: bool,
    /// Frames of each layer that were made last.
    last: [Option<u64>; 4],
    sent: VecDeque<(u64, u32, SequenceNumber, Instant, usize)>,
    number: u64,
    came: Vec<(u64, Instant)>,
    decoded: BTreeSet<u64>,
    pub shown: Vec<Shown>,
    /// When sound left, and how long it was on its way.
    pub audio: Vec<(Duration, Duration)>,
    pub key_frames: u64,
    made: Vec<Duration>,
    /// When the decoder is to fail.
    pub fail_at: Option<Duration>,
}

/// A packet on its way, and when it left.
#[derive(Clone, Debug)]
pub struct Departed(Wire, Instant);

fn number(value: u64) -> [u8; 6] {
    std::array::from_fn(|n| (value >> (7 * n)) as u8 & 0x7f | 0x80)
}

fn read_number(bytes: &[u8]) -> u64 {
    bytes[..6]
        .iter()
        .enumerate()
        .fold(0, |all, (n, byte)| all | u64::from(byte & 0x7f) << (7 * n))
}

/// A bitstream that carries its number and those of the frames that it needs, each plus one.
fn bitstream(codec: Codec, key: bool, of: u64, needs: &[u64], bytes: usize) -> Vec<u8> {
    let mut body = MAGIC.to_vec();
    body.extend(number(of));
    body.push(0x80 | needs.len() as u8);
    for needed in needs {
        body.extend(number(*needed));
    }
    body.resize(bytes.max(body.len()), 0x81);
    match codec {
        Codec::Vp8 => [&[u8::from(!key)][..], &body].concat(),
        Codec::Vp9 => body,
        Codec::Av1 => {
            let size = body.len();
            let leb = [size as u8 | 0x80, (size >> 7) as u8 | 0x80, (size >> 14) as u8];
            let sequence: &[u8] = if key { &[0x0a, 1, 9] } else { &[] };
            [&[0x12, 0][..], sequence, &[0x32], &leb, &body].concat()
        }
        Codec::H264 => {
            let sets: &[u8] = if key {
                &[0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 1]
            } else {
                &[]
            };
            [sets, &[0, 0, 0, 1, if key { 0x65 } else { 0x41 }], &body].concat()
        }
    }
}

/// Number and needs.
fn read_bitstream(data: &[u8]) -> (u64, Vec<u64>) {
    let at = data.windows(4).position(|window| window == MAGIC).unwrap() + 4;
    let body = &data[at..];
    let needs = usize::from(body[6] & 0x7f);
    (
        read_number(body),
        (0..needs).map(|n| read_number(&body[7 + 6 * n..])).collect(),
    )
}

impl Call {
    pub fn new(scenario: Scenario) -> Self {
        let start = Instant::now();
        let mut sender = VideoSender::new(start);
        let stream = sender.add(StreamConfig {
            content: Content::Camera,
            codec: scenario.codec,
            ssrc: SSRC,
            payload_type: 96,
            rtx: Some((RTX, 97)),
            mtu: Mtu::DEFAULT,
            layers: TemporalLayers::new(scenario.layers).unwrap(),
            first: 65_500,
        });
        let round_trip = scenario.there.delay + scenario.back.delay;
        sender.set_round_trip(round_trip);
        let mut receiver = VideoReceiver::new(scenario.codec, start);
        receiver.set_round_trip(round_trip);
        let idle = scenario.begins > Duration::ZERO;
        let wanted = if idle {
            VOICE_RATE
        } else {
            demands(scenario.most).wanted()
        };
        sender.set_wanted(wanted, start);
        sender.set_idle(idle);
        let first = scenario.begins.as_nanos() / FRAME.as_nanos();
        if matches!(scenario.sizes, Sizes::Fixed { .. }) {
            let plenty = Estimate {
                limit: None,
                available: wanted,
                congested: false,
                beginning: false,
            };
            sender.estimate(plenty, start);
        }
        Self {
            start,
            now: start,
            receiver,
            sender,
            estimator: BandwidthEstimator::new(wanted, start),
            there: Link::new(scenario.there, scenario.seed),
            back: Link::new(scenario.back, scenario.seed + 1_000),
            stream,
            allocator: Allocator::default(),
            rate: Bitrate(0),
            next_frame: start + FRAME * first as u32,
            next_audio: start,
            reporting: Reporting::new(start),
            frame: first as u64,
            idle,
            last: [None; 4],
            sent: VecDeque::new(),
            number: 0,
            came: Vec::new(),
            decoded: BTreeSet::new(),
            shown: Vec::new(),
            audio: Vec::new(),
            key_frames: 0,
            made: Vec::new(),
            fail_at: None,
            scenario,
        }
    }

    /// Runs for so long.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.step();
            let times = [
                self.sender.next_timeout(),
                self.receiver.next_timeout(),
                self.there.next_timeout(),
                self.back.next_timeout(),
                Some(self.next_frame),
                Some(self.next_audio),
                Some(self.reporting.due()),
            ];
            let next = times.into_iter().flatten().min().unwrap();
            if next > end {
                self.now = end;
                return;
            }
            assert!(next > self.now, "what is due is due again at once");
            self.now = next;
        }
    }

    fn at(&self, instant: Instant) -> Duration {
        instant - self.start
    }

    fn step(&mut self) {
        let now = self.now;
        while let Some(answer) = self.back.poll(now) {
            self.answer(answer);
        }
        if self.next_audio <= now {
            self.next_audio += AUDIO_INTERVAL;
            self.sender.audio_sent(AUDIO_BYTES, now);
            let number = self.depart(AUDIO, SequenceNumber(0), AUDIO_BYTES);
            self.there
                .send(Departed(Wire::Audio(number), now), AUDIO_BYTES, now);
        }
        if self.next_frame <= now {
            self.next_frame += FRAME;
            self.capture();
        }
        while let Some(packet) = self.sender.poll(now) {
            let bytes = packet.wire_bytes();
            let number = self.depart(packet.ssrc, packet.sequence, bytes);
            self.there
                .send(Departed(Wire::Video(number, packet), now), bytes, now);
        }
        while let Some(Departed(wire, left)) = self.there.poll(now) {
            match wire {
                Wire::Audio(number) => {
                    self.reporting.came(false, now);
                    self.came.push((number, now));
                    self.audio.push((self.at(left), now - left));
                }
                Wire::Video(number, packet) => {
                    self.reporting.came(packet.payload.is_empty(), now);
                    self.came.push((number, now));
                    self.deliver(packet);
                }
            }
        }
        if self.reporting.due() <= now {
            self.reporting.reported(now);
            let feedback = Answer::Feedback(std::mem::take(&mut self.came));
            self.back.send(feedback, 100, now);
        }
        while let Some(output) = self.receiver.poll(now) {
            match output {
                ReceiverOutput::Nack(nacks) => self.back.send(Answer::Nack(nacks), 60, now),
                ReceiverOutput::PictureLoss => self.back.send(Answer::PictureLoss, 60, now),
                ReceiverOutput::Frame(frame) => {
                    if self.fail_at.is_some_and(|at| self.at(now) >= at) {
                        self.fail_at = None;
                        self.decoded.clear();
                        self.receiver.decoder_failed(now);
                        continue;
                    }
                    let (number, needs) = read_bitstream(&frame.data);
                    for needed in &needs {
                        assert!(self.decoded.contains(needed), "{number} needs {needed}");
                    }
                    assert_eq!(frame.key, needs.is_empty());
                    assert!(
                        self.decoded.last().is_none_or(|last| *last < number),
                        "out of order"
                    );
                    self.decoded.insert(number);
                    self.receiver.decoded(frame.key);
                    self.receiver.rendered(now);
                    self.shown.push(Shown {
                        captured: FRAME * number as u32,
                        shown: self.at(now),
                        bytes: frame.data.len(),
                    });
                }
            }
        }
    }

    fn depart(&mut self, ssrc: u32, sequence: SequenceNumber, bytes: usize) -> u64 {
        self.number += 1;
        self.sent
            .push_back((self.number, ssrc, sequence, self.now, bytes));
        self.number
    }

    fn capture(&mut self) {
        let number = self.frame;
        self.frame += 1;
        if std::mem::take(&mut self.idle) {
            let wanted = demands(self.scenario.most).wanted();
            self.sender.set_idle(false);
            self.sender.set_wanted(wanted, self.now);
            self.estimator.set_wanted(wanted, self.now);
            self.told();
        }
        if matches!(self.scenario.sizes, Sizes::Rate) && self.rate == Bitrate(0) {
            return;
        }
        let wanted = self.sender.wants(self.stream, self.now);
        if wanted == Wanted::Nothing {
            return;
        }
        let key = wanted == Wanted::KeyFrame || self.last[0].is_none();
        self.key_frames += u64::from(key);
        let layer = self.layer(number);
        let id = usize::from(if key { 0 } else { layer.id });
        if key {
            self.last = [None; 4];
        }
        // As the usual encoders do: what is below, of the newest.
        let needs: Vec<u64> = if key {
            Vec::new()
        } else if layer.sync {
            vec![self.last[0].unwrap()]
        } else {
            vec![self.last[..=id].iter().flatten().copied().max().unwrap()]
        };
        self.last[id] = Some(number);
        self.made.push(FRAME * number as u32);
        let bytes = match self.scenario.sizes {
            Sizes::Fixed { key: large, .. } if key => large,
            Sizes::Fixed { delta, .. } => delta,
            Sizes::Rate => {
                // Headers are a tenth, and frames differ.
                let frame = f64::from(self.rate.0) / 8.0 / 30.0 * 0.9;
                let wobble = 0.75 + 0.5 * (number * 7_919 % 101) as f64 / 101.0;
                (if key {
                    (frame * 6.0).min(40_000.0)
                } else {
                    frame * wobble
                }) as usize
            }
        };
        let data = bitstream(self.scenario.codec, key, number, &needs, bytes);
        let frame = Outgoing {
            data: &data,
            key,
            temporal: (self.scenario.layers > 1).then_some(layer),
            discardable: false,
        };
        let at = timestamp(RtpTimestamp(u32::MAX - 90_000), FRAME * number as u32);
        self.sender.frame(self.stream, &frame, at, self.now).unwrap();
    }

    fn layer(&self, number: u64) -> TemporalLayer {
        let pattern: &[u8] = match self.scenario.layers {
            1 => &[0],
            2 => &[0, 1],
            _ => &[0, 2, 1, 2],
        };
        let id = pattern[number as usize % pattern.len()];
        // The last one of four needs the second layer.
        TemporalLayer {
            id,
            sync: id > 0 && number % 4 != 3,
        }
    }

    fn deliver(&mut self, packet: OutgoingPacket) {
        let again = packet.ssrc == RTX;
        let packet = VideoPacket {
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            marker: packet.marker,
            payload: packet.payload,
            dependency: packet.dependency,
        };
        if again {
            self.receiver.retransmission(packet, self.now);
        } else {
            self.receiver.packet(packet, self.now);
        }
    }

    fn answer(&mut self, answer: Answer) {
        let now = self.now;
        match answer {
            Answer::Nack(nacks) => self.sender.nack(SSRC, &nacks, now),
            Answer::PictureLoss => self.sender.picture_lost(SSRC),
            Answer::Feedback(came) => {
                let Some(newest) = came.iter().map(|(number, _)| *number).max() else {
                    return;
                };
                let mut reports = Vec::new();
                let told = self.sent.partition_point(|sent| sent.0 <= newest);
                for (number, ssrc, sequence, departed, bytes) in self.sent.drain(..told) {
                    let arrived = came.iter().find(|(of, _)| *of == number);
                    let arrived = arrived.map(|(_, at)| *at - self.start);
                    let delivery = Delivery {
                        departed,
                        arrived,
                        bytes,
                    };
                    reports.push(Report {
                        ssrc,
                        sequence,
                        delivery,
                    });
                }
                let deliveries: Vec<Delivery> = reports.iter().map(|report| report.delivery).collect();
                self.estimator.on_feedback(&deliveries, now);
                if let Some(found) = self.sender.reports(&reports, now) {
                    self.estimator.on_probe(found, now);
                }
                self.told();
            }
        }
    }

    /// Keeps to the estimate.
    fn told(&mut self) {
        let estimate = self.estimator.estimate();
        if matches!(self.scenario.sizes, Sizes::Rate) {
            self.sender.estimate(estimate, self.now);
        }
        let lost = self.sender.retransmission_rate(self.now);
        let shares = self
            .allocator
            .allocate(estimate.limit, lost, &demands(self.scenario.most));
        self.rate = shares.camera[0];
    }

    pub fn stats(&mut self) -> VideoStats {
        self.receiver.stats(self.now).clone()
    }

    /// Frames that were made and not shown, though later ones were.
    pub fn missed(&self) -> usize {
        let number = |shown: &Shown| (shown.captured.as_nanos() / FRAME.as_nanos()) as usize;
        let (first, last) = (
            self.shown.first().map_or(0, number),
            self.shown.last().map_or(0, number),
        );
        last - first + 1 - self.shown.len()
    }

    /// From capture to screen, of what was shown between two times: median and longest.
    pub fn latency(&self, from: Duration, to: Duration) -> (Duration, Duration) {
        let mut all: Vec<Duration> = self
            .shown
            .iter()
            .filter(|shown| (from..to).contains(&shown.shown))
            .map(|shown| shown.shown.saturating_sub(shown.captured))
            .collect();
        all.sort_unstable();
        (
            all.get(all.len() / 2).copied().unwrap_or(Duration::MAX),
            all.last().copied().unwrap_or(Duration::MAX),
        )
    }

    /// What was shown between two times, in bit/s.
    pub fn shown_rate(&self, from: Duration, to: Duration) -> f64 {
        let within = self
            .shown
            .iter()
            .filter(|shown| (from..to).contains(&shown.shown));
        within.map(|shown| shown.bytes as f64 * 8.0).sum::<f64>() / (to - from).as_secs_f64()
    }

    /// Longest and mean wait of sound that left between two times, beyond what it always takes.
    pub fn audio_waits(&self, from: Duration, to: Duration) -> (Duration, Duration) {
        let waits: Vec<Duration> = self
            .audio
            .iter()
            .filter(|(left, _)| (from..to).contains(left))
            .map(|(_, took)| took.saturating_sub(self.scenario.there.delay))
            .collect();
        let sum: Duration = waits.iter().sum();
        (
            waits.iter().max().copied().unwrap_or_default(),
            sum / waits.len().max(1) as u32,
        )
    }
}

pub fn demands(most: Bitrate) -> Demands {
    Demands {
        audio: Some(Demand {
            least: Bitrate::kbps(16),
            most: Bitrate::kbps(64),
        }),
        screen: None,
        camera: vec![Some(Demand {
            least: Bitrate::kbps(60),
            most,
        })],
    }
}
