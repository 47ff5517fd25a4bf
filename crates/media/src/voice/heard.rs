//! Who is heard now, and how loud: what a list of participants lights up by. It refuses to know names.

use serde::{Deserialize, Serialize};

use super::LinkId;

/// Everybody who is heard now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Heard {
    /// Streams with a voice in them, by link and slot.
    pub speaking: Vec<Speaking>,
    /// Root mean square of everything together as it goes to the speaker, 0 to 1.
    pub audio_level: f64,
}

/// One talker.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Speaking {
    /// The link it comes over.
    pub link: LinkId,
    /// Which of its streams.
    pub slot: u8,
    /// The participant's number in a meeting, where packets tell it (RFC 3550 section 5.1, CSRC).
    pub source: Option<u32>,
    /// Root mean square of the last tenth of a second, 0 to 1.
    pub audio_level: f64,
}
