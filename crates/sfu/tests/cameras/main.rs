//! Cameras and a screen through the service, over real sockets: layers of simulcast, and who is seen where.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../../tests/support/browser.rs"]
mod browser;
mod person;
#[allow(dead_code)]
#[path = "../voice/service.rs"]
mod service;

use std::time::Duration;

use browser::Browser;
use person::{Person, until};
use serde_json::{Value, json};
use service::Service;
use sidetone_media::transport::Transport;
use sidetone_media::video::Content;
use sidetone_sfu::room::{Media, Want};

const LONG: Duration = Duration::from_secs(20);

async fn people(service: &Service, count: u32) -> Vec<Person> {
    let room = service.room();
    let mut people = Vec::new();
    for number in 1..=count {
        people.push(Person::join(service, room, number).await);
    }
    people
}

#[test]
fn everybody_sees_the_others() {
    service::run(async {
        let service = Service::start();
        let mut people = people(&service, 3).await;
        people.iter().for_each(Person::show_camera);
        let seen = until(&mut people, LONG, |people| {
            people.iter().all(|person| {
                let others = (1..=3).filter(|number| *number != person.number);
                others.into_iter().all(|other| person.cameras(other) >= 20)
            })
        })
        .await;
        let stats: Vec<_> = people
            .iter()
            .map(|person| person.transport.video_stats())
            .collect();
        assert!(seen, "{stats:#?}");
        for person in &people {
            assert_eq!(
                person.mislabelled, 0,
                "the number of a picture is that of who sent it"
            );
            assert_eq!(person.cameras(person.number), 0, "nobody sees itself");
            assert_eq!(person.torn, 0, "every picture is whole");
        }
    });
}

#[test]
fn who_looks_closer_sees_more() {
    service::run(async {
        let service = Service::start();
        let mut people = people(&service, 2).await;
        let room = people[0].room;
        people[0].show_camera();
        let look = async |height: u16, layer: u8, people: &mut [Person]| {
            let want = Want {
                number: 1,
                media: Media::Video,
                height,
                pinned: true,
            };
            service.sfu.watch(room, 2, vec![want], None).unwrap();
            people[1].layers.clear();
            let found = until(people, LONG, |people| {
                people[1].layers.get(&layer).is_some_and(|frames| *frames > 20)
            })
            .await;
            let stats = service.stats(room).await;
            assert!(
                found,
                "{layer}: {:?} {:#?} {stats:#?}",
                people[1].layers,
                people[0].transport.video_stats()
            );
        };
        look(1080, 2, &mut people).await;
        look(90, 0, &mut people).await;
        look(1080, 2, &mut people).await;
        assert_eq!((people[1].mislabelled, people[1].torn), (0, 0));
        let stats = people[0].transport.video_stats();
        assert!(
            stats
                .outbound
                .iter()
                .take(3)
                .all(|layer| layer.counters.frames_sent > 20),
            "{stats:#?}"
        );
    });
}

#[test]
fn a_screen_is_seen_beside_a_camera() {
    service::run(async {
        let service = Service::start();
        let mut people = people(&service, 2).await;
        people[0].show_camera();
        people[0].show_screen();
        let seen = until(&mut people, LONG, |people| {
            people[1].cameras(1) >= 20 && people[1].screens >= 20
        })
        .await;
        let report = people[1].transport.video_stats();
        assert!(seen, "{report:#?}");
        // Its sender would have it shown at once, and says so through the room.
        let waited = |content| {
            let mut inbound = report.inbound.iter().filter(|stream| stream.content == content);
            inbound.any(|stream| stream.counters.jitter_buffer_target_delay > 0.0)
        };
        assert!(waited(Content::Camera) && !waited(Content::Screen), "{report:#?}");
        people[0].hide_screen();
        until(&mut people, Duration::from_millis(500), |_| false).await;
        let (before, screens) = (people[1].cameras(1), people[1].screens);
        assert!(until(&mut people, LONG, |people| people[1].cameras(1) >= before + 20).await);
        assert_eq!(people[1].screens, screens);
        assert_eq!((people[1].mislabelled, people[1].torn), (0, 0));
    });
}

/// The capture times of sound and pictures come through, so that the one waits for the other: of the same person, and only
/// while that is seen.
#[test]
fn a_talkers_sound_waits_for_the_talkers_pictures() {
    service::run(async {
        let service = Service::start();
        let mut people = people(&service, 3).await;
        people[0].show_camera();
        (people[0].speaks, people[1].speaks) = (true, true);
        people[2].late = Duration::from_millis(150);
        let waits = |people: &[Person], number| people[2].waits.get(&number).copied();
        let together = until(&mut people, LONG, |people| {
            waits(people, 1).is_some_and(|waits| waits > Duration::from_millis(120))
        });
        assert!(together.await, "{:?}", people[2].waits);
        until(&mut people, Duration::from_secs(2), |_| false).await;
        let behind = people[2].transport.video_stats().inbound[0].behind_sound;
        assert!(behind.is_some_and(|behind| behind.abs() < 0.030), "{behind:?}");
        assert_eq!(waits(&people, 2), Some(Duration::ZERO), "there is no camera");
        let timely = people[1].waits[&1];
        assert!(timely < Duration::from_millis(60), "{timely:?}");
        people[0].hide_camera();
        let alone = until(&mut people, LONG, |people| {
            waits(people, 1) == Some(Duration::ZERO)
        });
        assert!(alone.await, "{:?}", people[2].waits);
    });
}

/// Its layers, and pictures that a real decoder shows: we send the browser's own back to it.
#[test]
fn a_browser_sees_itself_by_way_of_us() {
    service::run(async {
        let service = Service::start();
        let room = service.room();
        let mut browser = Browser::start(include_str!("../voice/page.html"), "layers&pictures=1").await;
        service.admit(&mut browser, room, 1).await;
        let mut person = Person::join(&service, room, 2).await;
        let want = Want {
            number: 1,
            media: Media::Video,
            height: 90,
            pinned: true,
        };
        service.sfu.watch(room, 2, vec![want], None).unwrap();
        let mut stats = Value::Null;
        let listen = async {
            loop {
                let post = browser.post().await;
                assert_eq!(post.path, "/stats", "{}", post.body);
                stats = post.body.clone();
                post.answer(&json!({})).await;
            }
        };
        let sent = tokio::select! {
            sent = person.echo(Duration::from_secs(15)) => sent,
            () = listen => 0,
        };
        let ours = person.transport.video_stats();
        assert!(sent > 60 && person.cameras(1) > 100, "{sent} {ours:#?}");
        assert_eq!(person.cameras(0), 0, "every picture says whose it is");
        assert!(ours.inbound[0].counters.pli_count <= 5, "{ours:#?}");
        let mut entries = stats.as_array().unwrap().iter();
        let seen = entries.find(|entry| entry["type"] == "inbound-rtp" && entry["kind"] == "video");
        let seen = seen.unwrap_or_else(|| panic!("{stats}"));
        let decoded = seen["framesDecoded"].as_f64().unwrap_or(0.0);
        assert!(
            decoded > 0.7 * f64::from(sent),
            "{decoded} of {sent}: {seen} {ours:#?}"
        );
    });
}
