//! What a driver is made from, and where the service is.

use sidetone_signaling::Reason;
use tokio_tungstenite::tungstenite::http::Uri;

use crate::Error;
use crate::devices::DeviceManager;
use crate::options::{AgentOptions, Credential};

/// How a driver is set up.
pub(crate) struct Config {
    pub uri: Uri,
    pub credential: Credential,
    pub options: AgentOptions,
    pub devices: DeviceManager,
}

/// Where the service's WebSocket is.
const PATH: &str = "/v1/ws";

/// Longest token that a service takes, in bytes. With a longer one the frame around it would be too long, and the
/// socket would be lost again and again without a word on why.
const MAX_TOKEN: usize = 8 * 1024;

impl Config {
    pub fn new(
        url: &str,
        credential: Credential,
        options: AgentOptions,
        devices: DeviceManager,
    ) -> Result<Self, Error> {
        let bad = |why: &str| Error::Argument(format!("service address: {why}"));
        let uri: Uri = address(url).parse().map_err(|_| bad("not an address"))?;
        match uri.scheme_str() {
            Some("ws") => {}
            Some("wss") if cfg!(feature = "tls") => {}
            Some("wss") => return Err(bad("this build has no TLS (feature `tls`)")),
            _ => return Err(bad("must begin with ws:// or wss://")),
        }
        if uri.host().is_none_or(str::is_empty) {
            return Err(bad("no host"));
        }
        if credential.token.len() > MAX_TOKEN {
            return Err(Error::Refused(Reason {
                message: "the token is malformed: too long for one".into(),
                ..Reason::INVALID_TOKEN
            }));
        }
        Ok(Self {
            uri,
            credential,
            options,
            devices,
        })
    }
}

/// The service's address, with or without the path of its WebSocket, as the address of that.
fn address(url: &str) -> String {
    let url = url.trim_end_matches('/');
    format!("{}{PATH}", url.strip_suffix(PATH).unwrap_or(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(url: &str) -> Result<String, String> {
        Config::new(
            url,
            Credential::new(""),
            AgentOptions::default(),
            DeviceManager::default(),
        )
        .map(|config| config.uri.to_string())
        .map_err(|error| error.to_string())
    }

    #[test]
    fn an_address_with_and_without_the_path_is_the_same() {
        for url in [
            "ws://host:7480",
            "ws://host:7480/",
            "ws://host:7480/v1/ws",
            "ws://host:7480/v1/ws/",
        ] {
            assert_eq!(uri(url).unwrap(), "ws://host:7480/v1/ws");
        }
        assert_eq!(
            uri("ws://host/behind/proxy").unwrap(),
            "ws://host/behind/proxy/v1/ws"
        );
    }

    #[test]
    fn what_is_no_address_of_a_service_is_refused() {
        for url in [
            "",
            "host:7480",
            "http://host",
            "ws://",
            "ws:///path",
            "no address at all",
        ] {
            assert!(
                uri(url)
                    .unwrap_err()
                    .starts_with("caller misuse: service address"),
                "{url}"
            );
        }
    }
}
