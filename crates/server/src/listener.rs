//! Accepts connections, within limits, and serves HTTP/1.1 on them.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service as _;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use crate::PeerAddress;
use crate::admission::{Admission, Admitted, Turned};
use crate::flag::raised;
use crate::metrics::Metrics;

/// Held by everything that serves a client: when the last is dropped, the server has nobody left.
pub(crate) type Alive = mpsc::Sender<Infallible>;

/// Longest head of a request, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// Pause after an accept that failed, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Who is at the other end of a connection; rides along with each request.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) address: PeerAddress,
    /// The peer is a proxy whose word on its clients' addresses is believed.
    pub(crate) trusted_proxy: bool,
    /// The connection's place, kept as long as it or its WebSocket lives.
    _admitted: Arc<Admitted>,
}

pub(crate) struct Acceptor {
    pub(crate) listener: TcpListener,
    pub(crate) router: Router,
    pub(crate) admission: Admission,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) header_timeout: Duration,
    pub(crate) alive: Alive,
    /// Raised when connections must end, finished or not.
    pub(crate) abandon: watch::Receiver<bool>,
}

impl Acceptor {
    /// Accepts until `stop` turns true, then closes the listening socket.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = raised(&mut stop) => return,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => self.admit(stream, address.into(), stop.clone()),
                Err(error) => {
                    tracing::warn!(kind = ?error.kind(), "a connection could not be accepted");
                    self.metrics.turned_away("accept_error");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, address: PeerAddress, stop: watch::Receiver<bool>) {
        let trusted_proxy = self
            .trusted_proxies
            .iter()
            .any(|proxy| proxy.to_canonical() == address.0);
        let admitted = match self.admission.connection((!trusted_proxy).then_some(address)) {
            Ok(admitted) => admitted,
            Err(turned) => {
                let (cause, status) = match turned {
                    Turned::Full => ("total_limit", "503 Service Unavailable"),
                    Turned::AddressFull => ("address_limit", "429 Too Many Requests"),
                };
                self.metrics.turned_away(cause);
                tracing::debug!(peer = %address, cause, "connection turned away");
                turn_away(stream, status);
                return;
            }
        };
        // Signaling frames are small and urgent; waiting to fill a segment would delay ringing and answers. A socket
        // that cannot be told is served all the same.
        let _ = stream.set_nodelay(true);
        let peer = Peer {
            address,
            trusted_proxy,
            _admitted: Arc::new(admitted),
        };
        let router = TowerToHyperService::new(self.router.clone());
        let header_timeout = self.header_timeout;
        let alive = self.alive.clone();
        let mut abandon = self.abandon.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = serve(stream, peer, router, header_timeout, stop) => {}
                () = raised(&mut abandon) => {}
            }
            drop(alive);
        });
    }
}

async fn serve(
    stream: TcpStream,
    peer: Peer,
    router: TowerToHyperService<Router>,
    header_timeout: Duration,
    mut stop: watch::Receiver<bool>,
) {
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = raised(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        // Malformed HTTP, a time-out, a reset: the peer was answered where HTTP has an answer.
        tracing::debug!(
            parse = error.is_parse(),
            timeout = error.is_timeout(),
            "HTTP connection failed"
        );
    }
}

/// Says why, if that costs nothing, and closes.
fn turn_away(stream: TcpStream, status: &str) {
    let Ok(mut stream) = stream.into_std() else { return };
    // The socket is non-blocking and its buffer empty: this fits or is dropped, and never waits.
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\nretry-after: 5\r\n\r\n"
    );
    let _ = stream.shutdown(std::net::Shutdown::Write);
}
