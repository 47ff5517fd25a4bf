//! A meeting with cameras in three layers and shared screens, and receivers that look for seams.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sidetone_sfu::room::{
    AudioLevel, Event, Format, Formats, Joining, Media, Packet, ParticipantKey, Publication, Receive, Rights,
    Room, Slot, SlotConfig, Want,
};

const HEIGHTS: [u16; 3] = [180, 360, 720];
/// Packets a frame and bytes a packet: at 25 frames a second 120, 540 and 1320 kbit/s.
const SIZES: [(u8, usize); 3] = [(1, 600), (3, 900), (6, 1100)];

pub struct Layer {
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    pub picture: u16,
    pub base: u8,
    pub frame: u32,
    pub key: bool,
    pub requests: u32,
    /// Whether its sender has switched it off.
    pub off: bool,
}

pub struct Camera {
    pub owner: u32,
    pub media: Media,
    pub layers: Vec<Layer>,
}

#[derive(Clone, Debug)]
pub struct Got {
    pub at: u64,
    pub number: u32,
    pub timestamp: u32,
    pub marker: bool,
    pub picture: u16,
    pub base: u8,
    pub keyframe: bool,
    pub layer: u8,
    pub frame: u32,
    pub part: u8,
}

pub struct Studio {
    pub room: Room,
    pub epoch: Instant,
    pub now: u64,
    pub keys: BTreeMap<u32, ParticipantKey>,
    pub cameras: Vec<Camera>,
    pub got: BTreeMap<(u32, Slot), BTreeMap<u64, Got>>,
    pub shown: BTreeMap<(u32, Slot), Option<u32>>,
    /// How many cameras each one's path carries.
    pub carries: BTreeMap<u32, usize>,
    pub speaking: Option<u32>,
    /// Of packets, one in so many is lost.
    pub loss: Option<u32>,
    pub sent: u32,
    /// Ticks between frames, by the senders' clocks.
    pub frame: u32,
}

pub fn number_of(keys: &BTreeMap<u32, ParticipantKey>, key: ParticipantKey) -> u32 {
    *keys.iter().find(|(_, found)| **found == key).unwrap().0
}

impl Studio {
    pub fn new() -> Self {
        let epoch = Instant::now();
        Self {
            room: Room::new(epoch),
            epoch,
            now: 0,
            keys: BTreeMap::new(),
            cameras: Vec::new(),
            got: BTreeMap::new(),
            shown: BTreeMap::new(),
            carries: BTreeMap::new(),
            speaking: None,
            loss: None,
            sent: 0,
            frame: 3600,
        }
    }

    pub fn instant(&self) -> Instant {
        self.epoch + Duration::from_millis(self.now)
    }

    pub fn join(&mut self, number: u32, video: u32, share: u32) {
        let formats = Formats::new().with(Format::Opus, 100).with(Format::Vp8, 102);
        let config = |n| SlotConfig {
            ssrc: number * 1000 + n,
            formats,
            level_id: None,
            capture_id: None,
            playout_id: None,
        };
        let receive = Receive {
            audio: (0..3).map(config).collect(),
            video: (100..100 + video).map(config).collect(),
            share: (200..200 + share).map(config).collect(),
        };
        let key = self
            .room
            .join(
                self.instant(),
                &Joining {
                    number,
                    rights: Rights::ALL,
                    receive,
                },
            )
            .unwrap();
        self.keys.insert(number, key);
        let formats = Formats::new().with(Format::Opus, 111);
        let audio = Publication {
            media: Media::Audio,
            layer: 0,
            ssrc: 1,
            formats,
            height: 0,
        };
        self.room.publish(self.instant(), key, &audio).unwrap();
    }

