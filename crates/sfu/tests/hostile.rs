//! What people and networks do to a service: what is not right is dropped and counted, and nobody else is harmed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::net::UdpSocket;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sidetone_sfu::caller::Caller;
use sidetone_sfu::link::LinkConfig;
use sidetone_sfu::{Config, JoinError, Limits, Rights, RoomId, RoomSettings, Sfu, SfuError, ShardStats};
use support::Phone;

struct Place {
    sfu: Sfu,
    room: RoomId,
    config: LinkConfig,
}

impl Place {
    fn new(limits: Limits) -> Self {
        let config = Config {
            limits,
            ..Config::default()
        };
        let sfu = Sfu::start(&config, |_| {}).unwrap();
        let room = sfu.open_room(RoomSettings::default()).unwrap();
        Self {
            sfu,
            room,
            config: support::link_config(),
        }
    }

    fn phones(&self, count: u32) -> Vec<Phone> {
        let mut phones: Vec<Phone> = (0..count)
            .map(|number| Phone::join(&self.sfu, &self.config, self.room, number, 4, Rights::ALL))
            .collect();
        support::connect(&mut phones);
        phones
    }

    fn load(&self) -> ShardStats {
        let (answer, answered) = channel();
        let answer = std::sync::Mutex::new(answer);
        self.sfu
            .load(move |stats| answer.lock().unwrap().send(stats).unwrap())
            .unwrap();
        answered.recv().unwrap()
    }
}

/// The first talks for some rounds of 20 ms, and between them `each` happens. Gives what the second heard.
fn heard(phones: &mut [Phone], rounds: usize, mut each: impl FnMut(&mut [Phone])) -> u64 {
    let before = phones[1].heard;
    for _ in 0..rounds {
        phones[0].talk();
        each(phones);
        std::thread::sleep(Duration::from_millis(20));
        phones.iter_mut().for_each(Phone::poll);
    }
    std::thread::sleep(Duration::from_millis(50));
    phones.iter_mut().for_each(Phone::poll);
    phones[1].heard - before
}

#[test]
fn noise_from_anywhere_disturbs_nobody() {
    let place = Place::new(Limits::default());
    let mut phones = place.phones(3);
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let target = phones[0].answered.addresses[0];
    let heard = heard(&mut phones, 50, |phones| {
        for _ in 0..40 {
            // Of any size, more than a frame among them, and with the first byte of every protocol.
            let mut noise: Vec<u8> = (0..random.random_range(0..3_000))
                .map(|_| random.random())
                .collect();
            if let Some(first) = noise.first_mut() {
                *first = [0, 1, 22, 128, 144, 200][random.random_range(0..6)];
            }
            let _ = stranger.send_to(&noise, target);
            let _ = phones[2].socket.send_to(&noise, target);
        }
    });
    assert_eq!(heard, 50);
    let load = place.load();
    assert!(
        load.unknown > 1_000 && load.refused > 300 && load.oversized > 300,
        "{load:?}"
    );
    assert!(phones.iter().all(Phone::is_connected));
    // A stranger that knows whom a check is for, but not the password, gets no answer.
    let ufrag = &phones[0].answered.remote.credentials.ufrag;
    let mut check = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    check.extend([9; 12]);
    let name = format!("{ufrag}:abcd");
    check.extend([0, 6, 0, name.len() as u8]);
    check.extend(name.as_bytes());
    check.resize(check.len().next_multiple_of(4), 0);
    check.extend([0, 0x24, 0, 4, 1, 2, 3, 4, 0, 8, 0, 20]);
    check.extend([5; 20]);
    let length = (check.len() - 20) as u16;
    check[2..4].copy_from_slice(&length.to_be_bytes());
    stranger.send_to(&check, target).unwrap();
    stranger
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    assert!(stranger.recv_from(&mut [0; 100]).is_err(), "answered");
    assert_eq!(place.load().refused, load.refused + 1);
}

#[test]
fn a_flood_is_cut_and_the_others_are_heard() {
    let place = Place::new(Limits {
        packets_per_second: 200,
        ..Limits::default()
    });
    let mut phones = place.phones(3);
    let heard = heard(&mut phones, 50, |phones| {
        for _ in 0..60 {
            phones[2].talk();
        }
    });
    // Somebody who floods may take a slot, and no more of it than the limits.
    let stats = support::stats(&place.sfu, place.room);
    let of = |number| stats.participants.iter().find(|of| of.number == number).unwrap();
    assert!(of(2).flooded > 2_000, "{stats:?}");
    assert_eq!((of(0).flooded, of(0).packets_received), (0, 50));
    assert!(heard >= 50, "{heard}");
}

