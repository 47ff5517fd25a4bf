//! What media needs: the STUN and TURN servers that the session was given, and connections made of what they offer.

use std::time::{Duration, Instant};

use sidetone_media::packet::VoicePacket;
use sidetone_media::transport::webrtc::WebRtcTransport;
use sidetone_media::transport::webrtc::probe::{self, ProbeError, ServerKind, ServerUrl};
use sidetone_media::transport::{
    ConnectionState, IceServer, Transport as _, TransportCommand, TransportConfig, TransportEvent,
};
use sidetone_pipeline::Pool;
use tokio::time::timeout;

use super::report::{Fine, Hop, Report, Trouble};
use super::way;

/// A connection on one machine takes milliseconds, through a relay at the other end of the world a second or two.
const SETUP: Duration = Duration::from_secs(15);

/// Within this the statistics tell which path was chosen.
const PATH_KNOWN: Duration = Duration::from_secs(3);

/// Asks every server. Gives those that relay.
pub async fn servers(servers: &[IceServer], patience: Duration, report: &mut Report) -> Vec<IceServer> {
    let mut relays = Vec::new();
    for server in servers {
        for url in &server.urls {
            let start = Instant::now();
            let parsed = match url.parse::<ServerUrl>() {
                Ok(parsed) => parsed,
                Err(error) => {
                    let advice = "correct `serve --stun` and `--turn`";
                    report.add::<()>(Hop::Stun, start, Err(Trouble::new(error.to_string(), advice)));
                    continue;
                }
            };
            let hop = match parsed.kind {
                ServerKind::Stun => Hop::Stun,
                ServerKind::Turn => Hop::Turn,
            };
            if !parsed.used {
                report.skip(&[hop], &format!("{url}: calls use servers over UDP only"));
                continue;
            }
            let result = ask(url, &parsed, server, patience).await;
            if report.add(hop, start, result).is_some() && parsed.kind == ServerKind::Turn {
                relays.push(IceServer {
                    urls: vec![url.clone()],
                    ..server.clone()
                });
            }
        }
    }
    relays
}

async fn ask(
    url: &str,
    parsed: &ServerUrl,
    server: &IceServer,
    patience: Duration,
) -> Result<((), Fine), Trouble> {
    let (addresses, _) = way::resolve(&parsed.host, parsed.port, patience).await?;
    let address = *addresses.first().ok_or_else(|| {
        Trouble::new(
            format!("{url} has no address"),
            "correct `serve --stun` and `--turn`",
        )
    })?;
    let asked = match parsed.kind {
        ServerKind::Stun => probe::binding(address, patience).await,
        ServerKind::Turn => probe::allocation(address, &server.username, &server.credential, patience).await,
    };
    match asked {
        Ok(found) => {
            let words = match parsed.kind {
                ServerKind::Stun => format!("{url}: this machine is seen as {found}"),
                ServerKind::Turn => format!("{url}: would relay at {found}"),
            };
            Ok(((), Fine::new(words)))
        }
        Err(error) => Err(Trouble::new(format!("{url}: {error}"), advice(&error, parsed))),
    }
}

fn advice(error: &ProbeError, server: &ServerUrl) -> String {
    let port = server.port;
    match error {
        ProbeError::Closed => format!("start it; it must listen on UDP port {port}"),
        ProbeError::NoAnswer(_) => {
            format!("let UDP through to port {port}, in the firewalls at both ends; is it running?")
        }
        ProbeError::Refused(words) if words.starts_with("401") || words.starts_with("403") => {
            "the secret is not the one of `serve --turn-secret`, the realm is missing, or the clocks are apart: \
             compare static-auth-secret in turnserver.conf"
                .to_owned()
        }
        ProbeError::Refused(words) if words.starts_with("486") || words.starts_with("508") => {
            "it has no relay left for this user: raise its quota or its range of ports".to_owned()
        }
        ProbeError::Refused(_) => "look into the server's log".to_owned(),
        _ => "check the network's route there".to_owned(),
    }
}

