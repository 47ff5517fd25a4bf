//! What a service is started with, and what a room is opened with.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::link::{CONSENT, Certificate};

/// How to start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to bind. Unspecified for all of them.
    pub bind: IpAddr,
    /// Port of the first shard; the others follow. 0: the system chooses each.
    pub port: u16,
    /// Addresses under which participants reach us, the best first. Empty: that of `bind`.
    pub advertise: Vec<IpAddr>,
    /// Threads, each with its socket and rooms. At least 1.
    pub shards: usize,
    /// What participants may use.
    pub limits: Limits,
    /// Our certificate. None: a fresh one.
    pub certificate: Option<Certificate>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            advertise: Vec::new(),
            shards: 1,
            limits: Limits::default(),
            certificate: None,
        }
    }
}

/// What one participant, or one shard, may use.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Media packets a participant may send in a second; twice as many at once.
    pub packets_per_second: u32,
    /// Media bytes a participant may send in a second; twice as many at once.
    pub bytes_per_second: u32,
    /// Time without checks after which a participant counts as lost (RFC 7675).
    pub consent: Duration,
    /// Commands that may wait for a shard.
    pub commands: usize,
    /// Participants of one shard.
    pub participants: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Three layers of video and a screen, at most.
            packets_per_second: 3_000,
            bytes_per_second: 2_500_000,
            consent: CONSENT,
            commands: 4_096,
            participants: 10_000,
        }
    }
}

/// How to open a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomSettings {
    /// Most participants at a time.
    pub participants: usize,
    /// Most slots of a participant for voices; sections beyond are answered inactive.
    pub audio_slots: usize,
    /// For cameras.
    pub video_slots: usize,
    /// For shared screens.
    pub share_slots: usize,
}

impl Default for RoomSettings {
    fn default() -> Self {
        Self {
            participants: 1_000,
            audio_slots: 6,
            video_slots: 16,
            share_slots: 1,
        }
    }
}
