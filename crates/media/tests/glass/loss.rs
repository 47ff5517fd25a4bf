//! Through an emulated network.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sidetone_media::pictures::Size;
use sidetone_media::video::Content::Camera;
use sidetone_netsim::relay::{Relay, free_address};
use sidetone_netsim::{Config, Loss};

use crate::studio::{End, config, until};
use crate::support::{connected, run};

#[test]
fn a_camera_is_seen_through_loss() {
    run(async {
        let conditions = Config::IDEAL
            .delay(Duration::from_millis(20))
            .loss(Loss::uniform(0.03));
        let (at_a, at_b) = (free_address().unwrap(), free_address().unwrap());
        let relay = Relay::start(conditions, conditions, 7, at_a, at_b).unwrap();
        let end = |bind: SocketAddr, advertise| {
            let mut config = config();
            config.bind = vec![bind];
            config.advertise = Some(advertise);
            config
        };
        let (a, b) = connected(end(at_a, relay.toward_a()), end(at_b, relay.toward_b())).await;
        let epoch = Instant::now();
        let (a, b) = (End::new(a, epoch), End::new(b, epoch));
        let _camera = a.film(Camera, Size::P360, 30);
        assert!(until(|| b.eyes.count(Camera) > 240).await, "{:#?}", b.card());
        let card = b.card();
        let counters = &card.inbound[0].counters;
        b.eyes.sight(Camera, |sight| {
            let (median, most) = sight.glass_to_glass();
            let likeness = sight.likeness(Size::P360);
            println!(
                "3 % loss, 20 ms: {likeness:.1} dB, glass to glass p50 {median:?} p95 {most:?}, {} freezes, {:.2} s",
                counters.freeze_count, counters.total_freezes_duration
            );
            // What was lost was sent again, so that what is decoded is what was coded.
            assert!(likeness > 26.0, "{likeness} dB");
            assert!(sight.frames.is_sorted());
        });
        assert!(counters.frames_assembled_from_retransmissions > 0, "{counters:?}");
        assert_eq!(card.inbound[0].frames_corrupted, 0);
    });
}
