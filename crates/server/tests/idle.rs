//! Many sessions that do nothing. A file of its own, so that it is a process of its own: both ends of every socket
//! count against one limit of open files, commonly 1024.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use sidetone_server::ServerConfig;
use sidetone_signaling::protocol::{Ping, Request};
use support::{Client, metric, server, until};

#[tokio::test]
async fn five_hundred_idle_sessions_do_no_harm() {
    let server = server(ServerConfig::default()).await;
    let mut idle = Vec::new();
    for n in 0..500 {
        idle.push(Client::open(&server, &format!("user{n}")).await.0);
    }
    assert_eq!(server.stats().await.unwrap().sessions, 500);
    assert_eq!(metric(&server, "sidetone_connections").await, Some(500.0));
    for client in idle.iter_mut().step_by(50) {
        client.call(&Request::Ping(Ping {})).await.unwrap();
    }
    drop(idle);
    until("all are gone", async || {
        server.stats().await.unwrap().connections == 0
    })
    .await;
    server.shutdown().await;
}
