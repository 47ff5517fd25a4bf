//! All meetings and group calls: finding the one that is meant, and handing it what concerns it.

mod finding;

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::Serialize;
use sidetone_organisation::MeetingId;
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::protocol::meeting as wire;
use sidetone_signaling::protocol::{CallId, Request, SessionId};
use sidetone_signaling::switchboard::{Ask, Way};
use sidetone_signaling::timers::Timers;
use sidetone_signaling::{Identifier, Reason};

use crate::api::{Config, Input, MediaEvent, Order, Output, Stay};
use crate::guesses::Guesses;
use crate::memory::{Memory, Piece};
use crate::minutes::Minutes;
use crate::people::People;
use crate::room::{Across, Context, Endpoints, Founding, House, Room, Timer};

/// The brain of meetings. See the crate's page.
pub struct Meetings {
    config: Config,
    people: Box<dyn People>,
    rng: ChaCha20Rng,
    rooms: BTreeMap<CallId, Room>,
    /// Which call a meeting is, while it runs.
    running: BTreeMap<MeetingId, CallId>,
    /// Which call came out of a conversation, while it runs.
    threads: BTreeMap<ThreadId, CallId>,
    endpoints: Endpoints,
    guesses: Guesses,
    timers: Timers<Timer>,
    attempts: u64,
    outputs: VecDeque<Output>,
    /// What rooms want of each other, and have not got yet.
    across: VecDeque<Across>,
}

impl Meetings {
    /// No meeting yet. `seed` must be secret and random: the secrets in links of group calls are drawn from it.
    pub fn new(config: Config, people: Box<dyn People>, seed: [u8; 32]) -> Self {
        let guesses = Guesses::new(config.guesses_per_identity, config.guesses_per_meeting);
        Self {
            config,
            people,
            rng: ChaCha20Rng::from_seed(seed),
            rooms: BTreeMap::new(),
            running: BTreeMap::new(),
            threads: BTreeMap::new(),
            endpoints: Endpoints::default(),
            guesses,
            timers: Timers::new(),
            attempts: 0,
            outputs: VecDeque::new(),
            across: VecDeque::new(),
        }
    }

    /// Replaces the people.
    pub fn set_people(&mut self, people: Box<dyn People>) {
        self.people = people;
    }

    /// Takes one input.
    pub fn handle(&mut self, input: Input, now: Instant) {
        match input {
            Input::Ask(ask) => self.ask(&ask, now),
            Input::SessionOpened {
                session,
                identity,
                takes_calls,
            } => {
                self.endpoints.opened(session, identity);
                if takes_calls {
                    self.can_ring(session, now);
                }
            }
            Input::SessionTakesCalls(session) => self.can_ring(session, now),
            Input::SessionDetached(session) => {
                for call in self.endpoints.attach(session, false) {
                    self.with(call, now, |room, cx| room.detached(session, cx));
                }
            }
            Input::SessionResumed(session) => {
                for call in self.endpoints.attach(session, true) {
                    self.with(call, now, |room, cx| room.resumed(session, cx));
                }
            }
            Input::SessionEnded(session, reason) => {
                for call in self.endpoints.ended(session) {
                    self.with(call, now, |room, cx| room.ended(session, &reason, cx));
                }
            }
            Input::Media(call, event) => {
                self.with(call, now, |room, cx| match event {
                    MediaEvent::Answered { attempt, result } => room.answered(attempt, result, cx),
                    MediaEvent::Up(participant) => room.media_up(participant, cx),
                    MediaEvent::Lost(participant) => room.media_lost(participant, cx),
                    MediaEvent::Failed(participant) => room.media_failed(participant, cx),
                    MediaEvent::Speakers(speakers) => room.speakers(speakers, cx),
                    MediaEvent::Carries(participant, cameras) => room.carries(participant, cameras, cx),
                });
            }
            // Whoever gives an order is not waiting for a word on it: what came of it is on the roster.
            Input::Order(call, order) => drop(self.order(call, order, now)),
            Input::Changed => self.each(now, Room::changed),
            Input::Timeout => {
                while let Some(timer) = self.timers.expired(now) {
                    self.expire(timer, now);
                }
            }
        }
        self.settle(now);
    }

