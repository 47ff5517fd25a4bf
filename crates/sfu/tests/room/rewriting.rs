//! Headers, payload types, redundancy and packets sent again, one by one.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use sidetone_sfu::room::{
    AudioLevel, Format, Formats, Forwarded, Header, JoinError, Joining, MAX_HEADER, Media, Packet,
    ParticipantKey, Publication, PublishError, Receive, Rights, Room, SlotConfig,
};

use crate::world::audio_slots;

#[derive(Clone, Debug, PartialEq)]
struct Copy {
    to: ParticipantKey,
    slot: u8,
    header: Header,
    payload: Vec<u8>,
    resent: bool,
}

fn copy(forwarded: &Forwarded<'_>) -> Copy {
    Copy {
        to: forwarded.to,
        slot: forwarded.slot.number,
        header: forwarded.header,
        payload: [forwarded.head, forwarded.body].concat(),
        resent: forwarded.resent,
    }
}

/// What every tenth packet says.
fn captured(sequence: u32) -> Option<NonZeroU64> {
    NonZeroU64::new(u64::from(sequence) << 32).filter(|_| sequence.is_multiple_of(10))
}

fn playout(sequence: u32) -> Option<[u8; 3]> {
    sequence.is_multiple_of(3).then_some([0, 1, sequence as u8])
}

struct Bench {
    room: Room,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            room: Room::new(now),
            now,
        }
    }

    fn join(&mut self, number: u32, receive: Receive) -> ParticipantKey {
        let joining = Joining {
            number,
            rights: Rights::ALL,
            receive,
        };
        let key = self.room.join(self.now, &joining).unwrap();
        let formats = Formats::new().with(Format::Opus, 111).with(Format::Red, 63);
        let publication = Publication {
            media: Media::Audio,
            layer: 0,
            ssrc: 7,
            formats,
            height: 0,
        };
        self.room.publish(self.now, key, &publication).unwrap();
        key
    }

    fn send(&mut self, from: ParticipantKey, sequence: u32, payload_type: u8, payload: &[u8]) -> Vec<Copy> {
        let mut copies = Vec::new();
        let packet = Packet {
            ssrc: 7,
            sequence: sequence as u16,
            timestamp: sequence.wrapping_mul(960),
            marker: false,
            payload_type,
            level: Some(AudioLevel {
                minus_dbov: 20,
                voice: true,
            }),
            captured: captured(sequence),
            playout: playout(sequence),
            payload,
        };
        self.room.packet(self.now, from, &packet, &mut |forwarded| {
            copies.push(copy(forwarded))
        });
        copies
    }

    /// Twenty milliseconds and a packet.
    fn tick(&mut self, from: ParticipantKey, sequence: u32) -> Vec<Copy> {
        self.now += Duration::from_millis(20);
        self.send(from, sequence, 111, &[sequence as u8; 50])
    }

    /// Changes rights; gives what listeners are told.
    fn set_rights(&mut self, who: ParticipantKey, rights: Rights) -> Vec<Copy> {
        let mut copies = Vec::new();
        let mut sink = |forwarded: &Forwarded<'_>| copies.push(copy(forwarded));
        self.room.set_rights(self.now, who, rights, &mut sink);
        copies
    }

    /// Somebody goes; gives what listeners are told.
    fn leave(&mut self, who: ParticipantKey) -> Vec<Copy> {
        let mut copies = Vec::new();
        let mut sink = |forwarded: &Forwarded<'_>| copies.push(copy(forwarded));
        self.room.leave(self.now, who, &mut sink);
        copies
    }

    fn nack(&mut self, from: ParticipantKey, ssrc: u32, missing: &[u16]) -> Vec<Copy> {
        let mut copies = Vec::new();
        let missing = missing.iter().copied();
        self.room.nack(self.now, from, ssrc, missing, &mut |forwarded| {
            copies.push(copy(forwarded))
        });
        copies
    }
}

