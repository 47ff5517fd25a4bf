//! Cameras in three layers and shared screens: who sees what, and that no decoder finds a seam.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sidetone_sfu::room::{
    AudioLevel, Event, Format, Formats, Joining, Media, Packet, ParticipantKey, Publication, Receive, Rights,
    Room, Slot, SlotConfig, Want,
};

const HEIGHTS: [u16; 3] = [180, 360, 720];
/// Packets a frame and bytes a packet: at 25 frames a second 120, 540 and 1320 kbit/s.
const SIZES: [(u8, usize); 3] = [(1, 600), (3, 900), (6, 1100)];

struct Layer {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    picture: u16,
    base: u8,
    frame: u32,
    key: bool,
    requests: u32,
}

struct Camera {
    owner: u32,
    media: Media,
    layers: Vec<Layer>,
}

#[derive(Clone, Debug)]
struct Got {
    at: u64,
    number: u32,
    timestamp: u32,
    marker: bool,
    picture: u16,
    base: u8,
    keyframe: bool,
    layer: u8,
    frame: u32,
    part: u8,
}

struct Studio {
    room: Room,
    epoch: Instant,
    now: u64,
    keys: BTreeMap<u32, ParticipantKey>,
    cameras: Vec<Camera>,
    got: BTreeMap<(u32, Slot), BTreeMap<u64, Got>>,
    shown: BTreeMap<(u32, Slot), Option<u32>>,
    speaking: Option<u32>,
    /// Of packets, one in so many is lost.
    loss: Option<u32>,
    sent: u32,
}

fn number_of(keys: &BTreeMap<u32, ParticipantKey>, key: ParticipantKey) -> u32 {
    *keys.iter().find(|(_, found)| **found == key).unwrap().0
}

impl Studio {
    fn new() -> Self {
        let epoch = Instant::now();
        Self {
            room: Room::new(epoch),
            epoch,
            now: 0,
            keys: BTreeMap::new(),
            cameras: Vec::new(),
            got: BTreeMap::new(),
            shown: BTreeMap::new(),
            speaking: None,
            loss: None,
            sent: 0,
        }
    }

    fn instant(&self) -> Instant {
        self.epoch + Duration::from_millis(self.now)
    }

    fn join(&mut self, number: u32, video: u32, share: u32) {
        let formats = Formats::new().with(Format::Opus, 100).with(Format::Vp8, 102);
        let config = |n| SlotConfig {
            ssrc: number * 1000 + n,
            formats,
            level_id: None,
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

    fn publish(&mut self, owner: u32, media: Media, layers: u8) {
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
            }
        });
        let layers = layers.collect();
        self.cameras.push(Camera { owner, media, layers });
    }

    fn run(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds / 20 {
            self.now += 20;
            if let Some(speaker) = self.speaking {
                let packet = Packet {
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
                        self.film(camera, layer);
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

    fn take(&mut self, event: Event) {
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
        }
    }

    fn film(&mut self, camera: usize, index: usize) {
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
        layer.timestamp = layer.timestamp.wrapping_add(3600);
        layer.picture = layer.picture.wrapping_add(1) & 0x7fff;
        layer.base = layer.base.wrapping_add(1);
        layer.frame += 1;
    }

    /// Checks that all pictures are without a seam, and returns how often pictures or layers changed.
    fn check(&self) -> usize {
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
                    assert_eq!(step, 3600, "{}", what());
                }
                let apart = (b.at - a.at) as i32 * 90;
                assert!((step - apart).abs() <= 90 * 60, "{step} for {apart}: {}", what());
            }
        }
        changes
    }

    /// What a receiver sees right now in a slot: whom, in which layer.
    fn sees(&self, receiver: u32, media: Media, number: u8) -> Option<(u32, u8)> {
        let got = self.got.get(&(receiver, Slot { media, number }))?;
        let newest = got.values().next_back()?;
        (newest.at + 100 > self.now).then_some((newest.number, newest.layer))
    }

    fn all_seen(&self, receiver: u32, slots: u8) -> Vec<(u32, u8)> {
        let mut seen: Vec<_> = (0..slots)
            .filter_map(|slot| self.sees(receiver, Media::Video, slot))
            .collect();
        seen.sort_unstable();
        seen
    }

    fn watch(&mut self, receiver: u32, wants: &[(u32, u16)]) {
        let wants = wants.iter().map(|&(number, height)| Want {
            number,
            media: Media::Video,
            height,
            pinned: false,
        });
        let wants: Vec<Want> = wants.collect();
        self.room.watch(self.instant(), self.keys[&receiver], &wants);
    }

    fn set_available(&mut self, receiver: u32, bits: u64) {
        self.room
            .set_available(self.instant(), self.keys[&receiver], bits);
    }
}

