//! The voice path against a browser: another ICE, DTLS, jitter buffer and codec than ours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/answer.rs"]
mod answer;
#[path = "../../../../tests/support/browser.rs"]
mod browser;
mod pictures;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sidetone_media::jitter::JitterConfig;
use sidetone_media::packet::VoicePacket;
use sidetone_media::transport::webrtc::WebRtcTransport;
use sidetone_media::transport::{Transport, TransportConfig, TransportEvent};
use sidetone_media::voice::{BLOCK, Bitrate, Coding, Downlink, Processing, Profile, Red, Uplink};
use sidetone_pipeline::Pool;

use answer::answer;
use browser::Browser;

/// What the browser runs.
const PAGE: &str = include_str!("page.html");

/// Every such packet is held back, as if the network had lost it: 17 %.
const LOST: u32 = 6;

/// A recording at 48 kHz.
fn speech() -> Vec<f32> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../cli/speech/woman-en.flac");
    let mut reader = claxon::FlacReader::open(path).unwrap();
    let samples = reader.samples().map(|sample| sample.unwrap() as f32 / 32_768.0);
    // Three times each sample: rough, and loud enough to be heard.
    samples.flat_map(|sample| [sample; 3]).collect()
}

/// The last entry of a kind in the browser's statistics.
fn entry<'a>(stats: &'a Value, kind: &str) -> Option<&'a Value> {
    stats.as_array()?.iter().rfind(|entry| entry["type"] == kind)
}

/// What both ends know at the end of the call.
struct Outcome {
    /// The browser's.
    stats: Value,
    ours: sidetone_media::transport::TransportStats,
    heard: sidetone_media::voice::InboundStats,
    energy: f32,
    levels: u32,
    estimate: Option<sidetone_media::bandwidth::Estimate>,
}

/// Talks for some seconds with a browser that has called.
async fn talk(seconds: u64) -> Outcome {
    let mut browser = Browser::start(PAGE, "").await;
    let offer = browser.post().await;
    assert_eq!(offer.path, "/offer", "{}", offer.body);
    let pool = Pool::new(256, || VoicePacket::empty(Instant::now()));
    let config = TransportConfig {
        bind: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        ..TransportConfig::default()
    };
    let mut transport = WebRtcTransport::new(config, pool.clone(), None).unwrap();
    let port = transport.take_voice().unwrap();
    let sdp = answer(&mut transport, offer.body["sdp"].as_str().unwrap()).await;
    offer.answer(&json!({"type": "answer", "sdp": sdp})).await;

    let profile = Profile::BALANCED;
    let mut uplink = Uplink::new(&profile, Processing::OFF, pool.clone(), 7).unwrap();
    uplink.set_coding(Coding {
        bitrate: Bitrate::kbps(20),
        red: Red {
            copies: 1,
            spacing: 1,
        },
        ..Coding::plain(&profile)
    });
    let mut downlink = Downlink::new(&profile, JitterConfig::default(), Instant::now()).unwrap();
    let speech = speech();
    let mut blocks = speech.chunks_exact(BLOCK).cycle();
    let mut clock = tokio::time::interval(Duration::from_millis(10));
    let (mut sent, mut energy, mut levels, mut stats, mut estimate) = (0, 0.0, 0, Value::Null, None);
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        tokio::select! {
            _ = clock.tick() => {
                let block = blocks.next().unwrap().try_into().unwrap();
                if let Some(packet) = uplink.push(block, Instant::now()) {
                    sent += 1;
                    if sent % LOST != 0 {
                        port.outgoing.push(packet);
                    }
                }
                while let Some(packet) = port.incoming.pop() {
                    levels += u32::from(packet.level.is_some());
                    downlink.insert(packet);
                }
                let mut out = [0.0; BLOCK];
                for quarter in out.chunks_exact_mut(BLOCK / 4) {
                    downlink.pull(quarter, Instant::now());
                }
                energy += out.iter().map(|sample| sample * sample).sum::<f32>();
            }
            post = browser.post() => {
                assert_eq!(post.path, "/stats", "{}", post.body);
                stats = post.body.clone();
                post.answer(&json!({})).await;
            }
            event = poll_fn(|cx| transport.poll_event(cx)) => if let TransportEvent::Estimate(told) = event {
                estimate = Some(told);
            },
        }
    }
    Outcome {
        stats,
        ours: transport.stats(),
        heard: downlink.stats(),
        energy,
        levels,
        estimate,
    }
}

#[test]
fn a_browser_and_we_hear_each_other_through_loss() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let outcome = runtime.block_on(talk(12));

    // It hears us: one packet in six is missing, and its copies are taken from the next.
    let inbound = entry(&outcome.stats, "inbound-rtp").unwrap_or_else(|| panic!("{}", outcome.stats));
    let count = |name: &str| {
        inbound[name]
            .as_f64()
            .unwrap_or_else(|| panic!("no {name}: {inbound}"))
    };
    assert!(count("packetsReceived") > 300.0, "{inbound}");
    assert!(count("totalAudioEnergy") > 0.0, "{inbound}");
    let concealed = count("concealedSamples") / count("totalSamplesReceived");
    assert!(concealed < 0.08, "{concealed} made up of 17 % lost: {inbound}");

    // We hear it: the beeps of its microphone, with their levels, and nothing is missing.
    let Outcome { ours, heard, .. } = &outcome;
    assert!(
        ours.packets_received > 300 && ours.packets_discarded == 0,
        "{ours:?}"
    );
    assert!(outcome.energy > 1.0 && outcome.levels > 300, "{heard:?}");
    assert_eq!(ours.packets_lost, 0);
    assert!(ours.redundancy, "both ends take repeated frames");

    // Each tells the other how its packets fared.
    assert!(ours.remote_round_trip_time.is_some(), "{ours:?}");
    assert!(
        ours.available_outgoing_bitrate > Some(20_000),
        "its feedback: {ours:?}"
    );
    let estimate = outcome.estimate.expect("it numbers our packets");
    assert!(!estimate.congested, "{estimate:?}");
    let pair = outcome.stats.as_array().unwrap().iter();
    let mut pairs = pair.filter(|entry| entry["type"] == "candidate-pair");
    assert!(
        pairs.any(|pair| pair["availableOutgoingBitrate"]
            .as_f64()
            .is_some_and(|rate| rate > 0.0)),
        "our feedback: {}",
        outcome.stats
    );
}
