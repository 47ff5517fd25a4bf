//! How the library is set up for one Opus stream out and one or several in, and the reasons for every value.

use std::time::Duration;

use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::{
    CongestionControlBuilder, ReceiverReportBuilder, SenderReportBuilder, Slot, TwccSenderBuilder,
};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::interceptor_registry::Registry;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_OPUS, MediaEngine};
use rtc::peer_connection::configuration::setting_engine::{SettingEngine, SettingEngineBuilder};
use rtc::peer_connection::configuration::{RTCConfiguration, RTCConfigurationBuilder, RTCIceTransportPolicy};
use rtc::peer_connection::transport::RTCIceServer;
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use rtc::sdp::extmap::{
    SDES_MID_URI, SDES_REPAIR_RTP_STREAM_ID_URI, SDES_RTP_STREAM_ID_URI, TRANSPORT_CC_URI,
};
use rtc::shared::error::Result;
use sidetone_pipeline::QueueSender;

use super::also::{Also, Streams};
use super::arrivals::Arrivals;
use super::bandwidth::Bandwidth;
use super::pictures::Pictures;
use super::reports::ReportObserver;
use super::sections::DEPENDENCY_URI;
use crate::packet::CLOCK_RATE;
use crate::transport::TransportConfig;
use crate::transport::rtp::{AUDIO_LEVEL_URI, OPUS_PAYLOAD_TYPE, RED_PAYLOAD_TYPE};
use crate::video::{ABSOLUTE_CAPTURE_TIME_URI, Codec, PLAYOUT_DELAY_URI};

/// Time between connectivity checks until connected, over all pairs together: the least RFC 8445 section 14.2
/// allows. The library's own 200 ms a round goes straight into every connect. It takes one figure for good, so this
/// is that, and the [runtime](super::runtime) stretches it by the number of pairs and by the time it takes already.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_millis(5);

/// Longest a round of checks may take.
pub(super) const MAX_ROUND: Duration = Duration::from_millis(200);

/// Checks without a reply before a pair is given up: more than are sent until the connection counts as failed. The
/// library's 7 would be 35 ms.
const MAX_CHECKS: u16 = 2000;

/// How long a relayed pair waits for a direct one before it may be nominated. Longer favours direct paths, at
/// the price of a later first word when there is none.
const RELAY_WAIT: Duration = Duration::from_millis(300);

/// Silence of the peer until `disconnected`; consent is refreshed every 2 s (RFC 7675 asks for about 5 s).
const DISCONNECTED_AFTER: Duration = Duration::from_secs(5);

/// Further silence until `failed`; RFC 7675 lets consent expire after 30 s.
const FAILED_AFTER: Duration = Duration::from_secs(25);

/// Time between consent checks.
const CONSENT_INTERVAL: Duration = Duration::from_secs(2);

/// ICE and DTLS.
pub(super) fn engine() -> SettingEngine {
    let none = Some(Duration::ZERO);
    SettingEngineBuilder::new()
        .with_ice_connection_attempts(Some(CHECK_INTERVAL), Some(MAX_CHECKS))
        .with_ice_timeouts(
            Some(DISCONNECTED_AFTER),
            Some(FAILED_AFTER),
            Some(CONSENT_INTERVAL),
        )
        // The library would sit out 0.5 and 1 s before nominating reflexive candidates.
        .with_host_acceptance_min_wait(none)
        .with_srflx_acceptance_min_wait(none)
        .with_prflx_acceptance_min_wait(none)
        .with_relay_acceptance_min_wait(Some(RELAY_WAIT))
        // A responder binds port 5353 for every call; a peer that hides its addresses is found by its checks.
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        // A restart follows a change of network: sockets are opened anew on the interfaces there are now.
        .with_discard_local_candidates_during_ice_restart(true)
        .build()
}

/// Servers and policy.
pub(super) fn configuration(config: &TransportConfig) -> RTCConfiguration {
    let servers = config.ice_servers.iter().map(|server| RTCIceServer {
        urls: server.urls.clone(),
        username: server.username.clone(),
        credential: server.credential.clone(),
    });
    let policy = if config.relay_only {
        RTCIceTransportPolicy::Relay
    } else {
        RTCIceTransportPolicy::All
    };
    RTCConfigurationBuilder::new()
        .with_ice_servers(servers.collect())
        .with_ice_transport_policy(policy)
        .build()
}

