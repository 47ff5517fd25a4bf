//! Meetings and group calls as the service runs them: their brain beside the switchboard ([`Stage`]), what carries their
//! media ([`Media`]), and their addresses in the API. What a meeting is, is `sidetone_organisation`'s to say, and who is
//! in it `sidetone_meeting`'s; here they are driven, kept and shown.

mod attendance;
mod breakouts;
mod conversation;
mod http;
mod media;
mod minutes;
mod people;
mod running;
mod stage;
mod told;

pub(crate) use attendance::Attendance;
pub(crate) use conversation::follow as follow_conversations;
pub(crate) use http::{Desk, router};
pub(crate) use media::{Media, NoMedia, SfuMedia};
pub(crate) use people::WorldPeople;
pub(crate) use running::Running;
pub(crate) use stage::{Present, Stage};

use std::net::{IpAddr, Ipv4Addr};

/// Where participants of meetings send their media, and where they are told to.
#[derive(Clone, Debug)]
pub struct MediaConfig {
    /// The address to receive at.
    pub bind: IpAddr,
    /// The port of the first thread, the others follow; 0 takes any free ones.
    pub port: u16,
    /// The addresses that clients are told, the best first: the public one behind an address translator. Empty: `bind`.
    pub advertise: Vec<IpAddr>,
    /// Threads, each with its own socket. A meeting is on one of them.
    pub threads: usize,
    /// How many voices each participant is sent at a time, where a meeting says nothing else. Each costs every
    /// participant a stream of sound.
    pub voices: u8,
    /// The most that a meeting may choose instead.
    pub most_voices: u8,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            advertise: Vec::new(),
            threads: 1,
            voices: 6,
            most_voices: 16,
        }
    }
}
