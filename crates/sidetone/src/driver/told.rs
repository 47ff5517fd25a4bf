//! What the signaling agent tells, passed on to the app's objects.

use std::time::Instant;

use sidetone_signaling::agent::{AgentEvent as Told, AgentInput, Command, ConnectionState};
use sidetone_signaling::call::CallState;
use sidetone_signaling::protocol::{self, CallId, Pictures};
use sidetone_signaling::{Identifier, Reason};

use tokio::task::spawn_blocking;

use super::token::Step;
use super::{Answer, Driver, Entry, WaitingNotice};
use crate::Error;
use crate::agent::AgentEvent;
use crate::call::{Call, CallDirection, CallEvent, CallShared, IncomingCall, Notices, Participant, Snapshot};
use crate::chat::Signal;

impl Driver {
    /// Tells chat how the connection stands. That a session is a new one is told when it is open.
    fn signal(&self, state: &ConnectionState) {
        let before = self.shared.state().connection.clone();
        match (before, state) {
            (ConnectionState::Reconnecting, ConnectionState::Online) => {
                self.shared.signals.emit(Signal::Online { new: false });
            }
            (ConnectionState::Online, ConnectionState::Connecting | ConnectionState::Reconnecting) => {
                self.shared.signals.emit(Signal::Offline);
            }
            _ => {}
        }
    }

    /// Runs while the agent's outputs are carried out: anything for the agent is deferred.
    pub(super) fn told(&mut self, event: Told, now: Instant) {
        match event {
            Told::Connection(state) => {
                if let ConnectionState::Refused(reason) = &state {
                    self.refused(reason, now);
                }
                self.signal(&state);
                self.shared.state().connection = state.clone();
                self.shared.events.emit(AgentEvent::ConnectionStateChanged(state));
            }
            Told::Registered { identity } => {
                self.keeper.taken();
                self.shared.state().identity = Some(identity);
                self.shared.signals.emit(Signal::Online { new: true });
                if let Some(created) = self.created.take() {
                    self.created(created);
                }
            }
            Told::SessionLost { reason } => {
                tracing::warn!(%reason, "session lost");
                self.unanswered();
            }
            Told::MeetingIncoming(incoming) => self.meeting_incoming(incoming, now),
            Told::MeetingJoined { call, joined } => self.meeting_joined(call, *joined),
            Told::Meeting { call, event } => self.meeting_event(call, *event, now),
            Told::Answered { ask, result } => self.answered(ask, result),
            Told::TokenExpiring { .. } => self.keeper.expiring(now),
            Told::TokenRefreshed => self.keeper.taken(),
            Told::TokenRefused { reason } => {
                tracing::warn!(%reason, "new token refused");
                self.keeper.refused(now);
            }
            Told::Chat(event) => self.shared.signals.emit(Signal::Event(event)),
            Told::MailboxChanged { unheard, heard } => {
                self.shared
                    .events
                    .emit(AgentEvent::MailboxChanged { unheard, heard });
            }
            Told::IncomingCall {
                call,
                from,
                display_name,
                context,
                on_behalf_of,
                placed_by,
                transferred_by,
                thread,
            } => self.incoming(
                Snapshot {
                    state: CallState::Ringing,
                    context,
                    on_behalf_of,
                    placed_by,
                    transferred_by,
                    thread,
                    ..Snapshot::new(call, CallDirection::Incoming, participant(from, display_name))
                },
                now,
            ),
            Told::PickupOffered(offer) => self.shared.events.emit(AgentEvent::PickupOffered(offer)),
            Told::PickupWithdrawn { call } => self.shared.events.emit(AgentEvent::PickupWithdrawn(call)),
            Told::CallPickedUp {
                call,
                from,
                display_name,
                context,
                on_behalf_of,
            } => {
                if let Some(entry) = self.entry(call) {
                    let mut snapshot = entry.shared.snapshot();
                    snapshot.context = context;
                    snapshot.on_behalf_of = on_behalf_of;
                    drop(snapshot);
                }
                self.update_remote(call, |remote| *remote = participant(from, display_name));
            }
            Told::TransferChanged { call, state } => {
                if let Some(entry) = self.entry(call) {
                    let event = CallEvent::TransferStateChanged(state.clone());
                    entry.shared.update(event, |snapshot| snapshot.transfer = state);
                }
            }
            Told::TransferRequested { call, into, to } => {
                let to = participant(to, String::new());
                self.succeed(
                    call,
                    into,
                    CallDirection::Outgoing,
                    to,
                    CallEvent::TransferRequested,
                    now,
                );
            }
            Told::CallReplaced {
                call,
                by,
                peer,
                display_name,
            } => {
                let peer = participant(peer, display_name);
                self.succeed(call, by, CallDirection::Incoming, peer, CallEvent::Replaced, now);
            }
            Told::NoticeAnswered {
                call,
                kind,
                state,
                result,
            } => {
                let asked = |waiting: &WaitingNotice| {
                    (waiting.call, waiting.kind, waiting.state) == (call, kind, state)
                };
                if let Some(place) = self.notices.iter().position(asked) {
                    let waiting = self.notices.remove(place);
                    match (result, waiting.answer) {
                        (Err(reason), answer) => answer.refuse(Error::Refused(reason)),
                        (Ok(()), Answer::App(reply)) => drop(reply.send(Ok(()))),
                        (Ok(()), Answer::Recording(wanted)) => self.announced(*wanted),
                    }
                }
            }
            Told::NoticesChanged(notices) => self.notices_changed(notices),
            Told::CallMerged { call, into } => self.merge(call, into),
            Told::CallStateChanged {
                call,
                state,
                reconnecting,
            } => {
                if let Some(entry) = self.entry(call) {
                    entry
                        .shared
                        .update(CallEvent::StateChanged { state, reconnecting }, |snapshot| {
                            snapshot.state = state;
                            snapshot.reconnecting = reconnecting;
                        });
                }
            }
            Told::CallAccepted {
                call,
                by,
                display_name,
            } => self.update_remote(call, |remote| {
                remote.identifier = by;
                remote.display_name = display_name;
            }),
            Told::RemoteMuted { call, muted } => self.update_remote(call, |remote| remote.is_muted = muted),
            Told::RemoteShows { call, pictures } => {
                self.update_remote(call, |remote| remote.pictures = pictures);
                self.update_gallery(call);
            }
            Told::RemoteWatches(watch) => self.watched(&watch),
            Told::CallEnded { call, reason } => {
                self.back_from_breakout(call);
                if let Some(entry) = self.entry(call) {
                    entry.shared.end(reason);
                    let report = entry.issues(now);
                    self.deferred
                        .push_back(AgentInput::Command(Command::Report(report)));
                    self.remove(call);
                }
                for waiting in self.notices.extract_if(.., |waiting| waiting.call == call) {
                    waiting.answer.refuse(Error::State("over"));
                }
                // Last: whoever is told that the answer came too late finds the call ended.
                self.forget_accept(call);
            }
        }
    }

