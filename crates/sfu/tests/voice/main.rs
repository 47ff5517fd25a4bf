//! Voices through the service, over real sockets: our client and a browser, in all pairs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../../tests/support/browser.rs"]
mod browser;
mod client;
mod service;

use std::time::Duration;

use browser::Browser;
use client::Client;
use serde_json::{Value, json};
use service::Service;
use sidetone_netsim::relay::{Peer, Relay};
use sidetone_sfu::room::{Media, Want};
use sidetone_sfu::{Event, Rights};

/// What the browser runs.
const PAGE: &str = include_str!("page.html");

#[test]
fn two_clients_hear_each_other_and_nothing_is_lost() {
    service::run(async {
        let service = Service::start();
        let room = service.room();
        let mut a = Client::join(&service, room, 1, Rights::ALL).await;
        let mut b = Client::join(&service, room, 2, Rights::ALL).await;
        a.connected().await;
        b.connected().await;
        client::talk(&mut [&mut a, &mut b], Duration::from_secs(4)).await;
        for client in [&a, &b] {
            let stats = client.transport_stats();
            assert!(client.sent() > 150, "{stats:?}");
            // Those that were sent while the other end was still connecting are nobody's loss.
            assert!(stats.packets_received + 20 > client.sent(), "{stats:?}");
            assert_eq!((stats.packets_lost, stats.packets_discarded), (0, 0), "{stats:?}");
            // A tone of 0.3 is as loud as that when it is heard, and is said to be.
            let loudness = client.loudness() / (0.3 / 2f32.sqrt());
            assert!((0.7..1.4).contains(&loudness), "{loudness}");
            assert!(client.levels() > 100);
            assert!((10..=17).contains(&client.level()), "{}", client.level());
            let heard = client.heard().jitter;
            let concealed = heard.concealed_samples as f64 / heard.total_samples_received as f64;
            assert!(concealed < 0.05, "{heard:?}");
        }
        let participant = 1;
        assert!(service.events().contains(&Event::Connected { room, participant }));
        let stats = service.stats(room).await;
        assert_eq!(stats.participants.len(), 2);
        assert!(stats.participants.iter().all(|of| of.dropped == 0), "{stats:?}");
    });
}

#[test]
fn a_client_that_restarts_its_connection_loses_nothing() {
    service::run(async {
        let service = Service::start();
        let room = service.room();
        let mut a = Client::join(&service, room, 1, Rights::ALL).await;
        let mut b = Client::join(&service, room, 2, Rights::ALL).await;
        a.connected().await;
        b.connected().await;
        client::talk(&mut [&mut a, &mut b], Duration::from_secs(1)).await;
        a.restart(&service, room, 1).await;
        client::talk(&mut [&mut a, &mut b], Duration::from_secs(3)).await;
        let (ours, theirs) = (a.transport_stats(), b.transport_stats());
        // What it sends while it opens new sockets is its own loss, and no more than the sockets take.
        assert!(theirs.packets_received + 40 > a.sent(), "{ours:?} {theirs:?}");
        assert!(ours.packets_received + 40 > b.sent(), "{ours:?} {theirs:?}");
        let participants = service.stats(room).await.participants;
        assert!(participants.iter().all(|of| of.connected), "{participants:?}");
    });
}

