//! What is written is read again; what browsers write is read; other bytes are refused.

use proptest::prelude::*;

use super::super::layers::Layers;
use super::super::{Outgoing, TemporalLayers};
use super::*;
use crate::video::TemporalLayer;

fn frame(key: bool, temporal: Option<TemporalLayer>) -> Outgoing<'static> {
    Outgoing {
        data: &[1],
        key,
        temporal,
        discardable: false,
    }
}

#[test]
fn a_stream_of_one_layer_needs_three_bytes_a_packet() {
    let (mut writer, mut layers) = (Writer::new(TemporalLayers::ONE, 65_535), Layers::default());
    let mut reader = Reader::default();
    for n in 0..5u16 {
        let frame = frame(n == 0, None);
        let written = writer.frame(&frame, &layers.frame(&frame)).of_packet(true, true);
        let descriptor = reader.read(&written).unwrap();
        assert_eq!(descriptor.head.frame_number, n.wrapping_sub(1));
        assert_eq!(descriptor.head.has_structure, n == 0);
        assert_eq!(descriptor.back, if n == 0 { vec![] } else { vec![1] });
        assert!(if n == 0 {
            written.len() <= 12
        } else {
            written.len() == 3
        });
    }
}

/// Three templates, two decode targets, one chain: taken apart by hand after appendix A.8.
#[test]
fn a_structure_of_two_layers_is_read() {
    let mut bits = String::from("1 1 000001 0000000000000101");
    bits += "1 0 0 0 0"; // structure
    bits += "000000 00001"; // offset, two targets
    bits += "00 01 11"; // T0, T0, T1
    bits += "10 10  10 10  00 01"; // SS SS -D
    bits += "0  1 0001 0  1 0000 0"; // none, 2, 1
    bits += "10"; // one chain of up to two: ns(3)
    bits += ""; // which protects both: ns(1) twice, no bits
    bits += "0000 0010 0001"; // chain distances
    bits += "1 0000001001111111 0000000101100111"; // 640x360
    let bits: Vec<u8> = bits
        .bytes()
        .filter(|bit| *bit != b' ')
        .map(|bit| bit - b'0')
        .collect();
    let bytes: Vec<u8> = bits
        .chunks(8)
        .map(|byte| {
            byte.iter()
                .enumerate()
                .fold(0, |all, (n, bit)| all | bit << (7 - n))
        })
        .collect();
    let mut reader = Reader::default();
    let key = reader.read(&bytes).unwrap();
    assert!(key.head.has_structure && key.head.start_of_frame && key.head.end_of_frame);
    assert_eq!((key.head.template, key.head.frame_number), (1, 5));
    assert_eq!((key.back.clone(), key.temporal), (vec![2], 0));
    assert_eq!(key.size, Some((640, 360)));
    let upper = reader.read(&[0xc2, 0, 6]).unwrap();
    assert_eq!((upper.back, upper.temporal), (vec![1], 1));
    // With distances of its own: 3 and 18.
    let own = reader
        .read(&[0xc2, 0, 7, 0b0001_0010, 0b0101_0000, 0b1000_1000])
        .unwrap();
    assert_eq!(own.back, [3, 18]);
    assert_eq!(reader.read(&[0xc3, 0, 8]), Err(DependencyError::Template(3)));
    assert_eq!(
        Reader::default().read(&[0xc2, 0, 6]),
        Err(DependencyError::NoStructure)
    );
}

proptest! {
    #[test]
    fn what_frames_need_comes_out_again(
        count in 1u8..=4, start: u16,
        frames in prop::collection::vec((any::<bool>(), 0u8..4, any::<bool>(), 0u8..20), 1..60),
    ) {
        let mut writer = Writer::new(TemporalLayers::new(count).unwrap(), start);
        let (mut layers, mut reader) = (Layers::default(), Reader::default());
        for (n, (sync, id, plain, key)) in frames.into_iter().enumerate() {
            let temporal = (!plain).then_some(TemporalLayer { id: id % count, sync });
            let frame = frame(n == 0 || key == 0, temporal);
            let needs = layers.frame(&frame);
            let written = writer.frame(&frame, &needs);
            let first = reader.read(&written.of_packet(true, false)).unwrap();
            prop_assert_eq!(&first.back[..], needs.back());
            prop_assert_eq!(first.head.frame_number, start.wrapping_add(n as u16));
            prop_assert_eq!(first.temporal, frame.layer().map_or(0, |layer| layer.id));
            let last = reader.read(&written.of_packet(false, true)).unwrap();
            prop_assert_eq!(&last.back[..], needs.back());
            prop_assert!(last.head.end_of_frame && !last.head.start_of_frame && !last.head.has_structure);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(all in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..4)) {
        let mut reader = Reader::default();
        for bytes in all {
            if let Ok(descriptor) = reader.read(&bytes) {
                prop_assert!(descriptor.back.iter().all(|back| (1..=4096).contains(back)));
            }
        }
    }
}
