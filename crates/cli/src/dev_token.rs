//! Asks a service for a development token. Plain HTTP only: such tokens are for services on this machine.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sidetone::Identifier;

use crate::address::ServiceAddress;
use crate::exit::{Exit, Failure};

/// What is asked for.
#[derive(Clone, Debug, Serialize)]
pub struct Wish {
    /// For whom.
    pub identity: Identifier,
    /// Name shown to others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// In seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<u64>,
}

/// What comes back.
#[derive(Deserialize, Serialize)]
pub struct Issued {
    /// The token.
    pub token: String,
    /// From when on it is no longer valid, in seconds since the Unix epoch.
    pub expires: u64,
}

/// How the service refuses.
#[derive(Deserialize)]
struct Refusal {
    message: String,
}

/// Longer means that the service is gone.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Asks. Blocks for up to ten seconds.
///
/// # Errors
/// [`Exit::Service`] when the service is out of reach or refuses, [`Exit::Usage`] when it is behind TLS.
pub fn ask(server: &ServiceAddress, wish: &Wish) -> Result<Issued, Failure> {
    if server.is_secure() {
        let message =
            "development tokens are asked for over plain HTTP only: hand in a token made by the service";
        return Err(Failure::new(Exit::Usage, message));
    }
    let unreachable = |error: ureq::Error| Failure::new(Exit::Service, format!("network: {server}: {error}"));
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .new_agent();
    let mut response = agent
        .post(format!("{}/v1/dev/token", server.http()))
        .send_json(wish)
        .map_err(unreachable)?;
    let status = response.status();
    if status.is_success() {
        return response.body_mut().read_json().map_err(unreachable);
    }
    let words = match response.body_mut().read_json::<Refusal>() {
        Ok(refusal) if status.as_u16() == 404 => {
            format!("{}: the service gives no development tokens", refusal.message)
        }
        Ok(refusal) => refusal.message,
        Err(_) => status.to_string(),
    };
    Err(Failure::new(Exit::Service, format!("no token: {words}")))
}