#[test]
fn browsers_see_each_other_and_a_screen() {
    service::run(async {
        let service = Service::start();
        let room = service.room();
        let mut browsers = Vec::new();
        for (number, query) in [
            (1, "layers&pictures=2&slides"),
            (2, "camera&screen&pictures=2&slides"),
        ] {
            let mut browser = Browser::start(PAGE, query).await;
            service.admit(&mut browser, room, number).await;
            browsers.push(browser);
        }
        // The second wants the first large.
        let want = Want {
            number: 1,
            media: Media::Video,
            height: 720,
            pinned: true,
        };
        service.sfu.watch(room, 2, vec![want], None).unwrap();
        let mut latest = vec![Value::Null; 2];
        let end = std::time::Instant::now() + Duration::from_secs(15);
        while std::time::Instant::now() < end {
            for (browser, latest) in browsers.iter_mut().zip(&mut latest) {
                let post = browser.post().await;
                assert_eq!(post.path, "/stats", "{}", post.body);
                *latest = post.body.clone();
                post.answer(&json!({})).await;
            }
        }
        let pictures = |stats: &Value| {
            let entries = stats.as_array().unwrap().iter();
            let pictures = entries.filter(|entry| entry["type"] == "inbound-rtp" && entry["kind"] == "video");
            let decoded = pictures.filter(|entry| {
                entry["framesDecoded"]
                    .as_f64()
                    .is_some_and(|frames| frames > 50.0)
            });
            decoded.cloned().collect::<Vec<_>>()
        };
        let stats = service.stats(room).await;
        // Browsers tell of each packet that they get.
        assert!(
            stats.participants.iter().all(|of| of.packets_told > 100),
            "{stats:?}"
        );
        let (first, second) = (pictures(&latest[0]), pictures(&latest[1]));
        assert!(
            second[0]["frameWidth"].as_f64() >= Some(640.0),
            "a larger layer: {second:?}"
        );
        let shown = |participant, shown| {
            let mut events = service.events().into_iter();
            events.any(|event| {
                matches!(event, Event::Shown { participant: to, shown: of, .. } if to == participant && of == Some(shown))
            })
        };
        assert!(shown(1, 2) && shown(2, 1), "{:?}", service.events());
        // The first sees the camera and the screen of the second, which sees the first.
        assert_eq!((first.len(), second.len()), (2, 1), "{stats:?} {latest:?}");
        for picture in first.iter().chain(&second) {
            assert_eq!(picture["packetsLost"], 0, "{picture}");
            assert!(picture["freezeCount"].as_f64().unwrap() < 5.0, "{picture}");
        }
    });
}

#[test]
fn pictures_get_through_loss() {
    service::run(async {
        let service = Service::start();
        let room = service.room();
        let lossy = sidetone_netsim::Config {
            delay: Duration::from_millis(20),
            loss: sidetone_netsim::Loss::Uniform { probability: 0.05 },
            ..sidetone_netsim::Config::IDEAL
        };
        let own = service.sfu.addresses().next().unwrap();
        let relays = [5, 6].map(|seed| Relay::start(lossy, lossy, seed, own, Peer::Learned).unwrap());
        let mut sender = Browser::start(PAGE, "layers").await;
        service.admit_by(&mut sender, room, 1, relays[0].toward_a()).await;
        let mut receiver = Browser::start(PAGE, "pictures=1").await;
        service
            .admit_by(&mut receiver, room, 2, relays[1].toward_a())
            .await;
        let mut latest = [Value::Null, Value::Null];
        let end = std::time::Instant::now() + Duration::from_secs(15);
        while std::time::Instant::now() < end {
            for (browser, latest) in [&mut sender, &mut receiver].into_iter().zip(&mut latest) {
                let post = browser.post().await;
                assert_eq!(post.path, "/stats", "{}", post.body);
                *latest = post.body.clone();
                post.answer(&json!({})).await;
            }
        }
        let [sent, latest] = latest;
        let counters = service.stats(room).await.counters;
        let mut entries = latest.as_array().unwrap().iter();
        let picture = entries.find(|entry| entry["type"] == "inbound-rtp" && entry["kind"] == "video");
        let picture = picture.unwrap_or_else(|| panic!("{latest}"));
        let count = |name: &str| {
            picture[name]
                .as_f64()
                .unwrap_or_else(|| panic!("no {name} in {picture}"))
        };
        assert!(count("nackCount") > 5.0, "{picture}");
        assert!(count("retransmittedPacketsReceived") > 5.0, "{picture}");
        assert!(counters.resent > 5, "{counters:?}");
        // The sender has been asked as well, and has repeated.
        let repeated = sent.as_array().unwrap().iter();
        let repeated = repeated
            .filter_map(|entry| entry["retransmittedPacketsSent"].as_f64())
            .sum::<f64>();
        assert!(repeated > 5.0, "{sent}");
        // What was lost came again in time: it moves on. Frames that others do not need are left out where what they lack
        // was lost between the sender and us, for which their receiver does not wait.
        let frames = count("framesDecoded") / count("totalInterFrameDelay");
        println!(
            "{frames:.1} frames a second of 20, frozen for {} s",
            count("totalFreezesDuration")
        );
        assert!(frames > 15.0, "{picture}");
        // A layer that the sender switches off because of the loss is replaced within half a second.
        assert!(count("totalFreezesDuration") < 1.5, "{picture}");
    });
}