#[test]
fn a_header_is_written_as_rfc_3550_and_8285_say() {
    let level = AudioLevel {
        minus_dbov: 30,
        voice: true,
    };
    let header = Header {
        ssrc: 0x0102_0304,
        sequence: 0x7_abcd,
        timestamp: 0x1122_3344,
        marker: true,
        payload_type: 100,
        csrc: 0x0a0b_0c0d,
        level: Some((3, level)),
        captured: None,
        playout: None,
    };
    let mut out = [0xff; MAX_HEADER];
    assert_eq!(header.write(&mut out), 24);
    let head = [
        0x91, 0xe4, 0xab, 0xcd, 0x11, 0x22, 0x33, 0x44, 1, 2, 3, 4, 0x0a, 0x0b, 0x0c, 0x0d,
    ];
    assert_eq!(out[..16], head);
    assert_eq!(out[16..24], [0xbe, 0xde, 0, 1, 0x30, 0x9e, 0, 0]);
    assert_eq!(
        Header {
            level: None,
            ..header
        }
        .write(&mut out),
        16
    );
    assert_eq!(out[0], 0x81);
    let captured = NonZeroU64::new(0x0102_0304_0506_0708).map(|captured| (5, captured));
    let both = Header { captured, ..header };
    assert_eq!(both.write(&mut out), 32);
    assert_eq!(out[0], 0x91);
    assert_eq!(
        out[16..32],
        [0xbe, 0xde, 0, 3, 0x30, 0x9e, 0x57, 1, 2, 3, 4, 5, 6, 7, 8, 0]
    );
    let alone = Header { level: None, ..both };
    assert_eq!(alone.write(&mut out), 32);
    assert_eq!(out[20..32], [0x57, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0]);
    let playout = Some((6, [0, 0x10, 2]));
    let all = Header { playout, ..both };
    assert_eq!(all.write(&mut out), MAX_HEADER);
    assert_eq!(out[16..20], [0xbe, 0xde, 0, 4]);
    assert_eq!(out[31..], [0x62, 0, 0x10, 2, 0]);
    let last = Header {
        level: None,
        captured: None,
        ..all
    };
    assert_eq!(last.write(&mut out), 24);
    assert_eq!(out[20..24], [0x62, 0, 0x10, 2]);
}

/// Whoever hears a voice is told when it was captured as often as the sender tells, and the same when it is sent again. So it
/// is with the bounds of a delay.
#[test]
fn capture_times_and_delays_pass_as_they_are() {
    let mut bench = Bench::new();
    let (talker, listener) = (
        bench.join(1, audio_slots(2, 1, true)),
        bench.join(2, audio_slots(2, 2, true)),
    );
    for sequence in 0..30 {
        let header = bench.tick(talker, sequence)[0].header;
        assert_eq!(header.captured, captured(sequence).map(|captured| (5, captured)));
        assert_eq!(header.playout, playout(sequence).map(|playout| (6, playout)));
        let again = bench.nack(listener, header.ssrc, &[header.sequence as u16]);
        assert_eq!(again[0].header, header);
    }
}

/// It is sealed under the same number.
#[test]
fn what_is_sent_again_is_the_same_where_the_first_never_came() {
    let mut bench = Bench::new();
    let talker = bench.join(1, audio_slots(2, 1, true));
    for sequence in 0..10 {
        bench.tick(talker, sequence);
    }
    let listener = bench.join(2, audio_slots(2, 2, true));
    // Number 10 is lost.
    for sequence in 11..20 {
        let header = bench.tick(talker, sequence)[0].header;
        let again = bench.nack(listener, header.ssrc, &[header.sequence as u16]);
        assert_eq!(again[0].header, header);
    }
}

