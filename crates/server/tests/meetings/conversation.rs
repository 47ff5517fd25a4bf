//! The conversation beside a meeting: who is in the one is in the other (R74 to R76, L34).

use serde_json::json;
use sidetone_server::TokenRequest;
use sidetone_signaling::protocol::Request;
use sidetone_signaling::protocol::meeting as wire;

use crate::client::{Caller, member};
use crate::person::{Place, link_of, participants, place};
use crate::support::until;

/// Pat, as an application that chats.
fn pat_writes(place: &Place) -> Caller {
    let request = TokenRequest::new(place.external("pat"));
    let token = place.server.issue_token(request).unwrap().token.into_exposed();
    Caller::new(&place.server, token)
}

#[tokio::test]
async fn external_users_write_while_they_are_in_and_read_nothing_before_and_after() {
    let place = place().await;
    let policy = json!({ "chat": { "accessAfterMeeting": "none" } });
    place
        .admin
        .patch("/v1/organisations/acme", policy)
        .await
        .expect(200);
    let meeting = place.meeting(json!({ "subject": "Visit" })).await;
    let thread = meeting["thread"].as_str().unwrap();
    let messages = format!("/v1/chat/threads/{thread}/messages");
    let (nia_writes, pat_writes) = (member(&place.server, "acme", "nia"), pat_writes(&place));

    let mut nia = place.member("nia").await;
    let joined = nia.enter(link_of(&meeting)).await;
    assert_eq!(joined.thread.as_deref(), Some(thread));
    let mut pat = place.pat().await;
    let waiting = pat.join(link_of(&meeting)).await.unwrap();
    assert_eq!(
        waiting.thread, None,
        "who waits is told nothing of what is inside"
    );
    until("Nia may write", async || {
        let said = nia_writes
            .post(&messages, json!({ "content": "before Pat" }))
            .await;
        said.status == 201
    })
    .await;
    assert!([403, 404].contains(&pat_writes.get(&messages).await.status));

    let admit = Request::MeetingAdmit(wire::Admit {
        call: nia.call().call,
        participants: participants(&[&pat]),
    });
    nia.ask(admit).await.unwrap();
    until("Pat may write", async || {
        let said = pat_writes
            .post(&messages, json!({ "content": "it hurts here" }))
            .await;
        said.status == 201
    })
    .await;

    pat.ask(Request::MeetingLeave(pat.call())).await.unwrap();
    until("Pat reads no more", async || {
        pat_writes.get(&messages).await.status == 403
    })
    .await;
    let late = pat_writes
        .post(&messages, json!({ "content": "one more thing" }))
        .await;
    assert_eq!(late.status, 403, "{}", late.body);
    let kept = nia_writes.get(&messages).await.expect(200);
    assert!(kept.to_string().contains("it hurts here"), "{kept}");
    place.server.shutdown().await;
}
