//! The Sidetone SDK: place and answer calls from a native app.
//!
//! Start at [`CallClient`]. It makes a [`CallAgent`] for a user of the service; the agent places calls and tells of
//! incoming ones; a [`Call`] is what the people are in. The [`DeviceManager`] picks microphones and speakers, or takes
//! sound the app brings itself.
//!
//! Nothing here needs a particular async runtime. A [`Pending`] outcome is a future or is waited for; [`Events`] are a
//! stream, an iterator, or call back.
//!
//! ```no_run
//! use sidetone::{AgentOptions, CallClient, Credential, StartCallOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = CallClient::new()?;
//! let token = Credential::new("a token from your backend");
//! let agent = client.create_call_agent("ws://127.0.0.1:7480", token, AgentOptions::default()).wait()?;
//! let call = agent.start_call("external:dev:bob".parse()?, StartCallOptions::default()).wait()?;
//! for event in call.events() {
//!     println!("{event:?}");
//! }
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod agent;
mod call;
mod chat;
mod client;
mod devices;
mod diagnostics;
mod driver;
mod error;
mod events;
mod meeting;
mod options;
mod pending;
mod recording;
mod statistics;
mod video;

pub use agent::{AgentEvent, CallAgent};
pub use call::{Call, CallDirection, CallEvent, CallStats, IncomingCall, Notices, Participant};
pub use chat::{
    ChatClient, ChatEvent, ChatThreadClient, FoundMessages, MessagePage, NewThread, OutgoingMessage,
    ReadReceipt, ReadReceipts, ThreadChanges, ThreadDeletion, ThreadUpdate,
};
pub use client::CallClient;
pub use devices::{AudioFeed, AudioInput, AudioOutput, AudioTap, DeviceEvent, DeviceManager};
pub use diagnostics::{
    Diagnostic, DiagnosticChanged, DiagnosticGroup, DiagnosticValue, Diagnostics, NetworkQuality,
};
pub use error::Error;
pub use events::{Blocking, Events};
pub use meeting::{
    BreakoutRoomsFeature, BreakoutRoomsUpdate, CapabilitiesFeature, CaptionsFeature, DominantSpeakers,
    EngagementEvent, JoinOptions, Lobby, LobbyParticipant, MeetingInfo, MessagesFeature,
    OptimalVideoCountFeature, PollsFeature, QuestionsFeature, RaiseHandFeature, RaisedHand, ReactionsFeature,
    RealTimeTextFeature, RemoteParticipant, SceneFeature, SlidesFeature, Speaker, SpeechEngine,
    SpotlightFeature, Transcriber, TypedLine, Utterance, WatchOptions,
};
pub use options::{AcceptOptions, AgentOptions, AudioOptions, Credential, NetworkOptions, StartCallOptions};
pub use pending::Pending;
pub use recording::{Recording, RecordingNotice};
pub use sidetone_capture as capture;
pub use sidetone_media as media;
pub use sidetone_media::recording::{
    RecordingContent, RecordingError, RecordingFile, RecordingFormat, RecordingOptions, RecordingState, Track,
};
pub use sidetone_signaling::agent::{ConnectionState, TransferState};
pub use sidetone_signaling::call::CallState;
pub use sidetone_signaling::protocol::chat::{
    Attachment, Card, CardAction, CardAnswer, CardFact, CardImage, ChatMessage, ChatParticipant, ChatThread,
    LinkPreview, MessageDeleted, MessageKind, ParticipantsAdded, ParticipantsRemoved, Priority,
    Reaction as ChatReaction, ReadReceiptReceived, ThreadCreated, ThreadDeleted, ThreadId, ThreadKind,
    ThreadUpdated, Translation, TypingReceived,
};
pub use sidetone_signaling::protocol::meeting::{
    Annotation, Author as QuestionAuthor, Breakout as BreakoutRoom, BreakoutSettings, Caption, CaptionsState,
    ChangeBreakout, CreateBreakouts, CreatePoll, NewBreakout, Poll, PollOption, PollState, Present,
    PublishCaption, Question, QuestionAnswer, QuestionState, QuestionsState, Results as PollResults, Scene,
    SetBreakouts, Slides, Voter,
};
pub use sidetone_signaling::protocol::meeting::{
    Capabilities, Capability, CapabilityCause, Kind as MeetingKind, LobbyReason, Locator, MAX_HEIGHT,
    MAX_WANTED, ParticipantId, ParticipantState, PersonKind, Picture, PictureSource, Reaction, Role,
    Standing, UnlobbiedWhy,
};
pub use sidetone_signaling::protocol::{
    CallId, Millis, Notice, NoticeKind, NoticeState, PickupOffered, Pictures, TransferTarget,
};
pub use sidetone_signaling::{Category, Identifier, Reason};
pub use statistics::{
    Aggregate, Audio, AudioReceive, AudioSend, CollectorOptions, MediaPoint, MediaSample,
    MediaStatisticsEvent, MediaSummary, Video, VideoReceive, VideoSend,
};

pub use video::{
    LocalVideoStream, MediaStreamType, RemoteVideoStream, ScreenSharingOptions, SharedSound, VideoError,
    VideoFeed, VideoInput,
};

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
