//! Notices: what everyone in a call must know at once, that it is recorded or transcribed (spec R55 to R58). The
//! whole state is told with every change, so that whoever comes late knows as much as the others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::CallId;
use crate::identifier::Identifier;

/// What is done with what people say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Its sound is kept.
    Recording,
    /// It is written down.
    Transcription,
}

/// What someone who records or transcribes says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeState {
    /// It runs.
    Active,
    /// It is interrupted.
    Paused,
    /// It does not run.
    Inactive,
}

/// `call.notice`: the sender records or transcribes the call, or no longer does. It must not begin before the answer
/// to this, and the service may refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetNotice {
    /// The call.
    pub call: CallId,
    /// What.
    pub kind: NoticeKind,
    /// Its state from now on.
    pub state: NoticeState,
    /// Everyone else must agree before they may speak. The service may ask for it where the sender does not.
    #[serde(default)]
    pub consent: bool,
}

/// Answer to `call.notice`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoticeSet {
    /// Names the recording or transcription.
    pub id: Uuid,
    /// Whether everyone else must agree before they may speak.
    pub consent: bool,
}

/// `call.consent`: the sender agrees to being recorded and transcribed in this call, or no longer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Consent {
    /// The call.
    pub call: CallId,
    /// Agrees?
    pub given: bool,
}

/// `call.notices`: every notice of a call as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notices {
    /// The call.
    pub call: CallId,
    /// What is recorded or transcribed. Empty: nothing.
    pub notices: Vec<Notice>,
    /// This endpoint must agree before it may send sound.
    #[serde(default)]
    pub consent_needed: bool,
    /// Those who have not agreed yet, where they must.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consent_missing: Vec<Identifier>,
}

/// A recording or transcription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    /// Names it.
    pub id: Uuid,
    /// What.
    pub kind: NoticeKind,
    /// Who does it.
    pub by: Identifier,
    /// Their name.
    #[serde(default)]
    pub display_name: String,
    /// It is interrupted.
    #[serde(default)]
    pub paused: bool,
}
