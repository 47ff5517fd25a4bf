//! ICE candidates as text (RFC 8839 section 5.1): reading the peer's with suspicion, and announcing our own.

use std::net::{IpAddr, SocketAddr};

use crate::transport::{Candidate, TransportError};

/// Longest candidate line we read, in bytes. Real ones are under 200.
const MAX_LINE: usize = 512;

/// How a candidate was found (RFC 8445 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Host,
    ServerReflexive,
    PeerReflexive,
    Relayed,
}

/// The fields of a candidate line that we look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    fields: Vec<&'a str>,
    pub(super) kind: Kind,
    pub(super) udp: bool,
    /// `None` for a name, as in multicast DNS (`….local`).
    pub(super) address: Option<SocketAddr>,
}

impl<'a> Line<'a> {
    /// Reads `[a=][candidate:]foundation component transport priority address port typ kind ...`.
    pub(super) fn parse(line: &'a str) -> Result<Self, TransportError> {
        let bad = |reason: &str| TransportError::BadCandidate(format!("{reason}: {}", shown(line)));
        if line.len() > MAX_LINE || !line.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
            return Err(bad("not a line of printable ASCII of reasonable length"));
        }
        let body = line.strip_prefix("a=").unwrap_or(line);
        let body = body.strip_prefix("candidate:").unwrap_or(body);
        let fields: Vec<&str> = body.split_ascii_whitespace().collect();
        let [
            _foundation,
            component,
            protocol,
            priority,
            host,
            port,
            "typ",
            kind,
            rest @ ..,
        ] = &fields[..]
        else {
            return Err(bad("missing fields"));
        };
        let component: u16 = component.parse().map_err(|_| bad("component is no number"))?;
        if component != 1 {
            return Err(bad("only component 1 is used, RTCP is multiplexed"));
        }
        let _: u32 = priority.parse().map_err(|_| bad("priority is no number"))?;
        let port: u16 = port.parse().map_err(|_| bad("port is no number"))?;
        let kind = match *kind {
            "host" => Kind::Host,
            "srflx" => Kind::ServerReflexive,
            "prflx" => Kind::PeerReflexive,
            "relay" => Kind::Relayed,
            _ => return Err(bad("unknown type")),
        };
        if rest.len() % 2 != 0 {
            return Err(bad("extension without value"));
        }
        let address = match host.parse::<IpAddr>() {
            Ok(ip) => Some(SocketAddr::new(ip, port)),
            Err(_) if host.ends_with(".local") => None,
            Err(_) => return Err(bad("address is neither an IP address nor a .local name")),
        };
        let udp = protocol.eq_ignore_ascii_case("udp");
        if udp && address.is_some_and(|address| !reachable(address)) {
            return Err(bad("address cannot be sent to"));
        }
        Ok(Self {
            fields,
            kind,
            udp,
            address,
        })
    }

    /// Whether ICE can make use of it here: UDP to an address.
    pub(super) fn is_usable(&self) -> bool {
        self.udp && self.address.is_some()
    }

    /// The same candidate at another address.
    pub(super) fn at(&self, address: SocketAddr) -> String {
        let ip = address.ip().to_string();
        let port = address.port().to_string();
        let mut fields = self.fields.clone();
        fields[4] = &ip;
        fields[5] = &port;
        format!("candidate:{}", fields.join(" "))
    }
}

/// A peer must not make us send checks to a whole network, or to nobody.
fn reachable(address: SocketAddr) -> bool {
    let broadcast = matches!(address.ip(), IpAddr::V4(ip) if ip.is_broadcast());
    address.port() != 0 && !address.ip().is_unspecified() && !address.ip().is_multicast() && !broadcast
}

/// The start of something hostile, for an error message.
fn shown(line: &str) -> String {
    line.chars().take(80).flat_map(char::escape_default).collect()
}

/// Candidates of the peer that came before the description they belong to. Bounded: the oldest fall out.
#[derive(Debug, Default)]
pub(super) struct Early(std::collections::VecDeque<Candidate>);

impl Early {
    /// Most candidates kept.
    pub(super) const CAPACITY: usize = 64;

    pub(super) fn push(&mut self, candidate: Candidate) {
        if self.0.len() == Self::CAPACITY {
            self.0.pop_front();
        }
        self.0.push_back(candidate);
    }

    /// Takes those of the generation `username_fragment`, and those that do not say.
    pub(super) fn take(&mut self, username_fragment: &str) -> Vec<Candidate> {
        let (now, later) = self
            .0
            .drain(..)
            .partition(|candidate| belongs(candidate, username_fragment));
        self.0 = later;
        Vec::from(now)
    }
}

