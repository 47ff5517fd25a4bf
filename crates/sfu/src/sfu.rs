//! The handle: starts the shards, and hands them commands. Nothing here blocks; answers come by closures that the
//! shards call.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;

use crate::config::{Config, RoomSettings};
use crate::link::{Certificate, LinkConfig, LinkError};
use crate::net::{Waiter, Waker};
use crate::room::{self, Rights, Want};
use crate::sdp::{Offer, OfferError};
use crate::shard::{Command, Shard};

/// A participant's number, unique in its room; receivers find it as contributing source.
pub type Number = u32;

/// A room: the shard it lives on, and a number that is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RoomId {
    shard: u16,
    number: u64,
}

/// Why the service did not start, or did not take a command.
#[derive(Debug, thiserror::Error)]
pub enum SfuError {
    /// A socket or a thread.
    #[error("cannot open socket or thread: {0}")]
    System(#[from] std::io::Error),
    /// No certificate, or no DTLS.
    #[error("cannot prepare DTLS: {0}")]
    Dtls(String),
    /// No shards, or too many for the ports there are.
    #[error("1 to 256 shards, on ports up to 65535")]
    Shards,
    /// More commands wait than may.
    #[error("too many commands wait")]
    Busy,
    /// The shards have ended.
    #[error("the service has ended")]
    Ended,
}

/// Why somebody could not come in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The offer cannot be answered.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// No such room.
    #[error("no such room")]
    NoRoom,
    /// Nobody to restart.
    #[error("participant {0} is not in the room")]
    Absent(Number),
    /// As many participants as there may be.
    #[error("the room or its shard is full")]
    Full,
    /// The room refuses.
    #[error(transparent)]
    Room(#[from] room::JoinError),
    /// More commands wait than may.
    #[error("too many commands wait")]
    Busy,
}

/// What happens in rooms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The participant's media can flow.
    Connected {
        /// Where.
        room: RoomId,
        /// Who.
        participant: Number,
    },
    /// The participant's link will not come to be. It stays in the room until it leaves or restarts.
    Failed {
        /// Where.
        room: RoomId,
        /// Who.
        participant: Number,
        /// Why.
        error: LinkError,
    },
    /// No sign of the participant (RFC 7675). It stays in the room until it leaves.
    Lost {
        /// Where.
        room: RoomId,
        /// Who.
        participant: Number,
    },
    /// A lost participant is there again.
    Back {
        /// Where.
        room: RoomId,
        /// Who.
        participant: Number,
    },
    /// A picture begins or ends in a slot of the participant's.
    Shown {
        /// Where.
        room: RoomId,
        /// Who sees it.
        participant: Number,
        /// Identification tag of the media section.
        mid: String,
        /// Who is seen. None: the slot is empty.
        shown: Option<Number>,
    },
    /// The participant's path carries more cameras than before, or fewer.
    Carries {
        /// Where.
        room: RoomId,
        /// Who sees them.
        participant: Number,
        /// How many, no more than it has slots.
        cameras: usize,
    },
    /// The dominant speakers changed.
    Speakers {
        /// Where.
        room: RoomId,
        /// The active one first.
        speakers: Vec<Number>,
    },
}

/// What one participant's packets came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParticipantStats {
    /// Who.
    pub number: Number,
    /// Whether media can flow.
    pub connected: bool,
    /// Packets and bytes of RTP payload that came.
    pub packets_received: u64,
    /// See above.
    pub bytes_received: u64,
    /// Packets and bytes of RTP payload that were sent to it.
    pub packets_sent: u64,
    /// See above.
    pub bytes_sent: u64,
    /// Datagrams dropped, for whatever reason.
    pub dropped: u64,
    /// Packets above what it may send.
    pub flooded: u64,
    /// What it says it missed of the last second's packets, in 256ths (RFC 3550 section 6.4.1), the worst slot.
    pub fraction_lost: u8,
    /// Between it and us, in microseconds.
    pub round_trip: Option<u32>,
}

/// What a room's packets came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomStats {
    /// What the room did with packets.
    pub counters: room::Counters,
    /// Everybody in it.
    pub participants: Vec<ParticipantStats>,
}

/// What a shard's datagrams came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardStats {
    /// Rooms there are.
    pub rooms: usize,
    /// Participants there are.
    pub participants: usize,
    /// Datagrams that came.
    pub received: u64,
    /// Datagrams that were sent, and the system calls it took.
    pub sent: u64,
    /// See above.
    pub calls: u64,
    /// Datagrams that could not be sent.
    pub unsent: u64,
    /// From nobody we know, or of no protocol we speak.
    pub unknown: u64,
    /// Longer than an Ethernet frame.
    pub oversized: u64,
    /// From somebody we know, but not authentic, replayed or malformed.
    pub refused: u64,
    /// Media that belong to nothing that was negotiated.
    pub unsorted: u64,
    /// Media above the limits of a participant.
    pub flooded: u64,
}

