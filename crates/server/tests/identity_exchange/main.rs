//! Members' sign-ins at a real OpenID Connect provider, exchanged for tokens by a resource's backend.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../identity/rest.rs"]
mod rest;

mod provider;
mod veto;

use std::time::Duration;

use jsonwebtoken::dangerous::insecure_decode;
use serde_json::{Value, json};
use sidetone_server::{OutboundConfig, ServerConfig, ServerHandle};

use provider::Provider;
use rest::{Answer, Caller, Resource};
use support::{Client, server};

/// The audience of access tokens that the organisation accepts.
const AUDIENCE: &str = "https://calls.example";

/// A deployment in which `acme` has a directory and an identity provider, and a resource has an application.
struct Stage {
    server: ServerHandle,
    provider: Provider,
    administrator: Caller,
    resource: Resource,
}

fn config() -> ServerConfig {
    ServerConfig {
        outbound: OutboundConfig {
            loopback: true,
            ..OutboundConfig::default()
        },
        ..rest::config()
    }
}

impl Stage {
    async fn set() -> Option<Self> {
        let provider = Provider::start().await?;
        let server = server(config()).await;
        let operator = Caller::operator(&server);
        let wish = json!({ "id": "acme", "name": "Acme" });
        let made = operator.post("/v1/organisations", wish).await.is(201);
        let administrator = operator.with_key(&made["keys"][0]["secret"]);
        let stage = Self {
            resource: Resource::create(&operator, "shop").await,
            server,
            provider,
            administrator,
        };
        stage.has_member("ann", "Ann Example").await;
        stage.accepts(stage.settings()).await;
        Some(stage)
    }

    async fn has_member(&self, id: &str, name: &str) {
        let path = format!("/v1/organisations/acme/members/{id}");
        self.administrator
            .put(&path, json!({ "displayName": name }))
            .await
            .is(201);
    }

    fn settings(&self) -> Value {
        json!({
            "issuer": self.provider.issuer,
            "clients": ["app-RS256", "app-PS256", "app-ES256", "app-EdDSA", "brief", "shared"],
            "audiences": [AUDIENCE],
        })
    }

    async fn accepts(&self, settings: Value) -> Value {
        let path = "/v1/organisations/acme/identity-provider";
        let answer = self.administrator.put(path, settings).await;
        assert!(matches!(answer.status, 200 | 201), "{}", answer.body);
        answer.body
    }

    /// Exchanges an id token.
    async fn exchange(&self, token: &str, client: &str, object: &str) -> Answer {
        self.exchange_as(json!({
            "organisation": "acme", "idToken": token, "clientId": client, "objectId": object,
        }))
        .await
    }

    async fn exchange_as(&self, body: Value) -> Answer {
        self.resource
            .owner
            .post(&self.resource.path("member-tokens"), body)
            .await
    }
}

macro_rules! stage {
    () => {
        match Stage::set().await {
            Some(stage) => stage,
            None => return,
        }
    };
}
pub(crate) use stage;

#[tokio::test]
async fn a_sign_in_becomes_a_token_in_the_directorys_name() {
    let mut stage = stage!();
    for client in ["app-RS256", "app-PS256", "app-ES256", "app-EdDSA"] {
        let sign_in = stage.provider.sign_in(client, "ann", None).await;
        let answer = stage.exchange(&sign_in.id, client, "ann").await;
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let token = answer.is(201)["token"].as_str().unwrap().to_owned();
        let claims = insecure_decode::<Value>(&token).unwrap().claims;
        assert_eq!(claims["sub"], "member:acme:ann");
        assert_eq!(claims["name"], "Ann Example");
        assert_eq!(claims["resource"], stage.resource.id);
        // No longer than the sign-in, which is ten minutes.
        let theirs = insecure_decode::<Value>(&sign_in.id).unwrap().claims;
        assert_eq!(claims["exp"], theirs["exp"], "{client}");
        let mut member = Client::connect(&stage.server.url()).await;
        let opened = member.open_with(&token).await.unwrap();
        assert_eq!(opened.identity.raw_id(), "member:acme:ann");
    }
    // All of it cost the provider one look: its keys were kept.
    assert_eq!(stage.provider.asked().await, 1);
}

