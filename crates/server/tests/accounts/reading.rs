//! Usage and call records, as the resource's owner and the organisation's administrator read them.

use std::time::Duration;

use serde_json::{Value, json};
use sidetone_server::TokenRequest;
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::{HangUp, Report, Request};

use crate::stage::{Stage, text, until_answer};
use crate::support::http;

fn items(body: &Value) -> &Vec<Value> {
    body["items"].as_array().unwrap()
}

fn call_of(hang_up: &Request) -> String {
    let Request::HangUp(hang_up) = hang_up else {
        panic!("no hang-up")
    };
    hang_up.call.to_string()
}

#[tokio::test]
async fn usage_is_metered_to_the_resource_and_covered_for_the_native_client() {
    let stage = Stage::set().await;
    let (mut eve, mut bob) = (stage.tenants.eve().await, stage.tenants.bob().await);
    let hang_up = stage.tenants.talk(&mut eve, &mut bob).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    eve.call(&hang_up).await.unwrap();
    let owner = &stage.tenants.owner;
    let path = stage.tenants.resource_path("usage/records");
    let records = until_answer(owner, &path, |body| items(body).len() == 2).await;
    let of = |who: &str| {
        let mut records = items(&records).iter();
        let found = records.find(|record| text(&record["identity"]).starts_with(who));
        found.unwrap().clone()
    };
    assert_eq!(of("external:")["metered"], true);
    assert_eq!(of("member:acme:bob")["metered"], false);
    assert_eq!(
        of("member:acme:bob")["account"],
        json!({ "kind": "organisation", "id": "acme" })
    );
    assert!(
        items(&records)
            .iter()
            .all(|record| record["quantity"].as_u64().unwrap() >= 1)
    );

    let report = owner.get(&stage.tenants.resource_path("usage")).await.is(200);
    let total = &report["meters"][0];
    assert_eq!(
        (&total["usageType"], &total["unitType"]),
        (&json!("calling"), &json!("seconds"))
    );
    assert_eq!(total["metered"], of("external:")["quantity"]);
    assert_eq!(total["covered"], of("member:acme:bob")["quantity"]);
    assert_eq!(report["rounding"], "second");
    let theirs = "/v1/organisations/acme/usage";
    let theirs = stage.tenants.administrator.get(theirs).await.is(200);
    assert_eq!(theirs["meters"][0]["metered"], 0);
    assert_eq!(theirs["meters"][0]["records"], 1);

    let other = stage.tenants.resource_path("usage?month=2001-01");
    assert_eq!(owner.get(&other).await.is(200)["meters"], json!([]));
    let wrong = stage.tenants.resource_path("usage?month=soon");
    owner.get(&wrong).await.problem(400, "malformed");
    let strange = stage
        .tenants
        .administrator
        .get(&stage.tenants.resource_path("usage"))
        .await;
    strange.problem(403, "missing-role");

    let path = stage.tenants.resource_path("usage?format=csv");
    let key = format!("authorization: Bearer {}\r\n", owner.key);
    let (status, table) = http(stage.tenants.address, "GET", &path, &key, "").await;
    assert_eq!(status, 200);
    assert_eq!(table.lines().count(), 2, "{table}");
    assert!(table.contains(",calling,seconds,"), "{table}");
    stage.server.shutdown().await;
}

#[tokio::test]
async fn a_member_through_an_application_is_metered_as_anyone() {
    let stage = Stage::set().await;
    let mut wish = TokenRequest::new(Identifier::member("acme", "bob").unwrap());
    wish.resource = Some(stage.tenants.resource.parse().unwrap());
    let token = stage.server.issue_token(wish).unwrap().token.into_exposed();
    let mut eve = stage.tenants.eve().await;
    let mut bob = stage.tenants.client(&token).await;
    stage.tenants.call(&mut eve, &mut bob).await;
    let path = stage.tenants.resource_path("usage/records");
    let two = |body: &Value| items(body).len() == 2;
    let records = until_answer(&stage.tenants.owner, &path, two).await;
    assert!(
        items(&records).iter().all(|record| record["metered"] == true),
        "{records}"
    );
    let theirs = "/v1/organisations/acme/usage";
    let theirs = stage.tenants.administrator.get(theirs).await.is(200);
    assert_eq!(theirs["meters"], json!([]));
    stage.server.shutdown().await;
}