struct Handle {
    commands: SyncSender<Command>,
    waker: Waker,
    address: SocketAddr,
    /// Rooms and participants.
    load: Arc<AtomicUsize>,
}

struct Inner {
    shards: Vec<Handle>,
    next_room: AtomicU64,
    fingerprint: crate::link::Fingerprint,
}

impl Drop for Inner {
    fn drop(&mut self) {
        for shard in &self.shards {
            let _ = shard.commands.try_send(Command::Stop);
            shard.waker.wake();
        }
    }
}

/// The service. Clones are handles of the same; the threads end with the last.
#[derive(Clone)]
pub struct Sfu(Arc<Inner>);

impl Sfu {
    /// Starts the shards. `on_event` is called on their threads and must not block.
    ///
    /// # Errors
    /// [`SfuError`]: nothing has been started.
    pub fn start(
        config: &Config,
        on_event: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<Self, SfuError> {
        if !(1..=256).contains(&config.shards) {
            return Err(SfuError::Shards);
        }
        let certificate = match &config.certificate {
            Some(certificate) => certificate.clone(),
            None => Certificate::generate().ok_or_else(|| SfuError::Dtls("no certificate".into()))?,
        };
        let link = LinkConfig::new(certificate, config.limits.consent)
            .map_err(|error| SfuError::Dtls(error.to_string()))?;
        let on_event: Arc<dyn Fn(Event) + Send + Sync> = Arc::new(on_event);
        let mut ready = Vec::new();
        for n in 0..config.shards {
            let port = match config.port {
                0 => 0,
                first => u16::try_from(n)
                    .ok()
                    .and_then(|n| first.checked_add(n))
                    .ok_or(SfuError::Shards)?,
            };
            let socket = UdpSocket::bind((config.bind, port))?;
            let port = socket.local_addr()?.port();
            let ips = if config.advertise.is_empty() {
                vec![config.bind]
            } else {
                config.advertise.clone()
            };
            let addresses: Vec<SocketAddr> = ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
            let (waiter, waker) = Waiter::new()?;
            let (commands, receiver) = sync_channel(config.limits.commands.max(1));
            let load = Arc::new(AtomicUsize::new(0));
            let handle = Handle {
                commands,
                waker,
                address: addresses[0],
                load: Arc::clone(&load),
            };
            let shard = Shard::new(
                socket,
                link.clone(),
                addresses,
                config.limits.clone(),
                Arc::clone(&on_event),
            )?;
            ready.push((handle, shard, waiter, receiver, load));
        }
        let mut shards = Vec::new();
        for (n, (handle, shard, waiter, receiver, load)) in ready.into_iter().enumerate() {
            thread::Builder::new()
                .name(format!("sfu-{n}"))
                .spawn(move || shard.run(&waiter, &receiver, &load))?;
            shards.push(handle);
        }
        Ok(Self(Arc::new(Inner {
            shards,
            next_room: AtomicU64::new(1),
            fingerprint: link.fingerprint(),
        })))
    }

    /// Where the shards are reached, by the best address of each.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.0.shards.iter().map(|shard| shard.address)
    }

    /// What participants know us by.
    pub fn fingerprint(&self) -> crate::link::Fingerprint {
        self.0.fingerprint
    }

    /// Opens a room on the shard that has fewest rooms and participants.
    ///
    /// # Errors
    /// [`SfuError::Busy`] and [`SfuError::Ended`].
    pub fn open_room(&self, settings: RoomSettings) -> Result<RoomId, SfuError> {
        let shards = self.0.shards.iter().enumerate();
        let (n, shard) = shards
            .min_by_key(|(_, shard)| shard.load.load(Relaxed))
            .ok_or(SfuError::Ended)?;
        let id = RoomId {
            shard: n as u16,
            number: self.0.next_room.fetch_add(1, Relaxed),
        };
        // Until the shard counts itself.
        shard.load.fetch_add(1, Relaxed);
        self.send(id, Command::Open(id, settings))?;
        Ok(id)
    }

    /// Ends a room. Its participants are forgotten.
    ///
    /// # Errors
    /// [`SfuError::Busy`] and [`SfuError::Ended`], as with all that follow.
    pub fn close_room(&self, room: RoomId) -> Result<(), SfuError> {
        self.send(room, Command::Close(room))
    }

