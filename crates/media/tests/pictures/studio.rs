//! An encoder without a codec, a decoder that compares, and two ends that see each other.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sidetone_media::transport::video::{CodedFrame, LocalVideo, RemoteVideo, VideoConfig, VideoPort};
use sidetone_media::transport::{Transport, TransportConfig};
use sidetone_media::video::{Codec, Demand, Wanted};
use sidetone_media::voice::Bitrate;

use crate::support::{Peer, connected};

/// Pictures a second.
pub const RATE: u32 = 30;

pub const CAMERA: Demand = Demand {
    least: Bitrate::kbps(50),
    most: Bitrate::kbps(1_500),
};

/// Bytes that a packetizer of `codec` takes for a frame.
pub fn bitstream(codec: Codec, key: bool, bytes: &[u8]) -> Vec<u8> {
    match codec {
        Codec::Vp8 => [&[u8::from(!key)], bytes].concat(),
        Codec::Vp9 => bytes.to_vec(),
        Codec::Av1 => {
            let mut unit = vec![0x12, 0];
            if key {
                unit.extend([0x0a, 2, 5, 6]);
            }
            let mut size = bytes.len();
            unit.push(0x32);
            while size >= 0x80 {
                unit.push(size as u8 | 0x80);
                size >>= 7;
            }
            unit.push(size as u8);
            unit.extend(bytes);
            unit
        }
        Codec::H264 => {
            let mut unit = Vec::new();
            if key {
                unit.extend([0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x68, 3]);
            }
            unit.extend([0, 0, 0, 1, if key { 0x65 } else { 0x41 }]);
            unit.extend(bytes.iter().map(|byte| byte | 1));
            unit
        }
    }
}

/// Codes what is wanted, as large as it may be.
#[derive(Default)]
pub struct Encoder {
    number: u32,
    pub sent: HashSet<Bytes>,
    pub keys: u32,
    pub skipped: u32,
}

impl Encoder {
    /// One picture's time has come.
    pub fn tick(&mut self, video: &LocalVideo) {
        let Some(codec) = video.codec() else { return };
        let wanted = video.wanted();
        let key = wanted == Wanted::KeyFrame;
        if wanted == Wanted::Nothing {
            self.skipped += 1;
            return;
        }
        self.number += 1;
        let share = video.bitrate().0 / 8 / RATE;
        let size = (share * if key { 4 } else { 1 }).clamp(20, 60_000) as usize;
        let number = self.number;
        let body = (0..size as u32).map(|n| n.wrapping_mul(number).wrapping_add(number >> 3) as u8);
        let body: Vec<u8> = number.to_be_bytes().into_iter().chain(body).collect();
        let data = Bytes::from(bitstream(codec, key, &body));
        self.keys += u32::from(key);
        self.sent.insert(data.clone());
        video.push(CodedFrame {
            data,
            key,
            temporal: None,
            discardable: false,
            captured: Instant::now(),
            playout: None,
        });
    }
}

/// Takes what comes.
#[derive(Default)]
pub struct Decoder {
    pub seen: Vec<Bytes>,
    pub keys: u32,
    pub codecs: HashMap<Codec, u32>,
    pub participants: HashMap<Option<u32>, u32>,
    pub captured: u32,
}

impl Decoder {
    pub fn tick(&mut self, video: &RemoteVideo) {
        while let Some(frame) = video.pop() {
            video.decoded(frame.key);
            video.shown(frame.timestamp, Instant::now());
            self.keys += u32::from(frame.key);
            self.captured += u32::from(frame.captured.is_some());
            *self.codecs.entry(frame.codec).or_default() += 1;
            *self.participants.entry(frame.participant).or_default() += 1;
            self.seen.push(frame.data);
        }
    }
}

/// One end that sees.
pub struct End {
    pub peer: Peer,
    pub video: VideoPort,
    pub camera: Encoder,
    pub screen: Encoder,
    pub sees_camera: Decoder,
    pub sees_screen: Decoder,
}

impl End {
    pub fn new(mut peer: Peer) -> Self {
        let video = peer.transport.take_video().unwrap();
        assert!(peer.transport.take_video().is_none(), "the port is given once");
        Self {
            peer,
            video,
            camera: Encoder::default(),
            screen: Encoder::default(),
            sees_camera: Decoder::default(),
            sees_screen: Decoder::default(),
        }
    }

    pub fn tick(&mut self) {
        self.camera.tick(&self.video.camera[0]);
        self.screen.tick(&self.video.screen);
        self.sees_camera.tick(&self.video.remote[0]);
        self.sees_screen.tick(&self.video.remote[1]);
    }
}

pub fn config(codecs: &[Codec]) -> TransportConfig {
    TransportConfig {
        bind: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        video: Some(VideoConfig {
            codecs: codecs.to_vec(),
            ..VideoConfig::default()
        }),
        ..TransportConfig::default()
    }
}

/// Two ends with these codecs, connected.
pub async fn pair(a: &[Codec], b: &[Codec]) -> (End, End) {
    let (a, b) = connected(config(a), config(b)).await;
    (End::new(a), End::new(b))
}

/// Lets both run for that time, or until `done`.
pub async fn run_until(
    a: &mut End,
    b: &mut End,
    most: Duration,
    mut done: impl FnMut(&End, &End) -> bool,
) -> bool {
    let mut clock = tokio::time::interval(Duration::from_secs(1) / RATE);
    let end = Instant::now() + most;
    while Instant::now() < end {
        clock.tick().await;
        a.tick();
        b.tick();
        if done(a, b) {
            return true;
        }
    }
    false
}
