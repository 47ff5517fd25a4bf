//! The client's brain: one session with the service, and the calls of one endpoint.
//!
//! It joins the session (which knows no calls) and the calls (which know no sockets). It refuses to know what media
//! is: a leg's connection is made, fed and closed by whoever carries out [`AgentOutput::Media`].

mod api;
mod breakouts;
mod meetings;
mod moves;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde::Deserialize as _;
use serde_json::Value;

pub use api::{
    AgentConfig, AgentEvent, AgentInput, AgentOutput, AgentTiming, Command, ConnectionState, MediaAction,
    MediaEvent, Role, SocketEvent, SocketId, StartOptions, TransferState,
};

use crate::call::{self, ClientCall, Settings};
use crate::end_reason::Reason;
use crate::identifier::Identifier;
use crate::meeting::ClientMeeting;
use crate::protocol::{
    CallId, Consent, Event, Incoming, LegId, Opened, Refreshed, Request, SetNotice, Start, Started,
};
use crate::session::client::{self, ClientSession, Purpose};

/// Ended calls that are remembered, so that late news of them is recognised.
const REMEMBERED: usize = 64;

/// The client's brain. See the crate's page for how it is driven.
pub struct Agent {
    session: ClientSession,
    settings: Settings,
    calls: BTreeMap<CallId, ClientCall>,
    meetings: BTreeMap<CallId, ClientMeeting>,
    /// Meetings and group calls that this identity is asked to come to.
    invitations: BTreeMap<CallId, ()>,
    /// Breakout rooms, and the meetings of which they are: those wait on hold until they are over.
    breakouts: BTreeMap<CallId, CallId>,
    /// Calls placed that the service has not answered for yet, and whom they are for. Outlives the call: one that
    /// was hung up meanwhile may still turn out to be merged.
    placed: BTreeMap<CallId, Identifier>,
    /// Calls that take the place of others, until they are answered or over.
    replacing: BTreeMap<CallId, Replacing>,
    /// Calls that are being picked up, and whether they are still wanted.
    picking: BTreeMap<CallId, bool>,
    ended: VecDeque<Ended>,
    outputs: VecDeque<AgentOutput>,
}

/// The call whose place another one takes.
struct Replacing {
    call: CallId,
    /// It was put on hold for that.
    held: bool,
}

/// A call that is over.
struct Ended {
    call: CallId,
    /// The leg on which it rang here, where it did. It may ring here again, on another one.
    rang_on: Option<LegId>,
    reason: Reason,
}

impl Agent {
    /// A client that connects at once.
    pub fn new(config: AgentConfig, now: Instant) -> Self {
        let session = ClientSession::new(&config, now);
        let settings = Settings {
            hide_addresses: config.hide_addresses,
            warm_legs: config.warm_legs,
            timing: config.timing,
            // Until the service says otherwise.
            media_lease: Duration::from_secs(60),
            ice_servers: Vec::new(),
            slots: config.slots,
        };
        let mut agent = Self {
            session,
            settings,
            calls: BTreeMap::new(),
            meetings: BTreeMap::new(),
            invitations: BTreeMap::new(),
            breakouts: BTreeMap::new(),
            placed: BTreeMap::new(),
            replacing: BTreeMap::new(),
            picking: BTreeMap::new(),
            ended: VecDeque::new(),
            outputs: VecDeque::new(),
        };
        agent.settle(now);
        agent
    }

    /// Takes one input.
    pub fn handle(&mut self, input: AgentInput, now: Instant) {
        match input {
            AgentInput::Socket { socket, event } => self.session.handle_socket(socket, event, now),
            AgentInput::Command(command) => self.command(command, now),
            AgentInput::Media { call, leg, event } => {
                if let Some(meeting) = self.meetings.get_mut(&call) {
                    meeting.handle_media(leg, event, now);
                } else if let Some(call) = self.calls.get_mut(&call) {
                    call.handle_media(leg, event, now);
                }
            }
            AgentInput::Timeout => {
                self.session.handle_timeout(now);
                self.calls.values_mut().for_each(|call| call.handle_timeout(now));
                self.meetings
                    .values_mut()
                    .for_each(|meeting| meeting.handle_timeout(now));
            }
        }
        self.settle(now);
    }

    /// The next output; `Timeout` when there is none.
    pub fn poll(&mut self) -> AgentOutput {
        self.outputs.pop_front().unwrap_or_else(|| {
            let calls = self.calls.values().filter_map(ClientCall::next_timeout);
            let meetings = self.meetings.values().filter_map(ClientMeeting::next_timeout);
            AgentOutput::Timeout(calls.chain(meetings).chain(self.session.next_timeout()).min())
        })
    }

