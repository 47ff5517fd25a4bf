//! What a participant brings into a room, what it may do there and what it wants to see.

use super::packet::{Formats, Media};

/// Most simulcast layers of one video.
pub const MAX_LAYERS: usize = 3;

/// Most slots of one media that a participant may have.
pub const MAX_SLOTS: usize = 64;

/// What a participant may do. What it sends without the right is dropped here, whatever it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// To be heard.
    pub audio: bool,
    /// To show its camera.
    pub video: bool,
    /// To share its screen.
    pub share: bool,
    /// To hear and see others.
    pub receive: bool,
}

impl Rights {
    /// Everything.
    pub const ALL: Self = Self {
        audio: true,
        video: true,
        share: true,
        receive: true,
    };
    /// Only to hear and see.
    pub const LISTENER: Self = Self {
        audio: false,
        video: false,
        share: false,
        receive: true,
    };
    /// Nothing, as in a lobby.
    pub const NONE: Self = Self {
        receive: false,
        ..Self::LISTENER
    };

    /// Whether `media` may be sent.
    pub fn may_send(&self, media: Media) -> bool {
        match media {
            Media::Audio => self.audio,
            Media::Video => self.video,
            Media::Share => self.share,
        }
    }
}

/// A slot as negotiated with the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotConfig {
    /// The SSRC everything in this slot is sent with.
    pub ssrc: u32,
    /// Payload types of the receiver. A format without one is not sent; redundant audio is then reduced to its
    /// primary frame.
    pub formats: Formats,
    /// Identifier of the audio level extension (RFC 6464), 1 to 14, where negotiated.
    pub level_id: Option<u8>,
    /// The same of the absolute capture time.
    pub capture_id: Option<u8>,
    /// The same of the playout delay.
    pub playout_id: Option<u8>,
}

/// The slots of a participant, in order: [`Slot::number`](super::Slot::number) counts in these.
#[derive(Clone, Debug, Default)]
pub struct Receive {
    /// Where voices are heard.
    pub audio: Vec<SlotConfig>,
    /// Where cameras are seen.
    pub video: Vec<SlotConfig>,
    /// Where shared screens are seen.
    pub share: Vec<SlotConfig>,
}

/// Someone comes in.
#[derive(Clone, Debug)]
pub struct Joining {
    /// Its number, which receivers find as CSRC in what it sent. One participant of a room has it at a time.
    pub number: u32,
    /// What it may do.
    pub rights: Rights,
    /// What it has room for.
    pub receive: Receive,
}

/// A stream that a participant sends, as soon as its SSRC is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publication {
    /// What it carries. A participant has one stream of audio, and one of each other media and layer.
    pub media: Media,
    /// Simulcast layer, 0 is the smallest; 0 where there is one only.
    pub layer: u8,
    /// The SSRC it is sent with.
    pub ssrc: u32,
    /// Payload types of the sender.
    pub formats: Formats,
    /// Height of the picture in pixels, 0 where unknown or for audio.
    pub height: u16,
}

/// A picture that a receiver wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// The number of the participant to see.
    pub number: u32,
    /// Its camera or its screen.
    pub media: Media,
    /// Height it is shown with, in pixels.
    pub height: u16,
    /// Whether it is pinned: served before all that are not.
    pub pinned: bool,
}
