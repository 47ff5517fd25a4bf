//! Rooms on several threads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use sidetone_sfu::caller::{Caller, Camera};
use sidetone_sfu::{Config, Rights, RoomSettings, Sfu, SfuError};
use support::Phone;

#[test]
fn rooms_spread_over_shards_and_do_not_hear_each_other() {
    let config = Config {
        shards: 3,
        ..Config::default()
    };
    let sfu = Sfu::start(&config, |_| {}).unwrap();
    let link = support::link_config();
    let rooms: Vec<_> = (0..3)
        .map(|_| sfu.open_room(RoomSettings::default()).unwrap())
        .collect();
    let mut phones: Vec<Phone> = rooms
        .iter()
        .flat_map(|room| [1, 2].map(|number| Phone::join(&sfu, &link, *room, number, 2, Rights::ALL)))
        .collect();
    let ports: std::collections::HashSet<_> =
        phones.iter().map(|phone| phone.answered.addresses[0]).collect();
    assert_eq!(ports.len(), 3);
    assert_eq!(sfu.addresses().collect::<std::collections::HashSet<_>>(), ports);
    support::connect(&mut phones);
    // In the first room one talks, in the second both, in the third nobody.
    for _ in 0..20 {
        phones[0].talk();
        phones[2].talk();
        phones[3].talk();
        std::thread::sleep(Duration::from_millis(20));
        phones.iter_mut().for_each(Phone::poll);
    }
    std::thread::sleep(Duration::from_millis(50));
    phones.iter_mut().for_each(Phone::poll);
    let heard: Vec<u64> = phones.iter().map(|phone| phone.heard).collect();
    assert_eq!(heard, [0, 20, 20, 20, 0, 0]);
    let (answer, answered) = channel();
    let answer = Mutex::new(answer);
    sfu.load(move |stats| answer.lock().unwrap().send(stats).unwrap())
        .unwrap();
    for _ in 0..3 {
        let load = answered.recv().unwrap();
        assert_eq!((load.rooms, load.participants), (1, 2));
        assert_eq!(load.unsent, 0);
    }
}

#[test]
fn everybody_gets_every_packet_of_a_picture() {
    let sfu = Sfu::start(&Config::default(), |_| {}).unwrap();
    let room = sfu.open_room(RoomSettings::default()).unwrap();
    let link = support::link_config();
    let mut phones: Vec<Phone> = (0..31)
        .map(|number| {
            let camera = if number == 0 { Camera::Sends } else { Camera::Sees };
            let caller = Caller::new(&link, 1).with_camera(camera);
            Phone::join_as(&sfu, &link, room, number, caller, Rights::ALL)
        })
        .collect();
    support::connect(&mut phones);
    // The first keyframe makes the picture known, the next is that from which it is shown.
    for frame in 0..60 {
        phones[0].show(frame, 10, frame % 10 == 0);
        std::thread::sleep(Duration::from_millis(10));
        phones.iter_mut().for_each(Phone::poll);
    }
    let until = std::time::Instant::now() + Duration::from_secs(5);
    while phones[1..].iter().any(|phone| phone.heard < 500) && std::time::Instant::now() < until {
        phones.iter_mut().for_each(Phone::poll);
    }
    let heard: Vec<u64> = phones[1..].iter().map(|phone| phone.heard).collect();
    // Whole frames, from a keyframe on, and none is left out.
    assert!(
        heard.iter().all(|heard| *heard >= 500 && heard % 100 == 0),
        "{heard:?}"
    );
    let (answer, answered) = channel();
    let answer = Mutex::new(answer);
    sfu.load(move |stats| answer.lock().unwrap().send(stats).unwrap())
        .unwrap();
    assert_eq!(answered.recv().unwrap().unsent, 0);
}

#[test]
fn a_port_in_use_and_no_shards_are_told() {
    let sfu = Sfu::start(&Config::default(), |_| {}).unwrap();
    let config = Config {
        port: sfu.addresses().next().unwrap().port(),
        ..Config::default()
    };
    assert!(matches!(Sfu::start(&config, |_| {}), Err(SfuError::System(_))));
    let config = Config {
        shards: 0,
        ..Config::default()
    };
    assert!(matches!(Sfu::start(&config, |_| {}), Err(SfuError::Shards)));
}

#[test]
fn one_socket_serves_both_families() {
    let config = Config {
        bind: "::".parse().unwrap(),
        advertise: vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()],
        ..Config::default()
    };
    let sfu = Sfu::start(&config, |_| {}).unwrap();
    let room = sfu.open_room(RoomSettings::default()).unwrap();
    let link = support::link_config();
    let mut phones: Vec<Phone> = (1..3)
        .map(|number| Phone::join(&sfu, &link, room, number, 2, Rights::ALL))
        .collect();
    assert_eq!(phones[0].answered.addresses.len(), 2);
    // The second by the other address.
    phones[1].answered.addresses.reverse();
    phones[1].socket = std::net::UdpSocket::bind("[::1]:0").unwrap();
    phones[1].socket.set_nonblocking(true).unwrap();
    let local = phones[1].socket.local_addr().unwrap();
    phones[1].link = phones[1].caller.link(&link, &phones[1].answered, local);
    support::connect(&mut phones);
    for _ in 0..10 {
        phones.iter_mut().for_each(Phone::talk);
        std::thread::sleep(Duration::from_millis(20));
        phones.iter_mut().for_each(Phone::poll);
    }
    std::thread::sleep(Duration::from_millis(50));
    phones.iter_mut().for_each(Phone::poll);
    assert_eq!((phones[0].heard, phones[1].heard), (10, 10));
}
