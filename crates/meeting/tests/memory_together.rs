//! A service that was cut off: what people did together goes on, whatever it was and whenever it was kept.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use sidetone_organisation::Bypass;
use sidetone_signaling::protocol::meeting::{
    self as wire, Act, Join, Joined, Locator, News, ParticipantId, Results,
};
use sidetone_signaling::protocol::{CallId, Event, NoticeKind, NoticeState, Request, SessionId, SetNotice};
use support::*;

const PEOPLE: [&str; 3] = [OLGA, BOB, EVE];

#[derive(Clone, Debug)]
enum Step {
    Act(Act),
    Hand(bool),
    Spotlight(usize),
    /// So many cameras.
    Watch(u8),
    Transcribe(NoticeState),
    /// What changed is written.
    Keep,
}

fn results() -> impl Strategy<Value = Results> {
    prop_oneof![
        Just(Results::Always),
        Just(Results::Voted),
        Just(Results::Closed),
        Just(Results::Hidden)
    ]
}

fn poll() -> impl Strategy<Value = Act> {
    (results(), any::<bool>(), any::<bool>()).prop_map(|(results, anonymous, open)| {
        Act::CreatePoll(wire::CreatePoll {
            question: "When?".into(),
            options: vec!["now".into(), "later".into()],
            multiple: false,
            anonymous,
            changeable: true,
            results,
            open,
        })
    })
}

fn present(pages: u32) -> Act {
    Act::Present(wire::Present {
        title: "Plan".into(),
        pages,
        follow: true,
        images: Vec::new(),
    })
}

fn caption(text: String) -> Act {
    Act::Caption(wire::PublishCaption {
        speaker: None,
        segment: 1,
        text,
        last: true,
        language: None,
        translations: BTreeMap::new(),
    })
}

fn seats(seated: &[u32]) -> Act {
    Act::SetScene(wire::Scene {
        scene: Some("hall".into()),
        seats: seated.iter().map(|id| Some(ParticipantId(*id))).collect(),
    })
}