/// Nearest to the wire, where it sees reports as they come and go.
const OBSERVER: usize = 500;

/// Above all that number, count and report.
const PICTURES: usize = 12_500;

/// What one connection is made of beside the library's own.
pub(super) struct Parts {
    pub(super) observer: ReportObserver,
    pub(super) bandwidth: Bandwidth,
    pub(super) arrivals: Arrivals,
    pub(super) pictures: Option<Pictures>,
    /// Codecs of pictures, the preferred first.
    pub(super) codecs: Vec<Codec>,
}

/// What the library is told of the streams it does not know.
pub(super) type Tellers = Vec<QueueSender<Streams>>;

/// Opus, alone and repeated (RFC 2198), with the audio level extension, pictures and what keeps sound with them where
/// wanted, receiver reports, sender
/// reports, and packets numbered for transport-wide feedback both ways.
pub(super) fn media(parts: Parts) -> Result<(MediaEngine, Registry, Tellers)> {
    let mut media = MediaEngine::default();
    let codec = RTCRtpCodecParameters {
        rtp_codec: opus(),
        payload_type: OPUS_PAYLOAD_TYPE,
    };
    media.register_codec(codec, RtpCodecKind::Audio)?;
    let red = RTCRtpCodecParameters {
        rtp_codec: red(),
        payload_type: RED_PAYLOAD_TYPE,
    };
    media.register_codec(red, RtpCodecKind::Audio)?;
    for (codec, number) in parts.codecs.iter().zip((FIRST_PICTURE..).step_by(2)) {
        for (rtp_codec, payload_type) in [(picture(*codec), number), (repeated(number), number + 1)] {
            let parameters = RTCRtpCodecParameters {
                rtp_codec,
                payload_type,
            };
            media.register_codec(parameters, RtpCodecKind::Video)?;
        }
    }
    let extension = |uri: &str| RTCRtpHeaderExtensionCapability { uri: uri.to_owned() };
    media.register_header_extension(extension(AUDIO_LEVEL_URI), RtpCodecKind::Audio, None)?;
    let feedback = || RTCPFeedback {
        typ: "transport-cc".to_owned(),
        ..RTCPFeedback::default()
    };
    for kind in [RtpCodecKind::Audio, RtpCodecKind::Video] {
        media.register_feedback(feedback(), kind);
        media.register_header_extension(extension(TRANSPORT_CC_URI), kind, None)?;
    }
    if parts.pictures.is_some() {
        let names = [
            SDES_MID_URI,
            SDES_RTP_STREAM_ID_URI,
            SDES_REPAIR_RTP_STREAM_ID_URI,
            PLAYOUT_DELAY_URI,
        ];
        let mut uris = names.to_vec();
        if parts.codecs.contains(&Codec::Av1) {
            uris.push(DEPENDENCY_URI);
        }
        for uri in uris {
            media.register_header_extension(extension(uri), RtpCodecKind::Video, None)?;
        }
        for kind in [RtpCodecKind::Audio, RtpCodecKind::Video] {
            media.register_header_extension(extension(ABSOLUTE_CAPTURE_TIME_URI), kind, None)?;
        }
    }
    let (numbers, tell_numbers) = Also::new(TwccSenderBuilder::new().build());
    let (congestion, tell_congestion) = Also::new(CongestionControlBuilder::new(parts.bandwidth).build());
    let (arrivals, tell_arrivals) = Also::new(parts.arrivals);
    let (reports, tell_reports) = Also::new(SenderReportBuilder::new().build());
    let mut registry = Registry::new()
        .with(Slot::TwccSender, numbers)
        .with(Slot::TwccReceiver, arrivals)
        .with(Slot::ReceiverReport, ReceiverReportBuilder::new().build())
        .with(Slot::SenderReport, reports)
        .with(Slot::CongestionControl, congestion)
        .with(Slot::from(OBSERVER), parts.observer);
    if let Some(pictures) = parts.pictures {
        registry = registry.with(Slot::from(PICTURES), pictures);
    }
    let tellers = vec![tell_numbers, tell_congestion, tell_arrivals, tell_reports];
    Ok((media, registry, tellers))
}

