//! What people do together beside talking: who may, what each is told, what whoever comes late or comes back is shown, and
//! what the source's limits keep from people from outside (L21, L25, L26, L28).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use sidetone_meeting::{Fact, Minutes};
use sidetone_organisation::{Bypass, MeetingKind, Setting};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{
    self as wire, Act, Blob, Joined, News, ParticipantId, PollState, QuestionState, Results, Role,
};
use sidetone_signaling::protocol::{Event, NoticeKind, NoticeState, Request, SessionId, SetNotice};
use support::*;

type End = (SessionId, Joined);

fn three() -> (Bench, [End; 3]) {
    let mut bench = Bench::new();
    bench.bypass(Bypass::Everyone);
    let people = [bench.enters(OLGA), bench.enters(BOB), bench.enters(EVE)];
    bench.pass(seconds(1));
    (bench, people)
}

fn act(bench: &mut Bench, end: &End, act: Act) -> Result<Option<u32>, Reason> {
    let engage = wire::Engage {
        call: end.1.call,
        act,
    };
    let answer = bench.ask(end.0, Request::MeetingEngage(Box::new(engage)))?;
    let engaged: wire::Engaged = serde_json::from_value(answer).unwrap();
    Ok(engaged.id)
}

#[track_caller]
fn refused(bench: &mut Bench, end: &End, what: Act, reason: &Reason) {
    let refusal = act(bench, end, what).expect_err("a refusal");
    assert!(refusal.is(reason), "expected {reason}, got {refusal}");
}

/// What an endpoint was told, after the last time it began anew.
fn news(bench: &Bench, end: &End) -> Vec<News> {
    let mut told = Vec::new();
    for event in bench.events(end.0) {
        match event {
            Event::MeetingEngagement(one) if one.news == News::Anew => told.clear(),
            Event::MeetingEngagement(one) => told.push(one.news.clone()),
            _ => {}
        }
    }
    told
}

/// The polls as an endpoint knows them.
fn polls(bench: &Bench, end: &End) -> BTreeMap<u32, wire::Poll> {
    let mut polls = BTreeMap::new();
    for one in news(bench, end) {
        match one {
            News::Poll(poll) => drop(polls.insert(poll.id, *poll)),
            News::PollRemoved(which) => drop(polls.remove(&which.id)),
            _ => {}
        }
    }
    polls
}

fn questions(bench: &Bench, end: &End) -> BTreeMap<u32, wire::Question> {
    let told = news(bench, end).into_iter().filter_map(|one| match one {
        News::Question(question) => Some((question.id, *question)),
        _ => None,
    });
    told.collect()
}

fn message(to: &[&End], data: &[u8]) -> Act {
    Act::Message(wire::SendMessage {
        channel: 7,
        to: to.iter().map(|end| end.1.participant).collect(),
        data: Blob(data.to_vec()),
    })
}

fn messages(bench: &Bench, end: &End) -> Vec<(ParticipantId, u32, Vec<u8>)> {
    let told = news(bench, end).into_iter().filter_map(|one| match one {
        News::Message(message) => Some((message.from, message.seq, message.data.0)),
        _ => None,
    });
    told.collect()
}

fn typed(line: u32, keep: u32, text: &str, last: bool) -> Act {
    Act::Type(wire::Type {
        line,
        keep,
        text: text.into(),
        last,
    })
}

/// The lines as an endpoint reads them.
fn lines(bench: &Bench, end: &End) -> BTreeMap<(ParticipantId, u32), (String, bool)> {
    let mut lines: BTreeMap<_, (String, bool)> = BTreeMap::new();
    for one in news(bench, end) {
        if let News::Typed(typed) = one {
            let line = lines.entry((typed.from, typed.line)).or_default();
            assert!(typed.apply(&mut line.0), "something was missed");
            line.1 |= typed.last;
        }
    }
    lines
}

fn poll(results: Results, anonymous: bool) -> wire::CreatePoll {
    wire::CreatePoll {
        question: "When?".into(),
        options: vec!["now".into(), "later".into()],
        multiple: false,
        anonymous,
        changeable: true,
        results,
        open: true,
    }
}

fn vote(poll: u32, choice: u8) -> Act {
    Act::Vote(wire::Vote {
        poll,
        choices: vec![choice],
    })
}

