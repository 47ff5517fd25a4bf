//! One request to the collector: protobuf over HTTP/1.1, over TLS where the address says so (OTLP specification,
//! section OTLP/HTTP). Keeps no connection: it is told every few seconds at most.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use prost::Message;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Position, Url};

/// Longest a request may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Longest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// Where a collector is: `http://` or `https://`, host, port, and a path before the addresses of OTLP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collector(Url);

impl FromStr for Collector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut url: Url = text.parse().map_err(|error| format!("{error}"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err("expected http://host:port or https://host:port".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err("expected host, port and path only".to_owned());
        }
        // What is joined to it comes behind its path.
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self(url))
    }
}

/// Why the collector has not taken something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// It could not be reached, or broke off.
    #[error("collector: {0}")]
    Network(String),
    /// It said no.
    #[error("collector: {0}")]
    Refused(StatusCode),
    /// It said nothing.
    #[error("collector: no answer in {TIMEOUT:?}")]
    TimedOut,
}

fn network(error: impl std::fmt::Display) -> SendError {
    SendError::Network(error.to_string())
}

impl Collector {
    /// Sends a message to `path`, relative to the collector's address.
    pub(crate) async fn send(&self, path: &str, message: &impl Message) -> Result<(), SendError> {
        let url = self.0.join(path).map_err(network)?;
        let body = Bytes::from(message.encode_to_vec());
        let status = tokio::time::timeout(TIMEOUT, post(&url, body))
            .await
            .map_err(|_| SendError::TimedOut)??;
        // 400 is a request that no collector will ever take: sent again it would block what comes after it.
        if status.is_success() || status == StatusCode::BAD_REQUEST {
            if !status.is_success() {
                tracing::error!(%status, path, "the collector does not understand what it is told");
            }
            return Ok(());
        }
        Err(SendError::Refused(status))
    }
}

async fn post(url: &Url, body: Bytes) -> Result<StatusCode, SendError> {
    let host = url.host_str().ok_or_else(|| network("no host"))?;
    let port = url.port_or_known_default().ok_or_else(|| network("no port"))?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((bare, port)).await.map_err(network)?;
    let _ = stream.set_nodelay(true);
    if url.scheme() == "http" {
        return exchange(stream, url, body).await;
    }
    let name = ServerName::try_from(bare.to_owned()).map_err(network)?;
    let stream = connector()?.connect(name, stream).await.map_err(network)?;
    exchange(stream, url, body).await
}

/// Believes the authorities of the operating system and of the web.
fn connector() -> Result<TlsConnector, SendError> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(network)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn exchange<S>(stream: S, url: &Url, body: Bytes) -> Result<StatusCode, SendError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let request = Request::post(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(CONTENT_TYPE, "application/x-protobuf")
        .header(CONNECTION, "close")
        .body(Full::new(body))
        .map_err(network)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(network)?;
    // Ends with the answer.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    let answer = sender.send_request(request).await.map_err(network)?;
    let status = answer.status();
    // Read to its end, so that the collector is not cut off; what it says changes nothing.
    let _ = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_address_is_one() {
        let collector: Collector = "http://127.0.0.1:4318".parse().unwrap();
        assert_eq!(
            collector.0.join("v1/traces").unwrap().as_str(),
            "http://127.0.0.1:4318/v1/traces"
        );
        let behind: Collector = "https://otel.example/in".parse().unwrap();
        assert_eq!(behind.0.join("v1/metrics").unwrap().path(), "/in/v1/metrics");
        for bad in [
            "",
            "127.0.0.1:4318",
            "grpc://a:4317",
            "http://",
            "http://me@a",
            "http://a/?x",
        ] {
            assert!(bad.parse::<Collector>().is_err(), "{bad}");
        }
    }
}
