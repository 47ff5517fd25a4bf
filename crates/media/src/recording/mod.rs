//! Recording what a call sounds like at this end: the far end, and this end's microphone as it is sent.
//!
//! The real-time workers only copy blocks into preallocated queues ([`Tap`]); a thread of the recording's own puts the
//! two onto one timeline (`timeline`), mixes or keeps them apart, and writes a file that can be played up to wherever
//! it was cut off. It refuses to know calls, and whether anybody may be recorded.

mod file;
mod ogg_opus;
mod reader;
mod tap;
mod timeline;
mod wav;
mod writer;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use sidetone_opus::Bitrate;

pub use reader::{ReadError, read_ogg_opus};
pub use tap::{Piece, Tap};
pub use writer::{Recorder, Taps};

/// How a recording is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingOptions {
    /// The file. What is there is replaced.
    pub path: PathBuf,
    /// What it is written as.
    pub format: RecordingFormat,
    /// Which ends are in it, and how.
    pub content: RecordingContent,
}

impl RecordingOptions {
    /// Both ends mixed, in the format that the name ends in: `.wav`, or Ogg Opus for anything else.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let is_wav = path
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("wav"));
        Self {
            format: if is_wav {
                RecordingFormat::Wav
            } else {
                RecordingFormat::default()
            },
            content: RecordingContent::Mixed,
            path,
        }
    }
}

/// What a recording is written as. All of it is at 48 kHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingFormat {
    /// WAV with 16 bits a sample.
    Wav,
    /// Ogg Opus (RFC 7845), so many bits a second for each track.
    OggOpus(Bitrate),
}

impl Default for RecordingFormat {
    /// Most of what is recorded was coded once before, at about this rate: less would be heard. A minute takes 240 kB.
    fn default() -> Self {
        Self::OggOpus(Bitrate(32_000))
    }
}

/// Which ends are in a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingContent {
    /// Both, in one channel.
    Mixed,
    /// Each in a channel of its own: this end left, the far end right. In Ogg Opus they are coded apart, so that
    /// nothing of one is heard in the other.
    Separate,
    /// The far end alone.
    FarEnd,
}

impl RecordingContent {
    /// What is in each channel of the file.
    pub fn tracks(self) -> &'static [Track] {
        match self {
            Self::Mixed => &[Track::Both],
            Self::Separate => &[Track::ThisEnd, Track::FarEnd],
            Self::FarEnd => &[Track::FarEnd],
        }
    }
}

/// What is in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Track {
    /// This end's microphone as it was sent.
    ThisEnd,
    /// The far end as it was received.
    FarEnd,
    /// Both.
    Both,
}

/// How a recording stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordingState {
    /// Sound is written.
    Active,
    /// Sound is left out until it is resumed.
    Paused,
    /// The file is complete.
    Finished(RecordingFile),
    /// Nothing more could be written. What was written before can be played.
    Failed(RecordingError),
}

/// A file of a recording that is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingFile {
    /// The file.
    pub path: PathBuf,
    /// When the recording was begun.
    pub started: SystemTime,
    /// How long it plays. Pauses are not in it.
    pub duration: Duration,
    /// What is in each of its channels.
    pub tracks: Vec<Track>,
    /// How long it is silent because the disk was too slow and sound was lost.
    pub lost: Duration,
}

/// Why there is no recording, or no more of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The file cannot be made or written: no such folder, no permission, no space.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What kind of trouble, such as [`std::io::ErrorKind::StorageFull`].
        kind: std::io::ErrorKind,
        /// The system's words.
        reason: String,
    },
    /// The codec refused.
    #[error("codec: {0}")]
    Codec(String),
    /// The system gave no thread.
    #[error("no thread: {0}")]
    Thread(String),
}