    /// The next output; `Timeout` when there is none.
    pub fn poll(&mut self) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        match self.endpoints.news() {
            Some((session, occupied)) => Output::Occupied(session, occupied),
            None => Output::Timeout(self.timers.next()),
        }
    }

    /// Carries out an order.
    ///
    /// # Errors
    /// [`Reason::NO_SUCH_CALL`] where it is over, and why it cannot be done.
    pub fn order(&mut self, call: CallId, order: Order, now: Instant) -> Result<(), Reason> {
        let result = self.with(call, now, |room, cx| match order {
            Order::Admit(who) => room.admit(&who, cx),
            Order::AdmitAll => room.admit_all(cx),
            Order::Reject(who) => {
                room.reject(&who, cx);
                room.end_if_empty(cx);
                Ok(())
            }
            Order::RejectAll => {
                room.reject_all(cx);
                room.end_if_empty(cx);
                Ok(())
            }
            Order::Remove(who) => room.remove(who, cx),
            Order::End(reason) => {
                room.end(&reason, &Reason::MEETING_ENDED, cx);
                Ok(())
            }
            Order::Breakouts(act) => room.manage_breakouts(None, &act, cx).map(drop),
        });
        self.settle(now);
        result.unwrap_or(Err(Reason::NO_SUCH_CALL))
    }

    /// What must be kept of a meeting that runs. None: of a group call, which nobody finds again.
    pub fn memory(&self, call: CallId) -> Option<Memory> {
        self.rooms.get(&call).and_then(Room::memory)
    }

    /// What people did in a meeting beside talking, as far as it is other than when this was called last: to be kept with
    /// [`memory`](Self::memory).
    pub fn changed_pieces(&mut self, call: CallId) -> Vec<Piece> {
        let room = self.rooms.get_mut(&call).filter(|room| room.is_meeting());
        room.map(Room::changed_pieces).unwrap_or_default()
    }

    /// A meeting goes on that ran when the service was cut off, with the newest of each of its pieces. Everyone who was in
    /// is on its roster, and has as long to come back as after a lost network. One that is gone from the directory does
    /// not go on.
    pub fn restore(&mut self, memory: Memory, pieces: &[Vec<u8>], now: Instant) {
        let Some((located, hall)) = self
            .people
            .find(&memory.meeting)
            .zip(self.people.hall(&memory.meeting))
        else {
            return;
        };
        if self.running.contains_key(&memory.meeting) || self.rooms.contains_key(&memory.call) {
            return;
        }
        let (call, meeting) = (memory.call, memory.meeting.clone());
        self.running.insert(meeting.clone(), call);
        self.found(Founding::of_meeting(call, meeting, located, hall), now);
        self.with(call, now, |room, cx| room.recall(memory, pieces, cx));
        self.settle(now);
    }

    /// Ends every call: the service stops.
    pub fn end_all(&mut self, reason: &Reason, now: Instant) {
        self.each(now, |room, cx| room.end(reason, reason, cx));
        self.settle(now);
    }

    /// The call that a meeting is right now.
    pub fn running(&self, meeting: &MeetingId) -> Option<CallId> {
        self.running.get(meeting).copied()
    }

    /// Everyone who is or was in a call that runs.
    pub fn roster(&self, call: CallId) -> Option<Vec<Stay>> {
        self.rooms.get(&call).map(Room::roster)
    }

    /// The breakout rooms of a meeting that runs, and what holds for them.
    pub fn breakouts(
        &self,
        call: CallId,
        now: Instant,
    ) -> Option<(wire::BreakoutSettings, Vec<wire::Breakout>)> {
        self.rooms.get(&call).map(|room| room.breakouts_now(now))
    }

    /// What is kept of what people did in a call that runs, as far as it has come.
    pub fn minutes(&self, call: CallId) -> Option<Minutes> {
        self.rooms.get(&call).map(Room::minutes)
    }

    /// How many calls run.
    pub fn len(&self) -> usize {
        self.rooms.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.rooms.is_empty()
    }

    /// Whether nothing is left: no call, endpoint or deadline.
    pub fn is_idle(&self) -> bool {
        self.rooms.is_empty()
            && self.running.is_empty()
            && self.threads.is_empty()
            && self.endpoints.is_empty()
            && self.timers.is_empty()
    }

    /// What must hold at all times.
    ///
    /// # Errors
    /// What does not, in words.
    #[doc(hidden)]
    pub fn check(&self, now: Instant) -> Result<(), String> {
        for room in self.rooms.values() {
            room.check(now)?;
            room.check_breakouts(&self.rooms)?;
        }
        Ok(())
    }

    /// The rooms, and apart from them all that a room works with.
    fn split(&mut self, now: Instant) -> (&mut BTreeMap<CallId, Room>, Context<'_>) {
        let context = Context {
            config: &self.config,
            people: &*self.people,
            endpoints: &mut self.endpoints,
            timers: &mut self.timers,
            outputs: &mut self.outputs,
            attempts: &mut self.attempts,
            rng: &mut self.rng,
            now,
            across: &mut self.across,
            within: None,
        };
        (&mut self.rooms, context)
    }

    /// Hands something to a room, and forgets the room where it is over then.
    fn with<T>(
        &mut self,
        call: CallId,
        now: Instant,
        f: impl FnOnce(&mut Room, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let (rooms, mut cx) = self.split(now);
        let room = rooms.get_mut(&call)?;
        cx.within = room.within();
        let result = f(room, &mut cx);
        if room.is_over() && room.conclude(&mut cx) {
            let breakout = room.within().is_some();
            match rooms.remove(&call).as_ref().map(Room::house) {
                Some(House::Meeting { id, .. }) if !breakout => drop(self.running.remove(id)),
                Some(House::Group {
                    thread: Some(thread), ..
                }) if self.threads.get(thread) == Some(&call) => drop(self.threads.remove(thread)),
                _ => {}
            }
        }
        Some(result)
    }

    /// Does what rooms want of each other, until they want nothing more.
    fn settle(&mut self, now: Instant) {
        while let Some(across) = self.across.pop_front() {
            match across {
                Across::Found(founding, back) => {
                    let call = founding.call;
                    self.found(*founding, now);
                    self.with(call, now, |room, cx| room.recall_visitors(back, cx));
                }
                Across::Close(call, reason) => {
                    self.with(call, now, |room, cx| room.end(&reason, &reason, cx));
                }
                Across::PutOut(call, id, reason) => {
                    self.with(call, now, |room, cx| room.put_back(id, &reason, cx));
                }
                Across::Standing(call, id, standing) => {
                    self.with(call, now, |room, cx| room.standing_changed(id, standing, cx));
                }
                Across::Entered(within, id) => {
                    self.with(within.main, now, |room, cx| room.entered_breakout(within, id, cx));
                }
                Across::Left(within, id) => {
                    self.with(within.main, now, |room, cx| room.left_breakout(within, id, cx));
                }
                Across::Over(within, breakout, minutes) => {
                    self.with(within.main, now, |room, cx| {
                        room.breakout_over(within, breakout, *minutes, cx);
                    });
                }
            }
        }
    }

    /// People can be asked to come on an endpoint: it rings for whoever is being asked.
    fn can_ring(&mut self, session: SessionId, now: Instant) {
        if let Some(identity) = self.endpoints.owner(session).cloned() {
            self.each(now, |room, cx| room.opened(session, &identity, cx));
        }
    }

    fn each(&mut self, now: Instant, mut f: impl FnMut(&mut Room, &mut Context<'_>)) {
        let calls: Vec<CallId> = self.rooms.keys().copied().collect();
        for call in calls {
            self.with(call, now, &mut f);
        }
    }

    fn expire(&mut self, timer: Timer, now: Instant) {
        match timer {
            Timer::Lease(call, id) => self.with(call, now, |room, cx| room.lease_over(id, cx)),
            Timer::Grace(call, id) => self.with(call, now, |room, cx| room.grace_over(id, cx)),
            Timer::Lobby(call, id) => self.with(call, now, |room, cx| {
                room.lobby_over(id, cx);
                room.end_if_empty(cx);
            }),
            Timer::Ring(call, id) => self.with(call, now, |room, cx| room.rang_out(id, cx)),
            Timer::Flush(call) => self.with(call, now, |room, cx| room.flush(cx)),
            Timer::Breakouts(call) => self.with(call, now, |room, cx| room.breakouts_due(cx)),
            Timer::VideoCount(call, id) => self.with(call, now, |room, cx| room.tell_video_count(id, cx)),
        };
    }

    /// A request. It is answered now, or when media has answered.
    fn ask(&mut self, ask: &Ask, now: Instant) {
        if let Request::MeetingJoin(join) = &ask.request {
            if let Err(reason) = self.join(ask, join, now) {
                self.answer_empty(ask, Err(reason));
            }
            return;
        }
        if let Request::MeetingRestart(restart) = &ask.request {
            let restart = restart.clone();
            let result = self.with(restart.call, now, |room, cx| room.restart(ask, restart, cx));
            if let Err(reason) = result.unwrap_or(Err(Reason::NO_SUCH_CALL)) {
                self.answer_empty(ask, Err(reason));
            }
            return;
        }
        if let Request::MeetingAdd(add) = &ask.request {
            let result = self.add(ask, add, now);
            self.answer(ask, result);
            return;
        }
        if let Request::Notice(set) = &ask.request {
            let result = self.with(set.call, now, |room, cx| {
                let me = room.inside_of(ask.session)?;
                room.set_notice(me, set, cx)
            });
            self.answer(ask, result.unwrap_or(Err(Reason::NO_SUCH_CALL)));
            return;
        }
        if let Request::MeetingEngage(engage) = &ask.request {
            let result = self.with(engage.call, now, |room, cx| {
                let me = room.inside_of(ask.session)?;
                room.engage(me, &engage.act, cx)
            });
            self.answer(ask, result.unwrap_or(Err(Reason::NO_SUCH_CALL)));
            return;
        }
        let result = self.conduct(ask, now);
        self.answer_empty(ask, result);
    }

    fn answer<T: Serialize>(&mut self, ask: &Ask, result: Result<T, Reason>) {
        self.outputs.push_back(Output::Answer {
            session: ask.session,
            id: ask.id,
            result: result.map(|answer| serde_json::to_value(answer).unwrap_or_default()),
        });
    }

    fn answer_empty(&mut self, ask: &Ask, result: Result<(), Reason>) {
        self.answer(ask, result.map(|()| serde_json::Map::new()));
    }

    fn conduct(&mut self, ask: &Ask, now: Instant) -> Result<(), Reason> {
        let session = ask.session;
        let Some(call) = call_of(&ask.request) else {
            return Err(Reason::UNKNOWN_REQUEST);
        };
        self.with(call, now, |room, cx| match &ask.request {
            Request::MeetingLeave(_) => room.leave(session, cx),
            Request::MeetingDecline(_) => room.decline(session, cx),
            request => {
                let me = room.inside_of(session)?;
                match request {
                    Request::MeetingEnd(_) => room.end_by(me, cx),
                    Request::MeetingMute(mute) => room.mute(me, mute.muted, cx),
                    Request::MeetingShow(show) => room.show(me, show.pictures, cx),
                    Request::MeetingMuteOthers(mute) => room.mute_others(me, &mute.participants, cx),
                    Request::MeetingRemove(remove) => room.remove_by(me, remove.participant, cx),
                    Request::MeetingAdmit(admit) => room.admit_by(me, &admit.participants, cx),
                    Request::MeetingReject(reject) => room.reject_by(me, &reject.participants, cx),
                    Request::MeetingAdmitAll(_) => room.admit_all_by(me, cx),
                    Request::MeetingSetRole(set) => room.set_role(me, set, cx),
                    Request::MeetingLock(lock) => room.lock(me, lock.locked, cx),
                    Request::MeetingSpotlight(set) => room.set_spotlight(me, set, cx),
                    Request::MeetingHand(hand) => room.hand(me, hand.raised, cx),
                    Request::MeetingLowerHands(lower) => room.lower_hands(me, &lower.participants, cx),
                    Request::MeetingReact(react) => room.react(me, react.reaction, cx),
                    Request::Consent(consent) => room.consent(me, consent, cx),
                    Request::MeetingMediaAccess(access) => room.media_access(me, access, cx),
                    Request::MeetingWatch(watch) => room.set_watch(me, watch, cx),
                    _ => Err(Reason::UNKNOWN_REQUEST),
                }
            }
        })
        .unwrap_or(Err(Reason::NO_SUCH_CALL))
    }

    /// Somebody is asked to come, to a call of more or to one between two that becomes one of more by it (L3).
    fn add(&mut self, ask: &Ask, add: &wire::Add, now: Instant) -> Result<wire::AddAnswer, Reason> {
        if let Some(pair) = &ask.pair {
            self.people
                .may_escalate(&pair.caller.identity, &pair.callee.identity)?;
            self.people.may_add(&ask.identity, &add.to)?;
            way_to(ask, &add.to)?;
            if self.rooms.contains_key(&add.call) {
                return Err(Reason::CALL_EXISTS);
            }
            self.outputs.push_back(Output::MoveCall(add.call));
            self.found_group(
                add.call,
                pair.caller.identity.clone(),
                pair.thread,
                String::new(),
                now,
            );
            self.with(add.call, now, |room, cx| room.take_over(pair, cx));
        }
        self.with(add.call, now, |room, cx| {
            let me = room.inside_of(ask.session)?;
            room.add_by(me, &add.to, way_to(ask, &add.to), cx)
        })
        .unwrap_or(Err(Reason::NO_SUCH_CALL))
    }
}

/// Where somebody is rung who is asked to come, as the switchboard found with the request.
fn way_to(ask: &Ask, to: &Identifier) -> Result<Way, Reason> {
    ask.ways.get(to).cloned().unwrap_or(Err(Reason::NO_ENDPOINT))
}

/// The call that a request names.
fn call_of(request: &Request) -> Option<CallId> {
    Some(match request {
        Request::MeetingLeave(call)
        | Request::MeetingEnd(call)
        | Request::MeetingAdmitAll(call)
        | Request::MeetingDecline(call) => call.call,
        Request::MeetingMute(mute) => mute.call,
        Request::MeetingShow(show) => show.call,
        Request::MeetingMuteOthers(mute) => mute.call,
        Request::MeetingRemove(remove) => remove.call,
        Request::MeetingAdmit(answer) | Request::MeetingReject(answer) => answer.call,
        Request::MeetingSetRole(set) => set.call,
        Request::MeetingLock(lock) => lock.call,
        Request::MeetingSpotlight(set) => set.call,
        Request::MeetingHand(hand) => hand.call,
        Request::MeetingLowerHands(lower) => lower.call,
        Request::MeetingReact(react) => react.call,
        Request::MeetingMediaAccess(access) => access.call,
        Request::MeetingWatch(watch) => watch.call,
        Request::Consent(consent) => consent.call,
        _ => return None,
    })
}
