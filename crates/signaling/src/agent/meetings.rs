//! Meetings and group calls of an agent: each in its own machine, beside the calls of two and never two active at once.

use std::time::Instant;

use serde_json::Value;

use super::{Agent, AgentEvent, AgentOutput, Ended, REMEMBERED};
use crate::end_reason::Reason;
use crate::meeting::{ClientMeeting, Entry, Output};
use crate::protocol::meeting::{self, Incoming, Joined, Locator, Restarted};
use crate::protocol::{CallId, Event, Pictures, Request};
use crate::session::client::Purpose;

impl Agent {
    /// Joins. `call` is an id of the application's making, where the locator does not name the call.
    pub(super) fn join(
        &mut self,
        call: CallId,
        locator: Locator,
        display_name: Option<String>,
        muted: bool,
        now: Instant,
    ) {
        if self.meetings.contains_key(&call) || self.calls.contains_key(&call) {
            let reason = Reason::CALL_EXISTS;
            return self.tell(AgentEvent::CallEnded { call, reason });
        }
        let refused = self.session.refusal().cloned();
        let entry = Entry {
            locator,
            display_name,
            muted,
            pictures: Pictures::NONE,
            after: None,
        };
        self.enter(call, entry, now);
        if let Some(reason) = refused {
            self.in_meeting(call, |meeting| meeting.ended(reason));
        }
    }

    fn enter(&mut self, call: CallId, entry: Entry, now: Instant) {
        self.hold_others(call);
        let online = self.session.is_online();
        let meeting = ClientMeeting::new(call, entry, self.settings.clone(), online, now);
        self.meetings.insert(call, meeting);
    }

    /// Answers somebody's wish that this identity comes. False: there is none.
    pub(super) fn accept_meeting(&mut self, call: CallId, now: Instant) -> bool {
        let Some(_) = self.invitations.remove(&call) else {
            return false;
        };
        self.join(call, Locator::Call(call), None, false, now);
        true
    }

    /// Does not come. False: nobody asked.
    pub(super) fn decline_meeting(&mut self, call: CallId, now: Instant) -> bool {
        let Some(_) = self.invitations.remove(&call) else {
            return false;
        };
        let decline = Request::MeetingDecline(meeting::Decline { call });
        self.session.request(decline, Some(call), Purpose::Ignore, now);
        self.meeting_over(call, Reason::DECLINED);
        true
    }

    pub(super) fn in_meeting(&mut self, call: CallId, change: impl FnOnce(&mut ClientMeeting)) {
        if let Some(meeting) = self.meetings.get_mut(&call) {
            change(meeting);
        }
    }

    pub(super) fn join_answered(&mut self, call: CallId, answer: Result<Value, Reason>, now: Instant) {
        let answer = answer
            .and_then(|value| serde_json::from_value::<Joined>(value).map_err(|_| Reason::SETUP_TIMEOUT));
        match (self.meetings.remove(&call), answer) {
            (Some(mut meeting), answer) => {
                if let Ok(joined) = &answer
                    && self.invitations.remove(&joined.call).is_some()
                {
                    // It rang here, and this end came by another way.
                    self.meeting_over(joined.call, Reason::ANSWERED_ELSEWHERE);
                }
                if let Ok(joined) = &answer
                    && let Some(main) = joined.breakout_of
                {
                    self.breakouts.insert(joined.call, main);
                }
                meeting.joined(answer);
                // From now on it goes by the service's id.
                self.meetings.insert(meeting.id(), meeting);
            }
            // The application left before it was in.
            (None, Ok(joined)) => {
                let leave = Request::MeetingLeave(meeting::Call { call: joined.call });
                self.session
                    .request(leave, Some(joined.call), Purpose::Ignore, now);
            }
            (None, Err(_)) => {}
        }
    }

    pub(super) fn restart_answered(&mut self, call: CallId, answer: Result<Value, Reason>) {
        let answer = answer
            .and_then(|value| serde_json::from_value::<Restarted>(value).map_err(|_| Reason::SETUP_TIMEOUT));
        self.in_meeting(call, |meeting| meeting.restarted(answer));
    }

