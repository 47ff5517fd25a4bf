//! Who is in a meeting, and how.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identifier::Identifier;
use crate::protocol::Pictures;

/// A participant's number within its call, from 1. Forwarded media carries it as its contributing source (RFC 3550
/// section 5.1), and it means the same participant after a lost network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ParticipantId(pub u32);

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What kind of gathering it is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A call of more than two, which somebody started. Nobody scheduled it, and it has no lobby.
    GroupCall,
    /// A meeting.
    #[default]
    Meeting,
    /// A meeting of a channel.
    Channel,
    /// Few speak, many listen; those who listen may be given the word.
    Webinar,
    /// Few speak, very many listen.
    TownHall,
}

/// What somebody is in a meeting, which decides what they may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Whose meeting it is; exactly one identity.
    Organiser,
    /// May do what the organiser may, but for taking the meeting away from them.
    CoOrganiser,
    /// Speaks, shares, and keeps order.
    Presenter,
    /// Speaks and shares, and keeps no order.
    Collaborator,
    /// Speaks, where this kind of meeting lets attendees speak.
    Attendee,
    /// Listens.
    Consumer,
}

/// What kind of person this is, and by which way they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PersonKind {
    /// A member of an organisation, with the organisation's own client.
    Member,
    /// A member, with the application of a resource.
    MemberByApplication,
    /// A user of a resource.
    ExternalUser,
    /// Someone without an account.
    Anonymous,
    /// A voice application or bot.
    Application,
    /// A telephone.
    Phone,
    /// A kind of a later version.
    #[serde(other)]
    Unknown,
}

/// How a participant on the roster is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParticipantState {
    /// Asked to come; its endpoints ring.
    Ringing,
    /// In the meeting.
    #[default]
    Connected,
    /// Its connection is lost, and it may come back as the same participant.
    Reconnecting,
}

impl ParticipantState {
    fn is_connected(&self) -> bool {
        *self == Self::Connected
    }
}

/// Why somebody waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LobbyReason {
    /// Until a member is there.
    WaitingForMember,
    /// Until somebody lets them in.
    WaitingForAdmission,
}

/// Whether somebody is in the meeting or before its door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Passage {
    /// In the meeting.
    Connected,
    /// Before the door. Media is up, and nothing passes either way.
    InLobby {
        /// Why.
        reason: LobbyReason,
    },
}

/// An entry of the roster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Participant {
    /// The number.
    pub participant: ParticipantId,
    /// Who.
    pub identity: Identifier,
    /// Their name, stamped by the service.
    pub display_name: String,
    /// What kind of person.
    pub kind: PersonKind,
    /// What they are here.
    pub role: Role,
    /// How they are here.
    #[serde(default, skip_serializing_if = "ParticipantState::is_connected")]
    pub state: ParticipantState,
    /// Their microphone is off.
    #[serde(default, skip_serializing_if = "is_false")]
    pub muted: bool,
    /// The pictures that they send.
    #[serde(default, skip_serializing_if = "Pictures::is_none")]
    pub pictures: Pictures,
    /// Presenters keep their microphone off.
    #[serde(default, skip_serializing_if = "is_false")]
    pub audio_forbidden: bool,
    /// Presenters keep their camera off.
    #[serde(default, skip_serializing_if = "is_false")]
    pub video_forbidden: bool,
    /// The breakout room in which they are meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breakout: Option<u32>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
