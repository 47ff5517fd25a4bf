//! The audit log: an entry of every change, for those whom it concerns.

use serde_json::{Value, json};
use sidetone_server::ServerHandle;

use crate::client::{Caller, application, config, operator, organisation, resource, server};
use crate::isolation::{Operation, operations, tenants};
use crate::support;
use crate::voicemail::sound;

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
    assert_eq!(
        entries(&operator(&server), "/v1/audit").await.len(),
        4,
        "reading is no change, refused or not"
    );
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

/// What is asked for so that something changes, where the document's own example would not do, or changes nothing.
fn body(operation: &Operation) -> Option<Value> {
    let kept = |template: &str| operation.template.ends_with(template);
    Some(match operation.method.as_str() {
        "patch" if kept("/{organisation}") || kept("/{resource}") => json!({ "name": "Renamed" }),
        "patch" if kept("/federation") => json!({ "enableExternalUsers": true }),
        "patch" if kept("/{member}") => json!({ "displayName": "Anna" }),
        "patch" if kept("/{subscription}") => json!({ "description": "other" }),
        "put" if kept("/federation") => json!({ "enableExternalUsers": false, "allowedResources": [] }),
        "put" if kept("/policies/{policy}") => json!({ "enableFederationAccess": false }),
        "put" if kept("/groups/{group}") => json!({ "name": "Selling" }),
        "put" if kept("/applications/{application}") => json!({ "name": "Help", "kind": "queue" }),
        "put" if kept("/members/{member}") => json!({ "displayName": "Annie" }),
        "put" if kept("/routing") => json!({ "doNotDisturb": true }),
        "put" if kept("/external-users/{user}") => json!({ "displayName": "Eva" }),
        "put" if kept("/identity-provider") => {
            json!({ "issuer": "https://id.example/", "clients": ["app"] })
        }
        "post" if kept("/organisations") => json!({ "id": "third", "name": "Third" }),
        "post" if kept("/replay") => json!({ "fromSequence": 1 }),
        "post" if kept("/subscriptions") => json!({ "url": "https://app.example/hook" }),
        "post" if kept("/import") => json!({ "members": [{ "key": "uid=new", "displayName": "New" }] }),
        "post" if kept("/applications/{application}/tokens") => json!({}),
        "post" if kept("/meetings") => json!({ "organiser": "ann" }),
        "patch" if kept("/meetings/{meeting}") => json!({ "subject": "Other" }),
        "patch" if kept("/messages/{message}") => json!({ "heard": true }),
        "post" if kept("/tokens") => json!({ "scopes": ["voip"] }),
        _ => return operation.body.clone(),
    })
}

/// Exchange needs an identity provider that vouches, and stands in `identity_exchange`; an organisation's federation
/// configuration is there from the beginning and cannot be made a second time; what is done in a meeting needs one that
/// is held, and stands in `meetings`.
const NOT_HERE: [(&str, &str); 7] = [
    (
        "post",
        "/v1/organisations/{organisation}/meetings/{meeting}/admit",
    ),
    (
        "post",
        "/v1/organisations/{organisation}/meetings/{meeting}/reject",
    ),
    (
        "post",
        "/v1/organisations/{organisation}/meetings/{meeting}/remove",
    ),
    ("post", "/v1/organisations/{organisation}/meetings/{meeting}/end"),
    (
        "put",
        "/v1/organisations/{organisation}/chat/threads/{thread}/hold",
    ),
    ("post", "/v1/resources/{resource}/member-tokens"),
    ("post", "/v1/organisations/{organisation}/federation"),
];

/// Who does something in a mailbox, at which address and with which sound. What is to be changed is put there first.
async fn voicemail(
    server: &ServerHandle,
    administrator: &Caller,
    operation: &Operation,
) -> (Caller, String, Option<Vec<u8>>) {
    let mail = application(server, "acme", "support");
    let said = sound(1, 40);
    let call = uuid::Uuid::new_v4();
    let messages = "/v1/organisations/acme/members/ann/voicemail/messages";
    let leave = format!("{messages}?call={call}&from=guest:v-1");
    let administrator = administrator.at(server);
    // Another operation may have made a queue of it, or deleted it.
    let voicemail = json!({ "name": "Support", "kind": "voicemail" });
    let application = "/v1/organisations/acme/applications/support";
    let made = administrator.put(application, voicemail).await;
    assert!([200, 201].contains(&made.status), "{}", made.body);
    match operation.method.as_str() {
        "post" => (mail, leave, Some(said)),
        "put" => (administrator, operation.path.clone(), Some(said)),
        _ if operation.template.contains("{message}") => {
            let (status, _) = mail.sound("POST", &leave, "audio/ogg", &said).await;
            assert_eq!(status, 201);
            (administrator, format!("{messages}/{call}"), None)
        }
        _ => {
            let (status, _) = administrator
                .sound("PUT", &operation.path, "audio/ogg", &said)
                .await;
            assert!((200..300).contains(&status), "{status}");
            (administrator, operation.path.clone(), None)
        }
    }
}

