//! The relay's one thread: waits for a datagram, a command or the next departure, whichever comes first.
//!
//! The only place of this crate that reads the clock.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Command, Peer, RelayStats};
use crate::{Duplex, Side};

/// Largest UDP payload.
const LARGEST: usize = 65_535;

/// Datagrams taken from one socket before the others get their turn.
const BURST: usize = 64;

/// Buffers kept for reuse; more than this in flight costs an allocation each.
const SPARE_BUFFERS: usize = 1024;

/// A learned peer that has not been heard for so long may be somewhere else now.
const MOVES: Duration = Duration::from_millis(500);

const SIDES: [Side; 2] = [Side::A, Side::B];

pub(super) struct Worker {
    /// Announced by A, announced by B.
    sockets: [UdpSocket; 2],
    peers: [Peer; 2],
    /// Where each peer really is, once known.
    addresses: [Option<SocketAddr>; 2],
    /// Where each learned peer was heard from last, and when.
    learned: [Option<(SocketAddr, Instant)>; 2],
    bell: UdpSocket,
    inbox: Receiver<Command>,
    path: Duplex<Vec<u8>>,
    spare: Vec<Vec<u8>>,
    receive_buffer: Vec<u8>,
    counters: RelayStats,
    shared: Arc<Mutex<RelayStats>>,
}

/// Whether to go on.
#[derive(PartialEq, Eq)]
enum Flow {
    Go,
    Stop,
}

impl Worker {
    pub(super) fn new(
        sockets: [UdpSocket; 2],
        peers: [Peer; 2],
        bell: UdpSocket,
        inbox: Receiver<Command>,
        path: Duplex<Vec<u8>>,
        shared: Arc<Mutex<RelayStats>>,
    ) -> Self {
        let addresses = peers.map(|peer| match peer {
            Peer::At(address) => Some(address),
            Peer::Learned => None,
        });
        Self {
            sockets,
            peers,
            addresses,
            learned: [None; 2],
            bell,
            inbox,
            path,
            spare: Vec::with_capacity(SPARE_BUFFERS),
            receive_buffer: vec![0; LARGEST],
            counters: RelayStats::default(),
            shared,
        }
    }

    pub(super) fn run(mut self) {
        sharpen_timer();
        loop {
            if self.wait().is_err() || self.obey() == Flow::Stop {
                return;
            }
            for side in SIDES {
                self.receive(side);
            }
            self.depart();
            self.publish();
        }
    }

    fn wait(&self) -> io::Result<()> {
        let mut sources =
            [&self.sockets[0], &self.sockets[1], &self.bell].map(|socket| PollFd::new(socket, PollFlags::IN));
        let timeout = self.path.next_timeout().map(|due| {
            let wait = due.saturating_duration_since(Instant::now());
            Timespec {
                tv_sec: wait.as_secs() as _,
                tv_nsec: wait.subsec_nanos() as _,
            }
        });
        match poll(&mut sources, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn obey(&mut self) -> Flow {
        let mut ring = [0; 8];
        while self.bell.recv(&mut ring).is_ok() {}
        for command in self.inbox.try_iter() {
            match command {
                Command::Conditions { sender, config } => self.path.link_mut(sender).set_config(*config),
                Command::Blackout(on) => {
                    for side in SIDES {
                        self.path.link_mut(side).set_blackout(on);
                    }
                }
                Command::Stop => return Flow::Stop,
            }
        }
        Flow::Go
    }

    /// Takes what arrived at the address that `announcer` announces; its sender is the other side.
    fn receive(&mut self, announcer: Side) {
        let sender = announcer.other();
        for _ in 0..BURST {
            let Ok((len, source)) = self.sockets[announcer as usize].recv_from(&mut self.receive_buffer)
            else {
                return;
            };
            match self.peers[sender as usize] {
                Peer::At(address) if address != source => {
                    self.counters.strangers += 1;
                    continue;
                }
                Peer::At(_) => {}
                Peer::Learned => {
                    let now = Instant::now();
                    let known = &mut self.learned[sender as usize];
                    let other = known
                        .filter(|(address, heard)| *address != source && now.duration_since(*heard) < MOVES);
                    if other.is_some() {
                        self.counters.strangers += 1;
                        continue;
                    }
                    *known = Some((source, now));
                    self.addresses[sender as usize] = Some(source);
                }
            }
            let mut packet = self.spare.pop().unwrap_or_default();
            packet.clear();
            packet.extend_from_slice(&self.receive_buffer[..len]);
            let headers = if source.is_ipv4() { 28 } else { 48 };
            self.path.send(sender, packet, len + headers, Instant::now());
        }
    }

    /// Sends what is due.
    fn depart(&mut self) {
        while let Some(due) = self.path.next_timeout() {
            let now = Instant::now();
            let Some((receiver, packet)) = self.path.poll(now) else {
                return;
            };
            match self.addresses[receiver as usize] {
                // From the address the other side announces: that is who the receiver thinks it talks to.
                Some(address) => match self.sockets[receiver.other() as usize].send_to(&packet, address) {
                    Ok(_) => self.counters.lateness.record(now.saturating_duration_since(due)),
                    Err(_) => self.counters.send_errors += 1,
                },
                None => self.counters.unaddressed += 1,
            }
            if self.spare.len() < SPARE_BUFFERS {
                self.spare.push(packet);
            }
        }
    }

    fn publish(&mut self) {
        self.counters.a_to_b = self.path.stats(Side::A);
        self.counters.b_to_a = self.path.stats(Side::B);
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = self.counters;
    }
}

/// Lets the kernel wake this thread on time: by default it may be 50 us late to save power.
fn sharpen_timer() {
    #[cfg(target_os = "linux")]
    {
        let finest = std::num::NonZeroU64::new(1);
        // Not granted: the relay is a little less exact, and `Lateness` tells.
        let _granted = rustix::thread::set_current_timer_slack(finest);
    }
}
