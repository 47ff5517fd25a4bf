//! How the service says it is, to its operator and nobody else.

use serde_json::json;
use sidetone_server::{OutboundConfig, ServerConfig};

use crate::client::{Caller, config, operator, organisation};
use crate::support;

#[tokio::test]
async fn the_operator_sees_how_the_service_is() {
    let folder = tempfile::tempdir().unwrap();
    let server = support::server(ServerConfig {
        data_dir: Some(folder.path().to_owned()),
        outbound: OutboundConfig {
            loopback: true,
            ..OutboundConfig::default()
        },
        ..config()
    })
    .await;
    let acme = organisation(&server, "acme").await;
    let refused = acme.get("/v1/health").await;
    assert_eq!((refused.status, refused.problem()), (403, "missing-role"));
    assert!(refused.body["detail"].as_str().unwrap().contains("operator"));
    Caller::new(&server, None).get("/v1/health").await.expect(401);

    let (_client, _) = support::Client::open(&server, "ann").await;
    let operator = operator(&server);
    let well = operator.get("/v1/health").await.expect(200);
    assert_eq!(well["store"]["writable"], true, "{well}");
    assert!(well["store"]["freeBytes"].as_u64().unwrap() > 0, "{well}");
    assert_eq!((&well["sessions"], &well["calls"]), (&json!(1), &json!(0)));
    assert_eq!(well["webhooks"], json!({ "subscriptions": 0, "failing": [] }));
    // Looking twice at once is fine.
    let (one, other) = tokio::join!(operator.get("/v1/health"), operator.get("/v1/health"));
    assert_eq!(one.expect(200)["store"]["writable"], true);
    assert_eq!(other.expect(200)["store"]["writable"], true);
    server.shutdown().await;
}

#[tokio::test]
async fn one_switch_is_turned_and_the_others_stay() {
    let server = crate::client::server().await;
    let acme = organisation(&server, "acme").await;
    let at = "/v1/organisations/acme";
    acme.patch(at, json!({ "switches": { "escalation": "source" } }))
        .await
        .expect(200);
    let both = acme
        .patch(at, json!({ "switches": { "delegation": "source" } }))
        .await
        .expect(200);
    assert_eq!(both["switches"]["escalation"], "source", "{both}");
    assert_eq!(both["switches"]["delegation"], "source", "{both}");
    let bad = acme
        .patch(at, json!({ "switches": { "noSuchSwitch": "open" } }))
        .await;
    assert_eq!(bad.status, 400, "{bad:?}");
    server.shutdown().await;
}