fn ask(text: &str, anonymous: bool) -> Act {
    Act::Ask(wire::AskQuestion {
        text: text.into(),
        anonymous,
    })
}

fn captions(on: bool, language: &str) -> Act {
    Act::SetCaptions(wire::SetCaptions {
        on,
        language: Some(language.into()),
    })
}

fn receive(language: Option<&str>) -> Act {
    Act::ReceiveCaptions(wire::ReceiveCaptions {
        on: true,
        language: language.map(str::to_owned),
    })
}

fn caption(speaker: Option<&End>, text: &str, last: bool) -> Act {
    Act::Caption(wire::PublishCaption {
        speaker: speaker.map(|end| end.1.participant),
        segment: 1,
        text: text.into(),
        last,
        language: None,
        translations: [("de".to_owned(), format!("{text} (de)"))].into(),
    })
}

fn read(bench: &Bench, end: &End) -> Vec<(String, String, bool)> {
    let told = news(bench, end).into_iter().filter_map(|one| match one {
        News::Caption(caption) => Some((caption.language, caption.text, caption.last)),
        _ => None,
    });
    told.collect()
}

fn transcribe(end: &End, state: NoticeState) -> Request {
    Request::Notice(SetNotice {
        call: end.1.call,
        kind: NoticeKind::Transcription,
        state,
        consent: false,
    })
}

fn minutes(bench: &Bench) -> Minutes {
    let told = bench.facts.iter().find_map(|fact| match fact {
        Fact::Minutes { minutes, .. } => Some((**minutes).clone()),
        _ => None,
    });
    told.expect("minutes")
}

#[test]
fn messages_reach_those_they_are_for_in_their_order_and_are_not_kept() {
    let (mut bench, [olga, bob, eve]) = three();
    act(&mut bench, &eve, message(&[], b"one")).unwrap();
    act(&mut bench, &eve, message(&[&bob], b"two")).unwrap();
    act(&mut bench, &eve, message(&[], b"three")).unwrap();
    let from = eve.1.participant;
    let all = [
        (from, 1, b"one".to_vec()),
        (from, 2, b"two".to_vec()),
        (from, 3, b"three".to_vec()),
    ];
    assert_eq!(messages(&bench, &bob), all);
    assert_eq!(messages(&bench, &olga), [all[0].clone(), all[2].clone()]);
    assert!(messages(&bench, &eve).is_empty(), "nobody hears themselves");
    // Whoever is away misses what is sent, and nothing is sent after them.
    bench.detach(bob.0);
    act(&mut bench, &eve, message(&[], b"four")).unwrap();
    bench.resume(bob.0);
    let late = bench.enters("member:contoso:carol");
    bench.pass(seconds(1));
    assert!(messages(&bench, &bob).is_empty());
    assert!(messages(&bench, &late).is_empty());
    refused(
        &mut bench,
        &eve,
        message(&[&late, &late], &vec![0; 32 * 1024 + 1]),
        &Reason::MESSAGE_TOO_LARGE,
    );
    bench.ask(bob.0, Request::MeetingLeave(call(&bob.1))).unwrap();
    refused(
        &mut bench,
        &eve,
        message(&[&bob], b"x"),
        &Reason::NO_SUCH_PARTICIPANT,
    );
    bench.assert_nothing_left();
}

#[test]
fn messages_come_no_faster_than_allowed() {
    let (mut bench, [olga, _, eve]) = three();
    let sent = (0..100).take_while(|_| act(&mut bench, &eve, message(&[], b"x")).is_ok());
    assert_eq!(sent.count(), 40, "two seconds' worth at once");
    refused(&mut bench, &eve, message(&[], b"x"), &Reason::ENGAGED_TOO_FAST);
    act(&mut bench, &olga, message(&[], b"mine")).expect("each has their own");
    bench.pass(Duration::from_millis(50));
    act(&mut bench, &eve, message(&[], b"x")).unwrap();
    bench.pass(seconds(10));
    let large = || message(&[], &vec![0; 32 * 1024]);
    act(&mut bench, &eve, large()).unwrap();
    act(&mut bench, &eve, large()).unwrap();
    refused(&mut bench, &eve, large(), &Reason::ENGAGED_TOO_FAST);
    bench.assert_nothing_left();
}

