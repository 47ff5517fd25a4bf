//! Meetings and group calls: what the service tells of them and answers, and who is heard.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use sidetone_media::video::Content;
use sidetone_signaling::agent::{AgentInput, Command};
use sidetone_signaling::call::CallState;
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::protocol::meeting::{self, Joined, Locator};
use sidetone_signaling::protocol::{CallId, Event, Pictures, Request};

use super::{Driver, Entry, Waiting};
use crate::Error;
use crate::call::{Call, CallDirection, CallEvent, CallShared, Participant, Snapshot};
use crate::meeting::{BreakoutRoomsUpdate, EngagementEvent, JoinOptions, Meeting};
use crate::pending::Reply;

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
            pictures: Pictures::NONE,
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
        // Whoever was muted in a call of two and shared sound is heard on.
        let shares_sound = shared.snapshot().shares_sound;
        if shares_sound && let Some(mute) = self.silence(id) {
            self.deferred.push_back(AgentInput::Command(mute));
        }
    }

    pub(super) fn meeting_event(&mut self, call: CallId, event: Event, now: Instant) {
        let muted = matches!(event, Event::MeetingMutedBy(_));
        let Some(entry) = self.entry(call) else { return };
        let (shared, talking) = (entry.shared.clone(), entry.talking);
        entry.silenced |= muted && !talking;
        entry.muted_by_others |= muted;
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
        self.keep_to_rights(call);
        self.update_gallery(call);
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

    /// This end is sent from a meeting to a breakout room of it. Not out of another call: then the app decides.
    fn go_to_breakout(&mut self, main: CallId, breakout: CallId, now: Instant) {
        let Some(entry) = self.entry(main) else { return };
        let waits = entry.shared.snapshot().state == CallState::LocalHold;
        if self.entry(breakout).is_some() || (waits && self.in_breakout_of(main).is_none()) {
            return;
        }
        let Some(call) = self.breakout_call(main, breakout, now) else {
            return;
        };
        self.deferred.push_back(AgentInput::Command(Command::Join {
            call: breakout,
            locator: Locator::Call(breakout),
            display_name: None,
            muted: call.shared.snapshot().muted,
        }));
        if let Some(entry) = self.entry(main) {
            entry.shared.events.emit(CallEvent::BreakoutRoomJoined(call));
        }
    }

    /// This end wants to go from a meeting to a breakout room of it.
    pub(super) fn join_breakout(&mut self, main: CallId, breakout: CallId, reply: Reply<Call>, now: Instant) {
        let known = self.entry(breakout).map(|entry| entry.shared.clone());
        if let Some((shared, driver)) = known.zip(self.own_asks.upgrade()) {
            // It is there, or on its way.
            let _ = reply.send(Ok(Call { shared, driver }));
            return;
        }
        let Some(call) = self.breakout_call(main, breakout, now) else {
            let _ = reply.send(Err(Error::Closed));
            return;
        };
        let muted = call.shared.snapshot().muted;
        self.waiting.push(Waiting::Join {
            call,
            locator: Locator::Call(breakout),
            options: JoinOptions {
                display_name: None,
                muted,
                video: None,
            },
            reply,
        });
        self.open_audio(now);
    }

    /// A call for a breakout room, with microphone and camera as they are in the meeting, or in the room where this end is
    /// now.
    fn breakout_call(&mut self, main: CallId, breakout: CallId, now: Instant) -> Option<Call> {
        let driver = self.own_asks.upgrade()?;
        let room = self.in_breakout_of(main);
        let muted = room.as_ref().map(|room| room.snapshot().muted);
        let before = room.map_or(main, |room| room.snapshot().id);
        let camera = self.entry(before).and_then(|entry| entry.sight.camera_stream());
        let entry = self.entry(main)?;
        entry.silenced = false;
        let snapshot = {
            let main = entry.shared.snapshot();
            Snapshot {
                muted: muted.unwrap_or(main.muted),
                ..Snapshot::new(breakout, main.direction, main.remote.clone())
            }
        };
        let shared = CallShared::new(snapshot);
        self.calls.push(Entry::new(shared.clone(), true, now));
        self.calls_updated();
        if let Some(camera) = camera {
            self.start_pictures(breakout, Content::Camera, camera, None, None);
        }
        Some(Call { shared, driver })
    }

    /// The breakout room of a meeting where this end is.
    fn in_breakout_of(&self, main: CallId) -> Option<Arc<CallShared>> {
        let of_it = |snapshot: &Snapshot| {
            let meeting = snapshot.meeting.as_deref();
            meeting.is_some_and(|meeting| meeting.info.breakout_of == Some(main))
        };
        let mut calls = self.calls.iter().rev();
        let found = calls.find(|entry| of_it(&entry.shared.snapshot()));
        found.map(|entry| entry.shared.clone())
    }

    /// A breakout room is over for this end: in the meeting microphone and camera are as they were there.
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
        let camera = entry.sight.camera_stream();
        let Some(main) = main else { return };
        self.take_camera(main, camera);
        let Some(entry) = self.entry(main) else { return };
        // Whoever was silenced in the meeting meanwhile is so.
        let muted = muted || std::mem::take(&mut entry.silenced);
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
