//! A server killed hard while a meeting is held: who was there can be read, and who comes back is the same participant.

use std::net::SocketAddr;

use serde_json::{Value, json};
use sidetone_signaling::protocol::meeting::{self as wire, Locator, Passage};
use sidetone_signaling::protocol::{NoticeKind, NoticeState, Request, SetNotice};

use crate::client::{Caller, OPERATOR, with_dev_tokens};
use crate::person::{Person, hears, link_of};
use crate::support::killed::{Process, serve_until_killed};
use crate::support::{dev_token, until};

pub const FOLDER: &str = "SIDETONE_MEETINGS_KILL_TEST";
pub const CHILD: &str = "kill::child_serves_until_killed";

/// The child: not a test of its own, does nothing unless the parent names a folder.
#[tokio::test]
async fn child_serves_until_killed() {
    serve_until_killed(FOLDER, with_dev_tokens()).await;
}

const NIA: &str = "member:acme:nia";
const OMAR: &str = "member:acme:omar";

async fn nia_at(address: SocketAddr) -> Caller {
    Caller::of(address, dev_token(address, NIA).await)
}

async fn roster(address: SocketAddr, path: &str) -> Vec<Value> {
    let roster = nia_at(address).await.get(&format!("{path}/participants")).await;
    roster.expect(200)["items"].as_array().unwrap().clone()
}

/// Times are kept against the clock of a process, in whole milliseconds.
fn is_same_time(one: &Value, other: &Value) -> bool {
    let [one, other] = [one, other].map(|time| humantime::parse_rfc3339(time.as_str().unwrap()).unwrap());
    let apart = one.duration_since(other).unwrap_or_else(|error| error.duration());
    apart <= std::time::Duration::from_millis(5)
}

fn row(rows: &[Value], identity: &str) -> Value {
    let mut of = rows
        .iter()
        .filter(|row| row["identity"]["raw"] == identity || row["identity"] == identity);
    let found = of
        .next()
        .unwrap_or_else(|| panic!("{identity}: {rows:?}"))
        .clone();
    assert!(of.next().is_none(), "{identity} is there twice: {rows:?}");
    found
}

async fn engage(person: &mut Person, act: wire::Act) {
    let engage = wire::Engage {
        call: person.call().call,
        act,
    };
    person
        .ask(Request::MeetingEngage(Box::new(engage)))
        .await
        .unwrap();
}

/// Nia asks everyone something and transcribes; Omar answers and raises his hand.
async fn do_together(nia: &mut Person, omar: &mut Person) {
    let poll = wire::CreatePoll {
        question: "When?".into(),
        options: vec!["now".into(), "later".into()],
        multiple: false,
        anonymous: false,
        changeable: false,
        results: wire::Results::Always,
        open: true,
    };
    engage(nia, wire::Act::CreatePoll(poll)).await;
    let vote = wire::Vote {
        poll: 1,
        choices: vec![1],
    };
    engage(omar, wire::Act::Vote(vote)).await;
    let hand = wire::SetHand {
        call: omar.call().call,
        raised: true,
    };
    omar.ask(Request::MeetingHand(hand)).await.unwrap();
    let transcribes = SetNotice {
        call: nia.call().call,
        kind: NoticeKind::Transcription,
        state: NoticeState::Active,
        consent: false,
    };
    nia.ask(Request::Notice(transcribes)).await.unwrap();
}

