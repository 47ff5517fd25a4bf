//! Hundreds of people in virtual time: they come, wait, lose their network, come back, are promoted, put out and let in,
//! in an order drawn from a seed. Nobody is in without a right to be, nobody is stuck, everyone is shown what is, and
//! nothing is left in the end. A seed that fails is printed, and repeats.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sidetone_meeting::{Fact, Input, MediaEvent, Order, Place};
use sidetone_organisation::{Bypass, MeetingId};
use sidetone_signaling::protocol::meeting::{
    self as wire, Act, Capability, Joined, ParticipantId, ParticipantState, Passage, Role,
};
use sidetone_signaling::protocol::{CallId, Request, SessionId};
use sidetone_signaling::{Identifier, Reason};
use support::*;

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        (!from.is_empty()).then(|| from[self.roll(from.len())])
    }
}

struct Chaos {
    bench: Bench,
    dice: Dice,
    sessions: Vec<SessionId>,
    joined: BTreeMap<SessionId, Joined>,
    /// Who was put out and not let in since.
    put_out: BTreeSet<Identifier>,
    /// Members who are in, by what was told as facts.
    inside: BTreeMap<ParticipantId, Identifier>,
    bypass: Bypass,
    seen: usize,
}

fn is_external(identity: &Identifier) -> bool {
    !matches!(identity, Identifier::Member { .. })
}

fn is_own(identity: &Identifier) -> bool {
    identity.to_string().starts_with("member:contoso:") && identity.to_string() != GUS
}

impl Chaos {
    fn new(seed: u64) -> Self {
        let mut bench = Bench::new();
        bench.checking = false;
        Self {
            bench,
            dice: Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            sessions: Vec::new(),
            joined: BTreeMap::new(),
            put_out: BTreeSet::new(),
            inside: BTreeMap::new(),
            bypass: Bypass::EveryoneInCompany,
            seen: 0,
        }
    }

    fn person(&mut self, crowd: usize) -> String {
        match self.dice.roll(6) {
            0 => OLGA.into(),
            1 => [BOB, "member:contoso:carol", GUS, ANN][self.dice.roll(4)].into(),
            2 => [EVE, ELI, "external:alpha:eda"][self.dice.roll(3)].into(),
            _ => format!("guest:g{}", self.dice.roll(crowd)),
        }
    }

    fn call(&self) -> Option<CallId> {
        self.bench
            .meetings
            .running(&MEETING.parse::<MeetingId>().unwrap())
    }

    fn attached(&self) -> Vec<SessionId> {
        let known = self.bench.views.iter().filter(|(_, view)| view.attached);
        known.map(|(session, _)| *session).collect()
    }

    fn participants(&self) -> Vec<ParticipantId> {
        self.joined.values().map(|joined| joined.participant).collect()
    }

