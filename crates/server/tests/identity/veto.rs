//! Whoever embeds the service has the last word on tokens (spec R113).

use serde_json::json;
use sidetone_server::{ServerConfig, TokenIntent, TokenVeto, Veto, Vetoed};

use crate::rest::{Caller, Resource, config};
use crate::support::server;

/// Has something against a name.
struct NoMallory;

#[async_trait::async_trait]
impl TokenVeto for NoMallory {
    async fn consider(&self, intent: &TokenIntent) -> Result<(), Vetoed> {
        match intent.display_name.as_deref() {
            Some("Mallory") => Err(Vetoed {
                reason: "not\u{7} Mallory".to_owned(),
            }),
            Some("Sphinx") => std::future::pending().await,
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn a_veto_means_no_token_and_no_identity() {
    let server = server(ServerConfig {
        token_veto: Some(Veto::new(NoMallory)),
        ..config()
    })
    .await;
    let resource = Resource::create(&Caller::operator(&server), "shop").await;
    let identities = resource.path("identities");
    let with_token = |name: &str| json!({ "displayName": name, "token": { "scopes": ["voip"] } });
    let made = resource.owner.post(&identities, with_token("Eve")).await.is(201);
    let refused = resource.owner.post(&identities, with_token("Mallory")).await;
    assert_eq!(refused.problem(403, "vetoed")["detail"], "refused: not Mallory");
    // Without a token there is nothing to refuse; a name given later is looked at then.
    let tokens = resource.path(&format!("identities/{}/tokens", made["user"].as_str().unwrap()));
    let wish = json!({ "scopes": ["voip"], "displayName": "Mallory" });
    resource.owner.post(&tokens, wish).await.problem(403, "vetoed");
    // Who does not answer has refused.
    let silent = resource.owner.post(&identities, with_token("Sphinx")).await;
    assert!(silent.header("retry-after").is_some());
    silent.problem(503, "veto-unavailable");
    server.shutdown().await;
}