#[test]
fn a_thin_path_carries_a_smaller_picture_and_no_queue() {
    service::run(async {
        let service = Service::start();
        let room = service.room();
        let wide = sidetone_netsim::Config {
            delay: Duration::from_millis(10),
            ..sidetone_netsim::Config::IDEAL
        };
        let thin = wide.rate(sidetone_netsim::Rate {
            bits_per_second: 300_000.try_into().unwrap(),
            queue: sidetone_netsim::Queue::Time {
                wait: Duration::from_secs(2),
            },
        });
        let own = service.sfu.addresses().next().unwrap();
        // What goes to the participant is what the relay carries from us.
        let relay = Relay::start(thin, wide, 7, own, Peer::Learned).unwrap();
        let mut sender = Browser::start(PAGE, "layers").await;
        service.admit(&mut sender, room, 1).await;
        let mut receiver = Browser::start(PAGE, "pictures=1").await;
        service.admit_by(&mut receiver, room, 2, relay.toward_a()).await;
        let want = Want {
            number: 1,
            media: Media::Video,
            height: 720,
            pinned: true,
        };
        service.sfu.watch(room, 2, vec![want], None).unwrap();
        let mut latest = Value::Null;
        let mut before = None;
        let end = std::time::Instant::now() + Duration::from_secs(20);
        while std::time::Instant::now() < end {
            for browser in [&mut sender, &mut receiver] {
                let post = browser.post().await;
                assert_eq!(post.path, "/stats", "{}", post.body);
                latest = post.body.clone();
                post.answer(&json!({})).await;
            }
            let halfway = end - std::time::Instant::now() < Duration::from_secs(8);
            if halfway && before.is_none() {
                before = Some(latest.clone());
            }
        }
        let frames = |stats: &Value| {
            let mut entries = stats.as_array().unwrap().iter();
            let picture = entries.find(|entry| entry["type"] == "inbound-rtp" && entry["kind"] == "video");
            picture
                .and_then(|picture| picture["framesDecoded"].as_f64())
                .unwrap_or(0.0)
        };
        let stats = service.stats(room).await;
        let of = stats.participants.iter().find(|of| of.number == 2).unwrap();
        // It may try half as much again as what comes through.
        assert!(of.available.is_some_and(|bits| bits < 480_000), "{of:?}");
        // Pictures go on, and nothing waits long.
        assert!(frames(&latest) - frames(&before.unwrap()) > 40.0, "{latest}");
        assert!(of.round_trip.is_some_and(|trip| trip < 300_000), "{of:?}");
    });
}