    /// Whether no call is left, and nothing is remembered of one that could still change anything.
    pub fn is_idle(&self) -> bool {
        self.calls.is_empty()
            && self.meetings.is_empty()
            && self.invitations.is_empty()
            && self.placed.is_empty()
            && self.replacing.is_empty()
            && self.picking.is_empty()
    }

    fn command(&mut self, command: Command, now: Instant) {
        match command {
            Command::StartCall { call, to, options } => self.start(call, to, options, now),
            Command::Join {
                call,
                locator,
                display_name,
                muted,
            } => self.join(call, locator, display_name, muted, now),
            Command::Ask { ask, call, request } => {
                self.session.request(*request, Some(call), Purpose::Ask(ask), now);
            }
            Command::Accept { call } => {
                if self.accept_meeting(call, now) {
                    return;
                }
                if self.calls.get(&call).is_some_and(ClientCall::is_ringing_here) {
                    self.hold_others(call);
                    self.with(call, |call| call.accept(now));
                }
            }
            Command::Decline { call } => {
                if !self.decline_meeting(call, now) {
                    self.with(call, ClientCall::decline);
                }
            }
            Command::HangUp { call } => {
                self.abandon_pickup(call);
                if !self.decline_meeting(call, now) {
                    self.in_meeting(call, ClientMeeting::leave);
                    self.with(call, ClientCall::hang_up);
                }
            }
            Command::Show { call, pictures } => {
                self.in_meeting(call, |meeting| meeting.show(pictures));
                self.with(call, |call| call.show(pictures));
            }
            Command::Mute { call, muted } => {
                self.in_meeting(call, |meeting| meeting.mute(muted));
                self.with(call, |call| call.mute(muted));
            }
            Command::Hold { call } => {
                self.in_meeting(call, |meeting| meeting.hold(true));
                self.with(call, |call| call.hold(true));
            }
            Command::Resume { call } => {
                if self.calls.contains_key(&call) || self.meetings.contains_key(&call) {
                    self.hold_others(call);
                    self.in_meeting(call, |meeting| meeting.hold(false));
                    self.with(call, |call| call.hold(false));
                }
            }
            Command::PickUp { call } => self.pick_up(call, now),
            Command::Transfer {
                call,
                to,
                target_only,
            } => self.transfer(call, to, target_only, now),
            Command::SetNotice {
                call,
                kind,
                state,
                consent,
            } => {
                let set = Request::Notice(SetNotice {
                    call,
                    kind,
                    state,
                    consent,
                });
                self.session
                    .request(set, Some(call), Purpose::Notice(call, kind, state), now);
            }
            Command::Consent { call, given } => {
                let consent = Request::Consent(Consent { call, given });
                self.session.request(consent, Some(call), Purpose::Ignore, now);
            }
            Command::Report(report) => {
                if !report.is_empty() {
                    self.session
                        .request(Request::Report(report), None, Purpose::Ignore, now);
                }
            }
            Command::RefreshToken { token } => self.session.refresh(token, now),
            Command::NetworkChanged => self.session.reconnect(now),
            Command::Close => {
                self.calls.values_mut().for_each(ClientCall::hang_up);
                self.meetings.values_mut().for_each(ClientMeeting::leave);
                self.settle_calls(now);
                self.session.close(now);
                self.forget_intentions();
            }
        }
    }

    fn with(&mut self, call: CallId, change: impl FnOnce(&mut ClientCall)) {
        if let Some(call) = self.calls.get_mut(&call) {
            change(call);
        }
    }

    fn start(&mut self, id: CallId, to: Identifier, options: StartOptions, now: Instant) {
        if self.calls.contains_key(&id) || self.ended(id).is_some() {
            return self.tell(AgentEvent::CallEnded {
                call: id,
                reason: Reason::CALL_EXISTS,
            });
        }
        // They are calling here already: this is an answer.
        let crossing = self
            .calls
            .iter()
            .find(|(_, call)| call.is_ringing_here() && call.is_surfaced() && *call.peer() == to);
        if let Some((&into, _)) = crossing {
            self.tell(AgentEvent::CallMerged { call: id, into });
            return self.command(Command::Accept { call: into }, now);
        }
        let StartOptions {
            display_name,
            context,
            ring_for,
            on_behalf_of,
            thread,
        } = options;
        let start = Start {
            display_name,
            context,
            ring_for_ms: ring_for.map(Into::into),
            on_behalf_of,
            thread,
            ..Start::new(id, to)
        };
        self.dial(start, now);
    }

