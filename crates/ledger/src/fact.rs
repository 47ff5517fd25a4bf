//! Facts: what is written down of a call, once, in order. Everything else in this crate is made from them.

use std::fmt;

use serde::{Deserialize, Serialize};
use sidetone_signaling::protocol::{CallId, NoticeKind, NoticeState};
use sidetone_signaling::{Identifier, Reason};
use utoipa::ToSchema;

use crate::{CallKind, IssueReport, Party, RecordingFile, StreamReport, Timestamp, VoiceMessage};

/// One thing that happened to a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// Which call.
    pub call: CallId,
    /// Its place among the facts of the call, from 1, without gaps.
    pub number: u64,
    /// When. Within a call, never before an earlier fact, whatever the clock did.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum What {
    /// The call was placed.
    Started {
        /// What kind of call.
        kind: CallKind,
        /// The first call of the chain that it belongs to.
        correlation: CallId,
        /// The group, room or meeting.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<String>,
        /// By whom.
        by: Party,
        /// Who is called at first. Each has a [`What::Called`] too.
        to: Vec<Called>,
        /// Free text of the caller's application.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        context: Option<String>,
        /// The member as whom it was placed, where that was somebody else.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        on_behalf_of: Option<Called>,
        /// No events are raised for it (L24).
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        quiet: bool,
    },
    /// It was between two, and any number can be in it from now on.
    Grown,
    /// The call was refused at once. Its only fact.
    Refused {
        /// Who placed it, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Party>,
        /// Whom.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Identifier>,
        /// Why.
        reason: Reason,
    },
    /// Someone is called.
    Called {
        /// Who.
        to: Called,
    },
    /// The first endpoint rings.
    Rang,
    /// The first endpoint answered.
    Answered,
    /// Someone waits in the lobby.
    Waits {
        /// The participant it will be.
        participant: ParticipantId,
        /// Who.
        party: Party,
    },
    /// Someone is in the call.
    Joined {
        /// The participant.
        participant: ParticipantId,
        /// Who.
        party: Party,
    },
    /// A participant is gone.
    Left {
        /// The participant.
        participant: ParticipantId,
        /// Why, where it is another reason than the end of the call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
    },
    /// The call is void: it crossed another one of the same two people. Its only fact.
    Merged {
        /// The call that goes on.
        into: CallId,
    },
    /// Messages were sent in the call's chat.
    Messages {
        /// By whom.
        by: Party,
        /// How many.
        count: u32,
    },
    /// Recording or transcription was switched on, interrupted or switched off.
    Noticed {
        /// By which participant.
        participant: ParticipantId,
        /// Names the recording or transcription.
        id: uuid::Uuid,
        /// What.
        kind: NoticeKind,
        /// Its state now.
        state: NoticeState,
        /// Whether everyone else must agree before they may speak.
        #[serde(default)]
        consent: bool,
    },
    /// A poll was opened or closed.
    Polled {
        /// By which participant.
        participant: ParticipantId,
        /// The poll's number within the call.
        poll: u32,
        /// Opened?
        open: bool,
        /// How many had voted.
        voted: u32,
    },
    /// A question was asked for everyone to read.
    Asked {
        /// By which participant, where they did not ask anonymously.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        participant: Option<ParticipantId>,
        /// The question's number within the call.
        question: u32,
    },
    /// A participant agreed to being recorded and transcribed, or no longer does.
    Consented {
        /// The participant.
        participant: ParticipantId,
        /// Agrees?
        given: bool,
    },
    /// A file of a recording is ready.
    Recorded {
        /// The file.
        file: RecordingFile,
    },
    /// Somebody left a message. Stands for itself: its call may be forgotten.
    VoicemailLeft {
        /// The message.
        message: VoiceMessage,
    },
    /// An endpoint measured its streams, and says what was wrong.
    Measured {
        /// The participant.
        participant: ParticipantId,
        /// Which report of that participant it is, from 1.
        report: u32,
        /// One for each stream.
        streams: Vec<StreamReport>,
        /// One for each kind of trouble.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        issues: Vec<IssueReport>,
    },
    /// The call is over. Only measurements, files of recordings and a message that was left come after it.
    Ended {
        /// Why.
        reason: Reason,
    },
}

impl What {
    /// Whether this is the first fact of a call.
    pub(crate) fn is_first(&self) -> bool {
        matches!(
            self,
            Self::Started { .. } | Self::Refused { .. } | Self::Merged { .. }
        )
    }
}

impl Fact {
    /// Its name among all facts: by it, keeping it twice is noticed. Callers draw the ids of calls and may draw one
    /// again, so the moment is part of it.
    pub fn id(&self) -> String {
        format!("{}.{}.{}", self.call, self.at.as_millis(), self.number)
    }
}

/// Someone who is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Called {
    /// Who.
    pub identity: Identifier,
    /// The name as the service shows it.
    pub display_name: String,
}

/// One stay of one endpoint in a call. Who comes back after leaving is another participant; who lost the network
/// and resumed is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "2")]
pub struct ParticipantId(pub u32);

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for ParticipantId {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl From<ParticipantId> for String {
    fn from(id: ParticipantId) -> Self {
        id.to_string()
    }
}
