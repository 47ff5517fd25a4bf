//! Mailboxes: what an application leaves is heard by its owner, and by nobody else.

use std::time::Duration;

use ogg::{PacketWriteEndInfo, PacketWriter};
use serde_json::{Value, json};
use sidetone_server::{ServerConfig, ServerHandle};
use sidetone_signaling::identifier::Identifier;
use uuid::Uuid;

use crate::client::{Caller, application, config, member, operator, organisation, resource};
use crate::support::{self, Client, until};

const BOX: &str = "/v1/organisations/acme/members/ann/voicemail";

/// An Ogg Opus file, of packets that mean nothing, that says it plays so long. Packets of `size` bytes.
pub fn sound(seconds: u64, size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = PacketWriter::new(&mut bytes);
    let headers = [
        b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0".to_vec(),
        b"OpusTags\0\0\0\0\0\0\0\0".to_vec(),
    ];
    for header in headers {
        writer
            .write_packet(header, 7, PacketWriteEndInfo::EndPage, 0)
            .unwrap();
    }
    let packets = seconds * 50;
    for number in 1..=packets {
        let end = if number == packets {
            PacketWriteEndInfo::EndStream
        } else {
            PacketWriteEndInfo::NormalPacket
        };
        writer
            .write_packet(vec![number as u8; size], 7, end, 312 + number * 960)
            .unwrap();
    }
    drop(writer);
    bytes
}

/// Ann and Ben of Acme, its administrator and its voicemail.
async fn acme(server: &ServerHandle) -> (Caller, Caller) {
    let administrator = organisation(server, "acme").await;
    for (name, shown) in [("ann", "Ann"), ("ben", "Ben Bell")] {
        administrator
            .put(
                &format!("/v1/organisations/acme/members/{name}"),
                json!({ "displayName": shown }),
            )
            .await
            .expect(201);
    }
    let voicemail = json!({ "name": "Voicemail", "kind": "voicemail" });
    administrator
        .put("/v1/organisations/acme/applications/mail", voicemail)
        .await
        .expect(201);
    (administrator, application(server, "acme", "mail"))
}

