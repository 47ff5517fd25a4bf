//! One stream that a participant sends: its numbering, its place in time, who receives it, and what it may cost.

use super::activity::Activity;
use super::config::Publication;
use super::intake::Intake;
use super::limit::Limit;
use super::meter::Meter;
use super::packet::{Format, Formats, Media};
use super::slab::Key;
use super::timeline::Timeline;
use super::video::Counters;

/// Longest payload, in bytes: no more fits an Ethernet frame.
pub(crate) const MAX_PAYLOAD: usize = 1500;

#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) owner: Key,
    /// The owner's number.
    pub(crate) number: u32,
    pub(crate) media: Media,
    pub(crate) height: u16,
    pub(crate) formats: Formats,
    pub(crate) intake: Intake,
    pub(crate) timeline: Timeline,
    pub(crate) activity: Activity,
    /// When its pause was last announced, in microseconds.
    pub(crate) announced: u64,
    /// Slots that it is shown in.
    pub(crate) subscribers: Vec<u32>,
    limit: Limit,
    /// Of the newest picture.
    pub(crate) counters: Counters,
    /// Slots that will show it from its next keyframe on.
    pub(crate) waiting: Vec<u32>,
    pub(crate) meter: Meter,
    /// When a keyframe was asked for.
    pub(crate) asked: Option<u64>,
    /// How the newest packet was coded.
    pub(crate) format: Option<Format>,
    /// Whether the dominant speakers are chosen among it and others.
    pub(crate) warm: bool,
    /// A layer that its sender has switched off: others of the same picture go on without it.
    pub(crate) stopped: bool,
    /// Frames of smaller layers since its last.
    pub(crate) missed: u8,
}

impl Stream {
    pub(crate) fn new(owner: Key, number: u32, publication: &Publication) -> Self {
        let (intake, timeline) = match publication.media {
            // 128 packets are 2.5 s of frames of 20 ms; 16 KB carry a second of them three times over.
            Media::Audio => (Intake::new(128, 1 << 14, 2_500), Timeline::new(48_000, 960)),
            // About a second of 1, 2 and 4 Mbit/s.
            Media::Video | Media::Share => {
                let bytes = 1 << (17 + u32::from(publication.layer.min(2)));
                let bytes = if publication.media == Media::Share {
                    1 << 19
                } else {
                    bytes
                };
                (Intake::new(1024, bytes, 100), Timeline::new(90_000, 0))
            }
        };
        Self {
            owner,
            number,
            media: publication.media,
            height: publication.height,
            formats: publication.formats,
            intake,
            timeline,
            activity: Activity::new(),
            announced: 0,
            subscribers: Vec::new(),
            limit: Limit::default(),
            counters: Counters::default(),
            waiting: Vec::new(),
            meter: Meter::default(),
            asked: None,
            format: None,
            warm: false,
            stopped: false,
            missed: 0,
        }
    }

    /// Whether a packet of `len` bytes may come now. 500 packets and 1 Mbit/s of audio, 10,000 packets and 20 Mbit/s of
    /// a picture are more than anybody needs; a second's worth may come at once, after the network stood still.
    pub(crate) fn may_come(&mut self, now: u64, len: usize) -> bool {
        let cost = match self.media {
            Media::Audio => (8 * len as u64).max(2_000),
            Media::Video | Media::Share => (2 * len as u64 / 5).max(100),
        };
        self.limit.allow(now, cost, 1_000_000)
    }
}
