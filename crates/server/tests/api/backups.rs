//! A back-up of a service that goes on working, and a service that starts from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;
use sidetone_server::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{OPERATOR, config, operator, organisation, server};
use crate::support;

/// What comes as an answer to a request for a back-up: head and file.
async fn download(address: std::net::SocketAddr, key: &str, more: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST /v1/backups HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {key}\r\n{more}\
         content-length: 0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let at = answer.windows(4).position(|part| part == b"\r\n\r\n").unwrap();
    (
        String::from_utf8(answer[..at].to_vec())
            .unwrap()
            .to_ascii_lowercase(),
        answer.split_off(at + 4),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_service_started_from_a_copy_made_under_load_has_what_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| ServerConfig {
        data_dir: Some(folder.path().join(name)),
        ..config()
    };
    let server = support::server(at("first")).await;
    let acme = organisation(&server, "acme").await;
    let (made, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let load = tokio::spawn({
        let (acme, made, stop) = (acme.clone(), made.clone(), stop.clone());
        async move {
            while !stop.load(Ordering::SeqCst) {
                let n = made.load(Ordering::SeqCst);
                let path = format!("/v1/organisations/acme/members/m{n:05}");
                acme.put(&path, json!({ "displayName": "M" })).await.expect(201);
                made.store(n + 1, Ordering::SeqCst);
            }
        }
    });
    while made.load(Ordering::SeqCst) < 20 {
        tokio::task::yield_now().await;
    }
    let before = made.load(Ordering::SeqCst);
    let (head, file) = download(server.local_addr(), OPERATOR, "").await;
    let after = made.load(Ordering::SeqCst);
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(
        head.contains("application/octet-stream") && head.contains("no-store"),
        "{head}"
    );
    assert!(
        head.contains(&format!("content-length: {}", file.len())),
        "{head}"
    );
    while made.load(Ordering::SeqCst) == after {
        tokio::task::yield_now().await;
    }
    stop.store(true, Ordering::SeqCst);
    load.await.unwrap();
    let left: Vec<_> = std::fs::read_dir(folder.path().join("first"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["sidetone.redb"], "nothing is left of the copy");
    server.shutdown().await;

    let restored = folder.path().join("restored");
    std::fs::create_dir(&restored).unwrap();
    std::fs::write(restored.join("sidetone.redb"), file).unwrap();
    let server = support::server(at("restored")).await;
    let acme = acme.at(&server);
    for n in 0..before {
        let path = format!("/v1/organisations/acme/members/m{n:05}");
        acme.get(&path).await.expect(200);
    }
    // One may have been written and not yet answered.
    let beyond = format!("/v1/organisations/acme/members/m{:05}", after + 1);
    acme.get(&beyond).await.expect(404);
    acme.put(&beyond, json!({ "displayName": "M" })).await.expect(201);
    server.shutdown().await;
}

#[tokio::test]
async fn only_the_operator_has_one_and_it_is_audited() {
    let server = server().await;
    let acme = organisation(&server, "acme").await;
    assert_eq!(acme.post("/v1/backups", json!(null)).await.status, 403);
    // A key for repeating changes nothing: a file is not kept.
    for _ in 0..2 {
        let (head, file) = download(server.local_addr(), OPERATOR, "idempotency-key: a\r\n").await;
        assert!(head.starts_with("http/1.1 200") && !file.is_empty(), "{head}");
    }
    let audit = operator(&server).get("/v1/audit").await.expect(200);
    let actions: Vec<_> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        ["organisation.create", "refused", "backup.make", "backup.make"]
    );
    server.shutdown().await;
}

#[tokio::test]
async fn what_a_killed_process_left_of_a_copy_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    for left in ["copy.0f8fad5b", "sidetone.redb.1.0.unfinished", "notes.txt"] {
        std::fs::write(folder.path().join(left), "x").unwrap();
    }
    let config = ServerConfig {
        data_dir: Some(folder.path().to_owned()),
        ..config()
    };
    support::server(config).await.shutdown().await;
    let mut names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["notes.txt", "sidetone.redb"]);
}
