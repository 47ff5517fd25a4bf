//! Engagement and accessibility (spec AC18, the lines that need no browser): what an external user does in a meeting beside
//! talking, as an attendee and then as a presenter; what each is told; what her capabilities say; and what the source's
//! limits refuse her.

use serde_json::json;
use sidetone::{
    Call, CallEvent, Capability, CapabilityCause, CreatePoll, EngagementEvent, Error, Events, PollResults,
    PollState, Present, QuestionState, Reaction, Reason, Role, SpeechEngine, Standing, Utterance,
};

use crate::clinic::{Clinic, join};
use crate::support::{Phone, await_some, connected, events_from_now, until};

/// The organiser and the external user, each with what they were told from the start.
struct Room {
    clinic: Clinic,
    // Kept for their calls.
    _phones: (Phone, Phone),
    nia: Call,
    eve: Call,
}

fn room() -> Room {
    let clinic = Clinic::open();
    let link = clinic.meeting(&json!({ "options": { "bypass": "everyone" } }));
    let phones = (clinic.member("nia", None), clinic.outsider("eve", "Eve", None));
    let (nia, eve) = (join(&phones.0, &link), join(&phones.1, &link));
    connected(&[&nia, &eve]);
    until("both are there", || {
        nia.participants().len() == 1 && eve.participants().len() == 1
    });
    Room {
        clinic,
        _phones: phones,
        nia,
        eve,
    }
}

fn number(call: &Call) -> sidetone::ParticipantId {
    call.meeting().unwrap().participant
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>, reason: &Reason) {
    assert!(
        matches!(&outcome, Err(Error::Refused(refusal)) if refusal.is(reason)),
        "{outcome:?}"
    );
}

fn engaged(events: &mut Events<CallEvent>, what: &str) -> EngagementEvent {
    await_some(what, || match events.try_next() {
        Some(CallEvent::Engagement(event)) => Some(event),
        _ => None,
    })
}

fn poll() -> CreatePoll {
    CreatePoll {
        question: "When?".into(),
        options: vec!["now".into(), "later".into()],
        multiple: false,
        anonymous: false,
        changeable: true,
        results: PollResults::Voted,
        open: true,
    }
}

#[test]
fn ac18_messages_and_text_as_it_is_typed() {
    let Room {
        clinic,
        nia,
        eve,
        _phones,
    } = room();
    let mut at_nia = nia.events();
    let large = vec![7; 32 * 1024];
    eve.messages().send(5, &[], b"hello").wait().unwrap();
    eve.messages().send(6, &[number(&nia)], &large).wait().unwrap();
    for (wanted, to_all) in [(b"hello".to_vec(), true), (large, false)] {
        match engaged(&mut at_nia, "the message") {
            EngagementEvent::MessageReceived {
                from, private, data, ..
            } => assert_eq!((from, private, data), (number(&eve), !to_all, wanted)),
            other => panic!("{other:?}"),
        }
    }
    let too_large = eve.messages().send(6, &[], &vec![0; 32 * 1024 + 1]).wait();
    refused(too_large, &Reason::MESSAGE_TOO_LARGE);

    let text = eve.real_time_text();
    text.set_line("I hear noth").wait().unwrap();
    text.set_line("I hear you").wait().unwrap();
    until("the line is read as it is typed", || {
        nia.real_time_text()
            .lines()
            .iter()
            .any(|line| line.text == "I hear you" && !line.is_final)
    });
    text.finish_line("I hear you.").wait().unwrap();
    await_some("its end", || match at_nia.try_next() {
        Some(CallEvent::Engagement(EngagementEvent::LineTyped(line))) if line.is_final => {
            assert_eq!(line.text, "I hear you.");
            Some(())
        }
        _ => None,
    });
    text.set_line("Next").wait().unwrap();
    until("the next line", || {
        nia.real_time_text().lines().iter().any(|line| line.line == 2)
    });

    // L28 as the source has it: none for people from outside, and everybody is told why.
    clinic.allow(&json!({ "switches": { "captions": "source" } }));
    until("Eve knows", || {
        eve.capabilities().get(Capability::RealTimeText) == Standing::PolicyRestricted
    });
    refused(text.finish_line("No").wait(), &Reason::POLICY_RESTRICTED);
    refused(eve.captions().receive(None).wait(), &Reason::POLICY_RESTRICTED);
}

/// Understands what a script says, a line for each block of sound.
struct Scripted(Vec<Utterance>);

impl SpeechEngine for Scripted {
    fn hear(&mut self, _: &[f32]) -> Vec<Utterance> {
        if self.0.len() > 1 {
            vec![self.0.remove(0)]
        } else {
            Vec::new()
        }
    }