    /// Lets somebody in, by its offer. One of the same number that is there already is replaced. `reply` gets the
    /// answer, or why there is none, on any thread.
    pub fn join(
        &self,
        room: RoomId,
        number: Number,
        offer: &str,
        rights: Rights,
        reply: impl FnOnce(Result<String, JoinError>) + Send + 'static,
    ) {
        self.offer(room, offer, Box::new(reply), |offer, reply| Command::Join {
            room,
            number,
            offer,
            rights,
            reply,
        });
    }

    /// Takes another offer of somebody who is in: to restart ICE, or because what it sends or has room for changed.
    /// With another certificate it is as a new join with the same rights.
    pub fn restart(
        &self,
        room: RoomId,
        number: Number,
        offer: &str,
        reply: impl FnOnce(Result<String, JoinError>) + Send + 'static,
    ) {
        self.offer(room, offer, Box::new(reply), |offer, reply| Command::Restart {
            room,
            number,
            offer,
            reply,
        });
    }

    fn offer(
        &self,
        room: RoomId,
        offer: &str,
        reply: crate::shard::JoinReply,
        command: impl FnOnce(Box<Offer>, crate::shard::JoinReply) -> Command,
    ) {
        // Read here, so that what people send costs a shard nothing.
        let offer = match Offer::parse(offer) {
            Ok(offer) => Box::new(offer),
            Err(error) => return reply(Err(error.into())),
        };
        if let Err(Command::Join { reply, .. } | Command::Restart { reply, .. }) =
            self.push(room, command(offer, reply))
        {
            reply(Err(JoinError::Busy));
        }
    }

    /// Changes what somebody may do, at once.
    ///
    /// # Errors
    /// See [`Sfu::close_room`].
    pub fn set_rights(&self, room: RoomId, number: Number, rights: Rights) -> Result<(), SfuError> {
        self.send(room, Command::Rights(room, number, rights))
    }

    /// Somebody is gone.
    ///
    /// # Errors
    /// See [`Sfu::close_room`].
    pub fn leave(&self, room: RoomId, number: Number) -> Result<(), SfuError> {
        self.send(room, Command::Leave(room, number))
    }

    /// What somebody wants to see, and how many cameras at most: see [`room::Room::watch`] and
    /// [`room::Room::show_cameras`].
    ///
    /// # Errors
    /// See [`Sfu::close_room`].
    pub fn watch(
        &self,
        room: RoomId,
        number: Number,
        wants: Vec<Want>,
        cameras: Option<usize>,
    ) -> Result<(), SfuError> {
        self.send(room, Command::Watch(room, number, wants, cameras))
    }

    /// Whom everybody sees first: see [`room::Room::spotlight`].
    ///
    /// # Errors
    /// See [`Sfu::close_room`].
    pub fn spotlight(&self, room: RoomId, numbers: Vec<Number>) -> Result<(), SfuError> {
        self.send(room, Command::Spotlight(room, numbers))
    }

    /// How a room is doing. `reply` gets none where there is no such room.
    ///
    /// # Errors
    /// See [`Sfu::close_room`].
    pub fn stats(
        &self,
        room: RoomId,
        reply: impl FnOnce(Option<RoomStats>) + Send + 'static,
    ) -> Result<(), SfuError> {
        self.send(room, Command::Stats(room, Box::new(reply)))
    }

    /// How each shard is doing; `reply` is called once for each.
    ///
    /// # Errors
    /// See [`Sfu::close_room`].
    pub fn load(&self, reply: impl Fn(ShardStats) + Send + Sync + 'static) -> Result<(), SfuError> {
        let reply = Arc::new(reply);
        for shard in &self.0.shards {
            let reply = Arc::clone(&reply);
            put(shard, Command::Load(Box::new(move |stats| reply(stats)))).map_err(|(error, _)| error)?;
        }
        Ok(())
    }

    fn send(&self, room: RoomId, command: Command) -> Result<(), SfuError> {
        let shard = self
            .0
            .shards
            .get(usize::from(room.shard))
            .ok_or(SfuError::Ended)?;
        put(shard, command).map_err(|(error, _)| error)
    }

    /// Gives the command back where it is not taken.
    fn push(&self, room: RoomId, command: Command) -> Result<(), Command> {
        match self.0.shards.get(usize::from(room.shard)) {
            Some(shard) => put(shard, command).map_err(|(_, command)| command),
            None => Err(command),
        }
    }
}

fn put(shard: &Handle, command: Command) -> Result<(), (SfuError, Command)> {
    let result = shard.commands.try_send(command).map_err(|error| match error {
        TrySendError::Full(command) => (SfuError::Busy, command),
        TrySendError::Disconnected(command) => (SfuError::Ended, command),
    });
    shard.waker.wake();
    result
}