    /// One thing happens. Gives whether it is one by which somebody is let in on purpose.
    fn step(&mut self, crowd: usize) -> bool {
        let attached = self.attached();
        let session = self.dice.pick(&attached);
        let somebody = {
            let participants = self.participants();
            self.dice.pick(&participants)
        };
        let call = self.call();
        match (self.dice.roll(43), session, call) {
            (0..=9, ..) if self.sessions.len() < 3 * crowd => {
                let raw = self.person(crowd);
                let session = self.bench.open(&raw);
                self.sessions.push(session);
                self.join(session, None);
            }
            (10..=12, Some(session), _) => self.join(session, somebody),
            (13..=14, Some(session), Some(call)) => {
                let leave = Request::MeetingLeave(wire::Call { call });
                if self.bench.ask(session, leave).is_ok() {
                    self.bench.views.get_mut(&session).unwrap().passage.remove(&call);
                }
            }
            (15..=17, Some(session), _) => self.bench.detach(session),
            (18..=20, ..) => {
                let detached: Vec<SessionId> = self
                    .bench
                    .views
                    .iter()
                    .filter(|(_, view)| !view.attached)
                    .map(|(session, _)| *session)
                    .collect();
                if let Some(session) = self.dice.pick(&detached) {
                    self.bench.resume(session);
                }
            }
            (21, Some(session), _) => {
                let reasons = [
                    Reason::SESSION_CLOSED,
                    Reason::NETWORK_LOST,
                    Reason::TOO_SLOW,
                    Reason::INVALID_TOKEN,
                ];
                let reason = reasons[self.dice.roll(4)].clone();
                self.bench.end(session, reason);
                self.joined.remove(&session);
            }
            (22..=23, _, Some(call)) => {
                if let Some(participant) = somebody {
                    let event = if self.dice.roll(2) == 0 {
                        MediaEvent::Lost(participant)
                    } else {
                        MediaEvent::Up(participant)
                    };
                    self.bench.input(Input::Media(call, event));
                }
            }
            (24..=26, Some(session), Some(call)) => {
                let participants = somebody.into_iter().collect();
                let request = match self.dice.roll(3) {
                    0 => Request::MeetingAdmitAll(wire::Call { call }),
                    1 => Request::MeetingAdmit(wire::Admit { call, participants }),
                    _ => Request::MeetingReject(wire::Reject { call, participants }),
                };
                let rejects = matches!(request, Request::MeetingReject(_));
                return self.bench.ask(session, request).is_ok() && !rejects;
            }
            (27, Some(session), Some(call)) => {
                if let Some(participant) = somebody {
                    let who = self.inside.get(&participant).cloned();
                    let remove = Request::MeetingRemove(wire::Remove { call, participant });
                    if self.bench.ask(session, remove).is_ok()
                        && let Some(who) = who
                    {
                        self.put_out.insert(who);
                    }
                }
            }
            (28..=29, Some(session), Some(call)) => {
                if let Some(participant) = somebody {
                    let roles = [Role::CoOrganiser, Role::Presenter, Role::Attendee, Role::Consumer];
                    let role = roles[self.dice.roll(4)];
                    let _ = self.bench.ask(
                        session,
                        Request::MeetingSetRole(wire::SetRole {
                            call,
                            participant,
                            role,
                        }),
                    );
                }
            }
            (30, Some(session), Some(call)) => {
                let locked = self.dice.roll(3) == 0;
                let _ = self
                    .bench
                    .ask(session, Request::MeetingLock(wire::Lock { call, locked }));
            }
            (31, ..) => {
                let values = [
                    Bypass::OrganizerOnly,
                    Bypass::EveryoneInCompany,
                    Bypass::EveryoneInSameAndFederatedCompany,
                    Bypass::Everyone,
                ];
                // Those who wait may come in by it.
                self.bypass = values[self.dice.roll(4)];
                self.bench.bypass(self.bypass);
            }
            (32, Some(session), Some(call)) if self.dice.roll(20) == 0 => {
                if self
                    .bench
                    .ask(session, Request::MeetingEnd(wire::Call { call }))
                    .is_ok()
                {
                    self.put_out.clear();
                }
            }
            (33..=34, Some(session), Some(call)) => {
                let request = match self.dice.roll(5) {
                    0 => Request::MeetingHand(wire::SetHand {
                        call,
                        raised: self.dice.roll(2) == 0,
                    }),
                    1 => Request::MeetingLowerHands(wire::LowerHands {
                        call,
                        participants: Vec::new(),
                    }),
                    2 => Request::MeetingReact(wire::React {
                        call,
                        reaction: wire::Reaction::Applause,
                    }),
                    3 => Request::MeetingSpotlight(wire::SetSpotlight {
                        call,
                        participants: somebody.into_iter().collect(),
                        on: self.dice.roll(2) == 0,
                    }),
                    _ => Request::MeetingMute(wire::Mute {
                        call,
                        muted: self.dice.roll(2) == 0,
                    }),
                };
                let _ = self.bench.ask(session, request);
            }
            (35, Some(session), Some(call)) => {
                let request = Request::MeetingMediaAccess(wire::MediaAccess {
                    call,
                    participants: somebody.filter(|_| self.dice.roll(2) == 0).into_iter().collect(),
                    audio: Some(self.dice.roll(2) == 0),
                    video: None,
                });
                let _ = self.bench.ask(session, request);
            }
            (36, _, Some(call)) if self.dice.roll(4) == 0 => {
                self.bench.input(Input::Order(call, Order::AdmitAll));
                return true;
            }
            (37, _, Some(call)) => {
                let speakers = somebody.into_iter().collect();
                self.bench
                    .input(Input::Media(call, MediaEvent::Speakers(speakers)));
            }
            (39..=41, Some(session), Some(call)) => {
                let act = self.act(somebody);
                let engage = wire::Engage { call, act };
                let _ = self.bench.ask(session, Request::MeetingEngage(Box::new(engage)));
            }
            (38, ..) => {
                let long = self.dice.roll(100) == 0;
                self.bench.pass(if long {
                    seconds(70)
                } else {
                    Duration::from_millis(130)
                });
            }
            _ => self.bench.pass(Duration::from_millis(40)),
        }
        false
    }

