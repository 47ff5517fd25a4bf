//! Tokens taken back, and who feels it: the live session of a revoked or deleted identity ends, what was issued before
//! is refused, what is issued afterwards is good.

use serde_json::json;
use sidetone_server::OldKeys;
use sidetone_signaling::Reason;

use crate::rest::{Caller, Resource, config};
use crate::support::{Client, in_time, member, server, token};

#[tokio::test]
async fn a_revoked_identitys_session_ends_and_a_new_token_opens_another() {
    let server = server(config()).await;
    let resource = Resource::create(&Caller::operator(&server), "shop").await;
    let (user, token) = resource.identity().await;
    let (_, bystanders) = resource.identity().await;
    let mut live = Client::connect(&server.url()).await;
    let opened = live.open_with(&token).await.unwrap();
    let mut bystander = Client::connect(&server.url()).await;
    bystander.open_with(&bystanders).await.unwrap();

    let revoke = resource.path(&format!("identities/{user}/revoke-tokens"));
    resource.owner.post(&revoke, json!(null)).await.is(204);

    let bye = in_time("being put out", live.end()).await.expect("a reason");
    assert!(bye.is(&Reason::INVALID_TOKEN), "{bye}");
    // Neither the token nor the session can be used again.
    let mut again = Client::connect(&server.url()).await;
    let refused = again.open_with(&token).await.unwrap_err();
    assert!(
        refused.is(&Reason::INVALID_TOKEN) && refused.message.contains("revoked"),
        "{refused}"
    );
    let mut resumed = Client::connect(&server.url()).await;
    assert!(
        resumed
            .resume(opened.session, &opened.resume_token, 0)
            .await
            .is_err()
    );

    let mut fresh = Client::connect(&server.url()).await;
    fresh.open_with(&resource.token(&user).await).await.unwrap();
    // Whoever else is there notices nothing: answers still come.
    bystander
        .call(&sidetone_signaling::protocol::Request::Refresh(
            sidetone_signaling::protocol::Refresh { token: bystanders },
        ))
        .await
        .unwrap();
    server.shutdown().await;
}

#[tokio::test]
async fn a_deleted_identity_is_nobody() {
    let server = server(config()).await;
    let resource = Resource::create(&Caller::operator(&server), "shop").await;
    let (user, token) = resource.identity().await;
    let mut live = Client::connect(&server.url()).await;
    live.open_with(&token).await.unwrap();

    let path = resource.path(&format!("identities/{user}"));
    resource.owner.delete(&path).await.is(204);
    in_time("being put out", live.end()).await.expect("a reason");
    let mut again = Client::connect(&server.url()).await;
    assert!(again.open_with(&token).await.is_err());
    let tokens = resource.path(&format!("identities/{user}/tokens"));
    resource
        .owner
        .post(&tokens, json!({ "scopes": ["voip"] }))
        .await
        .problem(404, "not-found");
    resource.owner.delete(&path).await.problem(404, "not-found");
    server.shutdown().await;
}

#[tokio::test]
async fn a_deleted_resource_takes_its_identities_along() {
    let server = server(config()).await;
    let operator = Caller::operator(&server);
    let resource = Resource::create(&operator, "shop").await;
    let (_, token) = resource.identity().await;
    let mut live = Client::connect(&server.url()).await;
    live.open_with(&token).await.unwrap();
    operator
        .delete(&format!("/v1/resources/{}", resource.id))
        .await
        .is(204);
    in_time("being put out", live.end()).await.expect("a reason");
    let mut again = Client::connect(&server.url()).await;
    let refused = again.open_with(&token).await.unwrap_err();
    assert!(refused.is(&Reason::INVALID_TOKEN), "{refused}");
    server.shutdown().await;
}

#[tokio::test]
async fn a_program_that_embeds_the_service_may_revoke_too() {
    let server = server(config()).await;
    let (mut ann, _) = Client::open(&server, "ann").await;
    let (mut bob, _) = Client::open(&server, "bob").await;
    let before = token(&server, "ann");
    server.revoke_tokens(&member("ann")).await.unwrap();
    let bye = in_time("being put out", ann.end()).await.expect("a reason");
    assert!(bye.is(&Reason::INVALID_TOKEN), "{bye}");
    let mut again = Client::connect(&server.url()).await;
    assert!(again.open_with(&before).await.is_err());
    again = Client::connect(&server.url()).await;
    again.open_with(&token(&server, "ann")).await.unwrap();
    server.rotate_signing_keys(OldKeys::Drop).await.unwrap();
    for client in [&mut again, &mut bob] {
        in_time("being put out", client.end()).await.expect("a reason");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_revocation_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let config = || sidetone_server::ServerConfig {
        data_dir: Some(folder.path().to_owned()),
        ..config()
    };
    let first = server(config()).await;
    let resource = Resource::create(&Caller::operator(&first), "shop").await;
    let (user, token) = resource.identity().await;
    let revoke = resource.path(&format!("identities/{user}/revoke-tokens"));
    resource.owner.post(&revoke, json!(null)).await.is(204);
    first.shutdown().await;

    let second = server(config()).await;
    let mut client = Client::connect(&second.url()).await;
    let refused = client.open_with(&token).await.unwrap_err();
    assert!(refused.is(&Reason::INVALID_TOKEN), "{refused}");
    second.shutdown().await;
}
