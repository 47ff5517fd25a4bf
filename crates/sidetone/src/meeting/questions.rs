//! Questions and answers of a meeting.

use sidetone_signaling::protocol::meeting::{
    Act, AnswerQuestion, AskQuestion, Moderate, Question, QuestionsState, SetQuestions, Upvote,
};

use crate::call::Call;
use crate::pending::Pending;

/// Questions and answers. See [`Call::questions`].
#[derive(Clone, Debug)]
pub struct QuestionsFeature(Call);

impl QuestionsFeature {
    /// Whether questions can be asked, and whether they are looked through first. Changes come as
    /// [`EngagementEvent::QuestionsChanged`](crate::EngagementEvent::QuestionsChanged).
    pub fn state(&self) -> QuestionsState {
        self.0
            .in_meeting(|meeting| meeting.together.questions_state)
            .unwrap_or_default()
    }

    /// All questions, as far as this end may see them. Changes come as
    /// [`EngagementEvent::QuestionUpdated`](crate::EngagementEvent::QuestionUpdated).
    pub fn all(&self) -> Vec<Question> {
        self.0
            .in_meeting(|meeting| meeting.together.questions.values().cloned().collect())
            .unwrap_or_default()
    }

    /// The question of this number.
    pub fn get(&self, question: u32) -> Option<Question> {
        self.0
            .in_meeting(|meeting| meeting.together.questions.get(&question).cloned())
            .flatten()
    }

    /// Opens or closes the questions, and has them looked through first or not. `None` leaves as it is.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) to those who may not.
    pub fn set(&self, open: Option<bool>, moderated: Option<bool>) -> Pending<()> {
        self.0.engage(Act::SetQuestions(SetQuestions { open, moderated }))
    }

    /// Asks a question. The outcome is its number.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) where questions are closed or come too fast, and to those who may not.
    pub fn ask(&self, text: &str, anonymous: bool) -> Pending<u32> {
        let text = text.to_owned();
        self.0.make(Act::Ask(AskQuestion { text, anonymous }))
    }

    /// Wants a question answered too, or no longer.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) where there is none, and to those who may not.
    pub fn upvote(&self, question: u32, on: bool) -> Pending<()> {
        self.0.engage(Act::Upvote(Upvote { question, on }))
    }

    /// Answers a question; with an empty text it was answered by word of mouth.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) where there is none, and to those who may not.
    pub fn answer(&self, question: u32, text: &str) -> Pending<()> {
        let text = text.to_owned();
        self.0.engage(Act::Answer(AnswerQuestion { question, text }))
    }

    /// Shows a question to everyone.
    ///
    /// # Errors
    /// As of [`QuestionsFeature::answer`].
    pub fn show(&self, question: u32) -> Pending<()> {
        let shown = true;
        self.0.engage(Act::Moderate(Moderate { question, shown }))
    }

    /// Takes a question away.
    ///
    /// # Errors
    /// As of [`QuestionsFeature::answer`].
    pub fn dismiss(&self, question: u32) -> Pending<()> {
        let shown = false;
        self.0.engage(Act::Moderate(Moderate { question, shown }))
    }
}

impl Call {
    /// Questions and answers of the meeting.
    pub fn questions(&self) -> QuestionsFeature {
        QuestionsFeature(self.clone())
    }
}
