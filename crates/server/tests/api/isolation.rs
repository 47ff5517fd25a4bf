//! Nobody reaches into another tenant: every operation of the served OpenAPI document, tried with everybody else's
//! keys. Operations that are added later are tried as soon as they are in the document.

use serde_json::{Map, Value, json};
use sidetone_server::ServerHandle;

use crate::client::{Caller, application, config, member, operator, organisation, resource};
use crate::support;

/// What everybody may read, each seeing their own.
const SHARED: [(&str, &str); 4] = [
    ("get", "/v1/capabilities"),
    ("get", "/v1/status"),
    ("get", "/v1/organisations"),
    ("get", "/v1/resources"),
];

/// What everybody has for themselves: done for who asks, and for nobody else. Keys are no users.
const OWN: [(&str, &str); 3] = [
    ("get", "/v1/chat/threads"),
    ("post", "/v1/chat/threads"),
    ("get", "/v1/chat/search"),
];

/// One operation of the document.
pub struct Operation {
    pub method: String,
    /// With the names of the tenant that is attacked.
    pub path: String,
    pub template: String,
    pub public: bool,
    pub body: Option<Value>,
}

pub struct Tenants {
    /// Of the tenant that is attacked.
    pub own: Vec<(&'static str, Caller)>,
    /// Everybody else.
    pub strangers: Vec<(&'static str, Caller)>,
    /// Its resource.
    pub resource: String,
    /// Its meeting.
    pub meeting: String,
}

pub async fn tenants(server: &ServerHandle) -> Tenants {
    let acme = organisation(server, "acme").await;
    let mallory = organisation(server, "mallory").await;
    let (alpha, alpha_owner) = resource(server, "Alpha").await;
    let (_, beta_owner) = resource(server, "Beta").await;
    let ann = json!({ "displayName": "Ann", "groups": ["sales"], "source": "uid=ann" });
    for (path, body) in [
        ("groups/sales", json!({ "name": "Sales" })),
        ("members/ann", ann),
        ("policies/open", json!({ "enableFederationAccess": true })),
        (
            "applications/support",
            json!({ "name": "Support", "kind": "voicemail" }),
        ),
    ] {
        acme.put(&format!("/v1/organisations/acme/{path}"), body)
            .await
            .expect(201);
    }
    let eve = format!("/v1/resources/{alpha}/external-users/eve");
    alpha_owner
        .put(&eve, json!({ "displayName": "Eve" }))
        .await
        .expect(201);
    mallory
        .put(
            "/v1/organisations/mallory/members/mal",
            json!({ "displayName": "Mal" }),
        )
        .await
        .expect(201);
    mallory
        .put(
            "/v1/organisations/mallory/applications/ear",
            json!({ "name": "Ear", "kind": "voicemail" }),
        )
        .await
        .expect(201);
    // Its number is drawn: the test takes what it gets.
    let meeting = acme
        .post("/v1/organisations/acme/meetings", json!({ "organiser": "ann" }))
        .await
        .expect(201);
    Tenants {
        meeting: meeting["id"].as_str().unwrap().to_owned(),
        own: vec![
            ("the operator", operator(server)),
            ("administrator", acme),
            ("owner", alpha_owner),
            ("member", member(server, "acme", "ann")),
            ("voicemail application", application(server, "acme", "support")),
        ],
        strangers: vec![
            ("administrator of another organisation", mallory),
            ("owner of another resource", beta_owner),
            ("member of another organisation", member(server, "mallory", "mal")),
            (
                "voicemail application of another organisation",
                application(server, "mallory", "ear"),
            ),
        ],
        resource: alpha,
    }
}

/// All operations, aimed at the first tenant.
pub async fn operations(server: &ServerHandle, tenants: &Tenants) -> Vec<Operation> {
    let document = Caller::new(server, None)
        .get("/v1/openapi.json")
        .await
        .expect(200);
    let mut operations = Vec::new();
    for (template, item) in document["paths"].as_object().unwrap() {
        let mut path = template.clone();
        for (name, value) in [
            ("organisation", "acme"),
            ("resource", tenants.resource.as_str()),
            ("meeting", tenants.meeting.as_str()),
            ("room", "1"),
            ("member", "ann"),
            ("group", "sales"),
            ("policy", "open"),
            ("application", "support"),
            ("user", "eve"),
            ("slot", "secondary"),
        ] {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        // A name that this test does not know still names nothing of the stranger's.
        while let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
            path.replace_range(from..=to, "0f8fad5b-d9cb-469f-a165-70867728950e");
        }
        for (method, operation) in item.as_object().unwrap() {
            if !["get", "put", "post", "patch", "delete"].contains(&method.as_str()) {
                continue;
            }
            let schema = operation.pointer("/requestBody/content/application~1json/schema");
            operations.push(Operation {
                method: method.clone(),
                path: path.clone(),
                template: template.clone(),
                public: operation["security"].is_null(),
                body: schema.map(|schema| sample(&document, schema, 0)),
            });
        }
    }
    assert!(operations.len() >= 40, "{} operations", operations.len());
    operations
}

/// Something that fits a schema, so that no refusal is for the body's sake.
fn sample(document: &Value, schema: &Value, depth: usize) -> Value {
    if depth > 8 {
        return Value::Null;
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document
            .pointer(reference.trim_start_matches('#'))
            .expect("the reference resolves");
        return sample(document, schema, depth + 1);
    }
    if let Some(example) = schema.get("example") {
        return example.clone();
    }
    if let Some(value) = schema["enum"].get(0) {
        return value.clone();
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        if let Some(options) = schema[choice].as_array() {
            let null = json!({ "type": "null" });
            let option = options.iter().find(|option| **option != null).unwrap();
            return sample(document, option, depth + 1);
        }
    }
    let kind = schema["type"]
        .as_str()
        .or_else(|| schema["type"][0].as_str())
        .unwrap_or("object");
    match kind {
        "string" => "x".into(),
        "integer" | "number" => 60.into(),
        "boolean" => true.into(),
        "array" => json!([]),
        _ => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let mut fields = Map::new();
            for name in required.iter().filter_map(Value::as_str) {
                fields.insert(
                    name.to_owned(),
                    sample(document, &schema["properties"][name], depth + 1),
                );
            }
            fields.into()
        }
    }
}

/// Everything of the first tenant, as its own people see it.
async fn everything(tenants: &Tenants) -> Vec<Value> {
    let mut found = Vec::new();
    for part in [
        "",
        "/federation",
        "/policies",
        "/groups",
        "/members",
        "/applications",
        "/meetings",
        "/keys",
    ] {
        found.push(
            tenants.own[1]
                .1
                .get(&format!("/v1/organisations/acme{part}"))
                .await
                .expect(200),
        );
    }
    for part in ["", "/external-users", "/keys"] {
        found.push(
            tenants.own[2]
                .1
                .get(&format!("/v1/resources/{}{part}", tenants.resource))
                .await
                .expect(200),
        );
    }
    found
}

#[tokio::test]
async fn no_operation_reaches_into_another_tenant() {
    let server = support::server(config()).await;
    let tenants = tenants(&server).await;
    let operations = operations(&server, &tenants).await;
    let before = everything(&tenants).await;
    let mut holes = Vec::new();
    for operation in &operations {
        let shared = SHARED.contains(&(operation.method.as_str(), operation.template.as_str()));
        let method = operation.method.to_uppercase();
        for (who, caller) in &tenants.strangers {
            for body in [operation.body.as_ref(), None] {
                let answer = caller.send(&method, &operation.path, &[], body).await;
                let own = OWN.contains(&(operation.method.as_str(), operation.template.as_str()));
                let fine = if own {
                    let told = answer.body.to_string();
                    matches!(answer.status, 200 | 201 | 400 | 403 | 415) && !told.contains("acme")
                } else if shared {
                    let told = answer.body.to_string();
                    answer.status == 200 && !told.contains("acme") && !told.contains(&tenants.resource)
                } else {
                    matches!(answer.status, 403 | 404)
                };
                if !fine {
                    holes.push(format!(
                        "{who}: {method} {}: {} {}",
                        operation.path, answer.status, answer.body
                    ));
                }
            }
        }
        let nobody = Caller::new(&server, None);
        let answer = nobody
            .send(&method, &operation.path, &[], operation.body.as_ref())
            .await;
        // Whoever asks too often without a key is told to wait: refused either way.
        if !operation.public && !matches!(answer.status, 401 | 429) {
            holes.push(format!("nobody: {method} {}: {}", operation.path, answer.status));
        }
    }
    assert!(holes.is_empty(), "{}", holes.join("\n"));
    assert_eq!(everything(&tenants).await, before, "nothing was changed");

    // The same requests are let through for someone of the tenant: it was the role that was missing. Deletions last, and
    // what voids a caller's own token.
    let mut operations: Vec<_> = operations.iter().filter(|operation| !operation.public).collect();
    operations.sort_by_key(|operation| {
        (
            operation.method == "delete" || operation.path.ends_with("/revoke-tokens"),
            std::cmp::Reverse(operation.path.len()),
        )
    });
    for operation in operations {
        let method = operation.method.to_uppercase();
        let mut answers = Vec::new();
        for (who, caller) in &tenants.own {
            let answer = caller
                .send(&method, &operation.path, &[], operation.body.as_ref())
                .await;
            answers.push((who, answer.status));
            if !matches!(answer.status, 401 | 403) {
                break;
            }
        }
        let let_through = answers.iter().any(|(_, status)| !matches!(status, 401 | 403));
        assert!(let_through, "{method} {}: {answers:?}", operation.path);
    }
    server.shutdown().await;
}

#[tokio::test]
async fn what_exists_and_what_does_not_look_the_same_to_strangers() {
    let server = support::server(config()).await;
    organisation(&server, "acme")
        .await
        .put(
            "/v1/organisations/acme/members/ann",
            json!({ "displayName": "Ann" }),
        )
        .await;
    let mallory = organisation(&server, "mallory").await;
    for (there, not_there) in [
        ("/v1/organisations/acme", "/v1/organisations/none"),
        (
            "/v1/organisations/acme/members/ann",
            "/v1/organisations/none/members/ann",
        ),
        (
            "/v1/organisations/acme/members/ann",
            "/v1/organisations/acme/members/bob",
        ),
    ] {
        let (one, other) = (mallory.get(there).await, mallory.get(not_there).await);
        assert_eq!(one.status, 403);
        let mut expected = one.body.to_string();
        expected = expected.replace("acme", "none");
        assert_eq!(other.body.to_string().replace("acme", "none"), expected);
    }
    server.shutdown().await;
}
