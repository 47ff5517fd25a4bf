//! Meetings and group calls: joining, who is there, what each may do, and what people do in them.
//!
//! Media goes to the service, not from person to person: a participant sends one offer with its join and has the answer
//! in the response. Both kinds have a [`CallId`](super::CallId) while they run, and each participant a number within it that never
//! means anybody else.

mod ask;
mod engagement;
mod people;
mod right;
mod told;
mod watch;

pub use ask::{
    Add, AddAnswer, Admit, Call, Decline, Join, Joined, LobbyAnswer, Locator, Lock, LowerHands, MediaAccess,
    Mute, MuteOthers, React, Reject, Remove, Restart, Restarted, SetHand, SetRole, SetSpotlight,
};
pub use engagement::{
    Act, Annotate, Annotation, Announce, Announcement, AnswerQuestion, AskQuestion, AssignBreakout, Author,
    Blob, Breakout, BreakoutSettings, CallForHelp, Caption, CaptionsState, ChangeBreakout, CreateBreakouts,
    CreatePoll, Engage, Engaged, Engagement, GoToBreakout, Message, Moderate, NewBreakout, News, PageShown,
    Poll, PollOption, PollState, Present, PublishCaption, Question, QuestionAnswer, QuestionState,
    QuestionsState, ReceiveCaptions, Results, Scene, SendMessage, SetBreakouts, SetCaptions, SetFollow,
    SetQuestions, Slides, SomeBreakouts, TurnPage, Type, Typed, Upvote, Vote, Voter, Which,
};
pub use people::{
    Kind, LobbyReason, Participant, ParticipantId, ParticipantState, Passage, PersonKind, Role,
};
pub use right::{Capabilities, Capability, Standing};
pub use told::{
    CapabilitiesChanged, CapabilityCause, Changed, Ended, HandRaised, Hands, Incoming, Left, Lobby,
    LobbyEntry, Moved, MutedBy, Reaction, Reactions, Roster, Speakers, Spotlight, State, Unlobbied,
    UnlobbiedWhy,
};
pub use watch::{MAX_HEIGHT, MAX_WANTED, OptimalVideoCount, Picture, PictureSource, Watch};
