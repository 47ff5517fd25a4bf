//! What people do together in a meeting, on the wire, in the API and in the events: polls with their results, questions,
//! and what was said while it was transcribed; read while the meeting is held, and afterwards by those who organise it.

use serde_json::{Value, json};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{self as wire, Act};
use sidetone_signaling::protocol::{NoticeKind, NoticeState, Request, SetNotice};

use crate::accounts::calling_events;
use crate::client::member;
use crate::person::{Person, link_of, place};

async fn act(person: &mut Person, act: Act) -> Result<Value, Reason> {
    let call = person.call().call;
    let engage = wire::Engage { call, act };
    person.ask(Request::MeetingEngage(Box::new(engage))).await
}

fn poll(anonymous: bool) -> Act {
    Act::CreatePoll(wire::CreatePoll {
        question: "When?".into(),
        options: vec!["now".into(), "later".into()],
        multiple: false,
        anonymous,
        changeable: false,
        results: wire::Results::Closed,
        open: true,
    })
}

#[tokio::test]
async fn polls_questions_and_the_transcript_are_read_by_those_who_organise() {
    let place = place().await;
    let meeting = place
        .meeting(json!({ "subject": "Visit", "options": { "bypass": "everyone" } }))
        .await;
    let (mut nia, mut pat) = (place.member("nia").await, place.pat().await);
    nia.enter(link_of(&meeting)).await;
    pat.enter(link_of(&meeting)).await;

    let refused = act(&mut pat, poll(false)).await.unwrap_err();
    assert!(refused.is(&Reason::ROLE_RESTRICTED), "{refused}");
    let made = act(&mut nia, poll(false)).await.unwrap();
    assert_eq!(made["id"], 1);
    act(&mut nia, poll(true)).await.unwrap();
    let told = pat
        .until("meeting.engagement", |told| told["news"] == "poll")
        .await;
    assert_eq!(
        told["with"]["options"],
        json!([{ "text": "now" }, { "text": "later" }]),
        "no results before it is closed"
    );
    for poll in [1, 2] {
        let choices = vec![1];
        act(&mut pat, Act::Vote(wire::Vote { poll, choices }))
            .await
            .unwrap();
    }
    act(&mut nia, Act::ClosePoll(wire::Which { id: 1 }))
        .await
        .unwrap();
    pat.until("meeting.engagement", |told| {
        told["news"] == "poll" && told["with"]["options"][1]["votes"] == 1
    })
    .await;

    let open = wire::SetQuestions {
        open: Some(true),
        moderated: None,
    };
    act(&mut nia, Act::SetQuestions(open)).await.unwrap();
    let ask = |text: &str, anonymous| {
        Act::Ask(wire::AskQuestion {
            text: text.into(),
            anonymous,
        })
    };
    act(&mut pat, ask("Why?", false)).await.unwrap();
    act(&mut pat, ask("Who?", true)).await.unwrap();
    nia.until("meeting.engagement", |told| {
        told["news"] == "question" && told["with"]["author"]["display_name"] == "Pat (External)"
    })
    .await;

    // Captions are kept only while it is transcribed.
    let on = wire::SetCaptions {
        on: true,
        language: Some("en".into()),
    };
    act(&mut nia, Act::SetCaptions(on)).await.unwrap();
    let said = |text: &str| {
        Act::Caption(wire::PublishCaption {
            speaker: None,
            segment: 1,
            text: text.into(),
            last: true,
            language: None,
            translations: Default::default(),
        })
    };
    act(&mut pat, said("before")).await.unwrap();
    let transcribe = SetNotice {
        call: nia.call().call,
        kind: NoticeKind::Transcription,
        state: NoticeState::Active,
        consent: false,
    };
    nia.ask(Request::Notice(transcribe)).await.unwrap();
    act(&mut pat, said("It hurts.")).await.unwrap();

    let (organiser, other) = (
        member(&place.server, "acme", "nia"),
        member(&place.server, "acme", "omar"),
    );
    let path = format!(
        "/v1/organisations/acme/meetings/{}",
        meeting["id"].as_str().unwrap()
    );
    for what in ["polls", "questions", "transcript"] {
        other.get(&format!("{path}/{what}")).await.expect(403);
        place.admin.get(&format!("{path}/{what}")).await.expect(200);
    }
    let held = organiser.get(&format!("{path}/polls")).await.expect(200);
    nia.ask(Request::MeetingEnd(nia.call())).await.unwrap();
    pat.until("meeting.ended", |_| true).await;
    let mut kept = Value::Null;
    crate::support::until("the minutes to be written", async || {
        kept = organiser.get(&format!("{path}/polls")).await.expect(200);
        kept["items"].as_array().is_some_and(|polls| polls.len() == 2)
    })
    .await;
    assert_eq!(kept, held, "the same while it is held and afterwards");
    let polls = &kept["items"];
    assert_eq!(polls[0]["options"][1]["votes"], 1);
    assert_eq!(
        polls[0]["options"][1]["voters"][0]["displayName"],
        "Pat (External)"
    );
    assert_eq!(polls[0]["state"], "closed");
    assert_eq!(polls[1]["voted"], 1);
    assert_eq!(polls[1]["options"][1]["voters"], json!([]), "nobody learns who");
    let questions = organiser.get(&format!("{path}/questions")).await.expect(200);
    assert_eq!(questions["items"][0]["text"], "Why?");
    assert_eq!(
        questions["items"][0]["author"]["identity"],
        place.external("pat").to_string()
    );
    assert!(questions["items"][1].get("author").is_none(), "{questions}");
    let transcript = organiser.get(&format!("{path}/transcript")).await.expect(200);
    let lines: Vec<&Value> = transcript["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| &line["text"])
        .collect();
    assert_eq!(lines, ["It hurts."]);

    // The operator's events.
    let mut events = Vec::new();
    crate::support::until("the events to be written", async || {
        events = calling_events(&place).await;
        events
            .iter()
            .any(|event| event["type"] == "sidetone.calling.CallEnded")
    })
    .await;
    let of = |kind: &str| -> Vec<&Value> {
        events
            .iter()
            .filter(|event| event["type"] == kind)
            .map(|event| &event["data"])
            .collect()
    };
    let polled = of("sidetone.calling.PollStateChanged");
    let states: Vec<_> = polled
        .iter()
        .map(|data| (&data["poll"], &data["isOpen"], &data["voted"]))
        .collect();
    assert_eq!(
        states,
        [
            (&json!(1), &json!(true), &json!(0)),
            (&json!(2), &json!(true), &json!(0)),
            (&json!(1), &json!(false), &json!(1)),
        ]
    );
    let asked = of("sidetone.calling.QuestionAsked");
    assert!(
        asked[0]["askedBy"].is_object() && asked[1].get("askedBy").is_none(),
        "{asked:?}"
    );

    // It goes with the meeting.
    organiser.delete(&path).await.expect(204);
    place.admin.get(&format!("{path}/polls")).await.expect(404);
    place.server.shutdown().await;
}
