//! Entity tags: a change that names the state it has seen does not overwrite somebody else's.

use serde_json::json;

use crate::client::{organisation, server};

const ANN: &str = "/v1/organisations/acme/members/ann";

#[tokio::test]
async fn a_change_of_an_old_state_is_refused() {
    let server = server().await;
    let acme = organisation(&server, "acme").await;
    let made = acme.put(ANN, json!({ "displayName": "Ann" })).await;
    let old = made.tag();
    made.expect(201);
    assert_eq!(acme.get(ANN).await.tag(), old);
    let changed = acme
        .send(
            "PATCH",
            ANN,
            &[("if-match", &old)],
            Some(&json!({ "displayName": "Anna" })),
        )
        .await;
    let new = changed.tag();
    changed.expect(200);
    assert_ne!(new, old);
    for (method, body) in [
        ("PATCH", Some(json!({ "displayName": "Lost" }))),
        ("PUT", Some(json!({ "displayName": "Lost" }))),
        ("DELETE", None),
    ] {
        let refused = acme.send(method, ANN, &[("if-match", &old)], body.as_ref()).await;
        assert_eq!(
            (refused.status, refused.problem()),
            (412, "precondition-failed"),
            "{method}"
        );
    }
    assert_eq!(acme.get(ANN).await.expect(200)["displayName"], "Anna");
    acme.send("DELETE", ANN, &[("if-match", &new)], None)
        .await
        .expect(204);
    assert_eq!(acme.get(ANN).await.status, 404);
    server.shutdown().await;
}

#[tokio::test]
async fn create_only_creates_only() {
    let server = server().await;
    let acme = organisation(&server, "acme").await;
    let create = [("if-none-match", "*")];
    let body = json!({ "displayName": "Ann" });
    acme.send("PUT", ANN, &create, Some(&body)).await.expect(201);
    let second = acme.send("PUT", ANN, &create, Some(&body)).await;
    assert_eq!((second.status, second.problem()), (412, "precondition-failed"));
    acme.put(ANN, body).await.expect(200);
    let nobody = "/v1/organisations/acme/members/nobody";
    let change = json!({ "displayName": "N" });
    assert_eq!(
        acme.send("PUT", nobody, &[("if-match", "*")], Some(&change))
            .await
            .status,
        412
    );
    server.shutdown().await;
}

#[tokio::test]
async fn what_changes_nothing_keeps_its_tag() {
    let server = server().await;
    let acme = organisation(&server, "acme").await;
    let body = json!({ "displayName": "Ann" });
    let first = acme.put(ANN, body.clone()).await.tag();
    assert_eq!(acme.put(ANN, body).await.tag(), first);
    server.shutdown().await;
}

#[tokio::test]
async fn what_is_there_by_itself_has_a_tag_too() {
    let server = server().await;
    let acme = organisation(&server, "acme").await;
    let federation = "/v1/organisations/acme/federation";
    let first = acme.get(federation).await.tag();
    let enable = json!({ "enableExternalUsers": true });
    let changed = acme
        .send("PATCH", federation, &[("if-match", &first)], Some(&enable))
        .await;
    assert_ne!(changed.tag(), first);
    let again = acme
        .send("PATCH", federation, &[("if-match", &first)], Some(&enable))
        .await;
    assert_eq!(again.status, 412);
    server.shutdown().await;
}

#[tokio::test]
async fn of_many_who_saw_the_same_state_one_wins() {
    let server = server().await;
    let acme = organisation(&server, "acme").await;
    let tag = acme.put(ANN, json!({ "displayName": "Ann" })).await.tag();
    let bodies: Vec<_> = (0..10)
        .map(|i| json!({ "displayName": format!("Ann {i}") }))
        .collect();
    let headers = [("if-match", tag.as_str())];
    let sent = bodies
        .iter()
        .map(|body| acme.send("PATCH", ANN, &headers, Some(body)));
    let answers = futures_util::future::join_all(sent).await;
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1);
    assert!(answers.iter().all(|answer| [200, 412].contains(&answer.status)));
    assert_eq!(
        acme.get(ANN).await.expect(200)["displayName"],
        won[0].body["displayName"]
    );
    server.shutdown().await;
}