    pub fn publish(&mut self, owner: u32, media: Media, layers: u8) {
        let formats = Formats::new().with(Format::Vp8, 96);
        let layers = (0..layers).map(|layer| {
            let ssrc = 10 + u32::from(layer) + 10 * u32::from(media == Media::Share);
            let height = HEIGHTS[usize::from(layer)];
            let publication = Publication {
                media,
                layer,
                ssrc,
                formats,
                height,
            };
            self.room
                .publish(
                    self.epoch + Duration::from_millis(self.now),
                    self.keys[&owner],
                    &publication,
                )
                .unwrap();
            let seed = owner
                .wrapping_mul(7919)
                .wrapping_add(ssrc)
                .wrapping_mul(2_654_435_761);
            Layer {
                ssrc,
                sequence: (seed >> 3) as u16,
                timestamp: seed,
                picture: (seed >> 7) as u16 & 0x7fff,
                base: (seed >> 5) as u8,
                frame: 0,
                key: true,
                requests: 0,
                off: false,
            }
        });
        let layers = layers.collect();
        self.cameras.push(Camera { owner, media, layers });
    }

    pub fn run(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds / 20 {
            self.now += 20;
            if let Some(speaker) = self.speaking {
                let packet = Packet {
                    captured: None,
                    playout: None,
                    ssrc: 1,
                    sequence: (self.now / 20) as u16,
                    timestamp: self.now as u32 * 48,
                    marker: false,
                    payload_type: 111,
                    level: Some(AudioLevel {
                        minus_dbov: 20,
                        voice: true,
                    }),
                    payload: &[1; 80],
                };
                self.room
                    .packet(self.instant(), self.keys[&speaker], &packet, &mut |_| {});
            }
            if self.now.is_multiple_of(40) {
                for camera in 0..self.cameras.len() {
                    for layer in 0..self.cameras[camera].layers.len() {
                        if !self.cameras[camera].layers[layer].off {
                            self.film(camera, layer);
                        }
                    }
                }
            }
            if self.room.timeout().is_some_and(|due| due <= self.instant()) {
                self.room.handle_timeout(self.instant());
            }
            while let Some(event) = self.room.poll_event() {
                self.take(event);
            }
        }
    }

    pub fn take(&mut self, event: Event) {
        match event {
            Event::KeyframeWanted { from, ssrc } => {
                let owner = number_of(&self.keys, from);
                let mut cameras = self.cameras.iter_mut().filter(|camera| camera.owner == owner);
                let layer =
                    cameras.find_map(|camera| camera.layers.iter_mut().find(|layer| layer.ssrc == ssrc));
                let layer = layer.unwrap();
                layer.key = true;
                layer.requests += 1;
            }
            Event::Shown { to, slot, number } => {
                self.shown.insert((number_of(&self.keys, to), slot), number);
            }
            Event::SpeakersChanged => {}
            Event::Carries { to, cameras } => {
                self.carries.insert(number_of(&self.keys, to), cameras);
            }
        }
    }

    pub fn film(&mut self, camera: usize, index: usize) {
        let now = self.instant();
        let camera = &mut self.cameras[camera];
        let layer = &mut camera.layers[index];
        let (parts, size) = SIZES[index];
        let key = std::mem::take(&mut layer.key);
        for part in 0..parts {
            let mut payload = vec![0; size];
            let begins = if part == 0 { 0x10 } else { 0 };
            payload[..5].copy_from_slice(&[
                0x80 | begins,
                0xc0,
                0x80 | (layer.picture >> 8) as u8,
                layer.picture as u8,
                layer.base,
            ]);
            payload[5] = u8::from(!key);
            payload[6..12].copy_from_slice(&[index as u8, part, 0, 0, 0, 0]);
            payload[8..12].copy_from_slice(&layer.frame.to_be_bytes());
            let packet = Packet {
                captured: None,
                playout: None,
                ssrc: layer.ssrc,
                sequence: layer.sequence,
                timestamp: layer.timestamp,
                marker: part + 1 == parts,
                payload_type: 96,
                level: None,
                payload: &payload,
            };
            layer.sequence = layer.sequence.wrapping_add(1);
            self.sent += 1;
            if self.loss.is_some_and(|loss| self.sent.is_multiple_of(loss)) {
                continue;
            }
            let (keys, got, at) = (&self.keys, &mut self.got, self.now);
            self.room
                .packet(now, self.keys[&camera.owner], &packet, &mut |forwarded| {
                    assert_eq!(forwarded.header.csrc, camera.owner);
                    assert_eq!(forwarded.slot.media, camera.media);
                    let payload = [forwarded.head, forwarded.body].concat();
                    assert_eq!(forwarded.header.payload_type, 102);
                    let seen = Got {
                        at,
                        number: forwarded.header.csrc,
                        timestamp: forwarded.header.timestamp,
                        marker: forwarded.header.marker,
                        picture: u16::from_be_bytes([payload[2], payload[3]]) & 0x7fff,
                        base: payload[4],
                        keyframe: payload[5] == 0,
                        layer: payload[6],
                        frame: u32::from_be_bytes(payload[8..12].try_into().unwrap()),
                        part: payload[7],
                    };
                    let to = number_of(keys, forwarded.to);
                    let before = got
                        .entry((to, forwarded.slot))
                        .or_default()
                        .insert(forwarded.header.sequence, seen);
                    assert!(before.is_none());
                });
        }
        layer.timestamp = layer.timestamp.wrapping_add(self.frame);
        layer.picture = layer.picture.wrapping_add(1) & 0x7fff;
        layer.base = layer.base.wrapping_add(1);
        layer.frame += 1;
    }

