//! The forwarding brain of a meeting as a state machine: people who come, go, send anything and ask for anything, in any
//! order. Nobody gets what it may not, no number is given out twice, and a meeting of two works afterwards.
//!
//! Input: steps as `arbitrary` reads them.
#![no_main]

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sidetone_sfu::room::{
    AudioLevel, Format, Formats, Forwarded, Joining, MAX_HEADER, Media, Packet, ParticipantKey, Publication, Receive,
    Rights, Room, SlotConfig, Want,
};

/// Longer stories only make runs slower.
const MAX_STEPS: usize = 300;
const PEOPLE: u8 = 6;

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Kind {
    Audio,
    Video,
    Share,
}

impl Kind {
    fn media(self) -> Media {
        match self {
            Self::Audio => Media::Audio,
            Self::Video => Media::Video,
            Self::Share => Media::Share,
        }
    }
}

#[derive(Arbitrary, Debug)]
enum Step {
    Join { who: u8, slots: [u8; 3], rights: u8, red: bool },
    Leave { who: u8 },
    Rights { who: u8, rights: u8 },
    Publish { who: u8, kind: Kind, layer: u8, ssrc: u8 },
    Unpublish { who: u8, kind: Kind },
    /// That many packets in a row, each so far from the one before.
    Send { who: u8, ssrc: u8, count: u8, sequence: i16, timestamp: i32, payload_type: u8, level: Option<(u8, bool)>, payload: Vec<u8> },
    /// A voice as it should be.
    Speak { who: u8, frames: u8, level: u8 },
    Nack { who: u8, slot: u8, sequence: u16, count: u8 },
    Keyframe { who: u8, slot: u8 },
    Watch { who: u8, wants: Vec<(u8, Kind, u16, bool)> },
    Spotlight { who: Vec<u8> },
    Available { who: u8, bits: u64 },
    Wait { milliseconds: u16 },
}

#[derive(Default)]
struct Sender {
    sequence: u16,
    timestamp: u32,
}

struct Meeting {
    room: Room,
    now: Instant,
    people: HashMap<u32, (ParticipantKey, Rights)>,
    /// By number and SSRC.
    senders: HashMap<(u32, u32), Sender>,
    /// Sequence numbers given out, by receiver and SSRC.
    given: HashSet<(ParticipantKey, u32, u64)>,
    copies: u64,
}

fn rights(bits: u8) -> Rights {
    Rights { audio: bits & 1 != 0, video: bits & 2 != 0, share: bits & 4 != 0, receive: bits & 8 != 0 }
}

fn formats() -> Formats {
    Formats::new()
        .with(Format::Opus, 111)
        .with(Format::Red, 63)
        .with(Format::Vp8, 96)
        .with(Format::Vp9, 98)
        .with(Format::H264, 102)
        .with(Format::Av1, 45)
}

fn receive(number: u32, slots: [u8; 3], red: bool) -> Receive {
    let mut formats = formats();
    if !red {
        formats = Formats::new().with(Format::Opus, 100).with(Format::Vp8, 97);
    }
    let row = |kind: u32, count: u8| {
        let config = move |n| SlotConfig { ssrc: number * 1000 + kind * 100 + n, formats, level_id: Some(n as u8), capture_id: Some(n as u8 + 4), playout_id: Some(n as u8 + 8) };
        (0..u32::from(count % 5)).map(config).collect()
    };
    Receive { audio: row(0, slots[0]), video: row(1, slots[1]), share: row(2, slots[2]) }
}

impl Meeting {
    fn packet(&mut self, number: u32, packet: &Packet<'_>) {
        let Some(&(from, _)) = self.people.get(&number) else { return };
        let (people, given, copies) = (&self.people, &mut self.given, &mut self.copies);
        self.room.packet(self.now, from, packet, &mut |forwarded| check(forwarded, people, Some(given), copies));
    }

    fn speak(&mut self, number: u32, frames: u32, level: u8) {
        for _ in 0..frames {
            self.wait(20);
            let sender = self.senders.entry((number, 1)).or_default();
            sender.sequence = sender.sequence.wrapping_add(1);
            sender.timestamp = sender.timestamp.wrapping_add(960);
            let packet = Packet {
                captured: None,
                playout: None,
                ssrc: 1,
                sequence: sender.sequence,
                timestamp: sender.timestamp,
                marker: false,
                payload_type: 111,
                level: Some(AudioLevel { minus_dbov: level & 0x7f, voice: level & 0x7f < 60 }),
                payload: &[9; 50],
            };
            self.packet(number, &packet);
        }
    }

