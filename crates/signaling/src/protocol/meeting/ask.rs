//! What a client asks of a meeting.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Capabilities, Kind, ParticipantId, Passage, Role};
use crate::identifier::Identifier;
use crate::protocol::CallId;
use crate::protocol::chat::ThreadId;

/// Where a meeting or group call is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Locator {
    /// By its link. Whoever has it may knock.
    Link(String),
    /// By its number and passcode, as they are read out to people. Blanks and dashes in them do not count.
    Meeting {
        /// The number.
        id: String,
        /// The passcode.
        passcode: String,
    },
    /// A call that runs and that this identity is invited to, or was in.
    Call(CallId),
    /// A new group call under this id, which the sender draws at random.
    Group {
        /// The new call.
        call: CallId,
        /// Whom to ring.
        #[serde(default)]
        invite: Vec<Identifier>,
    },
    /// The call of a conversation in which this identity takes part: the one that runs, or a new one to which everyone
    /// else who takes part is rung.
    Thread {
        /// The conversation.
        thread: ThreadId,
        /// The id of a new call, which the sender draws at random. Where one runs, that one keeps its own.
        call: CallId,
    },
}

impl fmt::Debug for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Links and passcodes are secrets.
        match self {
            Self::Link(_) => f.write_str("Link"),
            Self::Meeting { id, .. } => write!(f, "Meeting({id})"),
            Self::Call(call) => write!(f, "Call({call:?})"),
            Self::Group { call, invite } => write!(f, "Group({call:?}, {})", invite.len()),
            Self::Thread { thread, call } => write!(f, "Thread({thread:?}, {call:?})"),
        }
    }
}

/// `meeting.join`: come in, or before the door. The answer has the way for media in it, in either case.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Join {
    /// Where.
    pub locator: Locator,
    /// The name to be shown under, instead of the session's. The service stamps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The offer (RFC 8829), with all of its candidates.
    pub offer: String,
    /// The microphone is off.
    #[serde(default)]
    pub muted: bool,
    /// The participant that this identity was here before, at an endpoint that is gone. It comes back as that one; an
    /// endpoint that is not gone is put out. Without it, it comes back as the one whose endpoint is known to be gone,
    /// if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejoin: Option<ParticipantId>,
}

impl fmt::Debug for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join")
            .field("locator", &self.locator)
            .field("muted", &self.muted)
            .finish_non_exhaustive()
    }
}

/// Answer to `meeting.join`. Once its state is connected, a first [`Roster`](super::Roster) follows, and so do the
/// hands, the lobby and what else is different from nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Joined {
    /// The call: the meeting as long as it runs.
    pub call: CallId,
    /// This endpoint's number in it.
    pub participant: ParticipantId,
    /// In, or before the door.
    #[serde(flatten)]
    pub passage: Passage,
    /// The answer (RFC 8829), with all of its candidates.
    pub answer: String,
    /// What kind of gathering it is.
    pub kind: Kind,
    /// What it is about.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// The link by which others can join, for those who are in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The conversation beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// The meeting, where this is a breakout room of one: the endpoint stays in it, and goes on in it when this ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breakout_of: Option<CallId>,
    /// The name that this endpoint is shown under.
    pub display_name: String,
    /// What this endpoint is here.
    pub role: Role,
    /// What it may do.
    pub capabilities: Capabilities,
}

impl fmt::Debug for Joined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joined")
            .field("call", &self.call)
            .field("participant", &self.participant)
            .field("passage", &self.passage)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// `meeting.restart`: new ways for media, after the network changed (ICE restart, RFC 8445 section 2.4).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Restart {
    /// The call.
    pub call: CallId,
    /// The offer, with new credentials.
    pub offer: String,
}

impl fmt::Debug for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Restart({:?})", self.call)
    }
}

/// Answer to `meeting.restart`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Restarted {
    /// The answer.
    pub answer: String,
}

impl fmt::Debug for Restarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Restarted")
    }
}

/// Names a call: `meeting.leave` leaves it, or the lobby; `meeting.end` ends it for everyone; `meeting.admit_all` lets
/// in all who wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Call {
    /// The call.
    pub call: CallId,
}

/// `meeting.decline`: does not come to a call that it was asked to.
pub type Decline = Call;

/// `meeting.mute`: this endpoint's microphone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mute {
    /// The call.
    pub call: CallId,
    /// Off?
    pub muted: bool,
}

/// `meeting.mute_others`: switches microphones off. Whoever is muted may switch theirs on again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MuteOthers {
    /// The call.
    pub call: CallId,
    /// Whose. None: everyone's but the sender's.
    #[serde(default)]
    pub participants: Vec<ParticipantId>,
}

/// `meeting.remove`: puts someone out, or stops ringing them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remove {
    /// The call.
    pub call: CallId,
    /// Whom.
    pub participant: ParticipantId,
}

/// Names some of those who wait in the lobby.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LobbyAnswer {
    /// The call.
    pub call: CallId,
    /// Whom. Those who no longer wait are passed over.
    pub participants: Vec<ParticipantId>,
}

/// `meeting.admit`: lets them in.
pub type Admit = LobbyAnswer;
/// `meeting.reject`: turns them away. They may try again.
pub type Reject = LobbyAnswer;

/// `meeting.set_role`: makes somebody something else in this meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetRole {
    /// The call.
    pub call: CallId,
    /// Whom.
    pub participant: ParticipantId,
    /// What. Nobody can be made organiser.
    pub role: Role,
}

/// `meeting.lock`: lets nobody in who is not there, or does again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lock {
    /// The call.
    pub call: CallId,
    /// Locked?
    pub locked: bool,
}

/// `meeting.spotlight`: puts people in front for everyone, or takes them back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetSpotlight {
    /// The call.
    pub call: CallId,
    /// Whom, in this order. None, when they are taken back: all.
    #[serde(default)]
    pub participants: Vec<ParticipantId>,
    /// In front?
    pub on: bool,
}

/// `meeting.hand`: raises this endpoint's hand, or lowers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetHand {
    /// The call.
    pub call: CallId,
    /// Raised?
    pub raised: bool,
}

/// `meeting.lower_hands`: lowers the hands of others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LowerHands {
    /// The call.
    pub call: CallId,
    /// Whose. None: everyone's.
    #[serde(default)]
    pub participants: Vec<ParticipantId>,
}

/// `meeting.react`: shows everyone a reaction for a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct React {
    /// The call.
    pub call: CallId,
    /// Which.
    pub reaction: super::Reaction,
}

/// `meeting.media_access`: forbids attendees their microphone or camera, or permits them. What is absent stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MediaAccess {
    /// The call.
    pub call: CallId,
    /// Whom. None: every attendee, also those who come later.
    #[serde(default)]
    pub participants: Vec<ParticipantId>,
    /// The microphone: permitted?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<bool>,
    /// The camera: permitted?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video: Option<bool>,
}

/// `meeting.add`: rings somebody, to come into this call. A call of two that was answered becomes a group call by it:
/// both ends are told to [move](super::Moved).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Add {
    /// The call.
    pub call: CallId,
    /// Whom to ring.
    pub to: Identifier,
}

/// Answer to `meeting.add`: they ring, and are on the roster as that. Where they do not come, they leave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddAnswer {
    /// The number they have, and will have when they come.
    pub participant: ParticipantId,
}
