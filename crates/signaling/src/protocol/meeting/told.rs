//! What a client is told of a meeting.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Capabilities, Capability, Kind, Participant, ParticipantId, Passage, PersonKind, Role};
use crate::end_reason::Reason;
use crate::identifier::Identifier;
use crate::protocol::chat::ThreadId;
use crate::protocol::{CallId, Millis};

/// `meeting.incoming`: somebody asks this identity to come. Answer with `meeting.join` by the call, or with
/// `meeting.decline`; [`Ended`] follows where it no longer rings here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Incoming {
    /// The call.
    pub call: CallId,
    /// Who asks.
    pub from: Identifier,
    /// Their name.
    #[serde(default)]
    pub display_name: String,
    /// What kind of gathering it is.
    pub kind: Kind,
    /// What it is about.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// Who was asked, where this identity is rung in their place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<Identifier>,
    /// The conversation that the call comes out of, where this identity takes part in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<ThreadId>,
}

/// `meeting.moved`: a call of two goes on through the service, for more than two. Join it by its id, with new media,
/// and let go of the old when the new is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Moved {
    /// The call.
    pub call: CallId,
}

/// `meeting.state`: this endpoint was let in, or waits for something else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct State {
    /// The call.
    pub call: CallId,
    /// In, or before the door.
    #[serde(flatten)]
    pub passage: Passage,
    /// The link by which others can join, for those who were let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The conversation beside it, for those who were let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Links are secrets.
        f.debug_struct("State")
            .field("call", &self.call)
            .field("passage", &self.passage)
            .finish_non_exhaustive()
    }
}

/// `meeting.roster`: who came, changed and left since the last one. In large meetings those who only listen are counted
/// and not listed, for those who may not see their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Roster {
    /// The call.
    pub call: CallId,
    /// Begin with nobody: this and those that follow are the whole roster.
    #[serde(default, skip_serializing_if = "is_false")]
    pub snapshot: bool,
    /// How many there are in all, listed or not.
    pub total: u32,
    /// New ones, and old ones as they are now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub present: Vec<Participant>,
    /// Those who are there no longer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Left>,
}

/// Somebody who is on the roster no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Left {
    /// Who.
    pub participant: ParticipantId,
    /// Why.
    pub reason: Reason,
}

/// `meeting.lobby`: who began to wait and who no longer does, for those who may let them in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lobby {
    /// The call.
    pub call: CallId,
    /// Begin with nobody.
    #[serde(default, skip_serializing_if = "is_false")]
    pub snapshot: bool,
    /// They wait.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<LobbyEntry>,
    /// They no longer do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<Unlobbied>,
}

/// Somebody who waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LobbyEntry {
    /// Their number, which they keep inside.
    pub participant: ParticipantId,
    /// Who.
    pub identity: Identifier,
    /// Their name.
    pub display_name: String,
    /// What kind of person.
    pub kind: PersonKind,
    /// How long they have waited.
    #[serde(default)]
    pub waited_ms: Millis,
}

/// Somebody who no longer waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unlobbied {
    /// Who.
    pub participant: ParticipantId,
    /// What became of them.
    pub why: UnlobbiedWhy,
}

/// What became of somebody who waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnlobbiedWhy {
    /// They are in.
    Admitted,
    /// They were turned away.
    Rejected,
    /// They waited too long.
    TimedOut,
    /// They went, or were lost.
    Left,
}

/// `meeting.speakers`: who is heard now, the loudest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Speakers {
    /// The call.
    pub call: CallId,
    /// Who.
    pub speakers: Vec<ParticipantId>,
}

/// `meeting.capabilities`: what this endpoint may do has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CapabilitiesChanged {
    /// The call.
    pub call: CallId,
    /// What it is now.
    pub role: Role,
    /// Those that changed, as they are now.
    pub new: Capabilities,
    /// The same ones, as they were.
    pub old: Capabilities,
    /// What changed them.
    pub cause: CapabilityCause,
}

impl CapabilitiesChanged {
    /// Whether this one changed.
    pub fn concerns(&self, capability: Capability) -> bool {
        self.new.contains_key(&capability)
    }
}

/// What changed what somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CapabilityCause {
    /// They were let in.
    Admitted,
    /// They have another role.
    RoleChanged,
    /// The meeting has other settings.
    MeetingChanged,
    /// Their microphone or camera was forbidden or permitted.
    MediaAccessChanged,
    /// The organisation's policy is another.
    PolicyChanged,
}

/// `meeting.changed`: the meeting's settings, as they are now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    /// The call.
    pub call: CallId,
    /// Nobody comes in who is not there.
    pub locked: bool,
    /// Attendees may switch their microphones on.
    pub attendee_audio: bool,
    /// Attendees may switch their cameras on.
    pub attendee_video: bool,
}

/// `meeting.hands`: whose hand went up or down since the last one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hands {
    /// The call.
    pub call: CallId,
    /// Up. Begins with nobody's after a [`Roster`] that does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub raised: Vec<HandRaised>,
    /// Down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lowered: Vec<ParticipantId>,
}

/// A hand that is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HandRaised {
    /// Whose.
    pub participant: ParticipantId,
    /// Lower numbers went up before higher ones.
    pub order: u32,
}

/// A reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reaction {
    /// Thumb up.
    Like,
    /// Heart.
    Love,
    /// Clapping.
    Applause,
    /// Laughing.
    Laugh,
    /// Astonished.
    Surprise,
}

/// `meeting.reactions`: what people showed since the last one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reactions {
    /// The call.
    pub call: CallId,
    /// Which.
    pub reaction: Reaction,
    /// How many times.
    pub count: u32,
    /// By whom, where they are few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub participants: Vec<ParticipantId>,
}

/// `meeting.spotlight`: who is in front for everyone, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Spotlight {
    /// The call.
    pub call: CallId,
    /// Who.
    pub participants: Vec<ParticipantId>,
}

/// `meeting.muted_by`: somebody switched this endpoint's microphone off. It may switch it on again, where its
/// capabilities say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MutedBy {
    /// The call.
    pub call: CallId,
    /// Who.
    pub by: ParticipantId,
}

/// `meeting.ended`: it is over for this endpoint, in it or before its door, or no longer rings here. Nothing follows
/// about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ended {
    /// The call.
    pub call: CallId,
    /// Why.
    pub reason: Reason,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