    fn wait(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
        if self.room.timeout().is_some_and(|due| due <= self.now) {
            self.room.handle_timeout(self.now);
        }
        while self.room.poll_event().is_some() {}
    }

    fn join(&mut self, number: u32, slots: [u8; 3], rights: Rights, red: bool) {
        let joining = Joining { number, rights, receive: receive(number, slots, red) };
        let joined = self.room.join(self.now, &joining);
        assert_eq!(joined.is_err(), self.people.contains_key(&number));
        if let Ok(key) = joined {
            self.people.insert(number, (key, rights));
            self.publish(number, Media::Audio, 0, 1);
        }
    }

    fn leave(&mut self, number: u32) {
        if let Some((key, _)) = self.people.remove(&number) {
            let (people, given, copies) = (&self.people, &mut self.given, &mut self.copies);
            self.room.leave(self.now, key, &mut |forwarded| last(forwarded, people, given, copies));
            self.given.retain(|(to, _, _)| *to != key);
        }
    }

    fn publish(&mut self, number: u32, media: Media, layer: u8, ssrc: u32) {
        let Some((key, _)) = self.people.get(&number) else { return };
        let _ = self.room.publish(self.now, *key, &Publication { media, layer, ssrc, formats: formats(), height: 0 });
    }
}

fn check(
    forwarded: &Forwarded<'_>,
    people: &HashMap<u32, (ParticipantKey, Rights)>,
    given: Option<&mut HashSet<(ParticipantKey, u32, u64)>>,
    copies: &mut u64,
) {
    *copies += 1;
    let header = &forwarded.header;
    let (number, (_, may)) = people.iter().find(|(_, (key, _))| *key == forwarded.to).expect("somebody who left");
    assert!(may.receive && *number != header.csrc);
    let (_, may) = people.get(&header.csrc).expect("from somebody who left");
    assert!(may.may_send(forwarded.slot.media));
    assert!(header.payload_type < 128);
    let mut out = [0; MAX_HEADER];
    assert!(header.write(&mut out) <= MAX_HEADER);
    if let Some(given) = given {
        assert!(given.insert((forwarded.to, header.ssrc, header.sequence)), "{header:?} twice");
    }
}

/// The last that is said of a voice that is gone.
fn last(
    forwarded: &Forwarded<'_>,
    people: &HashMap<u32, (ParticipantKey, Rights)>,
    given: &mut HashSet<(ParticipantKey, u32, u64)>,
    copies: &mut u64,
) {
    *copies += 1;
    let header = &forwarded.header;
    assert!(people.values().any(|(key, _)| *key == forwarded.to), "to somebody who left");
    assert_eq!((forwarded.slot.media, forwarded.body), (Media::Audio, &[0xf0][..]));
    assert!(given.insert((forwarded.to, header.ssrc, header.sequence)), "{header:?} twice");
}

