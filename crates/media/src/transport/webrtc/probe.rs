//! Asks STUN and TURN servers what they would do for a call, one at a time, without making one (RFC 8489, RFC 8656).
//!
//! For tools that find out why calls fail. A call never comes here: gathering is the library's business. UDP only, as
//! calls are.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc::ice::url::{ProtoType, SchemeType, Url};
use rtc::sansio::Protocol as _;
use rtc::shared::{TransportContext, TransportMessage, TransportProtocol};
use rtc::turn::client::{Client, ClientConfig, Event};
use tokio::net::UdpSocket;

/// Longest datagram that is looked at. Answers are a few hundred bytes.
const MAX_DATAGRAM: usize = 1500;

/// What kind of server an address names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerKind {
    /// It tells a client its own address.
    Stun,
    /// It relays as well.
    Turn,
}

/// The address of a STUN or TURN server, taken apart (RFC 7064, RFC 7065).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    /// What it offers.
    pub kind: ServerKind,
    /// Name or IP address, without brackets.
    pub host: String,
    /// The port, also where the address left it out.
    pub port: u16,
    /// Whether calls use it: not over TCP or TLS.
    pub used: bool,
}

impl std::str::FromStr for ServerUrl {
    type Err = ProbeError;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let parsed = Url::parse_url(url).map_err(|error| ProbeError::Address(error.to_string()))?;
        let kind = match parsed.scheme {
            SchemeType::Stun | SchemeType::Stuns => ServerKind::Stun,
            SchemeType::Turn | SchemeType::Turns => ServerKind::Turn,
            _ => return Err(ProbeError::Address("neither stun: nor turn:".to_owned())),
        };
        Ok(Self {
            kind,
            used: !parsed.is_secure() && parsed.proto == ProtoType::Udp,
            host: parsed.host,
            port: parsed.port,
        })
    }
}

/// Why a server is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// It has no address that could be asked.
    #[error("not the address of a STUN or TURN server: {0}")]
    Address(String),
    /// The machine there says that nothing listens at that port.
    #[error("nothing listens there")]
    Closed,
    /// Nothing came back.
    #[error("no answer over UDP in {0:?}")]
    NoAnswer(Duration),
    /// It says no. STUN's error code and reason.
    #[error("refused: {0}")]
    Refused(String),
    /// This machine cannot send there.
    #[error("network: {0}")]
    Network(String),
}

/// Asks for a binding: our address as the server sees it.
///
/// # Errors
/// Any [`ProbeError`].
pub async fn binding(server: SocketAddr, patience: Duration) -> Result<SocketAddr, ProbeError> {
    Asking::start(server, "", "").await?.binding(patience).await
}

/// Asks for an allocation, and gives it back: the address at which the server would have relayed.
///
/// # Errors
/// Any [`ProbeError`]. [`ProbeError::Refused`] with 401 is a server that does not take the credentials.
pub async fn allocation(
    server: SocketAddr,
    username: &str,
    credential: &str,
    patience: Duration,
) -> Result<SocketAddr, ProbeError> {
    Asking::start(server, username, credential)
        .await?
        .allocation(patience)
        .await
}

/// A conversation with one server.
struct Asking {
    socket: UdpSocket,
    client: Client,
    context: TransportContext,
}

impl Asking {
    async fn start(server: SocketAddr, username: &str, credential: &str) -> Result<Self, ProbeError> {
        let any: SocketAddr = match server {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any).await.map_err(network)?;
        // Connected: the system then tells when nothing listens there, and drops what others send.
        socket.connect(server).await.map_err(network)?;
        let local_addr = socket.local_addr().map_err(network)?;
        let config = ClientConfig {
            stun_serv_addr: server.to_string(),
            turn_serv_addr: server.to_string(),
            local_addr,
            transport_protocol: TransportProtocol::UDP,
            username: username.to_owned(),
            password: credential.to_owned(),
            ..ClientConfig::default()
        };
        let provider =
            rtc::crypto::default_provider().map_err(|error| ProbeError::Network(error.to_string()))?;
        let client = Client::new(config, provider).map_err(network)?;
        Ok(Self {
            socket,
            client,
            context: TransportContext {
                local_addr,
                peer_addr: server,
                transport_protocol: TransportProtocol::UDP,
                ecn: None,
            },
        })
    }

