//! Pictures against a browser: its own are sent back to it, and it decodes them.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sidetone_media::packet::VoicePacket;
use sidetone_media::transport::video::{CodedFrame, VideoConfig, VideoReport};
use sidetone_media::transport::webrtc::WebRtcTransport;
use sidetone_media::transport::{Transport, TransportConfig, TransportEvent, TransportStats};
use sidetone_media::video::{Codec, Demand, Wanted};
use sidetone_media::voice::Bitrate;
use sidetone_pipeline::Pool;

use crate::answer::answer;
use crate::browser::Browser;

/// What the browser runs.
const PAGE: &str = include_str!("pictures.html");

/// More than its camera sends.
const ENOUGH: Bitrate = Bitrate::kbps(2_000);

/// Without a picture for so long, a receiver speaks of a freeze (W3C webrtc-stats, `freezeCount`).
const GAP: Duration = Duration::from_millis(150);

/// What both ends know at the end.
struct Outcome {
    stats: Value,
    ours: VideoReport,
    transport: TransportStats,
    echoed: u32,
    captured: u32,
    /// Pauses of its camera, as on a busy machine.
    gaps: u32,
}

/// Sends its pictures back to a browser that has called.
async fn echo(codec: Codec, seconds: u64) -> Outcome {
    let name = match codec {
        Codec::Vp8 => "vp8",
        Codec::Vp9 => "vp9",
        Codec::Av1 => "av1",
        Codec::H264 => "h264",
    };
    let mut browser = Browser::start(PAGE, name).await;
    let offer = browser.post().await;
    assert_eq!(offer.path, "/offer", "{}", offer.body);
    let mut codecs = vec![codec];
    codecs.extend((codec != Codec::Vp8).then_some(Codec::Vp8));
    let config = TransportConfig {
        bind: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        video: Some(VideoConfig {
            codecs,
            ..VideoConfig::default()
        }),
        ..TransportConfig::default()
    };
    let pool = Pool::new(256, || VoicePacket::empty(Instant::now()));
    let mut transport = WebRtcTransport::new(config, pool, None).unwrap();
    let _voice = transport.take_voice().unwrap();
    let port = transport.take_video().unwrap();
    let sdp = answer(&mut transport, offer.body["sdp"].as_str().unwrap()).await;
    if std::env::var_os("SHOW").is_some() {
        eprintln!("{sdp}");
    }
    offer.answer(&json!({"type": "answer", "sdp": sdp})).await;

    let (camera, seen) = (&port.camera[0], &port.remote[0]);
    camera.set_demand(Some(Demand {
        least: Bitrate::kbps(50),
        most: Bitrate::kbps(2_500),
    }));
    let mut outcome = Outcome {
        stats: Value::Null,
        ours: VideoReport::default(),
        transport: TransportStats::default(),
        echoed: 0,
        captured: 0,
        gaps: 0,
    };
    // Whether the key frame that a decoder would need was sent.
    let (mut begun, mut asked) = (false, Instant::now());
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut last = Instant::now();
    while Instant::now() < end {
        tokio::select! {
            frame = seen.recv() => {
                let frame = frame.unwrap();
                outcome.gaps += u32::from(last.elapsed() > GAP);
                last = Instant::now();
                assert_eq!(frame.codec, codec);
                seen.decoded(frame.key);
                seen.shown(frame.timestamp, Instant::now());
                outcome.captured += u32::from(frame.captured.is_some());
                if camera.bitrate() < ENOUGH {
                    continue;
                }
                let wanted = camera.wanted();
                begun &= wanted == Wanted::Frame;
                if frame.key || begun {
                    begun = true;
                    outcome.echoed += 1;
                    camera.push(CodedFrame {
                        data: frame.data,
                        key: frame.key,
                        temporal: None,
                        discardable: false,
                        captured: Instant::now(),
                        playout: None,
                    });
                } else if asked.elapsed() > Duration::from_secs(1) {
                    asked = Instant::now();
                    seen.failed();
                }
            }
            post = browser.post() => {
                assert_eq!(post.path, "/stats", "{}", post.body);
                outcome.stats = post.body.clone();
                post.answer(&json!({})).await;
            }
            event = poll_fn(|cx| transport.poll_event(cx)) => {
                assert!(!matches!(event, TransportEvent::Error(_)), "{event:?}");
            }
        }
    }
    outcome.ours = transport.video_stats();
    outcome.transport = transport.stats();
    outcome
}

fn check(codec: Codec) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let outcome = runtime.block_on(echo(codec, 12));
    let theirs = |kind: &str| {
        let entries = outcome.stats.as_array().unwrap().iter();
        let mut found = entries.filter(|entry| entry["type"] == kind && entry["kind"] == "video");
        found
            .next_back()
            .unwrap_or_else(|| panic!("no {kind}: {}", outcome.stats))
    };
    let (inbound, outbound) = (theirs("inbound-rtp"), theirs("outbound-rtp"));
    if std::env::var_os("SHOW").is_some() {
        eprintln!(
            "{:#?}\n{:#?}\nin {inbound:#}\nout {outbound:#}",
            outcome.ours, outcome.transport
        );
    }
    // We see it, and ask for no more key frames than we need.
    let ours = &outcome.ours.inbound[0];
    assert_eq!(ours.codec, Some(codec));
    assert!(ours.counters.frames_decoded > 100, "{ours:?}");
    assert!(ours.counters.pli_count <= 4, "{ours:?}");
    assert!(
        ours.counters.freeze_count <= u64::from(outcome.gaps),
        "{} gaps: {ours:?}",
        outcome.gaps
    );
    assert!(
        outcome.captured > 50,
        "its reports tell when pictures were captured"
    );
    assert_eq!(outcome.ours.packets_discarded, 0);
    // It sees itself.
    assert!(outcome.echoed > 60, "{:?}", outcome.ours);
    let count = |entry: &Value, name: &str| {
        let value = entry[name].as_f64();
        value.unwrap_or_else(|| panic!("no {name}: {entry}"))
    };
    let decoded = count(inbound, "framesDecoded");
    assert!(
        decoded > 0.8 * f64::from(outcome.echoed),
        "{decoded} of {}: {inbound}",
        outcome.echoed
    );
    let freezes = count(inbound, "freezeCount");
    assert!(
        freezes <= f64::from(outcome.gaps),
        "{} gaps: {inbound}",
        outcome.gaps
    );
    assert!(count(inbound, "pliCount") <= 2.0, "{inbound}");
    // Its feedback on single packets, of probes as well, has told what the path carries.
    assert!(
        outcome.transport.available_outgoing_bitrate > Some(300_000),
        "{:?}",
        outcome.transport
    );
    assert!(count(outbound, "framesEncoded") > 100.0, "{outbound}");
}

#[test]
fn a_browser_sees_its_own_vp8() {
    check(Codec::Vp8);
}

#[test]
fn a_browser_sees_its_own_vp9() {
    check(Codec::Vp9);
}

#[test]
fn a_browser_sees_its_own_av1() {
    check(Codec::Av1);
}

#[test]
fn a_browser_sees_its_own_h264() {
    check(Codec::H264);
}
