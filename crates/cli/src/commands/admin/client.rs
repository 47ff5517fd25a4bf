//! Speaks to the API of a service. Blocking: a command does one thing after the other.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
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
        let (status, _) = self.exchange("GET", "/v1/status", None)?;
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
        match self.exchange("GET", path, None)? {
            (StatusCode::NOT_FOUND, _) => Ok(None),
            (status, text) => self.answer(status, &text).map(Some),
        }
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
        let (status, text) = self.exchange(method, path, body)?;
        self.answer(status, &text)
    }

    fn answer(&self, status: StatusCode, text: &str) -> Result<Value, Failure> {
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
    fn exchange(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, String), Failure> {
        let mut tries = 1;
        loop {
            let mut response = self.send(method, path, body)?;
            let status = response.status();
            if status == StatusCode::TOO_MANY_REQUESTS && tries < TRIES {
                tries += 1;
                std::thread::sleep(wait(&response));
                continue;
            }
            let text = response
                .body_mut()
                .with_config()
                .limit(MAX_ANSWER)
                .read_to_string()
                .map_err(|error| self.unreachable(&error))?;
            return Ok((status, text));
        }
    }

    fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Response<ureq::Body>, Failure> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.connection.server))
            .header("authorization", format!("Bearer {}", self.connection.key))
            .header("accept", "application/json, application/problem+json");
        // The key may hold what no header can.
        let malformed =
            |error| Failure::new(Exit::Usage, format!("the key or address cannot be used: {error}"));
        let sent = match body {
            Some(body) => {
                let request = request
                    .header("content-type", "application/json")
                    .body(body.to_string());
                self.agent.run(request.map_err(malformed)?)
            }
            None => self.agent.run(request.body(()).map_err(malformed)?),
        };
        sent.map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &ureq::Error) -> Failure {
        Failure::new(
            Exit::Service,
            format!("network: {}: {error}", self.connection.server),
        )
    }
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
fn encode(value: &str) -> String {
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
