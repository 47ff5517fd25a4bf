//! One transport to one peer: ICE, DTLS and SRTP on a single component (RFC 8834, RFC 8843), as a state machine.
//!
//! A [`Link`] takes datagrams and the time, and gives datagrams, [`LinkEvent`]s and opened packets. It serves both
//! roles: answering as a lite agent and DTLS server, as the forwarding service does, or calling as a full agent and
//! DTLS client, as a load generator does. It refuses to know sockets, descriptions, and what the packets are for.

mod credentials;
mod demux;
mod event;
mod handshake;
mod lite;
#[cfg(test)]
mod tests;
mod throttle;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use is::stun::{StunMessage, StunPacket};
use is::{Candidate, IceAgent, IceAgentEvent, IceCreds};

pub use self::credentials::{Certificate, Credentials, Fingerprint};
pub use self::demux::Protocol;
pub use self::event::{LinkError, LinkEvent, Received};
use self::handshake::{Handshake, Step};
pub use self::lite::ufrag_of_check;
use self::lite::{Address, Check, Lite};
use crate::srtp::{Opener, Sealer};

/// How long the handshake is kept after it is done, should the peer still miss our last flight, when no media tell
/// that it does not.
const LINGER: Duration = Duration::from_secs(40);

/// First wait for an answer to a flight, doubled each time. The 1 s of RFC 6347 section 4.2.4.1 goes straight into the
/// time to the first word where a datagram is lost.
const FLIGHT: Duration = Duration::from_millis(250);

/// How often a flight is repeated, within [`LINGER`].
const FLIGHTS: usize = 7;

/// Consent without checks (RFC 7675 section 5.1 allows up to 30 s).
pub const CONSENT: Duration = Duration::from_secs(15);

/// What links of a process have in common.
#[derive(Clone)]
pub struct LinkConfig(Arc<Common>);

struct Common {
    certificate: Certificate,
    dtls: Arc<dimpl::Config>,
    consent: Duration,
}

impl LinkConfig {
    /// With one certificate, and the time after which a peer that sends no checks counts as lost.
    ///
    /// # Errors
    /// [`LinkError::Handshake`]: the cryptographic library refuses.
    pub fn new(certificate: Certificate, consent: Duration) -> Result<Self, LinkError> {
        let dtls = dimpl::Config::builder()
            // A link is made for authenticated peers only, whose address has been checked: no cookie needed.
            .use_server_cookie(false)
            .flight_start_rto(FLIGHT)
            .flight_retries(FLIGHTS)
            .handshake_timeout(LINGER)
            .build()
            .map_err(|error| LinkError::Handshake(error.to_string()))?;
        Ok(Self(Arc::new(Common {
            certificate,
            dtls: Arc::new(dtls),
            consent,
        })))
    }

    /// With the same random numbers each time.
    #[cfg(test)]
    fn seeded(certificate: Certificate, seed: u64) -> Self {
        let dtls = dimpl::Config::builder()
            .use_server_cookie(false)
            .flight_start_rto(FLIGHT)
            .flight_retries(FLIGHTS)
            .handshake_timeout(LINGER)
            .dangerously_set_rng_seed(seed)
            .build();
        Self(Arc::new(Common {
            certificate,
            dtls: Arc::new(dtls.unwrap_or_default()),
            consent: CONSENT,
        }))
    }

    /// What peers know us by.
    pub fn fingerprint(&self) -> Fingerprint {
        self.0.certificate.fingerprint()
    }
}

/// What the peer's description says about its end.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Its ICE credentials.
    pub credentials: Credentials,
    /// Its certificate's.
    pub fingerprint: Fingerprint,
}

/// Where datagrams to send go.
pub type Send<'a> = &'a mut dyn FnMut(SocketAddr, &[u8]);

enum Ice {
    Lite(Box<Lite>),
    Full(Box<Full>),
}

/// The calling end.
struct Full {
    agent: IceAgent,
    local: SocketAddr,
    chosen: Option<SocketAddr>,
    connected: bool,
}