#[test]
fn everybody_sees_what_was_asked_for_in_the_size_it_is_shown() {
    let mut studio = Studio::new();
    for number in 1..=5 {
        studio.join(number, 3, 1);
    }
    for number in 1..=4 {
        studio.publish(number, Media::Video, 3);
    }
    studio.watch(5, &[(3, 720), (1, 180), (2, 360)]);
    studio.run(3000);
    assert_eq!(studio.all_seen(5, 3), [(1, 0), (2, 1), (3, 2)]);
    // Nobody sees itself, and slots left over show whoever there is, small.
    assert_eq!(studio.all_seen(1, 3), [(2, 0), (3, 0), (4, 0)]);
    studio.watch(5, &[(4, 360), (2, 720), (1, 180)]);
    studio.run(3000);
    assert_eq!(studio.all_seen(5, 3), [(1, 0), (2, 2), (4, 1)]);
    assert!(studio.check() >= 2);
    for slot in 0..3 {
        let slot = Slot {
            media: Media::Video,
            number: slot,
        };
        let seen = studio.sees(5, Media::Video, slot.number).unwrap();
        assert_eq!(studio.shown[&(5, slot)], Some(seen.0));
    }
}

#[test]
fn a_thin_path_gets_the_lowest_layer_of_all_and_goes_up_and_down_without_a_seam() {
    let mut studio = Studio::new();
    for number in 1..=4 {
        studio.join(number, 3, 1);
    }
    for number in 1..=3 {
        studio.publish(number, Media::Video, 3);
    }
    studio.watch(4, &[(1, 720), (2, 720), (3, 360)]);
    let steps: [(u64, &[(u32, u8)]); 6] = [
        (10_000_000, &[(1, 2), (2, 2), (3, 1)]),
        (500_000, &[(1, 0), (2, 0), (3, 0)]),
        (1_000_000, &[(1, 1), (2, 0), (3, 0)]),
        (300_000, &[(1, 0), (2, 0)]),
        (50_000, &[]),
        (10_000_000, &[(1, 2), (2, 2), (3, 1)]),
    ];
    for (bits, seen) in steps {
        studio.set_available(4, bits);
        studio.run(2500);
        assert_eq!(studio.all_seen(4, 3), seen, "{bits}");
    }
    assert!(studio.check() >= 6);
}

#[test]
fn the_estimate_wavers_and_the_picture_does_not() {
    let mut studio = Studio::new();
    for number in 1..=2 {
        studio.join(number, 1, 1);
    }
    studio.publish(1, Media::Video, 3);
    studio.watch(2, &[(1, 720)]);
    studio.set_available(2, 2_000_000);
    studio.run(3000);
    let before = studio.check();
    for n in 0..40 {
        studio.set_available(2, if n % 2 == 0 { 1_480_000 } else { 1_400_000 });
        studio.run(500);
    }
    assert_eq!(studio.check(), before);
    assert_eq!(studio.all_seen(2, 1), [(1, 2)]);
}

#[test]
fn a_shared_screen_comes_first() {
    let mut studio = Studio::new();
    for number in 1..=3 {
        studio.join(number, 2, 1);
    }
    studio.publish(1, Media::Video, 3);
    studio.publish(2, Media::Share, 3);
    studio.watch(3, &[(1, 720)]);
    studio.set_available(3, 1_700_000);
    studio.run(3000);
    assert_eq!(studio.sees(3, Media::Share, 0), Some((2, 2)));
    assert_eq!(studio.all_seen(3, 2), [(1, 0)]);
    let rights = Rights {
        share: false,
        ..Rights::ALL
    };
    studio.room.set_rights(studio.instant(), studio.keys[&2], rights);
    studio.run(2500);
    assert_eq!(studio.sees(3, Media::Share, 0), None);
    let slot = Slot {
        media: Media::Share,
        number: 0,
    };
    assert_eq!(studio.shown[&(3, slot)], None);
    assert_eq!(studio.all_seen(3, 2), [(1, 2)]);
    studio.check();
}

