//! Breakout rooms on a real server (R89, AC18): managed over HTTP, with packets that stay in their room, conversations of
//! their own, attendance that counts once, and a hard kill in the middle.

use serde_json::{Value, json};
use sidetone_server::TokenRequest;
use sidetone_signaling::protocol::meeting::{self as wire, Joined, Locator};
use sidetone_signaling::protocol::{CallId, Request};

use crate::client::{Caller, OPERATOR, member};
use crate::kill::{CHILD, FOLDER};
use crate::person::{Aside, Person, Place, hears, link_of, overheard, place};
use crate::support::killed::Process;
use crate::support::{dev_token, until};

/// Nia, Omar, Pat and Eve in a meeting of Nia's, and its address.
struct Four {
    place: Place,
    nia: Person,
    omar: Person,
    pat: Person,
    eve: Person,
    path: String,
}

async fn four() -> Four {
    let place = place().await;
    let meeting = place
        .meeting(json!({ "options": { "bypass": "everyone" } }))
        .await;
    let path = format!(
        "/v1/organisations/acme/meetings/{}/breakouts",
        meeting["id"].as_str().unwrap()
    );
    let early = nia_of(&place).get(&path).await;
    assert_eq!(
        early.expect(409)["detail"],
        "the meeting is not held at the moment"
    );
    let (mut nia, mut omar) = (place.member("nia").await, place.member("omar").await);
    let mut pat = place.pat().await;
    let mut eve = place.somebody(place.external("eve"), Some("Eve")).await;
    for person in [&mut nia, &mut omar, &mut pat, &mut eve] {
        person.enter(link_of(&meeting)).await;
    }
    Four {
        place,
        nia,
        omar,
        pat,
        eve,
        path,
    }
}

fn nia_of(place: &Place) -> Caller {
    member(&place.server, "acme", "nia")
}

fn call_of(rooms: &Value, number: usize) -> CallId {
    serde_json::from_value(rooms["rooms"][number]["call"].clone()).unwrap()
}

/// Goes to a room as the participant of the meeting that they are; what they had there is put aside.
async fn go(person: &mut Person, call: CallId) -> (Joined, Aside) {
    let main = person.joined.clone().unwrap();
    let mut aside = Aside::default();
    person.swap(&mut aside);
    let joined = person.enter(Locator::Call(call)).await;
    assert_eq!(
        (joined.breakout_of, joined.participant),
        (Some(main.call), main.participant)
    );
    (joined, aside)
}

#[tokio::test]
async fn ac18_packets_stay_in_their_breakout_room() {
    let Four {
        place,
        mut nia,
        mut omar,
        mut pat,
        mut eve,
        path,
    } = four().await;
    let at_nia = nia_of(&place);
    let rooms = json!({ "rooms": [
        { "displayName": "Red", "invitees": ["member:acme:omar", place.external("pat").to_string()] },
        { "displayName": "Blue", "invitees": [place.external("eve").to_string()] },
    ]});
    let made = at_nia.post(&path, rooms).await.expect(201);
    assert_eq!(
        (
            &made["rooms"][0]["state"],
            &made["rooms"][0]["autoMoveParticipants"]
        ),
        (&json!("closed"), &json!(true))
    );
    let omar_asks = member(&place.server, "acme", "omar");
    omar_asks.get(&path).await.expect(403);
    omar_asks
        .post(&format!("{path}/open"), json!({}))
        .await
        .expect(403);
    at_nia.post(&format!("{path}/open"), json!({})).await.expect(204);
    let shown = at_nia.get(&path).await.expect(200);
    let (red, blue) = (call_of(&shown, 0), call_of(&shown, 1));
    // Omar's client is told to go, in the meeting.
    let go_there = omar
        .until("meeting.engagement", |told| told["news"] == "go_to_breakout")
        .await;
    assert_eq!(go_there["with"]["call"], json!(red));
    let refused = eve.join(Locator::Call(red)).await.unwrap_err();
    assert!(refused.is(&sidetone_signaling::Reason::NOT_INVITED), "{refused}");

    let (_, mut omars_main) = go(&mut omar, red).await;
    let (_, _pats_main) = go(&mut pat, red).await;
    hears(&mut omar, &mut pat).await;
    hears(&mut pat, &mut omar).await;
    assert_eq!(
        overheard(&mut nia, &mut omar, &mut pat).await,
        0,
        "the meeting hears nothing of a room"
    );
    assert_eq!(overheard(&mut eve, &mut omar, &mut pat).await, 0);
    assert_eq!(
        overheard(&mut omar, &mut eve, &mut nia).await,
        0,
        "nor a room of the meeting"
    );
    // Whatever Omar's client still sends to the meeting, and hears there.
    omar.swap(&mut omars_main);
    let omars = omar.number();
    let before = omar.heard.clone();
    for _ in 0..20 {
        omar.talk();
        omar.poll();
        hears(&mut eve, &mut nia).await;
        nia.poll();
    }
    assert!(!nia.heard.contains_key(&omars) && !eve.heard.contains_key(&omars));
    assert_eq!(omar.heard, before);
    omar.swap(&mut omars_main);
    // Another room.
    let (_, _eves_main) = go(&mut eve, blue).await;
    assert_eq!(
        overheard(&mut eve, &mut omar, &mut pat).await,
        0,
        "nor one of another"
    );
    let shown = at_nia.get(&path).await.expect(200);
    assert_eq!(shown["rooms"][0]["present"].as_array().unwrap().len(), 2);
    assert_eq!(shown["rooms"][1]["present"].as_array().unwrap().len(), 1);

    // Back in the meeting, with the media that they had there.
    let close = json!({ "rooms": [1] });
    at_nia.post(&format!("{path}/close"), close).await.expect(204);
    let ended = omar
        .until("meeting.ended", |ended| ended["call"] == json!(red))
        .await;
    assert_eq!(ended["reason"]["subcode"], 20084);
    omar.swap(&mut omars_main);
    hears(&mut nia, &mut omar).await;
    hears(&mut omar, &mut nia).await;
    assert_eq!(
        overheard(&mut eve, &mut nia, &mut omar).await,
        0,
        "Eve is in Blue"
    );
}