    fn finish(&mut self) -> Vec<Utterance> {
        std::mem::take(&mut self.0)
    }
}

#[test]
fn ac18_live_captions_with_another_language() {
    let Room {
        clinic: _clinic,
        nia,
        eve,
        _phones,
    } = room();
    refused(eve.captions().start("en").wait(), &Reason::ROLE_RESTRICTED);
    nia.captions().start("en").wait().unwrap();
    until("Eve knows of captions", || eve.captions().state().on);
    nia.captions().receive(Some("de")).wait().unwrap();
    eve.captions().receive(None).wait().unwrap();
    let said = |text: &str, german: &str, is_final| Utterance {
        segment: 1,
        text: text.into(),
        is_final,
        language: None,
        translations: [("de".to_owned(), german.to_owned())].into(),
    };
    let script = vec![
        said("Good", "Guten", false),
        said("Good morning", "Guten Morgen", true),
    ];
    let (mut at_nia, mut at_eve) = (events_from_now(&nia), events_from_now(&eve));
    let mut engine = eve.captions().transcriber(Box::new(Scripted(script)), None);
    let mut outcomes = engine.feed(&[0.0; 480]);
    outcomes.extend(engine.finish());
    assert_eq!(outcomes.len(), 2);
    for outcome in outcomes {
        outcome.wait().unwrap();
    }
    let read = |events: &mut Events<CallEvent>| match engaged(events, "a caption") {
        EngagementEvent::CaptionReceived(caption) => caption,
        other => panic!("{other:?}"),
    };
    for (text, german, last) in [("Good", "Guten", false), ("Good morning", "Guten Morgen", true)] {
        let (de, en) = (read(&mut at_nia), read(&mut at_eve));
        assert_eq!(
            (de.text.as_str(), de.language.as_str(), de.last),
            (german, "de", last)
        );
        assert_eq!(
            (en.text.as_str(), en.language.as_str(), en.last),
            (text, "en", last)
        );
        assert_eq!((de.speaker, de.spoken_language.as_str()), (number(&eve), "en"));
    }
    nia.captions().set_spoken_language("fr").wait().unwrap();
    until("Eve knows what is spoken", || {
        eve.captions().state().language == "fr"
    });
    nia.captions().stop().wait().unwrap();
    until("there are none", || !eve.captions().state().on);
}

#[test]
fn ac18_polls_and_questions_by_role_and_by_policy() {
    let Room {
        clinic,
        nia,
        eve,
        _phones,
    } = room();
    refused(eve.polls().create(poll()).wait(), &Reason::ROLE_RESTRICTED);
    let first = nia.polls().create(poll()).wait().unwrap();
    until("Eve sees the poll", || eve.polls().get(first).is_some());
    eve.polls().vote(first, &[1]).wait().unwrap();
    until("Eve sees the results, for she has voted", || {
        eve.polls()
            .get(first)
            .is_some_and(|poll| poll.mine == [1] && poll.options[1].votes == Some(1))
    });
    until("Nia sees who", || {
        nia.polls().get(first).is_some_and(|poll| {
            poll.options[1]
                .voters
                .iter()
                .any(|voter| voter.display_name == "Eve (External)")
        })
    });
    nia.polls().close(first).wait().unwrap();
    until("it is closed", || {
        eve.polls()
            .get(first)
            .is_some_and(|poll| poll.state == PollState::Closed)
    });
    refused(eve.polls().vote(first, &[0]).wait(), &Reason::NOT_OPEN);

    refused(eve.questions().ask("Why?", false).wait(), &Reason::NOT_OPEN);
    nia.questions().set(Some(true), Some(true)).wait().unwrap();
    until("questions are open", || eve.questions().state().open);
    let asked = eve.questions().ask("Why?", false).wait().unwrap();
    until("Nia looks it through", || {
        nia.questions()
            .get(asked)
            .is_some_and(|question| question.state == QuestionState::Pending)
    });
    nia.questions().show(asked).wait().unwrap();
    nia.questions().upvote(asked, true).wait().unwrap();
    nia.questions().answer(asked, "So.").wait().unwrap();
    until("Eve reads the answer", || {
        eve.questions().get(asked).is_some_and(|question| {
            question.own && question.upvotes == 1 && question.answers.iter().any(|one| one.text == "So.")
        })
    });

    // Promoted, she makes polls of her own.
    let mut at_eve = eve.events();
    nia.set_role(number(&eve), Role::Presenter).wait().unwrap();
    await_some("her capabilities change by her role", || {
        match at_eve.try_next() {
            Some(CallEvent::CapabilitiesChanged { old, new, cause }) => {
                let was = old.get(&Capability::ManagePolls).copied();
                assert_eq!(was, Some(Standing::RoleRestricted));
                assert_eq!(
                    new.get(&Capability::ManagePolls).copied(),
                    Some(Standing::Capable)
                );
                assert_eq!(cause, CapabilityCause::RoleChanged);
                Some(())
            }
            _ => None,
        }
    });
    let second = eve.polls().create(poll()).wait().unwrap();
    until("Nia sees it", || nia.polls().get(second).is_some());

    // L26 as the source has it, whatever her role is.
    clinic.allow(&json!({ "switches": { "polls": "source" } }));
    await_some("her capabilities change by policy", || match at_eve.try_next() {
        Some(CallEvent::CapabilitiesChanged { new, cause, .. }) => {
            let now = new.get(&Capability::Vote).copied();
            assert_eq!(now, Some(Standing::PolicyRestricted));
            assert_eq!(cause, CapabilityCause::PolicyChanged);
            Some(())
        }
        _ => None,
    });
    refused(eve.polls().vote(second, &[0]).wait(), &Reason::POLICY_RESTRICTED);
    refused(
        eve.questions().ask("Why?", false).wait(),
        &Reason::POLICY_RESTRICTED,
    );
    nia.polls().vote(second, &[0]).wait().unwrap();
}

