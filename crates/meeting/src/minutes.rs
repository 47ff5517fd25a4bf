//! What is kept of what people did in a call beside talking: polls, questions, and what was said while it was transcribed.
//! Who answered anonymously is not in it.

use serde::{Deserialize, Serialize};
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::Millis;
use sidetone_signaling::protocol::meeting::{ParticipantId, Poll, Question};

/// What is kept of what people did in a call beside talking.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minutes {
    /// The polls that were open, with who chose what where they were not anonymous.
    pub polls: Vec<Poll>,
    /// The questions, also those that were not shown.
    pub questions: Vec<Question>,
    /// What was said, where it was transcribed.
    pub transcript: Vec<TranscriptLine>,
    /// Who was in which breakout room, and what they did there: each time that one was open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breakouts: Vec<BreakoutMinutes>,
}

impl Minutes {
    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.polls.is_empty()
            && self.questions.is_empty()
            && self.transcript.is_empty()
            && self.breakouts.is_empty()
    }
}

/// What is kept of a breakout room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakoutMinutes {
    /// Its number within the meeting.
    pub room: u32,
    /// Its name.
    pub display_name: String,
    /// Who was in it.
    pub visits: Vec<Visit>,
    /// What they did there.
    #[serde(default)]
    pub minutes: Minutes,
}

/// Somebody's stay in a breakout room. They are in the meeting all the while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// Their number.
    pub participant: ParticipantId,
    /// Who.
    pub identity: Identifier,
    /// The name everyone saw.
    pub display_name: String,
    /// When they came, since the meeting began.
    pub came_ms: Millis,
    /// When they went, where they have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_ms: Option<Millis>,
}

/// Something that somebody said, as it was written down.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranscriptLine {
    /// The speaker's number.
    pub participant: ParticipantId,
    /// Who.
    pub identity: Identifier,
    /// The name everyone saw.
    pub display_name: String,
    /// The language (BCP 47).
    pub language: String,
    /// What they said.
    pub text: String,
    /// When, since the call began.
    pub at_ms: Millis,
}

impl std::fmt::Debug for TranscriptLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TranscriptLine({}, {:?})", self.participant, self.at_ms)
    }
}
