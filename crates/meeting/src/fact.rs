//! What meetings tell of what happened: for events, usage and records, and for whatever follows a meeting beside it.

use sidetone_organisation::{MeetingId, OrganisationId};
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::protocol::meeting::{Kind, ParticipantId, Role};
use sidetone_signaling::protocol::{CallId, NoticeKind, NoticeState, SessionId};
use sidetone_signaling::{Identifier, Reason};
use uuid::Uuid;

use crate::api::Stay;
use crate::minutes::Minutes;

/// Somebody in a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The number within the call.
    pub participant: ParticipantId,
    /// Who.
    pub identity: Identifier,
    /// On which endpoint, where it has one.
    pub session: Option<SessionId>,
    /// The name everyone sees.
    pub display_name: String,
    /// What they are in it.
    pub role: Role,
}

/// A fact, each told once, in the order in which things happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A meeting or group call began.
    Started {
        /// Which.
        call: CallId,
        /// What kind.
        kind: Kind,
        /// The meeting it is.
        meeting: Option<(OrganisationId, MeetingId)>,
        /// Whose meeting it is.
        host: Option<Identifier>,
        /// Who came first.
        by: Who,
    },
    /// A call between two became one of more.
    Escalated {
        /// Which.
        call: CallId,
    },
    /// Somebody is asked to come.
    Invited {
        /// To which call.
        call: CallId,
        /// Who.
        to: Identifier,
    },
    /// Somebody waits in the lobby.
    Waits {
        /// Of which call.
        call: CallId,
        /// Who.
        who: Who,
    },
    /// Somebody is in.
    Joined {
        /// Which call.
        call: CallId,
        /// Who.
        who: Who,
    },
    /// Somebody is in no longer, nor in the lobby; or goes on at another endpoint, where [`Fact::Joined`] follows.
    Left {
        /// Which call.
        call: CallId,
        /// Who.
        who: Who,
        /// Why.
        reason: Reason,
    },
    /// Somebody records or transcribes the call, interrupts that, or no longer does.
    Noticed {
        /// Which call.
        call: CallId,
        /// Who.
        who: Who,
        /// Names the recording or transcription.
        id: Uuid,
        /// What.
        kind: NoticeKind,
        /// Its state now.
        state: NoticeState,
        /// Whether everyone else must agree before they may speak.
        consent: bool,
    },
    /// Somebody agreed to being recorded and transcribed, or no longer does.
    Consented {
        /// In which call.
        call: CallId,
        /// Who.
        who: Who,
        /// Agrees?
        given: bool,
    },
    /// A poll was opened or closed.
    Polled {
        /// In which call.
        call: CallId,
        /// By whom.
        by: Who,
        /// The poll's number.
        poll: u32,
        /// Opened?
        open: bool,
        /// How many had voted.
        voted: u32,
    },
    /// Somebody asked a question for everyone to read.
    Asked {
        /// In which call.
        call: CallId,
        /// Who, where they did not ask anonymously.
        by: Option<Who>,
        /// The question's number.
        question: u32,
    },
    /// A breakout room of a meeting was opened.
    BreakoutOpened {
        /// The meeting's call.
        call: CallId,
        /// The meeting.
        meeting: (OrganisationId, MeetingId),
        /// The room's number.
        room: u32,
        /// Its call.
        breakout: CallId,
        /// Its name.
        display_name: String,
        /// The conversation beside it.
        thread: Option<ThreadId>,
    },
    /// It is closed.
    BreakoutClosed {
        /// The meeting's call.
        call: CallId,
        /// The room's number.
        room: u32,
        /// Its call.
        breakout: CallId,
    },
    /// Somebody of a meeting is in a breakout room of it, and in the meeting all the while.
    BreakoutJoined {
        /// The meeting's call.
        call: CallId,
        /// The room's number.
        room: u32,
        /// Its call.
        breakout: CallId,
        /// Who.
        who: Who,
    },
    /// They are no longer in it.
    BreakoutLeft {
        /// The meeting's call.
        call: CallId,
        /// The room's number.
        room: u32,
        /// Its call.
        breakout: CallId,
        /// Who.
        who: Who,
        /// Why.
        reason: Reason,
    },
    /// What is kept of what people did, just before it is over. Not told where nothing is.
    Minutes {
        /// Of which call.
        call: CallId,
        /// The meeting it was.
        meeting: Option<(OrganisationId, MeetingId)>,
        /// What.
        minutes: Box<Minutes>,
    },
    /// It is over.
    Ended {
        /// Which call.
        call: CallId,
        /// The meeting it was.
        meeting: Option<(OrganisationId, MeetingId)>,
        /// Why.
        reason: Reason,
        /// Everyone who was there.
        stays: Vec<Stay>,
    },
}
