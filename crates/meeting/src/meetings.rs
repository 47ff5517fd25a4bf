//! All meetings and group calls: finding the one that is meant, and handing it what concerns it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};
use sidetone_organisation::{MeetingId, OrganisationId};
use sidetone_signaling::protocol::meeting::{self as wire, Locator};
use sidetone_signaling::protocol::{CallId, Request, SessionId};
use sidetone_signaling::switchboard::Ask;
use sidetone_signaling::timers::Timers;
use sidetone_signaling::{Identifier, Reason};

use crate::api::{Config, Input, MediaEvent, Order, Output, Stay};
use crate::guesses::Guesses;
use crate::link::{self, draw_key};
use crate::people::{Hall, Located, People, Secret};
use crate::room::{Context, Endpoints, Founding, House, Room, Timer};

/// The brain of meetings. See the crate's page.
pub struct Meetings {
    config: Config,
    people: Box<dyn People>,
    rng: ChaCha20Rng,
    rooms: BTreeMap<CallId, Room>,
    /// Which call a meeting is, while it runs.
    running: BTreeMap<MeetingId, CallId>,
    endpoints: Endpoints,
    guesses: Guesses,
    timers: Timers<Timer>,
    attempts: u64,
    outputs: VecDeque<Output>,
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
            endpoints: Endpoints::default(),
            guesses,
            timers: Timers::new(),
            attempts: 0,
            outputs: VecDeque::new(),
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
            Input::SessionOpened(session, identity) => {
                self.endpoints.opened(session, identity.clone());
                self.each(now, |room, cx| room.opened(session, &identity, cx));
            }
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
    }

    /// The next output; `Timeout` when there is none.
    pub fn poll(&mut self) -> Output {
        self.outputs
            .pop_front()
            .unwrap_or_else(|| Output::Timeout(self.timers.next()))
    }

    /// Carries out an order.
    ///
    /// # Errors
    /// [`Reason::NO_SUCH_CALL`] where it is over, and why it cannot be done.
    pub fn order(&mut self, call: CallId, order: Order, now: Instant) -> Result<(), Reason> {
        self.with(call, now, |room, cx| match order {
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
        })
        .unwrap_or(Err(Reason::NO_SUCH_CALL))
    }

    /// Ends every call: the service stops.
    pub fn end_all(&mut self, reason: &Reason, now: Instant) {
        self.each(now, |room, cx| room.end(reason, reason, cx));
    }

    /// The call that a meeting is right now.
    pub fn running(&self, meeting: &MeetingId) -> Option<CallId> {
        self.running.get(meeting).copied()
    }

    /// Everyone who is or was in a call that runs.
    pub fn roster(&self, call: CallId) -> Option<Vec<Stay>> {
        self.rooms.get(&call).map(Room::roster)
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
        }
        Ok(())
    }

    fn context<'a>(
        config: &'a Config,
        people: &'a dyn People,
        parts: (
            &'a mut Endpoints,
            &'a mut Timers<Timer>,
            &'a mut VecDeque<Output>,
            &'a mut u64,
        ),
        now: Instant,
    ) -> Context<'a> {
        let (endpoints, timers, outputs, attempts) = parts;
        Context {
            config,
            people,
            endpoints,
            timers,
            outputs,
            attempts,
            now,
        }
    }

    /// Hands something to a room, and forgets the room where it is over then.
    fn with<T>(
        &mut self,
        call: CallId,
        now: Instant,
        f: impl FnOnce(&mut Room, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let room = self.rooms.get_mut(&call)?;
        let parts = (
            &mut self.endpoints,
            &mut self.timers,
            &mut self.outputs,
            &mut self.attempts,
        );
        let mut cx = Self::context(&self.config, &*self.people, parts, now);
        let result = f(room, &mut cx);
        if room.is_over() {
            if let House::Meeting { id, .. } = room.house() {
                self.running.remove(id);
            }
            self.rooms.remove(&call);
        }
        Some(result)
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
            let result = result.map(|added| serde_json::to_value(added).unwrap_or_default());
            self.outputs.push_back(Output::Answer {
                session: ask.session,
                id: ask.id,
                result,
            });
            return;
        }
        let result = self.conduct(ask, now);
        self.answer_empty(ask, result);
    }

    fn answer_empty(&mut self, ask: &Ask, result: Result<(), Reason>) {
        self.outputs.push_back(Output::Answer {
            session: ask.session,
            id: ask.id,
            result: result.map(|()| serde_json::Value::Object(serde_json::Map::new())),
        });
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
                    Request::MeetingMediaAccess(access) => room.media_access(me, access, cx),
                    _ => Err(Reason::UNKNOWN_REQUEST),
                }
            }
        })
        .unwrap_or(Err(Reason::NO_SUCH_CALL))
    }

    fn join(&mut self, ask: &Ask, join: &wire::Join, now: Instant) -> Result<(), Reason> {
        if self.endpoints.calls(ask.session) >= self.config.calls_per_session {
            return Err(Reason::TOO_MANY_CALLS);
        }
        let wanted = join.display_name.as_deref().unwrap_or(&ask.display_name);
        match &join.locator {
            Locator::Link(text) => match link::read(text) {
                Some(link::Place::Meeting(id, key)) => {
                    let located = self.locate(ask, &id, Secret::Key(key), now)?;
                    self.join_meeting(ask, join, (id, located), wanted, now)
                }
                Some(link::Place::Group(call, key)) => self.join_group_by_link(ask, join, (call, key), now),
                None => {
                    self.guesses.wrong(&ask.identity, None, now);
                    Err(Reason::NO_SUCH_MEETING)
                }
            },
            Locator::Meeting { id, passcode } => {
                let Ok(id) = MeetingId::typed(id) else {
                    return Err(Reason::NO_SUCH_MEETING);
                };
                let located = self.locate(ask, &id, Secret::Passcode(passcode), now)?;
                self.join_meeting(ask, join, (id, located), wanted, now)
            }
            Locator::Call(call) => self.join_running(ask, join, *call, now),
            Locator::Group { call, invite } => self.start_group(ask, join, *call, invite, now),
        }
    }

    /// The meeting that is meant, for whoever knows its secret.
    fn locate(
        &mut self,
        ask: &Ask,
        id: &MeetingId,
        secret: Secret<'_>,
        now: Instant,
    ) -> Result<Located, Reason> {
        let guessed_at = match secret {
            Secret::Key(_) => None,
            Secret::Passcode(_) => Some(id),
        };
        if !self.guesses.may(&ask.identity, guessed_at, now) {
            return Err(Reason::TOO_MANY_GUESSES);
        }
        self.people.locate(id, secret).ok_or_else(|| {
            self.guesses.wrong(&ask.identity, guessed_at, now);
            Reason::NO_SUCH_MEETING
        })
    }

    fn join_meeting(
        &mut self,
        ask: &Ask,
        join: &wire::Join,
        (id, located): (MeetingId, Located),
        wanted: &str,
        now: Instant,
    ) -> Result<(), Reason> {
        let attendee = self
            .people
            .attendee(&located.organisation, &ask.identity, wanted)?;
        let call = match self.running.get(&id) {
            Some(call) => *call,
            None => self.open_meeting(id, located, now)?,
        };
        self.enter(ask, join, call, attendee, now)
    }

    fn open_meeting(&mut self, id: MeetingId, located: Located, now: Instant) -> Result<CallId, Reason> {
        let hall = self.people.hall(&id).ok_or(Reason::NO_SUCH_MEETING)?;
        let call = self.draw_call();
        self.running.insert(id.clone(), call);
        self.found(
            Founding {
                call,
                house: House::Meeting {
                    organisation: located.organisation,
                    id,
                    kind: located.kind,
                    organiser: located.organiser,
                },
                hall,
                subject: located.subject,
                key: located.key,
                thread: located.thread,
            },
            now,
        );
        Ok(call)
    }

    fn found(&mut self, founding: Founding, now: Instant) {
        let call = founding.call;
        let parts = (
            &mut self.endpoints,
            &mut self.timers,
            &mut self.outputs,
            &mut self.attempts,
        );
        let mut cx = Self::context(&self.config, &*self.people, parts, now);
        let room = Room::found(founding, &mut cx);
        self.rooms.insert(call, room);
    }

    /// Somebody comes to a call that is there. One that nobody comes to is no call.
    fn enter(
        &mut self,
        ask: &Ask,
        join: &wire::Join,
        call: CallId,
        attendee: sidetone_organisation::Attendee,
        now: Instant,
    ) -> Result<(), Reason> {
        self.with(call, now, |room, cx| {
            let result = room.join(ask, join.clone(), attendee, cx);
            room.end_if_empty(cx);
            result
        })
        .unwrap_or(Err(Reason::NO_SUCH_CALL))
    }

    /// By the id of a call that runs: who was in it, is asked to it, or moves with it.
    fn join_running(
        &mut self,
        ask: &Ask,
        join: &wire::Join,
        call: CallId,
        now: Instant,
    ) -> Result<(), Reason> {
        let room = self.rooms.get(&call).ok_or(Reason::NO_SUCH_CALL)?;
        if !room.knows(&ask.identity) {
            return Err(Reason::NOT_INVITED);
        }
        self.enter_known(ask, join, call, now)
    }

    fn enter_known(
        &mut self,
        ask: &Ask,
        join: &wire::Join,
        call: CallId,
        now: Instant,
    ) -> Result<(), Reason> {
        let wanted = join.display_name.as_deref().unwrap_or(&ask.display_name);
        let attendee = self
            .with(call, now, |room, cx| room.attendee(&ask.identity, wanted, cx))
            .unwrap_or(Err(Reason::NO_SUCH_CALL))?;
        self.enter(ask, join, call, attendee, now)
    }

    fn join_group_by_link(
        &mut self,
        ask: &Ask,
        join: &wire::Join,
        (call, key): (CallId, &str),
        now: Instant,
    ) -> Result<(), Reason> {
        if !self.guesses.may(&ask.identity, None, now) {
            return Err(Reason::TOO_MANY_GUESSES);
        }
        let room = self.rooms.get(&call).filter(|room| same(room.key(), key));
        let Some(starter) = room.and_then(Room::starter) else {
            self.guesses.wrong(&ask.identity, None, now);
            return Err(Reason::NO_SUCH_MEETING);
        };
        self.people.may_join_group(starter, &ask.identity)?;
        self.enter_known(ask, join, call, now)
    }

    /// A new group call (L31).
    fn start_group(
        &mut self,
        ask: &Ask,
        join: &wire::Join,
        call: CallId,
        invite: &[Identifier],
        now: Instant,
    ) -> Result<(), Reason> {
        if !ask.may_start_calls {
            return Err(Reason {
                message: "the token lacks the scope voip".into(),
                ..Reason::SCOPE_MISSING
            });
        }
        if self.rooms.contains_key(&call) {
            return Err(Reason::CALL_EXISTS);
        }
        // Before there is a call: one refusal is better than a call that half of those wanted cannot come to.
        for to in invite {
            self.people.may_add(&ask.identity, to)?;
        }
        self.found_group(call, ask.identity.clone(), now);
        self.enter_known(ask, join, call, now)?;
        self.with(call, now, |room, cx| {
            for to in invite {
                // Who has no endpoint does not ring; the others do.
                let _ = room.ring(&ask.identity, to, cx);
            }
        });
        Ok(())
    }

    fn found_group(&mut self, call: CallId, starter: Identifier, now: Instant) {
        let key = draw_key(&mut self.rng);
        self.found(
            Founding {
                call,
                house: House::Group { starter },
                hall: Hall::group(),
                subject: String::new(),
                key,
                thread: None,
            },
            now,
        );
    }

    /// Somebody is asked to come, to a call of more or to one between two that becomes one of more by it (L3).
    fn add(&mut self, ask: &Ask, add: &wire::Add, now: Instant) -> Result<wire::AddAnswer, Reason> {
        if let Some(pair) = &ask.pair {
            self.people
                .may_escalate(&pair.caller.identity, &pair.callee.identity)?;
            self.people.may_add(&ask.identity, &add.to)?;
            if self.endpoints.of(&add.to).is_empty() {
                return Err(Reason::NO_ENDPOINT);
            }
            if self.rooms.contains_key(&add.call) {
                return Err(Reason::CALL_EXISTS);
            }
            self.outputs.push_back(Output::MoveCall(add.call));
            self.found_group(add.call, pair.caller.identity.clone(), now);
            self.with(add.call, now, |room, cx| room.take_over(pair, cx));
        }
        self.with(add.call, now, |room, cx| {
            let me = room.inside_of(ask.session)?;
            room.add_by(me, &add.to, cx)
        })
        .unwrap_or(Err(Reason::NO_SUCH_CALL))
    }

    fn draw_call(&mut self) -> CallId {
        let mut bytes = [0; 16];
        self.rng.fill_bytes(&mut bytes);
        CallId(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// Whose meeting is running as which call: for lists.
    pub fn running_of(&self, organisation: &OrganisationId) -> impl Iterator<Item = (&MeetingId, CallId)> {
        self.running.iter().filter_map(move |(id, call)| {
            let room = self.rooms.get(call)?;
            match room.house() {
                House::Meeting { organisation: of, .. } if of == organisation => Some((id, *call)),
                _ => None,
            }
        })
    }

    /// Whether this endpoint is in any call, for whoever asks how somebody can be reached.
    pub fn is_busy(&self, session: SessionId) -> bool {
        self.endpoints.calls(session) > 0
    }
}

/// The call that a request names.
fn call_of(request: &Request) -> Option<CallId> {
    Some(match request {
        Request::MeetingLeave(call)
        | Request::MeetingEnd(call)
        | Request::MeetingAdmitAll(call)
        | Request::MeetingDecline(call) => call.call,
        Request::MeetingMute(mute) => mute.call,
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
        _ => return None,
    })
}

/// Compares in a time that does not depend on how much was right.
fn same(secret: &str, candidate: &str) -> bool {
    let (secret, candidate) = (secret.as_bytes(), candidate.as_bytes());
    secret.len() == candidate.len()
        && secret
            .iter()
            .zip(candidate)
            .fold(0, |difference, (a, b)| difference | (a ^ b))
            == 0
}
