//! A server killed hard while messages are left and deleted: what is listed has its sound, whole.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use crate::client::{Caller, OPERATOR, with_dev_tokens};
use crate::support::dev_token;
use crate::support::killed::{Process, serve_until_killed};
use crate::voicemail::sound;

const FOLDER: &str = "SIDETONE_VOICEMAIL_KILL_TEST";
const CHILD: &str = "voicemail_kill::child_serves_until_killed";
const BOX: &str = "/v1/organisations/acme/members/ann/voicemail/messages";

/// The child: not a test of its own, does nothing unless the parent names a folder.
#[tokio::test]
async fn child_serves_until_killed() {
    serve_until_killed(FOLDER, with_dev_tokens()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hard_kill_leaves_no_message_without_its_sound() {
    let folder = tempfile::tempdir().unwrap();
    let (mut process, mut address) = Process::start(CHILD, FOLDER, folder.path());
    let operator = Caller::of(address, OPERATOR.to_owned());
    let made = operator
        .post("/v1/organisations", json!({ "id": "acme", "name": "Acme" }))
        .await
        .expect(201);
    let key = made["keys"][0]["secret"].as_str().unwrap().to_owned();
    let administrator = Caller::of(address, key.clone());
    for (path, body) in [
        ("members/ann", json!({ "displayName": "Ann" })),
        (
            "applications/mail",
            json!({ "name": "Mail", "kind": "voicemail" }),
        ),
    ] {
        administrator
            .put(&format!("/v1/organisations/acme/{path}"), body)
            .await
            .expect(201);
    }
    let said = sound(5, 1_200);
    let mut acknowledged = std::collections::BTreeSet::new();
    let mut found = 0;
    for round in 0..5_u64 {
        let mail = Caller::of(address, dev_token(address, "application:acme:mail").await);
        let bytes = said.clone();
        let (sender, mut left) = tokio::sync::mpsc::unbounded_channel();
        let leaving = tokio::spawn(async move {
            loop {
                let call = Uuid::new_v4();
                let path = format!("{BOX}?call={call}&from=guest:g");
                // The server is killed in the middle of one of them.
                let sent = tokio::time::timeout(
                    Duration::from_secs(10),
                    mail.try_sound("POST", &path, "audio/ogg", &bytes),
                )
                .await;
                let Ok(Some((201, _))) = sent else { return };
                let _ = sender.send(call);
            }
        });
        // The first is there; then at some moment or other.
        acknowledged.insert(left.recv().await.expect("a message is left"));
        tokio::time::sleep(Duration::from_millis(20 + 37 * round)).await;
        drop(process);
        let _ = leaving.await;
        while let Some(call) = left.recv().await {
            acknowledged.insert(call);
        }
        (process, address) = Process::start(CHILD, FOLDER, folder.path());
        let administrator = Caller::of(address, key.clone());
        let listed = administrator.get(&format!("{BOX}?limit=200")).await.expect(200);
        let listed: Vec<Uuid> = listed["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|message| message["id"].as_str().unwrap().parse().unwrap())
            .collect();
        for call in &acknowledged {
            assert!(listed.contains(call), "{call} was acknowledged and is lost");
        }
        found += listed.len();
        for call in listed {
            let (status, heard) = administrator
                .sound("GET", &format!("{BOX}/{call}/sound"), "", b"")
                .await;
            assert!(
                status == 200 && heard == said,
                "{call}: {status}, {} bytes",
                heard.len()
            );
            administrator.delete(&format!("{BOX}/{call}")).await.expect(204);
            acknowledged.remove(&call);
        }
    }
    assert!(found >= 5, "{found} messages in all");
    drop(process);
}