#[test]
fn ac18_hands_reactions_spotlight_media_scene_and_slides() {
    let Room {
        clinic,
        nia,
        eve,
        _phones,
    } = room();
    let (nias, eves) = (number(&nia), number(&eve));
    eve.raise_hand().raise().wait().unwrap();
    until("the hand is up", || !nia.raise_hand().raised().is_empty());
    eve.raise_hand().lower().wait().unwrap();
    eve.reactions().send(Reaction::Love).wait().unwrap();
    refused(eve.spotlight().start(&[eves]).wait(), &Reason::ROLE_RESTRICTED);
    refused(eve.mute_all_others().wait(), &Reason::ROLE_RESTRICTED);
    nia.set_media_access(&[eves], Some(false), None).wait().unwrap();
    until("Eve may not speak", || {
        eve.capabilities().get(Capability::UnmuteMic) == Standing::MeetingRestricted
    });
    nia.set_media_access(&[eves], Some(true), None).wait().unwrap();

    refused(
        eve.scene().start("table", &[Some(eves)]).wait(),
        &Reason::ROLE_RESTRICTED,
    );
    nia.scene()
        .start("table", &[Some(eves), None, Some(nias)])
        .wait()
        .unwrap();
    until("Eve sees where she sits", || {
        eve.scene().current().seats == [Some(eves), None, Some(nias)]
    });
    let slides = || Present {
        title: "Plan".into(),
        pages: 3,
        images: Vec::new(),
        follow: true,
    };
    refused(eve.slides().present(slides()).wait(), &Reason::ROLE_RESTRICTED);
    nia.set_role(eves, Role::Presenter).wait().unwrap();
    eve.slides().present(slides()).wait().unwrap();
    eve.slides().turn_to(2).wait().unwrap();
    eve.slides().annotate(2, 1, Some("circle")).wait().unwrap();
    until("Nia follows", || {
        let shown = nia.slides().current();
        (shown.presenter, shown.page, shown.follow) == (Some(eves), 2, true)
            && nia.slides().annotations().contains_key(&(2, 1))
    });
    refused(nia.slides().turn_to(0).wait(), &Reason::ROLE_RESTRICTED);
    eve.spotlight().start(&[eves]).wait().unwrap();
    nia.slides().stop().wait().unwrap();
    until("it is over", || eve.slides().current().presenter.is_none());

    // L25 and L21 as the source has them.
    clinic.allow(&json!({ "switches": { "engagement": "source", "slides": "source" } }));
    until("Eve knows", || {
        let standing = |capability| eve.capabilities().get(capability);
        [
            Capability::RaiseHand,
            Capability::Reaction,
            Capability::SetScene,
            Capability::ViewSlides,
        ]
        .into_iter()
        .all(|capability| standing(capability) == Standing::PolicyRestricted)
    });
    refused(eve.raise_hand().raise().wait(), &Reason::POLICY_RESTRICTED);
    refused(eve.slides().present(slides()).wait(), &Reason::POLICY_RESTRICTED);
    refused(
        nia.scene().start("table", &[Some(eves)]).wait(),
        &Reason::POLICY_RESTRICTED,
    );
}