    pub(super) fn incoming(&mut self, snapshot: Snapshot, now: Instant) {
        let shared = CallShared::new(snapshot);
        self.calls.push(Entry::new(shared.clone(), false, now));
        // Without handles there is nobody to tell, and the agent is about to close.
        if let Some(driver) = self.own_asks.upgrade() {
            let call = Call { shared, driver };
            self.shared
                .events
                .emit(AgentEvent::IncomingCall(IncomingCall { call }));
        }
    }

    /// Another call takes the place of one, or is to: the app learns of it from the one that it has. Who was muted
    /// there is muted here.
    fn succeed(
        &mut self,
        call: CallId,
        by: CallId,
        direction: CallDirection,
        remote: Participant,
        event: fn(Call) -> CallEvent,
        now: Instant,
    ) {
        let muted = self
            .entry(call)
            .is_some_and(|entry| entry.shared.snapshot().muted);
        let shared = match self.entry(by) {
            Some(entry) => entry.shared.clone(),
            None => {
                let shared = CallShared::new(Snapshot {
                    muted,
                    ..Snapshot::new(by, direction, remote)
                });
                self.calls.push(Entry::new(shared.clone(), true, now));
                self.calls_updated();
                if muted {
                    let mute = Command::Mute { call: by, muted };
                    self.deferred.push_back(AgentInput::Command(mute));
                }
                shared
            }
        };
        let driver = self.own_asks.upgrade();
        if let (Some(entry), Some(driver)) = (self.entry(call), driver) {
            entry.shared.events.emit(event(Call { shared, driver }));
        }
    }

