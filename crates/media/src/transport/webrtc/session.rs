//! The task that owns a peer connection: commands in, events out, one after the other, until closed.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rtc::peer_connection::configuration::RTCOfferOptions;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::transport::RTCIceCandidateInit;
use sidetone_pipeline::{Pool, Pooled, QueueSender};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use webrtc::peer_connection::PeerConnection;

use super::candidate::{Early, Kind, Line, belongs};
use super::description;
use super::runtime::WatchedRuntime;
use super::sections::{self, Layers};
use super::settings::{CHECK_INTERVAL, MAX_ROUND, Tellers};
use super::signals::Signal;
use super::stats::{SelectedPair, selected_pair};
use super::voice::Voice;
use crate::packet::VoicePacket;
use crate::transport::pictures::Layout;
use crate::transport::{
    Candidate, ConnectionState, Description, DescriptionKind, TransportCommand, TransportConfig,
    TransportError, TransportEvent,
};

/// Candidates of the peer that are checked, per generation. Each costs a check per local candidate and round.
const MAX_REMOTE_CANDIDATES: u32 = 32;

/// How often the library is asked for statistics.
const STATS_INTERVAL: Duration = Duration::from_secs(1);

/// Everything a session owns.
pub(super) struct Session {
    pub(super) connection: Arc<dyn PeerConnection>,
    pub(super) runtime: Arc<WatchedRuntime>,
    pub(super) events: UnboundedSender<TransportEvent>,
    pub(super) config: TransportConfig,
    pub(super) voice: Arc<Voice>,
    pub(super) pool: Pool<VoicePacket>,
    pub(super) incoming: QueueSender<Pooled<VoicePacket>>,
    pub(super) selected: Arc<Mutex<SelectedPair>>,
    /// The voice loops; they end with the session.
    pub(super) loops: JoinSet<()>,
    pub(super) negotiation: Negotiation,
    pub(super) local: Local,
    pub(super) remote: Remote,
    pub(super) state: ConnectionState,
    /// Since when it has been so.
    pub(super) since: Instant,
}

/// Our side of the current ICE generation.
#[derive(Default)]
pub(super) struct Local {
    username_fragment: String,
    /// Candidates kept back, while they are.
    held: Option<Vec<Option<Candidate>>>,
    /// The one announced address went out already.
    advertised: bool,
    /// Candidates found.
    found: u32,
}

impl Local {
    pub(super) fn new(hold: bool) -> Self {
        Self {
            held: hold.then(Vec::new),
            ..Self::default()
        }
    }
}

/// The peer's side of the current ICE generation.
#[derive(Default)]
pub(super) struct Remote {
    /// Empty before the first description.
    username_fragment: String,
    early: Early,
    /// Of the current generation, not yet passed on because ours are held: a check would show our address.
    waiting: Vec<Candidate>,
    added: u32,
}

/// What has to be known of descriptions when an exchange is complete.
pub(super) struct Negotiation {
    layouts: QueueSender<Layout>,
    tellers: Tellers,
    /// Our offer that has no answer yet.
    offered: Option<String>,
    settled: Option<Layout>,
    layers: Layers,
}

impl Negotiation {
    pub(super) fn new(layouts: QueueSender<Layout>, tellers: Tellers) -> Self {
        Self {
            layouts,
            tellers,
            offered: None,
            settled: None,
            layers: std::array::from_fn(|_| rand::random()),
        }
    }

    /// An exchange is complete.
    fn settle(&mut self, local: &str, remote: &str, we_answer: bool, config: &TransportConfig) {
        let Some(video) = &config.video else { return };
        let layout = sections::read(local, remote, we_answer, config.slots > 0, video, &self.layers);
        if self.settled.as_ref() == Some(&layout) {
            return;
        }
        self.settled = Some(layout.clone());
        let streams = sections::streams(&layout);
        for teller in &self.tellers {
            teller.push(streams.clone());
        }
        self.layouts.push(layout);
    }
}

