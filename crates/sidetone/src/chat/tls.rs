//! TLS for requests. Believed are the certification authorities of the operating system, where an operator adds its own,
//! and those that the web trusts, as for the session's WebSocket.

use std::sync::{Arc, LazyLock};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

static TLS: LazyLock<Option<TlsConnector>> = LazyLock::new(|| {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let system = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(system.certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = config.ok()?.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Some(TlsConnector::from(Arc::new(config)))
});

/// A stream to `host` that nobody else reads.
pub(super) async fn secured(host: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>, String> {
    let connector = TLS.as_ref().ok_or("no TLS to be had")?;
    let name = ServerName::try_from(host.to_owned()).map_err(|_| "the service's name is none".to_owned())?;
    connector
        .connect(name, stream)
        .await
        .map_err(|error| format!("no secure connection to the service: {error}"))
}
