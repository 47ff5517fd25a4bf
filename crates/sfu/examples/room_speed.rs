//! What the room costs: nanoseconds of one core for each forwarded copy, header written and payload copied to one place
//! included, without sockets and ciphers. Run with `cargo run --release -p sidetone-sfu --example room_speed`.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::{Duration, Instant};

use sidetone_sfu::room::{
    AudioLevel, Format, Formats, Joining, MAX_HEADER, Media, Packet, ParticipantKey, Publication, Receive,
    Rights, Room, SlotConfig,
};

struct Case {
    name: &'static str,
    people: u32,
    /// Who speaks, always.
    voices: u32,
    /// Open microphones without a voice.
    open: u32,
    slots: u32,
    /// Whether a new person speaks each second, instead of the same.
    turns: bool,
}

const CASES: [Case; 8] = [
    Case {
        name: "1 to 100",
        people: 101,
        voices: 1,
        open: 0,
        slots: 3,
        turns: false,
    },
    Case {
        name: "1 to 400",
        people: 401,
        voices: 1,
        open: 0,
        slots: 3,
        turns: false,
    },
    Case {
        name: "50 all to all",
        people: 50,
        voices: 50,
        open: 0,
        slots: 49,
        turns: false,
    },
    Case {
        name: "50, 4 forwarded",
        people: 50,
        voices: 4,
        open: 46,
        slots: 4,
        turns: false,
    },
    Case {
        name: "10, 3 forwarded",
        people: 10,
        voices: 3,
        open: 7,
        slots: 3,
        turns: false,
    },
    Case {
        name: "100, 3 forwarded",
        people: 100,
        voices: 3,
        open: 7,
        slots: 3,
        turns: false,
    },
    Case {
        name: "1000, 3 forwarded",
        people: 1000,
        voices: 3,
        open: 7,
        slots: 3,
        turns: false,
    },
    Case {
        name: "1000, 3 in turns",
        people: 1000,
        voices: 3,
        open: 7,
        slots: 3,
        turns: true,
    },
];

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "{:<20} {:>12} {:>10} {:>10} {:>14} {:>12}",
        "case", "copies", "ns/copy", "mean", "copies/packet", "join+leave us"
    );
    for case in &CASES {
        run(case)?;
    }
    Ok(())
}

fn run(case: &Case) -> Result<(), Box<dyn Error>> {
    let mut now = Instant::now();
    let mut room = Room::new(now);
    let formats = Formats::new().with(Format::Opus, 111);
    let joining = |number: u32| {
        let config = |n| SlotConfig {
            ssrc: number * 100 + n,
            formats,
            level_id: Some(1),
            capture_id: None,
            playout_id: None,
        };
        let receive = Receive {
            audio: (0..case.slots).map(config).collect(),
            ..Receive::default()
        };
        Joining {
            number,
            rights: Rights::ALL,
            receive,
        }
    };
    let mut people: Vec<ParticipantKey> = Vec::new();
    for number in 1..=case.people {
        let key = room.join(now, &joining(number))?;
        let publication = Publication {
            media: Media::Audio,
            layer: 0,
            ssrc: 1,
            formats,
            height: 0,
        };
        room.publish(now, key, &publication)?;
        people.push(key);
    }
    let mut datagram = [0u8; 1500];
    let (mut copies, mut packets, mut sum) = (0u64, 0u64, 0u64);
    let payload = [7; 100];
    let rounds = 40_000_000 / (case.people * case.voices.min(case.slots)) / 8;
    let (mut spent, mut chunk) = (Duration::ZERO, (Duration::ZERO, 0));
    let mut chunks = Vec::new();
    for round in 0..rounds {
        now += Duration::from_millis(20);
        let begun = Instant::now();
        for n in 0..case.voices + case.open {
            let turn = if case.turns { round / 50 * 10 } else { 0 };
            let key = people[((n + turn) % case.people) as usize];
            let voice = n < case.voices;
            let packet = Packet {
                captured: None,
                playout: None,
                ssrc: 1,
                sequence: round as u16,
                timestamp: round.wrapping_mul(960),
                marker: false,
                payload_type: 111,
                level: Some(AudioLevel {
                    minus_dbov: if voice { 25 } else { 70 },
                    voice,
                }),
                payload: &payload,
            };
            packets += u64::from(voice);
            room.packet(now, key, &packet, &mut |forwarded| {
                let mut header = [0; MAX_HEADER];
                let head = forwarded.header.write(&mut header);
                datagram[..head].copy_from_slice(&header[..head]);
                datagram[head..head + forwarded.body.len()].copy_from_slice(forwarded.body);
                sum = sum.wrapping_add(u64::from(datagram[3]));
                copies += 1;
            });
        }
        let took = begun.elapsed();
        spent += took;
        chunk.0 += took;
        if round % 64 == 63 && copies > chunk.1 {
            chunks.push(chunk.0.as_secs_f64() * 1e9 / (copies - chunk.1) as f64);
            chunk = (Duration::ZERO, copies);
        }
        if room.timeout().is_some_and(|due| due <= now) {
            room.handle_timeout(now);
        }
        while room.poll_event().is_some() {}
    }
    let begun = Instant::now();
    for _ in 0..1000 {
        let key = room.join(now, &joining(case.people + 1))?;
        room.leave(now, key, &mut |_| {});
    }
    let joins = begun.elapsed().as_secs_f64() * 1e3;
    std::hint::black_box(sum);
    chunks.sort_by(f64::total_cmp);
    // The quickest tenth: what it costs while the machine does nothing else.
    let quick = chunks.get(chunks.len() / 10).copied().unwrap_or(f64::NAN);
    println!(
        "{:<20} {copies:>12} {quick:>10.1} {:>10.1} {:>14.1} {joins:>12.2}",
        case.name,
        spent.as_secs_f64() * 1e9 / copies.max(1) as f64,
        copies as f64 / packets as f64,
    );
    Ok(())
}