#[test]
fn a_new_speaker_is_large_before_anybody_asks() {
    let mut studio = Studio::new();
    for number in 1..=6 {
        studio.join(number, 2, 0);
    }
    for number in 1..=5 {
        studio.publish(number, Media::Video, 3);
    }
    studio.watch(6, &[(1, 720), (2, 180)]);
    studio.run(3000);
    assert_eq!(studio.all_seen(6, 2), [(1, 2), (2, 0)]);
    studio.speaking = Some(2);
    studio.run(1500);
    assert_eq!(studio.all_seen(6, 2), [(1, 2), (2, 2)]);
    // Who asked for nothing sees the speaker first, in place of another.
    studio.speaking = Some(5);
    studio.run(3500);
    let seen = studio.all_seen(1, 2);
    assert!(seen.contains(&(5, 1)), "{seen:?}");
    studio.check();
}

#[test]
fn spotlight_and_pin_go_before_what_is_wanted() {
    let mut studio = Studio::new();
    for number in 1..=6 {
        studio.join(number, 1, 0);
    }
    for number in 1..=4 {
        studio.publish(number, Media::Video, 1);
    }
    studio.watch(5, &[(1, 180)]);
    studio.run(2000);
    assert_eq!(studio.all_seen(5, 1), [(1, 0)]);
    studio.room.spotlight(studio.instant(), &[3]);
    studio.run(2000);
    assert_eq!(studio.all_seen(5, 1), [(3, 0)]);
    let pin = Want {
        number: 2,
        media: Media::Video,
        height: 180,
        pinned: true,
    };
    studio.room.watch(studio.instant(), studio.keys[&5], &[pin]);
    studio.run(2000);
    assert_eq!(studio.all_seen(5, 1), [(2, 0)]);
    studio.check();
}

#[test]
fn keyframe_requests_are_few_however_many_ask() {
    let mut studio = Studio::new();
    for number in 1..=100 {
        studio.join(number, 1, 0);
    }
    studio.publish(1, Media::Video, 1);
    studio.run(2000);
    let before = studio.cameras[0].layers[0].requests;
    assert!(before <= 3, "{before}");
    for _ in 0..100 {
        for number in 2..=100 {
            studio
                .room
                .keyframe_wanted(studio.instant(), studio.keys[&number], number * 1000 + 100);
        }
        studio.run(20);
    }
    let requests = studio.cameras[0].layers[0].requests - before;
    assert!((2..=5).contains(&requests), "{requests} in two seconds");
    // One who always asks is heard every 2.5 s.
    studio.run(20_000);
    let before = studio.cameras[0].layers[0].requests;
    for _ in 0..1000 {
        studio
            .room
            .keyframe_wanted(studio.instant(), studio.keys[&7], 7100);
        studio.run(20);
    }
    let requests = studio.cameras[0].layers[0].requests - before;
    assert!(requests <= 14, "{requests} in twenty seconds");
}

#[test]
fn a_sender_that_sends_no_keyframe_is_asked_again_but_ever_more_seldom() {
    let mut studio = Studio::new();
    studio.join(1, 1, 0);
    studio.join(2, 1, 0);
    studio.publish(1, Media::Video, 1);
    studio.run(1000);
    studio.leave_keyframes_out(30_000);
    let requests = studio.cameras[0].layers[0].requests;
    assert!((6..=16).contains(&requests), "{requests}");
}

impl Studio {
    /// The encoder is deaf.
    fn leave_keyframes_out(&mut self, milliseconds: u64) {
        self.join(3, 1, 0);
        for _ in 0..milliseconds / 20 {
            self.cameras[0].layers[0].key = false;
            self.run(20);
        }
    }
}