#[test]
fn in_a_town_hall_those_who_listen_reach_the_stage_and_not_each_other() {
    let mut bench = Bench::new();
    bench.edit_meeting(|meeting| meeting.kind = MeetingKind::TownHall);
    bench.bypass(Bypass::Everyone);
    let (olga, ann, eve) = (bench.enters(OLGA), bench.enters(ANN), bench.enters(EVE));
    bench.pass(seconds(1));
    act(&mut bench, &eve, message(&[], b"hello")).unwrap();
    assert_eq!(messages(&bench, &olga).len(), 1);
    assert!(messages(&bench, &ann).is_empty(), "she may not know of Eve");
    act(&mut bench, &olga, message(&[], b"welcome")).unwrap();
    assert_eq!(messages(&bench, &ann).len(), 1);
    // And they ask: the stage sees who, the others what.
    refused(&mut bench, &eve, ask("Why?", false), &Reason::NOT_OPEN);
    let open = Act::SetQuestions(wire::SetQuestions {
        open: Some(true),
        moderated: None,
    });
    refused(&mut bench, &eve, open.clone(), &Reason::ROLE_RESTRICTED);
    act(&mut bench, &olga, open).unwrap();
    let id = act(&mut bench, &eve, ask("Why?", false)).unwrap().unwrap();
    bench.pass(seconds(1));
    assert!(questions(&bench, &olga)[&id].author.is_some());
    assert_eq!(questions(&bench, &ann)[&id].text, "Why?");
    assert!(questions(&bench, &ann)[&id].author.is_none());
    bench.assert_nothing_left();
}

#[test]
fn text_is_read_as_it_is_typed_also_by_who_comes_in_the_middle_of_a_line() {
    let (mut bench, [olga, bob, eve]) = three();
    act(&mut bench, &eve, typed(1, 0, "Helo", false)).unwrap();
    let late = bench.enters("member:contoso:carol");
    act(&mut bench, &eve, typed(1, 3, "lo", false)).unwrap();
    let from = eve.1.participant;
    for end in [&olga, &bob, &late] {
        assert_eq!(lines(&bench, end)[&(from, 1)], ("Hello".into(), false));
    }
    bench.detach(bob.0);
    act(&mut bench, &eve, typed(1, 5, "!", true)).unwrap();
    act(&mut bench, &eve, typed(2, 0, "You", false)).unwrap();
    bench.resume(bob.0);
    assert_eq!(lines(&bench, &olga)[&(from, 1)], ("Hello!".into(), true));
    assert_eq!(
        lines(&bench, &bob).into_iter().collect::<Vec<_>>(),
        [((from, 2), ("You".into(), false))],
        "finished lines are not kept"
    );
    // The next line finishes the one before.
    act(&mut bench, &eve, typed(3, 0, "Next", false)).unwrap();
    assert_eq!(lines(&bench, &olga)[&(from, 2)], ("You".into(), true));
    refused(
        &mut bench,
        &eve,
        typed(2, 0, "again", false),
        &Reason::WRONG_STATE,
    );
    refused(&mut bench, &eve, typed(3, 9, "", false), &Reason::BAD_PARAMETERS);
    let fast = (0..100).take_while(|_| act(&mut bench, &eve, typed(3, 0, "x", false)).is_ok());
    assert!(fast.count() < 31);
    refused(
        &mut bench,
        &eve,
        typed(3, 0, "x", false),
        &Reason::ENGAGED_TOO_FAST,
    );
    bench.assert_nothing_left();
}