#[test]
fn two_of_one_source_do_not_meet() {
    let place = Place::new(Limits::default());
    let mut phones = place.phones(3);
    phones[2].caller.ssrc = phones[0].caller.ssrc;
    let heard = heard(&mut phones, 25, |phones| phones[2].talk());
    assert_eq!(heard, 50);
    assert_eq!(support::stats(&place.sfu, place.room).counters.duplicate, 0);
}

#[test]
fn a_second_join_replaces_the_first() {
    let place = Place::new(Limits::default());
    let mut phones = place.phones(2);
    let mut again = vec![Phone::join(
        &place.sfu,
        &place.config,
        place.room,
        0,
        4,
        Rights::ALL,
    )];
    support::connect(&mut again);
    let before = place.load().unknown;
    // The first talks to nobody, and the second is heard.
    assert_eq!(heard(&mut phones, 10, |_| {}), 0);
    assert!(place.load().unknown >= before + 10);
    std::mem::swap(&mut phones[0], &mut again[0]);
    assert_eq!(heard(&mut phones, 10, |_| {}), 10);
    assert_eq!(support::stats(&place.sfu, place.room).participants.len(), 2);
}

#[test]
fn who_moves_to_another_address_is_heard_there_after_a_check() {
    let place = Place::new(Limits::default());
    let mut phones = place.phones(2);
    assert_eq!(heard(&mut phones, 10, |_| {}), 10);
    // Both ends' addresses change, as behind a network that forgets.
    for phone in &mut phones {
        phone.socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        phone.socket.set_nonblocking(true).unwrap();
    }
    let start = Instant::now();
    while heard(&mut phones, 10, |_| {}) < 10 {
        assert!(start.elapsed() < Duration::from_secs(30), "never");
    }
}

#[test]
fn who_may_not_speak_is_not_heard_and_who_left_neither() {
    let place = Place::new(Limits::default());
    let mut phones = place.phones(2);
    place.sfu.set_rights(place.room, 0, Rights::LISTENER).unwrap();
    assert_eq!(heard(&mut phones, 10, |_| {}), 0);
    place.sfu.set_rights(place.room, 0, Rights::ALL).unwrap();
    assert_eq!(heard(&mut phones, 10, |_| {}), 10);
    place.sfu.leave(place.room, 0).unwrap();
    assert_eq!(heard(&mut phones, 10, |_| {}), 0);
    place.sfu.close_room(place.room).unwrap();
    let (answer, answered) = channel();
    let offer = phones[0].caller.offer();
    place.sfu.join(place.room, 5, &offer, Rights::ALL, move |result| {
        answer.send(result).unwrap()
    });
    assert_eq!(answered.recv().unwrap(), Err(JoinError::NoRoom));
    assert_eq!((place.load().rooms, place.load().participants), (0, 0));
}

#[test]
fn an_ice_restart_keeps_the_voice() {
    let place = Place::new(Limits::default());
    let mut phones = place.phones(2);
    assert_eq!(heard(&mut phones, 10, |_| {}), 10);
    let (answer, answered) = channel();
    let renewed = phones[0].caller.clone().renewed();
    let reply = move |result| answer.send(result).unwrap();
    place.sfu.restart(place.room, 0, &renewed.offer(), reply);
    let answer = answered.recv().unwrap().unwrap();
    // Until the new checks come, the old address serves.
    assert_eq!(heard(&mut phones, 10, |_| {}), 10);
    assert!(answer.contains("a=ice-lite"));
    assert_ne!(
        sidetone_sfu::caller::Answered::parse(&answer)
            .unwrap()
            .remote
            .credentials,
        phones[0].answered.remote.credentials
    );
}

