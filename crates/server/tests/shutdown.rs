//! A server that stops tells everyone, in bounded time, and leaves nothing behind.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::time::Duration;

use sidetone_ledger::What;
use sidetone_server::{Server, ServerConfig};
use sidetone_signaling::Reason;
use sidetone_store::Sequence;
use support::{Client, in_time, server};
use tokio::net::TcpStream;

#[tokio::test]
async fn clients_are_told_and_the_port_is_free_again() {
    let server = server(ServerConfig::default()).await;
    let address = server.local_addr();
    let (mut ann, _) = Client::open(&server, "ann").await;
    let mut unopened = Client::connect(&server.url()).await;
    let stopping = tokio::spawn(server.shutdown());
    for client in [&mut ann, &mut unopened] {
        let bye = client.end().await.unwrap();
        assert!(bye.is(&Reason::GOING_AWAY), "{bye}");
        assert_eq!(client.close_code, Some(1001));
    }
    in_time("shutdown", stopping).await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
    let again = Server::start(ServerConfig {
        bind: address,
        ..ServerConfig::default()
    })
    .await
    .unwrap();
    again.shutdown().await;
}

#[tokio::test]
async fn clients_that_do_not_leave_do_not_hold_it_up() {
    let config = ServerConfig {
        shutdown_grace: Duration::from_millis(200),
        ..ServerConfig::default()
    };
    let server = server(config).await;
    // These never read, and so never answer the closing; one has sent half a request.
    let (_deaf, _) = Client::open(&server, "ann").await;
    let idle = TcpStream::connect(server.local_addr()).await.unwrap();
    let half = TcpStream::connect(server.local_addr()).await.unwrap();
    half.try_write(b"GET /healthz HTT").unwrap();
    in_time("shutdown", server.shutdown()).await;
    drop((idle, half));
}

#[tokio::test]
async fn facts_about_calls_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = ServerConfig {
        data_dir: Some(folder.path().to_owned()),
        ..ServerConfig::default()
    };
    let first = server(config.clone()).await;
    let (mut ann, _) = Client::open(&first, "ann").await;
    let (mut bob, _) = Client::open(&first, "bob").await;
    let call = ann.start("bob").await;
    bob.event("call.incoming").await;
    let stopping = tokio::spawn(first.shutdown());
    ann.end().await;
    bob.end().await;
    in_time("shutdown", stopping).await.unwrap();

    let second = server(config).await;
    let facts = second.call_facts(Sequence::FIRST, 10).await.unwrap();
    let of_call = |wanted: fn(&What) -> bool| {
        facts
            .iter()
            .any(|(_, fact)| fact.call == call && wanted(&fact.what))
    };
    assert!(of_call(|what| matches!(what, What::Started { .. })), "{facts:?}");
    // Nobody sees a call any longer when the service has stopped.
    assert!(of_call(|what| matches!(what, What::Ended { .. })), "{facts:?}");
    second.shutdown().await;
}

#[tokio::test]
async fn dropping_the_handle_stops_the_server() {
    let server = server(ServerConfig::default()).await;
    let (mut ann, _) = Client::open(&server, "ann").await;
    drop(server);
    let bye = ann.end().await.unwrap();
    assert!(bye.is(&Reason::GOING_AWAY), "{bye}");
}

#[tokio::test]
async fn an_address_in_use_is_a_typed_error() {
    let server = server(ServerConfig::default()).await;
    let config = ServerConfig {
        bind: server.local_addr(),
        ..ServerConfig::default()
    };
    let error = Server::start(config).await.unwrap_err();
    assert!(
        matches!(error, sidetone_server::ServerError::Bind { .. }),
        "{error}"
    );
    server.shutdown().await;
}
