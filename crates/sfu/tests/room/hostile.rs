//! One participant who does its worst. The others hear each other as if it were not there.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use sidetone_sfu::room::{
    AudioLevel, Format, Formats, Header, Joining, Media, Packet, ParticipantKey, Publication, Rights, Room,
};

use crate::world::audio_slots;

#[derive(Clone, Debug)]
enum Deed {
    /// So many packets at once, each so far from the one before.
    Send {
        count: u8,
        sequence: i16,
        timestamp: i32,
        size: u8,
        payload_type: u8,
        level: Option<(u8, bool)>,
    },
    Nack {
        slot: u8,
        sequences: Vec<u16>,
    },
    Keyframe {
        slot: u8,
    },
    Publish {
        media: u8,
        layer: u8,
        ssrc: u32,
    },
    Unpublish {
        media: u8,
    },
    Rejoin,
    JoinTwice,
    Available {
        bits: u64,
    },
    Nothing,
}

fn deed() -> impl Strategy<Value = Deed> {
    let level = prop::option::of((0u8..=127, any::<bool>()));
    let step = prop_oneof![Just(1i16), -3i16..10, any::<i16>()];
    let time = prop_oneof![Just(960i32), 0i32..50_000, any::<i32>()];
    let kind = prop_oneof![Just(111u8), Just(63u8), any::<u8>()];
    prop_oneof![
        8 => (prop_oneof![Just(1u8), any::<u8>()], step, time, any::<u8>(), kind, level).prop_map(
            |(count, sequence, timestamp, size, payload_type, level)| {
                Deed::Send { count, sequence, timestamp, size, payload_type, level }
            }
        ),
        1 => (0u8..4, prop::collection::vec(any::<u16>(), 0..100)).prop_map(|(slot, sequences)| Deed::Nack { slot, sequences }),
        1 => (0u8..4).prop_map(|slot| Deed::Keyframe { slot }),
        1 => (0u8..3, 0u8..4, 0u32..4).prop_map(|(media, layer, ssrc)| Deed::Publish { media, layer, ssrc }),
        1 => (0u8..3).prop_map(|media| Deed::Unpublish { media }),
        1 => Just(Deed::Rejoin),
        1 => Just(Deed::JoinTwice),
        1 => any::<u64>().prop_map(|bits| Deed::Available { bits }),
        4 => Just(Deed::Nothing),
    ]
}

const MEDIA: [Media; 3] = [Media::Audio, Media::Video, Media::Share];

fn publication(media: Media, layer: u8, ssrc: u32) -> Publication {
    let formats = Formats::new()
        .with(Format::Opus, 111)
        .with(Format::Red, 63)
        .with(Format::Vp8, 96);
    Publication {
        media,
        layer,
        ssrc,
        formats,
        height: 0,
    }
}

fn join(room: &mut Room, now: Instant, number: u32, ssrc: u32) -> ParticipantKey {
    let joining = Joining {
        number,
        rights: Rights::ALL,
        receive: audio_slots(2, number, true),
    };
    let key = room.join(now, &joining).unwrap();
    room.publish(now, key, &publication(Media::Audio, 0, ssrc))
        .unwrap();
    key
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn the_liar_alone_suffers(deeds in prop::collection::vec(deed(), 1..300)) {
        let mut now = Instant::now();
        let mut room = Room::new(now);
        // The liar uses the honest one's SSRC, too.
        let honest = join(&mut room, now, 1, 1);
        let listener = join(&mut room, now, 2, 2);
        let mut liar = join(&mut room, now, 3, 1);
        let (mut sequence, mut timestamp) = (0u16, 0u32);
        let mut own: Vec<Header> = Vec::new();
        let mut last = std::collections::BTreeMap::new();
        let begun = now;
        for (n, deed) in deeds.iter().enumerate() {
            now += Duration::from_millis(20);
            let mut copies = 0u64;
            let mut most = 4;
            let mut sink = |forwarded: &sidetone_sfu::room::Forwarded<'_>| {
                copies += 1;
                if forwarded.to != listener || forwarded.resent {
                    return;
                }
                let header = forwarded.header;
                if header.csrc == 1 {
                    own.push(header);
                }
                let newest = last.entry(header.ssrc).or_insert(header.sequence);
                *newest = header.sequence.max(*newest);
            };
            match deed {
                Deed::Send { count, sequence: step, timestamp: time, size, payload_type, level } => {
                    most = 4 * u64::from(*count) + 40;
                    for _ in 0..*count {
                        sequence = sequence.wrapping_add_signed(*step);
                        timestamp = timestamp.wrapping_add_signed(*time);
                        let level = level.map(|(minus_dbov, voice)| AudioLevel { minus_dbov, voice });
                        let payload = vec![0x6f; usize::from(*size) * 8];
                        let packet = Packet {
                            ssrc: 1, sequence, timestamp, marker: false, payload_type: *payload_type, level,
                            captured: NonZeroU64::new(timestamp.into()), playout: None, payload: &payload,
                        };
                        room.packet(now, liar, &packet, &mut sink);
                    }
                }
                Deed::Nack { slot, sequences } => {
                    most = 300;
                    room.nack(now, liar, 3000 + u32::from(*slot), sequences.iter().copied(), &mut sink);
                }
                Deed::Keyframe { slot } => room.keyframe_wanted(now, liar, 3000 + u32::from(*slot)),
                Deed::Publish { media, layer, ssrc } => {
                    let _ = room.publish(now, liar, &publication(MEDIA[usize::from(*media)], *layer, *ssrc));
                }
                Deed::Unpublish { media } => {
                    most = 8;
                    room.unpublish(now, liar, MEDIA[usize::from(*media)], &mut sink);
                }
                Deed::Rejoin => {
                    most = 8;
                    room.leave(now, liar, &mut sink);
                    liar = join(&mut room, now, 3, 1);
                }
                Deed::JoinTwice => {
                    let joining = Joining { number: 3, rights: Rights::ALL, receive: audio_slots(2, 3, true) };
                    prop_assert!(room.join(now, &joining).is_err());
                }
                Deed::Available { bits } => room.set_available(now, liar, *bits),
                Deed::Nothing => {}
            }
            let packet = Packet {
                captured: None,
                playout: None,
                ssrc: 1,
                sequence: 65_000u16.wrapping_add(n as u16),
                timestamp: (n as u32 * 960).wrapping_sub(9_000),
                marker: false,
                payload_type: 111,
                level: Some(AudioLevel { minus_dbov: 30, voice: true }),
                payload: &[1; 60],
            };
            room.packet(now, honest, &packet, &mut sink);
            prop_assert!(copies <= most, "{} copies", copies);
            if room.timeout().is_some_and(|due| due <= now) {
                room.handle_timeout(now);
            }
            while room.poll_event().is_some() {}
        }
        prop_assert_eq!(own.len(), deeds.len(), "the honest one is always heard");
        for pair in own.windows(2) {
            prop_assert_eq!(pair[0].ssrc, pair[1].ssrc, "in one slot");
            prop_assert_eq!(pair[0].sequence + 1, pair[1].sequence);
            prop_assert_eq!(pair[0].timestamp.wrapping_add(960), pair[1].timestamp);
        }
        // A sequence that runs ahead would break the receiver's rollover counter for whoever comes next.
        let seconds = now.duration_since(begun).as_secs_f64() + 1.0;
        for newest in last.values() {
            prop_assert!((newest & 0xffff_ffff) as f64 <= 32_768.0 + seconds * 6_000.0, "{}", newest);
        }
    }
}
