//! Pictures through an emulated network.

use std::net::SocketAddr;
use std::time::Duration;

use sidetone_media::transport::Transport;
use sidetone_media::video::Codec;
use sidetone_netsim::relay::{Relay, free_address};
use sidetone_netsim::{Config, Loss};

use crate::studio::{CAMERA, End, config, run_until};
use crate::support::connected;
use crate::support::run;

/// Two ends that reach each other only through the emulator.
async fn through(conditions: Config, seed: u64) -> (End, End, Relay) {
    let (at_a, at_b) = (free_address().unwrap(), free_address().unwrap());
    let relay = Relay::start(conditions, conditions, seed, at_a, at_b).unwrap();
    let end = |bind: SocketAddr, advertise| {
        let mut config = config(&[Codec::Vp8]);
        config.bind = vec![bind];
        config.advertise = Some(advertise);
        config
    };
    let (a, b) = connected(end(at_a, relay.toward_a()), end(at_b, relay.toward_b())).await;
    (End::new(a), End::new(b), relay)
}

#[test]
fn what_is_lost_is_sent_again() {
    run(async {
        let conditions = Config::IDEAL
            .delay(Duration::from_millis(20))
            .loss(Loss::uniform(0.03));
        let (mut a, mut b, _relay) = through(conditions, 3).await;
        a.video.camera[0].set_demand(Some(CAMERA));
        let seen = |_: &End, b: &End| b.sees_camera.seen.len() >= 240;
        let done = run_until(&mut a, &mut b, Duration::from_secs(30), seen).await;
        run_until(&mut a, &mut b, Duration::from_millis(600), |_, _| false).await;
        let (out, stats) = (a.peer.transport.video_stats(), b.peer.transport.video_stats());
        assert!(done, "{stats:?}");
        let (sent, got) = (&out.outbound[0].counters, &stats.inbound[0].counters);
        assert!(
            b.sees_camera
                .seen
                .iter()
                .all(|frame| a.camera.sent.contains(frame))
        );
        assert!(
            sent.nack_count > 0 && sent.retransmitted_packets_sent > 0,
            "{sent:?}"
        );
        assert!(got.retransmitted_packets_received > 0, "{got:?}");
        assert!(got.frames_assembled_from_retransmissions > 0, "{got:?}");
        assert!(sent.key_frames_sent <= 3, "packets, not key frames: {sent:?}");
        let share = b.sees_camera.seen.len() as f64 / a.camera.sent.len() as f64;
        assert!(share > 0.95, "{share} of all were seen: {got:?} {sent:?}");
        assert_eq!(stats.packets_discarded, 0);
    });
}
