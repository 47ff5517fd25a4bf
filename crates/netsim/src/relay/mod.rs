//! The emulator between two real UDP sockets: a relay that two peers send through without knowing.
//!
//! Peer A announces [`Relay::toward_a`] as its own address and peer B announces [`Relay::toward_b`]. What B sends
//! to `toward_a` passes the emulator and reaches A with `toward_b` as its source, and the other way round, so to
//! ICE (RFC 8445) it looks like a port-forwarding NAT on each side. The relay never looks into a datagram.

mod thread;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread as std_thread};

use serde::{Deserialize, Serialize};

use crate::{Config, Duplex, Side, Stats};

/// How the relay knows where a peer really is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// At this address; datagrams from any other are dropped and counted as [`RelayStats::strangers`].
    At(SocketAddr),
    /// Where its first datagram came from, or a later one after half a second in which nothing came from there: a peer
    /// that tries several of its addresses at once is found at one of them, and the others are strangers. Until it has
    /// sent one, datagrams for it are dropped and counted as [`RelayStats::unaddressed`].
    Learned,
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self::At(address)
    }
}

/// An address of this machine whose port was free a moment ago, for an end that a relay is to stand before.
///
/// # Errors
/// The operating system has none.
pub fn free_address() -> io::Result<SocketAddr> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// A running relay. Dropping it stops it at once; datagrams still inside are gone.
#[derive(Debug)]
pub struct Relay {
    toward_a: SocketAddr,
    toward_b: SocketAddr,
    commands: Sender<Command>,
    bell: UdpSocket,
    stats: Arc<Mutex<RelayStats>>,
    thread: Option<JoinHandle<()>>,
}

/// Counters of a relay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayStats {
    /// What A sent to B.
    pub a_to_b: Stats,
    /// What B sent to A.
    pub b_to_a: Stats,
    /// Datagrams from an address that is neither peer's.
    pub strangers: u64,
    /// Datagrams for a peer whose address is not known yet.
    pub unaddressed: u64,
    /// Datagrams the operating system would not send.
    pub send_errors: u64,
    /// How far behind their planned time datagrams left.
    pub lateness: Lateness,
}

/// The relay's own error: the emulator planned a time, the machine was later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lateness {
    /// Datagrams sent.
    pub count: u64,
    /// Sum over all.
    pub sum: Duration,
    /// Worst.
    pub max: Duration,
    /// How many were later than a millisecond.
    pub over_1_ms: u64,
}

impl Lateness {
    /// Mean over all datagrams sent.
    pub fn mean(&self) -> Option<Duration> {
        let nanos = self.sum.as_nanos().checked_div(u128::from(self.count))?;
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    fn record(&mut self, late: Duration) {
        self.count += 1;
        self.sum += late;
        self.max = self.max.max(late);
        self.over_1_ms += u64::from(late > Duration::from_millis(1));
    }
}

#[derive(Debug)]
enum Command {
    Conditions { sender: Side, config: Box<Config> },
    Blackout(bool),
    Stop,
}

impl Relay {
    /// Opens two sockets on loopback and starts the relay's thread.
    ///
    /// The sockets are of the family of the given peer addresses, IPv4 where both are learned. A rate counts
    /// UDP and IP headers (28 or 48 bytes) beside the payload.
    ///
    /// # Errors
    /// The operating system would not open the sockets or start the thread.
    pub fn start(
        a_to_b: Config,
        b_to_a: Config,
        seed: u64,
        peer_a: impl Into<Peer>,
        peer_b: impl Into<Peer>,
    ) -> io::Result<Self> {
        let peers = [peer_a.into(), peer_b.into()];
        let loopback = peers
            .iter()
            .find_map(Peer::loopback)
            .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let open = || {
            let socket = UdpSocket::bind((loopback, 0))?;
            socket.set_nonblocking(true)?;
            io::Result::Ok(socket)
        };
        let (at_a, at_b, ear) = (open()?, open()?, open()?);
        let (toward_a, toward_b) = (at_a.local_addr()?, at_b.local_addr()?);
        // The bell is a pair of connected sockets, so nobody else can ring it.
        let bell = UdpSocket::bind((loopback, 0))?;
        bell.connect(ear.local_addr()?)?;
        ear.connect(bell.local_addr()?)?;

        let (commands, inbox) = channel();
        let stats = Arc::new(Mutex::new(RelayStats::default()));
        let worker = thread::Worker::new(
            [at_a, at_b],
            peers,
            ear,
            inbox,
            Duplex::new(a_to_b, b_to_a, seed),
            Arc::clone(&stats),
        );
        let thread = std_thread::Builder::new()
            .name("netsim-relay".into())
            .spawn(move || worker.run())?;
        Ok(Self {
            toward_a,
            toward_b,
            commands,
            bell,
            stats,
            thread: Some(thread),
        })
    }

    /// Where B sends to reach A; what A announces as its own address.
    pub fn toward_a(&self) -> SocketAddr {
        self.toward_a
    }

    /// Where A sends to reach B; what B announces as its own address.
    pub fn toward_b(&self) -> SocketAddr {
        self.toward_b
    }

    /// The address that `side` announces as its own.
    pub fn announced_by(&self, side: Side) -> SocketAddr {
        match side {
            Side::A => self.toward_a,
            Side::B => self.toward_b,
        }
    }

    /// Changes the conditions for what is sent from here on.
    pub fn set_config(&self, a_to_b: Config, b_to_a: Config) {
        for (sender, config) in [(Side::A, a_to_b), (Side::B, b_to_a)] {
            self.tell(Command::Conditions {
                sender,
                config: Box::new(config),
            });
        }
    }

    /// While on, everything sent either way is lost, as with the cable pulled.
    pub fn set_blackout(&self, on: bool) {
        self.tell(Command::Blackout(on));
    }

    /// Counters up to now.
    pub fn stats(&self) -> RelayStats {
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, command: Command) {
        // Both fail only when the thread is gone, and then there is nobody to tell.
        if self.commands.send(command).is_ok() {
            let _rung = self.bell.send(&[0]);
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.tell(Command::Stop);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

impl Peer {
    /// The loopback address of its family.
    fn loopback(&self) -> Option<IpAddr> {
        match self {
            Self::At(SocketAddr::V4(_)) => Some(Ipv4Addr::LOCALHOST.into()),
            Self::At(SocketAddr::V6(_)) => Some(std::net::Ipv6Addr::LOCALHOST.into()),
            Self::Learned => None,
        }
    }
}
