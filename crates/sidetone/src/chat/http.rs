//! Requests to the service over HTTP/1.1 (RFC 9112), one after the other on one connection. What the network kept from
//! being answered is asked again for a while; each request is such that being asked twice it is done once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sidetone_signaling::Reason;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::http::Uri;

use crate::Error;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pauses before a request is made again. About a minute in all: as long as a session outlives its socket.
const PAUSES: [u64; 8] = [100, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000];
/// Longest wait that the service asks for and is granted. With more, the app decides.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// Longest answer, in bytes: the largest file that a service takes.
const MAX_ANSWER: usize = 65 * 1024 * 1024;

/// A request.
pub(crate) struct Request {
    method: Method,
    /// With its query.
    path: String,
    content_type: Option<String>,
    body: Bytes,
    /// Made again where there was no answer, and after the wait that the service asks for.
    again: bool,
}

impl Request {
    fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            content_type: None,
            body: Bytes::new(),
            again: true,
        }
    }

    fn with(method: Method, path: impl Into<String>, body: &Value) -> Self {
        Self {
            content_type: Some("application/json".into()),
            body: body.to_string().into(),
            ..Self::new(method, path)
        }
    }

    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(super) fn put(path: impl Into<String>) -> Self {
        Self::new(Method::PUT, path)
    }

    pub(super) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
    }

    pub(super) fn post(path: impl Into<String>, body: &Value) -> Self {
        Self::with(Method::POST, path, body)
    }

    pub(super) fn patch(path: impl Into<String>, body: &Value) -> Self {
        Self::with(Method::PATCH, path, body)
    }

    /// A file. Not made again by itself: uploaded twice it would be there twice.
    pub(super) fn upload(path: impl Into<String>, content_type: &str, bytes: Vec<u8>) -> Self {
        Self {
            content_type: Some(content_type.to_owned()),
            body: bytes.into(),
            again: false,
            ..Self::new(Method::POST, path)
        }
    }

    /// Not made again.
    pub(super) fn once(self) -> Self {
        Self { again: false, ..self }
    }
}

/// What the service answered: it did what was asked.
pub(crate) struct Answer {
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Error::Network(format!("the service's answer cannot be read: {error}")))
    }
}

/// A request, and who waits for the answer.
pub(crate) struct Job {
    pub(crate) request: Request,
    pub(crate) done: Box<dyn FnOnce(Result<Answer, Error>) + Send>,
}

/// The token in use; new ones are put here.
pub(crate) type Token = Arc<Mutex<String>>;

/// A connection to the service, made when it is needed.
pub(super) struct Http {
    base: Uri,
    token: Token,
    open: Option<SendRequest<Full<Bytes>>>,
}

/// Makes requests in the order in which they come, until nobody can ask any more.
pub(super) async fn work(mut http: Http, mut jobs: mpsc::UnboundedReceiver<Job>) {
    while let Some(job) = jobs.recv().await {
        let answer = http.ask(&job.request).await;
        (job.done)(answer);
    }
}

/// Why there was no answer.
enum Failed {
    /// It may be different the next time.
    Network(String),
    /// The service asks to wait.
    Wait(Duration, Error),
    /// It said no.
    Refused(Error),
}

impl Http {
    /// `base` is the address of the service's WebSocket.
    pub(super) fn new(base: Uri, token: Token) -> Self {
        Self {
            base,
            token,
            open: None,
        }
    }

    /// Makes a request, again where that helps.
    pub(super) async fn ask(&mut self, request: &Request) -> Result<Answer, Error> {
        let mut pauses = PAUSES.iter();
        loop {
            let (wait, error) = match self.once(request).await {
                Ok(answer) => return Ok(answer),
                Err(Failed::Refused(error)) => return Err(error),
                Err(Failed::Wait(wait, error)) => (Some(wait), error),
                Err(Failed::Network(why)) => (None, Error::Network(why)),
            };
            if !request.again {
                return Err(error);
            }
            let Some(pause) = pauses.next().map(|pause| Duration::from_millis(*pause)) else {
                return Err(error);
            };
            tokio::time::sleep(wait.unwrap_or(pause)).await;
        }
    }

    async fn once(&mut self, request: &Request) -> Result<Answer, Failed> {
        let exchange = tokio::time::timeout(PATIENCE, self.exchange(request)).await;
        let (status, headers, body) = match exchange {
            Ok(Ok(answer)) => answer,
            failed => {
                // What is left of this connection is of no use.
                self.open = None;
                return Err(Failed::Network(match failed {
                    Ok(Err(why)) => why,
                    _ => "the service did not answer in time".into(),
                }));
            }
        };
        if status.is_success() {
            return Ok(Answer { body });
        }
        let reason = reason(status, &body);
        let wait = headers
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        match wait {
            Some(wait) if wait <= LONGEST_WAIT => Err(Failed::Wait(wait, Error::Refused(reason))),
            // What a service does not offer it does not offer the next time either.
            _ if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED => {
                Err(Failed::Network(reason.to_string()))
            }
            _ => Err(Failed::Refused(Error::Refused(reason))),
        }
    }

