//! What of meetings that run must outlive the service.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use sidetone_organisation::{MeetingId, OrganisationId};
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::protocol::meeting::{ParticipantId, Role};
use sidetone_signaling::protocol::{CallId, Notice};

use crate::api::Stay;

/// All of a meeting that runs that must outlive the service: see [`Meetings::restore`](crate::Meetings::restore).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The call.
    pub call: CallId,
    /// Whose meeting it is.
    pub organisation: OrganisationId,
    /// The meeting.
    pub meeting: MeetingId,
    /// The last number that was given to a participant.
    pub numbered: u32,
    /// Roles that were given in it.
    pub roles: BTreeMap<Identifier, Role>,
    /// Who was put out.
    pub put_out: BTreeSet<Identifier>,
    /// Nobody comes in who is not there.
    pub locked: bool,
    /// Attendees may switch their microphones on.
    pub attendee_audio: bool,
    /// Attendees may switch their cameras on.
    pub attendee_video: bool,
    /// Whose hands are up, the longest first.
    pub hands: Vec<ParticipantId>,
    /// Who is in front.
    pub spotlight: Vec<ParticipantId>,
    /// That it is recorded or transcribed.
    pub notices: Vec<KeptNotice>,
    /// Who has agreed to that.
    pub agreed: BTreeSet<ParticipantId>,
    /// Its breakout rooms.
    pub breakouts: BreakoutsMemory,
    /// Who is and was there.
    pub stays: Vec<Stay>,
}

/// A notice that everyone was told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptNotice {
    /// As it was told.
    pub notice: Notice,
    /// Whoever records or transcribes.
    pub by: ParticipantId,
    /// Nobody speaks before they have agreed.
    pub consent: bool,
}

/// A piece of what people did in a meeting beside talking: polls, questions, the transcript, slides and the like.
#[derive(Clone, PartialEq, Eq)]
pub struct Piece {
    /// Which piece of the meeting: of lower-case letters, digits and dots.
    pub name: String,
    /// What is to be handed to [`Meetings::restore`](crate::Meetings::restore). None: there is no such piece any more.
    pub value: Option<Vec<u8>>,
}

impl std::fmt::Debug for Piece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Piece({}, {:?} bytes)",
            self.name,
            self.value.as_ref().map(Vec::len)
        )
    }
}

/// The breakout rooms of a meeting, as they must outlive the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BreakoutsMemory {
    /// The last number that was given to one.
    pub last: u32,
    /// The rooms.
    pub rooms: Vec<BreakoutMemory>,
    /// Who goes to which.
    pub assigned: BTreeMap<Identifier, u32>,
    /// Who was made to manage them.
    pub managers: BTreeSet<Identifier>,
    /// Nobody comes back before they close.
    pub return_forbidden: bool,
    /// Everyone chooses one themselves.
    pub self_select: bool,
    /// When they close.
    pub ends: Option<Instant>,
}

/// A breakout room, as it must outlive the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BreakoutMemory {
    /// Its number.
    pub room: u32,
    /// Its name.
    pub display_name: String,
    /// The conversation beside it.
    pub thread: ThreadId,
    /// People join it by their own hand.
    pub by_hand: bool,
    /// The call that it is, where it is open.
    pub call: Option<CallId>,
    /// Who is in it.
    pub present: Vec<ParticipantId>,
}
