//! The directory: members by id and by what people type, imports that keep ids stable, policies that hold.

use serde_json::{Value, json};

use crate::client::{member, organisation, server};

const MEMBERS: &str = "/v1/organisations/acme/members";

fn ids(page: &Value) -> Vec<&str> {
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn members_are_found_by_what_people_type() {
    let server = server().await;
    let acme = organisation(&server, "acme").await;
    for (id, name, city) in [
        ("ann", "Ann Lee", "Roma"),
        ("bob", "Bob Ångström", "Milano"),
        ("zoe", "Zoë", "Roma"),
    ] {
        let body = json!({ "displayName": name, "attributes": { "city": city } });
        acme.put(&format!("{MEMBERS}/{id}"), body).await.expect(201);
    }
    let found = async |query: &str| acme.get(&format!("{MEMBERS}?query={query}")).await.expect(200);
    assert_eq!(ids(&found("roma").await), ["ann", "zoe"]);
    assert_eq!(ids(&found("ROMA%20zoe").await), ["zoe"]);
    assert_eq!(ids(&found("angstrom").await), ["bob"]);
    assert!(ids(&found("nobody").await).is_empty());

    let first = acme.get(&format!("{MEMBERS}?limit=2")).await.expect(200);
    assert_eq!((ids(&first), &first["next"]), (vec!["ann", "bob"], &json!("bob")));
    let last = acme
        .get(&format!("{MEMBERS}?limit=2&after=bob"))
        .await
        .expect(200);
    assert_eq!((ids(&last), &last["next"]), (vec!["zoe"], &Value::Null));
    let long = format!("query={}", "x".repeat(201));
    for wrong in [
        "limit=0",
        "limit=201",
        "limit=x",
        "after=%20",
        "colour=red",
        &long,
    ] {
        let refused = acme.get(&format!("{MEMBERS}?{wrong}")).await;
        assert_eq!((refused.status, refused.problem()), (400, "malformed"), "{wrong}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn members_see_each_other_and_not_each_others_routing() {
    let server = server().await;
    let acme = organisation(&server, "acme").await;
    for id in ["ann", "bob"] {
        acme.put(&format!("{MEMBERS}/{id}"), json!({ "displayName": id }))
            .await
            .expect(201);
    }
    let ann = member(&server, "acme", "ann");
    let bob = ann.get(&format!("{MEMBERS}/bob")).await.expect(200);
    assert_eq!(bob["displayName"], "bob");
    assert!(
        bob.get("routing").is_none() && bob.get("delegates").is_none(),
        "{bob}"
    );
    assert!(
        ann.get(&format!("{MEMBERS}/ann"))
            .await
            .expect(200)
            .get("routing")
            .is_some()
    );
    assert!(
        acme.get(&format!("{MEMBERS}/bob"))
            .await
            .expect(200)
            .get("routing")
            .is_some()
    );
    // One's own routing is one's own to set.
    let routing = acme.get(&format!("{MEMBERS}/ann")).await.expect(200)["routing"].clone();
    ann.put(&format!("{MEMBERS}/ann/routing"), routing.clone())
        .await
        .expect(200);
    assert_eq!(
        ann.put(&format!("{MEMBERS}/bob/routing"), routing).await.status,
        403
    );
    server.shutdown().await;
}

#[tokio::test]
async fn a_member_whom_the_directory_names_administrator_is_one() {
    let server = server().await;
    let acme = organisation(&server, "acme").await;
    acme.put(&format!("{MEMBERS}/ann"), json!({ "displayName": "Ann" }))
        .await
        .expect(201);
    let ann = member(&server, "acme", "ann");
    let rename = json!({ "displayName": "Ann Lee" });
    assert_eq!(
        ann.patch(&format!("{MEMBERS}/ann"), rename.clone()).await.status,
        403
    );
    acme.patch(&format!("{MEMBERS}/ann"), json!({ "roles": ["administrator"] }))
        .await
        .expect(200);
    ann.patch(&format!("{MEMBERS}/ann"), rename.clone())
        .await
        .expect(200);
    // At once, with the token that was there before.
    acme.patch(&format!("{MEMBERS}/ann"), json!({ "roles": [] }))
        .await
        .expect(200);
    assert_eq!(ann.patch(&format!("{MEMBERS}/ann"), rename).await.status, 403);
    acme.delete(&format!("{MEMBERS}/ann")).await.expect(204);
    assert_eq!(ann.get("/v1/status").await.status, 401);
    server.shutdown().await;
}

#[tokio::test]
async fn an_import_finds_its_members_again() {
    let server = server().await;
    let acme = organisation(&server, "acme").await;
    let import = async |members: Value| {
        acme.post(
            "/v1/organisations/acme/directory/import",
            json!({ "members": members }),
        )
        .await
        .expect(200)
    };
    let counts = |report: &Value| {
        ["created", "updated", "unchanged", "failed"].map(|name| report[name].as_u64().unwrap())
    };
    acme.put(
        "/v1/organisations/acme/policies/open",
        json!({ "enableFederationAccess": true }),
    )
    .await
    .expect(201);
    let first = import(json!([
        { "key": "uid=ann", "displayName": "Ann", "attributes": { "city": "Roma" } },
        { "key": "uid=bob", "displayName": "Bob", "id": "bob-from-elsewhere" },
    ]))
    .await;
    assert_eq!(counts(&first), [2, 0, 0, 0], "{first}");
    let ann = first["members"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(first["members"][1]["id"], "bob-from-elsewhere");
    // What is decided here stays, what comes from the other directory follows it.
    acme.patch(&format!("{MEMBERS}/{ann}"), json!({ "policy": "open" }))
        .await
        .expect(200);
    let second = import(json!([
        { "key": "uid=ann", "displayName": "Ann Lee" },
        { "key": "uid=bob", "displayName": "Bob" },
    ]))
    .await;
    assert_eq!(counts(&second), [0, 1, 1, 0], "{second}");
    let member = acme.get(&format!("{MEMBERS}/{ann}")).await.expect(200);
    assert_eq!(
        (&member["displayName"], &member["policy"]),
        (&json!("Ann Lee"), &json!("open"))
    );
    assert_eq!(member["attributes"]["city"], "Roma");
    // Deleted and imported again: the same id, for the key is the same.
    acme.delete(&format!("{MEMBERS}/{ann}")).await.expect(204);
    let third = import(json!([{ "key": "uid=ann", "displayName": "Ann" }])).await;
    assert_eq!(
        (counts(&third), &third["members"][0]["id"]),
        ([1, 0, 0, 0], &json!(ann))
    );
    server.shutdown().await;
}

#[tokio::test]
async fn an_entry_that_cannot_be_imported_harms_no_other() {
    let server = server().await;
    let acme = organisation(&server, "acme").await;
    acme.put(
        &format!("{MEMBERS}/zed"),
        json!({ "displayName": "Zed", "source": "uid=zed" }),
    )
    .await
    .expect(201);
    let report = acme
        .post(
            "/v1/organisations/acme/directory/import",
            json!({ "members": [
                { "key": "uid=good", "displayName": "Good" },
                { "key": "uid=good", "displayName": "Good again" },
                { "key": "uid=bad", "displayName": "" },
                { "key": " ", "displayName": "No key" },
                { "key": "uid=lost", "displayName": "Lost", "groups": ["nowhere"] },
                { "key": "uid=zed", "displayName": "Zed", "id": "another" },
                { "key": "uid=fine", "displayName": "Fine" },
            ] }),
        )
        .await
        .expect(200);
    let outcomes: Vec<&str> = report["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(
        outcomes,
        [
            "created", "failed", "failed", "failed", "failed", "failed", "created"
        ],
        "{report}"
    );
    assert_eq!((&report["created"], &report["failed"]), (&json!(2), &json!(5)));
    for entry in report["members"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["outcome"] == "failed")
    {
        assert!(!entry["detail"].as_str().unwrap().is_empty(), "{entry}");
    }
    assert_eq!(
        acme.get(MEMBERS).await.expect(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    server.shutdown().await;
}

#[tokio::test]
async fn the_policy_that_holds_is_told_with_its_reason() {
    let server = server().await;
    let acme = organisation(&server, "acme").await;
    let policies = "/v1/organisations/acme/policies";
    acme.put(
        &format!("{policies}/open"),
        json!({ "enableFederationAccess": true }),
    )
    .await
    .expect(201);
    let sales = json!({ "name": "Sales", "policy": "open" });
    acme.put("/v1/organisations/acme/groups/sales", sales)
        .await
        .expect(201);
    acme.put(&format!("{MEMBERS}/ann"), json!({ "displayName": "Ann" }))
        .await
        .expect(201);
    let holds = async || {
        let effective = acme
            .get(&format!("{MEMBERS}/ann/effective-policy"))
            .await
            .expect(200);
        (
            effective["policy"]["name"].as_str().unwrap().to_owned(),
            effective["origin"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(holds().await, ("global".to_owned(), "global".to_owned()));
    acme.patch(&format!("{MEMBERS}/ann"), json!({ "groups": ["sales"] }))
        .await
        .expect(200);
    assert_eq!(holds().await, ("open".to_owned(), "group".to_owned()));
    acme.patch(&format!("{MEMBERS}/ann"), json!({ "policy": "global" }))
        .await
        .expect(200);
    assert_eq!(holds().await, ("global".to_owned(), "direct".to_owned()));
    acme.patch(&format!("{MEMBERS}/ann"), json!({ "policy": null }))
        .await
        .expect(200);
    assert_eq!(holds().await, ("open".to_owned(), "group".to_owned()));

    // What is in use stays, and what every organisation has, too.
    for (path, kind) in [
        (format!("{policies}/open"), "conflict"),
        (format!("{policies}/global"), "conflict"),
        ("/v1/organisations/acme/groups/sales".to_owned(), "conflict"),
        (format!("{policies}/none"), "not-found"),
    ] {
        assert_eq!(acme.delete(&path).await.problem(), kind, "{path}");
    }
    server.shutdown().await;
}
