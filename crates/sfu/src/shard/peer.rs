//! A participant as its shard sees it.

use std::net::SocketAddr;
use std::time::Instant;

use super::bucket::Bucket;
use super::layout::Layout;
use super::path::Path;
use crate::link::{Credentials, Link};
use crate::room::{Media, ParticipantKey, Rights};
use crate::rtp::{Reception, TransportFeedback};
use crate::sfu::{Number, ParticipantStats};
use crate::slab::Key;

/// What a source of a participant carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carries {
    /// Media, which the room knows of.
    Media(Media),
    /// Repetitions of this source (RFC 4588).
    Repeats(u32),
}

/// A source that packets have come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    pub ssrc: u32,
    pub carries: Carries,
}

/// Most sources remembered for one participant.
pub(super) const MAX_STREAMS: usize = 64;

pub(super) struct Peer {
    pub room: Key,
    pub key: ParticipantKey,
    pub number: Number,
    pub rights: Rights,
    pub link: Link,
    pub credentials: Credentials,
    pub layout: Layout,
    pub streams: Vec<Stream>,
    /// The source of each stream that the room knows.
    pub published: Vec<((Media, u8), u32)>,
    /// Addresses that lead here.
    pub addresses: Vec<SocketAddr>,
    /// User fragments that lead here: the one in use, and that before the restart.
    pub ufrags: Vec<String>,
    /// What reports to it say.
    pub receptions: Vec<Reception>,
    pub feedback: TransportFeedback,
    pub report_due: Option<Instant>,
    pub path: Path,
    pub bucket: Bucket,
    pub stats: ParticipantStats,
    /// When its timer in the heap is due.
    pub due: Option<Instant>,
}

impl Peer {
    /// When its link or its reports want the time.
    pub fn timeout(&mut self) -> Option<Instant> {
        [self.link.poll_timeout(), self.report_due, self.feedback.due()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Makes room for one more source: forgets those that have been replaced.
    pub fn forget_replaced(&mut self) {
        let published = &self.published;
        self.streams.retain(|stream| {
            let source = match stream.carries {
                Carries::Media(_) => stream.ssrc,
                Carries::Repeats(of) => of,
            };
            published.iter().any(|(_, ssrc)| *ssrc == source)
        });
    }
}