impl Session {
    /// Runs until told to close or nobody is left to tell.
    pub(super) async fn run(
        mut self,
        mut commands: UnboundedReceiver<TransportCommand>,
        mut signals: UnboundedReceiver<Signal>,
    ) {
        let mut stats = tokio::time::interval(STATS_INTERVAL);
        stats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut driving = true;
        let runtime = Arc::clone(&self.runtime);
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    None | Some(TransportCommand::Close) => break,
                    Some(_) if !driving => self.fail(TransportError::Misuse("the connection has failed".into())),
                    Some(command) => {
                        if let Err(error) = self.on_command(command).await {
                            self.fail(error);
                        }
                    }
                },
                Some(signal) = signals.recv() => self.on_signal(signal),
                _ = stats.tick() => {
                    self.refresh_stats().await;
                    self.set_pace();
                }
                () = runtime.driver_ended(), if driving => {
                    driving = false;
                    self.fail(TransportError::Network("the connection's driver stopped".into()));
                    self.voice.open.store(false, Ordering::Release);
                    self.set_state(ConnectionState::Failed);
                }
            }
        }
        self.close().await;
    }

    async fn on_command(&mut self, command: TransportCommand) -> Result<(), TransportError> {
        match command {
            TransportCommand::Offer { restart } => self.offer(restart).await,
            TransportCommand::Remote(description) => self.on_remote(description).await,
            TransportCommand::RemoteCandidate(Some(candidate)) => self.on_remote_candidate(candidate).await,
            // ICE goes on with what it has; there is nothing to stop earlier.
            TransportCommand::RemoteCandidate(None) => Ok(()),
            TransportCommand::ReleaseCandidates => self.release().await,
            TransportCommand::Close => Ok(()),
        }
    }

    async fn offer(&mut self, restart: bool) -> Result<(), TransportError> {
        // A restart before the first exchange is only an offer.
        let ice_restart = restart && self.connection.current_remote_description().await.is_some();
        let offer = self
            .connection
            .create_offer(Some(RTCOfferOptions { ice_restart }))
            .await
            .map_err(misuse)?;
        self.connection
            .set_local_description(offer.clone())
            .await
            .map_err(misuse)?;
        self.announce(DescriptionKind::Offer, &offer.sdp);
        self.negotiation.offered = Some(offer.sdp);
        Ok(())
    }

    async fn on_remote(&mut self, mut description: Description) -> Result<(), TransportError> {
        if let Some(video) = &self.config.video
            && description.kind == DescriptionKind::Offer
        {
            description.sdp = sections::with_usable(&description.sdp, video);
        }
        let checked = description::check(&description)?;
        let slots = self.config.slots > 0;
        if slots && description.kind == DescriptionKind::Offer {
            return Err(TransportError::BadDescription(
                "an offer to an end with slots".into(),
            ));
        }
        let streams = slots
            .then(|| description::streams(&description.sdp))
            .transpose()?;
        if description.kind == DescriptionKind::Offer
            && self.connection.pending_local_description().await.is_some()
        {
            // Both offered. The peer's goes first; the library wants our own taken back explicitly.
            let rollback = RTCSessionDescription::rollback(None).map_err(misuse)?;
            self.connection
                .set_local_description(rollback)
                .await
                .map_err(misuse)?;
        }
        let applied = unpanicked(self.connection.set_remote_description(checked.session)).await;
        applied
            .unwrap_or_else(|| Err(rtc::shared::error::Error::Other("refused by the parser".into())))
            .map_err(bad)?;
        if checked.username_fragment != self.remote.username_fragment {
            self.remote.username_fragment = checked.username_fragment;
            self.remote.waiting.clear();
            self.remote.added = 0;
        }
        match description.kind {
            DescriptionKind::Offer => {
                let answer = unpanicked(self.connection.create_answer(None)).await;
                let answer = answer
                    .unwrap_or_else(|| Err(rtc::shared::error::Error::Other("cannot be answered".into())))
                    .map_err(bad)?;
                if let Some(negotiated) = description::negotiated(&answer.sdp) {
                    self.voice.set_negotiated(negotiated);
                }
                self.connection
                    .set_local_description(answer.clone())
                    .await
                    .map_err(bad)?;
                self.negotiation.offered = None;
                self.negotiation
                    .settle(&answer.sdp, &description.sdp, true, &self.config);
                self.runtime.ring();
                self.announce(DescriptionKind::Answer, &answer.sdp);
            }
            DescriptionKind::Answer => {
                if let Some(offer) = self.negotiation.offered.take() {
                    self.negotiation
                        .settle(&offer, &description.sdp, false, &self.config);
                    self.runtime.ring();
                }
                self.voice.set_negotiated(checked.negotiated);
                if let Some(streams) = streams {
                    self.voice.set_slots(streams);
                }
            }
        }
        let early = self.remote.early.take(&self.remote.username_fragment);
        for candidate in checked.candidates.into_iter().chain(early) {
            if let Err(error) = self.on_remote_candidate(candidate).await {
                self.fail(error);
            }
        }
        Ok(())
    }

    /// Tells the owner our description, and begins the generation of candidates that belongs to it.
    fn announce(&mut self, kind: DescriptionKind, sdp: &str) {
        if let Some(fragment) = description::username_fragment(sdp)
            && fragment != self.local.username_fragment
        {
            self.local.username_fragment = fragment.to_owned();
            self.local.advertised = false;
            self.local.found = 0;
        }
        let mut sdp = description::without_candidates(sdp);
        if let Some(video) = self
            .config
            .video
            .as_ref()
            .filter(|_| kind == DescriptionKind::Offer)
        {
            sdp = sections::with_contents(&sdp, video, self.config.slots > 0);
        }
        self.emit(TransportEvent::LocalDescription(Description { kind, sdp }));
    }

    async fn on_remote_candidate(&mut self, candidate: Candidate) -> Result<(), TransportError> {
        if candidate.candidate.is_empty() {
            return Ok(());
        }
        if !description::usable(&candidate)? {
            return Ok(());
        }
        if self.remote.username_fragment.is_empty() || !belongs(&candidate, &self.remote.username_fragment) {
            self.remote.early.push(candidate);
            return Ok(());
        }
        if self.local.held.is_some() {
            if self.remote.waiting.len() < MAX_REMOTE_CANDIDATES as usize {
                self.remote.waiting.push(candidate);
            }
            return Ok(());
        }
        self.add(candidate).await
    }

    async fn add(&mut self, candidate: Candidate) -> Result<(), TransportError> {
        if self.remote.added >= MAX_REMOTE_CANDIDATES {
            return Err(TransportError::BadCandidate("too many candidates".into()));
        }
        self.remote.added += 1;
        self.set_pace();
        let init = RTCIceCandidateInit {
            candidate: candidate.candidate.trim_start_matches("a=").to_owned(),
            sdp_mid: Some(candidate.mid),
            ..RTCIceCandidateInit::default()
        };
        let added = unpanicked(self.connection.add_ice_candidate(init)).await;
        self.runtime.ring();
        match added {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(TransportError::BadCandidate(error.to_string())),
            None => Err(TransportError::BadCandidate("refused by the parser".into())),
        }
    }

    async fn release(&mut self) -> Result<(), TransportError> {
        for candidate in self.local.held.take().into_iter().flatten() {
            self.emit(TransportEvent::LocalCandidate(candidate));
        }
        for candidate in std::mem::take(&mut self.remote.waiting) {
            self.add(candidate).await?;
        }
        Ok(())
    }

    fn on_signal(&mut self, signal: Signal) {
        match signal {
            Signal::Candidate(line) => self.on_local_candidate(&line),
            Signal::GatheringComplete => self.tell_candidate(None),
            Signal::State(state) => self.set_state(state),
            Signal::Estimate(estimate) => self.emit(TransportEvent::Estimate(estimate)),
            Signal::Track(track) => {
                let (voice, pool, incoming) =
                    (Arc::clone(&self.voice), self.pool.clone(), self.incoming.clone());
                self.loops
                    .spawn(async move { voice.receive(track, pool, incoming).await });
            }
        }
    }

    fn on_local_candidate(&mut self, line: &str) {
        let Ok(parsed) = Line::parse(line) else { return };
        self.local.found += 1;
        self.set_pace();
        let candidate = match self.config.advertise {
            Some(_) if parsed.kind == Kind::Host && self.local.advertised => return,
            Some(address) if parsed.kind == Kind::Host => {
                self.local.advertised = true;
                parsed.at(address)
            }
            _ => line.to_owned(),
        };
        self.tell_candidate(Some(Candidate {
            candidate,
            mid: "0".to_owned(),
            username_fragment: self.local.username_fragment.clone(),
        }));
    }

    fn tell_candidate(&mut self, candidate: Option<Candidate>) {
        match &mut self.local.held {
            Some(held) => held.push(candidate),
            None => self.emit(TransportEvent::LocalCandidate(candidate)),
        }
    }

    async fn refresh_stats(&mut self) {
        if self.state == ConnectionState::New {
            return;
        }
        if let Some(pair) = selected_pair(&*self.connection, Instant::now()).await {
            *self.selected.lock().unwrap_or_else(PoisonError::into_inner) = pair;
        }
    }

    fn set_state(&mut self, state: ConnectionState) {
        if self.state != state {
            self.state = state;
            self.since = Instant::now();
            self.set_pace();
            // Pictures wait for it, and the driver may sleep long.
            self.runtime.ring();
            self.emit(TransportEvent::State(state));
        }
    }

    /// Spreads checks over the pairs there are, and sends fewer the longer they do not help.
    fn set_pace(&self) {
        let checking = matches!(self.state, ConnectionState::New | ConnectionState::Connecting);
        let pairs = self.local.found.max(1) * self.remote.added.max(1);
        let patience = 1 + self.since.elapsed().as_secs().min(60) as u32;
        let round = if checking {
            CHECK_INTERVAL.saturating_mul(pairs * patience).min(MAX_ROUND)
        } else {
            Duration::ZERO
        };
        self.runtime.set_pace(round);
        self.runtime.set_relayed(self.may_be_relayed(checking));
    }

    /// Whether packets go through a relay, as far as is known.
    fn may_be_relayed(&self, checking: bool) -> bool {
        let servers = self.config.ice_servers.iter();
        let has_relay = servers
            .flat_map(|server| &server.urls)
            .any(|url| url.starts_with("turn"));
        let selected = self.selected.lock().unwrap_or_else(PoisonError::into_inner);
        has_relay && (checking || matches!(selected.local_type.as_str(), "" | "relay"))
    }

    fn fail(&self, error: TransportError) {
        self.emit(TransportEvent::Error(error));
    }

    fn emit(&self, event: TransportEvent) {
        // Nobody listens after the owner dropped the transport.
        let _ = self.events.send(event);
    }

    async fn close(mut self) {
        self.voice.open.store(false, Ordering::Release);
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "closing a peer connection");
        }
        self.loops.shutdown().await;
        self.set_state(ConnectionState::Closed);
    }
}

fn bad(error: rtc::shared::error::Error) -> TransportError {
    TransportError::BadDescription(error.to_string())
}

fn misuse(error: rtc::shared::error::Error) -> TransportError {
    TransportError::Misuse(error.to_string())
}

/// Runs a library call that reads what a peer sent. `None` when it panicked: the peer's fault is not ours.
async fn unpanicked<T>(call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    std::future::poll_fn(
        |cx| match std::panic::catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Some),
            Err(_) => std::task::Poll::Ready(None),
        },
    )
    .await
}
