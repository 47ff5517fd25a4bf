//! A call out of a chat (L15): everyone in the thread is rung, and told which thread it is.

use serde_json::{Value, json};
use sidetone_server::{Scope, TokenRequest};
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::protocol::meeting::{Kind, Locator};
use sidetone_signaling::protocol::{CallId, Ping, Request};
use sidetone_signaling::{Identifier, Reason};
use uuid::Uuid;

use crate::client::Caller;
use crate::person::{Place, hears, place};
use crate::support::Client;

/// A thread with these, begun by an external user.
async fn thread_with(place: &Place, people: &[&str]) -> (Caller, ThreadId) {
    let token = TokenRequest::new(place.external("eve"));
    let token = place.server.issue_token(token).unwrap().token.into_exposed();
    let eve = Caller::new(&place.server, token);
    let people: Vec<Value> = people.iter().map(|id| json!({ "id": id })).collect();
    let wish = json!({ "topic": "Order 17", "participants": people });
    let made = eve.post("/v1/chat/threads", wish).await.expect(201);
    let id = made["chatThread"]["id"].as_str().unwrap();
    (eve, ThreadId(id.parse().unwrap()))
}

fn out_of(thread: ThreadId) -> Locator {
    Locator::Thread {
        thread,
        call: CallId(Uuid::new_v4()),
    }
}

#[tokio::test]
async fn everyone_in_the_thread_is_rung_and_comes() {
    let place = place().await;
    let (eves, thread) = thread_with(&place, &["member:acme:nia", "member:acme:omar"]).await;
    let mut nia = place.member("nia").await;
    let mut omar = place.member("omar").await;
    let mut eve = place.somebody(place.external("eve"), Some("Eve")).await;
    // Omar's other program chats only.
    let request = TokenRequest {
        scopes: vec![Scope::Chat],
        ..TokenRequest::new(Identifier::member("acme", "omar").unwrap())
    };
    let token = place.server.issue_token(request).unwrap().token.into_exposed();
    let mut chats_only = Client::connect(&place.server.url()).await;
    chats_only.open_with(&token).await.unwrap();

    let joined = nia.enter(out_of(thread)).await;
    let named = Some(thread.to_string());
    assert_eq!((joined.kind, &joined.thread), (Kind::GroupCall, &named));
    assert_eq!(joined.subject, "Order 17");
    for person in [&mut eve, &mut omar] {
        let incoming = person.until("meeting.incoming", |_| true).await;
        assert_eq!(incoming["thread"], json!(thread));
        assert_eq!(incoming["display_name"], "Nia Nurse");
    }
    let entered = eve.enter(Locator::Call(joined.call)).await;
    assert_eq!(entered.thread, named);
    hears(&mut nia, &mut eve).await;
    // By the thread, as somebody does who did not hear it ring.
    assert_eq!(omar.enter(out_of(thread)).await.call, joined.call);

    // Pat comes into the thread, and by it into the call.
    let mut pat = place.pat().await;
    assert_eq!(
        pat.join(out_of(thread)).await.unwrap_err(),
        Reason::NO_SUCH_THREAD
    );
    let add = json!({ "participants": [{ "id": place.external("pat").raw_id() }] });
    let path = format!("/v1/chat/threads/{thread}/participants");
    eves.post(&path, add).await.expect(200);
    let entered = pat.enter(out_of(thread)).await;
    assert_eq!((entered.call, entered.thread), (joined.call, named));
    hears(&mut pat, &mut eve).await;

    // An endpoint without a scope for calls heard nothing of it.
    chats_only.call(&Request::Ping(Ping {})).await.unwrap();
    let rang = chats_only
        .events
        .iter()
        .any(|(_, event, _)| event == "meeting.incoming");
    assert!(!rang);
    // There is one thread, and it is this.
    let threads = eves.get("/v1/chat/threads").await.expect(200);
    assert_eq!(threads["items"].as_array().unwrap().len(), 1);
    place.server.shutdown().await;
}

#[tokio::test]
async fn in_the_source_members_make_no_call_of_a_chat() {
    let place = place().await;
    let (_, thread) = thread_with(&place, &["member:acme:nia", "member:acme:omar"]).await;
    let limits = json!({ "switches": { "chatCalls": "source" } });
    place
        .admin
        .patch("/v1/organisations/acme", limits)
        .await
        .expect(200);
    let mut nia = place.member("nia").await;
    let refused = nia.join(out_of(thread)).await.unwrap_err();
    assert!(refused.is(&Reason::CHAT_CALLS_DISABLED), "{refused}");
    place.server.shutdown().await;
}
