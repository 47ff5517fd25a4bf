//! Speaks to the API of a service. Blocking: a command does one thing after the other.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::http::request::Builder;
use ureq::http::{Request, Response, StatusCode};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use super::connection::Connection;
use crate::exit::{Exit, Failure};

/// Longer means that the service is gone. A large import takes its time.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How often a service that is too busy is asked again.
const TRIES: u32 = 5;
/// Longest wait that a service may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Largest answer, in bytes.
const MAX_ANSWER: u64 = 64 * 1024 * 1024;

/// A service that one is connected to.
pub struct Service {
    agent: ureq::Agent,
    connection: Connection,
}

impl Service {
    /// Prepares; nothing is sent yet.
    ///
    /// # Errors
    /// [`Exit::Resource`] when the file of certificates cannot be used.
    pub fn new(connection: Connection) -> Result<Self, Failure> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = TlsConfig::builder().unversioned_rustls_crypto_provider(provider);
        if let Some(file) = &connection.ca_file {
            tls = tls.root_certs(certificates(file)?);
        }
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .max_redirects(0)
            .tls_config(tls.build())
            .build()
            .new_agent();
        Ok(Self { agent, connection })
    }

    /// Reads.
    ///
    /// # Errors
    /// [`Exit::Service`] when the service is out of reach or refuses the key, [`Exit::Failed`] when it says no for
    /// another reason.
    pub fn get(&self, path: &str) -> Result<Value, Failure> {
        self.call("GET", path, None)
    }

    /// After a key was made in the place of another: where that was the one that `connect` stored, stores the new one,
    /// and gives the file.
    ///
    /// # Errors
    /// As [`Service::get`], and [`Exit::Resource`] when the new key cannot be stored.
    pub fn follow_key(&self, new: &str) -> Result<Option<PathBuf>, Failure> {
        let (status, _) = self.exchange("GET", "/v1/status", Body::None)?;
        if status != StatusCode::UNAUTHORIZED || !self.connection.is_stored()? {
            return Ok(None);
        }
        let connection = Connection {
            key: new.to_owned(),
            ..self.connection.clone()
        };
        connection.store().map(Some)
    }

    /// Reads what may not be there.
    ///
    /// # Errors
    /// As [`Service::get`], but for what is not there.
    pub fn find(&self, path: &str) -> Result<Option<Value>, Failure> {
        match self.exchange("GET", path, Body::None)? {
            (StatusCode::NOT_FOUND, _) => Ok(None),
            (status, answer) => self.answer(status, &answer).map(Some),
        }
    }

    /// Reads a sound; `None` where there is none.
    ///
    /// # Errors
    /// As [`Service::find`].
    pub fn sound(&self, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        match self.exchange("GET", path, Body::None)? {
            (StatusCode::NOT_FOUND, _) => Ok(None),
            (status, answer) if status.is_success() => Ok(Some(answer)),
            (status, answer) => Err(refusal(status, &String::from_utf8_lossy(&answer))),
        }
    }

    /// Sends a sound, Ogg Opus.
    ///
    /// # Errors
    /// As [`Service::get`].
    pub fn send_sound(&self, method: &str, path: &str, sound: &[u8]) -> Result<Value, Failure> {
        let (status, answer) = self.exchange(method, path, Body::Sound(sound))?;
        self.answer(status, &answer)
    }

    /// All entries of a list that comes in pages, as one list.
    ///
    /// # Errors
    /// As [`Service::get`].
    pub fn list(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Failure> {
        let mut items = Vec::new();
        let mut after = None::<String>;
        loop {
            let mut address = format!("{path}?limit=200");
            for (name, value) in query
                .iter()
                .copied()
                .chain(after.iter().map(|after| ("after", after.as_str())))
            {
                let _ = write!(address, "&{name}={}", encode(value));
            }
            let mut page = self.get(&address)?;
            items.append(page["items"].as_array_mut().unwrap_or(&mut Vec::new()));
            match page["next"].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => return Ok(json!({ "items": items })),
            }
        }
    }

    /// Reads or changes.
    ///
    /// # Errors
    /// As [`Service::get`].
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let body = body.map_or(Body::None, Body::Json);
        let (status, answer) = self.exchange(method, path, body)?;
        self.answer(status, &answer)
    }

    /// Writes what comes to a file; gives how many bytes. There is no bound on how long that may take.
    ///
    /// # Errors
    /// As [`Service::get`]; [`Exit::Service`] when less came than was announced; [`Exit::Resource`] when the file cannot
    /// be written.
    pub fn download(&self, method: &str, path: &str, mut file: &File) -> Result<u64, Failure> {
        let request = self.request(method, path).header("content-length", "0");
        let request = request.body(()).map_err(malformed)?;
        let request = self.agent.configure_request(request).timeout_global(None).build();
        let mut response = self
            .agent
            .run(request)
            .map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            let text = response.body_mut().read_to_string().unwrap_or_default();
            return Err(refusal(response.status(), &text));
        }
        let announced = response
            .headers()
            .get("content-length")
            .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let mut body = response.body_mut().as_reader();
        let mut piece = vec![0; 64 * 1024];
        let mut written = 0;
        loop {
            let read = body.read(&mut piece).map_err(|error| {
                Failure::new(
                    Exit::Service,
                    format!("network: {}: {error}", self.connection.server),
                )
            })?;
            let Some(read) = piece.get(..read).filter(|read| !read.is_empty()) else {
                break;
            };
            file.write_all(read)
                .map_err(|error| Failure::new(Exit::Resource, format!("the file: {error}")))?;
            written += read.len() as u64;
        }
        if announced != Some(written) {
            return Err(Failure::new(Exit::Service, "the service broke off"));
        }
        Ok(written)
    }

    fn answer(&self, status: StatusCode, answer: &[u8]) -> Result<Value, Failure> {
        let text = &*String::from_utf8_lossy(answer);
        if !status.is_success() {
            return Err(refusal(status, text));
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        let other = |_| {
            Failure::new(
                Exit::Service,
                format!("{}: not a service of ours", self.connection.server),
            )
        };
        serde_json::from_str(text).map_err(other)
    }

    /// Sends a request, again where the service is too busy; gives status and body.
    fn exchange(&self, method: &str, path: &str, body: Body<'_>) -> Result<(StatusCode, Vec<u8>), Failure> {
        let mut tries = 1;
        loop {
            let mut response = self.send(method, path, body)?;
            let status = response.status();
            if status == StatusCode::TOO_MANY_REQUESTS && tries < TRIES {
                tries += 1;
                std::thread::sleep(wait(&response));
                continue;
            }
            let answer = response
                .body_mut()
                .with_config()
                .limit(MAX_ANSWER)
                .read_to_vec()
                .map_err(|error| self.unreachable(&error))?;
            return Ok((status, answer));
        }
    }

    fn send(&self, method: &str, path: &str, body: Body<'_>) -> Result<Response<ureq::Body>, Failure> {
        let request = self
            .request(method, path)
            .header("accept", "application/json, application/problem+json, audio/ogg");
        let sent = match body {
            Body::Json(body) => {
                let request = request
                    .header("content-type", "application/json")
                    .body(body.to_string());
                self.agent.run(request.map_err(malformed)?)
            }
            Body::Sound(sound) => {
                let request = request.header("content-type", "audio/ogg").body(sound);
                self.agent.run(request.map_err(malformed)?)
            }
            Body::None => {
                // Else its end is a packet of its own, and a service that answers before it comes resets the connection.
                let request = match method {
                    "GET" => request,
                    _ => request.header("content-length", "0"),
                };
                self.agent.run(request.body(()).map_err(malformed)?)
            }
        };
        sent.map_err(|error| self.unreachable(&error))
    }

    fn request(&self, method: &str, path: &str) -> Builder {
        Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.connection.server))
            .header("authorization", format!("Bearer {}", self.connection.key))
    }

    fn unreachable(&self, error: &ureq::Error) -> Failure {
        Failure::new(
            Exit::Service,
            format!("network: {}: {error}", self.connection.server),
        )
    }
}

