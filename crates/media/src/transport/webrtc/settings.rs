//! How the library is set up for one Opus stream out and one or several in, and the reasons for every value.

use std::time::Duration;

use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::{CongestionControlBuilder, Slot};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::interceptor_registry::{
    Registry, configure_rtcp_reports, configure_twcc,
};
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_OPUS, MediaEngine};
use rtc::peer_connection::configuration::setting_engine::{SettingEngine, SettingEngineBuilder};
use rtc::peer_connection::configuration::{RTCConfiguration, RTCConfigurationBuilder, RTCIceTransportPolicy};
use rtc::peer_connection::transport::RTCIceServer;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use rtc::shared::error::Result;

use super::bandwidth::Bandwidth;
use super::reports::ReportObserver;
use crate::packet::CLOCK_RATE;
use crate::transport::TransportConfig;
use crate::transport::rtp::{AUDIO_LEVEL_URI, OPUS_PAYLOAD_TYPE, RED_PAYLOAD_TYPE};

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

/// Opus, alone and repeated (RFC 2198), with the audio level extension, receiver reports, sender reports, and packets
/// numbered for transport-wide feedback both ways.
pub(super) fn media(observer: ReportObserver, bandwidth: Bandwidth) -> Result<(MediaEngine, Registry)> {
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
    let level = RTCRtpHeaderExtensionCapability {
        uri: AUDIO_LEVEL_URI.to_owned(),
    };
    media.register_header_extension(level, RtpCodecKind::Audio, None)?;
    let registry = configure_twcc(Registry::new(), &mut media)?;
    let registry = configure_rtcp_reports(registry)
        .with(
            Slot::CongestionControl,
            CongestionControlBuilder::new(bandwidth).build(),
        )
        .with(Slot::from(OBSERVER), observer);
    Ok((media, registry))
}

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
