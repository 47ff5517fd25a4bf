//! The way to the service: its name, its port, its certificate. What comes out is a stream that HTTP can be spoken on.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::report::{Fine, Trouble};
use crate::address::ServiceAddress;

/// A certificate that ends sooner than this is worth a word.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// Addresses that are tried at most.
const MAX_ADDRESSES: usize = 8;

/// Where the service is said to be.
pub struct Place {
    /// Name or IP address, without brackets.
    pub host: String,
    pub port: u16,
    pub secure: bool,
}

impl Place {
    pub fn of(address: &ServiceAddress) -> Result<Self, Trouble> {
        let no_place = || Trouble::new(format!("{address} has no host and port"), "correct --server");
        let authority = address.authority();
        let (host, port) = match authority.rsplit_once(':') {
            // The last colon of a bare IPv6 address is its own.
            Some((host, port)) if !authority.ends_with(']') => {
                (host, Some(port.parse().map_err(|_| no_place())?))
            }
            _ => (authority, None),
        };
        let secure = address.is_secure();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(no_place());
        }
        Ok(Self {
            host: host.to_owned(),
            port: port.unwrap_or(if secure { 443 } else { 80 }),
            secure,
        })
    }
}

/// Looks the name up.
pub async fn resolve(host: &str, port: u16, patience: Duration) -> Result<(Vec<SocketAddr>, Fine), Trouble> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok((
            vec![(address, port).into()],
            Fine::new(format!("{address}, no name")),
        ));
    }
    let advice = format!("check the spelling of `{host}` and this machine's DNS: `getent hosts {host}`");
    let found = match timeout(patience, lookup_host((host, port))).await {
        Err(_) => {
            return Err(Trouble::new(
                format!("the DNS server did not answer in {patience:?}"),
                advice,
            ));
        }
        Ok(Err(error)) => return Err(Trouble::new(format!("`{host}`: {error}"), advice)),
        Ok(Ok(found)) => found.collect::<Vec<_>>(),
    };
    if found.is_empty() {
        return Err(Trouble::new(format!("`{host}` has no address"), advice));
    }
    let list: Vec<String> = found.iter().map(|address| address.ip().to_string()).collect();
    Ok((found, Fine::new(list.join(", "))))
}

/// Connects to the first address that answers.
pub async fn connect(addresses: &[SocketAddr], patience: Duration) -> Result<(TcpStream, Fine), Trouble> {
    let mut last = Trouble::new("no address", "check the name");
    for address in addresses.iter().take(MAX_ADDRESSES) {
        last = match timeout(patience, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                let _ = stream.set_nodelay(true);
                return Ok((stream, Fine::new(address.to_string())));
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Trouble::new(
                format!("{address} refuses: nothing listens at that port"),
                "start the service, or correct the port; is it bound to loopback only (`serve --bind`)?",
            ),
            Ok(Err(error)) => Trouble::new(format!("{address}: {error}"), "check the network's route there"),
            Err(_) => Trouble::new(
                format!("{address} gave no answer in {patience:?}"),
                "a firewall drops the packets, or the machine is down: open the port, or correct the address",
            ),
        };
    }
    Err(last)
}

/// Whom a client of ours believes: the authorities of the operating system (or of `SSL_CERT_FILE`), and the web's.
pub fn roots() -> RootCertStore {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// Speaks TLS on a stream, as clients do.
pub async fn secure(stream: TcpStream, host: &str, patience: Duration) -> Result<(Stream, Fine), Trouble> {
    let ours = |error: &dyn std::fmt::Display| Trouble::new(format!("TLS: {error}"), "report this");
    let name = ServerName::try_from(host.to_owned()).map_err(|error| ours(&error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let roots = Arc::new(roots());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| ours(&error))?
        .with_root_certificates(roots.clone())
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = match timeout(patience, connector.connect(name.clone(), stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(refused(&error, host)),
        Err(_) => {
            return Err(Trouble::new(
                format!("no TLS handshake in {patience:?}"),
                "what listens there takes connections and says nothing: is it the right port?",
            ));
        }
    };
    let session = stream.get_ref().1;
    let version = session
        .protocol_version()
        .and_then(|version| version.as_str())
        .unwrap_or("TLS");
    let chain = session.peer_certificates().unwrap_or_default();
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider)
        .build()
        .map_err(|error| ours(&error))?;
    // The date itself would need another parser: that it does not verify two weeks from now says enough.
    let later = UnixTime::since_unix_epoch(super::now() + SOON);
    let ends_soon = chain.split_first().is_some_and(|(end, rest)| {
        let rest: &[CertificateDer<'_>] = rest;
        verifier.verify_server_cert(end, rest, &name, &[], later).is_err()
    });
    let found = format!("{version}, the certificate is good for {host}");
    let fine = if ends_soon {
        Fine::but(
            found,
            "the certificate ends within two weeks: renew it, clients will not connect then",
        )
    } else {
        Fine::new(found)
    };
    Ok((Stream::Tls(Box::new(stream)), fine))
}

/// What a failed handshake means.
fn refused(error: &io::Error, host: &str) -> Trouble {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(fault)) => certificate(fault, host),
        Some(rustls::Error::InvalidMessage(_)) => Trouble::new(
            "what listens there does not speak TLS",
            "is it the port behind the proxy? A service without one is reached by ws://",
        ),
        Some(rustls::Error::AlertReceived(alert)) => Trouble::new(
            format!("the server ended the handshake: {alert:?}"),
            format!("look into the proxy's log; does it serve `{host}` with TLS 1.2 or 1.3?"),
        ),
        Some(error) => Trouble::new(format!("TLS: {error}"), "look into the log of the proxy in front"),
        None => Trouble::new(
            format!("the handshake broke off: {error}"),
            "what listens there may not speak TLS: is it the right port?",
        ),
    }
}

fn certificate(fault: &CertificateError, host: &str) -> Trouble {
    match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Trouble::new(
            "the certificate has expired",
            "renew it at the proxy in front of the service; should it be new, this machine's clock is wrong",
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Trouble::new(
            "the certificate is not valid yet",
            "this machine's clock is behind, or the certificate was made on one that is ahead",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Trouble::new(
            format!("the certificate is not for `{host}`"),
            "use the name that the certificate is for, or get one that is for this name",
        ),
        CertificateError::UnknownIssuer | CertificateError::BadSignature => unknown_issuer(),
        // What a self-signed certificate with the flag of an authority is to the verifier.
        CertificateError::Other(_) => unknown_issuer(),
        other => Trouble::new(
            format!("the certificate is refused: {other:?}"),
            "get a certificate that web browsers take too",
        ),
    }
}

fn unknown_issuer() -> Trouble {
    Trouble::new(
        "the certificate's issuer is not known here: it is self-signed, a private authority's, or its chain is incomplete",
        "let the proxy send the whole chain; for an authority of your own add it to the system's, or name its file in SSL_CERT_FILE",
    )
}

/// A way to the service that is open.
pub enum Stream {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