/// The key may hold what no header can.
fn malformed(error: ureq::http::Error) -> Failure {
    Failure::new(Exit::Usage, format!("the key or address cannot be used: {error}"))
}

/// What a request carries.
#[derive(Clone, Copy)]
enum Body<'a> {
    None,
    Json(&'a Value),
    Sound(&'a [u8]),
}

fn certificates(file: &std::path::Path) -> Result<RootCerts, Failure> {
    let unusable =
        |error: &dyn std::fmt::Display| Failure::new(Exit::Resource, format!("{}: {error}", file.display()));
    let text = std::fs::read(file).map_err(|error| unusable(&error))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&text) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| unusable(&error))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(unusable(&"holds no certificate"));
    }
    Ok(RootCerts::from(certificates))
}

/// How long the service wants to be left alone.
fn wait(response: &Response<ureq::Body>) -> Duration {
    let seconds = response
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(1)).min(LONGEST_WAIT)
}

/// What a refusal (RFC 9457) means for the person at the terminal.
fn refusal(status: StatusCode, text: &str) -> Failure {
    let problem: Value = serde_json::from_str(text).unwrap_or_default();
    let words = problem["detail"].as_str().or_else(|| problem["message"].as_str());
    let words = words.map_or_else(|| status.to_string(), str::to_owned);
    let exit = match status.as_u16() {
        401 | 403 | 429 | 500.. => Exit::Service,
        _ => Exit::Failed,
    };
    let message = match status.as_u16() {
        401 => format!("the service does not accept the key: {words}"),
        // The words name the role that is missing.
        403 if !words.starts_with("access denied") => format!("access denied: {words}"),
        _ => words,
    };
    Failure::new(exit, message)
}

/// A value in a query (RFC 3986).
pub fn encode(value: &str) -> String {
    value.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_the_role_and_has_its_code() {
        let body = r#"{"type":"urn:sidetone:problem:missing-role","detail":"access denied: reading policies needs the role administrator of acme"}"#;
        let failure = refusal(StatusCode::FORBIDDEN, body);
        assert_eq!(failure.exit, Exit::Service);
        assert!(
            failure.message.starts_with("access denied") && failure.message.contains("administrator of acme")
        );
        assert_eq!(refusal(StatusCode::CONFLICT, "{}").exit, Exit::Failed);
        assert_eq!(refusal(StatusCode::BAD_GATEWAY, "<html>").exit, Exit::Service);
        let odd = refusal(StatusCode::FORBIDDEN, "").message;
        assert!(odd.starts_with("access denied: 403"), "{odd}");
    }

    #[test]
    fn queries_are_encoded() {
        assert_eq!(encode("a b&c=ü"), "a%20b%26c%3D%C3%BC");
    }
}
