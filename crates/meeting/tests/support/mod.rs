//! A world with two organisations and a resource, meetings in it, endpoints that keep what they are told, and media that
//! answers at once, late or never.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use serde_json::Value;
use sidetone_meeting::*;
use sidetone_organisation::*;
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::protocol::meeting as wire;
use sidetone_signaling::protocol::meeting::{
    Join, Joined, LobbyReason, Locator, ParticipantId, Passage, Role, UnlobbiedWhy,
};
use sidetone_signaling::protocol::{CallId, Event, Request, SessionId};
use sidetone_signaling::switchboard::{Ask, Way};
use sidetone_signaling::{Identifier, Reason};
use std::sync::{Arc, RwLock};
use uuid::Uuid;

pub const OLGA: &str = "member:contoso:olga";
pub const BOB: &str = "member:contoso:bob";
pub const GUS: &str = "member:contoso:gus";
pub const ANN: &str = "member:fabrikam:ann";
pub const EVE: &str = "external:alpha:eve";
pub const ELI: &str = "external:alpha:eli";
pub const PAT: &str = "guest:pat";
pub const CAROL: &str = "member:contoso:carol";
/// Where Eve, Bob and Carol converse.
pub const THREAD: ThreadId = ThreadId(Uuid::from_u128(17));
pub const MEETING: &str = "482193507112";

pub fn id(raw: &str) -> Identifier {
    raw.parse().unwrap()
}

pub fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// The people, who change under a running meeting.
#[derive(Clone)]
pub struct Shared(pub Arc<RwLock<World>>);

impl People for Shared {
    fn locate(&self, id: &MeetingId, secret: Secret<'_>) -> Option<Located> {
        self.0.read().unwrap().locate(id, secret)
    }
    fn find(&self, id: &MeetingId) -> Option<Located> {
        self.0.read().unwrap().find(id)
    }
    fn naming(&self, id: &MeetingId, identity: &Identifier) -> Naming {
        self.0.read().unwrap().naming(id, identity)
    }
    fn hall(&self, id: &MeetingId) -> Option<Hall> {
        self.0.read().unwrap().hall(id)
    }
    fn attendee(
        &self,
        host: &OrganisationId,
        identity: &Identifier,
        wanted: &str,
    ) -> Result<Attendee, Reason> {
        People::attendee(&*self.0.read().unwrap(), host, identity, wanted)
    }
    fn caller(&self, starter: &Identifier, identity: &Identifier, wanted: &str) -> Attendee {
        self.0.read().unwrap().caller(starter, identity, wanted)
    }
    fn may_join_group(&self, starter: &Identifier, identity: &Identifier) -> Result<(), Reason> {
        People::may_join_group(&*self.0.read().unwrap(), starter, identity)
    }
    fn may_add(&self, by: &Identifier, to: &Identifier) -> Result<(), Reason> {
        self.0.read().unwrap().may_add(by, to)
    }
    fn sees_external(&self, identity: &Identifier) -> bool {
        self.0.read().unwrap().sees_external(identity)
    }
    fn may_escalate(&self, one: &Identifier, other: &Identifier) -> Result<(), Reason> {
        self.0.read().unwrap().may_escalate(one, other)
    }
    fn company(&self, by: &Identifier, thread: ThreadId) -> Result<Company, Reason> {
        if !self.converses(by, thread) {
            return Err(Reason::NO_SUCH_THREAD);
        }
        let all = [EVE, BOB, CAROL].map(id);
        Ok(Company {
            others: all.into_iter().filter(|one| one != by).collect(),
            topic: "Order 17".into(),
        })
    }
    fn converses(&self, identity: &Identifier, thread: ThreadId) -> bool {
        thread == THREAD && [EVE, BOB, CAROL].map(id).contains(identity)
    }
}

pub fn organisation(name: &str) -> Organisation {
    Organisation {
        id: name.parse().unwrap(),
        name: name.to_owned(),
        kind: OrganisationKind::Work,
        cloud: "public".parse().unwrap(),
        approval: Approval::Approved,
        switches: Switches::default(),
        recording_consent: Default::default(),
        meetings: MeetingPolicy::default(),
        region: None,
        chat: Default::default(),
    }
}