#[test]
fn a_talk_spurt_is_marked_and_numbered_across_wrap_arounds() {
    let mut bench = Bench::new();
    let (talker, listener) = (
        bench.join(1, audio_slots(2, 1, true)),
        bench.join(2, audio_slots(2, 2, true)),
    );
    let mut last: Option<Header> = None;
    for n in 0..140_000u32 {
        let copies = bench.tick(talker, n + 65_530);
        let [
            Copy {
                to,
                header,
                slot: 0,
                resent: false,
                ..
            },
        ] = copies[..]
        else {
            panic!("{copies:?}")
        };
        assert_eq!(
            (to, header.ssrc, header.csrc, header.payload_type),
            (listener, 2000, 1, 100)
        );
        assert_eq!(header.marker, last.is_none());
        if let Some(last) = last {
            assert_eq!(header.sequence, last.sequence + 1);
            assert_eq!(header.timestamp, last.timestamp.wrapping_add(960));
        }
        last = Some(header);
    }
    let report = bench.room.report(bench.now, listener, 2000).unwrap();
    assert_eq!((report.packets, report.octets), (140_000, 7_000_000));
    let apart = report.timestamp.wrapping_sub(last.unwrap().timestamp) as i32;
    assert!(apart.abs() < 4800, "{apart}");
    assert_eq!(bench.room.report(bench.now, listener, 2001), None);
}

#[test]
fn a_loss_stays_a_loss_and_a_late_packet_fills_it() {
    let mut bench = Bench::new();
    let (talker, _) = (
        bench.join(1, audio_slots(2, 1, true)),
        bench.join(2, audio_slots(2, 2, true)),
    );
    let first = bench.tick(talker, 10)[0].header;
    let fourth = bench.tick(talker, 13)[0].header;
    assert_eq!(fourth.sequence - first.sequence, 3);
    let third = bench.tick(talker, 12)[0].header;
    assert_eq!(third.sequence - first.sequence, 2);
    assert_eq!(third.timestamp.wrapping_sub(first.timestamp), 1920);
    assert!(bench.tick(talker, 12).is_empty(), "twice");
}

#[test]
fn what_a_slot_missed_is_sent_again_also_after_it_changed_hands() {
    let mut bench = Bench::new();
    let first = bench.join(1, audio_slots(1, 1, true));
    let second = bench.join(2, audio_slots(1, 2, true));
    let listener = bench.join(3, audio_slots(1, 3, true));
    let mut sent = Vec::new();
    for sequence in 0..10 {
        sent.extend(bench.tick(first, sequence));
    }
    bench.now += Duration::from_secs(3);
    for sequence in 500..510 {
        sent.extend(bench.tick(second, sequence));
    }
    sent.retain(|copy| copy.to == listener);
    assert_eq!(sent.len(), 20);
    assert!(
        sent.windows(2)
            .all(|pair| pair[1].header.sequence == pair[0].header.sequence + 1)
    );
    for copy in &sent {
        let again = bench.nack(listener, 3000, &[copy.header.sequence as u16]);
        assert_eq!(
            again,
            [Copy {
                resent: true,
                ..copy.clone()
            }]
        );
    }
    let unsent = [
        sent[0].header.sequence as u16 - 1,
        sent[19].header.sequence as u16 + 1,
    ];
    assert!(bench.nack(listener, 3000, &unsent).is_empty());
    assert!(
        bench
            .nack(listener, 1000, &[sent[0].header.sequence as u16])
            .is_empty(),
        "another's slot"
    );
    assert_eq!(bench.room.counters().resent, 20);
    assert_eq!(bench.room.counters().not_resent, 2);
}

#[test]
fn a_flood_of_nacks_is_answered_at_a_bounded_rate() {
    let mut bench = Bench::new();
    let talker = bench.join(1, audio_slots(1, 1, true));
    let listener = bench.join(2, audio_slots(1, 2, true));
    let sequence = bench.tick(talker, 1)[0].header.sequence as u16;
    let mut resent = 0;
    for _ in 0..1000 {
        bench.now += Duration::from_millis(1);
        resent += bench.nack(listener, 2000, &[sequence; 1000]).len();
    }
    assert!((1000..=1200).contains(&resent), "{resent}");
}

/// Blocks of (distance, content), then the primary one.
fn red(blocks: &[(u32, u8)], primary: u8, payload_type: u8) -> Vec<u8> {
    let mut out = Vec::new();
    for (distance, _) in blocks {
        out.extend((0x8000_0000 | u32::from(payload_type) << 24 | distance << 10 | 9).to_be_bytes());
    }
    out.push(payload_type);
    blocks.iter().for_each(|(_, content)| out.extend([*content; 9]));
    out.extend([primary; 9]);
    out
}

