//! Nothing is allocated or freed for a packet, however many copies it has, and those who watch a picture share what can
//! be sent again: this test binary counts the calls and bytes of its allocator.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

use sidetone_sfu::room::{
    AudioLevel, Format, Formats, Joining, MAX_HEADER, Media, Packet, ParticipantKey, Publication, Receive,
    Rights, Room, SlotConfig,
};

struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<i64> = const { Cell::new(0) };
}

fn count(bytes: i64) {
    // A constant-initialised `Cell` needs no allocation of its own; a thread that is ending is not counted.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
    let _ = BYTES.try_with(|kept| kept.set(kept.get() + bytes));
}

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SSRC: u32 = 5;

struct Meeting {
    room: Room,
    now: Instant,
    people: Vec<ParticipantKey>,
    round: u32,
    copies: u64,
    bytes: u64,
}

impl Meeting {
    fn new(people: u32, slots: u32) -> Self {
        let now = Instant::now();
        let mut room = Room::new(now);
        let formats = Formats::new().with(Format::Opus, 111).with(Format::Red, 63);
        let people = (1..=people).map(|number| {
            let config = |n| SlotConfig {
                ssrc: number * 100 + n,
                formats,
                level_id: Some(1),
                capture_id: None,
                playout_id: None,
            };
            let receive = Receive {
                audio: (0..slots).map(config).collect(),
                ..Receive::default()
            };
            let key = room
                .join(
                    now,
                    &Joining {
                        number,
                        rights: Rights::ALL,
                        receive,
                    },
                )
                .unwrap();
            let publication = Publication {
                media: Media::Audio,
                layer: 0,
                ssrc: SSRC,
                formats,
                height: 0,
            };
            room.publish(now, key, &publication).unwrap();
            key
        });
        let people = people.collect();
        Self {
            room,
            now,
            people,
            round: 0,
            copies: 0,
            bytes: 0,
        }
    }

    /// Everybody sends a packet; those of whom `speaks` says so, with a voice.
    fn round(&mut self, speaks: impl Fn(u32) -> bool) {
        self.now += Duration::from_millis(20);
        self.round += 1;
        let mut payload = [0; 120];
        payload[..9].copy_from_slice(&[0x80 | 111, 15, 0, 10, 0x80 | 111, 7, 128, 10, 111]);
        for (n, &key) in (0u32..).zip(&self.people) {
            let voice = speaks(n);
            let packet = Packet {
                captured: None,
                playout: None,
                ssrc: SSRC,
                sequence: self.round as u16,
                timestamp: self.round * 960,
                marker: false,
                payload_type: if n.is_multiple_of(2) { 63 } else { 111 },
                level: Some(AudioLevel {
                    minus_dbov: if voice { 20 } else { 70 },
                    voice,
                }),
                payload: &payload,
            };
            let (copies, bytes) = (&mut self.copies, &mut self.bytes);
            self.room.packet(self.now, key, &packet, &mut |forwarded| {
                let mut header = [0; MAX_HEADER];
                *copies += 1;
                *bytes += (forwarded.header.write(&mut header) + forwarded.head.len() + forwarded.body.len())
                    as u64;
            });
        }
        let sequence = self.copies as u16;
        let key = self.people[self.round as usize % self.people.len()];
        self.room.nack(
            self.now,
            key,
            100,
            [sequence, sequence.wrapping_add(1)],
            &mut |_| {},
        );
        if self.room.timeout().is_some_and(|due| due <= self.now) {
            self.room.handle_timeout(self.now);
        }
        while self.room.poll_event().is_some() {}
    }

    fn allocations(&mut self, rounds: u32, speaks: impl Fn(u32, u32) -> bool) -> u64 {
        let before = CALLS.get();
        for round in 0..rounds {
            self.round(|n| speaks(round, n));
        }
        CALLS.get() - before
    }
}

