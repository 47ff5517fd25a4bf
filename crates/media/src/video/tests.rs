//! Frames through packets, assembly and order: whatever the order of packets, whatever is missing, whatever a sender makes
//! up.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use proptest::prelude::*;

use super::frames::{Frames, Queued};
use super::payload::{Mtu, Outgoing, Packetizer, TemporalLayers};
use super::*;

const LAYERS: [u8; 4] = [0, 2, 1, 2];

/// Frames of which each has its number in it, as packets; a list for each frame.
fn packets(codec: Codec, layered: bool, keys: &BTreeSet<usize>, count: usize) -> Vec<Vec<VideoPacket>> {
    let layers = TemporalLayers::new(if layered { 3 } else { 1 }).unwrap();
    let mut packetizer = Packetizer::new(codec, Mtu::new(60).unwrap(), layers, 0x7ff0);
    let mut sequence = SequenceNumber(65_500);
    let mut frames = Vec::new();
    for n in 0..count {
        let key = n == 0 || keys.contains(&n);
        let body = vec![n as u8 | 0x80; 40 + n * 37 % 200];
        let data = match codec {
            Codec::Vp8 => [&[u8::from(!key)][..], &body].concat(),
            Codec::Vp9 => body,
            Codec::Av1 => {
                let sequence: &[u8] = if key { &[0x0a, 1, 9] } else { &[] };
                [sequence, &[0x30], &body].concat()
            }
            Codec::H264 => {
                let sets: &[u8] = if key {
                    &[0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 1]
                } else {
                    &[]
                };
                [sets, &[0, 0, 0, 1, if key { 0x65 } else { 0x41 }], &body].concat()
            }
        };
        let id = LAYERS[n % 4];
        let temporal = layered.then_some(TemporalLayer {
            id,
            sync: id > 0 && n % 4 != 3,
        });
        let frame = Outgoing {
            data: &data,
            key,
            temporal,
            discardable: false,
        };
        let mut payloads = Vec::new();
        packetizer.packetize(&frame, &mut payloads).unwrap();
        let mut packets = Vec::new();
        for payload in payloads {
            packets.push(VideoPacket {
                sequence,
                timestamp: RtpTimestamp(u32::MAX - 5_000).advanced_by(n as u32 * 3_000),
                marker: payload.marker,
                payload: payload.bytes,
                dependency: payload.dependency,
            });
            sequence = sequence.next();
        }
        frames.push(packets);
    }
    frames
}

fn number(data: &[u8]) -> usize {
    usize::from(data[data.len() - 1] & 0x7f)
}

/// Puts packets in; gives the numbers of the frames that can be decoded, in order.
fn decodable(codec: Codec, packets: impl IntoIterator<Item = VideoPacket>) -> Vec<usize> {
    let now = Instant::now();
    let (mut assembly, mut frames) = (Assembly::new(codec), Frames::default());
    for packet in packets {
        if let Inserted::Whole(pictures) = assembly.insert(packet, false, now) {
            for picture in pictures {
                assert_eq!(frames.insert(picture), Queued::Waits);
            }
        }
    }
    let mut taken = Vec::new();
    while let Some((picture, _)) = frames.take() {
        taken.push(number(&picture.data));
    }
    taken
}