/// The first payload type of pictures: each codec has one, and the next for retransmissions.
const FIRST_PICTURE: u8 = 96;

/// A codec of pictures, with the feedback we give and take (RFC 4585, RFC 5104).
fn picture(codec: Codec) -> RTCRtpCodec {
    let (name, parameters) = match codec {
        Codec::Vp8 => ("video/VP8", ""),
        Codec::Vp9 => ("video/VP9", "profile-id=0"),
        Codec::Av1 => ("video/AV1", "level-idx=5;profile=0;tier=0"),
        Codec::H264 => (
            "video/H264",
            "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        ),
    };
    let feedback = [("nack", ""), ("nack", "pli"), ("ccm", "fir")];
    RTCRtpCodec {
        mime_type: name.to_owned(),
        clock_rate: crate::video::CLOCK_RATE,
        channels: 0,
        sdp_fmtp_line: parameters.to_owned(),
        rtcp_feedback: feedback
            .map(|(typ, parameter)| RTCPFeedback {
                typ: typ.to_owned(),
                parameter: parameter.to_owned(),
            })
            .to_vec(),
    }
}

/// Its retransmissions (RFC 4588).
fn repeated(of: u8) -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: "video/rtx".to_owned(),
        clock_rate: crate::video::CLOCK_RATE,
        channels: 0,
        sdp_fmtp_line: format!("apt={of}"),
        rtcp_feedback: vec![],
    }
}

/// A track of pictures with so many layers of simulcast, for the library's descriptions.
pub(super) fn pictures(name: &str, layers: usize) -> MediaStreamTrack {
    let encodings = (0..layers).map(|layer| RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            // The lowest first. Names as pages use them.
            rid: if layers > 1 {
                LAYERS[layer % LAYERS.len()].to_owned()
            } else {
                String::new()
            },
            // Zero would read as unknown.
            ssrc: Some(rand::random::<u32>().max(1)),
            ..RTCRtpCodingParameters::default()
        },
        // None, which leaves all that are registered.
        codec: RTCRtpCodec::default(),
        ..RTCRtpEncodingParameters::default()
    });
    MediaStreamTrack::new(
        // With the voice, so that a peer plays both together; the screen is by itself.
        if name == "camera" {
            "voice".into()
        } else {
            name.into()
        },
        name.into(),
        name.into(),
        RtpCodecKind::Video,
        encodings.collect(),
    )
}

/// Names of the layers of simulcast.
const LAYERS: [&str; crate::transport::video::MAX_LAYERS] = ["q", "h", "f"];

/// The one local track, sending from `ssrc`.
pub(super) fn track(ssrc: u32) -> MediaStreamTrack {
    let coding = RTCRtpCodingParameters {
        ssrc: Some(ssrc),
        ..RTCRtpCodingParameters::default()
    };
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: coding,
        codec: opus(),
        ..RTCRtpEncodingParameters::default()
    };
    MediaStreamTrack::new(
        "voice".into(),
        "voice".into(),
        "voice".into(),
        RtpCodecKind::Audio,
        vec![encoding],
    )
}

/// A section that only goes one way.
pub(super) fn one_way(direction: RTCRtpTransceiverDirection) -> Option<RTCRtpTransceiverInit> {
    Some(RTCRtpTransceiverInit {
        direction,
        ..RTCRtpTransceiverInit::default()
    })
}

fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: CLOCK_RATE,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1;stereo=0".to_owned(),
        rtcp_feedback: vec![],
    }
}

/// Redundant audio data of Opus and Opus, as browsers have it.
fn red() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: "audio/red".to_owned(),
        clock_rate: CLOCK_RATE,
        channels: 2,
        sdp_fmtp_line: format!("{OPUS_PAYLOAD_TYPE}/{OPUS_PAYLOAD_TYPE}"),
        rtcp_feedback: vec![],
    }
}