    /// Places a call.
    fn dial(&mut self, start: Start, now: Instant) {
        let id = start.call;
        self.hold_others(id);
        let online = self.session.is_online();
        let call = ClientCall::outgoing(id, start.to.clone(), self.settings.clone(), online, now);
        self.calls.insert(id, call);
        if let Some(reason) = self.session.refusal().cloned() {
            return self.with(id, |call| call.ended(reason));
        }
        self.placed.insert(id, start.to.clone());
        self.session
            .request(Request::Start(start), Some(id), Purpose::Start(id), now);
    }

    /// A call of somebody else's comes here. The application knows nothing of it yet.
    fn take_in(&mut self, incoming: Incoming) {
        let (id, online) = (incoming.call, self.session.is_online());
        let call = ClientCall::incoming(incoming, self.settings.clone(), online);
        self.calls.insert(id, call);
    }

    /// One call is active at a time; the others are on hold.
    fn hold_others(&mut self, active: CallId) {
        for (id, call) in &mut self.calls {
            if *id != active && call.can_hold() {
                call.hold(true);
            }
        }
        for (id, meeting) in &mut self.meetings {
            if *id != active && meeting.can_hold() {
                meeting.hold(true);
            }
        }
    }

    /// Carries out what the session and the calls want, until they want nothing.
    fn settle(&mut self, now: Instant) {
        self.settle_calls(now);
        while let Some(output) = self.session.poll() {
            self.session_output(output, now);
            self.settle_calls(now);
        }
    }

    fn settle_calls(&mut self, now: Instant) {
        while let Some((id, output)) = self
            .calls
            .iter_mut()
            .find_map(|(id, call)| Some((*id, call.poll()?)))
        {
            self.call_output(id, output, now);
        }
        while let Some((id, output)) = self
            .meetings
            .iter_mut()
            .find_map(|(id, meeting)| Some((*id, meeting.poll()?)))
        {
            self.meeting_output(id, output, now);
        }
    }

    fn call_output(&mut self, id: CallId, output: call::Output, now: Instant) {
        match output {
            call::Output::Request(request) => {
                if matches!(request, Request::HangUp(_)) && self.session.take_back(id) {
                    self.placed.remove(&id);
                    return;
                }
                let purpose = match request {
                    Request::Accept(_) => Purpose::Accept(id),
                    _ => Purpose::Ignore,
                };
                self.session.request(request, Some(id), purpose, now);
            }
            call::Output::Media(leg, action) => {
                self.outputs.push_back(AgentOutput::Media {
                    call: id,
                    leg,
                    action,
                });
            }
            call::Output::Event(event) => self.tell(event),
            call::Output::Ended(reason) => {
                let call = self.calls.remove(&id);
                if self.ended.len() >= REMEMBERED {
                    self.ended.pop_front();
                }
                self.ended.push_back(Ended {
                    call: id,
                    rang_on: call.as_ref().and_then(ClientCall::rang_on),
                    reason: reason.clone(),
                });
                if call.is_some_and(|call| call.is_surfaced()) {
                    self.tell(AgentEvent::CallEnded { call: id, reason });
                }
                self.not_replaced(id);
            }
        }
    }

    fn session_output(&mut self, output: client::Output, now: Instant) {
        match output {
            client::Output::Connect(socket) => self.outputs.push_back(AgentOutput::Connect { socket }),
            client::Output::Send(socket, text) => {
                self.outputs.push_back(AgentOutput::Send { socket, text });
            }
            client::Output::CloseSocket(socket) => {
                self.outputs.push_back(AgentOutput::CloseSocket { socket });
            }
            client::Output::State(state) => {
                let online = state == ConnectionState::Online;
                self.calls
                    .values_mut()
                    .for_each(|call| call.set_online(online, now));
                self.meetings
                    .values_mut()
                    .for_each(|meeting| meeting.set_online(online));
                if let ConnectionState::Refused(reason) = &state {
                    self.end_all(reason);
                    self.meetings
                        .values_mut()
                        .for_each(|meeting| meeting.ended(reason.clone()));
                }
                self.tell(AgentEvent::Connection(state));
            }
            client::Output::Opened(opened) => self.opened(*opened, now),
            client::Output::Lost(reason) => {
                let ends_calls = if reason.is_about_token() {
                    &reason
                } else {
                    &Reason::NETWORK_LOST
                };
                self.end_all(ends_calls);
                self.meetings_lost(&reason, now);
                self.settle_calls(now);
                self.tell(AgentEvent::SessionLost { reason });
            }
            client::Output::Event(event) => self.event(*event, now),
            client::Output::Response(purpose, result) => self.response(purpose, result, now),
            client::Output::TokenExpiring(remaining) => self.tell(AgentEvent::TokenExpiring { remaining }),
        }
    }

