//! Meetings and group calls: what the service tells of them and answers, and who is heard.

use std::time::{Duration, Instant};

use serde_json::Value;
use sidetone_signaling::agent::{AgentInput, Command};
use sidetone_signaling::call::CallState;
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::protocol::meeting::{self, Joined, Locator};
use sidetone_signaling::protocol::{CallId, Event, Request};

use super::{Driver, Entry};
use crate::Error;
use crate::call::{Call, CallDirection, CallEvent, CallShared, Participant, Snapshot};
use crate::meeting::{BreakoutRoomsUpdate, EngagementEvent, Meeting};

/// How often it is looked who is heard.
pub(super) const HEAR: Duration = Duration::from_millis(100);

/// Takes the service's answer.
pub(crate) type Answered = Box<dyn FnOnce(Result<Value, Error>) + Send>;

/// What the service was asked and has not answered.
#[derive(Default)]
pub(super) struct Asked {
    last: u64,
    waiting: Vec<(u64, Answered)>,
}

impl Driver {
    /// Asks the service something about a call. The answer may come after the end of the call, which it may have asked for.
    pub(super) fn request(&mut self, call: CallId, request: Box<Request>, answer: Answered, now: Instant) {
        if self.entry(call).is_none() {
            return answer(Err(Error::State("over")));
        }
        self.asked.last += 1;
        let ask = self.asked.last;
        self.asked.waiting.push((ask, answer));
        self.command(Command::Ask { ask, call, request }, now);
    }

    pub(super) fn answered(&mut self, ask: u64, result: Result<Value, sidetone_signaling::Reason>) {
        if let Some(at) = self.asked.waiting.iter().position(|(waiting, _)| *waiting == ask) {
            let (_, answer) = self.asked.waiting.remove(at);
            answer(result.map_err(Error::Refused));
        }
    }

    /// The session is lost, and there will be no answers.
    pub(super) fn unanswered(&mut self) {
        for (_, answer) in std::mem::take(&mut self.asked.waiting) {
            answer(Err(Error::Network(
                "the session with the service was lost".into(),
            )));
        }
    }

    pub(super) fn meeting_incoming(&mut self, incoming: meeting::Incoming, now: Instant) {
        let from = Participant {
            identifier: incoming.from,
            display_name: incoming.display_name,
            is_muted: false,
        };
        let snapshot = Snapshot {
            state: CallState::Ringing,
            context: Some(incoming.subject).filter(|subject| !subject.is_empty()),
            on_behalf_of: incoming.on_behalf_of,
            thread: incoming.thread,
            ..Snapshot::new(incoming.call, CallDirection::Incoming, from)
        };
        self.incoming(snapshot, now);
    }

    /// A call is a meeting from now on, under the id that the service has.
    pub(super) fn meeting_joined(&mut self, call: CallId, joined: Joined) {
        let id = joined.call;
        self.legs.rename(call, id);
        let Some(entry) = self.entry(call) else { return };
        let shared = entry.shared.clone();
        let info = {
            let mut snapshot = shared.snapshot();
            snapshot.id = id;
            let thread = joined.thread.as_ref().and_then(|thread| thread.parse().ok());
            snapshot.thread = thread.map(ThreadId);
            let meeting = match snapshot.meeting.take() {
                Some(mut known) => {
                    known.rejoined(joined);
                    known
                }
                None => Box::new(Meeting::new(joined)),
            };
            let info = meeting.info.clone();
            snapshot.meeting = Some(meeting);
            info
        };
        if call != id {
            shared.events.emit(CallEvent::IdChanged(id));
        }
        shared.events.emit(CallEvent::MeetingJoined(info));
    }