#[test]
fn a_loss_in_a_picture_is_a_loss_for_all_and_answered_from_the_cache() {
    let mut studio = Studio::new();
    studio.join(1, 1, 0);
    studio.join(2, 1, 0);
    studio.publish(1, Media::Video, 3);
    studio.watch(2, &[(1, 720)]);
    studio.loss = Some(17);
    studio.run(5000);
    studio.check();
    let slot = Slot {
        media: Media::Video,
        number: 0,
    };
    let got = &studio.got[&(2, slot)];
    let (first, last) = (*got.keys().next().unwrap(), *got.keys().next_back().unwrap());
    let missing: Vec<u64> = (first..last)
        .filter(|sequence| !got.contains_key(sequence))
        .collect();
    assert!(missing.len() > 20);
    let recent = got.keys().rev().take(50).copied();
    let mut again = Vec::new();
    let key = studio.keys[&2];
    for sequence in recent {
        studio.room.nack(
            studio.epoch + Duration::from_millis(studio.now),
            key,
            2100,
            [sequence as u16],
            &mut |forwarded| {
                assert!(forwarded.resent);
                let payload = [forwarded.head, forwarded.body].concat();
                let before = &got[&forwarded.header.sequence];
                assert_eq!(before.timestamp, forwarded.header.timestamp);
                assert_eq!(
                    before.picture,
                    u16::from_be_bytes([payload[2], payload[3]]) & 0x7fff
                );
                again.push(forwarded.header.sequence);
            },
        );
    }
    assert_eq!(again.len(), 50);
}

#[test]
fn pictures_survive_chaos() {
    use rand::{RngExt, SeedableRng};
    for seed in 0..30 {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let mut studio = Studio::new();
        for number in 1..=8 {
            studio.join(number, rng.random_range(0..5), rng.random_range(0..2));
            if rng.random() {
                studio.publish(number, Media::Video, rng.random_range(1..4));
            }
        }
        studio.publish(3, Media::Share, 1);
        for _ in 0..40 {
            let number = rng.random_range(1..=8);
            let (key, now) = (studio.keys[&number], studio.instant());
            match rng.random_range(0..7) {
                0 => {
                    let rights = Rights {
                        video: rng.random(),
                        share: rng.random(),
                        receive: rng.random(),
                        audio: true,
                    };
                    studio.room.set_rights(now, key, rights);
                }
                1 => studio.room.set_rights(now, key, Rights::ALL),
                2 => studio.set_available(number, rng.random_range(0..5_000_000)),
                3 => {
                    let wants: Vec<_> = (0..3)
                        .map(|_| (rng.random_range(1..=9), rng.random_range(0..1000)))
                        .collect();
                    studio.watch(number, &wants);
                }
                4 => studio.speaking = Some(number),
                5 => studio.room.spotlight(now, &[number]),
                _ => {
                    // The encoder begins anew.
                    for camera in studio.cameras.iter_mut().filter(|camera| camera.owner == number) {
                        camera.layers[0].sequence = rng.random();
                        camera.layers[0].timestamp = rng.random();
                        camera.layers[0].key = true;
                        let media = camera.media;
                        let formats = Formats::new().with(Format::Vp8, 96);
                        let ssrc = rng.random_range(100..1 << 30);
                        camera.layers[0].ssrc = ssrc;
                        let publication = Publication {
                            media,
                            layer: 0,
                            ssrc,
                            formats,
                            height: 180,
                        };
                        let _ = studio.room.publish(now, key, &publication);
                    }
                }
            }
            studio.run(200);
        }
        studio.check_after_restarts(seed);
    }
}

impl Studio {
    /// As [`Studio::check`], where streams may begin anew: then the frame's number may go on or not, but no gap, and
    /// whatever follows nothing is a keyframe.
    fn check_after_restarts(&self, seed: u64) {
        for (whose, got) in &self.got {
            for ((before, a), (after, b)) in got.iter().zip(got.iter().skip(1)) {
                let what = || format!("seed {seed} {whose:?} {a:?} {b:?}");
                assert_eq!(before + 1, *after, "{}", what());
                let step = b.timestamp.wrapping_sub(a.timestamp) as i32;
                let same = (a.number, a.layer) == (b.number, b.layer) && b.frame <= a.frame + 1;
                assert!(step > 0 || same && a.frame == b.frame && step == 0, "{}", what());
                assert!(same || b.keyframe && b.part == 0, "{}", what());
            }
        }
    }
}
