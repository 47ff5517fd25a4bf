//! Meetings over HTTP: who may make, read, change and delete them, what survives a restart, and who was there.

use serde_json::json;
use sidetone_server::{Server, ServerConfig};
use sidetone_signaling::protocol::Request;
use sidetone_signaling::protocol::meeting::Passage;

use crate::client::{config, member};
use crate::person::{link_of, place, place_with};

const MEETINGS: &str = "/v1/organisations/acme/meetings";

#[tokio::test]
async fn members_make_meetings_of_their_own() {
    let place = place().await;
    let (nia, omar) = (
        member(&place.server, "acme", "nia"),
        member(&place.server, "acme", "omar"),
    );
    let answer = nia
        .post(
            MEETINGS,
            json!({
                "subject": "Budget",
                "kind": "webinar",
                "presenters": [place.external("pat").to_string()],
                "startTime": "2026-12-01T09:00:00Z",
                "endTime": "2026-12-01T10:00:00Z",
                "options": { "bypass": "organizerOnly" },
            }),
        )
        .await;
    let location = answer.headers["location"].clone();
    let made = answer.expect(201);
    assert_eq!(made["organiser"], "nia");
    assert_eq!(made["startTime"], "2026-12-01T09:00:00.000Z");
    assert!(
        made["link"]
            .as_str()
            .unwrap()
            .contains(made["id"].as_str().unwrap())
    );
    let found = nia.get(&location).await;
    let tag = found.tag();
    assert_eq!(found.expect(200), made);

    // Who is not named in it is told nothing of it.
    omar.get(&location).await.expect(403);
    assert_eq!(omar.get(MEETINGS).await.expect(200)["items"], json!([]));
    omar.get(&format!("{MEETINGS}/111111111111")).await.expect(403);
    omar.delete(&location).await.expect(403);
    let for_another = json!({ "organiser": "nia" });
    omar.post(MEETINGS, for_another).await.expect(403);

    // Changed only as it was seen.
    let change = json!({ "attendees": ["member:acme:omar"], "endTime": null });
    let stale = nia
        .send("PATCH", &location, &[("if-match", "\"1\"")], Some(&change))
        .await;
    stale.expect(412);
    let changed = nia
        .send("PATCH", &location, &[("if-match", &tag)], Some(&change))
        .await;
    let changed = changed.expect(200);
    assert_eq!(changed["attendees"], json!(["member:acme:omar"]));
    assert!(changed["endTime"].is_null() && changed["link"] == made["link"]);
    // Who is invited reads it now, and changes nothing.
    assert_eq!(omar.get(&location).await.expect(200), changed);
    omar.patch(&location, json!({ "subject": "Mine" }))
        .await
        .expect(403);
    for bad in [
        json!({ "startTime": "tomorrow" }),
        json!({ "options": { "maxParticipants": 0 } }),
        json!({ "startTime": "2026-12-01T09:00:00Z", "endTime": "2026-11-01T09:00:00Z" }),
    ] {
        nia.patch(&location, bad).await.expect(422);
    }
    nia.delete(&location).await.expect(204);
    place.admin.get(&location).await.expect(404);
    place.server.shutdown().await;
}

