//! The audit log: an entry of every change, for those whom it concerns.

use serde_json::{Value, json};

use crate::client::{Caller, operator, organisation, resource, server};

async fn entries(caller: &Caller, path: &str) -> Vec<Value> {
    caller.get(path).await.expect(200)["items"]
        .as_array()
        .unwrap()
        .clone()
}

fn actions(entries: &[Value]) -> Vec<String> {
    entries
        .iter()
        .map(|entry| {
            format!(
                "{} {}",
                entry["action"].as_str().unwrap(),
                entry["target"].as_str().unwrap()
            )
        })
        .collect()
}

#[tokio::test]
async fn every_change_has_an_entry_with_who_and_digests() {
    let server = server().await;
    let acme = organisation(&server, "acme").await;
    let ann = "/v1/organisations/acme/members/ann";
    acme.put(ann, json!({ "displayName": "Ann" })).await.expect(201);
    acme.put(ann, json!({ "displayName": "Ann" })).await.expect(200);
    acme.patch(ann, json!({ "displayName": "Anna" }))
        .await
        .expect(200);
    acme.patch(ann, json!({ "policy": "nowhere" })).await.expect(422);
    acme.delete(ann).await.expect(204);
    acme.post("/v1/organisations/acme/keys/secondary", json!(null))
        .await
        .expect(201);

    let log = entries(&acme, "/v1/organisations/acme/audit").await;
    assert_eq!(
        actions(&log),
        [
            "organisation.create organisation.acme",
            "member.put member.acme.ann",
            "member.change member.acme.ann",
            "member.delete member.acme.ann",
            "key.rotate key.organisation.acme.secondary",
        ],
        "one for each change, none for what changed nothing or was refused"
    );
    assert_eq!(log[0]["actor"]["owner"]["kind"], "operator");
    let key = acme.get("/v1/status").await.expect(200)["caller"]["key"].clone();
    assert_eq!(log[1]["actor"]["key"], key);
    let digest = |entry: &Value, field: &str| entry[field].as_str().map(str::to_owned);
    assert_eq!(digest(&log[1], "before"), None);
    assert_eq!(digest(&log[1], "after"), digest(&log[2], "before"));
    assert_ne!(digest(&log[2], "after"), digest(&log[2], "before"));
    assert_eq!(digest(&log[2], "after"), digest(&log[3], "before"));
    assert_eq!(digest(&log[3], "after"), None);
    assert!(
        !log.iter().any(|entry| entry.to_string().contains("Anna")),
        "digests, no content"
    );
    server.shutdown().await;
}

#[tokio::test]
async fn the_operator_sees_all_and_others_theirs() {
    let server = server().await;
    let acme = organisation(&server, "acme").await;
    let (alpha, owner) = resource(&server, "Alpha").await;
    acme.patch("/v1/organisations/acme", json!({ "name": "Acme Ltd" }))
        .await
        .expect(200);
    owner
        .patch(&format!("/v1/resources/{alpha}"), json!({ "name": "A" }))
        .await
        .expect(200);
    let all = entries(&operator(&server), "/v1/audit").await;
    assert_eq!(all.len(), 4);
    let of_resource = entries(&owner, &format!("/v1/resources/{alpha}/audit")).await;
    assert_eq!(of_resource.len(), 2);
    assert_eq!(of_resource[1]["id"], all[3]["id"], "the same entry");
    assert_eq!(acme.get("/v1/audit").await.status, 403);
    server.shutdown().await;
}

#[tokio::test]
async fn it_is_read_page_by_page_and_outlives_the_organisation() {
    let server = server().await;
    let acme = organisation(&server, "acme").await;
    for i in 0..5 {
        acme.put(
            &format!("/v1/organisations/acme/members/m{i}"),
            json!({ "displayName": "M" }),
        )
        .await
        .expect(201);
    }
    let operator = operator(&server);
    operator.delete("/v1/organisations/acme").await.expect(204);
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let page = operator
            .get(&format!("/v1/organisations/acme/audit?limit=3&after={after}"))
            .await
            .expect(200);
        seen.extend(actions(page["items"].as_array().unwrap()));
        match page["next"].as_u64() {
            Some(next) => after = next,
            None => break,
        }
    }
    // Whatever was in the organisation has an entry of its own end.
    assert_eq!(seen[0], "organisation.create organisation.acme");
    assert_eq!(
        seen.iter()
            .filter(|action| action.starts_with("member.put"))
            .count(),
        5
    );
    assert_eq!(
        seen.iter()
            .filter(|action| action.starts_with("organisation.delete member."))
            .count(),
        5
    );
    assert_eq!(seen.last().unwrap(), "organisation.delete organisation.acme");
    let last = operator
        .get("/v1/audit?after=9223372036854775807")
        .await
        .expect(200);
    assert_eq!(last, json!({ "items": [] }));
    for wrong in ["9223372036854775808", "-1", "x"] {
        let refused = operator.get(&format!("/v1/audit?after={wrong}")).await;
        assert_eq!((refused.status, refused.problem()), (400, "malformed"));
    }
    server.shutdown().await;
}