    pub(super) fn meeting_output(&mut self, key: CallId, output: Output, now: Instant) {
        match output {
            Output::Request(request) => {
                let purpose = match &request {
                    Request::MeetingJoin(_) => Purpose::Join(key),
                    Request::MeetingRestart(_) => Purpose::Restart(key),
                    _ => Purpose::Ignore,
                };
                self.session.request(request, Some(key), purpose, now);
            }
            Output::Media(leg, action) => self.outputs.push_back(AgentOutput::Media {
                call: key,
                leg,
                action,
            }),
            Output::Event(event) => self.tell(event),
            Output::Ended(reason) => {
                self.meetings.remove(&key);
                self.session.take_back(key);
                self.meeting_over(key, reason);
                self.back_from(key);
            }
        }
    }

    fn meeting_over(&mut self, call: CallId, reason: Reason) {
        if self.ended.len() >= REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back(Ended {
            call,
            rang_on: None,
            reason: reason.clone(),
        });
        self.tell(AgentEvent::CallEnded { call, reason });
    }

    /// What the service tells of a meeting.
    pub(super) fn meeting_event(&mut self, event: Event, now: Instant) {
        let call = match &event {
            Event::MeetingIncoming(incoming) => return self.invited(incoming.clone()),
            Event::MeetingMoved(moved) => return self.moved(moved.call, now),
            Event::MeetingEnded(ended) => return self.meeting_ended(ended.call, &ended.reason),
            Event::MeetingState(state) => state.call,
            Event::MeetingRoster(roster) => roster.call,
            Event::MeetingLobby(lobby) => lobby.call,
            Event::MeetingSpeakers(speakers) => speakers.call,
            Event::MeetingCapabilities(changed) => changed.call,
            Event::MeetingChanged(changed) => changed.call,
            Event::MeetingHands(hands) => hands.call,
            Event::MeetingReactions(reactions) => reactions.call,
            Event::MeetingSpotlight(spotlight) => spotlight.call,
            Event::MeetingOptimalVideoCount(count) => count.call,
            Event::MeetingMutedBy(muted) => muted.call,
            Event::MeetingEngagement(engagement) => engagement.call,
            _ => return,
        };
        let Some(meeting) = self.meetings.get_mut(&call) else {
            return;
        };
        match &event {
            Event::MeetingState(state) => meeting.passage(state.passage),
            Event::MeetingMutedBy(_) => meeting.muted_by_others(),
            Event::MeetingEngagement(told) => self.note_breakouts(call, &told.news),
            _ => {}
        }
        self.tell(AgentEvent::Meeting {
            call,
            event: Box::new(event),
        });
    }

    fn invited(&mut self, incoming: Incoming) {
        let call = incoming.call;
        if self.meetings.contains_key(&call) || self.calls.contains_key(&call) {
            return;
        }
        if self.invitations.insert(call, ()).is_none() {
            self.tell(AgentEvent::MeetingIncoming(incoming));
        }
    }

    /// A call of two goes on through the service: its connection is heard until the new one is.
    fn moved(&mut self, call: CallId, now: Instant) {
        let Some(old) = self.calls.remove(&call) else {
            return;
        };
        let entry = Entry {
            locator: Locator::Call(call),
            display_name: None,
            muted: old.is_muted(),
            pictures: old.pictures(),
            after: old.talking_leg(),
        };
        self.enter(call, entry, now);
    }

    fn meeting_ended(&mut self, call: CallId, reason: &Reason) {
        if self.invitations.remove(&call).is_some() {
            return self.meeting_over(call, reason.clone());
        }
        self.in_meeting(call, |meeting| meeting.ended(reason.clone()));
    }

    /// The session is lost: some come back with the next one.
    pub(super) fn meetings_lost(&mut self, reason: &Reason, now: Instant) {
        for (call, ()) in std::mem::take(&mut self.invitations) {
            self.meeting_over(call, Reason::NETWORK_LOST);
        }
        for meeting in self.meetings.values_mut() {
            if reason.is_about_token() {
                meeting.ended(reason.clone());
            } else {
                meeting.session_lost(now);
            }
        }
    }
}