/// A link to one peer.
pub struct Link {
    config: LinkConfig,
    ice: Ice,
    fingerprint: Fingerprint,
    handshake: Option<Box<Handshake>>,
    keys: Option<Box<(Sealer, Opener)>>,
    connected: Option<Instant>,
    lost: bool,
    failed: bool,
    events: VecDeque<LinkEvent>,
}

impl Link {
    /// The answering end: ICE lite, DTLS server.
    pub fn answering(config: &LinkConfig, now: Instant, local: Credentials, remote: &Remote) -> Self {
        let ice = Ice::Lite(Box::new(Lite::new(now, local, &remote.credentials.ufrag)));
        Self::new(config, ice, remote)
    }

    /// The calling end: full ICE in the controlling role, DTLS client, at one local and to one remote address.
    pub fn calling(
        config: &LinkConfig,
        local: Credentials,
        remote: &Remote,
        (from, to): (SocketAddr, SocketAddr),
    ) -> Self {
        let creds = |credentials: &Credentials| IceCreds {
            ufrag: credentials.ufrag.clone(),
            pass: credentials.password.clone(),
        };
        let mut agent = IceAgent::with_hmac(creds(&local), &credentials::Integrity);
        agent.set_controlling(true);
        agent.set_remote_credentials(creds(&remote.credentials));
        // Refused for nonsense such as port 0 only; the link then never connects.
        if let Ok(candidate) = Candidate::host(from, str0m_proto::Protocol::Udp) {
            agent.add_local_candidate(candidate);
        }
        if let Ok(candidate) = Candidate::host(to, str0m_proto::Protocol::Udp) {
            agent.add_remote_candidate(candidate);
        }
        let full = Full {
            agent,
            local: from,
            chosen: None,
            connected: false,
        };
        Self::new(config, Ice::Full(Box::new(full)), remote)
    }

    fn new(config: &LinkConfig, ice: Ice, remote: &Remote) -> Self {
        Self {
            config: config.clone(),
            ice,
            fingerprint: remote.fingerprint,
            handshake: None,
            keys: None,
            connected: None,
            lost: false,
            failed: false,
            events: VecDeque::new(),
        }
    }

    /// Whether this is the same peer as before by its certificate, so that it may restart ICE.
    pub fn is_of(&self, fingerprint: Fingerprint) -> bool {
        self.fingerprint == fingerprint && !self.failed
    }

    /// Whether the peer still has these ICE credentials.
    pub fn uses(&self, remote_ufrag: &str) -> bool {
        matches!(&self.ice, Ice::Lite(lite) if lite.remote_ufrag() == remote_ufrag)
    }

    /// Restarts ICE on the answering end (RFC 8445 section 9): the old credentials and the old address stay good until
    /// the peer comes with the new ones. DTLS and SRTP go on.
    pub fn restart(&mut self, local: Credentials, remote_ufrag: &str) {
        if let Ice::Lite(lite) = &mut self.ice {
            lite.restart(local, remote_ufrag);
        }
    }

    /// Our user fragment, on the answering end.
    pub fn ufrag(&self) -> Option<&str> {
        match &self.ice {
            Ice::Lite(lite) => Some(&lite.local().ufrag),
            Ice::Full(_) => None,
        }
    }

    /// The one before the restart, while it is still good.
    pub fn previous_ufrag(&self) -> Option<&str> {
        match &self.ice {
            Ice::Lite(lite) => lite.previous_ufrag(),
            Ice::Full(_) => None,
        }
    }

    /// Where to send: none before the peer has chosen, and while it is lost.
    pub fn remote(&self) -> Option<SocketAddr> {
        if self.lost || self.failed {
            return None;
        }
        match &self.ice {
            Ice::Lite(lite) => lite.chosen,
            Ice::Full(full) => full.chosen,
        }
    }