    async fn exchange(&mut self, request: &Request) -> Result<(StatusCode, HeaderMap, Bytes), String> {
        let words = |error: hyper::Error| format!("the connection to the service failed: {error}");
        let mut sender = match self.open.take().filter(|open| !open.is_closed()) {
            Some(open) => open,
            None => self.connect().await?,
        };
        if sender.ready().await.is_err() {
            sender = self.connect().await?;
        }
        let answer = sender.send_request(self.written(request)?).await.map_err(words)?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER)
            .collect()
            .await
            .map_err(|error| format!("the answer did not arrive whole: {error}"))?;
        self.open = Some(sender);
        Ok((head.status, head.headers, body.to_bytes()))
    }

    fn written(&self, request: &Request) -> Result<hyper::Request<Full<Bytes>>, String> {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut bearer = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| "the token cannot be sent".to_owned())?;
        bearer.set_sensitive(true);
        let host = self
            .base
            .authority()
            .map(|authority| authority.as_str())
            .unwrap_or_default();
        let mut built = hyper::Request::builder()
            .method(request.method.clone())
            .uri(format!("{}{}", self.prefix(), request.path))
            .header(header::HOST, host)
            .header(header::AUTHORIZATION, bearer);
        if let Some(kind) = &request.content_type {
            built = built.header(header::CONTENT_TYPE, kind);
        }
        built
            .body(Full::new(request.body.clone()))
            .map_err(|error| format!("the request cannot be sent: {error}"))
    }

    /// What stands before `/v1` where a proxy has the service below a path of its own.
    fn prefix(&self) -> &str {
        self.base.path().strip_suffix("/v1/ws").unwrap_or_default()
    }

    async fn connect(&mut self) -> Result<SendRequest<Full<Bytes>>, String> {
        let host = self
            .base
            .host()
            .unwrap_or_default()
            .trim_matches(['[', ']'])
            .to_owned();
        let secure = self.base.scheme_str() == Some("wss");
        let port = self.base.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let stream = TcpStream::connect((host.as_str(), port))
            .await
            .map_err(|error| format!("the service cannot be reached: {}", error.kind()))?;
        let _ = stream.set_nodelay(true);
        if secure {
            #[cfg(feature = "tls")]
            return self.shake_hands(super::tls::secured(&host, stream).await?).await;
            #[cfg(not(feature = "tls"))]
            return Err("this build has no TLS".into());
        }
        self.shake_hands(stream).await
    }

    async fn shake_hands<S>(&mut self, stream: S) -> Result<SendRequest<Full<Bytes>>, String>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|error| format!("the connection to the service failed: {error}"))?;
        // Ends with the sender, or when the service closes.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection to the service ended");
            }
        });
        Ok(sender)
    }
}

/// A problem (RFC 9457) as a reason.
fn reason(status: StatusCode, body: &[u8]) -> Reason {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Problem {
        title: String,
        detail: String,
        code: Option<u16>,
        subcode: Option<u32>,
    }
    let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
    let code = problem.code.unwrap_or(status.as_u16());
    let known = problem.subcode.and_then(|subcode| Reason::known(code, subcode));
    let message = [problem.detail, problem.title]
        .into_iter()
        .find(|text| !text.is_empty())
        .unwrap_or_else(|| status.to_string());
    match known {
        Some(known) => Reason {
            message: message.into(),
            ..known.clone()
        },
        None if status == StatusCode::UNAUTHORIZED => Reason {
            message: message.into(),
            ..Reason::INVALID_TOKEN
        },
        None => Reason {
            code,
            subcode: problem.subcode.unwrap_or_default(),
            message: message.into(),
            ..Reason::BAD_PARAMETERS
        },
    }
}

/// A text as one part of a path or query (RFC 3986 section 2.1).
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_reasons_of_the_table() {
        let body = br#"{"type":"urn:sidetone:problem:chat-too-fast","title":"Too many requests","status":429,
            "detail":"too many operations in this thread","code":429,"subcode":20111}"#;
        let told = reason(StatusCode::TOO_MANY_REQUESTS, body);
        assert!(told.is(&Reason::CHAT_TOO_FAST), "{told}");
        let told = reason(StatusCode::UNAUTHORIZED, b"not json");
        assert!(told.is_about_token());
        let told = reason(StatusCode::NOT_FOUND, b"{}");
        assert_eq!((told.code, told.message.as_ref()), (404, "404 Not Found"));
    }

    #[test]
    fn parts_of_addresses_are_escaped() {
        assert_eq!(escape("member:a:b é/?"), "member%3Aa%3Ab%20%C3%A9%2F%3F");
    }
}
