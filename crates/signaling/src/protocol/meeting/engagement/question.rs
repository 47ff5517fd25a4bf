//! Questions and answers, which everyone sees or which are looked through first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::is_false;
use crate::identifier::Identifier;
use crate::protocol::Millis;

/// Opens or closes the questions. What is absent stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetQuestions {
    /// People can ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,
    /// Others see a question when somebody who manages questions shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moderated: Option<bool>,
}

/// Asks a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AskQuestion {
    /// What is asked.
    pub text: String,
    /// Nobody is told who asks, also later.
    #[serde(default, skip_serializing_if = "is_false")]
    pub anonymous: bool,
}

/// Wants a question answered too, or no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Upvote {
    /// Which.
    pub question: u32,
    /// Wants it?
    pub on: bool,
}

/// Answers a question, for everyone to read. It is shown with it, where it was not before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerQuestion {
    /// Which.
    pub question: u32,
    /// The answer. Empty: it was answered by word of mouth.
    #[serde(default)]
    pub text: String,
}

/// Shows a question to everyone, or takes it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Moderate {
    /// Which.
    pub question: u32,
    /// Shown?
    pub shown: bool,
}

/// Whether questions can be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuestionsState {
    /// They can.
    pub open: bool,
    /// They are looked through first.
    #[serde(default, skip_serializing_if = "is_false")]
    pub moderated: bool,
}

/// What a question is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuestionState {
    /// Not looked through yet: seen by whoever asked and by those who manage questions.
    Pending,
    /// Everyone sees it.
    Shown,
    /// It is answered.
    Answered,
    /// It was taken away. Of others' its text is not told.
    Dismissed,
}

/// A question, as far as somebody may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Question {
    /// Its number within the call.
    pub id: u32,
    /// What is asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Who asks, where it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Author>,
    /// This identity asks.
    #[serde(default, skip_serializing_if = "is_false")]
    pub own: bool,
    /// What it is at.
    pub state: QuestionState,
    /// How many want it answered too.
    pub upvotes: u32,
    /// This identity does.
    #[serde(default, skip_serializing_if = "is_false")]
    pub upvoted: bool,
    /// The answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<QuestionAnswer>,
    /// When it was asked, since the call began.
    pub at_ms: Millis,
}

/// Who asks, or answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Author {
    /// Who.
    pub identity: Identifier,
    /// The name they are shown under.
    pub display_name: String,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuestionAnswer {
    /// The answer. Empty: it was given by word of mouth.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Who answered.
    pub author: Author,
}