#[test]
fn captions_are_read_by_those_who_want_them_in_the_language_they_want() {
    let (mut bench, [olga, bob, eve]) = three();
    refused(
        &mut bench,
        &eve,
        captions(true, "en-GB"),
        &Reason::ROLE_RESTRICTED,
    );
    refused(&mut bench, &eve, caption(None, "Hi", false), &Reason::NOT_OPEN);
    act(&mut bench, &olga, captions(true, "en-GB")).unwrap();
    act(&mut bench, &bob, receive(None)).unwrap();
    act(&mut bench, &eve, receive(Some("de-AT"))).unwrap();
    refused(
        &mut bench,
        &bob,
        receive(Some("no language")),
        &Reason::BAD_PARAMETERS,
    );
    act(&mut bench, &eve, caption(None, "Hi", false)).unwrap();
    act(&mut bench, &olga, caption(Some(&bob), "Ho", true)).unwrap();
    // Of others only bots and those who keep order say what was said.
    refused(
        &mut bench,
        &eve,
        caption(Some(&bob), "No", true),
        &Reason::ROLE_RESTRICTED,
    );
    let (en, de) = ("en-GB".to_owned(), "de".to_owned());
    assert_eq!(
        read(&bench, &bob),
        [(en.clone(), "Hi".into(), false), (en.clone(), "Ho".into(), true)]
    );
    assert_eq!(
        read(&bench, &eve),
        [
            (de.clone(), "Hi (de)".into(), false),
            (de.clone(), "Ho (de)".into(), true)
        ]
    );
    assert!(read(&bench, &olga).is_empty(), "she did not want any");
    // Another language is spoken now, and everyone knows, who comes late too.
    act(&mut bench, &olga, captions(true, "fr")).unwrap();
    let late = bench.enters("member:contoso:carol");
    for end in [&bob, &late] {
        let state = news(&bench, end).into_iter().rev().find_map(|one| match one {
            News::Captions(state) => Some(state),
            _ => None,
        });
        assert_eq!(state.unwrap().language, "fr");
    }
    act(&mut bench, &eve, caption(None, "Salut", true)).unwrap();
    assert_eq!(read(&bench, &bob).last().unwrap().0, "fr");
    act(&mut bench, &olga, captions(false, "fr")).unwrap();
    refused(&mut bench, &eve, caption(None, "Hi", true), &Reason::NOT_OPEN);
    bench.assert_nothing_left();
}

#[test]
fn what_is_said_is_kept_while_it_is_transcribed_and_at_no_other_time() {
    let (mut bench, [olga, bob, eve]) = three();
    act(&mut bench, &olga, captions(true, "en")).unwrap();
    act(&mut bench, &eve, caption(None, "not kept", true)).unwrap();
    bench.ask(olga.0, transcribe(&olga, NoticeState::Active)).unwrap();
    let state = news(&bench, &bob).into_iter().rev().find_map(|one| match one {
        News::Captions(state) => Some(state),
        _ => None,
    });
    assert!(state.unwrap().transcribed, "everyone knows");
    act(&mut bench, &eve, caption(None, "part", false)).unwrap();
    act(&mut bench, &eve, caption(None, "kept", true)).unwrap();
    bench.ask(olga.0, transcribe(&olga, NoticeState::Paused)).unwrap();
    act(&mut bench, &eve, caption(None, "paused", true)).unwrap();
    bench.ask(olga.0, Request::MeetingEnd(call(&olga.1))).unwrap();
    let kept: Vec<_> = minutes(&bench)
        .transcript
        .into_iter()
        .map(|line| (line.identity, line.text))
        .collect();
    assert_eq!(kept, [(id(EVE), "kept".to_owned())]);
    bench.assert_nothing_left();
}

