use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use uuid::Uuid;

use super::machine::{ClientMeeting, Entry, Output};
use crate::agent::{AgentEvent, AgentTiming, MediaAction, MediaEvent};
use crate::call::{CallState, Settings};
use crate::end_reason::Reason;
use crate::protocol::meeting::{Joined, Kind, LobbyReason, Locator, ParticipantId, Passage, Restarted, Role};
use crate::protocol::{CallId, LegId, MediaFailure, MediaState, Pictures, Request};

const LEASE: Duration = Duration::from_secs(60);

fn settings() -> Settings {
    Settings {
        hide_addresses: false,
        warm_legs: 0,
        timing: AgentTiming::default(),
        media_lease: LEASE,
        ice_servers: Vec::new(),
        slots: 3,
    }
}

fn id(n: u128) -> CallId {
    CallId(Uuid::from_u128(n))
}

fn joined(passage: Passage) -> Joined {
    Joined {
        call: id(2),
        participant: ParticipantId(7),
        passage,
        answer: "answer".into(),
        kind: Kind::Meeting,
        subject: String::new(),
        link: None,
        thread: None,
        breakout_of: None,
        display_name: "Eve (External)".into(),
        role: Role::Attendee,
        capabilities: Default::default(),
    }
}

const WAITS: Passage = Passage::InLobby {
    reason: LobbyReason::WaitingForAdmission,
};

/// A meeting, its clock, and everything it wanted.
struct Bench {
    meeting: ClientMeeting,
    now: Instant,
    requests: Vec<Request>,
    states: Vec<(CallState, bool)>,
    ends: Vec<Reason>,
    /// Connections that are there.
    legs: BTreeSet<LegId>,
    open: BTreeSet<LegId>,
    restarts: u32,
    answers: Vec<String>,
}

impl Bench {
    fn new(after: Option<LegId>) -> Self {
        let now = Instant::now();
        let entry = Entry {
            locator: Locator::Link("link".into()),
            display_name: Some("Eve".into()),
            muted: false,
            pictures: Pictures::NONE,
            after,
        };
        let mut bench = Self {
            meeting: ClientMeeting::new(id(1), entry, settings(), true, now),
            now,
            requests: Vec::new(),
            states: Vec::new(),
            ends: Vec::new(),
            legs: after.into_iter().collect(),
            open: BTreeSet::new(),
            restarts: 0,
            answers: Vec::new(),
        };
        bench.drain();
        bench
    }

    fn drain(&mut self) {
        while let Some(output) = self.meeting.poll() {
            assert!(self.ends.is_empty(), "after its end: {output:?}");
            match output {
                Output::Request(request) => self.requests.push(request),
                Output::Media(leg, action) => self.act(leg, action),
                Output::Event(AgentEvent::CallStateChanged {
                    state, reconnecting, ..
                }) => self.states.push((state, reconnecting)),
                Output::Event(_) => {}
                Output::Ended(reason) => self.ends.push(reason),
            }
        }
        if !self.ends.is_empty() {
            assert!(self.legs.is_empty(), "a connection is left behind");
        }
    }

    fn act(&mut self, leg: LegId, action: MediaAction) {
        if let MediaAction::Create { slots, .. } = action {
            assert_eq!(slots, 3);
            assert!(self.legs.insert(leg), "made twice");
            return;
        }
        assert!(self.legs.contains(&leg), "{action:?} for one that is not there");
        match action {
            MediaAction::OpenAudio => drop(self.open.insert(leg)),
            MediaAction::PauseAudio => drop(self.open.remove(&leg)),
            MediaAction::RemoteDescription(answer) => self.answers.push(answer.sdp),
            MediaAction::Restart => self.restarts += 1,
            MediaAction::Close => {
                self.legs.remove(&leg);
                self.open.remove(&leg);
            }
            other => panic!("{other:?}"),
        }
    }

    fn with(&mut self, change: impl FnOnce(&mut ClientMeeting, Instant)) {
        change(&mut self.meeting, self.now);
        self.drain();
    }

    fn leg(&self) -> LegId {
        *self.legs.last().unwrap()
    }