/// Whether `candidate` belongs to the generation `username_fragment`, as far as it says.
pub(super) fn belongs(candidate: &Candidate, username_fragment: &str) -> bool {
    candidate.username_fragment.is_empty() || candidate.username_fragment == username_fragment
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOST: &str = "candidate:3718 1 udp 2130706431 192.0.2.7 50123 typ host";

    #[test]
    fn real_lines_are_read() {
        let host = Line::parse(HOST).unwrap();
        assert_eq!(host.kind, Kind::Host);
        assert!(host.is_usable());
        assert_eq!(host.address, Some("192.0.2.7:50123".parse().unwrap()));
        let srflx = Line::parse(
            "a=candidate:842163049 1 udp 1677729535 203.0.113.9 46154 typ srflx raddr 10.0.0.17 rport 46154 generation 0 ufrag EEtu",
        );
        assert_eq!(srflx.unwrap().kind, Kind::ServerReflexive);
        let mdns = Line::parse("candidate:1 1 UDP 2113937151 b7f1.local 54400 typ host").unwrap();
        assert!(!mdns.is_usable());
        let tcp = Line::parse("candidate:1 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active").unwrap();
        assert!(!tcp.is_usable());
        let v6 =
            Line::parse("candidate:1 1 udp 2113937151 2001:db8::1 54400 typ relay raddr :: rport 0").unwrap();
        assert_eq!(v6.address, Some("[2001:db8::1]:54400".parse().unwrap()));
    }

    #[test]
    fn another_address_keeps_the_rest() {
        let line = Line::parse(HOST).unwrap();
        let moved = line.at("[2001:db8::5]:9000".parse().unwrap());
        assert_eq!(moved, "candidate:3718 1 udp 2130706431 2001:db8::5 9000 typ host");
        assert!(Line::parse(&moved).is_ok());
    }

    #[test]
    fn nonsense_is_refused() {
        for line in [
            "",
            "candidate:",
            "candidate:1 1 udp 1 192.0.2.7 50123 typ",
            "candidate:1 2 udp 1 192.0.2.7 50123 typ host",
            "candidate:1 1 udp 1 192.0.2.7 0 typ host",
            "candidate:1 1 udp 1 192.0.2.7 65536 typ host",
            "candidate:1 1 udp 1 0.0.0.0 5000 typ host",
            "candidate:1 1 udp 1 255.255.255.255 5000 typ host",
            "candidate:1 1 udp 1 224.0.0.251 5353 typ host",
            "candidate:1 1 udp 1 ff02::fb 5353 typ host",
            "candidate:1 1 udp 1 example.com 5000 typ host",
            "candidate:1 1 udp -1 192.0.2.7 5000 typ host",
            "candidate:1 1 udp 1 192.0.2.7 5000 typ boss",
            "candidate:1 1 udp 1 192.0.2.7 5000 typ srflx raddr",
            "candidate:1 1 udp 1 192.0.2.7 5000 typ host\r\na=setup:active",
        ] {
            assert!(
                matches!(Line::parse(line), Err(TransportError::BadCandidate(_))),
                "{line}"
            );
        }
    }

    #[test]
    fn early_candidates_are_bounded_and_wait_for_their_generation() {
        let candidate = |n: usize, ufrag: &str| Candidate {
            candidate: n.to_string(),
            mid: "0".into(),
            username_fragment: ufrag.into(),
        };
        let mut early = Early::default();
        (0..1000).for_each(|n| early.push(candidate(n, if n % 2 == 0 { "old" } else { "new" })));
        early.push(candidate(1000, ""));
        assert_eq!(early.0.len(), Early::CAPACITY);
        let taken = early.take("new");
        assert_eq!(taken.len(), Early::CAPACITY / 2 + 1);
        assert_eq!(taken.last(), Some(&candidate(1000, "")));
        assert_eq!(early.take("old").len(), Early::CAPACITY / 2 - 1);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(line in ".{0,200}") {
            let _ = Line::parse(&line);
        }

        #[test]
        fn mutated_lines_are_read_or_refused(at: proptest::sample::Index, byte in 32u8..127) {
            let mut line = HOST.as_bytes().to_vec();
            let at = at.index(line.len());
            line[at] = byte;
            let line = String::from_utf8(line).unwrap();
            if let Ok(parsed) = Line::parse(&line) {
                prop_assert!(Line::parse(&parsed.at("192.0.2.1:4".parse().unwrap())).is_ok());
            }
        }
    }
}