#[tokio::test]
async fn an_access_token_will_do_where_its_audience_is_accepted() {
    let mut stage = stage!();
    let sign_in = stage.provider.sign_in("app-RS256", "ann", Some(AUDIENCE)).await;
    let with = |token: &str| json!({ "organisation": "acme", "accessToken": token, "clientId": "app-RS256", "objectId": "subject-ann" });
    // An access token has the subject alone.
    stage.has_member("subject-ann", "Ann Subject").await;
    stage.exchange_as(with(&sign_in.access)).await.is(201);
    // Neither stands for the other.
    stage
        .exchange(&sign_in.access, "app-RS256", "subject-ann")
        .await
        .problem(422, "sign-in-kind");
    stage
        .exchange_as(with(&sign_in.id))
        .await
        .problem(422, "sign-in-audience");
    let both = json!({
        "organisation": "acme", "idToken": sign_in.id, "accessToken": sign_in.access,
        "clientId": "app-RS256", "objectId": "ann",
    });
    stage.exchange_as(both).await.problem(422, "invalid");

    let mut settings = stage.settings();
    settings["audiences"] = json!(["https://other.example"]);
    stage.accepts(settings.clone()).await;
    stage
        .exchange_as(with(&sign_in.access))
        .await
        .problem(422, "sign-in-audience");
    settings["audiences"] = json!([]);
    stage.accepts(settings).await;
    stage
        .exchange_as(with(&sign_in.access))
        .await
        .problem(403, "access-tokens-not-accepted");
}

#[tokio::test]
async fn what_does_not_hold_is_refused_by_name() {
    let mut stage = stage!();
    let sign_in = stage.provider.sign_in("app-RS256", "ann", None).await;
    let foreign = stage.provider.sign_in("foreign", "ann", None).await;
    let shared = stage.provider.sign_in("shared", "ann", None).await;
    let brief = stage.provider.sign_in("brief", "ann", None).await;
    let stranger = stage.provider.sign_in("app-RS256", "zoe", None).await;

    stage
        .exchange(&foreign.id, "foreign", "ann")
        .await
        .problem(403, "client-not-accepted");
    stage
        .exchange(&foreign.id, "app-RS256", "ann")
        .await
        .problem(422, "sign-in-audience");
    stage
        .exchange(&sign_in.id, "app-ES256", "ann")
        .await
        .problem(422, "sign-in-audience");
    stage
        .exchange(&sign_in.id, "app-RS256", "bob")
        .await
        .problem(422, "sign-in-object-id");
    stage
        .exchange(&sign_in.id, "app-RS256", "subject-ann")
        .await
        .problem(422, "sign-in-object-id");
    stage
        .exchange(&stranger.id, "app-RS256", "zoe")
        .await
        .problem(403, "not-in-directory");
    stage
        .exchange(&shared.id, "shared", "ann")
        .await
        .problem(422, "sign-in-algorithm");
    for garbage in ["", "garbage", "a.b.c", "eyJhbGciOiJub25lIn0.e30"] {
        stage
            .exchange(garbage, "app-RS256", "ann")
            .await
            .problem(422, "sign-in-malformed");
    }
    stage
        .exchange("eyJhbGciOiJub25lIn0.e30.", "app-RS256", "ann")
        .await
        .problem(422, "sign-in-algorithm");
    let (signed, _) = sign_in.id.rsplit_once('.').unwrap();
    let (_, signature) = stranger.id.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{signature}");
    stage
        .exchange(&forged, "app-RS256", "ann")
        .await
        .problem(422, "sign-in-signature");
    // Its sign-ins are good for one second.
    tokio::time::sleep(Duration::from_secs(2)).await;
    stage
        .exchange(&brief.id, "brief", "ann")
        .await
        .problem(422, "sign-in-expired");

    let wish = |name: &str, value: Value| {
        let mut wish = json!({
            "organisation": "acme", "idToken": sign_in.id, "clientId": "app-RS256", "objectId": "ann",
        });
        wish[name] = value;
        wish
    };
    stage
        .exchange_as(wish("organisation", "nobody".into()))
        .await
        .problem(403, "no-identity-provider");
    stage
        .exchange_as(wish("scopes", json!([])))
        .await
        .problem(422, "token-scopes");
    stage
        .exchange_as(wish("expiresInMinutes", 59.into()))
        .await
        .problem(422, "token-lifetime");
    stage
        .exchange_as(wish("surprise", true.into()))
        .await
        .problem(400, "malformed");
    stage.exchange_as(wish("scopes", json!(["voip"]))).await.is(201);
}

