//! Looking for messages by their words (L16b): among what the caller may read, and nothing else.

use serde_json::{Value, json};

use crate::stage::{Stage, User};

async fn found(user: &User, query: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut after = String::new();
    loop {
        let page = user
            .http
            .get(&format!("/v1/chat/search?{query}{after}"))
            .await
            .expect(200);
        for message in page["items"].as_array().unwrap() {
            texts.push(message["content"]["message"].as_str().unwrap().to_owned());
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return texts,
        }
    }
}

fn id(thread: &str) -> &str {
    thread.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn words_are_found_among_what_somebody_may_read() {
    let stage = Stage::set().await;
    let (eve, bob, carol) = (stage.external("eve"), stage.member("bob"), stage.member("carol"));
    let order = eve.begin(&[&bob]).await;
    let other = bob.begin(&[&carol]).await;
    eve.say(&order, "the plan for order 17").await;
    let html = json!({ "content": "<b>Plan</b> B", "type": "html" });
    bob.send(&order, html).await.expect(201);
    let regretted = bob.say(&order, "a plan to be regretted").await;
    bob.say(&other, "Carol's plan").await;
    bob.http
        .delete(&format!("{order}/messages/{regretted}"))
        .await
        .expect(204);

    // In a thread, the newest first; across threads all of one's own, and of nobody else's.
    let in_order = format!("words=plan&thread={}", id(&order));
    assert_eq!(
        found(&eve, &in_order).await,
        ["<b>Plan</b> B", "the plan for order 17"]
    );
    assert_eq!(found(&eve, "words=plan").await, found(&eve, &in_order).await);
    let mut all = found(&bob, "words=plan").await;
    all.sort();
    assert_eq!(all, ["<b>Plan</b> B", "Carol's plan", "the plan for order 17"]);
    assert_eq!(found(&carol, "words=PLA").await, ["Carol's plan"]);
    assert_eq!(found(&bob, "words=17%20plan").await, ["the plan for order 17"]);
    // A page at a time it is the same.
    let mut paged = found(&bob, "words=plan&limit=1").await;
    paged.sort();
    assert_eq!(paged, all);

    // Somebody else's thread is not there; who came later sees what was shared with them.
    let refused = carol.http.get(&format!("/v1/chat/search?{in_order}")).await;
    assert_eq!((refused.status, refused.problem()), (404, "no-such-thread"));
    let add = json!({ "participants": [{ "id": carol.id }] });
    eve.http
        .post(&format!("{order}/participants"), add)
        .await
        .expect(200);
    assert_eq!(found(&carol, &in_order).await, Vec::<String>::new());
    eve.say(&order, "a plan for Carol, too").await;
    assert_eq!(found(&carol, &in_order).await, ["a plan for Carol, too"]);
    // And what was hidden is not found.
    bob.http
        .delete(&format!("{other}?mode=hideForMe"))
        .await
        .expect(204);
    assert_eq!(found(&bob, "words=carol%27s").await, Vec::<String>::new());
    stage.server.shutdown().await;
}

#[tokio::test]
async fn what_it_cost_is_told() {
    let stage = Stage::set().await;
    let (eve, bob) = (stage.external("eve"), stage.member("bob"));
    let thread = eve.begin(&[&bob]).await;
    for n in 0..5 {
        eve.say(&thread, &format!("message {n}")).await;
    }
    let page: Value = eve
        .http
        .get("/v1/chat/search?words=message&limit=2")
        .await
        .expect(200);
    assert_eq!(
        (page["searched"].as_u64(), page["items"].as_array().unwrap().len()),
        (Some(2), 2)
    );
    assert!(page["next"].is_string());
    for bad in [
        "words=",
        "words=%3F",
        "",
        "words=a&after=x",
        "words=a&limit=0",
        "words=a&colour=blue",
    ] {
        let refused = eve.http.get(&format!("/v1/chat/search?{bad}")).await;
        assert!(matches!(refused.status, 400 | 422), "{bad}: {}", refused.status);
    }
    stage.server.shutdown().await;
}
