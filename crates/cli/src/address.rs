//! Where the service is: one address, spoken to over HTTP and WebSocket alike.

use std::fmt;
use std::str::FromStr;

/// The base address of a service. `ws` and `http`, `wss` and `https` mean the same service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAddress {
    secure: bool,
    /// `host[:port][/path]`, without a slash at the end.
    rest: String,
}

/// The path of the WebSocket, which people copy along.
const SOCKET_PATH: &str = "/v1/ws";

impl ServiceAddress {
    /// For WebSockets: `ws://…` or `wss://…`.
    pub fn socket(&self) -> String {
        format!("{}://{}", if self.secure { "wss" } else { "ws" }, self.rest)
    }

    /// For HTTP: `http://…` or `https://…`.
    pub fn http(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.rest)
    }

    /// `host[:port]`, as it stands in the header Host.
    pub fn authority(&self) -> &str {
        self.rest.split('/').next().unwrap_or_default()
    }

    /// What stands before every path of the service: empty, or with a slash at its start.
    pub fn base(&self) -> &str {
        self.rest.get(self.authority().len()..).unwrap_or_default()
    }

    /// Whether it is spoken to over TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }
}

impl fmt::Display for ServiceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.socket())
    }
}

impl FromStr for ServiceAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text
            .trim()
            .split_once("://")
            .ok_or("expected ws://host:port, wss://, http:// or https://")?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "ws" | "http" => false,
            "wss" | "https" => true,
            other => return Err(format!("`{other}` is not ws, wss, http or https")),
        };
        let rest = rest.trim_end_matches('/');
        let rest = rest.strip_suffix(SOCKET_PATH).unwrap_or(rest);
        if rest.is_empty() || rest.starts_with(['/', ':', '?', '#']) {
            return Err("no host".into());
        }
        if rest.contains(|c: char| c.is_whitespace() || matches!(c, '?' | '#' | '@')) {
            return Err("expected host, port and path only".into());
        }
        Ok(Self {
            secure,
            rest: rest.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_the_same_service() {
        for text in [
            "ws://a:7480",
            "http://a:7480/",
            "WS://a:7480/v1/ws",
            "http://a:7480/v1/ws/",
        ] {
            let address: ServiceAddress = text.parse().unwrap();
            assert_eq!(
                (address.socket(), address.http()),
                ("ws://a:7480".into(), "http://a:7480".into())
            );
        }
        let behind: ServiceAddress = "https://calls.example/eu/".parse().unwrap();
        assert_eq!(behind.socket(), "wss://calls.example/eu");
        assert!(behind.is_secure());
        assert_eq!((behind.authority(), behind.base()), ("calls.example", "/eu"));
    }

    #[test]
    fn what_is_no_address_says_why() {
        for text in [
            "",
            "a:7480",
            "ftp://a",
            "ws://",
            "ws:///v1/ws",
            "ws://a?x",
            "ws://me@a",
            "ws:// a",
        ] {
            assert!(text.parse::<ServiceAddress>().is_err(), "{text:?}");
        }
    }
}