#[tokio::test]
async fn only_a_resource_that_the_organisation_accepts_may_exchange() {
    let mut stage = stage!();
    let sign_in = stage.provider.sign_in("app-RS256", "ann", None).await;
    let body = json!({
        "organisation": "acme", "idToken": sign_in.id, "clientId": "app-RS256", "objectId": "ann",
    });
    let path = stage.resource.path("member-tokens");
    for stranger in [&stage.administrator, &Caller::operator(&stage.server)] {
        stranger
            .post(&path, body.clone())
            .await
            .problem(403, "missing-role");
    }
    let other = Resource::create(&Caller::operator(&stage.server), "other").await;
    other
        .owner
        .post(&path, body.clone())
        .await
        .problem(403, "missing-role");

    let mut settings = stage.settings();
    settings["resources"] = json!([stage.resource.id]);
    stage.accepts(settings).await;
    stage.exchange_as(body.clone()).await.is(201);
    let refused = other.owner.post(&other.path("member-tokens"), body).await;
    refused.problem(403, "resource-not-accepted");
}

#[tokio::test]
async fn a_provider_that_rotates_its_keys_is_asked_again() {
    let mut stage = stage!();
    let before = stage.provider.sign_in("app-RS256", "ann", None).await;
    stage.exchange(&before.id, "app-RS256", "ann").await.is(201);
    stage.provider.rotate().await;
    let after = stage.provider.sign_in("app-RS256", "ann", None).await;
    stage.exchange(&after.id, "app-RS256", "ann").await.is(201);
    assert_eq!(stage.provider.asked().await, 2);
    // The old key is published no more.
    stage
        .exchange(&before.id, "app-RS256", "ann")
        .await
        .problem(422, "sign-in-unknown-key");
    // However often it is tried, the provider is asked now and then only.
    for _ in 0..20 {
        stage
            .exchange(&before.id, "app-RS256", "ann")
            .await
            .problem(422, "sign-in-unknown-key");
    }
    assert!(stage.provider.asked().await <= 5);
    stage.exchange(&after.id, "app-RS256", "ann").await.is(201);
}

#[tokio::test]
async fn keys_that_are_known_outlast_a_provider_that_is_down() {
    let mut stage = stage!();
    let known = stage.provider.sign_in("app-RS256", "ann", None).await;
    let elliptic = stage.provider.sign_in("app-ES256", "ann", None).await;
    stage.provider.rotate().await;
    let unknown = stage.provider.sign_in("app-RS256", "ann", None).await;
    stage.provider.down().await;
    let nothing_known = stage.exchange(&unknown.id, "app-RS256", "ann").await;
    assert!(nothing_known.header("retry-after").is_some());
    nothing_known.problem(503, "identity-provider-unreachable");

    stage.provider.up().await;
    stage.exchange(&unknown.id, "app-RS256", "ann").await.is(201);
    stage.provider.down().await;
    stage.exchange(&unknown.id, "app-RS256", "ann").await.is(201);
    // Signed with keys that it may have and cannot tell.
    stage
        .exchange(&known.id, "app-RS256", "ann")
        .await
        .problem(503, "identity-provider-unreachable");
    stage
        .exchange(&elliptic.id, "app-ES256", "ann")
        .await
        .problem(503, "identity-provider-unreachable");
    stage.exchange(&unknown.id, "app-RS256", "ann").await.is(201);
}