#[tokio::test]
async fn every_changing_operation_leaves_one_entry_also_when_it_is_refused() {
    let server = support::server(config()).await;
    let tenants = tenants(&server).await;
    let everything = operator(&server);
    let mut subscriptions = Vec::new();
    for (place, caller) in [
        ("/v1/organisations/acme".to_owned(), &tenants.own[1].1),
        (format!("/v1/resources/{}", tenants.resource), &tenants.own[2].1),
    ] {
        let wish = json!({ "url": "https://app.example/hook" });
        let made = caller
            .post(&format!("{place}/subscriptions"), wish)
            .await
            .expect(201);
        subscriptions.push((place, made["id"].as_str().unwrap().to_owned()));
    }
    let mut operations = operations(&server, &tenants).await;
    // What people say to each other is no configuration: of chat, what erases is in the log, and it is tried there.
    let configures = |operation: &Operation| !operation.template.starts_with("/v1/chat/");
    operations.retain(|operation| operation.method != "get" && !operation.public && configures(operation));
    assert!(operations.len() >= 40, "{}", operations.len());
    for operation in &mut operations {
        for (place, subscription) in &subscriptions {
            if operation.path.starts_with(place) && operation.template.contains("{subscription}") {
                operation.path = format!("{place}/subscriptions/{subscription}");
                let rest = operation.template.split("{subscription}").nth(1).unwrap();
                operation.path += rest;
            }
        }
    }
    // Deletions last, what is within others first; what makes or takes the callers' own keys stays away from them.
    operations.sort_by_key(|operation| {
        (
            operation.method == "delete",
            std::cmp::Reverse(operation.path.len()),
        )
    });

    let mut number = 0;
    let mut fresh = async || {
        let page = everything
            .get(&format!("/v1/audit?limit=200&after={number}"))
            .await
            .expect(200);
        number = page["next"].as_u64().unwrap_or(number);
        page["items"].as_array().unwrap().clone()
    };
    fresh().await;
    let mut wrong = Vec::new();
    for operation in &operations {
        let method = operation.method.to_uppercase();
        let what = format!("{method} {}", operation.path);
        for (who, stranger) in &tenants.strangers {
            let answer = stranger
                .send(&method, &operation.path, &[], body(operation).as_ref())
                .await;
            let left = fresh().await;
            if answer.status != 403 || actions(&left) != [format!("refused {what}")] {
                wrong.push(format!("{who}: {what}: {} {:?}", answer.status, actions(&left)));
            }
        }
    }
    for operation in &operations {
        let method = operation.method.to_uppercase();
        let what = format!("{method} {}", operation.path);
        let here = !NOT_HERE.contains(&(operation.method.as_str(), operation.template.as_str()));
        if !here || operation.template.contains("/breakouts") {
            continue;
        }
        // What was approved or deleted before would not change.
        if operation.template.ends_with("/approve") {
            let refuse = json!({ "reason": "wait" });
            everything
                .post("/v1/organisations/acme/refuse", refuse)
                .await
                .expect(200);
        }
        if operation.method == "delete" && operation.template.ends_with("/identities/{user}") {
            let eve = format!("/v1/resources/{}/external-users/eve", tenants.resource);
            tenants.own[2].1.put(&eve, json!({ "displayName": "Eve" })).await;
        }
        if operation.template.contains("/voicemail/") {
            let (caller, path, said) = voicemail(&server, &tenants.own[1].1, operation).await;
            fresh().await;
            let status = match said {
                Some(said) => caller.sound(&method, &path, "audio/ogg", &said).await.0,
                None => {
                    caller
                        .send(&method, &path, &[], body(operation).as_ref())
                        .await
                        .status
                }
            };
            let left = fresh().await;
            if !(200..300).contains(&status) || left.len() != 1 {
                wrong.push(format!("{method} {path}: {status} {:?}", actions(&left)));
            }
            continue;
        }
        fresh().await;
        for (who, caller) in &tenants.own {
            let answer = caller
                .send(&method, &operation.path, &[], body(operation).as_ref())
                .await;
            let left = fresh().await;
            if answer.status == 403 {
                if actions(&left) != [format!("refused {what}")] {
                    wrong.push(format!("{who}: {what}: 403 {:?}", actions(&left)));
                }
                continue;
            }
            // What is deleted with its owner, and each member of an import, has an entry of its own.
            let one = left.len() == 1;
            let several = operation.method == "delete" || operation.template.ends_with("/import");
            let same = left.iter().all(|entry| entry["action"] == left[0]["action"]);
            if !(200..300).contains(&answer.status) || left.is_empty() || !same || !(one || several) {
                wrong.push(format!(
                    "{who}: {what}: {} {:?} {}",
                    answer.status,
                    actions(&left),
                    answer.body
                ));
            }
            break;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    server.shutdown().await;
}

#[tokio::test]
async fn a_refusal_is_in_the_log_of_who_was_refused_and_in_no_other_tenants() {
    let server = server().await;
    let acme = organisation(&server, "acme").await;
    let mallory = organisation(&server, "mallory").await;
    let put = "/v1/organisations/acme/members/ann";
    mallory
        .put(put, json!({ "displayName": "Ann" }))
        .await
        .expect(403);
    let own = entries(&mallory, "/v1/organisations/mallory/audit").await;
    let last = own.last().unwrap();
    assert_eq!(actions(&own).last().unwrap(), &format!("refused PUT {put}"));
    assert!(
        last["note"].as_str().unwrap().contains("administrator of acme"),
        "{last}"
    );
    assert_eq!(entries(&acme, "/v1/organisations/acme/audit").await.len(), 1);
    server.shutdown().await;
}