    fn media(&mut self, event: MediaEvent) {
        let leg = self.leg();
        self.with(|meeting, now| meeting.handle_media(leg, event, now));
    }

    fn offer(&mut self) {
        self.media(MediaEvent::LocalDescription { sdp: "offer".into() });
    }

    fn state(&mut self, state: MediaState) {
        self.media(MediaEvent::State(state));
    }

    /// Lets time pass, timer by timer.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.meeting.next_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.with(|meeting, now| meeting.handle_timeout(now));
        }
        self.now = end;
    }

    /// In it, with media.
    fn inside(after: Option<LegId>) -> Self {
        let mut bench = Self::new(after);
        bench.offer();
        bench.with(|meeting, _| meeting.joined(Ok(joined(Passage::Connected))));
        bench.state(MediaState::Connected);
        bench
    }

    fn last(&self) -> (CallState, bool) {
        *self.states.last().unwrap()
    }
}

#[test]
fn joining_takes_one_request_and_sound_passes_only_inside() {
    let mut bench = Bench::new(None);
    assert!(bench.requests.is_empty(), "not before the offer is there");
    bench.offer();
    let [Request::MeetingJoin(join)] = &bench.requests[..] else {
        panic!("{:?}", bench.requests)
    };
    assert_eq!((join.offer.as_str(), join.muted), ("offer", false));
    bench.with(|meeting, _| meeting.joined(Ok(joined(WAITS))));
    assert_eq!(bench.answers, ["answer"]);
    bench.state(MediaState::Connected);
    assert_eq!(bench.last(), (CallState::InLobby, false));
    assert!(bench.open.is_empty(), "nothing passes before the door");
    bench.with(|meeting, _| meeting.passage(Passage::Connected));
    assert_eq!(bench.last(), (CallState::Connected, false));
    assert_eq!(bench.open.len(), 1);
    bench.with(|meeting, _| meeting.hold(true));
    assert_eq!((bench.last().0, bench.open.len()), (CallState::LocalHold, 0));
    bench.with(|meeting, _| meeting.hold(false));
    bench.with(|meeting, _| meeting.leave());
    assert!(matches!(bench.requests.last(), Some(Request::MeetingLeave(call)) if call.call == id(2)));
    assert_eq!(bench.ends, [Reason::HUNG_UP]);
}

#[test]
fn the_microphone_is_told_as_it_is_once_inside() {
    let mut bench = Bench::new(None);
    bench.offer();
    bench.with(|meeting, _| meeting.mute(true));
    bench.with(|meeting, _| meeting.joined(Ok(joined(Passage::Connected))));
    assert!(matches!(bench.requests.last(), Some(Request::MeetingMute(mute)) if mute.muted));
    let told = bench.requests.len();
    bench.with(|meeting, _| meeting.muted_by_others());
    bench.with(|meeting, _| meeting.mute(true));
    assert_eq!(bench.requests.len(), told, "the service knows");
    bench.with(|meeting, _| meeting.mute(false));
    assert!(matches!(bench.requests.last(), Some(Request::MeetingMute(mute)) if !mute.muted));
}

#[test]
fn before_the_door_nothing_is_told_of_microphone_and_pictures_and_inside_all_of_it() {
    let mut bench = Bench::new(None);
    let pictures = Pictures {
        camera: true,
        share: false,
    };
    bench.offer();
    bench.with(|meeting, _| meeting.show(pictures));
    let lobby = Passage::InLobby {
        reason: LobbyReason::WaitingForAdmission,
    };
    bench.with(|meeting, _| meeting.joined(Ok(joined(lobby))));
    bench.with(|meeting, _| meeting.mute(true));
    let shown = |request: &Request| matches!(request, Request::MeetingMute(_) | Request::MeetingShow(_));
    assert!(!bench.requests.iter().any(shown));
    bench.with(|meeting, _| meeting.passage(Passage::Connected));
    let told: Vec<&Request> = bench.requests.iter().filter(|request| shown(request)).collect();
    assert!(
        matches!(told[..], [Request::MeetingMute(mute), Request::MeetingShow(show)]
        if mute.muted && show.pictures == pictures && show.call == id(2))
    );
    bench.with(|meeting, _| meeting.show(pictures));
    bench.with(|meeting, _| meeting.show(Pictures::NONE));
    assert_eq!(bench.requests.iter().filter(|request| shown(request)).count(), 3);
}