proptest! {
    #[test]
    fn packets_in_any_order_and_twice_are_all_frames_in_order(
        codec in prop::sample::select(&Codec::ALL[..]),
        layered: bool,
        keys in prop::collection::btree_set(1usize..20, 0..3),
        order in prop::collection::vec(any::<u32>(), 400),
        twice in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut all: Vec<VideoPacket> = packets(codec, layered && codec != Codec::H264, &keys, 20).concat();
        // Of the numbers that are 16 bits wide, the first seen must be near: it is the first or one soon after.
        let copies: Vec<VideoPacket> = twice.iter().map(|index| all[index.index(all.len())].clone()).collect();
        all.extend(copies);
        let mut keyed: Vec<_> = all.into_iter().zip(order).map(|(packet, key)| (key, packet)).collect();
        keyed.sort_by_key(|(key, _)| *key);
        let taken = decodable(codec, keyed.into_iter().map(|(_, packet)| packet));
        prop_assert_eq!(taken, (0..20).collect::<Vec<_>>());
    }

    /// Lost frames of the upper layers cost nothing but those that need them; a lost frame of the base costs all until the
    /// next key frame. Nothing is decoded that needs what is missing.
    #[test]
    fn what_needs_what_is_missing_waits_and_the_rest_goes_on(
        codec in prop::sample::select(&[Codec::Vp8, Codec::Vp9, Codec::Av1][..]),
        keys in prop::collection::btree_set(1usize..24, 0..3),
        lost in prop::collection::btree_set(1usize..24, 0..6),
    ) {
        let frames = packets(codec, true, &keys, 24);
        let came = frames.into_iter().enumerate().filter(|(n, _)| !lost.contains(n)).flat_map(|(_, packets)| packets);
        let taken: BTreeSet<usize> = decodable(codec, came).into_iter().collect();
        // What the layers say that each needs, after the last key frame.
        let mut expected = BTreeSet::new();
        let mut last = [None; 3];
        for n in 0..24 {
            let key = n == 0 || keys.contains(&n);
            let layer = if key { 0 } else { usize::from(LAYERS[n % 4]) };
            let sync = layer > 0 && n % 4 != 3;
            let needs: Vec<usize> = match (key, sync) {
                (true, _) => { last = [None; 3]; vec![] }
                (_, true) => last[..1].iter().flatten().copied().collect(),
                _ => last[..=layer].iter().flatten().copied().collect(),
            };
            if !lost.contains(&n) && needs.iter().all(|needed| expected.contains(needed)) {
                expected.insert(n);
            }
            last[layer] = Some(n);
        }
        match codec {
            // VP8 names its base only: of the others it knows no more than that all have come.
            Codec::Vp8 => prop_assert!(taken.is_subset(&expected), "{taken:?} of {expected:?}"),
            _ => prop_assert_eq!(&taken, &expected),
        }
        let base = |n: &&usize| keys.contains(n) || **n == 0 || LAYERS[**n % 4] == 0;
        prop_assert!(expected.iter().filter(base).all(|n| taken.contains(n)));
    }

    #[test]
    fn hostile_packets_are_taken_or_refused_and_nothing_grows(
        codec in prop::sample::select(&Codec::ALL[..]),
        steps in prop::collection::vec(
            (0u64..60, any::<(bool, bool)>(), 0u16..6, any::<Option<u16>>(), 0u32..4, prop::collection::vec(any::<u8>(), 0..40),
             prop::option::of(prop::collection::vec(any::<u8>(), 0..12))), 1..120),
    ) {
        let mut now = Instant::now();
        let mut receiver = VideoReceiver::new(codec, now);
        let (mut sequence, mut timestamp) = (65_000u16, 0u32);
        for (passed, (marker, again), step, jump, media, payload, dependency) in steps {
            now += Duration::from_millis(passed);
            sequence = jump.filter(|jump| jump % 8 == 0).unwrap_or(sequence.wrapping_add(step).wrapping_sub(1));
            timestamp = timestamp.wrapping_add(media * 3_000);
            let packet = VideoPacket {
                sequence: SequenceNumber(sequence),
                timestamp: RtpTimestamp(timestamp),
                marker,
                payload: Bytes::from(payload),
                dependency: dependency.map(Bytes::from),
            };
            if again {
                receiver.retransmission(packet, now);
            } else {
                receiver.packet(packet, now);
            }
            let mut outputs = 0;
            while receiver.poll(now).is_some() {
                outputs += 1;
                prop_assert!(outputs < 300);
            }
            prop_assert!(receiver.next_timeout().is_none_or(|next| next > now));
        }
    }
}

#[test]
fn a_stream_that_begins_anew_goes_on() {
    let now = Instant::now();
    let first = packets(Codec::Vp8, false, &BTreeSet::new(), 20).concat();
    let mut second = packets(Codec::Vp8, false, &BTreeSet::new(), 60).concat();
    // Long before the first, as after a restart of the sender.
    for packet in &mut second {
        packet.sequence = SequenceNumber(packet.sequence.0.wrapping_sub(20_000));
    }
    let (mut assembly, mut frames) = (Assembly::new(Codec::Vp8), Frames::default());
    let mut taken = Vec::new();
    // The key frame comes a second time, as who asks for it gets it.
    let mut again = second.clone();
    for packet in &mut again {
        packet.sequence = SequenceNumber(packet.sequence.0.wrapping_add(second.len() as u16));
    }
    for packet in first.into_iter().chain(second).chain(again) {
        if let Inserted::Whole(pictures) = assembly.insert(packet, false, now) {
            for picture in pictures {
                frames.insert(picture);
            }
        }
        while let Some((picture, _)) = frames.take() {
            assembly.forget(picture.last);
            taken.push(number(&picture.data));
        }
    }
    assert_eq!(taken[..20], (0..20).collect::<Vec<_>>());
    assert_eq!(taken[20..], (0..60).collect::<Vec<_>>());
}
