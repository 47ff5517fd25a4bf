//! HTTP requests to addresses that somebody else chose: identity providers, receivers of events. Guards the
//! operator's own network against them, and bounds what an answer may cost. Refuses to know what is asked and answered.
//!
//! The name is resolved first, every address it has is judged ([`OutboundConfig`]), and the connection goes to an address
//! that was judged: a name that changes its mind in between gains nothing. Only TLS, except to this machine where
//! that is allowed at all. Redirects are answers like others: nothing follows them.

mod place;
mod signature;

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

pub use place::OutboundConfig;
pub(crate) use signature::{new_secret, sign};

/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 4;

/// What a request is.
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a Url,
    /// Besides `host` and `content-length`, which are made here.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl<'a> Ask<'a> {
    /// A request for JSON.
    pub(crate) fn json(url: &'a Url) -> Self {
        let accept = (header::ACCEPT, HeaderValue::from_static("application/json"));
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::from_iter([accept]),
            body: Bytes::new(),
        }
    }
}

/// What an answer may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// From the look-up of the name to the last byte.
    pub(crate) time: Duration,
    /// Longest body, in bytes.
    pub(crate) body: usize,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Why no answer came back. Says nothing of addresses: whoever named the destination must not learn the operator's
/// network from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// Not an absolute address of the web, or one with a password or a fragment in it.
    #[error("the address is not a plain https address")]
    Address,
    /// It leads to where requests must not go.
    #[error("the address leads to a network that this service must not reach")]
    Forbidden,
    /// The name is unknown, or names cannot be resolved.
    #[error("the name cannot be resolved")]
    Name,
    /// Nobody listens there.
    #[error("no connection could be made")]
    Connect,
    /// Nobody there who can prove to have that name.
    #[error("no secure connection could be made")]
    Tls,
    /// Something answered, but not in HTTP, or broke off.
    #[error("the answer was cut off or is no HTTP")]
    Http,
    /// The answer is longer than it may be.
    #[error("the answer is too long")]
    TooLarge,
    /// It took too long.
    #[error("the answer took too long")]
    TimedOut,
}

/// Sends requests. Keeps no connection: what is asked this way is asked seldom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outbound {
    config: OutboundConfig,
    tls: fn() -> Option<&'static TlsConnector>,
}

/// Whom we believe: the certification authorities of the operating system, where an operator adds its own, and those
/// that the web trusts, for systems that come with none.
static TLS: LazyLock<Option<TlsConnector>> = LazyLock::new(|| {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let system = rustls_native_certs::load_native_certs();
    let (added, _) = roots.add_parsable_certificates(system.certs);
    tracing::debug!(added, "certification authorities of the system");
    connector(roots)
});

fn connector(roots: RootCertStore) -> Option<TlsConnector> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = config.ok()?.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Some(TlsConnector::from(Arc::new(config)))
}

impl Outbound {
    pub(crate) fn new(config: OutboundConfig) -> Self {
        Self {
            config,
            tls: || TLS.as_ref(),
        }
    }

    /// Whether an address may be kept to be asked later: it is whole and its scheme is allowed. Where its name leads
    /// is judged when it is asked.
    ///
    /// # Errors
    /// [`OutboundError::Address`], and [`OutboundError::Forbidden`] for a bare address in a forbidden network.
    pub(crate) fn check(&self, url: &Url) -> Result<(), OutboundError> {
        let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        let scheme = match url.scheme() {
            "https" => true,
            "http" => self.config.loopback,
            _ => false,
        };
        if !plain || !scheme {
            return Err(OutboundError::Address);
        }
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) => None,
            None => return Err(OutboundError::Address),
        };
        match literal {
            Some(address) if !self.config.allows(address) => Err(OutboundError::Forbidden),
            _ => Ok(()),
        }
    }

    /// Asks, within bounds.
    ///
    /// # Errors
    /// Any [`OutboundError`]. A status that says no is an [`Answer`], not an error.
    pub(crate) async fn ask(&self, ask: Ask<'_>, bounds: Bounds) -> Result<Answer, OutboundError> {
        self.check(ask.url)?;
        tokio::time::timeout(bounds.time, self.ask_in_time(ask, bounds.body))
            .await
            .map_err(|_| OutboundError::TimedOut)?
    }

    async fn ask_in_time(&self, ask: Ask<'_>, max_body: usize) -> Result<Answer, OutboundError> {
        let addresses = self.resolve(ask.url).await?;
        let stream = connect(&addresses).await?;
        if ask.url.scheme() == "http" {
            return exchange(stream, ask, max_body).await;
        }
        let name = ask.url.host_str().ok_or(OutboundError::Address)?;
        let name = name.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(name).map_err(|_| OutboundError::Address)?;
        let tls = (self.tls)().ok_or(OutboundError::Tls)?;
        let stream = tls.connect(name, stream).await.map_err(|_| OutboundError::Tls)?;
        exchange(stream, ask, max_body).await
    }

    /// The addresses of the destination, all of them allowed.
    async fn resolve(&self, url: &Url) -> Result<Vec<SocketAddr>, OutboundError> {
        let port = url.port_or_known_default().ok_or(OutboundError::Address)?;
        let addresses: Vec<SocketAddr> = match url.host() {
            Some(Host::Ipv4(address)) => vec![(address, port).into()],
            Some(Host::Ipv6(address)) => vec![(address, port).into()],
            Some(Host::Domain(name)) => tokio::net::lookup_host((name, port))
                .await
                .map_err(|_| OutboundError::Name)?
                .collect(),
            None => return Err(OutboundError::Address),
        };
        if addresses.is_empty() {
            return Err(OutboundError::Name);
        }
        let plain = url.scheme() == "http";
        for address in &addresses {
            let ip = address.ip();
            // A name with one address inside and one outside is a trick, not a destination. Plain HTTP never
            // leaves the machine.
            if !self.config.allows(ip) || (plain && place::Place::of(ip) != place::Place::Loopback) {
                return Err(OutboundError::Forbidden);
            }
        }
        Ok(addresses)
    }
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, OutboundError> {
    for address in addresses.iter().take(MAX_ADDRESSES) {
        if let Ok(stream) = TcpStream::connect(address).await {
            let _ = stream.set_nodelay(true);
            return Ok(stream);
        }
    }
    Err(OutboundError::Connect)
}

async fn exchange<S>(stream: S, ask: Ask<'_>, max_body: usize) -> Result<Answer, OutboundError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let path = &ask.url[url::Position::BeforePath..url::Position::AfterQuery];
    let host = &ask.url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut request = Request::new(Full::new(ask.body));
    *request.method_mut() = ask.method;
    *request.uri_mut() = path.parse().map_err(|_| OutboundError::Address)?;
    *request.headers_mut() = ask.headers;
    let host = HeaderValue::from_str(host).map_err(|_| OutboundError::Address)?;
    request.headers_mut().insert(header::HOST, host);
    request
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));

    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|_| OutboundError::Http)?;
    // Ends by itself once the sender and the body are dropped, also when this future is.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    let answer = sender
        .send_request(request)
        .await
        .map_err(|_| OutboundError::Http)?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, max_body).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            OutboundError::TooLarge
        } else {
            OutboundError::Http
        }
    })?;
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body: body.to_bytes(),
    })
}

#[cfg(test)]
mod tests;
