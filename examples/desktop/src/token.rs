//! As whom the app speaks to the service. An app for people asks its own backend for a token; this one is given one, or asks
//! a service on this machine for a development token.

use sidetone::Identifier;

use crate::call::Failure;

#[derive(Clone, Debug)]
pub enum Who {
    Token(String),
    Identity(Identifier),
}

impl Who {
    /// A token that is good now. May ask the service, and wait for it.
    ///
    /// # Errors
    /// The service is out of reach, or gives no such tokens.
    pub fn token(&self, server: &str) -> Result<String, Failure> {
        let identity = match self {
            Self::Token(token) => return Ok(token.clone()),
            Self::Identity(identity) => identity,
        };
        let Some(rest) = server.strip_prefix("ws://") else {
            return Err("development tokens are asked for over plain ws:// only: give a token".into());
        };
        let mut response = ureq::post(format!("http://{}/v1/dev/token", rest.trim_end_matches('/')))
            .send_json(serde_json::json!({ "identity": identity.to_string() }))?;
        let issued: serde_json::Value = response.body_mut().read_json()?;
        let token = issued["token"].as_str().ok_or("the service gave no token")?;
        Ok(token.to_owned())
    }
}
