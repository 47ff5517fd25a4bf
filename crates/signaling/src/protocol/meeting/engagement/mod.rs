//! What people do together beside talking: messages, text as it is typed, captions, polls, questions, the scene,
//! slides and breakout rooms. All of it is asked by one request, [`Engage`], and told by one event, [`Engagement`]: one kind more is one
//! variant more, and a client that does not know it passes it over.

mod breakout;
mod captions;
mod message;
mod poll;
mod question;
mod stage;

use schemars::JsonSchema;
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use breakout::{
    Announce, Announcement, AssignBreakout, Breakout, BreakoutSettings, CallForHelp, ChangeBreakout,
    CreateBreakouts, GoToBreakout, NewBreakout, SetBreakouts, SomeBreakouts,
};
pub use captions::{Caption, CaptionsState, PublishCaption, ReceiveCaptions, SetCaptions};
pub use message::{Blob, Message, SendMessage, Type, Typed};
pub use poll::{CreatePoll, Poll, PollOption, PollState, Results, Vote, Voter};
pub use question::{
    AnswerQuestion, AskQuestion, Author, Moderate, Question, QuestionAnswer, QuestionState, QuestionsState,
    SetQuestions, Upvote,
};
pub use stage::{Annotate, Annotation, PageShown, Present, Scene, SetFollow, Slides, TurnPage};

use crate::protocol::CallId;

/// `meeting.engage`: does something beside talking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Engage {
    /// The call.
    pub call: CallId,
    /// What.
    #[serde(flatten)]
    pub act: Act,
}

/// What somebody does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "act", content = "with", rename_all = "snake_case")]
pub enum Act {
    /// Sends others a message.
    Message(SendMessage),
    /// Writes a line that others read as it is typed.
    Type(Type),
    /// Switches captions on or off, or says what language is spoken.
    SetCaptions(SetCaptions),
    /// Wants to read captions, or no longer.
    ReceiveCaptions(ReceiveCaptions),
    /// Says what was said.
    Caption(PublishCaption),
    /// Makes a poll.
    CreatePoll(CreatePoll),
    /// Lets people vote, also again after it was closed.
    OpenPoll(Which),
    /// Lets nobody vote any more.
    ClosePoll(Which),
    /// Takes a poll away, with its votes.
    RemovePoll(Which),
    /// Votes.
    Vote(Vote),
    /// Opens or closes the questions, or has them looked through first.
    SetQuestions(SetQuestions),
    /// Asks a question.
    Ask(AskQuestion),
    /// Wants a question answered too, or no longer.
    Upvote(Upvote),
    /// Answers one.
    Answer(AnswerQuestion),
    /// Shows one to everyone, or takes it away.
    Moderate(Moderate),
    /// Seats people in a scene, or ends it.
    SetScene(Scene),
    /// Presents slides.
    Present(Present),
    /// Shows another page.
    TurnPage(TurnPage),
    /// Draws on a page.
    Annotate(Annotate),
    /// Has everyone see the presenter's page, or lets them turn pages themselves.
    SetFollow(SetFollow),
    /// Ends the presentation.
    StopPresenting,
    /// Makes breakout rooms. The answer has the number of the first; those of the others follow it.
    CreateBreakouts(CreateBreakouts),
    /// Changes one.
    ChangeBreakout(ChangeBreakout),
    /// Closes one, and takes it away.
    RemoveBreakout(Which),
    /// Assigns people to one, or moves them.
    AssignBreakout(AssignBreakout),
    /// Opens some.
    OpenBreakouts(SomeBreakouts),
    /// Closes some, and calls everyone in them back.
    CloseBreakouts(SomeBreakouts),
    /// Changes what holds for all of them.
    SetBreakouts(SetBreakouts),
    /// Says something to everyone in them.
    Announce(Announce),
    /// Asks those who manage them to come.
    CallForHelp(CallForHelp),
    /// Comes back to the meeting.
    LeaveBreakout,
}

/// Answer to `meeting.engage`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Engaged {
    /// The number of the poll, question or breakout room that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
}

/// Names one of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Which {
    /// Its number within the call, which never means another.
    pub id: u32,
}

/// `meeting.engagement`: something of it happened, or is so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Engagement {
    /// The call.
    pub call: CallId,
    /// What.
    #[serde(flatten, deserialize_with = "known")]
    pub news: News,
}

