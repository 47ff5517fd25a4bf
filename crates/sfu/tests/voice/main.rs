//! Voices through the service, over real sockets: our client and a browser, in all pairs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;
mod service;

use std::time::Duration;

use client::Client;
use service::Service;
use sidetone_sfu::{Event, Rights};

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
            assert!(client.energy() > 1.0, "{}", client.energy());
            assert!(client.levels() > 100);
        }
        let participant = 1;
        assert!(service.events().contains(&Event::Connected { room, participant }));
        let stats = service.stats(room).await;
        assert_eq!(stats.participants.len(), 2);
        assert!(stats.participants.iter().all(|of| of.dropped == 0), "{stats:?}");
    });
}