#[test]
fn nothing_is_allocated_when_fifty_people_hear_one_another() {
    let mut meeting = Meeting::new(50, 49);
    assert!(meeting.allocations(1, |_, _| true) > 0, "the counter counts");
    meeting.allocations(200, |_, _| true);
    let before = meeting.copies;
    assert_eq!(meeting.allocations(3000, |_, _| true), 0);
    assert_eq!(meeting.copies - before, 3000 * 50 * 49);
}

#[test]
fn nothing_is_allocated_when_talkers_take_turns() {
    let mut meeting = Meeting::new(50, 4);
    let turns = |round: u32, n: u32| (round / 20 * 7 + n) % 50 < 3;
    meeting.allocations(2000, turns);
    let before = meeting.copies;
    assert_eq!(meeting.allocations(4000, turns), 0);
    assert!(meeting.copies - before > 4000 * 49 * 3);
}

/// One camera, and whoever watches it.
struct Cinema {
    room: Room,
    now: Instant,
    camera: ParticipantKey,
    sequence: u16,
    copies: u64,
}

impl Cinema {
    fn formats() -> Formats {
        Formats::new().with(Format::Opus, 111).with(Format::Vp8, 96)
    }

    fn new() -> Self {
        let now = Instant::now();
        let mut room = Room::new(now);
        let joining = Joining {
            number: 1,
            rights: Rights::ALL,
            receive: Receive::default(),
        };
        let camera = room.join(now, &joining).unwrap();
        let publication = Publication {
            media: Media::Video,
            layer: 0,
            ssrc: SSRC,
            formats: Self::formats(),
            height: 720,
        };
        room.publish(now, camera, &publication).unwrap();
        Self {
            room,
            now,
            camera,
            sequence: 0,
            copies: 0,
        }
    }

    /// Somebody with as many slots as a client has.
    fn join(&mut self, number: u32) {
        let slots = |from: u32, count: u32| {
            (from..from + count).map(|n| SlotConfig {
                ssrc: number * 100 + n,
                formats: Self::formats(),
                level_id: Some(1),
                capture_id: None,
                playout_id: None,
            })
        };
        let receive = Receive {
            audio: slots(0, 6).collect(),
            video: slots(6, 16).collect(),
            share: slots(22, 1).collect(),
        };
        let joining = Joining {
            number,
            rights: Rights::LISTENER,
            receive,
        };
        self.room.join(self.now, &joining).unwrap();
    }

    /// Frames of ten packets, every one a keyframe.
    fn film(&mut self, frames: u32) {
        for _ in 0..frames {
            self.now += Duration::from_millis(33);
            for n in 0..10 {
                let mut payload = [0; 1_000];
                payload[0] = if n == 0 { 0x10 } else { 0 };
                let packet = Packet {
                    captured: None,
                    playout: None,
                    ssrc: SSRC,
                    sequence: self.sequence,
                    timestamp: u32::from(self.sequence / 10) * 2_970,
                    marker: n == 9,
                    payload_type: 96,
                    level: None,
                    payload: &payload,
                };
                self.sequence = self.sequence.wrapping_add(1);
                let copies = &mut self.copies;
                self.room
                    .packet(self.now, self.camera, &packet, &mut |_| *copies += 1);
            }
            if self.room.timeout().is_some_and(|due| due <= self.now) {
                self.room.handle_timeout(self.now);
            }
            while self.room.poll_event().is_some() {}
        }
    }
}

#[test]
fn those_who_watch_share_what_can_be_sent_again() {
    let mut cinema = Cinema::new();
    cinema.join(2);
    cinema.film(150);
    let before = BYTES.get();
    (3..103).for_each(|number| cinema.join(number));
    cinema.film(150);
    let copies = cinema.copies;
    cinema.film(150);
    assert_eq!(cinema.copies - copies, 150 * 10 * 101, "everybody watches");
    let each = (BYTES.get() - before) / 100;
    println!("{each} bytes each");
    assert!(each < 10_000, "{each} bytes each");
}
