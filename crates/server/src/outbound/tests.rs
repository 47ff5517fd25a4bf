//! Against real listeners on this machine.

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Redirect};
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

const BOUNDS: Bounds = Bounds {
    time: Duration::from_secs(20),
    body: 1024,
};

fn open() -> Outbound {
    Outbound::new(OutboundConfig {
        loopback: true,
        ..OutboundConfig::default()
    })
}

/// Serves on a free port; gives the address of its root.
async fn serve(router: Router) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url.parse().unwrap()
}

/// Answers every connection with these bytes.
async fn say(bytes: &'static [u8]) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(bytes).await;
        }
    });
    url.parse().unwrap()
}

#[tokio::test]
async fn what_is_asked_arrives_and_what_is_answered_comes_back() {
    let echo = post(async |headers: HeaderMap, body: Bytes| {
        let host = headers[header::HOST].to_str().unwrap().to_owned();
        ([("x-host", host)], body)
    });
    let root = serve(Router::new().route("/a", echo)).await;
    let url = root.join("/a?b=c").unwrap();
    let ask = Ask {
        method: Method::POST,
        url: &url,
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"hello"),
    };
    let answer = open().ask(ask, BOUNDS).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"hello"[..]));
    let expected = format!("127.0.0.1:{}", url.port().unwrap());
    assert_eq!(answer.headers["x-host"], expected.as_str());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let inner = serve(Router::new().route("/", get(async || "secret"))).await;
    let to = inner.to_string();
    let outer = serve(Router::new().route("/", get(async move || Redirect::temporary(&to)))).await;
    let answer = open().ask(Ask::json(&outer), BOUNDS).await.unwrap();
    assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn a_long_answer_is_cut_off() {
    let endless = get(async || {
        let chunks =
            futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 512])));
        Body::from_stream(chunks).into_response()
    });
    let url = serve(Router::new().route("/", endless)).await;
    let refused = open().ask(Ask::json(&url), BOUNDS).await.unwrap_err();
    assert_eq!(refused, OutboundError::TooLarge);
}

#[tokio::test]
async fn silence_and_nonsense_are_told_apart() {
    let silent = serve(Router::new().route("/", get(async || std::future::pending::<()>().await))).await;
    let soon = Bounds {
        time: Duration::from_millis(50),
        ..BOUNDS
    };
    assert_eq!(
        open().ask(Ask::json(&silent), soon).await.unwrap_err(),
        OutboundError::TimedOut
    );
    let nonsense = say(b"SSH-2.0-OpenSSH\r\n").await;
    assert_eq!(
        open().ask(Ask::json(&nonsense), BOUNDS).await.unwrap_err(),
        OutboundError::Http
    );
    let broken = say(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
    assert_eq!(
        open().ask(Ask::json(&broken), BOUNDS).await.unwrap_err(),
        OutboundError::Http
    );
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let gone = gone.parse().unwrap();
    assert_eq!(
        open().ask(Ask::json(&gone), BOUNDS).await.unwrap_err(),
        OutboundError::Connect
    );
}

#[tokio::test]
async fn forbidden_places_are_not_asked() {
    let url = serve(Router::new().route("/", get(async || "inside"))).await;
    let closed = Outbound::new(OutboundConfig::default());
    assert_eq!(
        closed.ask(Ask::json(&url), BOUNDS).await.unwrap_err(),
        OutboundError::Address
    );
    let port = url.port().unwrap();
    for (address, expected) in [
        (format!("https://127.0.0.1:{port}/"), OutboundError::Forbidden),
        (format!("https://localhost:{port}/"), OutboundError::Forbidden),
        (format!("https://[::1]:{port}/"), OutboundError::Forbidden),
        (
            format!("https://[::ffff:127.0.0.1]:{port}/"),
            OutboundError::Forbidden,
        ),
        // Other ways to write 127.0.0.1.
        (format!("https://2130706433:{port}/"), OutboundError::Forbidden),
        (format!("https://0x7f.1:{port}/"), OutboundError::Forbidden),
        (
            "https://169.254.169.254/latest/meta-data".to_owned(),
            OutboundError::Forbidden,
        ),
        ("https://10.0.0.1/".to_owned(), OutboundError::Forbidden),
        (
            "https://user:word@example.org/".to_owned(),
            OutboundError::Address,
        ),
        ("https://example.org/#part".to_owned(), OutboundError::Address),
        ("ftp://example.org/".to_owned(), OutboundError::Address),
        ("file:///etc/passwd".to_owned(), OutboundError::Address),
        ("data:text/plain,x".to_owned(), OutboundError::Address),
    ] {
        let url = address.parse().unwrap();
        assert_eq!(
            closed.ask(Ask::json(&url), BOUNDS).await.unwrap_err(),
            expected,
            "{address}"
        );
    }
    // Where loopback is allowed, plain HTTP still stays on this machine.
    let outside = "http://1.1.1.1/".parse().unwrap();
    assert_eq!(
        open().ask(Ask::json(&outside), BOUNDS).await.unwrap_err(),
        OutboundError::Forbidden
    );
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    // Speaks no TLS at all, which ends the handshake as well.
    let plain = say(b"HTTP/1.1 200 OK\r\n\r\n").await;
    let url: Url = plain.as_str().replacen("http", "https", 1).parse().unwrap();
    assert_eq!(
        open().ask(Ask::json(&url), BOUNDS).await.unwrap_err(),
        OutboundError::Tls
    );
}

/// A certificate for `localhost` that no authority made, and the key of its owner.
static CERTIFICATE: LazyLock<rcgen::CertifiedKey<rcgen::KeyPair>> =
    LazyLock::new(|| rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap());

/// Somebody who believes that certificate, and nothing else.
fn believer() -> Outbound {
    static TLS: LazyLock<Option<TlsConnector>> = LazyLock::new(|| {
        let mut roots = RootCertStore::empty();
        roots.add(CERTIFICATE.cert.der().clone()).unwrap();
        connector(roots)
    });
    Outbound {
        tls: || TLS.as_ref(),
        ..open()
    }
}

/// Answers over TLS; gives the port.
async fn serve_securely() -> u16 {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(CERTIFICATE.signing_key.serialize_der().into());
    let config = config
        .with_single_cert(vec![CERTIFICATE.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecure")
                .await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

#[tokio::test]
async fn a_secure_answer_is_read_from_who_proves_the_name() {
    let port = serve_securely().await;
    let url: Url = format!("https://localhost:{port}/").parse().unwrap();
    let answer = believer().ask(Ask::json(&url), BOUNDS).await.unwrap();
    assert_eq!(&answer.body[..], b"secure");
    // Believed by nobody else, and for no other name.
    assert_eq!(
        open().ask(Ask::json(&url), BOUNDS).await.unwrap_err(),
        OutboundError::Tls
    );
    let other: Url = format!("https://127.0.0.1:{port}/").parse().unwrap();
    assert_eq!(
        believer().ask(Ask::json(&other), BOUNDS).await.unwrap_err(),
        OutboundError::Tls
    );
}