#[tokio::test]
async fn administrators_make_them_for_members_and_see_all() {
    let place = place().await;
    place.admin.post(MEETINGS, json!({})).await.expect(422);
    place
        .admin
        .post(MEETINGS, json!({ "organiser": "nobody" }))
        .await
        .expect(422);
    let made = place
        .admin
        .post(MEETINGS, json!({ "organiser": "omar" }))
        .await
        .expect(201);
    let listed = place.admin.get(MEETINGS).await.expect(200);
    assert_eq!(listed["items"], json!([made]));
    // With the member goes the meeting.
    place
        .admin
        .delete("/v1/organisations/acme/members/omar")
        .await
        .expect(204);
    assert_eq!(place.admin.get(MEETINGS).await.expect(200)["items"], json!([]));
    let actions: Vec<String> = place.admin.get("/v1/organisations/acme/audit").await.expect(200)["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| format!("{} {}", entry["action"], entry["target"]).replace('"', ""))
        .collect();
    let id = made["id"].as_str().unwrap();
    assert!(
        actions.contains(&format!("meeting.create meeting.acme.{id}")),
        "{actions:?}"
    );
    place.server.shutdown().await;
}

#[tokio::test]
async fn a_meeting_is_conducted_from_outside_and_its_roster_names_everyone() {
    let place = place().await;
    let meeting = place.meeting(json!({ "subject": "Visit" })).await;
    let path = format!("{MEETINGS}/{}", meeting["id"].as_str().unwrap());
    let nia_calls = member(&place.server, "acme", "nia");
    nia_calls
        .post(&format!("{path}/admit"), json!({}))
        .await
        .expect(409);
    let mut nia = place.member("nia").await;
    let joined = nia.enter(link_of(&meeting)).await;
    let (mut pat, mut eve) = (
        place.pat().await,
        place.somebody(place.external("eve"), Some("Eve")).await,
    );
    pat.join(link_of(&meeting)).await.unwrap();
    eve.join(link_of(&meeting)).await.unwrap();
    let mut guest = place.somebody("guest:gil".parse().unwrap(), Some("Gil")).await;
    guest.join(link_of(&meeting)).await.unwrap();
    nia_calls
        .post(
            &format!("{path}/admit"),
            json!({ "participants": [pat.number()] }),
        )
        .await
        .expect(204);
    pat.until("meeting.state", |state| state["state"] == "connected")
        .await;
    nia_calls
        .post(
            &format!("{path}/reject"),
            json!({ "participants": [eve.number()] }),
        )
        .await
        .expect(204);
    let ended = eve.until("meeting.ended", |_| true).await;
    assert_eq!(ended["reason"]["subcode"], 20060);

    let status = nia_calls.get(&format!("{path}/status")).await.expect(200);
    assert_eq!(status["call"], joined.call.to_string());
    assert_eq!(status["present"], 3);
    let roster = nia_calls.get(&format!("{path}/participants")).await.expect(200);
    let row = |index: usize| {
        let row = &roster["items"][index];
        format!(
            "{} {} {} {}",
            row["displayName"], row["kind"], row["role"], row["state"]
        )
        .replace('"', "")
    };
    assert_eq!(row(0), "Nia Nurse member organiser connected");
    assert_eq!(row(1), "Pat (External) external_user attendee connected");
    assert_eq!(row(2), "Eve (External) external_user attendee disconnected");
    assert_eq!(row(3), "Gil (External) anonymous attendee inLobby");
    let pats = &roster["items"][1];
    assert!(pats["waitedAt"].is_string() && pats["joinedAt"].is_string() && pats["leftAt"].is_null());
    assert_eq!(roster["items"][2]["reason"]["subcode"], 20060);
    // L20: the source leaves out who is from outside.
    let switch = json!({ "switches": { "participantLists": "source" } });
    place
        .admin
        .patch("/v1/organisations/acme", switch)
        .await
        .expect(200);
    let roster = nia_calls.get(&format!("{path}/participants")).await.expect(200);
    assert_eq!(roster["items"].as_array().unwrap().len(), 1, "{roster}");
    let switch = json!({ "switches": { "participantLists": "open" } });
    place
        .admin
        .patch("/v1/organisations/acme", switch)
        .await
        .expect(200);

    nia_calls
        .post(&format!("{path}/end"), json!({}))
        .await
        .expect(204);
    pat.until("meeting.ended", |ended| ended["reason"]["subcode"] == 4097)
        .await;
    let audit = place
        .admin
        .get("/v1/organisations/acme/audit?limit=200")
        .await
        .expect(200);
    let actions: Vec<&str> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["target"] == format!("meeting.acme.{}", meeting["id"].as_str().unwrap()))
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    // The first was asked for while nobody was there.
    let expected = [
        "meeting.create",
        "meeting.admit",
        "meeting.admit",
        "meeting.reject",
        "meeting.end",
    ];
    assert_eq!(actions, expected);
    // It is over, and who was there can still be read.
    crate::support::until("the roster to be kept", async || {
        let roster = nia_calls.get(&format!("{path}/participants")).await.expect(200);
        roster["items"].as_array().unwrap().len() == 4
            && roster["items"][0]["leftAt"].is_string()
            && roster["items"][3]["reason"]["subcode"] == 20062
    })
    .await;
    assert!(nia_calls.get(&format!("{path}/status")).await.expect(200)["call"].is_null());
    place.server.shutdown().await;
}

#[tokio::test]
async fn meetings_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let on_disk = || ServerConfig {
        data_dir: Some(folder.path().to_owned()),
        ..config()
    };
    let place = place_with(on_disk()).await;
    let meeting = place.meeting(json!({ "subject": "Weekly" })).await;
    let mut nia = place.member("nia").await;
    nia.enter(link_of(&meeting)).await;
    place.server.shutdown().await;

    let server = Server::start(on_disk()).await.unwrap();
    let place = crate::person::Place {
        admin: place.admin.at(&server),
        owner: place.owner.at(&server),
        resource: place.resource,
        server,
    };
    let path = format!("{MEETINGS}/{}", meeting["id"].as_str().unwrap());
    assert_eq!(place.admin.get(&path).await.expect(200), meeting);
    let roster = place.admin.get(&format!("{path}/participants")).await.expect(200);
    assert_eq!(roster["items"][0]["displayName"], "Nia Nurse");
    assert!(roster["items"][0]["leftAt"].is_string(), "{roster}");
    let mut nia = place.member("nia").await;
    let joined = nia.enter(link_of(&meeting)).await;
    assert_eq!(joined.passage, Passage::Connected);
    nia.ask(Request::MeetingLeave(nia.call())).await.unwrap();
    place.server.shutdown().await;
}

#[tokio::test]
async fn a_meeting_that_is_deleted_ends() {
    let place = place().await;
    let meeting = place.meeting(json!({})).await;
    let mut nia = place.member("nia").await;
    nia.enter(link_of(&meeting)).await;
    let path = format!("{MEETINGS}/{}", meeting["id"].as_str().unwrap());
    member(&place.server, "acme", "nia")
        .delete(&path)
        .await
        .expect(204);
    nia.until("meeting.ended", |ended| ended["reason"]["subcode"] == 20062)
        .await;
    assert!(
        nia.join(link_of(&meeting))
            .await
            .unwrap_err()
            .is(&sidetone_signaling::Reason::NO_SUCH_MEETING)
    );
    place.server.shutdown().await;
}

#[tokio::test]
async fn a_repeated_request_makes_one_meeting() {
    let place = place().await;
    let nia = member(&place.server, "acme", "nia");
    let key = [("idempotency-key", "once-and-only-once")];
    let body = json!({ "subject": "Once" });
    let first = nia.send("POST", MEETINGS, &key, Some(&body)).await.expect(201);
    let second = nia.send("POST", MEETINGS, &key, Some(&body)).await.expect(201);
    assert_eq!(first, second);
    let listed = nia.get(MEETINGS).await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    place.server.shutdown().await;
}