#[test]
fn another_offer_changes_the_slots_and_the_voices_go_on() {
    let place = Place::new(Limits::default());
    let mut phones = place.phones(2);
    assert_eq!(heard(&mut phones, 10, |_| {}), 10);
    for phone in [0, 1] {
        let (answer, answered) = channel();
        let again = phones[phone].caller.clone().with_slots(6);
        let reply = move |result| answer.send(result).unwrap();
        place.sfu.restart(place.room, phone as u32, &again.offer(), reply);
        let answer = answered.recv().unwrap().unwrap();
        let answered = sidetone_sfu::caller::Answered::parse(&answer).unwrap();
        assert_eq!(answered.slots.len(), 6);
        assert!(
            !answered.slots.contains(&phones[phone].answered.slots[0]),
            "new sources"
        );
        assert_eq!(
            answered.remote.credentials, phones[phone].answered.remote.credentials,
            "the same link"
        );
        assert_eq!(heard(&mut phones, 10, |_| {}), 10);
    }
    assert!(phones[1].heard == 30, "{}", phones[1].heard);
}

#[test]
fn who_never_comes_is_lost() {
    let (said, events) = channel();
    let limits = Limits {
        consent: Duration::from_millis(300),
        ..Limits::default()
    };
    let config = Config {
        limits,
        ..Config::default()
    };
    let said = std::sync::Mutex::new(said);
    let sfu = Sfu::start(&config, move |event| said.lock().unwrap().send(event).unwrap()).unwrap();
    let room = sfu.open_room(RoomSettings::default()).unwrap();
    let config = support::link_config();
    let _phone = Phone::join(&sfu, &config, room, 9, 1, Rights::ALL);
    let lost = events.recv_timeout(Duration::from_secs(20)).unwrap();
    let participant = 9;
    assert_eq!(lost, sidetone_sfu::Event::Lost { room, participant });
}

#[test]
fn nobody_takes_the_address_of_another() {
    let place = Place::new(Limits::default());
    let mut phones = place.phones(2);
    // A participant that forges the first one's address: its checks have the right password, and come from there.
    let mut thief = Phone::join(&place.sfu, &place.config, place.room, 9, 4, Rights::ALL);
    let address = phones[0].socket.local_addr().unwrap();
    thief.link = thief.caller.link(&place.config, &thief.answered, address);
    let (mut buffer, mut answered) = ([0; 1_500], 0);
    let heard = heard(&mut phones, 100, |phones| {
        let victim = &mut phones[0];
        let (now, socket) = (Instant::now(), &victim.socket);
        let send = &mut |to, datagram: &[u8]| _ = socket.send_to(datagram, to);
        thief.link.timeout(now, send);
        std::thread::sleep(Duration::from_millis(5));
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let datagram = &mut buffer[..length];
            // It sees what comes there, too: the best case for it.
            if victim.link.receive(now, from, datagram, send).is_err() {
                answered += usize::from(thief.link.receive(now, from, datagram, send).is_ok());
            }
        }
    });
    assert!(answered > 0, "its checks are right");
    assert_eq!(heard, 100, "and the other one keeps its way");
    let stats = support::stats(&place.sfu, place.room);
    let of = |number| stats.participants.iter().find(|of| of.number == number).unwrap();
    assert!(!of(9).connected && !thief.is_connected());
    assert!(of(0).connected && of(0).packets_received >= 100);
}

#[test]
fn more_commands_than_may_wait_are_refused() {
    let place = Place::new(Limits {
        commands: 4,
        ..Limits::default()
    });
    let (hold, held) = channel::<()>();
    let (stands, standing) = channel();
    let (held, stands) = (std::sync::Mutex::new(held), std::sync::Mutex::new(stands));
    // The shard stands still in here.
    let stop = move |_| {
        stands.lock().unwrap().send(()).unwrap();
        let _ = held.lock().unwrap().recv();
    };
    place.sfu.load(stop).unwrap();
    standing.recv().unwrap();
    let caller = Caller::new(&place.config, 1);
    let (answer, answered) = channel();
    let join = |number| {
        let answer = answer.clone();
        let reply = move |result: Result<String, JoinError>| answer.send((number, result)).unwrap();
        place
            .sfu
            .join(place.room, number, &caller.offer(), Rights::ALL, reply);
    };
    (1..=5).for_each(join);
    assert_eq!(answered.recv().unwrap(), (5, Err(JoinError::Busy)), "at once");
    assert!(matches!(place.sfu.leave(place.room, 7), Err(SfuError::Busy)));
    hold.send(()).unwrap();
    for expected in 1..=4 {
        let (number, result) = answered.recv().unwrap();
        assert!(number == expected && result.is_ok(), "{result:?}");
    }
}