#[test]
fn a_poll_is_voted_in_once_each_and_results_are_seen_when_they_may_be() {
    let (mut bench, [olga, bob, eve]) = three();
    let create = |results, anonymous| Act::CreatePoll(poll(results, anonymous));
    refused(
        &mut bench,
        &eve,
        create(Results::Voted, false),
        &Reason::ROLE_RESTRICTED,
    );
    let id = act(&mut bench, &olga, create(Results::Voted, false))
        .unwrap()
        .unwrap();
    bench.pass(seconds(1));
    assert_eq!(polls(&bench, &eve)[&id].voted, None, "she has not voted");
    act(&mut bench, &eve, vote(id, 1)).unwrap();
    act(&mut bench, &bob, vote(id, 1)).unwrap();
    act(&mut bench, &bob, vote(id, 0)).unwrap();
    // Whoever leaves and comes again has voted.
    bench.ask(eve.0, Request::MeetingLeave(call(&eve.1))).unwrap();
    bench.pass(seconds(1));
    let eve = bench.enters(EVE);
    bench.pass(seconds(1));
    assert_eq!(polls(&bench, &eve)[&id].mine, [1]);
    act(&mut bench, &eve, vote(id, 1)).unwrap();
    let late = bench.enters(ELI);
    bench.pass(seconds(1));
    let votes =
        |poll: &wire::Poll| -> Vec<Option<u32>> { poll.options.iter().map(|option| option.votes).collect() };
    assert_eq!(votes(&polls(&bench, &eve)[&id]), [Some(1), Some(1)]);
    assert_eq!(votes(&polls(&bench, &late)[&id]), [None, None]);
    let olgas = &polls(&bench, &olga)[&id];
    assert_eq!(olgas.options[1].voters[0].identity, support::id(EVE));
    assert!(polls(&bench, &eve)[&id].options[1].voters.is_empty());
    act(&mut bench, &olga, Act::ClosePoll(wire::Which { id })).unwrap();
    refused(&mut bench, &late, vote(id, 0), &Reason::NOT_OPEN);
    refused(&mut bench, &late, vote(id + 1, 0), &Reason::NO_SUCH_OBJECT);
    bench.pass(seconds(1));
    let seen = &polls(&bench, &late)[&id];
    assert_eq!((seen.state, seen.voted), (PollState::Closed, Some(2)));
    let told: Vec<_> = bench
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Polled { open, voted, .. } => Some((*open, *voted)),
            _ => None,
        })
        .collect();
    assert_eq!(told, [(true, 0), (false, 2)]);
    bench.assert_nothing_left();
}

#[test]
fn of_an_anonymous_poll_and_question_nobody_ever_learns_who() {
    let (mut bench, [olga, _, eve]) = three();
    let id = act(&mut bench, &olga, Act::CreatePoll(poll(Results::Always, true)))
        .unwrap()
        .unwrap();
    act(&mut bench, &eve, vote(id, 1)).unwrap();
    let open = wire::SetQuestions {
        open: Some(true),
        moderated: Some(true),
    };
    act(&mut bench, &olga, Act::SetQuestions(open)).unwrap();
    act(&mut bench, &eve, ask("Who?", true)).unwrap();
    bench.pass(seconds(1));
    let told = format!("{:?}", (polls(&bench, &olga), questions(&bench, &olga)));
    bench.ask(olga.0, Request::MeetingEnd(call(&olga.1))).unwrap();
    let kept = serde_json::to_string(&minutes(&bench)).unwrap();
    for text in [told, kept] {
        assert!(text.contains("Who?") && !text.contains("eve"), "{text}");
    }
    assert!(
        bench
            .facts
            .iter()
            .any(|fact| matches!(fact, Fact::Asked { by: None, .. }))
    );
    bench.assert_nothing_left();
}

#[test]
fn questions_are_looked_through_upvoted_answered_and_dismissed() {
    let (mut bench, [olga, bob, eve]) = three();
    let open = wire::SetQuestions {
        open: Some(true),
        moderated: Some(true),
    };
    act(&mut bench, &olga, Act::SetQuestions(open)).unwrap();
    let first = act(&mut bench, &eve, ask("First?", false)).unwrap().unwrap();
    let second = act(&mut bench, &eve, ask("Second?", false)).unwrap().unwrap();
    bench
        .ask(olga.0, set_role(&olga.1, &bob.1, Role::Attendee))
        .unwrap();
    bench.pass(seconds(1));
    assert!(
        questions(&bench, &bob).is_empty(),
        "not looked through, and he is an attendee"
    );
    assert_eq!(questions(&bench, &olga).len(), 2);
    assert_eq!(questions(&bench, &eve)[&first].state, QuestionState::Pending);
    let upvote = |question| Act::Upvote(wire::Upvote { question, on: true });
    refused(&mut bench, &bob, upvote(first), &Reason::NO_SUCH_OBJECT);
    let moderate = |question, shown| Act::Moderate(wire::Moderate { question, shown });
    refused(&mut bench, &eve, moderate(first, true), &Reason::ROLE_RESTRICTED);
    act(&mut bench, &olga, moderate(first, true)).unwrap();
    act(&mut bench, &olga, moderate(second, false)).unwrap();
    act(&mut bench, &bob, upvote(first)).unwrap();
    act(&mut bench, &bob, upvote(first)).unwrap();
    let answer = wire::AnswerQuestion {
        question: first,
        text: "So.".into(),
    };
    act(&mut bench, &olga, Act::Answer(answer)).unwrap();
    bench.detach(bob.0);
    bench.resume(bob.0);
    bench.pass(seconds(1));
    let bobs = questions(&bench, &bob);
    assert_eq!(bobs.len(), 1, "what was never shown is never told");
    let one = &bobs[&first];
    assert_eq!(
        (one.state, one.upvotes, one.upvoted),
        (QuestionState::Answered, 1, true)
    );
    assert_eq!(one.answers[0].text, "So.");
    assert_eq!(questions(&bench, &eve)[&second].state, QuestionState::Dismissed);
    // Whoever is made a presenter sees what is looked through.
    bench
        .ask(olga.0, set_role(&olga.1, &bob.1, Role::Presenter))
        .unwrap();
    bench.pass(seconds(1));
    assert_eq!(questions(&bench, &bob).len(), 2);
    let more = (0..10).take_while(|_| act(&mut bench, &eve, ask("More?", false)).is_ok());
    assert!(more.count() < 5);
    refused(&mut bench, &eve, ask("More?", false), &Reason::ENGAGED_TOO_FAST);
    bench.assert_nothing_left();
}

