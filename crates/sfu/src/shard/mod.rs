//! One thread with one socket, and the rooms that live on it. It reads the clock and hands the time to the links and
//! rooms; no lock is taken, and nothing is allocated for a packet.

mod bucket;
mod command;
mod control;
mod layout;
mod media;
mod members;
mod moderation;
mod path;
mod peer;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant, SystemTime};

pub(crate) use command::{Command, JoinReply};

use self::control::WallClock;
use self::moderation::Moderation;
use self::peer::Peer;
use crate::config::{Limits, RoomSettings};
use crate::link::{LinkConfig, LinkEvent, Protocol, Received, ufrag_of_check};
use crate::net::{Incoming, Receiving, Sending, Waiter, enlarge};
use crate::room::Room;
use crate::sfu::{Event, Number, RoomId, ShardStats};
use crate::slab::{Key, Slab};

/// Longest sleep.
const IDLE: Duration = Duration::from_secs(1);

/// Batches taken before commands and timers have their turn.
const BATCHES: usize = 8;

/// Buffers of the socket: some tenths of a second of a full shard.
const SOCKET_BUFFER: usize = 8 << 20;

/// Something with a time-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Peer(u32, u32),
    Room(u32, u32),
}

/// A room, and who is in it.
struct Hosted {
    id: RoomId,
    settings: RoomSettings,
    room: Room,
    /// By the index of the participant's key.
    members: Vec<Option<Key>>,
    numbers: HashMap<Number, Key>,
    due: Option<Instant>,
    /// Whether it is in `touched`.
    touched: bool,
}

/// All of a thread.
pub(crate) struct Shard {
    socket: UdpSocket,
    link: LinkConfig,
    addresses: Vec<SocketAddr>,
    limits: Limits,
    on_event: Arc<dyn Fn(Event) + Send + Sync>,
    peers: Slab<Peer>,
    rooms: Slab<Hosted>,
    by_room: HashMap<RoomId, Key>,
    by_address: HashMap<SocketAddr, Key>,
    by_ufrag: HashMap<String, Key>,
    timers: BinaryHeap<Reverse<(Instant, Timer)>>,
    /// Rooms that have had packets since their events were taken.
    touched: Vec<Key>,
    clock: WallClock,
    sending: Sending,
    /// Somebody is coming in, and waits for each answer.
    hurried: bool,
    stats: ShardStats,
}

impl Shard {
    pub fn new(
        socket: UdpSocket,
        link: LinkConfig,
        addresses: Vec<SocketAddr>,
        limits: Limits,
        on_event: Arc<dyn Fn(Event) + Send + Sync>,
    ) -> std::io::Result<Self> {
        socket.set_nonblocking(true)?;
        enlarge(&socket, SOCKET_BUFFER);
        Ok(Self {
            sending: Sending::new(&socket),
            socket,
            link,
            addresses,
            limits,
            on_event,
            peers: Slab::default(),
            rooms: Slab::default(),
            by_room: HashMap::new(),
            by_address: HashMap::new(),
            by_ufrag: HashMap::new(),
            timers: BinaryHeap::new(),
            touched: Vec::new(),
            clock: WallClock::new(Instant::now(), SystemTime::now()),
            hurried: false,
            stats: ShardStats::default(),
        })
    }

    /// Serves until told to stop.
    pub fn run(mut self, waiter: &Waiter, commands: &Receiver<Command>, load: &AtomicUsize) {
        let mut receiving = Receiving::default();
        let mut moderation = Moderation::new(Instant::now());
        let mut woken = false;
        loop {
            let start = Instant::now();
            let (mut now, mut taken) = (start, 0);
            if woken {
                loop {
                    match commands.try_recv() {
                        Ok(Command::Stop) | Err(TryRecvError::Disconnected) => return,
                        Ok(command) => self.command(now, command),
                        Err(TryRecvError::Empty) => break,
                    }
                }
                load.store(self.rooms.len() + self.peers.len(), Relaxed);
                now = Instant::now();
            }
            for _ in 0..BATCHES {
                let mut cut = 0;
                // An error is that of a datagram we sent, which its sender's silence tells as well.
                let count = receiving.receive(&self.socket, &mut cut).unwrap_or(0);
                self.stats.oversized += cut;
                for n in 0..count {
                    if let Some(incoming) = receiving.get(n) {
                        self.datagram(now, incoming);
                    }
                }
                self.settle();
                self.sending.flush(&self.socket);
                taken += count;
                // What came meanwhile ends the wait at once.
                if count < Receiving::BATCH {
                    break;
                }
                now = Instant::now();
            }
            self.time(now);
            self.settle();
            self.sending.flush(&self.socket);
            let end = Instant::now();
            let next = self.timers.peek().map_or(IDLE, |Reverse((at, _))| {
                at.saturating_duration_since(end).min(IDLE)
            });
            let rest = moderation.round(start, end, taken);
            woken = match rest.filter(|_| !std::mem::take(&mut self.hurried)) {
                Some(rest) => waiter.rest(rest.min(next)),
                None => waiter.wait(&self.socket, next),
            };
        }
    }