    /// Whether packets can be sealed and opened.
    pub const fn is_connected(&self) -> bool {
        self.keys.is_some() && !self.failed
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<LinkEvent> {
        self.events.pop_front()
    }

    /// Takes a datagram. RTP and RTCP are opened in place.
    ///
    /// # Errors
    /// [`LinkError`]: the datagram is to be dropped and counted. The link goes on.
    pub fn receive(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &mut [u8],
        send: Send<'_>,
    ) -> Result<Received, LinkError> {
        match Protocol::of(datagram).ok_or(LinkError::Unknown)? {
            Protocol::Stun => self.receive_check(now, from, datagram, send)?,
            Protocol::Dtls => self.receive_handshake(now, from, datagram, send)?,
            Protocol::Rtp => {
                let (_, opener) = self.keys.as_deref_mut().ok_or(LinkError::TooEarly)?;
                let length = opener.open_rtp(datagram)?;
                self.settle();
                return Ok(Received::Rtp(length));
            }
            Protocol::Rtcp => {
                let (_, opener) = self.keys.as_deref_mut().ok_or(LinkError::TooEarly)?;
                let length = opener.open_rtcp(datagram)?;
                self.settle();
                return Ok(Received::Rtcp(length));
            }
        }
        Ok(Received::Own)
    }

    /// Who sends media has our last flight.
    fn settle(&mut self) {
        self.handshake = None;
    }

    fn receive_check(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
        send: Send<'_>,
    ) -> Result<(), LinkError> {
        match &mut self.ice {
            Ice::Lite(lite) => {
                let mut answer = [0; 256];
                let Check::Answered { length, address } = lite.check(now, from, datagram, &mut answer) else {
                    return Err(LinkError::Check);
                };
                send(from, &answer[..length]);
                if address != Address::Known {
                    self.events.push_back(LinkEvent::Address(from));
                }
                if std::mem::take(&mut self.lost) {
                    self.events.push_back(LinkEvent::Back);
                }
            }
            Ice::Full(full) => {
                let message = StunMessage::parse(datagram).map_err(|_| LinkError::Check)?;
                let packet = StunPacket {
                    proto: str0m_proto::Protocol::Udp,
                    source: from,
                    destination: full.local,
                    message,
                };
                if !full.agent.handle_packet(now, packet) {
                    return Err(LinkError::Check);
                }
                self.drive(now, send);
            }
        }
        Ok(())
    }

    fn receive_handshake(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
        send: Send<'_>,
    ) -> Result<(), LinkError> {
        let known = match &self.ice {
            Ice::Lite(lite) => lite.knows(from),
            Ice::Full(full) => full.chosen == Some(from),
        };
        if !known || self.failed || (self.connected.is_some() && self.handshake.is_none()) {
            return Err(LinkError::OutOfTurn);
        }
        let handshake = self
            .handshake
            .get_or_insert_with(|| Box::new(Handshake::answering(&self.config, from, now)));
        if !handshake.takes(now) {
            return Err(LinkError::TooMany);
        }
        handshake.to = from;
        let result = handshake.receive(now, datagram);
        self.advance(now, from, result, send);
        Ok(())
    }

    /// Sends what the handshake wants to send, and takes what it gives.
    fn advance(&mut self, now: Instant, to: SocketAddr, result: Result<(), LinkError>, send: Send<'_>) {
        let Some(handshake) = self.handshake.as_deref_mut() else {
            return;
        };
        let step = result.and_then(|()| handshake.step(self.fingerprint, &mut |datagram| send(to, datagram)));
        match step {
            Ok(Step::Going) => {}
            Ok(Step::Done(keys)) => {
                self.keys = Some(keys);
                self.connected = Some(now);
                self.events.push_back(LinkEvent::Connected);
                match &mut self.ice {
                    // Should the check that chooses have been lost.
                    Ice::Lite(lite) => _ = lite.chosen.get_or_insert(to),
                    // The last flight was the other end's.
                    Ice::Full(_) => self.handshake = None,
                }
            }
            Err(error) => {
                self.handshake = None;
                // What fails after the keys are there does not matter any more.
                if self.connected.is_none() {
                    self.failed = true;
                    self.events.push_back(LinkEvent::Failed(error));
                }
            }
        }
    }

    /// When [`Link::timeout`] has to be called at the latest. None: not before a datagram.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let ice = match &mut self.ice {
            Ice::Lite(lite) if !self.lost => Some(lite.expires(self.config.0.consent)),
            Ice::Lite(_) => None,
            Ice::Full(full) => full.agent.poll_timeout(),
        };
        let linger = self.connected.map(|at| at + LINGER);
        let handshake = self.handshake.as_ref().and_then(|handshake| {
            let next = handshake.next;
            [next, linger].into_iter().flatten().min()
        });
        [ice, handshake].into_iter().flatten().min()
    }

    /// Lets time pass. The calling end starts with it.
    pub fn timeout(&mut self, now: Instant, send: Send<'_>) {
        if let Ice::Lite(lite) = &self.ice
            && lite.expires(self.config.0.consent) <= now
            && !std::mem::replace(&mut self.lost, true)
        {
            self.events.push_back(LinkEvent::Lost);
        }
        self.drive(now, send);
        if self.connected.is_some_and(|at| at + LINGER <= now) {
            self.handshake = None;
        }
        let due = self
            .handshake
            .as_deref_mut()
            .filter(|handshake| handshake.next.is_some_and(|next| next <= now));
        if let Some(handshake) = due {
            let (to, result) = (handshake.to, handshake.timeout(now));
            self.advance(now, to, result, send);
        }
    }

    /// Runs the full agent.
    fn drive(&mut self, now: Instant, send: Send<'_>) {
        let Ice::Full(full) = &mut self.ice else {
            return;
        };
        full.agent.handle_timeout(now);
        while let Some(transmit) = full.agent.poll_transmit() {
            send(transmit.destination, &transmit.contents);
        }
        let mut start = None;
        while let Some(event) = full.agent.poll_event() {
            match event {
                IceAgentEvent::NominatedSend { destination, .. } => {
                    full.chosen = Some(destination);
                    self.events.push_back(LinkEvent::Address(destination));
                    start = Some(destination);
                }
                IceAgentEvent::IceConnectionStateChange(state) => {
                    if full.connected && state.is_disconnected() {
                        self.lost = true;
                        self.events.push_back(LinkEvent::Lost);
                    } else if state.is_connected() {
                        full.connected = true;
                        if std::mem::take(&mut self.lost) {
                            self.events.push_back(LinkEvent::Back);
                        }
                    }
                }
                _ => {}
            }
        }
        if let (Some(to), None, None) = (start, &self.handshake, self.connected) {
            let mut handshake = Box::new(Handshake::calling(&self.config, to, now));
            let result = handshake.timeout(now);
            self.handshake = Some(handshake);
            self.advance(now, to, result, send);
        }
    }

    /// Seals the RTP packet in the first `length` bytes of `buffer`: see [`Sealer::seal_rtp`].
    ///
    /// # Errors
    /// [`LinkError::TooEarly`] before the link is connected, and those of the sealer.
    pub fn seal_rtp(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, LinkError> {
        let (sealer, _) = self.keys.as_deref_mut().ok_or(LinkError::TooEarly)?;
        Ok(sealer.seal_rtp(buffer, length)?)
    }

    /// Seals a packet again: see [`Sealer::seal_rtp_again`].
    ///
    /// # Errors
    /// [`LinkError::TooEarly`] before the link is connected, and those of the sealer.
    pub fn seal_rtp_again(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, LinkError> {
        let (sealer, _) = self.keys.as_deref_mut().ok_or(LinkError::TooEarly)?;
        Ok(sealer.seal_rtp_again(buffer, length)?)
    }

    /// Seals the compound RTCP packet in the first `length` bytes of `buffer`: see [`Sealer::seal_rtcp`].
    ///
    /// # Errors
    /// [`LinkError::TooEarly`] before the link is connected, and those of the sealer.
    pub fn seal_rtcp(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, LinkError> {
        let (sealer, _) = self.keys.as_deref_mut().ok_or(LinkError::TooEarly)?;
        Ok(sealer.seal_rtcp(buffer, length)?)
    }
}