    fn opened(&mut self, opened: Opened, now: Instant) {
        self.settings.media_lease = opened.media_lease_ms.into();
        self.settings.ice_servers = opened.ice_servers;
        self.tell(AgentEvent::Registered {
            identity: opened.identity,
        });
        self.meetings
            .values_mut()
            .for_each(|meeting| meeting.session_opened(now));
    }

    /// Calls from now on reach relays with the new credentials.
    fn renewed(&mut self, refreshed: &Value) {
        match Refreshed::deserialize(refreshed) {
            Ok(refreshed) if !refreshed.ice_servers.is_empty() => {
                self.settings.ice_servers = refreshed.ice_servers;
            }
            _ => {}
        }
    }

    fn end_all(&mut self, reason: &Reason) {
        self.calls
            .values_mut()
            .for_each(|call| call.ended(reason.clone()));
        for (call, wanted) in std::mem::take(&mut self.picking) {
            if wanted {
                let reason = reason.clone();
                self.tell(AgentEvent::CallEnded { call, reason });
            }
        }
        self.forget_intentions();
    }

    /// Nothing that was asked of the service is waited for any more.
    fn forget_intentions(&mut self) {
        self.placed.clear();
        self.replacing.clear();
        self.picking.clear();
    }

    /// What is remembered of a call that is over.
    fn ended(&self, id: CallId) -> Option<&Ended> {
        self.ended.iter().rev().find(|ended| ended.call == id)
    }

    fn response(&mut self, purpose: Purpose, result: Result<Value, Reason>, now: Instant) {
        match purpose {
            Purpose::Ignore => {}
            Purpose::Refresh => {
                self.session.refreshed(&result, now);
                if let Ok(refreshed) = &result {
                    self.renewed(refreshed);
                }
                self.tell(match result {
                    Ok(_) => AgentEvent::TokenRefreshed,
                    Err(reason) => AgentEvent::TokenRefused { reason },
                });
            }
            Purpose::Join(call) => self.join_answered(call, result, now),
            Purpose::Restart(call) => self.restart_answered(call, result),
            Purpose::Ask(ask) => self.tell(AgentEvent::Answered { ask, result }),
            Purpose::Accept(call) => self.with(call, |call| call.confirmed(result.map(drop))),
            Purpose::Start(call) => self.started(call, result, now),
            Purpose::PickUp(call) => self.picked_up(call, result, now),
            Purpose::Transfer(call) => self.transfer_answered(call, result.map(drop)),
            Purpose::Notice(call, kind, state) => {
                let result = result.map(drop);
                self.tell(AgentEvent::NoticeAnswered {
                    call,
                    kind,
                    state,
                    result,
                });
            }
        }
    }

    fn started(&mut self, id: CallId, result: Result<Value, Reason>, now: Instant) {
        let callee = self.placed.remove(&id);
        match result.map(serde_json::from_value::<Started>) {
            Ok(Ok(Started::Calling)) => self.with(id, ClientCall::calling),
            Ok(Ok(Started::Merged { incoming })) => self.merged(id, *incoming, now),
            Ok(Err(_)) => self.with(id, |call| call.ended(Reason::SETUP_TIMEOUT)),
            Err(reason) => self.with(id, |call| call.ended(reason)),
        }
        // What rings here from the same person was kept back until it was clear that it is not this call.
        let waiting = self
            .calls
            .iter_mut()
            .filter(|(_, call)| Some(call.peer()) == callee.as_ref());
        let waiting: Vec<CallId> = waiting
            .filter(|(_, call)| call.is_ringing_here() && !call.is_surfaced())
            .map(|(id, _)| *id)
            .collect();
        for id in waiting {
            self.with(id, ClientCall::surface);
        }
    }

    /// The callee was calling here: their call is answered, this one is void.
    fn merged(&mut self, void: CallId, incoming: Incoming, now: Instant) {
        let into = incoming.call;
        if let Some(reason) = self.ended(into).map(|ended| ended.reason.clone()) {
            // It is over before its answer came through.
            return self.with(void, |call| call.ended(reason));
        }
        let wanted = self.calls.remove(&void).is_some();
        if !self.calls.contains_key(&into) {
            self.take_in(incoming);
        }
        if wanted {
            self.tell(AgentEvent::CallMerged { call: void, into });
            self.hold_others(into);
            self.with(into, |call| call.merge(now));
        } else {
            self.with(into, ClientCall::hang_up);
        }
    }

