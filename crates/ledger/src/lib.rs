//! What happened in calls, and what follows from it: the events that applications are sent, the usage that resources
//! are charged for, and the records that people look at afterwards.
//!
//! [`Book`] turns what the service is [`Told`] into numbered [`Fact`]s. Facts are all that has to be kept: events,
//! usage and records are functions of them, so that whatever is lost after a fact was written is made again from it,
//! the same to the letter. The crate refuses to know clocks, storage, HTTP and tokens.

#![forbid(unsafe_code)]

mod book;
mod call;
mod chat;
mod event;
mod fact;
mod kind;
mod party;
mod record;
mod time;
mod told;
mod usage;

pub use book::{Book, Booked};
pub use call::{Call, Stay};
pub use chat::{
    ChatCardAnswer, ChatData, ChatHappening, ChatMember, ChatProperties, chat_event, message_usage,
};
pub use event::{
    CallData, Data, EndedData, Event, EventKind, IncomingData, Notification, ParticipantData, Place,
    RecordingData, RecordingStorage, User, UserKind, VoicemailData,
};
pub use fact::{Called, Fact, ParticipantId, What};
pub use kind::CallKind;
pub use party::{Account, Client, EndpointType, Party, Role, Scope};
pub use record::{
    ANONYMOUS, CallDiagnostic, CallIssue, CallLine, CallSummary, CallType, CalledParty, Direction,
    FileReport, IssueReport, IssueValue, LiveCall, LiveParticipant, MediaType, ParticipantType,
    PhoneCallType, RecordingChunk, RecordingEnd, RecordingFile, ReportError, StreamReport, Transport, Viewer,
    diagnostics, issues, live, summaries,
};
pub use time::{Month, MonthError, Seconds, Timestamp};
pub use told::{End, Named, People, Told, VoiceMessage};
pub use usage::{Meter, MeterTotal, Rounding, Unit, UsageRecord, UsageReport, usage};