#[test]
fn a_scene_seats_those_who_are_there_and_slides_end_with_their_presenter() {
    let (mut bench, [olga, bob, eve]) = three();
    let scene = |seats: &[&End]| {
        Act::SetScene(wire::Scene {
            scene: Some("auditorium".into()),
            seats: seats.iter().map(|end| Some(end.1.participant)).collect(),
        })
    };
    refused(&mut bench, &eve, scene(&[&eve]), &Reason::ROLE_RESTRICTED);
    refused(&mut bench, &olga, scene(&[&eve, &eve]), &Reason::BAD_PARAMETERS);
    act(&mut bench, &olga, scene(&[&eve, &bob])).unwrap();
    let present = |pages, images: &[&str]| {
        Act::Present(wire::Present {
            title: "Plan".into(),
            pages,
            images: images.iter().map(|image| (*image).to_owned()).collect(),
            follow: true,
        })
    };
    refused(&mut bench, &eve, present(3, &[]), &Reason::ROLE_RESTRICTED);
    refused(&mut bench, &bob, present(3, &["a"]), &Reason::BAD_PARAMETERS);
    refused(
        &mut bench,
        &bob,
        Act::TurnPage(wire::TurnPage { page: 0 }),
        &Reason::NOT_OPEN,
    );
    act(&mut bench, &bob, present(2, &["a", "b"])).unwrap();
    act(&mut bench, &bob, Act::TurnPage(wire::TurnPage { page: 1 })).unwrap();
    refused(
        &mut bench,
        &bob,
        Act::TurnPage(wire::TurnPage { page: 2 }),
        &Reason::NO_SUCH_OBJECT,
    );
    refused(
        &mut bench,
        &olga,
        Act::TurnPage(wire::TurnPage { page: 0 }),
        &Reason::ROLE_RESTRICTED,
    );
    let draw = |id, data: Option<&str>| {
        Act::Annotate(wire::Annotate {
            page: 1,
            id,
            data: data.map(str::to_owned),
        })
    };
    act(&mut bench, &bob, draw(1, Some("line"))).unwrap();
    act(&mut bench, &bob, draw(2, Some("circle"))).unwrap();
    act(&mut bench, &bob, draw(1, None)).unwrap();
    let late = bench.enters("member:contoso:carol");
    let shown = news(&bench, &late);
    let News::Slides(slides) = &shown[1] else {
        panic!("{shown:?}");
    };
    assert_eq!((slides.page, slides.pages, slides.follow), (1, 2, true));
    assert_eq!(slides.presenter, Some(bob.1.participant));
    assert!(matches!(&shown[2], News::Annotation(one) if one.data.as_deref() == Some("circle")));
    assert_eq!(shown.len(), 3);
    bench.ask(bob.0, Request::MeetingLeave(call(&bob.1))).unwrap();
    let last = |wanted: fn(&News) -> bool| news(&bench, &late).into_iter().rev().find(|one| wanted(one));
    assert_eq!(
        last(|one| matches!(one, News::Slides(_))),
        Some(News::Slides(Box::default()))
    );
    let Some(News::Scene(seated)) = last(|one| matches!(one, News::Scene(_))) else {
        panic!("no scene");
    };
    assert_eq!(seated.seats, [Some(eve.1.participant), None], "his seat is empty");
    bench.assert_nothing_left();
}

