//! Files and inline images, both ways.

use serde_json::{Value, json};

use crate::stage::{Stage, User};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and the rest of it";

async fn upload(user: &User, thread: &str, query: &str, kind: &str, bytes: &[u8]) -> (u16, Value) {
    let (status, body) = user
        .http
        .sound("POST", &format!("{thread}/attachments?{query}"), kind, bytes)
        .await;
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn files_go_both_ways_and_their_bytes_are_whole() {
    let stage = Stage::set().await;
    let (eve, bob, carol) = (stage.external("eve"), stage.member("bob"), stage.member("carol"));
    let thread = eve.begin(&[&bob]).await;
    let large: Vec<u8> = (0..700_000_u32).map(|n| n as u8).collect();
    for (from, to, query, kind, bytes) in [
        (&eve, &bob, "name=x-ray.png&inline=true", "image/png", PNG),
        (
            &bob,
            &eve,
            "name=report%20%C3%A9.pdf",
            "application/pdf",
            &large[..],
        ),
    ] {
        let (status, file) = upload(from, &thread, query, kind, bytes).await;
        assert_eq!(status, 201, "{file}");
        let id = file["id"].as_str().unwrap();
        // Before it is sent it is nobody else's.
        let path = format!("{thread}/attachments/{id}");
        assert_eq!(to.http.get(&path).await.status, 404);
        let content = format!("<p>see <img src=\"attachment:{id}\"></p>");
        let message = json!({ "content": content, "type": "html", "attachments": [id] });
        from.send(&thread, message).await.expect(201);
        let (status, found) = to.http.sound("GET", &path, "", b"").await;
        assert!(status == 200 && found == bytes, "{} bytes", found.len());
        assert_eq!(
            carol.http.get(&path).await.status,
            404,
            "strangers have nothing of it"
        );
        let page = to
            .http
            .get(&format!("{thread}/messages?limit=1"))
            .await
            .expect(200);
        let shown = &page["items"][0]["content"];
        assert_eq!(shown["attachments"][0]["size"], bytes.len());
        assert_eq!(shown["message"], json!(content));
        // With the message it is gone.
        let message = page["items"][0]["id"].as_u64().unwrap();
        from.http
            .delete(&format!("{thread}/messages/{message}"))
            .await
            .expect(204);
        assert_eq!(to.http.get(&path).await.status, 404);
    }
    stage.server.shutdown().await;
}

#[tokio::test]
async fn what_is_not_taken_says_why() {
    let stage = Stage::set().await;
    let (eve, bob) = (stage.external("eve"), stage.member("bob"));
    let thread = eve.begin(&[&bob]).await;
    for (query, kind, bytes, status, problem) in [
        (
            "name=a.exe",
            "application/octet-stream",
            &b"MZ"[..],
            415,
            "attachment-type",
        ),
        ("name=a.svg", "image/svg+xml", b"<svg/>", 415, "attachment-type"),
        ("name=a.png", "image/png", b"<script>", 415, "attachment-type"),
        (
            "name=a.txt&inline=true",
            "text/plain",
            b"x",
            415,
            "attachment-type",
        ),
        ("name=a.txt", "text/plain", b"", 422, "bad-content"),
        ("", "text/plain", b"x", 400, "malformed"),
    ] {
        let (found, body) = upload(&eve, &thread, query, kind, bytes).await;
        assert_eq!(found, status, "{query}: {body}");
        assert_eq!(body["type"], format!("urn:sidetone:problem:{problem}"), "{query}");
    }
    stage.set_chat(json!({ "maxAttachmentBytes": 1_000 })).await;
    let (status, body) = upload(&eve, &thread, "name=a.txt", "text/plain", &[b'x'; 1_001]).await;
    assert_eq!(
        (status, &body["type"]),
        (413, &json!("urn:sidetone:problem:attachment-too-large"))
    );
    assert_eq!(
        upload(&eve, &thread, "name=a.txt", "text/plain", &[b'x'; 1_000])
            .await
            .0,
        201
    );
    // A file is sent once, and by who uploaded it.
    let (_, file) = upload(&eve, &thread, "name=a.txt", "text/plain", b"x").await;
    let with_file = json!({ "attachments": [file["id"]] });
    let refused = bob.send(&thread, with_file.clone()).await;
    assert_eq!(refused.problem(), "no-such-attachment");
    eve.send(&thread, with_file.clone()).await.expect(201);
    let refused = eve.send(&thread, with_file).await;
    assert_eq!(refused.problem(), "no-such-attachment");
    stage.server.shutdown().await;
}