fuzz_target!(|steps: Vec<Step>| {
    let now = Instant::now();
    let mut meeting = Meeting {
        room: Room::new(now),
        now,
        people: HashMap::new(),
        senders: HashMap::new(),
        given: HashSet::new(),
        copies: 0,
    };
    let number = |who: &u8| u32::from(who % PEOPLE) + 1;
    for step in steps.iter().take(MAX_STEPS) {
        match step {
            Step::Join { who, slots, rights: bits, red } => meeting.join(number(who), *slots, rights(*bits), *red),
            Step::Leave { who } => meeting.leave(number(who)),
            Step::Rights { who, rights: bits } => {
                if let Some((key, may)) = meeting.people.get_mut(&number(who)) {
                    *may = rights(*bits);
                    let (key, may) = (*key, *may);
                    let (people, given, copies) = (&meeting.people, &mut meeting.given, &mut meeting.copies);
                    let mut sink = |forwarded: &Forwarded<'_>| last(forwarded, people, given, copies);
                    meeting.room.set_rights(meeting.now, key, may, &mut sink);
                }
            }
            Step::Publish { who, kind, layer, ssrc } => {
                meeting.publish(number(who), kind.media(), layer % 4, u32::from(ssrc % 8));
            }
            Step::Unpublish { who, kind } => {
                if let Some((key, _)) = meeting.people.get(&number(who)) {
                    let (people, given, copies) = (&meeting.people, &mut meeting.given, &mut meeting.copies);
                    let mut sink = |forwarded: &Forwarded<'_>| last(forwarded, people, given, copies);
                    meeting.room.unpublish(meeting.now, *key, kind.media(), &mut sink);
                }
            }
            Step::Send { who, ssrc, count, sequence, timestamp, payload_type, level, payload } => {
                let (number, ssrc) = (number(who), u32::from(ssrc % 8));
                for _ in 0..count % 40 {
                    let sender = meeting.senders.entry((number, ssrc)).or_default();
                    sender.sequence = sender.sequence.wrapping_add_signed(*sequence);
                    sender.timestamp = sender.timestamp.wrapping_add_signed(*timestamp);
                    let packet = Packet {
                        captured: NonZeroU64::new(u64::from(count & 3)),
                        playout: (count & 4 != 0).then_some([*count; 3]),
                        ssrc,
                        sequence: sender.sequence,
                        timestamp: sender.timestamp,
                        marker: count & 1 != 0,
                        payload_type: payload_type & 0x7f,
                        level: level.map(|(level, voice)| AudioLevel { minus_dbov: level & 0x7f, voice }),
                        payload,
                    };
                    meeting.packet(number, &packet);
                }
            }
            Step::Speak { who, frames, level } => meeting.speak(number(who), u32::from(frames % 60), *level),
            Step::Nack { who, slot, sequence, count } => {
                if let Some(&(key, _)) = meeting.people.get(&number(who)) {
                    let ssrc = number(who) * 1000 + u32::from(slot % 5) + u32::from(slot / 85) * 100;
                    let missing = (0..u16::from(*count)).map(|n| sequence.wrapping_add(n));
                    let (people, copies) = (&meeting.people, &mut meeting.copies);
                    let mut sink = |forwarded: &Forwarded<'_>| check_resent(forwarded, people, copies);
                    meeting.room.nack(meeting.now, key, ssrc, missing, &mut sink);
                }
            }
            Step::Keyframe { who, slot } => {
                if let Some((key, _)) = meeting.people.get(&number(who)) {
                    let ssrc = number(who) * 1000 + 100 + u32::from(slot % 5);
                    meeting.room.keyframe_wanted(meeting.now, *key, ssrc);
                }
            }
            Step::Watch { who, wants } => {
                if let Some((key, _)) = meeting.people.get(&number(who)) {
                    let want = |(who, kind, height, pinned): &(u8, Kind, u16, bool)| Want {
                        number: number(who),
                        media: kind.media(),
                        height: *height,
                        pinned: *pinned,
                    };
                    meeting.room.watch(meeting.now, *key, &wants.iter().map(want).collect::<Vec<_>>());
                }
            }
            Step::Spotlight { who } => {
                meeting.room.spotlight(meeting.now, &who.iter().map(number).collect::<Vec<_>>());
            }
            Step::Available { who, bits } => {
                if let Some((key, _)) = meeting.people.get(&number(who)) {
                    meeting.room.set_available(meeting.now, *key, *bits);
                }
            }
            Step::Wait { milliseconds } => meeting.wait(u64::from(*milliseconds)),
        }
    }
    for who in 0..PEOPLE {
        meeting.leave(u32::from(who) + 1);
    }
    assert_eq!(meeting.room.population(), 0);
    meeting.senders.clear();
    meeting.join(100, [1, 0, 0], Rights::ALL, true);
    meeting.join(101, [1, 0, 0], Rights::ALL, true);
    let before = meeting.copies;
    meeting.speak(100, 50, 20);
    assert_eq!(meeting.copies - before, 50, "one hears the other");
});

/// A packet sent again may be of somebody who has lost the right to send since, or has left: it was given before.
fn check_resent(forwarded: &Forwarded<'_>, people: &HashMap<u32, (ParticipantKey, Rights)>, copies: &mut u64) {
    *copies += 1;
    assert!(forwarded.resent);
    let (number, _) = people.iter().find(|(_, (key, _))| *key == forwarded.to).expect("somebody who left");
    assert_ne!(*number, forwarded.header.csrc);
}
