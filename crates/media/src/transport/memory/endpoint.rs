//! One end of a connection in memory, as a state machine: negotiation, a handshake of several round trips that
//! repeats what was lost, and consent that expires. It sends nothing by itself: it says what to send.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::token::{Id, Token};
use crate::transport::{
    Candidate, ConnectionState, Description, DescriptionKind, TransportCommand, TransportError,
    TransportEvent,
};

/// Time until an unanswered step of the handshake is repeated.
const REPEAT: Duration = Duration::from_millis(50);

/// Time between consent checks.
const CONSENT_INTERVAL: Duration = Duration::from_secs(1);

/// Silence until `disconnected`, as over the network.
const DISCONNECTED_AFTER: Duration = Duration::from_secs(5);

/// Silence until `failed`.
const FAILED_AFTER: Duration = Duration::from_secs(30);

/// Most candidates kept for a description to come.
const MAX_EARLY: usize = 64;

/// What endpoints say to each other beside voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    /// Here I am: tells an end that lacks the candidate where to send.
    Knock { generation: u32 },
    /// Step of the handshake, even from the end that offered, odd from the other.
    Step { generation: u32, number: u32 },
    /// Are you there?
    Ping { sent: Instant },
    /// I am.
    Pong { sent: Instant },
}

/// What an endpoint wants done, in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Output {
    Event(TransportEvent),
    Send(Id, Control),
}

pub(super) struct Endpoint {
    id: Id,
    /// Steps until the end that offered is connected, less one: an odd number.
    last_step: u32,
    held: bool,
    local: Token,
    /// We offered and wait for the answer.
    offering: bool,
    /// A release may come before the first description.
    described: bool,
    told: bool,
    remote: Option<Token>,
    early: VecDeque<Token>,
    /// Where the peer can be reached, once its candidate or its knock told.
    reachable: bool,
    handshake: Option<Handshake>,
    state: ConnectionState,
    heard: Instant,
    pinged: Instant,
    pub(super) round_trip: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Handshake {
    offered: bool,
    /// Identifies the exchange: both generations.
    generation: u32,
    /// The last step we sent, if any.
    sent: Option<u32>,
    at: Instant,
}

impl Endpoint {
    pub(super) fn new(id: Id, round_trips: u32, hold: bool, now: Instant) -> Self {
        Self {
            id,
            last_step: round_trips.max(1) * 2 - 1,
            held: hold,
            local: Token { id, generation: 0 },
            offering: false,
            described: false,
            told: false,
            remote: None,
            early: VecDeque::new(),
            reachable: false,
            handshake: None,
            state: ConnectionState::New,
            heard: now,
            pinged: now,
            round_trip: None,
        }
    }

    pub(super) fn peer(&self) -> Option<Id> {
        self.remote.map(|remote| remote.id)
    }

    /// Whether voice may flow. It does so during a restart and while consent is doubtful.
    pub(super) fn is_open(&self) -> bool {
        use ConnectionState::{Closed, Failed, New};
        !matches!(self.state, New | Closed | Failed) && self.round_trip.is_some()
    }

    pub(super) fn command(&mut self, command: TransportCommand, now: Instant, out: &mut Vec<Output>) {
        if self.state == ConnectionState::Closed {
            return;
        }
        let done = match command {
            TransportCommand::Offer { restart } => {
                self.offer(restart, out);
                Ok(())
            }
            TransportCommand::Remote(description) => self.on_remote(&description, now, out),
            TransportCommand::RemoteCandidate(Some(candidate)) => self.on_candidate(&candidate, now, out),
            TransportCommand::RemoteCandidate(None) => Ok(()),
            TransportCommand::ReleaseCandidates => {
                self.held = false;
                self.tell(out);
                self.begin(now, out);
                Ok(())
            }
            TransportCommand::Close => {
                self.set_state(ConnectionState::Closed, out);
                Ok(())
            }
        };
        if let Err(error) = done {
            out.push(Output::Event(TransportEvent::Error(error)));
        }
    }

    fn offer(&mut self, restart: bool, out: &mut Vec<Output>) {
        if restart && self.remote.is_some() {
            self.renew();
        }
        self.offering = true;
        self.announce(DescriptionKind::Offer, out);
    }

