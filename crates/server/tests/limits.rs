//! Too many connections, and clients that do not read.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use sidetone_server::{ConnectionLimits, ServerConfig};
use sidetone_signaling::protocol::{Limits, Ping, Request, SUBPROTOCOL};
use support::{Client, in_time, metric, raw, server, until};
use tokio::net::TcpSocket;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

#[tokio::test]
async fn connections_beyond_the_limits_are_turned_away_and_places_come_back() {
    let connections = ConnectionLimits {
        max: 4,
        max_per_address: 3,
        ..ConnectionLimits::default()
    };
    let server = server(ServerConfig {
        connections,
        ..ServerConfig::default()
    })
    .await;
    let mut inside = Vec::new();
    for name in ["a", "b", "c"] {
        inside.push(Client::open(&server, name).await.0);
    }
    let turned = raw(server.local_addr(), b"GET /healthz HTTP/1.1\r\n\r\n").await;
    assert!(turned.starts_with("HTTP/1.1 429"), "{turned}");
    let left = inside.pop();
    drop(left);
    until("a place is free", async || {
        raw(
            server.local_addr(),
            b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        )
        .await
        .starts_with("HTTP/1.1 200")
    })
    .await;
    for client in &mut inside {
        client.call(&Request::Ping(Ping {})).await.unwrap();
    }
    server.shutdown().await;
}

/// Opens a WebSocket as a proxy would for this client; gives the status where it is refused.
async fn forwarded(url: &str, client: &str) -> Result<support::Socket, u16> {
    let mut request = url.into_client_request().unwrap();
    request
        .headers_mut()
        .insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
    request
        .headers_mut()
        .insert("x-forwarded-for", client.parse().unwrap());
    match tokio_tungstenite::connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(tokio_tungstenite::tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn clients_of_a_trusted_proxy_are_counted_one_by_one() {
    let connections = ConnectionLimits {
        max_per_address: 2,
        ..ConnectionLimits::default()
    };
    let trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let server = server(ServerConfig {
        connections,
        trusted_proxies,
        ..ServerConfig::default()
    })
    .await;
    let mut inside = Vec::new();
    for client in [
        "203.0.113.1",
        "203.0.113.1",
        "203.0.113.2",
        "203.0.113.3, 203.0.113.2",
    ] {
        inside.push(forwarded(&server.url(), client).await.unwrap());
    }
    // What the client itself wrote in front does not help it.
    for client in ["203.0.113.1", "203.0.113.9, 203.0.113.2"] {
        assert_eq!(forwarded(&server.url(), client).await.err(), Some(429));
    }
    drop(inside);
    until("places are free", async || {
        forwarded(&server.url(), "203.0.113.1").await.is_ok()
    })
    .await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_forwarding_header_of_a_stranger_means_nothing() {
    let connections = ConnectionLimits {
        max_per_address: 1,
        ..ConnectionLimits::default()
    };
    let server = server(ServerConfig {
        connections,
        ..ServerConfig::default()
    })
    .await;
    let _first = forwarded(&server.url(), "203.0.113.1").await.unwrap();
    assert_eq!(forwarded(&server.url(), "203.0.113.2").await.err(), Some(429));
    server.shutdown().await;
}

/// A client whose kernel takes in next to nothing that it does not read.
async fn narrow(url: &str, address: SocketAddr) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(address).await.unwrap();
    let mut request = url.into_client_request().unwrap();
    request
        .headers_mut()
        .insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
    let (socket, _) = tokio_tungstenite::client_async(request, MaybeTlsStream::Plain(stream))
        .await
        .unwrap();
    Client::on(socket)
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off_and_blocks_nobody() {
    let limits = Limits {
        requests_per_second: 1_000_000,
        unacknowledged_events: 1_000_000,
        ..Limits::default()
    };
    let connections = ConnectionLimits {
        send_queue_frames: 1_000_000,
        send_queue_bytes: 256 * 1024,
        write_timeout: Duration::from_secs(300),
        ..ConnectionLimits::default()
    };
    let server = server(ServerConfig {
        limits,
        connections,
        ..ServerConfig::default()
    })
    .await;
    let (mut bystander, _) = Client::open(&server, "bob").await;
    let mut slow = narrow(&server.url(), server.local_addr()).await;
    slow.open_with(&support::token(&server, "ann")).await.unwrap();

    // It asks and asks, and reads no answer. Its own sending stalls at some point, or is reset.
    let (mut sink, stream) = slow.socket.split();
    let asking = tokio::spawn(async move {
        use futures_util::SinkExt as _;
        use sidetone_signaling::protocol::ClientFrame;
        for id in 1.. {
            let ping = ClientFrame::request(id, &Request::Ping(Ping {}));
            if sink
                .send(tokio_tungstenite::tungstenite::Message::text(ping))
                .await
                .is_err()
            {
                return;
            }
        }
    });
    let cut = r#"sidetone_connections_failed_total{cause="slow_reader"}"#;
    until("it is cut off", async || {
        bystander.call(&Request::Ping(Ping {})).await.unwrap();
        metric(&server, cut).await.is_some_and(|count| count >= 1.0)
    })
    .await;
    in_time("its socket is closed", asking).await.unwrap();
    drop(stream);
    until("it is gone", async || {
        server.stats().await.unwrap().connections == 1
    })
    .await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_dead_connection_is_noticed() {
    let connections = ConnectionLimits {
        ping_interval: Duration::from_millis(50),
        idle_timeout: Duration::from_millis(300),
        ..ConnectionLimits::default()
    };
    let server = server(ServerConfig {
        connections,
        ..ServerConfig::default()
    })
    .await;
    // One reads, and so answers pings; the other does not.
    let (mut alive, _) = Client::open(&server, "alive").await;
    let (_dead, _) = Client::open(&server, "dead").await;
    let reading = async { while alive.read().await {} };
    let noticed = until("the dead one is noticed", async || {
        server.stats().await.unwrap().connections == 1
    });
    tokio::select! {
        () = reading => panic!("the living connection was closed"),
        () = noticed => {}
    }
    alive.call(&Request::Ping(Ping {})).await.unwrap();
    server.shutdown().await;
}