    /// Before anything else, what may not be sent is not.
    fn notices_changed(&mut self, told: protocol::Notices) {
        let call = told.call;
        let Some(entry) = self.entry(call) else { return };
        let notices = Notices {
            list: told.notices,
            consent_needed: told.consent_needed,
            consent_missing: told.consent_missing,
        };
        let shared = entry.shared.clone();
        let before = std::mem::replace(&mut shared.snapshot().notices, notices.clone());
        if let Some(mute) = self.silence(call) {
            self.deferred.push_back(AgentInput::Command(mute));
        }
        self.keep_to_rights(call);
        if before != notices {
            shared.events.emit(CallEvent::NoticesChanged(notices));
        }
    }

    fn update_remote(&mut self, call: CallId, change: impl FnOnce(&mut Participant)) {
        let Some(entry) = self.entry(call) else { return };
        let mut remote = entry.shared.snapshot().remote.clone();
        change(&mut remote);
        let event = CallEvent::RemoteParticipantUpdated(remote.clone());
        entry.shared.update(event, |snapshot| snapshot.remote = remote);
    }

    /// Both called at once: the app's outgoing call lives on as the call that was accepted in its place.
    fn merge(&mut self, call: CallId, into: CallId) {
        // A rung copy of the surviving call gives way to the object the app already holds.
        self.forget_accept(into);
        self.calls.retain(|entry| {
            let rung = entry.id() == into;
            if rung {
                entry.shared.end(Reason::ANSWERED_ELSEWHERE);
            }
            !rung
        });
        if let Some(entry) = self.entry(call) {
            entry
                .shared
                .update(CallEvent::IdChanged(into), |snapshot| snapshot.id = into);
            let (muted, pictures) = (entry.shared.snapshot().muted, entry.sight.shows());
            if muted {
                // The other end knows nothing of the call that is void, nor that it was muted.
                let mute = Command::Mute { call: into, muted };
                self.deferred.push_back(AgentInput::Command(mute));
            }
            if !pictures.is_none() {
                let show = Command::Show { call: into, pictures };
                self.deferred.push_back(AgentInput::Command(show));
            }
        }
        self.calls_updated();
    }

    /// The service wants nothing of this agent before it has another token.
    fn refused(&mut self, reason: &Reason, now: Instant) {
        if reason.is_about_token() && self.keeper.invalid(now) {
            self.unconvinced = true;
        } else {
            self.not_created(Error::Refused(reason.clone()), now);
        }
    }

    /// Does what the keeper of the token wants done.
    pub(super) fn keep_token(&mut self) {
        while let Some(step) = self.keeper.poll() {
            match (step, self.refresher.clone()) {
                (Step::Ask, Some(refresher)) => {
                    let tokens = self.tokens.0.clone();
                    tokio::spawn(async move {
                        let fetched = spawn_blocking(move || refresher()).await;
                        // A refresher that panics has failed as well.
                        let fetched = fetched.unwrap_or_else(|error| Err(error.to_string()));
                        let token =
                            fetched.map_err(|error| tracing::warn!(%error, "the token refresher failed"));
                        let _ = tokens.send(token.ok());
                    });
                }
                (Step::Ask, None) => {}
                (Step::Tell, _) => self.shared.events.emit(AgentEvent::TokenExpiring),
            }
        }
    }

    pub(super) fn token_fetched(&mut self, token: Option<String>, now: Instant) {
        let wanted = self.keeper.answered(token.is_some(), now);
        if let Some(token) = token.filter(|_| wanted) {
            self.unconvinced = false;
            self.new_token(token, now);
        }
    }

    /// A new token, for the session and for what is asked beside it.
    pub(super) fn new_token(&mut self, token: String, now: Instant) {
        self.shared.use_token(&token);
        self.command(Command::RefreshToken { token }, now);
    }
}

fn participant(identifier: Identifier, display_name: String) -> Participant {
    Participant {
        identifier,
        display_name,
        is_muted: false,
        pictures: Pictures::NONE,
    }
}