    /// A new generation of ours.
    fn renew(&mut self) {
        self.local.generation += 1;
        self.told = false;
    }

    fn announce(&mut self, kind: DescriptionKind, out: &mut Vec<Output>) {
        self.described = true;
        out.push(Output::Event(TransportEvent::LocalDescription(
            self.local.description(kind),
        )));
        self.tell(out);
    }

    /// Tells our candidates, once a generation, unless they are held.
    fn tell(&mut self, out: &mut Vec<Output>) {
        if self.held || self.told || !self.described {
            return;
        }
        self.told = true;
        let candidate: Candidate = self.local.candidate();
        out.push(Output::Event(TransportEvent::LocalCandidate(Some(candidate))));
        out.push(Output::Event(TransportEvent::LocalCandidate(None)));
    }

    fn on_remote(
        &mut self,
        description: &Description,
        now: Instant,
        out: &mut Vec<Output>,
    ) -> Result<(), TransportError> {
        let token = Token::of_description(description)?;
        if token.id == self.id {
            return Err(TransportError::BadDescription("our own".into()));
        }
        let offered = match (description.kind, self.offering) {
            (DescriptionKind::Answer, false) => {
                return Err(TransportError::BadDescription(
                    "an answer nobody asked for".into(),
                ));
            }
            (DescriptionKind::Answer, true) => true,
            (DescriptionKind::Offer, _) => false,
        };
        self.offering = false;
        let restarted = self.remote != Some(token);
        if restarted {
            // An offer with a new generation asks for one of ours; an answer comes after we made one.
            if self.remote.is_some() && !offered {
                self.renew();
            }
            self.remote = Some(token);
            self.reachable = false;
        }
        if !offered {
            self.announce(DescriptionKind::Answer, out);
        }
        if restarted {
            let generation = self.generation(token);
            self.handshake = Some(Handshake {
                offered,
                generation,
                sent: None,
                at: now,
            });
            self.heard = now;
            self.set_state(ConnectionState::Connecting, out);
        }
        if let Some(at) = self.early.iter().position(|early| *early == token) {
            self.early.remove(at);
            self.reachable = true;
        }
        self.begin(now, out);
        Ok(())
    }

    fn on_candidate(
        &mut self,
        candidate: &Candidate,
        now: Instant,
        out: &mut Vec<Output>,
    ) -> Result<(), TransportError> {
        let token = Token::of_candidate(candidate)?;
        if self.remote == Some(token) {
            self.reachable = true;
            self.begin(now, out);
        } else {
            if self.early.len() == MAX_EARLY {
                self.early.pop_front();
            }
            self.early.push_back(token);
        }
        Ok(())
    }

    /// Both generations, so that what is left of an exchange before is not mistaken for this one.
    fn generation(&self, remote: Token) -> u32 {
        self.local.generation + remote.generation
    }

    /// Sends the first step, or the knock that asks for it, if nothing was sent yet and it can be.
    fn begin(&mut self, now: Instant, out: &mut Vec<Output>) {
        let (Some(remote), Some(handshake)) = (self.remote, &mut self.handshake) else {
            return;
        };
        if self.held || !self.reachable || handshake.sent.is_some() {
            return;
        }
        handshake.at = now;
        let generation = handshake.generation;
        if handshake.offered {
            handshake.sent = Some(0);
            out.push(Output::Send(
                remote.id,
                Control::Step {
                    generation,
                    number: 0,
                },
            ));
        } else {
            out.push(Output::Send(remote.id, Control::Knock { generation }));
        }
    }

    pub(super) fn on_control(&mut self, from: Id, control: Control, now: Instant, out: &mut Vec<Output>) {
        if self.peer() != Some(from) || self.state == ConnectionState::Closed {
            return;
        }
        match control {
            Control::Knock { generation } => {
                if self
                    .handshake
                    .is_some_and(|handshake| handshake.generation == generation)
                {
                    self.reachable = true;
                    self.begin(now, out);
                }
            }
            Control::Step { generation, number } => self.on_step(from, generation, number, now, out),
            // A held end stays silent before its release.
            Control::Ping { sent } if !self.held => {
                self.on_sign_of_life(now, out);
                out.push(Output::Send(from, Control::Pong { sent }));
            }
            Control::Ping { .. } => {}
            Control::Pong { sent } => {
                self.on_sign_of_life(now, out);
                self.round_trip = Some(now.saturating_duration_since(sent));
            }
        }
    }