    /// Something that people do beside talking, now and then nothing that makes sense.
    fn act(&mut self, somebody: Option<ParticipantId>) -> Act {
        let id = 1 + self.dice.roll(3) as u32;
        let yes = self.dice.roll(2) == 0;
        match self.dice.roll(12) {
            0 => Act::Message(wire::SendMessage {
                channel: 1,
                to: somebody.into_iter().collect(),
                data: wire::Blob(vec![1]),
            }),
            1 => Act::Type(wire::Type {
                line: id,
                keep: self.dice.roll(3) as u32,
                text: "ab".into(),
                last: yes,
            }),
            2 => Act::CreatePoll(wire::CreatePoll {
                question: "?".into(),
                options: vec!["a".into(), "b".into()],
                multiple: yes,
                anonymous: self.dice.roll(2) == 0,
                changeable: true,
                results: wire::Results::Voted,
                open: self.dice.roll(2) == 0,
            }),
            3 => Act::Vote(wire::Vote {
                poll: id,
                choices: vec![self.dice.roll(3) as u8],
            }),
            4 if yes => Act::OpenPoll(wire::Which { id }),
            4 => Act::ClosePoll(wire::Which { id }),
            5 => Act::SetQuestions(wire::SetQuestions {
                open: Some(true),
                moderated: Some(yes),
            }),
            6 => Act::Ask(wire::AskQuestion {
                text: "?".into(),
                anonymous: yes,
            }),
            7 => Act::Moderate(wire::Moderate {
                question: id,
                shown: yes,
            }),
            8 => Act::SetCaptions(wire::SetCaptions {
                on: true,
                language: None,
            }),
            9 => Act::Caption(wire::PublishCaption {
                speaker: somebody,
                segment: id,
                text: "said".into(),
                last: yes,
                language: None,
                translations: Default::default(),
            }),
            10 => Act::SetScene(wire::Scene {
                scene: Some("round".into()),
                seats: vec![somebody],
            }),
            _ => Act::Present(wire::Present {
                title: String::new(),
                pages: id,
                images: Vec::new(),
                follow: yes,
            }),
        }
    }

    fn join(&mut self, session: SessionId, rejoin: Option<ParticipantId>) {
        let mut join = join(link());
        join.rejoin = rejoin.filter(|_| self.dice.roll(2) == 0);
        join.muted = self.dice.roll(2) == 0;
        if let Ok(answer) = self.bench.ask(session, Request::MeetingJoin(join)) {
            self.joined
                .insert(session, serde_json::from_value(answer).unwrap());
        }
    }