#[test]
fn a_refusal_ends_it_with_its_reason_and_nothing_is_left() {
    let mut bench = Bench::new(None);
    bench.offer();
    bench.with(|meeting, _| meeting.joined(Err(Reason::MEETING_LOCKED)));
    assert_eq!(bench.ends, [Reason::MEETING_LOCKED]);
    assert_eq!(bench.meeting.next_timeout(), None);
}

#[test]
fn lost_media_is_restarted_until_it_is_back_or_the_lease_ends() {
    let mut bench = Bench::inside(None);
    bench.state(MediaState::Disconnected);
    assert_eq!(bench.last(), (CallState::Connected, true));
    bench.pass(Duration::from_secs(4));
    assert_eq!(bench.restarts, 1);
    bench.offer();
    assert!(matches!(bench.requests.last(), Some(Request::MeetingRestart(restart)) if restart.call == id(2)));
    // Nothing new before this one is answered.
    bench.pass(Duration::from_secs(12));
    assert_eq!(bench.restarts, 1);
    bench.with(|meeting, _| meeting.restarted(Err(Reason::MEDIA_UNAVAILABLE)));
    assert_eq!(bench.restarts, 2, "it was due");
    bench.offer();
    bench.with(|meeting, _| {
        meeting.restarted(Ok(Restarted {
            answer: "again".into(),
        }))
    });
    assert_eq!(bench.answers, ["answer", "again"]);
    bench.state(MediaState::Connected);
    assert_eq!(bench.last(), (CallState::Connected, false));
    bench.pass(Duration::from_secs(600));
    assert_eq!(bench.restarts, 2);

    bench.state(MediaState::Failed);
    bench.pass(Duration::ZERO);
    assert_eq!(bench.restarts, 3, "at once");
    bench.pass(LEASE);
    assert_eq!(bench.ends, [Reason::MEDIA_DROPPED]);
    assert!(matches!(bench.requests.last(), Some(Request::MeetingLeave(_))));
}

#[test]
fn a_restart_waits_for_signaling() {
    let mut bench = Bench::inside(None);
    bench.with(|meeting, _| meeting.set_online(false));
    bench.state(MediaState::Disconnected);
    bench.pass(Duration::from_secs(5));
    assert_eq!(bench.restarts, 0);
    bench.with(|meeting, _| meeting.set_online(true));
    assert_eq!(bench.restarts, 1);
}

#[test]
fn with_a_new_session_it_is_joined_again_as_the_same_participant() {
    let mut bench = Bench::inside(None);
    let first = bench.leg();
    bench.with(|meeting, now| meeting.session_lost(now));
    assert_eq!(bench.last(), (CallState::Connected, true));
    bench.pass(Duration::from_secs(20));
    bench.with(|meeting, now| meeting.session_opened(now));
    assert_eq!(
        bench.legs.len(),
        2,
        "the old connection is heard until the new one is up"
    );
    bench.offer();
    assert!(matches!(bench.requests.last(), Some(Request::MeetingJoin(join))
            if join.locator == Locator::Call(id(2)) && join.rejoin == Some(ParticipantId(7))));
    bench.with(|meeting, _| meeting.joined(Ok(joined(Passage::Connected))));
    bench.state(MediaState::Connected);
    assert_eq!(bench.last(), (CallState::Connected, false));
    bench.pass(Duration::from_secs(5));
    assert!(!bench.legs.contains(&first) && bench.legs.len() == 1);

    // When no session comes, it does not wait for ever.
    bench.with(|meeting, now| meeting.session_lost(now));
    bench.pass(LEASE);
    assert_eq!(bench.ends, [Reason::NETWORK_LOST]);
}

#[test]
fn a_call_of_two_that_moves_is_connected_all_the_while() {
    let bench = Bench::inside(Some(LegId(1)));
    assert!(bench.states.is_empty(), "{:?}", bench.states);
    assert_eq!(bench.legs.len(), 2);
    let mut bench = bench;
    bench.pass(Duration::from_secs(5));
    assert_eq!(bench.legs.len(), 1, "the old one has served");
    assert!(bench.open.contains(&bench.leg()));
}