#[test]
fn redundancy_reaches_back_to_the_change_of_talker_and_no_further() {
    let mut bench = Bench::new();
    let first = bench.join(1, audio_slots(1, 1, true));
    let second = bench.join(2, audio_slots(1, 2, true));
    let listener = bench.join(3, audio_slots(1, 3, true));
    bench.join(4, audio_slots(1, 4, false));
    let three = |n: u8| [(2880, n - 3), (1920, n - 2), (960, n - 1)];
    for n in 10..30u8 {
        bench.now += Duration::from_millis(20);
        bench.send(first, n.into(), 63, &red(&three(n), n, 111));
    }
    bench.set_rights(first, Rights::LISTENER);
    // The second begins 20 ms after the first was cut off: before that, nothing of it may be played.
    let mut got = Vec::new();
    for n in 50..55u8 {
        bench.now += Duration::from_millis(20);
        got.push(bench.send(second, n.into(), 63, &red(&three(n), n, 111)));
    }
    for (n, copies) in (50u8..).zip(&got) {
        let reach = usize::from((n - 50).min(3));
        let copy = copies.iter().find(|copy| copy.to == listener).unwrap();
        assert_eq!((copy.header.csrc, copy.header.payload_type), (2, 101));
        assert_eq!(copy.payload, red(&three(n)[3 - reach..], n, 100), "{n}");
        // Who has not negotiated redundancy gets the primary frame.
        let plain = copies.iter().find(|copy| copy.header.ssrc == 4000).unwrap();
        assert_eq!(
            (plain.header.payload_type, &plain.payload[..]),
            (100, &[n; 9][..])
        );
    }
}

#[test]
fn malformed_redundancy_is_dropped() {
    let mut bench = Bench::new();
    let (talker, _) = (
        bench.join(1, audio_slots(2, 1, true)),
        bench.join(2, audio_slots(2, 2, true)),
    );
    assert!(
        bench
            .send(talker, 1, 63, &[0x80 | 111, 0, 0, 200, 111, 1])
            .is_empty()
    );
    assert!(
        bench
            .send(talker, 1, 63, &[0x80 | 99, 0, 4, 1, 99, 1, 2])
            .is_empty()
    );
    assert_eq!(bench.room.counters().absurd, 2);
    assert_eq!(bench.send(talker, 1, 63, &red(&[], 5, 111)).len(), 1);
}

#[test]
fn rights_decide_and_numbers_go_on_after_them() {
    let mut bench = Bench::new();
    let talker = bench.join(1, audio_slots(2, 1, true));
    let listener = bench.join(2, audio_slots(2, 2, true));
    let before = bench.tick(talker, 1)[0].header;
    let last = bench.set_rights(talker, Rights::LISTENER);
    assert_eq!(last.len(), 2, "the listener is told that it is a pause");
    for sequence in 2..100 {
        assert!(bench.tick(talker, sequence).is_empty());
    }
    assert_eq!(bench.room.counters().forbidden, 98);
    bench.set_rights(talker, Rights::ALL);
    let after = bench.tick(talker, 100)[0].header;
    assert_eq!(
        after.sequence,
        before.sequence + 3,
        "what was forbidden is no loss"
    );
    assert_eq!(after.timestamp.wrapping_sub(before.timestamp), 99 * 960);
    assert!(after.marker);
    let deaf = Rights {
        receive: false,
        ..Rights::ALL
    };
    assert_eq!(bench.set_rights(listener, deaf).len(), 2);
    assert!(bench.tick(talker, 101).is_empty());
    bench.set_rights(listener, Rights::ALL);
    let again = bench.tick(talker, 102)[0].header;
    assert_eq!(again.sequence, after.sequence + 3);
}