    fn event(&mut self, event: Event, now: Instant) {
        match event {
            Event::Incoming(incoming) => self.incoming(incoming, now),
            Event::Ringing(ringing) => self.with(ringing.call, ClientCall::ringing),
            Event::Description(description) => {
                self.with(description.call, |call| call.description(description, now));
            }
            Event::Candidates(candidates) => {
                self.with(candidates.call, |call| call.candidates(candidates));
            }
            Event::Restart(restart) => self.with(restart.call, |call| call.restart_asked(now)),
            Event::LegEnded(ended) => self.with(ended.call, |call| call.leg_ended(ended.leg)),
            Event::Accepted(accepted) => {
                let call = accepted.call;
                self.replaced(&accepted);
                self.with(call, |call| call.accepted(accepted, now));
            }
            Event::Shown(show) => self.with(show.call, |call| call.remote_shows(show.pictures)),
            Event::Watched(watch) => self.with(watch.call, |call| call.remote_watches(watch)),
            Event::Muted(mute) => self.with(mute.call, |call| call.remote_muted(mute.muted)),
            Event::Held(hold) => self.with(hold.call, |call| call.remote_held(hold.held)),
            Event::Peer(peer) => self.with(peer.call, |call| call.peer_presence(peer.presence)),
            Event::Ended(ended) => self.with(ended.call, |call| call.ended(ended.reason)),
            Event::TransferRequested(requested) => self.transfer_requested(requested, now),
            Event::TransferChanged(changed) => self.transfer_changed(changed),
            Event::Notices(notices) => {
                if self.calls.contains_key(&notices.call) || self.meetings.contains_key(&notices.call) {
                    self.tell(AgentEvent::NoticesChanged(notices));
                }
            }
            Event::PickupOffered(offer) => self.tell(AgentEvent::PickupOffered(offer)),
            Event::PickupWithdrawn(gone) => self.tell(AgentEvent::PickupWithdrawn { call: gone.call }),
            Event::MailboxChanged(mailbox) => self.tell(AgentEvent::MailboxChanged {
                unheard: mailbox.unheard,
                heard: mailbox.heard,
            }),
            meeting @ (Event::MeetingIncoming(_)
            | Event::MeetingMoved(_)
            | Event::MeetingState(_)
            | Event::MeetingRoster(_)
            | Event::MeetingLobby(_)
            | Event::MeetingSpeakers(_)
            | Event::MeetingCapabilities(_)
            | Event::MeetingChanged(_)
            | Event::MeetingHands(_)
            | Event::MeetingReactions(_)
            | Event::MeetingSpotlight(_)
            | Event::MeetingOptimalVideoCount(_)
            | Event::MeetingMutedBy(_)
            | Event::MeetingEngagement(_)
            | Event::MeetingEnded(_)) => self.meeting_event(meeting, now),
            chat @ (Event::ChatMessageReceived(_)
            | Event::ChatMessageEdited(_)
            | Event::ChatMessageDeleted(_)
            | Event::ChatTypingReceived(_)
            | Event::ChatReadReceiptReceived(_)
            | Event::ChatThreadCreated(_)
            | Event::ChatThreadDeleted(_)
            | Event::ChatThreadUpdated(_)
            | Event::ChatParticipantsAdded(_)
            | Event::ChatParticipantsRemoved(_)
            | Event::ChatCardAnswered(_)) => self.tell(AgentEvent::Chat(Box::new(chat))),
        }
    }

    fn incoming(&mut self, incoming: Incoming, now: Instant) {
        let id = incoming.call;
        let rang_before = |ended: &Ended| ended.rang_on.is_some_and(|leg| leg < incoming.leg);
        if self.calls.contains_key(&id) || !self.ended(id).is_none_or(rang_before) {
            return;
        }
        let talking = |call: &CallId| self.calls.get(call).is_some_and(ClientCall::is_talking);
        if let Some(replaced) = incoming.replaces.filter(talking) {
            return self.take_over(replaced, incoming, now);
        }
        // While a call to the same person is on its way, this is likely the other half of one wish to talk.
        let crossing = self.placed.values().any(|callee| *callee == incoming.from);
        self.take_in(incoming);
        self.with(id, |call| {
            call.ring();
            if !crossing {
                call.surface();
            }
        });
    }

    fn tell(&mut self, event: AgentEvent) {
        self.outputs.push_back(AgentOutput::Event(event));
    }
}
