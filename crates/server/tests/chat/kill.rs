//! A server killed hard while people write: what was acknowledged is there, once, in order, and what is sent again with
//! the same token is not doubled.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Caller, with_dev_tokens};
use crate::support::dev_token;
use crate::support::killed::{Process, serve_until_killed};

const FOLDER: &str = "SIDETONE_CHAT_KILL_TEST";
const CHILD: &str = "kill::child_serves_until_killed";

/// The child: not a test of its own, does nothing unless the parent names a folder.
#[tokio::test]
async fn child_serves_until_killed() {
    serve_until_killed(FOLDER, with_dev_tokens()).await;
}

async fn user(address: SocketAddr, identity: &str) -> Caller {
    Caller::of(address, dev_token(address, identity).await)
}

fn person(n: usize) -> String {
    format!("member:acme:p{n}")
}

const PEOPLE: usize = 6;

/// Sends one message; `None` when the server went away.
async fn send(caller: &Caller, path: &str, text: &str) -> Option<(u16, Value)> {
    let message = json!({ "content": text, "idempotencyToken": text }).to_string();
    let sent = caller.try_sound("POST", path, "application/json", message.as_bytes());
    let (status, body) = tokio::time::timeout(Duration::from_secs(10), sent).await.ok()??;
    Some((status, serde_json::from_slice(&body).unwrap_or_default()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hard_kill_loses_nothing_acknowledged_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut process, mut address) = Process::start(CHILD, FOLDER, folder.path());
    let first = user(address, &person(0)).await;
    let participants: Vec<Value> = (1..PEOPLE).map(|n| json!({ "id": person(n) })).collect();
    let made = first
        .post("/v1/chat/threads", json!({ "participants": participants }))
        .await
        .expect(201);
    let thread = format!("/v1/chat/threads/{}", made["chatThread"]["id"].as_str().unwrap());
    let path = format!("{thread}/messages");
    let mut acknowledged: BTreeSet<(u64, String)> = BTreeSet::new();
    for round in 0..5_u64 {
        let mut writers = Vec::new();
        for n in 0..PEOPLE {
            let caller = user(address, &person(n)).await;
            let path = path.clone();
            writers.push(tokio::spawn(async move {
                let (mut done, mut open) = (Vec::new(), None);
                // As many as ten seconds take.
                for count in 0..10 {
                    let text = format!("round-{round}-person-{n}-message-{count}");
                    match send(&caller, &path, &text).await {
                        Some((201, sent)) => done.push((sent["id"].as_u64().unwrap(), text)),
                        Some((429, _)) => break,
                        Some((status, body)) => panic!("{status}: {body}"),
                        None => {
                            open = Some((n, text));
                            break;
                        }
                    }
                }
                (done, open)
            }));
        }
        tokio::time::sleep(Duration::from_millis(15 + 23 * round)).await;
        drop(process);
        let mut unanswered = Vec::new();
        for writer in writers {
            let (done, open) = writer.await.unwrap();
            acknowledged.extend(done);
            unanswered.extend(open);
        }
        (process, address) = Process::start(CHILD, FOLDER, folder.path());
        // Whoever had no answer asks again: it is sent once, whether it was written or not.
        for (n, text) in unanswered {
            let caller = user(address, &person(n)).await;
            let (status, sent) = send(&caller, &path, &text).await.unwrap();
            assert_eq!(status, 201, "{sent}");
            acknowledged.insert((sent["id"].as_u64().unwrap(), text));
        }
        let reader = user(address, &person(round as usize)).await;
        let mut found = Vec::new();
        let mut since = 0;
        loop {
            let changes = reader
                .get(&format!("{thread}/changes?since={since}"))
                .await
                .expect(200);
            for message in changes["messages"].as_array().unwrap() {
                let text = message["content"]["message"].as_str().unwrap().to_owned();
                found.push((message["id"].as_u64().unwrap(), text));
            }
            since = changes["version"].as_u64().unwrap();
            if changes["more"] == false {
                break;
            }
        }
        let ids: Vec<u64> = found.iter().map(|(id, _)| *id).collect();
        assert_eq!(
            ids,
            (1..=ids.len() as u64).collect::<Vec<_>>(),
            "in order, without gaps"
        );
        let texts: BTreeSet<&String> = found.iter().map(|(_, text)| text).collect();
        assert_eq!(texts.len(), found.len(), "nothing is there twice");
        let found: BTreeSet<(u64, String)> = found.into_iter().filter(|(id, _)| *id > 1).collect();
        assert_eq!(found, acknowledged, "what was acknowledged, and nothing else");
    }
    assert!(acknowledged.len() >= 10, "{} messages in all", acknowledged.len());
    drop(process);
}
