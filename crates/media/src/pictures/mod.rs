//! The picture engine, beside that of [`voice`](crate::voice): what cameras and screens give is coded and handed to a
//! transport's [`VideoPort`](crate::transport::video::VideoPort), and what comes from there is decoded and shown.
//!
//! Whoever captures never waits, nor does the network: encoders and decoders have threads of their own, and what comes too
//! fast for them is left out. It refuses to know calls, devices and people: a picture has a participant's number at most.

mod engine;
mod inlet;
mod plan;
mod sender;
mod stats;
mod viewer;

pub use engine::{Receiving, VideoEngine, VideoEngineConfig};
pub use inlet::Inlet;
pub use sidetone_video as coding;
pub use sidetone_video::{ContentHint, Picture, Size};
pub use stats::{InboundStream, OutboundStream, VideoReportCard};
pub use viewer::{Audience, Seen, Whose};

use crate::transport::video::VideoConfig;
use crate::video::Codec;

/// What is sent of a source, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VideoSource {
    /// What its pictures show, so what is kept where there is not enough of everything.
    pub hint: ContentHint,
    /// Most pictures a second.
    pub frame_rate: f32,
    /// Zero of its pictures' time.
    pub epoch: std::time::Instant,
}

/// How large the largest viewer shows what is sent: more is of no use to anybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShownAt {
    /// Nobody has said.
    #[default]
    Unknown,
    /// Nobody looks.
    Nowhere,
    /// In this size.
    Size(Size),
}

impl ShownAt {
    fn size(self) -> Option<Size> {
        match self {
            Self::Size(size) => Some(size),
            Self::Unknown | Self::Nowhere => None,
        }
    }
}

/// What this build can send and receive, in calls of two. Meetings may want more layers and cameras.
pub fn config() -> VideoConfig {
    VideoConfig {
        codecs: codecs(),
        screen: screen_codecs(),
        ..VideoConfig::default()
    }
}

/// Codecs that this build can code and decode, in the order in which cameras prefer them: VP8 first, which every peer has.
fn codecs() -> Vec<Codec> {
    let built = Codec::ALL.into_iter();
    built.filter(|codec| of(*codec).is_available()).collect()
}

/// Those of [`codecs`] that are better at screens than VP8, the best first. At 1080p15 and 2 Mbit/s, text that scrolls is
/// 47 dB sharp in VP9 and 42 dB in VP8, which leaves pictures out besides (`examples/codecs.rs` of `sidetone-video`).
fn screen_codecs() -> Vec<Codec> {
    let better = [Codec::Av1, Codec::Vp9].into_iter();
    better.filter(|codec| of(*codec).is_available()).collect()
}

/// The codec as the library has it.
fn of(codec: Codec) -> sidetone_video::Codec {
    match codec {
        Codec::Vp8 => sidetone_video::Codec::Vp8,
        Codec::Vp9 => sidetone_video::Codec::Vp9,
        Codec::Av1 => sidetone_video::Codec::Av1,
        Codec::H264 => sidetone_video::Codec::H264,
    }
}