pub fn meeting(number: &str) -> Meeting {
    Meeting {
        id: number.parse().unwrap(),
        subject: "Budget".into(),
        kind: MeetingKind::Standard,
        organiser: "olga".parse().unwrap(),
        co_organisers: BTreeSet::new(),
        presenters: BTreeSet::new(),
        attendees: BTreeSet::new(),
        start_ms: None,
        end_ms: None,
        options: MeetingOptions::default(),
        key: "k".repeat(22),
        passcode: "abcd2345".into(),
        thread: None,
    }
}

pub fn world() -> World {
    let mut world = World::new(Deployment::new("public".parse().unwrap()));
    let mut put = |entity| world.apply(Change::Put(entity)).unwrap();
    put(Entity::Resource(Resource {
        id: "alpha".parse().unwrap(),
        name: "The alpha app".into(),
        cloud: "public".parse().unwrap(),
        allowed_origins: Vec::new(),
        switches: ResourceSwitches::default(),
        region: None,
    }));
    for (name, members) in [
        ("contoso", ["olga", "bob", "carol", "gus"].as_slice()),
        ("fabrikam", &["ann"]),
    ] {
        put(Entity::Organisation(organisation(name)));
        put(Entity::Federation {
            organisation: name.parse().unwrap(),
            federation: Federation {
                enable_external_users: true,
                allowed_resources: BTreeSet::from(["alpha".parse().unwrap()]),
            },
        });
        put(Entity::Policy {
            organisation: name.parse().unwrap(),
            policy: ExternalAccessPolicy {
                name: "global".parse().unwrap(),
                enable_federation_access: true,
            },
        });
        for member in members {
            let mut member = Member::new(member.parse().unwrap(), member.to_uppercase());
            member.guest = member.id.as_str() == "gus";
            put(Entity::Member {
                organisation: name.parse().unwrap(),
                member,
            });
        }
    }
    for user in ["eve", "eli", "eda"] {
        put(Entity::ExternalUser(ExternalUser {
            resource: "alpha".parse().unwrap(),
            user: user.parse().unwrap(),
            display_name: None,
            bot: false,
        }));
    }
    put(Entity::Meeting {
        organisation: "contoso".parse().unwrap(),
        meeting: meeting(MEETING),
    });
    world
}

/// How media behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaMode {
    /// Answers, and comes up.
    Fine,
    /// Answers, and never comes up.
    Dead,
    /// Answers only when [`Bench::media_answers`] says so.
    Silent,
    /// Refuses every offer.
    Refuses,
}

/// What one endpoint was told, and makes of it.
#[derive(Debug, Default)]
pub struct View {
    pub identity: Option<Identifier>,
    pub events: Vec<Event>,
    pub roster: BTreeMap<CallId, BTreeMap<ParticipantId, wire::Participant>>,
    pub total: BTreeMap<CallId, u32>,
    pub lobby: BTreeMap<CallId, BTreeMap<ParticipantId, wire::LobbyEntry>>,
    pub hands: BTreeMap<CallId, BTreeMap<ParticipantId, u32>>,
    pub passage: BTreeMap<CallId, Passage>,
    pub capabilities: BTreeMap<CallId, wire::Capabilities>,
    pub ended: BTreeMap<CallId, Reason>,
    pub attached: bool,
    pub takes_calls: bool,
}

impl View {
    /// Takes an event as a client would, and finds what does not fit.
    fn take(&mut self, event: Event) {
        match &event {
            Event::MeetingRoster(told) => {
                let roster = self.roster.entry(told.call).or_default();
                if told.snapshot {
                    roster.clear();
                    self.hands.remove(&told.call);
                }
                for left in &told.left {
                    assert!(
                        roster.remove(&left.participant).is_some(),
                        "{} left before it joined",
                        left.participant
                    );
                }
                for entry in &told.present {
                    roster.insert(entry.participant, entry.clone());
                }
                self.total.insert(told.call, told.total);
            }
            Event::MeetingLobby(told) => {
                let lobby = self.lobby.entry(told.call).or_default();
                if told.snapshot {
                    lobby.clear();
                }
                for gone in &told.removed {
                    assert!(
                        lobby.remove(&gone.participant).is_some(),
                        "{} went before it waited",
                        gone.participant
                    );
                }
                for entry in &told.added {
                    lobby.insert(entry.participant, entry.clone());
                }
            }
            Event::MeetingHands(told) => {
                let hands = self.hands.entry(told.call).or_default();
                for hand in &told.raised {
                    hands.insert(hand.participant, hand.order);
                }
                for id in &told.lowered {
                    hands.remove(id);
                }
            }
            Event::MeetingState(state) => {
                self.passage.insert(state.call, state.passage);
            }
            Event::MeetingCapabilities(changed) => {
                let known = self.capabilities.entry(changed.call).or_default();
                for (capability, standing) in &changed.new {
                    assert_eq!(
                        known.insert(*capability, *standing),
                        changed.old.get(capability).copied(),
                        "{capability:?} was something else"
                    );
                }
            }
            Event::MeetingEnded(ended) => {
                self.passage.remove(&ended.call);
                self.ended.insert(ended.call, ended.reason.clone());
            }
            _ => {}
        }
        self.events.push(event);
    }
}