    /// Whoever came in had a right to.
    fn judge(&mut self, on_purpose: bool) {
        let facts: Vec<Fact> = self.bench.facts[self.seen..].to_vec();
        self.seen = self.bench.facts.len();
        for fact in facts {
            match fact {
                Fact::Joined { who, .. } => {
                    let known = self.inside.values().any(|identity| *identity == who.identity);
                    let member_present = self.inside.values().any(is_own) || is_own(&who.identity);
                    if is_external(&who.identity) && !known {
                        assert!(member_present, "{} came in before a member", who.identity);
                    }
                    let passes = match self.bypass {
                        Bypass::Everyone => true,
                        Bypass::EveryoneInSameAndFederatedCompany => !is_external(&who.identity),
                        Bypass::EveryoneInCompany => who.identity.to_string().starts_with("member:contoso:"),
                        _ => false,
                    } && !self.put_out.contains(&who.identity)
                        || who.identity.to_string() == OLGA
                        // Made so before, and on the way back.
                        || who.role == Role::CoOrganiser;
                    assert!(passes || known || on_purpose, "{} just came in", who.identity);
                    self.put_out.remove(&who.identity);
                    self.inside.insert(who.participant, who.identity);
                }
                Fact::Left { who, .. } => {
                    // Another endpoint of the same participant follows at once.
                    self.inside.remove(&who.participant);
                    self.inside.entry(who.participant).or_insert(who.identity.clone());
                    let there = self
                        .call()
                        .and_then(|call| self.bench.meetings.roster(call))
                        .unwrap_or_default();
                    let stays = there
                        .iter()
                        .any(|stay| stay.participant == who.participant && stay.left.is_none());
                    if !stays {
                        self.inside.remove(&who.participant);
                    }
                }
                Fact::Ended { .. } => {
                    self.inside.clear();
                    self.put_out.clear();
                    self.joined.clear();
                }
                _ => {}
            }
        }
    }

    /// Everyone who is there has been shown what is.
    fn compare(&self) {
        let Some(call) = self.call() else { return };
        let truth = self.bench.meetings.roster(call).unwrap();
        let inside: BTreeSet<ParticipantId> = truth
            .iter()
            .filter(|stay| matches!(stay.place, Place::Inside | Place::Reconnecting))
            .map(|stay| stay.participant)
            .collect();
        let waiting: BTreeSet<ParticipantId> = truth
            .iter()
            .filter(|stay| matches!(stay.place, Place::InLobby(_)))
            .map(|stay| stay.participant)
            .collect();
        for view in self.bench.views.values().filter(|view| view.attached) {
            if view.passage.get(&call) != Some(&Passage::Connected) {
                continue;
            }
            let shown: BTreeSet<ParticipantId> = view
                .roster
                .get(&call)
                .map(|roster| roster.keys().copied().collect())
                .unwrap_or_default();
            assert_eq!(shown, inside, "{:?}", view.identity);
            assert_eq!(view.total[&call] as usize, inside.len());
            let manages = view.capabilities[&call][&Capability::ManageLobby].is_capable();
            let lobby: BTreeSet<ParticipantId> = view
                .lobby
                .get(&call)
                .map(|lobby| lobby.keys().copied().collect())
                .unwrap_or_default();
            assert_eq!(
                lobby,
                if manages { waiting.clone() } else { BTreeSet::new() },
                "{:?}",
                view.identity
            );
            for stay in truth.iter().filter(|stay| inside.contains(&stay.participant)) {
                let entry = &view.roster[&call][&stay.participant];
                assert_eq!(entry.role, stay.role);
                assert_eq!(
                    entry.state == ParticipantState::Reconnecting,
                    stay.place == Place::Reconnecting
                );
            }
        }
    }
}

fn run(seed: u64, crowd: usize, steps: usize) {
    println!("seed {seed}");
    let mut chaos = Chaos::new(seed);
    for step in 0..steps {
        let on_purpose = chaos.step(crowd);
        chaos.judge(on_purpose);
        if step % 16 == 0 {
            chaos.bench.meetings.check(chaos.bench.now).unwrap();
        }
        if step % 200 == 199 {
            chaos.bench.pass(seconds(2));
            chaos.judge(false);
            chaos.compare();
        }
    }
    chaos.bench.assert_nothing_left();
}

#[test]
fn small_meetings_in_chaos() {
    for seed in 1..=40 {
        run(seed, 12, 1_200);
    }
}

#[test]
fn hundreds_of_people_in_chaos() {
    for seed in 100..103 {
        run(seed, 300, 4_000);
    }
}