/// What happened, or how it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "news", content = "with", rename_all = "snake_case")]
pub enum News {
    /// Begin with nothing: what follows is all there is.
    Anew,
    /// Several, in this order: what there is, for whoever comes or comes back.
    Several(#[serde(deserialize_with = "all_known")] Vec<News>),
    /// A message.
    Message(Message),
    /// Somebody types.
    Typed(Typed),
    /// Captions are on or off.
    Captions(CaptionsState),
    /// What was said.
    Caption(Caption),
    /// A poll as it is now, as far as this endpoint may see it.
    Poll(Box<Poll>),
    /// A poll is there no longer.
    PollRemoved(Which),
    /// Whether questions can be asked.
    Questions(QuestionsState),
    /// A question as it is now, as far as this endpoint may see it.
    Question(Box<Question>),
    /// Who sits where.
    Scene(Scene),
    /// The slides that are presented; without pages none are.
    Slides(Box<Slides>),
    /// The presenter shows another page, or has everyone see theirs, or no longer.
    Page(PageShown),
    /// Something was drawn or wiped.
    Annotation(Annotation),
    /// A breakout room as it is now, as far as this endpoint may see it.
    Breakout(Box<Breakout>),
    /// A breakout room is there no longer, or not for this endpoint.
    BreakoutRemoved(Which),
    /// What holds for breakout rooms.
    BreakoutSettings(BreakoutSettings),
    /// Go to a breakout room.
    GoToBreakout(GoToBreakout),
    /// Something is said to everyone in breakout rooms.
    Announcement(Announcement),
    /// Something of a later version.
    #[serde(other)]
    Unknown,
}

impl News {
    /// Whether it says what breakout rooms there are, or what holds for them.
    pub fn is_about_breakouts(&self) -> bool {
        matches!(
            self,
            Self::Breakout(_) | Self::BreakoutRemoved(_) | Self::BreakoutSettings(_)
        )
    }

    /// Whether it is of the moment only.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Message(_) | Self::Typed(_) | Self::Caption(_) | Self::Announcement(_)
        )
    }
}

/// Reads news. Serde passes an unknown name over only where nothing comes with it.
fn known<'de, D: Deserializer<'de>>(from: D) -> Result<News, D::Error> {
    read(&Value::deserialize(from)?)
}

fn all_known<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<News>, D::Error> {
    let all = Vec::<Value>::deserialize(from)?;
    all.iter().map(read).collect()
}

fn read<E: de::Error>(value: &Value) -> Result<News, E> {
    News::deserialize(value).or_else(|error| {
        let name = serde_json::json!({ "news": value["news"] });
        News::deserialize(name).map_err(|_| E::custom(error))
    })
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use uuid::Uuid;

    fn call() -> CallId {
        CallId(Uuid::nil())
    }

    #[test]
    fn acts_and_news_read_back() {
        let acts = [
            Act::Message(SendMessage {
                channel: 7,
                to: Vec::new(),
                data: Blob(vec![0, 255, 3]),
            }),
            Act::StopPresenting,
            Act::Vote(Vote {
                poll: 3,
                choices: vec![0, 2],
            }),
        ];
        for act in acts {
            let engage = Engage { call: call(), act };
            let value = serde_json::to_value(&engage).unwrap();
            assert_eq!(serde_json::from_value::<Engage>(value).unwrap(), engage);
        }
        let told = Engagement {
            call: call(),
            news: News::Anew,
        };
        let value = serde_json::to_value(&told).unwrap();
        assert_eq!(value, json!({ "call": Uuid::nil(), "news": "anew" }));
        assert_eq!(serde_json::from_value::<Engagement>(value).unwrap(), told);
    }

    #[test]
    fn news_of_a_later_version_are_passed_over() {
        for with in [json!({ "sings": true }), json!([1, 2]), json!(null)] {
            let value = json!({ "call": Uuid::nil(), "news": "karaoke", "with": with });
            let told: Engagement = serde_json::from_value(value).unwrap();
            assert_eq!(told.news, News::Unknown);
        }
        let several = json!({ "call": Uuid::nil(), "news": "several", "with": [
            { "news": "karaoke", "with": 1 }, { "news": "poll_removed", "with": { "id": 1 } },
        ]});
        let told: Engagement = serde_json::from_value(several).unwrap();
        let removed = News::PollRemoved(Which { id: 1 });
        assert_eq!(told.news, News::Several(vec![News::Unknown, removed]));
        // What is known and wrong is still an error.
        let wrong = json!({ "call": Uuid::nil(), "news": "poll_removed", "with": { "id": "x" } });
        assert!(serde_json::from_value::<Engagement>(wrong).is_err());
    }

    #[test]
    fn what_is_no_base64_is_no_message() {
        let value = json!({
            "call": Uuid::nil(), "act": "message", "with": { "channel": 1, "data": "%%%" },
        });
        assert!(serde_json::from_value::<Engage>(value).is_err());
    }
}