async fn is_shown_as_it_was(nia: &mut Person, omar: &Person) {
    let notice = |told: &Value| told["notices"][0]["kind"] == "transcription";
    nia.until("call.notices", notice).await;
    let hand = |told: &Value| told["raised"][0]["participant"] == omar.number();
    nia.until("meeting.hands", hand).await;
    let voter = |told: &Value| {
        let several = told["with"].as_array().into_iter().flatten();
        let mut polls = several.filter(|one| one["news"] == "poll");
        polls.any(|one| one["with"]["options"][1]["voters"][0]["display_name"] == "Dr Omar")
    };
    nia.until("meeting.engagement", voter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hard_kill_loses_nobody_and_whoever_comes_back_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (process, address) = Process::start(CHILD, FOLDER, folder.path());
    let operator = Caller::of(address, OPERATOR.to_owned());
    let made = operator
        .post("/v1/organisations", json!({ "id": "acme", "name": "acme" }))
        .await
        .expect(201);
    let admin = Caller::of(address, made["keys"][0]["secret"].as_str().unwrap().to_owned());
    for (id, name) in [("nia", "Nia Nurse"), ("omar", "Dr Omar"), ("mia", "Mia")] {
        let path = format!("/v1/organisations/acme/members/{id}");
        admin.put(&path, json!({ "displayName": name })).await.expect(201);
    }
    let meeting = nia_at(address)
        .await
        .post("/v1/organisations/acme/meetings", json!({ "subject": "Ward" }))
        .await
        .expect(201);
    let path = format!(
        "/v1/organisations/acme/meetings/{}",
        meeting["id"].as_str().unwrap()
    );
    let (mut nia, mut omar, mut mia) = (
        Person::at(address, NIA).await,
        Person::at(address, OMAR).await,
        Person::at(address, "member:acme:mia").await,
    );
    let nia_was = nia.enter(link_of(&meeting)).await;
    let omar_was = omar.enter(link_of(&meeting)).await;
    mia.enter(link_of(&meeting)).await;
    hears(&mut nia, &mut omar).await;
    let lock = wire::Lock {
        call: nia_was.call,
        locked: true,
    };
    mia.ask(Request::MeetingLeave(mia.call())).await.unwrap();
    nia.ask(Request::MeetingLock(lock)).await.unwrap();
    do_together(&mut nia, &mut omar).await;
    until("all of it to be seen", async || {
        let rows = roster(address, &path).await;
        rows.len() == 3 && row(&rows, "member:acme:mia")["leftAt"].is_string()
    })
    .await;
    let before = roster(address, &path).await;
    // Longer than what runs is written apart.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    drop(process);

    let (process, address) = Process::start(CHILD, FOLDER, folder.path());
    let after = roster(address, &path).await;
    assert_eq!(after.len(), 3, "{after:?}");
    for identity in [NIA, OMAR, "member:acme:mia"] {
        let (was, is) = (row(&before, identity), row(&after, identity));
        assert_eq!(
            (&is["participant"], &is["call"]),
            (&was["participant"], &was["call"])
        );
        assert!(is_same_time(&is["joinedAt"], &was["joinedAt"]), "{is} {was}");
    }
    assert_eq!(row(&after, OMAR)["state"], "reconnecting");
    let left = |rows: &[Value]| row(rows, "member:acme:mia")["leftAt"].clone();
    assert!(is_same_time(&left(&after), &left(&before)));

    // By the call's id, as clients come back; and it is locked still, for whoever was not in.
    let mut nia = Person::at(address, NIA).await;
    let call = Locator::Call(nia_was.call);
    let again = nia
        .join_as(call.clone(), Some(nia_was.participant))
        .await
        .unwrap();
    assert_eq!(
        (again.call, again.participant, again.passage),
        (nia_was.call, nia_was.participant, Passage::Connected)
    );
    nia.connect().await;
    let mut omar = Person::at(address, OMAR).await;
    let again = omar.join_as(call, Some(omar_was.participant)).await.unwrap();
    assert_eq!(again.participant, omar_was.participant);
    omar.connect().await;
    hears(&mut nia, &mut omar).await;
    is_shown_as_it_was(&mut nia, &omar).await;
    let mut mia = Person::at(address, "member:acme:mia").await;
    let refused = mia.join(link_of(&meeting)).await.unwrap_err();
    assert!(
        refused.is(&sidetone_signaling::Reason::MEETING_LOCKED),
        "{refused}"
    );
    let rows = roster(address, &path).await;
    assert_eq!(rows.len(), 3, "nobody is there twice: {rows:?}");
    assert_eq!(row(&rows, OMAR)["state"], "connected");

    // Over, and read as ever; also by a process that comes after.
    nia.ask(Request::MeetingEnd(nia.call())).await.unwrap();
    until("the end to be kept", async || {
        let rows = roster(address, &path).await;
        rows.len() == 3 && rows.iter().all(|row| row["leftAt"].is_string())
    })
    .await;
    let over = roster(address, &path).await;
    drop(process);
    let (_process, address) = Process::start(CHILD, FOLDER, folder.path());
    assert_eq!(roster(address, &path).await, over);
    let status = nia_at(address)
        .await
        .get(&format!("{path}/status"))
        .await
        .expect(200);
    assert!(status["call"].is_null(), "{status}");
}
