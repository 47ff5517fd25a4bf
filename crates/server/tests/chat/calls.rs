//! A call that comes out of a chat (L15).

use serde_json::json;
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::protocol::{CallId, Request, Start};
use uuid::Uuid;

use crate::stage::{Stage, User};

fn start(to: &User, thread: &str) -> Request {
    let thread = thread.rsplit('/').next().unwrap().parse().unwrap();
    Request::Start(Start {
        thread: Some(ThreadId(thread)),
        ..Start::new(CallId(Uuid::new_v4()), to.id.parse().unwrap())
    })
}

#[tokio::test]
async fn a_call_out_of_a_thread_names_the_thread() {
    let stage = Stage::set().await;
    let (eve, bob, carol) = (stage.external("eve"), stage.member("bob"), stage.member("carol"));
    let thread = eve.begin(&[&bob]).await;
    let mut eve_hears = eve.session(&stage.server).await;
    let mut bob_hears = bob.session(&stage.server).await;
    let mut carol_hears = carol.session(&stage.server).await;
    bob_hears.call(&start(&eve, &thread)).await.unwrap();
    let incoming = eve_hears.event("call.incoming").await;
    assert!(thread.ends_with(incoming["thread"].as_str().unwrap()));

    // Both must take part.
    let refused = bob_hears.call(&start(&carol, &thread)).await.unwrap_err();
    assert!(refused.is(&Reason::NO_SUCH_THREAD_PARTICIPANT), "{refused}");
    let refused = carol_hears.call(&start(&bob, &thread)).await.unwrap_err();
    assert!(refused.is(&Reason::NO_SUCH_THREAD), "{refused}");
    stage.set_switches(json!({ "chatCalls": "source" })).await;
    let refused = bob_hears.call(&start(&eve, &thread)).await.unwrap_err();
    assert!(refused.is(&Reason::CHAT_CALLS_DISABLED), "{refused}");
    stage.server.shutdown().await;
}
