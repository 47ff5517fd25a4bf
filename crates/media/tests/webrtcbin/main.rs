//! Calls with GStreamer's webrtcbin: another ICE, DTLS, SRTP and RTP than ours and the browser's. Its pictures are sent back
//! to it, and it decodes them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(target_os = "linux")]

#[path = "../support/answer.rs"]
mod answer;

use std::future::poll_fn;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use answer::answer;
use serde_json::{Value, json};
use sidetone_media::packet::{RtpTimestamp, SequenceNumber, VoicePacket};
use sidetone_media::transport::video::{CodedFrame, VideoConfig};
use sidetone_media::transport::webrtc::WebRtcTransport;
use sidetone_media::transport::{Transport, TransportConfig, TransportEvent};
use sidetone_media::video::{Codec, Demand, Wanted};
use sidetone_media::voice::Bitrate;
use sidetone_pipeline::Pool;
use tokio::sync::mpsc;

/// The other end. Debian's Python, which has GStreamer's bindings: the first one of the path may be another.
const PYTHON: &str = "/usr/bin/python3";
const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/webrtcbin/peer.py");

/// Pictures that must have been there and back, and how long that may take.
const ENOUGH: u64 = 60;
const PATIENCE: Duration = Duration::from_secs(60);

/// A frame of Opus in which nothing is said. It gets us reports, by which pictures are sent: of single packets this peer says
/// nothing.
const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];

/// The other end's process.
struct Peer {
    process: Child,
    input: ChildStdin,
    said: mpsc::UnboundedReceiver<Value>,
}

impl Peer {
    fn start(arguments: [&str; 3]) -> Self {
        let mut process = Command::new(PYTHON)
            .arg(PEER)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Debian's Python: tools/packages test installs it");
        let output = BufReader::new(process.stdout.take().unwrap());
        let (sender, said) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).unwrap_or(Value::String(line)));
            }
        });
        Self {
            input: process.stdin.take().unwrap(),
            process,
            said,
        }
    }

    async fn says(&mut self) -> Value {
        let said = self.said.recv().await.expect("webrtcbin ended: see above");
        assert_eq!(said.get("error"), None, "{said}");
        said
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An address that the other end has, which is one of this machine: it takes the loopback's only where there is no other.
fn address(offer: &str) -> IpAddr {
    let candidates = offer.lines().filter_map(|line| line.strip_prefix("a=candidate:"));
    let found = candidates
        .filter(|candidate| candidate.contains(" UDP "))
        .find_map(|candidate| {
            let address: IpAddr = candidate.split(' ').nth(4)?.parse().ok()?;
            Some(address).filter(IpAddr::is_ipv4)
        });
    found.expect("a candidate")
}

async fn echo(codec: Codec, arguments: [&str; 3]) {
    let mut peer = Peer::start(arguments);
    let offer = loop {
        if let Some(sdp) = peer.says().await["sdp"].as_str() {
            break sdp.to_owned();
        }
    };
    let config = TransportConfig {
        bind: vec![SocketAddr::new(address(&offer), 0)],
        video: Some(VideoConfig {
            codecs: [Some(codec), (codec != Codec::Vp8).then_some(Codec::Vp8)]
                .into_iter()
                .flatten()
                .collect(),
            ..VideoConfig::default()
        }),
        ..TransportConfig::default()
    };
    let pool = Pool::new(256, || VoicePacket::empty(Instant::now()));
    let mut transport = WebRtcTransport::new(config, pool.clone(), None).unwrap();
    let voice = transport.take_voice().unwrap();
    let mut speech = tokio::time::interval(Duration::from_millis(20));
    let mut spoken = 0u16;
    let port = transport.take_video().unwrap();
    let sdp = answer(&mut transport, &offer).await;
    assert!(sdp.contains("m=video"), "pictures are answered: {sdp}");
    if std::env::var_os("SHOW").is_some() {
        eprintln!("{sdp}");
    }
    writeln!(peer.input, "{}", json!({ "sdp": sdp })).unwrap();

    let (camera, seen) = (&port.camera[0], &port.remote[0]);
    camera.set_demand(Some(Demand {
        least: Bitrate::kbps(50),
        most: Bitrate::kbps(1_000),
    }));
    let (mut begun, mut echoed, mut heard) = (false, 0, 0u64);
    let mut asked = Instant::now();
    let mut told = json!(null);
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end && (told["decoded"].as_u64().unwrap_or(0) < ENOUGH || heard < ENOUGH) {
        while voice.incoming.pop().is_some() {
            heard += 1;
        }
        tokio::select! {
            frame = seen.recv() => {
                let frame = frame.unwrap();
                assert_eq!(frame.codec, codec);
                seen.decoded(frame.key);
                seen.shown(frame.timestamp, Instant::now());
                let wanted = camera.wanted();
                begun &= wanted == Wanted::Frame;
                if wanted != Wanted::Nothing && (frame.key || begun) {
                    begun = true;
                    echoed += 1;
                    camera.push(CodedFrame {
                        data: frame.data,
                        key: frame.key,
                        temporal: None,
                        discardable: false,
                        captured: Instant::now(),
                        playout: None,
                    });
                } else if asked.elapsed() > Duration::from_secs(1) {
                    // It is asked for a picture that needs no other.
                    asked = Instant::now();
                    seen.failed();
                }
            }
            _ = speech.tick() => {
                let mut packet = pool.take().unwrap();
                packet.sequence = SequenceNumber(spoken);
                packet.timestamp = RtpTimestamp(u32::from(spoken) * 960);
                assert!(packet.set_payload(&SILENCE));
                voice.outgoing.push(packet);
                spoken = spoken.wrapping_add(1);
            }
            said = peer.says() => told = said,
            event = poll_fn(|cx| transport.poll_event(cx)) => {
                assert!(!matches!(event, TransportEvent::Error(_)), "{event:?}");
            }
        }
    }
    let ours = transport.video_stats();
    let context = format!("{told}, {echoed} echoed, {heard} packets of sound: {ours:#?}");
    assert!(told["decoded"].as_u64().unwrap_or(0) >= ENOUGH, "{context}");
    assert!(heard >= ENOUGH, "{context}");
    assert_eq!(ours.packets_discarded, 0, "{context}");
    let inbound = &ours.inbound[0];
    assert_eq!(inbound.codec, Some(codec));
    assert!(inbound.counters.frames_decoded >= ENOUGH, "{context}");
}

fn check(codec: Codec, arguments: [&str; 3]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(echo(codec, arguments));
}

#[test]
fn it_sees_itself_in_vp8() {
    let encoder = "vp8enc deadline=1 target-bitrate=150000 keyframe-max-dist=50 error-resilient=default";
    check(
        Codec::Vp8,
        [encoder, "rtpvp8pay picture-id-mode=2 pt=96", "encoding-name=VP8"],
    );
}

#[test]
fn it_sees_itself_in_h264() {
    // The level is written as browsers write it.
    const PAYLOADER: &str = "rtph264pay config-interval=-1 aggregate-mode=zero-latency pt=96 ! \
                             capssetter caps=application/x-rtp,profile-level-id=(string)42e01f";
    let encoder = "x264enc tune=zerolatency speed-preset=ultrafast bitrate=150 key-int-max=50 ! video/x-h264,profile=constrained-baseline";
    let caps = "encoding-name=H264,packetization-mode=(string)1";
    check(Codec::H264, [encoder, PAYLOADER, caps]);
}
