//! Starting, ringing, answering, changing and ending a 1:1 call.
//!
//! Each endpoint of the callee that rings is a *leg*. The callee's endpoint is the offerer of its leg, and offers
//! while it rings, so that ICE and DTLS come up before the answer; the caller answers each leg.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Millis;
use super::chat::ThreadId;
use crate::end_reason::Reason;
use crate::identifier::Identifier;

/// A call, the same at both ends and in every record. The caller draws it at random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CallId(pub Uuid);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call {}", self.0)
    }
}

/// A leg within its call: one ringing endpoint. Given by the server, never used twice in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct LegId(pub u32);

/// `call.start`: ring every endpoint of an identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Start {
    /// The new call.
    pub call: CallId,
    /// Whom to call.
    pub to: Identifier,
    /// Shown to the callee instead of the session's display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Free text of the application, given to the callee as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// How long to ring; the service's value where absent, and at most that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring_for_ms: Option<Millis>,
    /// The member as whom to call, who let this identity do so. The callee sees both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<Identifier>,
    /// The call that this one takes the place of, as `call.transfer_requested` wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<CallId>,
    /// The chat thread that the call comes out of. Both ends must take part in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<ThreadId>,
}

impl Start {
    /// A plain call.
    pub fn new(call: CallId, to: Identifier) -> Self {
        Self {
            call,
            to,
            display_name: None,
            context: None,
            ring_for_ms: None,
            on_behalf_of: None,
            replaces: None,
            thread: None,
        }
    }
}

/// Answer to `call.start`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Started {
    /// The callee's endpoints are being rung.
    Calling,
    /// The callee was already calling here: that call is accepted instead, and the new id is void.
    Merged {
        /// The call that goes on.
        incoming: Box<Incoming>,
    },
}

/// `call.incoming`: this endpoint shall ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Incoming {
    /// The call.
    pub call: CallId,
    /// This endpoint's leg of it.
    pub leg: LegId,
    /// Who calls.
    pub from: Identifier,
    /// The caller's name.
    #[serde(default)]
    pub display_name: String,
    /// Free text of the caller's application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Whose call this is, where it rings here by their wish: they were called first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<Identifier>,
    /// Who placed the call as `from`, where that is somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placed_by: Option<Identifier>,
    /// Who handed the call over to whom it rings at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transferred_by: Option<Identifier>,
    /// The call of this endpoint that this one takes the place of: answer at once, without ringing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<CallId>,
    /// The chat thread that the call comes out of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<ThreadId>,
    /// Offer now, while ringing. Otherwise offer on accepting.
    pub warm: bool,
}

/// Names a leg of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IncomingLeg {
    /// The call.
    pub call: CallId,
    /// The leg.
    pub leg: LegId,
}

/// `call.ring` (callee): the endpoint rings.
pub type Ring = IncomingLeg;
/// `call.accept` (callee): answer here.
pub type Accept = IncomingLeg;
/// `call.restart` (either end, and as an event): the offerer shall make an offer with new ICE credentials.
pub type Restart = IncomingLeg;
/// `call.leg_ended` (to the caller): this endpoint no longer rings.
pub type LegEnded = IncomingLeg;

/// `call.decline` (callee): do not ring here any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decline {
    /// The call.
    pub call: CallId,
    /// The leg.
    pub leg: LegId,
    /// Why.
    #[serde(default)]
    pub reason: DeclineReason,
}

/// Why an endpoint does not ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeclineReason {
    /// A person said no.
    #[default]
    Declined,
    /// In another call.
    Busy,
    /// The endpoint cannot bring up media.
    Failed,
}

/// `call.hang_up` (either end): cancels, declines or ends, as the call's state has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HangUp {
    /// The call.
    pub call: CallId,
    /// Present when media failed, and nobody hung up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<MediaFailure>,
}

/// How media failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MediaFailure {
    /// It never came up.
    Setup,
    /// It was lost and did not come back.
    Dropped,
    /// A description could not be used.
    Description,
}

impl MediaFailure {
    /// The reason in the table.
    pub fn reason(self) -> Reason {
        match self {
            Self::Setup => Reason::MEDIA_SETUP_FAILED,
            Self::Dropped => Reason::MEDIA_DROPPED,
            Self::Description => Reason::OFFER_FAILED,
        }
    }
}

/// Offer or answer (RFC 8829).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DescriptionType {
    /// Proposes: from the callee's endpoint.
    Offer,
    /// Settles: from the caller.
    Answer,
}

/// `call.description` (both ways): a session description for a leg.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionDescription {
    /// The call.
    pub call: CallId,
    /// The leg.
    pub leg: LegId,
    /// Offer or answer.
    pub kind: DescriptionType,
    /// The text (RFC 8866), opaque to signaling.
    pub sdp: String,
}