    async fn binding(mut self, patience: Duration) -> Result<SocketAddr, ProbeError> {
        self.client
            .send_binding_request(Instant::now())
            .map_err(network)?;
        self.until(patience, |event| match event {
            Event::BindingResponse(_, address) => Some(Ok(address)),
            Event::BindingError(_, error) => Some(Err(ProbeError::Refused(words(&error)))),
            _ => None,
        })
        .await
    }

    async fn allocation(mut self, patience: Duration) -> Result<SocketAddr, ProbeError> {
        self.client.allocate(Instant::now()).map_err(network)?;
        let relayed = self
            .until(patience, |event| match event {
                Event::AllocateResponse(_, address) => Some(Ok(address)),
                Event::AllocateError(_, error) => Some(Err(ProbeError::Refused(words(&error)))),
                _ => None,
            })
            .await?;
        // Allocations are counted: one that is left would be taken from this user for ten minutes.
        if let Ok(mut relay) = self.client.relay(relayed) {
            let _ = relay.close(Instant::now());
            let _ = self.send().await;
        }
        Ok(relayed)
    }

    /// Talks until something that counts happened.
    async fn until(
        &mut self,
        patience: Duration,
        mut counts: impl FnMut(Event) -> Option<Result<SocketAddr, ProbeError>>,
    ) -> Result<SocketAddr, ProbeError> {
        let end = Instant::now() + patience;
        let mut datagram = [0; MAX_DATAGRAM];
        loop {
            self.send().await?;
            while let Some(event) = self.client.poll_event() {
                if matches!(event, Event::TransactionTimeout(_)) {
                    return Err(ProbeError::NoAnswer(patience));
                }
                if let Some(outcome) = counts(event) {
                    return outcome;
                }
            }
            let now = Instant::now();
            if now >= end {
                return Err(ProbeError::NoAnswer(patience));
            }
            let wake = self.client.poll_timeout().unwrap_or(end).min(end);
            tokio::select! {
                received = self.socket.recv(&mut datagram) => {
                    let length = received.map_err(network)?;
                    let message = TransportMessage {
                        now: Instant::now(),
                        transport: self.context,
                        message: BytesMut::from(&datagram[..length]),
                    };
                    // What is no answer to us is as good as nothing.
                    let _ = self.client.handle_read(message);
                }
                () = tokio::time::sleep_until(wake.into()) => {
                    self.client.handle_timeout(Instant::now()).map_err(network)?;
                }
            }
        }
    }

    async fn send(&mut self) -> Result<(), ProbeError> {
        while let Some(out) = self.client.poll_write() {
            self.socket.send(&out.message).await.map_err(network)?;
        }
        Ok(())
    }
}

fn network(error: impl Into<Failure>) -> ProbeError {
    error.into().0
}

/// What the layers below call a failure, in our words.
struct Failure(ProbeError);

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self(match error.kind() {
            ErrorKind::ConnectionRefused => ProbeError::Closed,
            _ => ProbeError::Network(error.to_string()),
        })
    }
}

impl From<rtc::shared::error::Error> for Failure {
    fn from(error: rtc::shared::error::Error) -> Self {
        Self(ProbeError::Network(error.to_string()))
    }
}

/// The library says `Allocate error response (error 401: Unauthorized)`; what counts stands in the brackets. The text
/// is the server's: nothing that moves a cursor goes on.
fn words(error: &rtc::shared::error::Error) -> String {
    let text = error.to_string();
    let inner = text
        .split_once("(error ")
        .and_then(|(_, rest)| rest.strip_suffix(')'))
        .unwrap_or(&text);
    inner.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let parse = |url: &str| url.parse::<ServerUrl>();
        let stun = parse("stun:a.example").unwrap();
        assert_eq!(
            (stun.kind, stun.host.as_str(), stun.port, stun.used),
            (ServerKind::Stun, "a.example", 3478, true)
        );
        let turn = parse("turn:[::1]:13478").unwrap();
        assert_eq!(
            (turn.kind, turn.host.as_str(), turn.port),
            (ServerKind::Turn, "::1", 13478)
        );
        assert!(!parse("turns:a.example").unwrap().used);
        assert!(!parse("turn:a.example?transport=tcp").unwrap().used);
        for bad in ["", "http://a", "turn", "stun:"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_server_says_cannot_move_the_cursor() {
        let error = rtc::shared::error::Error::Other("x (error 401: Un\u{1b}[2Jauthorized)".to_owned());
        assert_eq!(words(&error), "401: Un[2Jauthorized");
    }
}
