//! Captions: what is said, as text, for those who want to read it. Whoever transcribes publishes them; the service hears
//! nothing.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::ParticipantId;
use super::is_false;
use crate::protocol::Millis;

/// Switches captions on or off, or says what language is spoken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetCaptions {
    /// On?
    pub on: bool,
    /// What is spoken (BCP 47). Absent: as before, `en` at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// Wants to read captions, or no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiveCaptions {
    /// Wants to?
    pub on: bool,
    /// In which language (BCP 47). Absent: as it is spoken. A caption that is not published in it comes as spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// Says what was said: of oneself, or, for bots and those who keep order, of somebody else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublishCaption {
    /// Who said it. Absent: the publisher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<ParticipantId>,
    /// The publisher's number of what was said without a break: a caption replaces an earlier one of its number.
    pub segment: u32,
    /// What was said.
    pub text: String,
    /// It changes no more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub last: bool,
    /// In which language (BCP 47). Absent: the one that is said to be spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The same in other languages, by language.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub translations: BTreeMap<String, String>,
}

impl fmt::Debug for PublishCaption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublishCaption({:?}, {})", self.speaker, self.segment)
    }
}

/// Whether there are captions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaptionsState {
    /// There are.
    pub on: bool,
    /// What is spoken (BCP 47).
    pub language: String,
    /// They are kept too: the meeting is transcribed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub transcribed: bool,
}

/// What somebody said.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Caption {
    /// Who said it.
    pub speaker: ParticipantId,
    /// Who published it, where that is somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<ParticipantId>,
    /// It replaces an earlier one of the same publisher and number.
    pub segment: u32,
    /// What was said, in the language that was asked for, where there is such a text.
    pub text: String,
    /// The text's language (BCP 47).
    pub language: String,
    /// The language that was spoken (BCP 47).
    pub spoken_language: String,
    /// It changes no more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub last: bool,
    /// When it came to the service, since the call began there.
    pub at_ms: Millis,
}

impl fmt::Debug for Caption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Caption({}, {}, {})",
            self.speaker, self.segment, self.language
        )
    }
}