    fn on_step(&mut self, from: Id, generation: u32, number: u32, now: Instant, out: &mut Vec<Output>) {
        let (held, last) = (self.held, self.last_step);
        let Some(handshake) = &mut self.handshake else {
            return;
        };
        let theirs = number % 2 == u32::from(handshake.offered);
        if held || handshake.generation != generation || !theirs || number > last + 1 {
            return;
        }
        self.reachable = true;
        // A repeated step is answered again: our reply to it was lost.
        let next = number + 1;
        if handshake.sent.is_none_or(|sent| next > sent) {
            handshake.sent = Some(next);
            handshake.at = now;
        }
        if next <= last + 1 {
            out.push(Output::Send(
                from,
                Control::Step {
                    generation,
                    number: next,
                },
            ));
        }
        let connected = if handshake.offered {
            number == last
        } else {
            number == last + 1
        };
        if connected {
            self.heard = now;
            self.round_trip.get_or_insert(Duration::ZERO);
            self.pinged = now;
            self.set_state(ConnectionState::Connected, out);
            out.push(Output::Send(from, Control::Ping { sent: now }));
        }
    }

    /// Takes note that the peer is there: it brings back what was only doubtful.
    pub(super) fn on_sign_of_life(&mut self, now: Instant, out: &mut Vec<Output>) {
        self.heard = now;
        if self.state == ConnectionState::Disconnected {
            self.set_state(ConnectionState::Connected, out);
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        match (self.state, &self.handshake) {
            (ConnectionState::Connecting, Some(handshake)) => {
                let gives_up = self.heard + FAILED_AFTER;
                let sends = !self.held && self.reachable;
                Some(if sends {
                    gives_up.min(handshake.at + REPEAT)
                } else {
                    gives_up
                })
            }
            (ConnectionState::Connected | ConnectionState::Disconnected, _) => {
                let silence = if self.state == ConnectionState::Connected {
                    DISCONNECTED_AFTER
                } else {
                    FAILED_AFTER
                };
                Some((self.pinged + CONSENT_INTERVAL).min(self.heard + silence))
            }
            _ => None,
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, out: &mut Vec<Output>) {
        let Some(remote) = self.remote else { return };
        let silence = now.saturating_duration_since(self.heard);
        match self.state {
            // Nothing is said while ours are held, so nothing can be expected.
            ConnectionState::Connecting if silence >= FAILED_AFTER && !self.held => {
                self.set_state(ConnectionState::Failed, out);
            }
            ConnectionState::Connecting if silence >= FAILED_AFTER => self.heard = now,
            ConnectionState::Connecting => {
                let Some(handshake) = &mut self.handshake else {
                    return;
                };
                if now < handshake.at + REPEAT || self.held || !self.reachable {
                    return;
                }
                handshake.at = now;
                let generation = handshake.generation;
                out.push(Output::Send(
                    remote.id,
                    match handshake.sent {
                        Some(number) => Control::Step { generation, number },
                        None => Control::Knock { generation },
                    },
                ));
            }
            ConnectionState::Connected | ConnectionState::Disconnected => {
                if silence >= FAILED_AFTER {
                    return self.set_state(ConnectionState::Failed, out);
                }
                if silence >= DISCONNECTED_AFTER {
                    self.set_state(ConnectionState::Disconnected, out);
                }
                if now >= self.pinged + CONSENT_INTERVAL {
                    self.pinged = now;
                    out.push(Output::Send(remote.id, Control::Ping { sent: now }));
                }
            }
            _ => {}
        }
    }

    fn set_state(&mut self, state: ConnectionState, out: &mut Vec<Output>) {
        if self.state != state {
            self.state = state;
            out.push(Output::Event(TransportEvent::State(state)));
        }
    }
}