    /// Checks that all pictures are without a seam, and returns how often pictures or layers changed.
    pub fn check(&self) -> usize {
        let mut changes = 0;
        for (whose, got) in &self.got {
            for ((before, a), (after, b)) in got.iter().zip(got.iter().skip(1)) {
                let what = || format!("{whose:?} {a:?} {b:?}");
                if self.loss.is_none() {
                    assert_eq!(before + 1, *after, "{}", what());
                }
                let step = b.timestamp.wrapping_sub(a.timestamp) as i32;
                let same = (a.number, a.layer) == (b.number, b.layer);
                if same && a.frame == b.frame {
                    assert_eq!((step, a.picture, a.base), (0, b.picture, b.base), "{}", what());
                    assert!(a.part < b.part && !a.marker);
                    continue;
                }
                assert!(step > 0, "{}", what());
                let frames = if same { (b.frame - a.frame) as u16 } else { 1 };
                if !same {
                    changes += 1;
                    assert!(b.keyframe && b.part == 0, "{}", what());
                }
                if self.loss.is_none() && (!same || frames == 1) {
                    assert_eq!(
                        (
                            b.picture.wrapping_sub(a.picture) & 0x7fff,
                            b.base.wrapping_sub(a.base)
                        ),
                        (1, 1),
                        "{}",
                        what()
                    );
                    assert_eq!(b.part, 0);
                }
                if same && frames == 1 {
                    assert!((step - 3600).abs() <= 90, "{}", what());
                }
                let apart = (b.at - a.at) as i32 * 90;
                assert!((step - apart).abs() <= 90 * 60, "{step} for {apart}: {}", what());
            }
        }
        changes
    }

    /// What a receiver sees right now in a slot: whom, in which layer.
    pub fn sees(&self, receiver: u32, media: Media, number: u8) -> Option<(u32, u8)> {
        let got = self.got.get(&(receiver, Slot { media, number }))?;
        let newest = got.values().next_back()?;
        (newest.at + 100 > self.now).then_some((newest.number, newest.layer))
    }

    pub fn all_seen(&self, receiver: u32, slots: u8) -> Vec<(u32, u8)> {
        let mut seen: Vec<_> = (0..slots)
            .filter_map(|slot| self.sees(receiver, Media::Video, slot))
            .collect();
        seen.sort_unstable();
        seen
    }

    pub fn watch(&mut self, receiver: u32, wants: &[(u32, u16)]) {
        let wants = wants.iter().map(|&(number, height)| Want {
            number,
            media: Media::Video,
            height,
            pinned: false,
        });
        let wants: Vec<Want> = wants.collect();
        self.room.watch(self.instant(), self.keys[&receiver], &wants);
    }

    pub fn set_available(&mut self, receiver: u32, bits: u64) {
        self.room
            .set_available(self.instant(), self.keys[&receiver], bits);
    }
}