#[test]
fn without_media_it_ends() {
    let mut bench = Bench::new(None);
    bench.offer();
    bench.with(|meeting, _| meeting.joined(Ok(joined(WAITS))));
    bench.pass(Duration::from_secs(30));
    assert_eq!(bench.ends, [Reason::MEDIA_SETUP_FAILED]);
    let mut bench = Bench::new(None);
    bench.media(MediaEvent::Error(MediaFailure::Description));
    assert_eq!(bench.ends, [Reason::OFFER_FAILED]);
}

#[derive(Clone, Debug)]
enum Step {
    Offer,
    Joined(bool),
    Refused,
    Restarted(bool),
    Passage(bool),
    Media(MediaState),
    Hold(bool),
    Mute(bool),
    Online(bool),
    Lost,
    Opened,
    Leave,
    Ended,
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    use MediaState::{Connected, Disconnected, Failed};
    prop_oneof![
        4 => Just(Step::Offer),
        4 => any::<bool>().prop_map(Step::Joined),
        1 => Just(Step::Refused),
        3 => any::<bool>().prop_map(Step::Restarted),
        2 => any::<bool>().prop_map(Step::Passage),
        6 => prop_oneof![Just(Connected), Just(Disconnected), Just(Failed)].prop_map(Step::Media),
        1 => any::<bool>().prop_map(Step::Hold),
        1 => any::<bool>().prop_map(Step::Mute),
        2 => any::<bool>().prop_map(Step::Online),
        2 => Just(Step::Lost),
        2 => Just(Step::Opened),
        1 => Just(Step::Leave),
        1 => Just(Step::Ended),
        5 => (0_u64..40).prop_map(Step::Pass),
    ]
}

proptest! {
    /// Whatever happens in whatever order: one end, nothing after it, no connection left; sound passes inside only; and
    /// without media for long enough it ends by itself.
    #[test]
    fn whatever_happens_nothing_is_left_behind(steps in prop::collection::vec(step(), 0..60), moves: bool) {
        let mut bench = Bench::new(moves.then_some(LegId(1)));
        for step in steps {
            if !bench.ends.is_empty() {
                break;
            }
            match step {
                Step::Offer => bench.offer(),
                Step::Joined(inside) => {
                    let passage = if inside { Passage::Connected } else { WAITS };
                    bench.with(|meeting, _| meeting.joined(Ok(joined(passage))));
                }
                Step::Refused => bench.with(|meeting, _| meeting.joined(Err(Reason::NO_SUCH_MEETING))),
                Step::Restarted(done) => bench.with(|meeting, _| {
                    meeting.restarted(if done {
                        Ok(Restarted { answer: "again".into() })
                    } else {
                        Err(Reason::MEDIA_UNAVAILABLE)
                    });
                }),
                Step::Passage(inside) => bench.with(|meeting, _| {
                    meeting.passage(if inside { Passage::Connected } else { WAITS });
                }),
                Step::Media(state) => bench.state(state),
                Step::Hold(held) => bench.with(|meeting, _| meeting.hold(held)),
                Step::Mute(muted) => bench.with(|meeting, _| meeting.mute(muted)),
                Step::Online(online) => bench.with(|meeting, _| meeting.set_online(online)),
                Step::Lost => bench.with(ClientMeeting::session_lost),
                Step::Opened => bench.with(ClientMeeting::session_opened),
                Step::Leave => bench.with(|meeting, _| meeting.leave()),
                Step::Ended => bench.with(|meeting, _| meeting.ended(Reason::MEETING_ENDED)),
                Step::Pass(seconds) => bench.pass(Duration::from_secs(seconds)),
            }
            prop_assert!(bench.legs.len() <= 2, "{:?}", bench.legs);
        }
        if bench.ends.is_empty() {
            bench.state(MediaState::Failed);
            bench.pass(Duration::from_secs(200));
        }
        prop_assert_eq!(bench.ends.len(), 1, "{:?}", bench.states);
        prop_assert!(bench.legs.is_empty());
    }
}
