//! Any frame, any size of packets, any number of layers: what is written is read again.

use proptest::prelude::*;

use super::*;
use crate::video::TemporalLayer;

/// A frame of `codec` that carries `bytes`.
fn bitstream(codec: Codec, key: bool, bytes: &[u8]) -> Vec<u8> {
    match codec {
        Codec::Vp8 => [&[u8::from(!key)], bytes].concat(),
        Codec::Vp9 => bytes.to_vec(),
        Codec::Av1 => {
            // Delimiter, sequence header, frame of two parts with sizes of four bytes.
            let mut unit = vec![0x12, 0];
            if key {
                unit.extend([0x0a, 2, 5, 6]);
            }
            for part in bytes.chunks(bytes.len().div_ceil(2)) {
                let size = part.len();
                let leb128 = [size as u8 | 0x80, (size >> 7) as u8 | 0x80, (size >> 14) as u8];
                let shortest = match size {
                    0..0x80 => &[size as u8][..],
                    0x80..0x4000 => &[leb128[0], (size >> 7) as u8][..],
                    _ => &leb128[..],
                };
                unit.extend([&[0x32], shortest, part].concat());
            }
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

proptest! {
    #[test]
    fn frames_come_out_again(
        codec in prop::sample::select(&Codec::ALL[..]),
        mtu in Mtu::LEAST..1_500,
        picture_id: u16,
        frames in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 1..6_000), any::<bool>(), 0u8..3, any::<bool>()), 1..6),
        layered: bool,
    ) {
        let mtu = Mtu::new(mtu).unwrap();
        let layers = TemporalLayers::new(if layered { 3 } else { 1 }).unwrap();
        let mut packetizer = Packetizer::new(codec, mtu, layers, picture_id);
        for (n, (bytes, key, id, sync)) in frames.iter().enumerate() {
            let key = *key || n == 0;
            let data = bitstream(codec, key, bytes);
            let temporal = layered.then_some(TemporalLayer { id: *id, sync: *sync });
            let frame = Outgoing { data: &data, key, temporal, discardable: false };
            let mut payloads = Vec::new();
            packetizer.packetize(&frame, &mut payloads).unwrap();
            let lens: Vec<usize> = payloads.iter().map(|payload| payload.bytes.len()).collect();
            prop_assert!(lens.iter().all(|len| *len <= mtu.bytes()));
            if matches!(codec, Codec::Vp8 | Codec::Vp9) {
                prop_assert!(lens.iter().max().unwrap() - lens.iter().min().unwrap() <= 1);
            }
            for (at, payload) in payloads.iter().enumerate() {
                prop_assert_eq!(payload.marker, at + 1 == payloads.len());
                prop_assert_eq!(payload.dependency.is_some(), codec == Codec::Av1);
                let piece = read(codec, &payload.bytes).unwrap();
                if let Some(begins) = piece.begins() {
                    prop_assert_eq!(begins, at == 0);
                }
                if at == 0 && codec != Codec::H264 {
                    prop_assert_eq!(piece.key(), key);
                }
                let wanted = (picture_id & 0x7fff).wrapping_add(n as u16) & 0x7fff;
                match piece {
                    Piece::Vp8(descriptor) => {
                        prop_assert_eq!(descriptor.picture_id, Some(vp8::PictureId::Long(wanted)));
                        prop_assert_eq!(descriptor.temporal, frame.layer());
                    }
                    Piece::Vp9(descriptor) => {
                        prop_assert_eq!(descriptor.picture_id, Some(vp8::PictureId::Long(wanted)));
                        prop_assert_eq!(descriptor.layer.map(|layer| layer.temporal), frame.layer());
                        prop_assert_eq!(descriptor.end, payload.marker);
                    }
                    _ => {}
                }
            }
            let joined = join(codec, payloads.iter().map(|payload| &payload.bytes[..])).unwrap();
            prop_assert_eq!(&joined[..], &data[..]);
        }
    }

    #[test]
    fn hostile_payloads_are_read_or_refused(
        codec in prop::sample::select(&Codec::ALL[..]),
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..8),
    ) {
        for payload in &payloads {
            let _ = read(codec, payload);
        }
        let len: usize = payloads.iter().map(Vec::len).sum();
        if let Ok(frame) = join(codec, payloads.iter().map(|payload| &payload[..])) {
            // Start codes and sizes are all that is added.
            prop_assert!(!frame.is_empty() && frame.len() <= 3 * len + 2);
        }
    }
}

#[test]
fn the_base_counter_moves_with_the_base() {
    let layers = TemporalLayers::new(2).unwrap();
    let mut packetizer = Packetizer::new(Codec::Vp8, Mtu::DEFAULT, layers, 0x7fff);
    let mut seen = Vec::new();
    for (n, id) in [0, 1, 0, 1, 1].into_iter().enumerate() {
        let temporal = Some(TemporalLayer { id, sync: false });
        let frame = Outgoing {
            data: &[u8::from(n > 0), 1],
            key: n == 0,
            temporal,
            discardable: false,
        };
        let mut payloads = Vec::new();
        packetizer.packetize(&frame, &mut payloads).unwrap();
        let (descriptor, _) = vp8::Descriptor::read(&payloads[0].bytes).unwrap();
        seen.push((descriptor.picture_id, descriptor.tl0picidx));
    }
    let id = |id| Some(vp8::PictureId::Long(id));
    let expected = [
        (id(0x7fff), Some(0)),
        (id(0), Some(0)),
        (id(1), Some(1)),
        (id(2), Some(1)),
        (id(3), Some(1)),
    ];
    assert_eq!(seen, expected);
}