#[test]
fn each_limit_of_the_source_keeps_people_from_outside_out_and_nobody_else() {
    let limited: [(&str, Vec<Act>); 3] = [
        ("polls", vec![vote(1, 0), ask("Why?", false)]),
        (
            "captions",
            vec![receive(None), typed(1, 0, "x", true), caption(None, "Hi", true)],
        ),
        ("engagement", Vec::new()),
    ];
    for setting in [Setting::Open, Setting::Source] {
        for (switch, acts) in &limited {
            let (mut bench, [olga, bob, eve]) = three();
            bench.edit_organisation(|organisation| {
                let switches = &mut organisation.switches;
                match *switch {
                    "polls" => switches.polls = setting,
                    "captions" => switches.captions = setting,
                    _ => switches.engagement = setting,
                }
            });
            act(&mut bench, &olga, Act::CreatePoll(poll(Results::Always, false))).unwrap();
            let open = wire::SetQuestions {
                open: Some(true),
                moderated: None,
            };
            act(&mut bench, &olga, Act::SetQuestions(open)).unwrap();
            act(&mut bench, &olga, captions(true, "en")).unwrap();
            for one in acts {
                match setting {
                    Setting::Open => drop(act(&mut bench, &eve, one.clone()).unwrap()),
                    Setting::Source => refused(&mut bench, &eve, one.clone(), &Reason::POLICY_RESTRICTED),
                }
                act(&mut bench, &bob, one.clone()).unwrap();
            }
            if *switch == "engagement" {
                let scene = Act::SetScene(wire::Scene {
                    scene: Some("table".into()),
                    seats: vec![Some(eve.1.participant)],
                });
                match setting {
                    Setting::Open => drop(act(&mut bench, &olga, scene).unwrap()),
                    Setting::Source => refused(&mut bench, &olga, scene, &Reason::POLICY_RESTRICTED),
                }
            }
            bench.assert_nothing_left();
        }
    }
}

#[test]
fn l21_in_the_source_slides_are_not_shown_to_people_from_outside() {
    let (mut bench, [olga, bob, eve]) = three();
    bench.edit_organisation(|organisation| organisation.switches.slides = Setting::Source);
    let present = wire::Present {
        title: String::new(),
        pages: 1,
        images: Vec::new(),
        follow: false,
    };
    act(&mut bench, &olga, Act::Present(present)).unwrap();
    let shown = |bench: &Bench, end: &End| {
        news(bench, end)
            .iter()
            .any(|one| matches!(one, News::Slides(slides) if slides.presenter.is_some()))
    };
    assert!(shown(&bench, &bob) && !shown(&bench, &eve));
    // As soon as it is open she sees them.
    bench.edit_organisation(|organisation| organisation.switches.slides = Setting::Open);
    assert!(shown(&bench, &eve));
    bench.assert_nothing_left();
}

#[test]
fn before_the_door_nobody_does_anything_and_nobody_is_told_anything() {
    let mut bench = Bench::new();
    bench.bypass(Bypass::OrganizerOnly);
    let olga = bench.enters(OLGA);
    let (session, joined) = bench.comes(EVE);
    let eve = (session, joined.unwrap());
    act(&mut bench, &olga, message(&[], b"x")).unwrap();
    act(&mut bench, &olga, Act::CreatePoll(poll(Results::Always, false))).unwrap();
    bench.pass(seconds(1));
    refused(&mut bench, &eve, message(&[], b"x"), &Reason::NOT_ADMITTED);
    assert!(news(&bench, &eve).is_empty());
    bench.ask(olga.0, admit(&olga.1, &[&eve.1])).unwrap();
    bench.pass(seconds(1));
    assert_eq!(polls(&bench, &eve).len(), 1);
    bench.assert_nothing_left();
}