impl fmt::Debug for SessionDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text holds addresses.
        f.debug_struct("SessionDescription")
            .field("call", &self.call)
            .field("leg", &self.leg)
            .field("kind", &self.kind)
            .field("bytes", &self.sdp.len())
            .finish()
    }
}

/// One ICE candidate (RFC 8839).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CandidateLine {
    /// The `candidate:` line.
    pub candidate: String,
    /// The media section it belongs to.
    #[serde(default)]
    pub mid: String,
    /// ICE user fragment of its generation, empty where unknown.
    #[serde(default)]
    pub username_fragment: String,
}

impl fmt::Debug for CandidateLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The line holds an address.
        f.debug_struct("CandidateLine")
            .field("mid", &self.mid)
            .finish_non_exhaustive()
    }
}

/// `call.candidates` (both ways): trickled candidates of a leg (RFC 8838).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Candidates {
    /// The call.
    pub call: CallId,
    /// The leg.
    pub leg: LegId,
    /// The candidates.
    #[serde(default)]
    pub candidates: Vec<CandidateLine>,
    /// No more will come in this generation.
    #[serde(default)]
    pub end: bool,
}

/// `call.media`: how the sender's media of the accepted leg fares. The service ends calls that have lost both the
/// media and an end's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MediaReport {
    /// The call.
    pub call: CallId,
    /// The state.
    pub state: MediaState,
}

/// State of a leg's connection, as far as signaling cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MediaState {
    /// Media can flow.
    Connected,
    /// It cannot, and may come back by itself.
    Disconnected,
    /// It cannot, and needs an ICE restart.
    Failed,
}

/// `call.mute`: the sender's microphone is off or on again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mute {
    /// The call.
    pub call: CallId,
    /// Off?
    pub muted: bool,
}

/// `call.muted`: the peer's microphone is off or on again.
pub type Muted = Mute;

/// Pictures that somebody sends beside their voice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Pictures {
    /// A camera's.
    pub camera: bool,
    /// Those of a screen or a window.
    pub share: bool,
}

impl Pictures {
    /// No pictures.
    pub const NONE: Self = Self {
        camera: false,
        share: false,
    };

    /// Whether there are none.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}

/// `call.show`, `meeting.show`: the pictures that the sender sends from now on. None are when a call begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Show {
    /// The call.
    pub call: CallId,
    /// All of them.
    pub pictures: Pictures,
}

/// `call.shown`: the pictures that the peer sends from now on.
pub type Shown = Show;

/// `call.hold`: the sender puts the call on hold or takes it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// The call.
    pub call: CallId,
    /// On hold?
    pub held: bool,
}

/// `call.report` (either end): what the endpoint has to say of the call, for its records: taken during the call and for
/// a while after it. One object each; what cannot be true is left out of the records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The call.
    pub call: CallId,
    /// For each stream what was measured over its whole life, with the fields of a stream in the call diagnostics of the
    /// API, such as `streamId`, `mediaType`, `streamDirection`, `packetLossRateAvg`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<ReportItem>,
    /// For each kind of trouble that people were told of since the last report, the fields of an issue in the call
    /// records of the API: `name`, `value`, `times`, `firstRaisedAfterInMs`, `raisedForInMs`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issues: Vec<ReportItem>,
    /// For each file of the recording that this endpoint announced last, and that is complete: `durationInMs`,
    /// `endReason` (`stopped` or `callEnded`), and `contentLocation` where everybody may know it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ReportItem>,
}

/// One object of a report.
pub type ReportItem = serde_json::Map<String, serde_json::Value>;

impl Report {
    /// Of a call, nothing yet.
    pub fn of(call: CallId) -> Self {
        Self {
            call,
            streams: Vec::new(),
            issues: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty() && self.issues.is_empty() && self.files.is_empty()
    }

    /// Length of the longest list in it.
    pub(crate) fn longest(&self) -> usize {
        self.streams.len().max(self.issues.len()).max(self.files.len())
    }
}

/// `call.held`: the peer put the call on hold or took it back.
pub type PeerHeld = Hold;

/// `call.ringing` (to the caller): an endpoint rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ringing {
    /// The call.
    pub call: CallId,
}

/// `call.accepted` (to the caller): this leg is the call now; all others are over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {
    /// The call.
    pub call: CallId,
    /// The leg.
    pub leg: LegId,
    /// Who answered.
    pub by: Identifier,
    /// Their name.
    #[serde(default)]
    pub display_name: String,
}

/// `call.peer`: the peer's session lost its socket, or has one again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PeerPresence {
    /// The call.
    pub call: CallId,
    /// Which.
    pub presence: Presence,
}

/// Whether the peer's session has a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It has.
    Present,
    /// It has none, and may resume.
    Reconnecting,
}

/// `call.ended`: the call is over for this endpoint. Nothing follows about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallEnded {
    /// The call.
    pub call: CallId,
    /// Why.
    pub reason: Reason,
}