#[tokio::test]
async fn breakout_rooms_are_managed_over_http_with_problems_that_say_what_is_wrong() {
    let Four {
        place,
        nia: _nia,
        mut omar,
        pat: _pat,
        eve: _eve,
        path,
    } = four().await;
    let at_nia = nia_of(&place);
    for wrong in [
        json!({ "rooms": [] }),
        json!({ "rooms": [{ "displayName": "" }] }),
        json!({ "rooms": [{ "displayName": "x".repeat(200) }] }),
    ] {
        let answer = at_nia.post(&path, wrong).await.expect(422);
        assert!(answer["detail"].is_string(), "{answer}");
    }
    let unknown = json!({ "rooms": [{ "displayName": "Red", "colour": "red" }] });
    at_nia.post(&path, unknown).await.expect(400);
    let rooms = json!({ "rooms": [{ "displayName": "Red" }, { "displayName": "Blue" }], "distribute": true });
    let made = at_nia.post(&path, rooms).await.expect(201);
    let sizes: Vec<usize> = made["rooms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|room| room["invitees"].as_array().unwrap().len())
        .collect();
    assert_eq!(sizes.iter().sum::<usize>(), 3, "everyone but the organiser");
    at_nia
        .patch(&format!("{path}/9"), json!({ "displayName": "Green" }))
        .await
        .expect(404);
    at_nia
        .patch(&format!("{path}/1"), json!({ "displayName": "Green" }))
        .await
        .expect(204);
    at_nia.delete(&format!("{path}/2")).await.expect(204);
    let settings =
        json!({ "endsInMs": 600_000, "disableReturnToMainMeeting": true, "managers": ["member:acme:omar"] });
    let shown = at_nia.patch(&path, settings).await.expect(200);
    assert_eq!(shown["rooms"].as_array().unwrap().len(), 1);
    assert_eq!(shown["rooms"][0]["displayName"], "Green");
    assert_eq!(shown["disableReturnToMainMeeting"], true);
    assert!(shown["endsInMs"].as_u64().unwrap() <= 600_000);
    let too_late = json!({ "endsInMs": 90_000_000 });
    at_nia.patch(&path, too_late).await.expect(422);
    // Omar is a presenter, and manages them now.
    let act = wire::Act::OpenBreakouts(wire::SomeBreakouts::default());
    let call = omar.call().call;
    omar.ask(Request::MeetingEngage(Box::new(wire::Engage { call, act })))
        .await
        .unwrap();
    let shown = at_nia.get(&path).await.expect(200);
    assert_eq!(shown["rooms"][0]["state"], "open");
    let home = json!({ "identities": ["member:acme:omar"] });
    at_nia.post(&format!("{path}/assign"), home).await.expect(204);
}

#[tokio::test]
async fn each_room_has_its_conversation_and_nobody_is_counted_twice() {
    let Four {
        place,
        mut nia,
        omar: _omar,
        mut pat,
        eve: _eve,
        path,
    } = four().await;
    let at_nia = nia_of(&place);
    let pats = place.external("pat");
    let rooms = json!({ "rooms": [{ "displayName": "Red", "invitees": [pats.to_string()] }] });
    let made = at_nia.post(&path, rooms).await.expect(201);
    let thread = made["rooms"][0]["thread"].as_str().unwrap().to_owned();
    at_nia.post(&format!("{path}/open"), json!({})).await.expect(204);
    let shown = at_nia.get(&path).await.expect(200);
    let token = place
        .server
        .issue_token(TokenRequest::new(pats))
        .unwrap()
        .token
        .into_exposed();
    let pat_writes = Caller::new(&place.server, token);
    let messages = format!("/v1/chat/threads/{thread}/messages");
    let main = place.meeting(json!({})).await;
    assert_ne!(main["thread"], json!(thread));
    assert!(
        [403, 404].contains(&pat_writes.get(&messages).await.status),
        "before he is there"
    );
    let (joined, _aside) = go(&mut pat, call_of(&shown, 0)).await;
    assert_eq!(joined.thread.as_deref(), Some(thread.as_str()));
    until("Pat writes in the room", async || {
        let said = pat_writes.post(&messages, json!({ "content": "in Red" })).await;
        said.status == 201
    })
    .await;
    nia.ask(Request::MeetingEnd(nia.call())).await.unwrap();
    let meeting = path.strip_suffix("/breakouts").unwrap();
    until("the end to be kept", async || {
        let visits = at_nia
            .get(&format!("{meeting}/breakout-visits"))
            .await
            .expect(200);
        visits["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|visit| visit["leftMs"].is_number())
    })
    .await;
    let visits = at_nia
        .get(&format!("{meeting}/breakout-visits"))
        .await
        .expect(200);
    let visits = visits["items"].as_array().unwrap();
    assert_eq!((visits.len(), &visits[0]["roomName"]), (1, &json!("Red")));
    let attended = at_nia.get(&format!("{meeting}/participants")).await.expect(200);
    assert_eq!(attended["items"].as_array().unwrap().len(), 4, "{attended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hard_kill_leaves_everyone_in_their_breakout_room() {
    let folder = tempfile::tempdir().unwrap();
    let (process, address) = Process::start(CHILD, FOLDER, folder.path());
    let operator = Caller::of(address, OPERATOR.to_owned());
    let organisation = json!({ "id": "acme", "name": "acme" });
    let made = operator.post("/v1/organisations", organisation).await.expect(201);
    let admin = Caller::of(address, made["keys"][0]["secret"].as_str().unwrap().to_owned());
    for id in ["nia", "omar", "mia"] {
        let path = format!("/v1/organisations/acme/members/{id}");
        admin.put(&path, json!({ "displayName": id })).await.expect(201);
    }
    let who = ["member:acme:nia", "member:acme:omar", "member:acme:mia"];
    let asks = async |address| Caller::of(address, dev_token(address, who[0]).await);
    let meeting = asks(address)
        .await
        .post("/v1/organisations/acme/meetings", json!({}))
        .await
        .expect(201);
    let path = format!(
        "/v1/organisations/acme/meetings/{}/breakouts",
        meeting["id"].as_str().unwrap()
    );
    let mut nia = Person::at(address, who[0]).await;
    let (mut omar, mut mia) = (
        Person::at(address, who[1]).await,
        Person::at(address, who[2]).await,
    );
    for person in [&mut nia, &mut omar, &mut mia] {
        person.enter(link_of(&meeting)).await;
    }
    let rooms = json!({ "rooms": [{ "displayName": "Red", "invitees": [who[1], who[2]] }, { "displayName": "Blue" }] });
    let at_nia = asks(address).await;
    at_nia.post(&path, rooms).await.expect(201);
    at_nia
        .post(&format!("{path}/open"), json!({ "rooms": [1] }))
        .await
        .expect(204);
    at_nia
        .patch(&path, json!({ "endsInMs": 3_600_000 }))
        .await
        .expect(200);
    let red = call_of(&at_nia.get(&path).await.expect(200), 0);
    let (main, omar_was, mia_was) = (
        nia.call().call,
        omar.joined.clone().unwrap(),
        mia.joined.clone().unwrap(),
    );
    let _asides = (go(&mut omar, red).await, go(&mut mia, red).await);
    hears(&mut omar, &mut mia).await;
    let before = at_nia.get(&path).await.expect(200);
    // Longer than what runs is written apart.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    drop(process);

    let (_process, address) = Process::start(CHILD, FOLDER, folder.path());
    let at_nia = asks(address).await;
    let mut after = at_nia.get(&path).await.expect(200);
    let left = after["endsInMs"].as_u64().unwrap();
    assert!((3_000_000..3_600_000).contains(&left));
    after["endsInMs"] = before["endsInMs"].clone();
    assert_eq!(after, before);
    let back = async |address, identity: &str, was: &Joined| -> Person {
        let mut person = Person::at(address, identity).await;
        person
            .join_as(Locator::Call(main), Some(was.participant))
            .await
            .unwrap();
        let again = person
            .join_as(Locator::Call(red), Some(was.participant))
            .await
            .unwrap();
        assert_eq!(
            (again.participant, again.breakout_of),
            (was.participant, Some(main))
        );
        person.connect().await;
        person
    };
    let mut omar = back(address, who[1], &omar_was).await;
    let mut mia = back(address, who[2], &mia_was).await;
    hears(&mut omar, &mut mia).await;
    let shown = at_nia.get(&path).await.expect(200);
    assert_eq!(shown["rooms"][0]["present"].as_array().unwrap().len(), 2);
}