#[tokio::test]
async fn records_show_each_side_what_is_its_own() {
    let stage = Stage::set().await;
    let (mut eve, mut bob) = (stage.tenants.eve().await, stage.tenants.bob().await);
    let hang_up = stage.tenants.talk(&mut eve, &mut bob).await;
    let call = call_of(&hang_up);

    // While it runs.
    let (owner, administrator) = (&stage.tenants.owner, &stage.tenants.administrator);
    let live = "/v1/organisations/acme/calls/live";
    let both = |body: &Value| {
        let calls = items(body);
        calls.len() == 1 && calls[0]["participants"].as_array().unwrap().len() == 2
    };
    let shown = until_answer(administrator, live, both).await;
    assert_eq!(items(&shown)[0]["call"], call);
    assert_eq!(
        items(&shown)[0]["participants"][0]["displayName"],
        "Eve (External)"
    );
    let own = stage.tenants.resource_path("calls/live");
    assert_eq!(items(&owner.get(&own).await.is(200)).len(), 1);
    let choose = async |switches: Value| {
        let wish = json!({ "switches": switches });
        let answer = administrator.send("PATCH", "/v1/organisations/acme", wish).await;
        answer.is(200);
    };
    choose(json!({ "liveAnalytics": "source" })).await;
    let shown = administrator.get(live).await.is(200);
    let people = items(&shown)[0]["participants"].as_array().unwrap().clone();
    assert_eq!(people.len(), 1);
    assert_eq!(people[0]["displayName"], "Bob");

    // When it is over.
    eve.call(&hang_up).await.unwrap();
    let theirs = format!("/v1/organisations/acme/calls/{call}");
    let list = "/v1/organisations/acme/calls";
    let listed = until_answer(administrator, list, |body| !items(body).is_empty()).await;
    assert_eq!(items(&listed)[0]["call"], call);
    assert_eq!(items(&listed)[0]["participants"], 2);
    assert_eq!(items(&listed)[0]["answered"], true);
    assert_eq!(items(&administrator.get(live).await.is(200)).len(), 0);
    let names = |body: &Value| {
        let summaries = body["summaries"].as_array().unwrap().iter();
        summaries.map(|row| text(&row["displayName"])).collect::<Vec<_>>()
    };
    let shown = administrator.get(&theirs).await.is(200);
    assert_eq!(names(&shown), ["Eve (External)", "Bob"]);
    assert_eq!(shown["summaries"][0]["participantEndReason"], 0);
    assert_eq!(shown["callType"], "P2P");
    choose(json!({ "analyticsNames": "source" })).await;
    let shown = administrator.get(&theirs).await.is(200);
    assert_eq!(names(&shown), ["Anonymous", "Bob"]);
    assert_eq!(shown["summaries"][0]["identifier"], Value::Null);
    let own = stage.tenants.resource_path(&format!("calls/{call}"));
    assert_eq!(names(&owner.get(&own).await.is(200)), ["Eve (External)", "Bob"]);

    // A third tenant has no such call.
    let made = crate::rest::Caller::operator(&stage.server)
        .post("/v1/organisations", json!({ "id": "other", "name": "Other" }))
        .await
        .is(201);
    let other = administrator.with_key(&made["keys"][0]["secret"]);
    other
        .get(&format!("/v1/organisations/other/calls/{call}"))
        .await
        .problem(404, "not-found");
    other.get(&theirs).await.problem(403, "missing-role");
    stage.server.shutdown().await;
}

#[tokio::test]
async fn what_endpoints_measured_is_in_the_records() {
    let stage = Stage::set().await;
    let (mut eve, mut bob) = (stage.tenants.eve().await, stage.tenants.bob().await);
    let hang_up = stage.tenants.talk(&mut eve, &mut bob).await;
    let call = call_of(&hang_up);
    eve.call(&hang_up).await.unwrap();
    bob.event("call.ended").await;
    // After the end: before it nobody knows the whole.
    let stream = json!({
        "streamId": "audio", "mediaType": "audio", "streamDirection": "receive", "codecName": "opus",
        "transportType": "udp", "packetLossRateAvg": 0.08, "roundTripTimeAvg": 41.5,
    });
    let impossible =
        json!({ "streamId": "x", "mediaType": "audio", "streamDirection": "send", "jitterAvg": -1 });
    let other = json!({ "color": "red" });
    let streams = [&stream, &impossible, &other].map(|stream| stream.as_object().unwrap().clone());
    let Request::HangUp(HangUp { call: id, .. }) = hang_up else {
        panic!("no hang-up")
    };
    let issue = json!({
        "name": "networkReceiveQuality", "value": 3, "times": 1, "firstRaisedAfterInMs": 1000, "raisedForInMs": 5000,
    });
    let no_issue = json!({
        "name": "noNetwork", "value": false, "times": 1, "firstRaisedAfterInMs": 0, "raisedForInMs": 0,
    });
    let issues = [&issue, &no_issue].map(|issue| issue.as_object().unwrap().clone());
    let report = Request::Report(Report {
        streams: streams.to_vec(),
        issues: issues.to_vec(),
        ..Report::of(id)
    });
    bob.call(&report).await.unwrap();
    let path = stage.tenants.resource_path(&format!("calls/{call}"));
    let list = stage.tenants.resource_path("calls");
    until_answer(&stage.tenants.owner, &list, |body| !items(body).is_empty()).await;
    let measured = |body: &Value| !body["diagnostics"].as_array().unwrap().is_empty();
    let shown = until_answer(&stage.tenants.owner, &path, measured).await;
    let rows = shown["diagnostics"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "what cannot be true is left out");
    assert_eq!(rows[0]["identifier"], "member:acme:bob");
    for (field, value) in stream.as_object().unwrap() {
        assert_eq!(&rows[0][field], value, "{field}");
    }
    let wrong = shown["issues"].as_array().unwrap();
    assert_eq!(wrong.len(), 1, "what was not wrong is left out");
    for (field, value) in issue.as_object().unwrap() {
        assert_eq!(&wrong[0][field], value, "{field}");
    }
    stage.server.shutdown().await;
}

#[tokio::test]
async fn calls_are_listed_newest_first_page_by_page() {
    let stage = Stage::set().await;
    let (mut eve, mut bob) = (stage.tenants.eve().await, stage.tenants.bob().await);
    let mut calls = Vec::new();
    for _ in 0..5 {
        let hang_up = stage.tenants.talk(&mut eve, &mut bob).await;
        calls.push(call_of(&hang_up));
        eve.call(&hang_up).await.unwrap();
        bob.event("call.ended").await;
    }
    let owner = &stage.tenants.owner;
    let path = stage.tenants.resource_path("calls");
    until_answer(owner, &path, |body| items(body).len() == 5).await;
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let page = owner.get(&format!("{path}?limit=2{next}")).await.is(200);
        seen.extend(items(&page).iter().map(|line| text(&line["call"])));
        let Some(number) = page["next"].as_u64() else {
            break;
        };
        next = format!("&after={number}");
    }
    calls.reverse();
    assert_eq!(seen, calls);
    stage.server.shutdown().await;
}