/// Leaves a message; gives status and answer.
async fn leave(mail: &Caller, call: Uuid, from: &str, name: &str, sound: &[u8]) -> (u16, Value) {
    let path = format!("{BOX}/messages?call={call}&from={from}&displayName={name}");
    let (status, body) = mail.sound("POST", &path, "audio/ogg", sound).await;
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

fn items(body: &Value) -> Vec<Value> {
    body["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_message_is_left_once_heard_and_deleted() {
    let server = support::server(config()).await;
    let (administrator, mail) = acme(&server).await;
    let (ann, ben) = (member(&server, "acme", "ann"), member(&server, "acme", "ben"));
    let (shop, _) = resource(&server, "Shop").await;
    let eve = format!("external:{shop}:eve");
    // More than one piece in the store.
    let said = sound(9, 1_200);
    assert!(said.len() > 2 * 256 * 1024);
    let call = Uuid::new_v4();
    let (status, left) = leave(&mail, call, &eve, "Eve%20(External)", &said).await;
    assert_eq!((status, &left["durationMs"]), (201, &json!(9_000)), "{left}");
    assert_eq!(left["displayName"], "Eve (External)", "the suffix comes once");
    assert_eq!((&left["id"], &left["heard"]), (&json!(call), &json!(false)));
    assert_eq!(
        leave(&mail, call, &eve, "Eve", &said).await,
        (200, left.clone()),
        "a second try changes nothing"
    );
    // A member's name is the directory's, whatever the application says.
    let second = Uuid::new_v4();
    let (status, other) = leave(&mail, second, "member:acme:ben", "Somebody", &sound(2, 60)).await;
    assert_eq!((status, &other["displayName"]), (201, &json!("Ben Bell")));

    for reader in [&ann, &administrator] {
        let listed = reader.get(&format!("{BOX}/messages")).await.expect(200);
        assert_eq!(items(&listed).len(), 2);
        assert_eq!(items(&listed)[0]["id"], json!(second), "the newest first");
        let page = reader.get(&format!("{BOX}/messages?limit=1")).await.expect(200);
        let after = page["next"].as_str().unwrap();
        let rest = reader
            .get(&format!("{BOX}/messages?limit=1&after={after}"))
            .await
            .expect(200);
        assert_eq!(
            (items(&rest)[0]["id"].clone(), &rest["next"]),
            (json!(call), &Value::Null)
        );
        let one = format!("{BOX}/messages/{call}");
        assert_eq!(reader.get(&one).await.expect(200), left);
        let (status, heard) = reader.sound("GET", &format!("{one}/sound"), "", b"").await;
        assert_eq!(status, 200);
        assert!(heard == said, "every byte");
    }
    for stranger in [&ben, &mail] {
        assert_eq!(stranger.get(&format!("{BOX}/messages")).await.status, 403);
        let (status, _) = stranger
            .sound("GET", &format!("{BOX}/messages/{call}/sound"), "", b"")
            .await;
        assert_eq!(status, 403);
    }
    for teller in [&ann, &administrator, &operator(&server)] {
        let (status, _) = leave(teller, Uuid::new_v4(), &eve, "Eve", &said).await;
        assert_eq!(status, 403, "only the application leaves messages");
    }

    let one = format!("{BOX}/messages/{call}");
    let marked = ann.patch(&one, json!({ "heard": true })).await.expect(200);
    assert_eq!(marked["heard"], true);
    ann.delete(&one).await.expect(204);
    for path in [one.clone(), format!("{one}/sound")] {
        assert_eq!(ann.get(&path).await.problem(), "not-found");
    }
    let listed = ann.get(&format!("{BOX}/messages")).await.expect(200);
    assert_eq!(items(&listed).len(), 1);

    let audit = administrator
        .get("/v1/organisations/acme/audit?limit=200")
        .await
        .expect(200);
    let actions: Vec<_> = items(&audit)
        .iter()
        .filter(|entry| entry["target"] == format!("voicemail.acme.ann.{call}"))
        .map(|entry| entry["action"].as_str().unwrap().to_owned())
        .collect();
    for action in ["voicemail.leave", "voicemail.heard", "voicemail.delete"] {
        assert!(
            actions.iter().any(|found| found == action),
            "{action}: {actions:?}"
        );
    }
    server.shutdown().await;
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let server = support::server(config()).await;
    let (_, mail) = acme(&server).await;
    let at = |rest: &str| format!("{BOX}/messages?call={}&from=guest:g{rest}", Uuid::new_v4());
    let good = sound(1, 60);
    let refused = async |path: &str, kind: &str, sound: &[u8]| {
        let (status, body) = mail.sound("POST", path, kind, sound).await;
        let body: Value = serde_json::from_slice(&body).unwrap();
        (status, body["type"].as_str().unwrap_or_default().to_owned())
    };
    let problem = |name: &str| format!("urn:sidetone:problem:{name}");
    assert_eq!(
        refused(&at(""), "application/json", &good).await,
        (415, problem("sound-type"))
    );
    assert_eq!(
        refused(&at(""), "audio/ogg", b"RIFF").await,
        (422, problem("invalid"))
    );
    assert_eq!(
        refused(&at(""), "audio/ogg", &good[..200]).await,
        (422, problem("invalid"))
    );
    let huge = vec![0; 4 * 1024 * 1024 + 1];
    assert_eq!(
        refused(&at(""), "audio/ogg", &huge).await,
        (413, problem("too-large"))
    );
    assert_eq!(
        refused(&at("&x=1"), "audio/ogg", &good).await,
        (400, problem("malformed"))
    );
    let nobody = at("").replace("/ann/", "/nobody/");
    assert_eq!(
        refused(&nobody, "audio/ogg", &good).await,
        (404, problem("not-found"))
    );
    for _ in 0..200 {
        let (status, _) = mail.sound("POST", &at(""), "audio/ogg", &good).await;
        assert_eq!(status, 201);
    }
    assert_eq!(
        refused(&at(""), "audio/ogg", &good).await,
        (409, problem("conflict"))
    );
    server.shutdown().await;
}

#[tokio::test]
async fn the_owner_is_told_at_once_and_when_coming_online() {
    let server = support::server(config()).await;
    let (_, mail) = acme(&server).await;
    let ann = member(&server, "acme", "ann");
    let (mut one, _) = Client::open(&server, "ann").await;
    let (mut other, _) = Client::open(&server, "ann").await;
    let (mut ben, _) = Client::open(&server, "ben").await;
    let call = Uuid::new_v4();
    leave(&mail, call, "guest:g", "G", &sound(1, 60)).await;
    for client in [&mut one, &mut other] {
        assert_eq!(
            client.event("mailbox.changed").await,
            json!({ "unheard": 1, "heard": 0 })
        );
    }
    let (mut late, _) = Client::open(&server, "ann").await;
    assert_eq!(
        late.event("mailbox.changed").await,
        json!({ "unheard": 1, "heard": 0 })
    );
    // The others are told again, for it is told to the identity.
    for client in [&mut one, &mut other] {
        client.event("mailbox.changed").await;
    }
    let path = format!("{BOX}/messages/{call}");
    ann.patch(&path, json!({ "heard": true })).await.expect(200);
    assert_eq!(
        one.event("mailbox.changed").await,
        json!({ "unheard": 0, "heard": 1 })
    );
    ann.delete(&path).await.expect(204);
    assert_eq!(
        one.event("mailbox.changed").await,
        json!({ "unheard": 0, "heard": 0 })
    );
    // Nothing of it is Ben's business: the next that he hears of is a call.
    one.start("ben").await;
    ben.event("call.incoming").await;
    server.shutdown().await;
}

#[tokio::test]
async fn greetings_are_the_members_and_the_organisations() {
    let server = support::server(config()).await;
    let (administrator, mail) = acme(&server).await;
    let ann = member(&server, "acme", "ann");
    let (own, common) = (
        format!("{BOX}/greeting"),
        "/v1/organisations/acme/voicemail/greeting",
    );
    let (hello, office) = (sound(2, 60), sound(3, 60));
    for path in [&own[..], common] {
        assert_eq!(mail.sound("GET", path, "", b"").await.0, 404);
    }
    assert_eq!(ann.sound("PUT", &own, "audio/ogg", &hello).await.0, 204);
    assert_eq!(ann.sound("PUT", common, "audio/ogg", &office).await.0, 403);
    assert_eq!(
        administrator.sound("PUT", common, "audio/ogg", &office).await.0,
        204
    );
    assert_eq!(administrator.sound("PUT", common, "audio/ogg", b"?").await.0, 422);
    let long = sound(10, 1_200);
    assert_eq!(ann.sound("PUT", &own, "audio/ogg", &long).await.0, 413);
    assert!(mail.sound("GET", &own, "", b"").await == (200, hello));
    assert!(mail.sound("GET", common, "", b"").await == (200, office));
    assert_eq!(mail.delete(&own).await.status, 403);
    ann.delete(&own).await.expect(204);
    assert_eq!(ann.delete(&own).await.problem(), "not-found");
    assert_eq!(mail.sound("GET", &own, "", b"").await.0, 404);
    server.shutdown().await;
}

#[tokio::test]
async fn nothing_is_left_of_who_is_deleted() {
    let server = support::server(config()).await;
    let (administrator, mail) = acme(&server).await;
    let own = format!("{BOX}/greeting");
    let ann_again = async |administrator: &Caller| {
        administrator
            .put(
                "/v1/organisations/acme/members/ann",
                json!({ "displayName": "Ann" }),
            )
            .await
            .expect(201);
    };
    let gone = async |administrator: &Caller| {
        let listed = administrator.get(&format!("{BOX}/messages")).await.expect(200);
        items(&listed).is_empty() && administrator.sound("GET", &own, "", b"").await.0 == 404
    };
    let call = Uuid::new_v4();
    leave(&mail, call, "guest:g", "G", &sound(1, 60)).await;
    administrator.sound("PUT", &own, "audio/ogg", &sound(1, 60)).await;
    administrator
        .delete("/v1/organisations/acme/members/ann")
        .await
        .expect(204);
    ann_again(&administrator).await;
    until("the mailbox is empty", async || gone(&administrator).await).await;

    let common = "/v1/organisations/acme/voicemail/greeting";
    administrator
        .sound("PUT", common, "audio/ogg", &sound(1, 60))
        .await;
    leave(&mail, call, "guest:g", "G", &sound(1, 60)).await;
    operator(&server)
        .delete("/v1/organisations/acme")
        .await
        .expect(204);
    let administrator = organisation(&server, "acme").await;
    ann_again(&administrator).await;
    until("nothing of the organisation is left", async || {
        gone(&administrator).await && administrator.sound("GET", common, "", b"").await.0 == 404
    })
    .await;
    server.shutdown().await;
}

#[tokio::test]
async fn messages_end_when_they_were_kept_long_enough() {
    let server = support::server(ServerConfig {
        keep_voicemail: Duration::from_secs(1),
        ..config()
    })
    .await;
    let (administrator, mail) = acme(&server).await;
    leave(&mail, Uuid::new_v4(), "guest:g", "G", &sound(1, 60)).await;
    until("the message is gone", async || {
        let listed = administrator.get(&format!("{BOX}/messages")).await.expect(200);
        items(&listed).is_empty()
    })
    .await;
    server.shutdown().await;
}

#[tokio::test]
async fn an_application_gets_its_token_renews_it_and_loses_it() {
    let server = support::server(config()).await;
    let (administrator, _) = acme(&server).await;
    let tokens = "/v1/organisations/acme/applications/mail/tokens";
    let issued = administrator.post(tokens, json!({})).await;
    assert_eq!(issued.headers["cache-control"], "no-store");
    let issued = issued.expect(201);
    let token = |issued: &Value| issued["token"].as_str().unwrap().to_owned();
    let mail = Caller::new(&server, token(&issued));
    let status = mail.get("/v1/status").await.expect(200);
    assert_eq!(status["caller"]["identity"], "application:acme:mail");
    let renewed = mail
        .post(tokens, json!({ "expiresInMinutes": 60 }))
        .await
        .expect(201);
    let mail = Caller::new(&server, token(&renewed));
    let (status, _) = leave(&mail, Uuid::new_v4(), "guest:g", "G", &sound(1, 60)).await;
    assert_eq!(status, 201);
    let mut client = Client::connect(&server.url()).await;
    let opened = client.open_with(&token(&renewed)).await.unwrap();
    assert_eq!(
        opened.identity,
        "application:acme:mail".parse::<Identifier>().unwrap()
    );

    assert_eq!(
        mail.post(tokens, json!({ "expiresInMinutes": 1 })).await.status,
        422
    );
    let other = tokens.replace("mail", "other");
    assert_eq!(administrator.post(&other, json!({})).await.problem(), "not-found");
    for stranger in [&mail, &member(&server, "acme", "ann"), &operator(&server)] {
        assert_eq!(stranger.post(&other, json!({})).await.status, 403);
    }
    // One that takes no messages any more leaves none.
    let queue = json!({ "name": "Voicemail", "kind": "queue" });
    administrator
        .put("/v1/organisations/acme/applications/mail", queue)
        .await
        .expect(200);
    let (status, _) = leave(&mail, Uuid::new_v4(), "guest:g", "G", &sound(1, 60)).await;
    assert_eq!(status, 403);

    let revoke = "/v1/organisations/acme/applications/mail/revoke-tokens";
    assert_eq!(mail.post(revoke, json!({})).await.status, 403);
    administrator.post(revoke, json!({})).await.expect(204);
    assert_eq!(mail.get("/v1/status").await.status, 401);
    client.end().await.expect("the session ends");
    server.shutdown().await;
}
