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
}

impl Minutes {
    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.polls.is_empty() && self.questions.is_empty() && self.transcript.is_empty()
    }
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
