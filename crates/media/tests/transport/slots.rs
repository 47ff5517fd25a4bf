//! One offer with a section to send and several to receive, against another end of the same library that labels what
//! it sends. (Against the server of a meeting: `crates/sidetone`.)

use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::interceptor_registry::Registry;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_OPUS, MediaEngine};
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use sidetone_media::packet::{AudioLevel, RtpTimestamp, SequenceNumber, VoicePacket};
use sidetone_media::transport::rtp::{self, AUDIO_LEVEL_URI, Negotiated};
use sidetone_media::transport::webrtc::WebRtcTransport;
use sidetone_media::transport::{
    DEFAULT_SLOTS, Description, DescriptionKind, MAX_SLOTS, Transport, TransportCommand, TransportConfig,
    TransportError, TransportEvent,
};
use sidetone_pipeline::Pool;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler};

use crate::support::{Peer, loopback, run, unhung};

struct Deaf;

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Deaf {}

/// The other end: everything in its answer at once, as a server answers.
struct Server {
    connection: Arc<dyn PeerConnection>,
    tracks: Vec<(u32, Arc<dyn TrackLocal>)>,
}

impl Server {
    async fn new(slots: usize) -> Self {
        let mut media = MediaEngine::default();
        let codec = RTCRtpCodecParameters {
            rtp_codec: opus(),
            payload_type: 111,
        };
        media.register_codec(codec, RtpCodecKind::Audio).unwrap();
        let level = RTCRtpHeaderExtensionCapability {
            uri: AUDIO_LEVEL_URI.to_owned(),
        };
        media
            .register_header_extension(level, RtpCodecKind::Audio, None)
            .unwrap();
        let connection: Arc<dyn PeerConnection> = Arc::new(
            PeerConnectionBuilder::new()
                .with_media_engine(media)
                .with_interceptor_registry(Registry::new())
                .with_handler(Arc::new(Deaf))
                .with_udp_addrs(vec!["127.0.0.1:0".to_owned()])
                .build()
                .await
                .unwrap(),
        );
        let mut tracks = Vec::new();
        for n in 0..slots as u32 {
            let ssrc = 1_000 + n;
            let track: Arc<dyn TrackLocal> = Arc::new(TrackLocalStaticRTP::new(track(ssrc)));
            connection.add_track(Arc::clone(&track)).await.unwrap();
            tracks.push((ssrc, track));
        }
        Self { connection, tracks }
    }

    /// The answer with every candidate in it.
    async fn answer(&self, offer: &Description) -> Description {
        let offer = RTCSessionDescription::offer(offer.sdp.clone()).unwrap();
        self.connection.set_remote_description(offer).await.unwrap();
        let answer = self.connection.create_answer(None).await.unwrap();
        self.connection.set_local_description(answer).await.unwrap();
        let sdp = unhung(async {
            loop {
                let sdp = self.connection.local_description().await.unwrap().sdp;
                if sdp.contains("a=candidate:") {
                    return sdp;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        Description {
            kind: DescriptionKind::Answer,
            sdp,
        }
    }

    async fn send(&self, slot: usize, sequence: u16, source: u32) {
        let mut voice = VoicePacket::empty(Instant::now());
        voice.sequence = SequenceNumber(sequence);
        voice.timestamp = RtpTimestamp(u32::from(sequence) * 960);
        voice.source = Some(source);
        voice.level = Some(AudioLevel {
            minus_dbov: 40,
            voice: true,
        });
        assert!(voice.set_payload(&[slot as u8; 40]));
        let (ssrc, track) = &self.tracks[slot];
        let negotiated = Negotiated {
            level_id: Some(1),
            ..Negotiated::default()
        };
        // Not before DTLS is done.
        let _ = track.write_rtp(rtp::write(&voice, *ssrc, negotiated)).await;
    }
}

fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: vec![],
    }
}

fn track(ssrc: u32) -> MediaStreamTrack {
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(ssrc),
            ..RTCRtpCodingParameters::default()
        },
        codec: opus(),
        ..RTCRtpEncodingParameters::default()
    };
    let id = format!("slot-{ssrc}");
    MediaStreamTrack::new(id.clone(), id.clone(), id, RtpCodecKind::Audio, vec![encoding])
}

fn with_slots(slots: usize) -> TransportConfig {
    TransportConfig { slots, ..loopback() }
}

/// Offers, and carries the answer of `server` back as `change` leaves it.
async fn offer(peer: &mut Peer, server: &Server, restart: bool, change: impl Fn(String) -> String) {
    peer.command(TransportCommand::Offer { restart });
    let event = peer
        .until(|event| matches!(event, TransportEvent::LocalDescription(_)))
        .await;
    let TransportEvent::LocalDescription(offer) = event else {
        return;
    };
    let answer = server.answer(&offer).await;
    peer.command(TransportCommand::Remote(Description {
        sdp: change(answer.sdp),
        ..answer
    }));
}

