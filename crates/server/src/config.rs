//! How a server is set up. Every default has its reason beside it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use sidetone_ledger::Rounding;
use sidetone_organisation::Deployment;
use sidetone_signaling::protocol::{IceServer, Limits};

use crate::Secret;
use crate::chat::{ChatHook, FileScan};
use crate::events::DeliveryConfig;
use crate::identity::{IdentityQuotas, Veto};
use crate::meetings::MediaConfig;
use crate::outbound::OutboundConfig;
use crate::relay::TurnConfig;

/// Configuration of a [`crate::Server`]. Start from [`ServerConfig::default`].
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Address to listen on; port 0 takes any free one. Default: loopback, any port. Plain HTTP and WebSocket: put a
    /// reverse proxy that speaks TLS in front of anything but loopback.
    pub bind: SocketAddr,
    /// Folder for what must survive (signing key, call records); made if absent. `None`: everything in memory, a
    /// restart invalidates all tokens.
    pub data_dir: Option<PathBuf>,
    /// Who may ask this server for tokens. Default: nobody.
    pub dev_tokens: DevTokens,
    /// Shortest and longest life of a token that this server issues. Shorter limits what a stolen token is worth;
    /// longer spares clients refreshing.
    pub token_lifetimes: RangeInclusive<Duration>,
    /// Cloud, trust and approval as the operator has them. `None`: the cloud `public`, identities that
    /// nobody declared can call each other, otherwise the defaults.
    pub deployment: Option<Deployment>,
    /// A key of the API with the role of operator, at least 32 bytes long; it is not stored. `None`: at the first start
    /// one is made, stored as a digest and shown once ([`crate::ServerHandle::first_operator_key`]).
    pub operator_key: Option<Secret>,
    /// Requests that one key or token may send to the API in a second. One that sends more is told to wait.
    pub api_requests_per_second: u32,
    /// How often one resource may make, delete and exchange, in 30 seconds.
    pub identity_quotas: IdentityQuotas,
    /// Has the last word on every token for a member or an external user. Default: nobody does.
    pub token_veto: Option<Veto>,
    /// Where this server may send requests when somebody else chose the address. Default: the internet, over TLS.
    pub outbound: OutboundConfig,
    /// How long a session outlives its socket. Longer survives longer outages; a killed client is noticed later.
    pub resume_window: Duration,
    /// How long a call outlives its media when an end has no socket either.
    pub media_lease: Duration,
    /// How long endpoints ring before the call ends unanswered.
    pub no_answer: Duration,
    /// How long a connection may take to open its session.
    pub open_timeout: Duration,
    /// STUN and TURN servers handed to every client as they are.
    pub ice_servers: Vec<IceServer>,
    /// TURN servers that share a secret with this one: each session gets credentials of its own.
    pub turn: Option<TurnConfig>,
    /// Where participants of meetings send their media. `None`: there are no meetings and no group calls.
    pub media: Option<MediaConfig>,
    /// What the links of meetings begin with: an address of the operator's, whose page opens a client.
    pub meeting_links: String,
    /// How long a participant of a meeting stays on its roster without a session.
    pub roster_grace: Duration,
    /// Bounds on what one client may send and hold, in protocol terms.
    pub limits: Limits,
    /// Bounds on connections and queues.
    pub connections: ConnectionLimits,
    /// Reverse proxies whose `X-Forwarded-For` is believed. From any other peer the header is ignored.
    pub trusted_proxies: Vec<IpAddr>,
    /// How long call records are kept.
    pub keep_records: Duration,
    /// How long messages stay in a mailbox, heard or not.
    pub keep_voicemail: Duration,
    /// Participants of one chat thread at most.
    pub chat_participants: usize,
    /// Who looks through the files of chats before anybody can fetch them. Default: nobody does.
    pub file_scan: Option<FileScan>,
    /// Who looks up what is behind the addresses in messages. Default: nobody does.
    pub link_preview: Option<ChatHook>,
    /// Who translates messages for their readers. Default: nobody does.
    pub translation: Option<ChatHook>,
    /// How often chat is looked through for what retention deletes.
    pub chat_sweep: Duration,
    /// How events are delivered to webhooks, and for how long they are kept.
    pub deliveries: DeliveryConfig,
    /// How seconds of use become minutes on a report. What is kept are seconds.
    pub usage_rounding: Rounding,
    /// How long [`crate::ServerHandle::shutdown`] waits for clients that were told to leave.
    pub shutdown_grace: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        let switchboard = sidetone_signaling::switchboard::SwitchboardConfig::default();
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            data_dir: None,
            dev_tokens: DevTokens::Off,
            token_lifetimes: Duration::from_secs(3600)..=Duration::from_secs(24 * 3600),
            deployment: None,
            operator_key: None,
            // An import of a hundred thousand members is a hundred requests; a program in a loop is not waited for.
            api_requests_per_second: 100,
            identity_quotas: IdentityQuotas::default(),
            token_veto: None,
            outbound: OutboundConfig::default(),
            resume_window: switchboard.resume_window,
            media_lease: switchboard.media_lease,
            no_answer: switchboard.no_answer,
            open_timeout: switchboard.open_timeout,
            ice_servers: Vec::new(),
            turn: None,
            media: Some(MediaConfig::default()),
            meeting_links: sidetone_meeting::Config::default().link_base,
            roster_grace: sidetone_meeting::Config::default().roster_grace,
            limits: switchboard.limits,
            connections: ConnectionLimits::default(),
            trusted_proxies: Vec::new(),
            keep_records: Duration::from_secs(30 * 24 * 3600),
            keep_voicemail: Duration::from_secs(30 * 24 * 3600),
            chat_participants: 1_000,
            file_scan: None,
            link_preview: None,
            translation: None,
            // Retention counts in days.
            chat_sweep: Duration::from_secs(3600),
            deliveries: DeliveryConfig::default(),
            usage_rounding: Rounding::default(),
            shutdown_grace: Duration::from_secs(5),
        }
    }
}

/// Who may use `POST /v1/dev/token`, which gives anyone a token for any identity. For development and tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DevTokens {
    /// Nobody: the address answers 404.
    #[default]
    Off,
    /// Programs on this machine that connect directly. Requests forwarded by a proxy count as remote.
    Loopback,
    /// Anyone who reaches the server. Never on a network that you do not own.
    Anyone,
}

/// Bounds on connections and queues.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// Connections in all. Each idle one costs about 20 KiB here and more in the kernel.
    pub max: usize,
    /// Connections from one address (of IPv6: one /64). Large enough for an office behind one address.
    pub max_per_address: usize,
    /// Frames that may wait for one client that reads slowly. A resuming client gets its missed events at once, so
    /// not below [`Limits::unacknowledged_events`].
    pub send_queue_frames: usize,
    /// Bytes that may wait for one client that reads slowly.
    pub send_queue_bytes: usize,
    /// How long one frame may take to be handed to the network.
    pub write_timeout: Duration,
    /// A connection is pinged this often. Below the idle time-out of common proxies and address translators (60 s).
    pub ping_interval: Duration,
    /// A connection from which nothing came for this long, no pong either, is dead.
    pub idle_timeout: Duration,
    /// How long a client may take to send the head of a request, or to send the next request on the same connection.
    pub header_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            max: 10_000,
            max_per_address: 1_000,
            send_queue_frames: 1_024,
            send_queue_bytes: 2 * 1024 * 1024,
            write_timeout: Duration::from_secs(10),
            ping_interval: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(50),
            header_timeout: Duration::from_secs(10),
        }
    }
}