pub struct Bench {
    pub world: Shared,
    pub meetings: Meetings,
    pub now: Instant,
    pub views: BTreeMap<SessionId, View>,
    pub answers: BTreeMap<(SessionId, u64), Result<Value, Reason>>,
    pub facts: Vec<Fact>,
    pub moved: Vec<CallId>,
    /// Endpoints that are in a call.
    pub occupied: BTreeSet<SessionId>,
    pub media: BTreeMap<CallId, BTreeMap<ParticipantId, Rights>>,
    pub watched: BTreeMap<(CallId, ParticipantId), (Vec<wire::Picture>, Option<u8>)>,
    pub media_mode: MediaMode,
    pub held: VecDeque<(CallId, ParticipantId, Attempt)>,
    wake: Option<Instant>,
    sessions: u128,
    requests: u64,
    /// Checks after every input.
    pub checking: bool,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(Config::default())
    }

    pub fn with(config: Config) -> Self {
        let world = Shared(Arc::new(RwLock::new(world())));
        Self {
            meetings: Meetings::new(config, Box::new(world.clone()), [7; 32]),
            world,
            now: Instant::now(),
            views: BTreeMap::new(),
            answers: BTreeMap::new(),
            facts: Vec::new(),
            moved: Vec::new(),
            occupied: BTreeSet::new(),
            media: BTreeMap::new(),
            watched: BTreeMap::new(),
            media_mode: MediaMode::Fine,
            held: VecDeque::new(),
            wake: None,
            sessions: 0,
            requests: 0,
            checking: true,
        }
    }

    pub fn put(&mut self, entity: Entity) {
        self.world.0.write().unwrap().apply(Change::Put(entity)).unwrap();
        self.input(Input::Changed);
    }

    pub fn edit_organisation(&mut self, edit: impl FnOnce(&mut Organisation)) {
        let id: OrganisationId = "contoso".parse().unwrap();
        let mut organisation = self.world.0.read().unwrap().organisation(&id).unwrap().clone();
        edit(&mut organisation);
        self.put(Entity::Organisation(organisation));
    }

    pub fn edit_meeting(&mut self, edit: impl FnOnce(&mut Meeting)) {
        let organisation: OrganisationId = "contoso".parse().unwrap();
        let number: MeetingId = MEETING.parse().unwrap();
        let mut meeting = self
            .world
            .0
            .read()
            .unwrap()
            .meeting(&organisation, &number)
            .unwrap()
            .clone();
        edit(&mut meeting);
        self.put(Entity::Meeting {
            organisation,
            meeting,
        });
    }

    pub fn bypass(&mut self, bypass: Bypass) {
        self.edit_meeting(|meeting| meeting.options.bypass = Some(bypass));
    }

    /// A meeting goes on that was remembered, with its pieces.
    pub fn restore(&mut self, memory: Memory, pieces: &[Vec<u8>]) {
        self.meetings.restore(memory, pieces, self.now);
        self.input(Input::Timeout);
    }

    pub fn input(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            self.meetings.handle(input, self.now);
            loop {
                match self.meetings.poll() {
                    Output::Timeout(at) => {
                        self.wake = at;
                        break;
                    }
                    output => inputs.extend(self.carry_out(output)),
                }
            }
            if self.checking {
                self.meetings.check(self.now).unwrap();
                self.check_media();
            }
        }
        // What is due now is due now.
        if self.wake.is_some_and(|at| at <= self.now) {
            self.input(Input::Timeout);
        }
    }

    fn carry_out(&mut self, output: Output) -> Vec<Input> {
        match output {
            Output::Answer { session, id, result } => {
                assert!(
                    self.answers.insert((session, id), result.clone()).is_none(),
                    "answered twice"
                );
                if let (Ok(value), Some(view)) = (&result, self.views.get_mut(&session))
                    && let Ok(joined) = serde_json::from_value::<Joined>(value.clone())
                {
                    view.passage.insert(joined.call, joined.passage);
                    view.capabilities.insert(joined.call, joined.capabilities);
                    view.ended.remove(&joined.call);
                    // Whoever joins begins anew.
                    view.roster.remove(&joined.call);
                    view.lobby.remove(&joined.call);
                    view.hands.remove(&joined.call);
                }
            }
            Output::Tell { sessions, event } => {
                for session in sessions {
                    if let Some(view) = self.views.get_mut(&session) {
                        view.take((*event).clone());
                    }
                }
            }
            Output::MoveCall(call) => self.moved.push(call),
            Output::Occupied(session, occupied) => {
                let was = if occupied {
                    self.occupied.insert(session)
                } else {
                    self.occupied.remove(&session)
                };
                assert!(was, "told again");
            }
            Output::Fact(fact) => self.facts.push(*fact),
            Output::Media(call, order) => return self.media_order(call, order),
            Output::Timeout(_) => {}
        }
        Vec::new()
    }

    fn media_order(&mut self, call: CallId, order: MediaOrder) -> Vec<Input> {
        let answered = |attempt, result| Input::Media(call, MediaEvent::Answered { attempt, result });
        match order {
            MediaOrder::Spotlight { .. } => {}
            MediaOrder::Open { .. } => {
                assert!(self.media.insert(call, BTreeMap::new()).is_none(), "opened twice");
            }
            MediaOrder::Join {
                participant,
                attempt,
                rights,
                ..
            } => {
                let room = self.media.get_mut(&call).expect("an open room");
                assert!(
                    room.insert(participant, rights).is_none(),
                    "{participant} is there"
                );
                match self.media_mode {
                    MediaMode::Fine => {
                        return vec![
                            answered(attempt, Ok("answer".into())),
                            Input::Media(call, MediaEvent::Up(participant)),
                        ];
                    }
                    MediaMode::Dead => return vec![answered(attempt, Ok("answer".into()))],
                    MediaMode::Silent => self.held.push_back((call, participant, attempt)),
                    MediaMode::Refuses => {
                        room.remove(&participant);
                        return vec![answered(attempt, Err(MediaError::Offer))];
                    }
                }
            }
            MediaOrder::Restart {
                participant, attempt, ..
            } => {
                return vec![
                    answered(attempt, Ok("again".into())),
                    Input::Media(call, MediaEvent::Up(participant)),
                ];
            }
            MediaOrder::SetRights { participant, rights } => {
                let room = self.media.get_mut(&call).expect("an open room");
                *room.get_mut(&participant).expect("a participant with media") = rights;
            }
            MediaOrder::Watch {
                participant,
                pictures,
                cameras,
            } => {
                assert!(
                    self.media[&call].contains_key(&participant),
                    "{participant} has no media"
                );
                self.watched.insert((call, participant), (pictures, cameras));
            }
            MediaOrder::Leave { participant } => {
                self.watched.remove(&(call, participant));
                self.media
                    .get_mut(&call)
                    .expect("an open room")
                    .remove(&participant);
            }
            MediaOrder::Close => {
                self.media.remove(&call).expect("an open room");
            }
        }
        Vec::new()
    }

    /// Nothing passes to or from anybody who is not inside.
    fn check_media(&self) {
        for (call, room) in &self.media {
            let roster = self.meetings.roster(*call).unwrap_or_default();
            for (participant, rights) in room {
                let place = roster
                    .iter()
                    .find(|stay| stay.participant == *participant && stay.left.is_none())
                    .map(|stay| stay.place);
                if !matches!(place, Some(Place::Inside | Place::Reconnecting)) {
                    assert_eq!(*rights, Rights::NONE, "{participant} at {place:?}");
                }
            }
        }
    }

    pub fn media_answers(&mut self) {
        while let Some((call, participant, attempt)) = self.held.pop_front() {
            self.input(Input::Media(
                call,
                MediaEvent::Answered {
                    attempt,
                    result: Ok("late".into()),
                },
            ));
            self.input(Input::Media(call, MediaEvent::Up(participant)));
        }
    }

    /// Lets time pass, with every deadline in it.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.wake.filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.input(Input::Timeout);
        }
        self.now = end;
        self.input(Input::Timeout);
    }

    pub fn open(&mut self, raw: &str) -> SessionId {
        self.open_where(raw, true)
    }

    /// An endpoint that may take no calls.
    pub fn open_where(&mut self, raw: &str, takes_calls: bool) -> SessionId {
        self.sessions += 1;
        let session = SessionId(Uuid::from_u128(self.sessions));
        self.views.insert(
            session,
            View {
                identity: Some(id(raw)),
                attached: true,
                takes_calls,
                ..View::default()
            },
        );
        self.input(Input::SessionOpened {
            session,
            identity: id(raw),
            takes_calls,
        });
        session
    }

    pub fn detach(&mut self, session: SessionId) {
        self.views.get_mut(&session).unwrap().attached = false;
        self.input(Input::SessionDetached(session));
    }

    pub fn resume(&mut self, session: SessionId) {
        self.views.get_mut(&session).unwrap().attached = true;
        self.input(Input::SessionResumed(session));
    }

    pub fn end(&mut self, session: SessionId, reason: Reason) {
        self.occupied.remove(&session);
        self.input(Input::SessionEnded(session, reason));
        self.views.remove(&session);
    }

    fn ask_as(&mut self, session: SessionId, request: Request, edit: impl FnOnce(&mut Ask)) -> u64 {
        self.requests += 1;
        let identity = self.views[&session].identity.clone().unwrap();
        let mut ask = Ask {
            session,
            display_name: String::new(),
            application: None,
            may_start_calls: true,
            identity,
            id: self.requests,
            request,
            pair: None,
            ways: BTreeMap::new(),
        };
        ask.ways = self.ways(&ask.request);
        edit(&mut ask);
        self.input(Input::Ask(Box::new(ask)));
        self.requests
    }

    /// As the switchboard finds them for people without rules.
    fn ways(&self, request: &Request) -> BTreeMap<Identifier, Result<Way, Reason>> {
        let invited = match request {
            Request::MeetingAdd(add) => vec![add.to.clone()],
            Request::MeetingJoin(Join {
                locator: Locator::Group { invite, .. },
                ..
            }) => invite.clone(),
            Request::MeetingJoin(Join {
                locator: Locator::Thread { .. },
                ..
            }) => [EVE, BOB, CAROL].map(id).into(),
            _ => Vec::new(),
        };
        let way = |to: Identifier| {
            let of = |view: &View| view.takes_calls && view.identity.as_ref() == Some(&to);
            let sessions: BTreeSet<SessionId> = self
                .views
                .iter()
                .filter(|(_, view)| of(view))
                .map(|(session, _)| *session)
                .collect();
            let way = if sessions.is_empty() {
                Err(Reason::NO_ENDPOINT)
            } else {
                Ok(Way {
                    identities: vec![to.clone()],
                    sessions,
                    give_up_after: None,
                })
            };
            (to, way)
        };
        invited.into_iter().map(way).collect()
    }

    pub fn ask_with(
        &mut self,
        session: SessionId,
        request: Request,
        edit: impl FnOnce(&mut Ask),
    ) -> Result<Value, Reason> {
        let id = self.ask_as(session, request, edit);
        self.answers.remove(&(session, id)).expect("an answer")
    }

    pub fn ask(&mut self, session: SessionId, request: Request) -> Result<Value, Reason> {
        self.ask_with(session, request, |_| {})
    }

    /// Asks, and does not wait for the answer.
    pub fn ask_only(&mut self, session: SessionId, request: Request) -> u64 {
        self.ask_as(session, request, |_| {})
    }

    pub fn join_by(&mut self, session: SessionId, locator: Locator) -> Result<Joined, Reason> {
        let value = self.ask(session, Request::MeetingJoin(join(locator)))?;
        Ok(serde_json::from_value(value).unwrap())
    }

    pub fn join(&mut self, session: SessionId) -> Result<Joined, Reason> {
        self.join_by(session, link())
    }

    /// Opens an endpoint and joins.
    pub fn comes(&mut self, raw: &str) -> (SessionId, Result<Joined, Reason>) {
        let session = self.open(raw);
        let joined = self.join(session);
        (session, joined)
    }

    /// The same, where they come in.
    pub fn enters(&mut self, raw: &str) -> (SessionId, Joined) {
        let (session, joined) = self.comes(raw);
        let joined = joined.unwrap();
        assert_eq!(joined.passage, Passage::Connected, "{raw}");
        (session, joined)
    }

    /// The same, where they wait.
    pub fn waits(&mut self, raw: &str, reason: LobbyReason) -> (SessionId, Joined) {
        let (session, joined) = self.comes(raw);
        let joined = joined.unwrap();
        assert_eq!(joined.passage, Passage::InLobby { reason }, "{raw}");
        (session, joined)
    }

    pub fn passage(&self, session: SessionId) -> Option<Passage> {
        self.views[&session].passage.values().next().copied()
    }

    pub fn ended(&self, session: SessionId) -> Option<&Reason> {
        self.views[&session].ended.values().next()
    }

    #[track_caller]
    pub fn assert_ended(&self, session: SessionId, reason: &Reason) {
        let ended = self.ended(session).expect("ended");
        assert!(ended.is(reason), "expected {reason}, got {ended}");
    }

    pub fn rights(&self, joined: &Joined) -> Rights {
        self.media[&joined.call][&joined.participant]
    }

    pub fn roster(&self, session: SessionId) -> Vec<String> {
        let Some(roster) = self.views[&session].roster.values().next() else {
            return Vec::new();
        };
        roster.values().map(|entry| entry.display_name.clone()).collect()
    }

    pub fn lobby(&self, session: SessionId) -> Vec<String> {
        let Some(lobby) = self.views[&session].lobby.values().next() else {
            return Vec::new();
        };
        lobby.values().map(|entry| entry.display_name.clone()).collect()
    }

    pub fn events(&self, session: SessionId) -> Vec<&Event> {
        self.views[&session].events.iter().collect()
    }

    /// What became of those who waited, as this endpoint was told.
    pub fn unlobbied(&self, session: SessionId) -> Vec<UnlobbiedWhy> {
        let events = self.views[&session].events.iter();
        let lobby = events.filter_map(|event| match event {
            Event::MeetingLobby(lobby) => Some(lobby),
            _ => None,
        });
        lobby
            .flat_map(|lobby| lobby.removed.iter().map(|gone| gone.why))
            .collect()
    }

    /// Everybody leaves; nothing may be left behind.
    #[track_caller]
    pub fn assert_nothing_left(mut self) {
        let sessions: Vec<SessionId> = self.views.keys().copied().collect();
        for session in sessions {
            self.end(session, Reason::SESSION_CLOSED);
        }
        self.pass(seconds(4_000));
        assert!(self.meetings.is_idle(), "{} calls are left", self.meetings.len());
        assert!(self.media.is_empty(), "media is left");
    }
}