/// Sends in every slot until each brought something, and checks what it brought.
async fn all_slots_bring_their_own(peer: &mut Peer, server: &Server, slots: usize, from: u16) {
    while peer.voice.incoming.pop().is_some() {}
    unhung(async {
        let mut came = vec![0; slots];
        for sequence in from.. {
            for slot in 0..slots {
                server.send(slot, sequence, 70 + slot as u32).await;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            while let Some(packet) = peer.voice.incoming.pop() {
                let slot = usize::from(packet.slot);
                assert_eq!(packet.payload(), [slot as u8; 40]);
                assert_eq!(packet.source, Some(70 + slot as u32));
                assert_eq!(packet.level.map(|level| level.minus_dbov), Some(40));
                came[slot] += 1;
            }
            if came.iter().all(|came| *came >= 10) {
                break;
            }
        }
    })
    .await;
}

fn sections(sdp: &str) -> Vec<&str> {
    let directions = ["a=sendonly", "a=recvonly", "a=sendrecv", "a=inactive"];
    sdp.lines().filter(|line| directions.contains(line)).collect()
}

fn mids(sdp: &str) -> Vec<&str> {
    sdp.lines()
        .filter_map(|line| line.strip_prefix("a=mid:"))
        .collect()
}

#[test]
fn every_slot_brings_its_own_stream_and_survives_a_restart() {
    run(async {
        for slots in [1, DEFAULT_SLOTS, MAX_SLOTS] {
            let (mut peer, server) = (Peer::new(with_slots(slots)), Server::new(slots).await);
            offer(&mut peer, &server, false, |sdp| sdp).await;
            let Some(TransportEvent::LocalDescription(ours)) = peer.events.first() else {
                panic!("{:?}", peer.events)
            };
            let mut wanted = vec!["a=recvonly"; slots + 1];
            wanted[0] = "a=sendonly";
            assert_eq!(sections(&ours.sdp), wanted);
            for of_all in ["rtpmap:63 red/48000/2", "ssrc-audio-level", "transport-wide-cc"] {
                assert_eq!(ours.sdp.matches(of_all).count(), slots + 1, "{of_all}");
            }
            all_slots_bring_their_own(&mut peer, &server, slots, 0).await;
            let stats = peer.transport.stats();
            assert_eq!(stats.packets_discarded, 0, "{stats:?}");

            offer(&mut peer, &server, true, |sdp| sdp).await;
            all_slots_bring_their_own(&mut peer, &server, slots, 1_000).await;
            // The other end names its candidates for a component of RTCP as well.
            let errors = peer.events.iter().filter(|event| {
                matches!(event, TransportEvent::Error(error) if !matches!(error, TransportError::BadCandidate(_)))
            });
            assert_eq!(errors.count(), 0, "{:?}", peer.events);
        }
    });
}

/// `sdp` with its sections from the second on as `change` leaves them.
fn change_slots(sdp: &str, change: impl Fn(usize, &str) -> Option<String>) -> String {
    let mut parts = sdp.split("m=audio");
    let mut changed = parts.next().unwrap().to_owned();
    for (n, section) in parts.enumerate() {
        let section = match n.checked_sub(1) {
            Some(slot) => change(slot, section),
            None => Some(section.to_owned()),
        };
        if let Some(section) = section {
            changed += "m=audio";
            changed += &section;
        }
    }
    changed
}

#[test]
fn slots_that_are_refused_or_missing_harm_no_other() {
    run(async {
        let (mut peer, server) = (Peer::new(with_slots(4)), Server::new(4).await);
        offer(&mut peer, &server, false, |sdp| {
            change_slots(&sdp, |slot, section| match slot {
                1 => Some(section.replace("a=sendonly", "a=inactive")),
                2 => {
                    let mid = section.lines().find(|line| line.starts_with("a=mid:")).unwrap();
                    Some(format!(
                        " 0 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n{mid}\r\n"
                    ))
                }
                3 => None,
                _ => Some(section.to_owned()),
            })
        })
        .await;
        all_slots_bring_their_own(&mut peer, &server, 1, 0).await;
        // What comes in slots that are closed is counted and goes nowhere.
        for sequence in 0..20 {
            server.send(1, sequence, 1).await;
            server.send(3, sequence, 1).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        while let Some(packet) = peer.voice.incoming.pop() {
            assert_eq!(packet.slot, 0);
        }
        // The next offer has the same sections in the same places.
        peer.command(TransportCommand::Offer { restart: true });
        peer.until(|event| matches!(event, TransportEvent::LocalDescription(_)))
            .await;
        let offers: Vec<_> = peer
            .events
            .iter()
            .filter_map(|event| match event {
                TransportEvent::LocalDescription(description) => Some(mids(&description.sdp)),
                _ => None,
            })
            .collect();
        assert_eq!(offers, [["0", "1", "2", "3", "4"]; 2]);
    });
}

#[test]
fn an_answer_that_names_no_source_and_an_offer_are_refused_by_name() {
    run(async {
        let (mut peer, server) = (Peer::new(with_slots(2)), Server::new(2).await);
        offer(&mut peer, &server, false, |sdp| {
            change_slots(&sdp, |_, section| {
                let lines = section.split_inclusive("\r\n");
                Some(lines.filter(|line| !line.starts_with("a=ssrc")).collect())
            })
        })
        .await;
        let refused = |event: &TransportEvent, why: &str| matches!(event, TransportEvent::Error(TransportError::BadDescription(text)) if text.contains(why));
        peer.until(|event| refused(event, "without a source")).await;

        let mut other = Peer::loopback();
        other.command(TransportCommand::Offer { restart: false });
        let event = other
            .until(|event| matches!(event, TransportEvent::LocalDescription(_)))
            .await;
        peer.hear(&event);
        peer.until(|event| refused(event, "an offer")).await;

        let pool = Pool::new(1, || VoicePacket::empty(Instant::now()));
        let many = WebRtcTransport::new(with_slots(MAX_SLOTS + 1), pool, None);
        assert!(matches!(many, Err(TransportError::Misuse(_))));
    });
}
