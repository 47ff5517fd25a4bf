//! What the library calls back about, turned into messages for the session task. The callbacks run on the
//! library's driver task, so they do nothing but send.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rtc::peer_connection::event::RTCPeerConnectionIceEvent;
use rtc::peer_connection::state::{RTCIceGatheringState, RTCPeerConnectionState};
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use tokio::sync::mpsc::UnboundedSender;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::PeerConnectionEventHandler;

use crate::bandwidth::Estimate;
use crate::transport::ConnectionState;

/// A message from the library.
pub(super) enum Signal {
    /// A candidate of ours, as a `candidate:` line.
    Candidate(String),
    /// No more of them.
    GatheringComplete,
    State(ConnectionState),
    Track(Arc<dyn TrackRemote>),
    /// More or less may be sent.
    Estimate(Estimate),
}

/// Sends [`Signal`]s, and opens the gate for media the moment DTLS is done.
pub(super) struct SignalHandler {
    pub(super) signals: UnboundedSender<Signal>,
    pub(super) open: Arc<AtomicBool>,
}

impl SignalHandler {
    fn send(&self, signal: Signal) {
        // Nobody listens while closing.
        let _ = self.signals.send(signal);
    }
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for SignalHandler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        if let Ok(init) = event.candidate.to_json()
            && !init.candidate.is_empty()
        {
            self.send(Signal::Candidate(init.candidate));
        }
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.send(Signal::GatheringComplete);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        let state = match state {
            RTCPeerConnectionState::New => ConnectionState::New,
            RTCPeerConnectionState::Connecting => ConnectionState::Connecting,
            RTCPeerConnectionState::Connected => ConnectionState::Connected,
            RTCPeerConnectionState::Disconnected => ConnectionState::Disconnected,
            RTCPeerConnectionState::Failed => ConnectionState::Failed,
            // Closed is ours to say, once everything has ended.
            _ => return,
        };
        match state {
            ConnectionState::Connected => self.open.store(true, Ordering::Release),
            ConnectionState::Failed => self.open.store(false, Ordering::Release),
            _ => {}
        }
        self.send(Signal::State(state));
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        // Pictures are taken out before they get to a track.
        if track.kind().await == RtpCodecKind::Audio {
            self.send(Signal::Track(track));
        }
    }
}