fn any_act() -> impl Strategy<Value = Act> {
    let which = || 1_u32..5;
    prop_oneof![
        poll(),
        which().prop_map(|id| Act::OpenPoll(wire::Which { id })),
        which().prop_map(|id| Act::ClosePoll(wire::Which { id })),
        which().prop_map(|id| Act::RemovePoll(wire::Which { id })),
        (which(), proptest::collection::vec(0_u8..2, 0..2))
            .prop_map(|(poll, choices)| Act::Vote(wire::Vote { poll, choices })),
        (any::<Option<bool>>(), any::<Option<bool>>())
            .prop_map(|(open, moderated)| Act::SetQuestions(wire::SetQuestions { open, moderated })),
        any::<bool>().prop_map(|anonymous| {
            let text = "Why?".into();
            Act::Ask(wire::AskQuestion { text, anonymous })
        }),
        (which(), any::<bool>()).prop_map(|(question, on)| Act::Upvote(wire::Upvote { question, on })),
        which().prop_map(|question| {
            let text = "So.".into();
            Act::Answer(wire::AnswerQuestion { question, text })
        }),
        (which(), any::<bool>())
            .prop_map(|(question, shown)| Act::Moderate(wire::Moderate { question, shown })),
        proptest::sample::subsequence(vec![1, 2, 3], 0..3).prop_map(|ids| seats(&ids)),
        (1_u32..4).prop_map(present),
        (0_u32..3).prop_map(|page| Act::TurnPage(wire::TurnPage { page })),
        (0_u32..3, 0_u32..3, any::<Option<bool>>()).prop_map(|(page, id, data)| {
            let data = data.map(|data| data.to_string());
            Act::Annotate(wire::Annotate { page, id, data })
        }),
        Just(Act::StopPresenting),
        any::<bool>().prop_map(|on| {
            let language = Some("fr".into());
            Act::SetCaptions(wire::SetCaptions { on, language })
        }),
        any::<bool>().prop_map(|on| {
            let language = Some("de".into());
            Act::ReceiveCaptions(wire::ReceiveCaptions { on, language })
        }),
        (0_u8..5).prop_map(|word| caption(word.to_string())),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let transcribed = prop_oneof![Just(NoticeState::Active), Just(NoticeState::Inactive)];
    prop_oneof![
        12 => any_act().prop_map(Step::Act),
        1 => any::<bool>().prop_map(Step::Hand),
        1 => (0_usize..3).prop_map(Step::Spotlight),
        1 => (0_u8..4).prop_map(Step::Watch),
        1 => transcribed.prop_map(Step::Transcribe),
        2 => Just(Step::Keep),
    ]
}

fn request(step: Step, call: wire::Call, people: &[(SessionId, Joined)]) -> Option<Request> {
    let call = call.call;
    Some(match step {
        Step::Act(act) => Request::MeetingEngage(Box::new(wire::Engage { call, act })),
        Step::Hand(raised) => Request::MeetingHand(wire::SetHand { call, raised }),
        Step::Spotlight(who) => Request::MeetingSpotlight(wire::SetSpotlight {
            call,
            participants: vec![people[who].1.participant],
            on: true,
        }),
        Step::Watch(cameras) => Request::MeetingWatch(wire::Watch {
            call,
            pictures: Vec::new(),
            cameras: Some(cameras),
        }),
        Step::Transcribe(state) => Request::Notice(SetNotice {
            call,
            kind: NoticeKind::Transcription,
            state,
            consent: false,
        }),
        Step::Keep => return None,
    })
}

/// What somebody is shown who comes back at another endpoint.
fn shown(bench: &mut Bench, raw: &str, was: &Joined) -> (SessionId, Vec<Event>) {
    let session = bench.open(raw);
    let join = Join {
        rejoin: Some(was.participant),
        ..join(Locator::Call(was.call))
    };
    bench.ask(session, Request::MeetingJoin(join)).unwrap();
    bench.pass(seconds(1));
    let told = bench.events(session).into_iter().cloned();
    let of_it = told.filter(|event| {
        matches!(
            event,
            Event::MeetingEngagement(_) | Event::MeetingSpotlight(_) | Event::Notices(_)
        )
    });
    (session, of_it.collect())
}

/// Whose hands are up for somebody, in their order.
fn hands(bench: &Bench, session: SessionId) -> Vec<ParticipantId> {
    let mut up = BTreeMap::new();
    for event in bench.events(session) {
        if let Event::MeetingHands(hands) = event {
            up.extend(hands.raised.iter().map(|hand| (hand.participant, hand.order)));
            up.retain(|id, _| !hands.lowered.contains(id));
        }
    }
    let mut up: Vec<_> = up.into_iter().collect();
    up.sort_by_key(|(_, order)| *order);
    up.into_iter().map(|(id, _)| id).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whoever_comes_back_is_shown_what_they_would_have_been_shown(
        steps in proptest::collection::vec((0_usize..3, any_step()), 1..150),
    ) {
        let mut bench = Bench::new();
        bench.bypass(Bypass::Everyone);
        let people = PEOPLE.map(|raw| bench.enters(raw));
        let call = people[0].1.call;
        let mut kept: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut keep = |bench: &mut Bench| {
            for piece in bench.meetings.changed_pieces(call) {
                match piece.value {
                    Some(value) => _ = kept.insert(piece.name, value),
                    None => _ = kept.remove(&piece.name),
                }
            }
            kept.values().cloned().collect::<Vec<_>>()
        };
        let open = Act::SetQuestions(wire::SetQuestions { open: Some(true), moderated: None });
        let first = [open, present(3)].map(|act| (0, Step::Act(act)));
        for (who, step) in first.into_iter().chain(steps) {
            match request(step, support::call(&people[0].1), &people) {
                // What may not be is refused, and nothing of it is kept.
                Some(request) => drop(bench.ask(people[who].0, request)),
                None => drop(keep(&mut bench)),
            }
            bench.pass(seconds(2));
        }
        let (memory, pieces) = (bench.meetings.memory(call).unwrap(), keep(&mut bench));
        prop_assert!(bench.meetings.changed_pieces(call).is_empty());

        let mut after = Bench::new();
        after.bypass(Bypass::Everyone);
        after.restore(memory, &pieces);
        for (raw, (_, was)) in PEOPLE.into_iter().zip(&people) {
            let (at, before) = shown(&mut bench, raw, was);
            let (again, now) = shown(&mut after, raw, was);
            prop_assert_eq!(before, now);
            prop_assert_eq!(hands(&bench, at), hands(&after, again));
        }
        prop_assert_eq!(&bench.watched, &after.watched);
        prop_assert_eq!(bench.meetings.minutes(call), after.meetings.minutes(call));
        after.assert_nothing_left();
    }
}

#[test]
fn a_number_never_means_another_poll() {
    let mut bench = Bench::new();
    let (olga, joined) = bench.enters(OLGA);
    let create = |bench: &mut Bench, session| {
        let act = Act::CreatePoll(wire::CreatePoll {
            question: "When?".into(),
            options: vec!["now".into(), "later".into()],
            multiple: false,
            anonymous: false,
            changeable: false,
            results: Results::Always,
            open: true,
        });
        let engage = wire::Engage {
            call: joined.call,
            act,
        };
        let answer = bench.ask(session, Request::MeetingEngage(Box::new(engage)));
        answer.unwrap()["id"].clone()
    };
    assert_eq!(create(&mut bench, olga), 1);
    let act = Act::RemovePoll(wire::Which { id: 1 });
    let engage = wire::Engage {
        call: joined.call,
        act,
    };
    bench.ask(olga, Request::MeetingEngage(Box::new(engage))).unwrap();
    let pieces = bench.meetings.changed_pieces(joined.call);
    let pieces: Vec<_> = pieces.into_iter().filter_map(|piece| piece.value).collect();
    let mut after = Bench::new();
    after.restore(bench.meetings.memory(joined.call).unwrap(), &pieces);
    let (olga, told) = shown(&mut after, OLGA, &joined);
    let any = told
        .iter()
        .any(|event| matches!(event, Event::MeetingEngagement(one) if matches!(one.news, News::Poll(_))));
    assert!(!any, "{told:?}");
    assert_eq!(create(&mut after, olga), 2);
}

#[test]
fn what_cannot_be_read_is_left_out_and_the_meeting_goes_on() {
    let mut bench = Bench::new();
    let (_, joined) = bench.enters(OLGA);
    let memory = bench.meetings.memory(joined.call).unwrap();
    let mut after = Bench::new();
    let rubbish = [
        &b""[..],
        b"{",
        b"{\"votes\":[7,[]]}",
        b"{\"new\":1}",
        b"{\"scene\":3}",
    ];
    after.restore(memory, &rubbish.map(<[u8]>::to_vec));
    shown(&mut after, OLGA, &joined);
    after.assert_nothing_left();
}

#[test]
fn nothing_of_a_group_call_is_kept() {
    let mut bench = Bench::new();
    let eve = bench.open(EVE);
    let group = Locator::Group {
        call: CallId(uuid::Uuid::from_u128(77)),
        invite: Vec::new(),
    };
    let call = bench.join_by(eve, group).unwrap().call;
    let watch = wire::Watch {
        call,
        pictures: Vec::new(),
        cameras: Some(1),
    };
    bench.ask(eve, Request::MeetingWatch(watch)).unwrap();
    assert!(bench.meetings.memory(call).is_none());
    assert!(bench.meetings.changed_pieces(call).is_empty());
}