    pub(super) fn meeting_event(&mut self, call: CallId, event: Event, now: Instant) {
        let muted = matches!(event, Event::MeetingMutedBy(_));
        let Some(entry) = self.entry(call) else { return };
        let (shared, talking) = (entry.shared.clone(), entry.talking);
        let told = {
            let mut snapshot = shared.snapshot();
            snapshot.muted |= muted;
            match snapshot.meeting.as_deref_mut() {
                Some(meeting) => meeting.apply(event),
                None => return,
            }
        };
        if let Some(engine) = self.audio.engine().filter(|_| muted && talking) {
            engine.set_muted(true);
        }
        if muted {
            shared.events.emit(CallEvent::IsMutedChanged(true));
        }
        for event in told {
            let go = match &event {
                CallEvent::Engagement(EngagementEvent::BreakoutRooms(BreakoutRoomsUpdate::GoTo {
                    call,
                    ..
                })) => Some(*call),
                _ => None,
            };
            shared.events.emit(event);
            if let Some(breakout) = go {
                self.go_to_breakout(call, breakout, now);
            }
        }
    }

    /// This end goes from a meeting to a breakout room of it, with its microphone as it is.
    fn go_to_breakout(&mut self, main: CallId, breakout: CallId, now: Instant) {
        if self.entry(breakout).is_some() {
            return;
        }
        let Some(entry) = self.entry(main) else { return };
        let snapshot = {
            let main = entry.shared.snapshot();
            Snapshot {
                muted: main.muted,
                ..Snapshot::new(breakout, main.direction, main.remote.clone())
            }
        };
        let muted = snapshot.muted;
        let shared = CallShared::new(snapshot);
        self.calls.push(Entry::new(shared.clone(), true, now));
        self.calls_updated();
        self.deferred.push_back(AgentInput::Command(Command::Join {
            call: breakout,
            locator: Locator::Call(breakout),
            display_name: None,
            muted,
        }));
        let driver = self.own_asks.upgrade();
        if let (Some(entry), Some(driver)) = (self.entry(main), driver) {
            let joined = CallEvent::BreakoutRoomJoined(Call { shared, driver });
            entry.shared.events.emit(joined);
        }
    }

    /// A breakout room is over for this end: in the meeting the microphone is as it was there.
    pub(super) fn back_from_breakout(&mut self, breakout: CallId) {
        let Some(entry) = self.entry(breakout) else { return };
        let (main, muted) = {
            let snapshot = entry.shared.snapshot();
            let main = snapshot
                .meeting
                .as_deref()
                .and_then(|meeting| meeting.info.breakout_of);
            (main, snapshot.muted)
        };
        let Some(main) = main else { return };
        let Some(entry) = self.entry(main) else { return };
        if entry.shared.snapshot().muted == muted {
            return;
        }
        entry.shared.update(CallEvent::IsMutedChanged(muted), |snapshot| {
            snapshot.muted = muted;
        });
        if let Some(mute) = self.silence(main) {
            self.deferred.push_back(AgentInput::Command(mute));
        }
    }

    /// Whether a meeting is listened to.
    pub(super) fn hears_a_meeting(&self) -> bool {
        self.audio.engine().is_some()
            && self
                .calls
                .iter()
                .any(|entry| entry.talking && entry.shared.snapshot().meeting.is_some())
    }

    /// Looks who is heard.
    pub(super) fn hear(&mut self) {
        let Some(heard) = self.audio.engine().map(|engine| engine.heard()) else {
            return;
        };
        for entry in self.calls.iter().filter(|entry| entry.talking) {
            let told = match entry.shared.snapshot().meeting.as_deref_mut() {
                Some(meeting) => meeting.speakers.hear(&heard),
                None => None,
            };
            if let Some(event) = told {
                entry.shared.events.emit(event);
            }
        }
    }

    /// The number by which the other end of a call of two is heard once that is a group call, if it is known.
    pub(super) fn other_end(&mut self, call: CallId) -> Option<u32> {
        let entry = self.entry(call)?;
        let snapshot = entry.shared.snapshot();
        let number = snapshot
            .meeting
            .as_deref()?
            .roster
            .number_of(&snapshot.remote.identifier);
        number.map(|number| number.0)
    }
}