#[tokio::test]
async fn a_provider_that_makes_no_sense_is_told_as_that() {
    for (status, body) in [
        (200, "<html>".to_owned()),
        (200, "{}".to_owned()),
        (
            200,
            json!({ "issuer": "https://other.example", "jwks_uri": "https://other.example/keys" })
                .to_string(),
        ),
        (404, String::new()),
        // A redirect, to somewhere it has no business.
        (302, String::new()),
    ] {
        let mut stage = stage!();
        let sign_in = stage.provider.sign_in("app-RS256", "ann", None).await;
        stage.provider.say(status, &body).await;
        let refused = stage.exchange(&sign_in.id, "app-RS256", "ann").await;
        refused.problem(502, "identity-provider-invalid");
    }
    // One that says nothing at all is given up.
    let mut stage = stage!();
    let sign_in = stage.provider.sign_in("app-RS256", "ann", None).await;
    stage.provider.hang().await;
    let refused = stage.exchange(&sign_in.id, "app-RS256", "ann").await;
    let refused = refused.problem(503, "identity-provider-unreachable");
    assert!(
        refused["detail"].as_str().unwrap().contains("too long"),
        "{refused}"
    );
    // Keys that lie where we must not go.
    let mut stage = stage!();
    let sign_in = stage.provider.sign_in("app-RS256", "ann", None).await;
    for keys in [
        "https://169.254.169.254/keys",
        "http://10.0.0.1/keys",
        "file:///etc/passwd",
    ] {
        let document = json!({ "issuer": stage.provider.issuer, "jwks_uri": keys });
        stage.provider.say(200, &document.to_string()).await;
        let refused = stage.exchange(&sign_in.id, "app-RS256", "ann").await;
        refused.problem(503, "identity-provider-unreachable");
    }
}

#[tokio::test]
async fn a_member_who_is_deleted_has_no_token_any_more() {
    let mut stage = stage!();
    let sign_in = stage.provider.sign_in("app-RS256", "ann", None).await;
    let issued = stage.exchange(&sign_in.id, "app-RS256", "ann").await.is(201);
    let token = issued["token"].as_str().unwrap();
    let mut live = Client::connect(&stage.server.url()).await;
    live.open_with(token).await.unwrap();
    stage
        .administrator
        .delete("/v1/organisations/acme/members/ann")
        .await
        .is(204);
    support::in_time("being put out", live.end())
        .await
        .expect("a reason");
    let mut again = Client::connect(&stage.server.url()).await;
    assert!(again.open_with(token).await.is_err());
    stage
        .exchange(&sign_in.id, "app-RS256", "ann")
        .await
        .problem(403, "not-in-directory");
}

#[tokio::test]
async fn a_provider_is_set_seen_and_taken_away_by_administrators_alone() {
    let mut stage = stage!();
    let path = "/v1/organisations/acme/identity-provider";
    let shown = stage.administrator.get(path).await.is(200);
    assert_eq!(shown["issuer"], stage.provider.issuer);
    let operator = Caller::operator(&stage.server);
    for stranger in [&stage.resource.owner, &operator] {
        stranger
            .put(path, stage.settings())
            .await
            .problem(403, "missing-role");
        stranger.delete(path).await.problem(403, "missing-role");
    }
    for (name, value) in [
        ("issuer", json!("https://10.0.0.1/")),
        ("issuer", json!("nonsense")),
        ("clients", json!([])),
        ("vetoUrl", json!("https://169.254.169.254/")),
    ] {
        let mut settings = stage.settings();
        settings[name] = value;
        stage
            .administrator
            .put(path, settings)
            .await
            .problem(422, "invalid");
    }
    stage.administrator.delete(path).await.is(204);
    stage.administrator.delete(path).await.problem(404, "not-found");
    stage.administrator.get(path).await.problem(404, "not-found");
    let sign_in = stage.provider.sign_in("app-RS256", "ann", None).await;
    stage
        .exchange(&sign_in.id, "app-RS256", "ann")
        .await
        .problem(403, "no-identity-provider");
}