#[test]
fn whoever_heard_a_voice_is_told_when_it_is_gone() {
    let mut bench = Bench::new();
    let talker = bench.join(1, audio_slots(1, 1, true));
    let second = bench.join(2, audio_slots(1, 2, true));
    let listener = bench.join(3, audio_slots(1, 3, true));
    let heard = |copies: &[Copy]| -> Vec<Copy> {
        let copies = copies.iter().filter(|copy| copy.to == listener);
        copies.cloned().collect()
    };
    let last = (1..20)
        .map(|n| heard(&bench.tick(talker, n)))
        .next_back()
        .unwrap();
    bench.now += Duration::from_millis(20);
    let told = bench.leave(talker);
    assert_eq!(told.len(), 4, "two for each who heard it, and none for itself");
    let told = heard(&told);
    for (n, told) in (1..).zip(&told) {
        assert_eq!(told.payload, [0xf0], "a frame of 10 ms without bytes");
        assert_eq!(
            (told.header.payload_type, told.header.csrc, told.resent),
            (100, 1, false)
        );
        assert_eq!(told.header.sequence, last[0].header.sequence + n);
        let apart = told.header.timestamp.wrapping_sub(last[0].header.timestamp);
        assert_eq!(apart, 960 + 480 * (n as u32 - 1));
        assert_eq!(told.header.level.unwrap().1.minus_dbov, 127);
    }
    // Whoever is heard next goes on behind it, and it is not said twice.
    let next = heard(&bench.tick(second, 1));
    assert_eq!(next[0].header.sequence, last[0].header.sequence + 3);
    let apart = next[0].header.timestamp.wrapping_sub(last[0].header.timestamp);
    assert_eq!(apart, 2 * 960);
    let mut told = Vec::new();
    let mut sink = |forwarded: &Forwarded<'_>| told.push(copy(forwarded));
    bench.room.unpublish(bench.now, second, Media::Audio, &mut sink);
    assert_eq!(heard(&told).len(), 2);
    assert!(bench.leave(second).is_empty());
    // Nor where nobody was heard.
    let silent = bench.join(4, audio_slots(1, 4, true));
    assert!(bench.leave(silent).is_empty());
}

#[test]
fn who_joins_or_publishes_wrongly_is_told_why() {
    let mut bench = Bench::new();
    let key = bench.join(1, audio_slots(2, 1, true));
    let twice = Joining {
        number: 1,
        rights: Rights::ALL,
        receive: audio_slots(2, 9, true),
    };
    assert_eq!(bench.room.join(bench.now, &twice), Err(JoinError::Present(1)));
    let mut same = audio_slots(2, 9, true);
    same.video = same.audio[1..].to_vec();
    let same = Joining {
        number: 2,
        rights: Rights::ALL,
        receive: same,
    };
    assert_eq!(bench.room.join(bench.now, &same), Err(JoinError::SsrcInUse(9001)));
    let many = Joining {
        number: 2,
        rights: Rights::ALL,
        receive: audio_slots(65, 9, true),
    };
    assert_eq!(bench.room.join(bench.now, &many), Err(JoinError::TooManySlots));
    let publication = |media, layer| Publication {
        media,
        layer,
        ssrc: 7,
        formats: Formats::new(),
        height: 0,
    };
    let now = bench.now;
    let publish = |room: &mut Room, publication| room.publish(now, key, &publication);
    assert_eq!(
        publish(&mut bench.room, publication(Media::Video, 0)),
        Err(PublishError::SsrcInUse(7))
    );
    assert_eq!(
        publish(&mut bench.room, publication(Media::Video, 3)),
        Err(PublishError::NoSuchLayer(3))
    );
    assert_eq!(
        publish(&mut bench.room, publication(Media::Audio, 1)),
        Err(PublishError::NoSuchLayer(1))
    );
    bench.leave(key);
    bench.leave(key);
    assert_eq!(
        publish(&mut bench.room, publication(Media::Audio, 0)),
        Err(PublishError::Absent)
    );
    assert!(bench.tick(key, 1).is_empty());
    let config = SlotConfig {
        ssrc: 1,
        formats: Formats::new(),
        level_id: None,
        capture_id: None,
        playout_id: None,
    };
    assert_eq!(
        Receive {
            audio: vec![config],
            ..Receive::default()
        }
        .audio
        .len(),
        1
    );
    bench.join(1, audio_slots(2, 1, true));
}