#[test]
fn a_browser_takes_a_pause_for_a_pause() {
    service::run(async {
        let service = Service::start();
        let room = service.room();
        let mut browser = Browser::start(PAGE, "").await;
        service.admit(&mut browser, room, 7).await;
        let mut client = Client::join(&service, room, 1, Rights::ALL).await;
        client.connected().await;
        let mut stats = Value::Null;
        let mut clock = tokio::time::interval(Duration::from_millis(10));
        let start = std::time::Instant::now();
        while start.elapsed() < Duration::from_secs(12) {
            tokio::select! {
                _ = clock.tick() => {
                    // Two seconds of every three nothing is said.
                    client.pauses = !start.elapsed().as_secs().is_multiple_of(3);
                    client.tick();
                }
                post = browser.post() => {
                    assert_eq!(post.path, "/stats", "{}", post.body);
                    stats = post.body.clone();
                    post.answer(&json!({})).await;
                }
            }
        }
        let heard = stats.as_array().unwrap().iter().find(|entry| {
            entry["type"] == "inbound-rtp"
                && entry["packetsReceived"].as_f64().is_some_and(|count| count > 0.0)
        });
        let heard = heard.unwrap_or_else(|| panic!("{stats}"));
        println!("{heard}");
        assert!(heard["packetsReceived"].as_f64().unwrap() < 400.0, "{heard}");
        assert_eq!(heard["packetsLost"], 0, "{heard}");
        // Eight seconds of pauses.
        assert!(
            heard["totalSamplesReceived"].as_f64().unwrap() > 400_000.0,
            "{heard}"
        );
        assert!(heard["concealedSamples"].as_f64().unwrap() < 4_800.0, "{heard}");
    });
}

#[test]
fn a_browser_and_our_client_hear_each_other() {
    service::run(async {
        let service = Service::start();
        let room = service.room();
        let mut browser = Browser::start(PAGE, "").await;
        service.admit(&mut browser, room, 7).await;
        let mut client = Client::join(&service, room, 1, Rights::ALL).await;
        client.connected().await;
        let mut stats = Value::Null;
        let mut clock = tokio::time::interval(Duration::from_millis(10));
        let end = std::time::Instant::now() + Duration::from_secs(8);
        while std::time::Instant::now() < end {
            tokio::select! {
                _ = clock.tick() => client.tick(),
                post = browser.post() => {
                    assert_eq!(post.path, "/stats", "{}", post.body);
                    stats = post.body.clone();
                    post.answer(&json!({})).await;
                }
            }
        }
        let ours = client.transport_stats();
        let room_stats = service.stats(room).await;
        let of = |number| {
            room_stats
                .participants
                .iter()
                .find(|of| of.number == number)
                .unwrap()
        };
        assert!(of(7).packets_received > 350, "{room_stats:?}");
        // The pauses between the browser's beeps stay in the room.
        assert!(ours.packets_received > 100, "{ours:?}");
        assert_eq!((ours.packets_lost, ours.packets_discarded), (0, 0), "{ours:?}");
        assert!(
            client.energy() > 1.0 && client.levels() > 100,
            "{:?}",
            client.heard()
        );
        let heard = stats.as_array().unwrap().iter().find(|entry| {
            entry["type"] == "inbound-rtp"
                && entry["packetsReceived"].as_f64().is_some_and(|count| count > 0.0)
        });
        let heard = heard.unwrap_or_else(|| panic!("{stats}"));
        assert!(heard["packetsReceived"].as_f64().unwrap() > 200.0, "{heard}");
        assert_eq!(heard["packetsLost"], 0, "{heard}");
        assert!(heard["totalAudioEnergy"].as_f64().unwrap() > 0.0, "{heard}");
        // A tenth of a second, where the machine was busy elsewhere.
        assert!(heard["concealedSamples"].as_f64().unwrap() < 4_800.0, "{heard}");
        assert!(
            room_stats.participants.iter().all(|of| of.dropped == 0),
            "{room_stats:?}"
        );
        assert!(
            of(7).round_trip.is_some() && of(1).round_trip.is_some(),
            "{room_stats:?}"
        );
        // And each sender is told how its packets fare.
        let entries = stats.as_array().unwrap();
        let told = entries
            .iter()
            .find(|entry| entry["type"] == "remote-inbound-rtp")
            .unwrap();
        assert_eq!(told["packetsLost"], 0, "{told}");
        assert!(
            told["roundTripTimeMeasurements"].as_f64().unwrap() > 0.0,
            "{told}"
        );
        assert!(ours.remote_round_trip_time.is_some(), "{ours:?}");
        assert!(ours.available_outgoing_bitrate > Some(20_000), "{ours:?}");
    });
}
