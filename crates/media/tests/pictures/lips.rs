//! Sound and pictures of one end, played together.

use std::time::{Duration, Instant};

use sidetone_media::transport::video::PlayedSound;
use sidetone_media::video::Codec;

use crate::studio::{CAMERA, pair};
use crate::support::run;

/// Pictures are shown so much later than they come, as where decoding is slow: the sound is told to wait.
#[test]
fn sound_waits_for_pictures_that_are_late() {
    run(async {
        let late = Duration::from_millis(200);
        let (mut a, b) = pair(&[Codec::Vp8], &[Codec::Vp8]).await;
        a.video.camera[0].set_demand(Some(CAMERA));
        let mut clock = tokio::time::interval(Duration::from_millis(20));
        let (mut sequence, mut waits) = (0u16, Duration::ZERO);
        let end = Instant::now() + Duration::from_secs(15);
        while Instant::now() < end && waits < Duration::from_millis(150) {
            clock.tick().await;
            let packet = a.peer.packet(sequence, b"voice");
            a.peer.voice.outgoing.push(packet);
            sequence += 1;
            if sequence.is_multiple_of(2) {
                a.camera.tick(&a.video.camera[0]);
            }
            let lips = b.peer.voice.lips.as_ref().unwrap();
            while let Some(packet) = b.peer.voice.incoming.pop() {
                // A jitter buffer that does what it is told.
                lips.played(PlayedSound {
                    slot: 0,
                    ssrc: packet.ssrc,
                    participant: None,
                    timestamp: packet.timestamp,
                    delay: waits,
                    needed: Duration::ZERO,
                    at: packet.at + waits,
                });
            }
            let seen = &b.video.remote[0];
            while let Some(frame) = seen.pop() {
                seen.decoded(frame.key);
                seen.shown(frame.timestamp, frame.due + late);
            }
            waits = b.peer.voice.lips.as_ref().unwrap().minimum_delay(0);
        }
        assert!(waits >= Duration::from_millis(150), "it waits {waits:?}");
        assert!(
            waits <= late + Duration::from_millis(60),
            "and no longer than it must: {waits:?}"
        );
    });
}