pub fn link() -> Locator {
    link_of(MEETING)
}

pub fn link_of(number: &str) -> Locator {
    Locator::Link(format!("https://meet.example/{number}/{}", "k".repeat(22)))
}

pub fn join(locator: Locator) -> Join {
    Join {
        locator,
        display_name: None,
        offer: "offer".into(),
        muted: false,
        rejoin: None,
    }
}

pub fn call(joined: &Joined) -> wire::Call {
    wire::Call { call: joined.call }
}

pub fn admit(joined: &Joined, who: &[&Joined]) -> Request {
    Request::MeetingAdmit(wire::Admit {
        call: joined.call,
        participants: who.iter().map(|joined| joined.participant).collect(),
    })
}

pub fn reject(joined: &Joined, who: &[&Joined]) -> Request {
    Request::MeetingReject(wire::Reject {
        call: joined.call,
        participants: who.iter().map(|joined| joined.participant).collect(),
    })
}

pub fn set_role(joined: &Joined, who: &Joined, role: Role) -> Request {
    Request::MeetingSetRole(wire::SetRole {
        call: joined.call,
        participant: who.participant,
        role,
    })
}

#[track_caller]
pub fn assert_refused<T: std::fmt::Debug>(result: Result<T, Reason>, reason: &Reason) {
    let refusal = result.expect_err("a refusal");
    assert!(refusal.is(reason), "expected {reason}, got {refusal}");
}
