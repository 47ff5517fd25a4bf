//! A speaker whose clock stands still, as a sound server without a processor does: the playout worker waits for it,
//! and still does what it is told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use sidetone_media::device::headless::{HeadlessOutput, ManualClock, Pacing, Silence};
use sidetone_media::packet::VoicePacket;
use sidetone_media::voice::{Processing, VOICE_FORMAT, VoiceConfig, VoiceEngine};
use sidetone_pipeline::Pool;

#[test]
fn a_speaker_that_stands_still_is_waited_for() {
    let now = Instant::now();
    // Nobody will ever move this clock.
    let clock = ManualClock::new(now);
    let speaker = HeadlessOutput::new("still", VOICE_FORMAT, Silence)
        .unwrap()
        .paced(Pacing::Manual(clock));
    let config = VoiceConfig {
        processing: Processing::OFF,
        ..VoiceConfig::default()
    };
    let pool = Pool::new(8, || VoicePacket::empty(now));
    let engine =
        VoiceEngine::start(config, pool, Box::new(Silence::input()), Box::new(speaker), || {}).unwrap();
    let patience = Instant::now() + Duration::from_secs(30);
    while engine.stats().playout.blocks == 0 {
        assert!(
            Instant::now() < patience,
            "the worker never came to publish what it did"
        );
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(Duration::from_millis(800));
    let blocks = engine.stats().playout.blocks;
    assert!(
        blocks < 1000,
        "{blocks} blocks were pulled for a speaker that took none"
    );
    let (done, ended) = channel();
    thread::spawn(move || {
        drop(engine);
        done.send(()).unwrap();
    });
    ended
        .recv_timeout(Duration::from_secs(30))
        .expect("the worker ends when told to");
}