/// Connects two ends of our own on this machine, as a call would.
pub async fn media(servers: Vec<IceServer>, relay_only: bool) -> Result<((), Fine), Trouble> {
    let config = TransportConfig {
        ice_servers: servers,
        relay_only,
        ..TransportConfig::default()
    };
    let advice = if relay_only {
        "the server must let its own relays reach each other: look for `denied-peer-ip` and `external-ip` in its configuration"
    } else {
        "something on this machine keeps UDP from its own addresses: look at its firewall and VPN"
    };
    let mut seen = Vec::new();
    let connected = timeout(SETUP, connect(&config, &mut seen)).await;
    seen.sort();
    seen.dedup();
    let seen = if seen.is_empty() {
        "no candidates".to_owned()
    } else {
        format!("candidates {}", seen.join(", "))
    };
    match connected {
        Ok(Ok((took, path))) => Ok((
            (),
            Fine::new(format!(
                "ICE and DTLS up after {} ms over {path}; {seen}",
                took.as_millis()
            )),
        )),
        Ok(Err(why)) => Err(Trouble::new(format!("{why}; {seen}"), advice)),
        Err(_) => Err(Trouble::new(
            format!("no connection in {SETUP:?}; {seen}"),
            advice,
        )),
    }
}

/// One end, and whether it is connected.
struct End {
    transport: WebRtcTransport,
    connected: bool,
}

impl End {
    fn new(config: &TransportConfig) -> Result<Self, String> {
        let pool = Pool::new(8, || VoicePacket::empty(Instant::now()));
        let transport =
            WebRtcTransport::new(config.clone(), pool, None).map_err(|error| error.to_string())?;
        Ok(Self {
            transport,
            connected: false,
        })
    }

    async fn event(&mut self) -> TransportEvent {
        std::future::poll_fn(|cx| self.transport.poll_event(cx)).await
    }

    fn hear(&mut self, event: TransportEvent) {
        let command = match event {
            TransportEvent::LocalDescription(description) => TransportCommand::Remote(description),
            TransportEvent::LocalCandidate(candidate) => TransportCommand::RemoteCandidate(candidate),
            _ => return,
        };
        self.transport.command(command, Instant::now());
    }

    fn close(&mut self) {
        self.transport.command(TransportCommand::Close, Instant::now());
    }
}

/// Connects; gives how long it took, and the kind of path. `seen` gets the candidates of one end.
async fn connect(config: &TransportConfig, seen: &mut Vec<String>) -> Result<(Duration, String), String> {
    let start = Instant::now();
    let (mut a, mut b) = (End::new(config)?, End::new(config)?);
    a.transport
        .command(TransportCommand::Offer { restart: false }, Instant::now());
    while !(a.connected && b.connected) {
        tokio::select! {
            event = a.event() => {
                if let TransportEvent::LocalCandidate(Some(candidate)) = &event {
                    seen.extend(candidate_words(&candidate.candidate));
                }
                a.connected |= progress(&event)?;
                b.hear(event);
            }
            event = b.event() => {
                b.connected |= progress(&event)?;
                a.hear(event);
            }
        }
    }
    let took = start.elapsed();
    // Statistics are as of the last second.
    let known = Instant::now() + PATH_KNOWN;
    let mut stats = a.transport.stats();
    while stats.local_candidate_type.is_empty() && Instant::now() < known {
        tokio::time::sleep(Duration::from_millis(50)).await;
        stats = a.transport.stats();
    }
    let path = match stats.local_candidate_type.as_str() {
        "" => "an unknown path".to_owned(),
        local => format!("{local} to {}", stats.remote_candidate_type),
    };
    a.close();
    b.close();
    Ok((took, path))
}

/// Whether this says that the end is connected.
fn progress(event: &TransportEvent) -> Result<bool, String> {
    match event {
        TransportEvent::State(ConnectionState::Connected) => Ok(true),
        TransportEvent::State(ConnectionState::Failed | ConnectionState::Closed) => {
            Err("no path between two ends on this machine".to_owned())
        }
        TransportEvent::Error(error) => Err(error.to_string()),
        _ => Ok(false),
    }
}

/// `host 192.0.2.1` of a candidate line (RFC 8839 section 5.1).
fn candidate_words(line: &str) -> Option<String> {
    let mut parts = line.split_ascii_whitespace().skip(4);
    let (address, kind) = (parts.next()?, parts.nth(2)?);
    Some(format!("{kind} {address}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_is_its_kind_and_address() {
        let line = "candidate:1 1 udp 2130706431 192.0.2.7 5000 typ host";
        assert_eq!(candidate_words(line).as_deref(), Some("host 192.0.2.7"));
        assert_eq!(candidate_words("candidate:1 1 udp"), None);
    }
}