    /// Takes a datagram to whom it is for.
    fn datagram(&mut self, now: Instant, incoming: Incoming<'_>) {
        let Incoming { from, datagram } = incoming;
        self.stats.received += 1;
        let key = match Protocol::of(datagram) {
            // Checks say whom they are for, and so find their way from a new address.
            Some(Protocol::Stun) => ufrag_of_check(datagram).and_then(|ufrag| self.by_ufrag.get(ufrag)),
            Some(protocol) => {
                self.hurried |= protocol == Protocol::Dtls;
                self.by_address.get(&from)
            }
            None => None,
        };
        let Some((key, peer)) = key.and_then(|key| Some((*key, self.peers.get_mut(*key)?))) else {
            self.stats.unknown += 1;
            return;
        };
        let (sending, socket) = (&mut self.sending, &self.socket);
        let received = peer.link.receive(now, from, datagram, &mut |to, datagram| {
            reply(sending, socket, to, key, datagram);
        });
        match received {
            Ok(Received::Own) => {
                self.link_events(now, key);
                self.schedule(key);
            }
            Ok(Received::Rtp(length)) => {
                if let Some(packet) = datagram.get(..length) {
                    self.media(now, key, packet);
                }
            }
            Ok(Received::Rtcp(length)) => {
                if let Some(packet) = datagram.get(..length) {
                    self.control(now, key, packet);
                }
            }
            Err(_) => {
                peer.stats.dropped += 1;
                self.stats.refused += 1;
            }
        }
    }

    /// Takes what a link has to say.
    fn link_events(&mut self, now: Instant, key: Key) {
        while let Some(peer) = self.peers.get_mut(key) {
            let Some(event) = peer.link.poll_event() else {
                return;
            };
            let participant = peer.number;
            let Some(room) = self.rooms.get(peer.room).map(|hosted| hosted.id) else {
                return;
            };
            match event {
                LinkEvent::Address(address) => self.claim(address, key),
                LinkEvent::Connected => {
                    peer.stats.connected = true;
                    self.connected(now, key);
                    (self.on_event)(Event::Connected { room, participant });
                }
                LinkEvent::Lost => (self.on_event)(Event::Lost { room, participant }),
                LinkEvent::Back => (self.on_event)(Event::Back { room, participant }),
                LinkEvent::Failed(error) => (self.on_event)(Event::Failed {
                    room,
                    participant,
                    error,
                }),
            }
        }
    }

    /// What comes from an address is this peer's from now on, unless somebody receives there: nobody takes what is
    /// another's by a forged source address.
    fn claim(&mut self, address: SocketAddr, key: Key) {
        if let Some(owner) = self.by_address.get(&address).copied() {
            if owner == key {
                return;
            }
            if let Some(other) = self.peers.get_mut(owner) {
                if other.link.remote() == Some(address) {
                    return;
                }
                other.addresses.retain(|of| *of != address);
            }
        }
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        peer.addresses.push(address);
        self.by_address.insert(address, key);
        // A peer that keeps moving leaves no trail.
        if peer.addresses.len() > 8 {
            let oldest = peer.addresses.remove(0);
            self.by_address.remove(&oldest);
        }
    }

    /// Puts the next time-out of a peer into the heap, where it is earlier than what is there.
    fn schedule(&mut self, key: Key) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let next = peer.timeout();
        if let Some(next) = next
            && peer.due.is_none_or(|due| next < due)
        {
            peer.due = Some(next);
            let timer = Timer::Peer(key.index, key.generation);
            self.timers.push(Reverse((next, timer)));
        }
    }

    fn schedule_room(&mut self, key: Key) {
        let Some(hosted) = self.rooms.get_mut(key) else {
            return;
        };
        if let Some(next) = hosted.room.timeout()
            && hosted.due.is_none_or(|due| next < due)
        {
            hosted.due = Some(next);
            let timer = Timer::Room(key.index, key.generation);
            self.timers.push(Reverse((next, timer)));
        }
    }

    /// Runs what is due.
    fn time(&mut self, now: Instant) {
        while let Some(Reverse((at, timer))) = self.timers.peek().copied() {
            if at > now {
                break;
            }
            self.timers.pop();
            match timer {
                Timer::Peer(index, generation) => {
                    let key = Key { index, generation };
                    let Some(peer) = self.peers.get_mut(key) else {
                        continue;
                    };
                    // An earlier one has been put in since.
                    if peer.due != Some(at) {
                        continue;
                    }
                    peer.due = None;
                    let (sending, socket) = (&mut self.sending, &self.socket);
                    peer.link.timeout(now, &mut |to, datagram| {
                        reply(sending, socket, to, key, datagram);
                    });
                    self.report(now, key);
                    self.link_events(now, key);
                    self.schedule(key);
                }
                Timer::Room(index, generation) => {
                    let key = Key { index, generation };
                    let Some(hosted) = self.rooms.get_mut(key) else {
                        continue;
                    };
                    if hosted.due != Some(at) {
                        continue;
                    }
                    hosted.due = None;
                    hosted.room.handle_timeout(now);
                    self.touch(key);
                    self.schedule_room(key);
                }
            }
        }
    }

    /// Remembers that a room may have events.
    fn touch(&mut self, key: Key) {
        if let Some(hosted) = self.rooms.get_mut(key)
            && !std::mem::replace(&mut hosted.touched, true)
        {
            self.touched.push(key);
        }
    }
}

/// Sends a datagram that is not media.
fn reply(sending: &mut Sending, socket: &UdpSocket, to: SocketAddr, key: Key, datagram: &[u8]) {
    sending.queue(socket, to, key.index, |buffer| {
        buffer.get_mut(..datagram.len())?.copy_from_slice(datagram);
        Some(datagram.len())
    });
}
