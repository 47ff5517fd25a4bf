//! Calling events: what applications are sent, as CloudEvents 1.0 in structured JSON. The same set for every kind of
//! call and of participant (spec 3.8, R30, L24).
//!
//! An event is a function of its fact: the same fact gives the same event with the same id, so that sending it again
//! after a crash can be noticed. `sequence` is the fact's number: within a call it only rises, and need not be
//! without gaps.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sidetone_organisation::{OrganisationId, ResourceId};
use sidetone_signaling::protocol::{CallId, NoticeKind, NoticeState};
use sidetone_signaling::{Identifier, Reason};
use utoipa::ToSchema;

use crate::chat::ChatData;
use crate::{
    Call, Called, EndpointType, Fact, ParticipantId, Party, RecordingChunk, RecordingEnd, RecordingFile,
    Role, Scope, Seconds, Timestamp, VoiceMessage, What,
};

/// Version of the data of every event here.
const DATA_VERSION: &str = "1.0";

/// Which event it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum EventKind {
    /// A call was refused before it was one: nobody rang, and no other event tells of it. Sent to the caller's side only;
    /// whoever was called is not told who was kept away.
    #[serde(rename = "sidetone.calling.CallRefused")]
    CallRefused,
    /// A call was placed.
    #[serde(rename = "sidetone.calling.CallStarted")]
    CallStarted,
    /// Someone is called.
    #[serde(rename = "sidetone.calling.IncomingCall")]
    IncomingCall,
    /// Someone is in the call now.
    #[serde(rename = "sidetone.calling.CallParticipantAdded")]
    CallParticipantAdded,
    /// Someone is in the call no longer.
    #[serde(rename = "sidetone.calling.CallParticipantRemoved")]
    CallParticipantRemoved,
    /// The call is over.
    #[serde(rename = "sidetone.calling.CallEnded")]
    CallEnded,
    /// A call is recorded, its recording interrupted, or no longer recorded.
    #[serde(rename = "sidetone.calling.RecordingStateChanged")]
    RecordingStateChanged,
    /// A call is written down, that is interrupted, or it is written down no longer.
    #[serde(rename = "sidetone.calling.TranscriptionStateChanged")]
    TranscriptionStateChanged,
    /// A participant agreed to being recorded and transcribed, or no longer does.
    #[serde(rename = "sidetone.calling.ConsentChanged")]
    ConsentChanged,
    /// A poll was opened or closed.
    #[serde(rename = "sidetone.calling.PollStateChanged")]
    PollStateChanged,
    /// Somebody asked a question for everyone to read.
    #[serde(rename = "sidetone.calling.QuestionAsked")]
    QuestionAsked,
    /// A file of a recording is ready.
    #[serde(rename = "sidetone.calling.RecordingFileStatusUpdated")]
    RecordingFileStatusUpdated,
    /// Somebody left a voice message.
    #[serde(rename = "sidetone.calling.VoicemailReceived")]
    VoicemailReceived,
    /// A participant has a new message. This and the seven that follow are sent for each participant but the one who did
    /// it, to the tenants of that participant.
    #[serde(rename = "sidetone.chat.ChatMessageReceived")]
    ChatMessageReceived,
    /// A message of a participant's thread was edited.
    #[serde(rename = "sidetone.chat.ChatMessageEdited")]
    ChatMessageEdited,
    /// A message of a participant's thread was deleted.
    #[serde(rename = "sidetone.chat.ChatMessageDeleted")]
    ChatMessageDeleted,
    /// Somebody takes part in a thread that is new to them.
    #[serde(rename = "sidetone.chat.ChatThreadCreatedWithUser")]
    ChatThreadCreatedWithUser,
    /// A thread is no more for a participant.
    #[serde(rename = "sidetone.chat.ChatThreadWithUserDeleted")]
    ChatThreadWithUserDeleted,
    /// A participant's thread has other properties.
    #[serde(rename = "sidetone.chat.ChatThreadPropertiesUpdatedPerUser")]
    ChatThreadPropertiesUpdatedPerUser,
    /// Someone was added to a participant's thread.
    #[serde(rename = "sidetone.chat.ChatParticipantAddedToThreadWithUser")]
    ChatParticipantAddedToThreadWithUser,
    /// Someone was removed from a participant's thread.
    #[serde(rename = "sidetone.chat.ChatParticipantRemovedFromThreadWithUser")]
    ChatParticipantRemovedFromThreadWithUser,
    /// A thread was begun. This and the seven that follow are sent once, to every tenant that takes part.
    #[serde(rename = "sidetone.chat.ChatThreadCreated")]
    ChatThreadCreated,
    /// A thread was deleted.
    #[serde(rename = "sidetone.chat.ChatThreadDeleted")]
    ChatThreadDeleted,
    /// Someone was added to a thread.
    #[serde(rename = "sidetone.chat.ChatThreadParticipantAdded")]
    ChatThreadParticipantAdded,
    /// Someone was removed from a thread.
    #[serde(rename = "sidetone.chat.ChatThreadParticipantRemoved")]
    ChatThreadParticipantRemoved,
    /// A thread has a new message.
    #[serde(rename = "sidetone.chat.ChatMessageReceivedInThread")]
    ChatMessageReceivedInThread,
    /// A thread has other properties.
    #[serde(rename = "sidetone.chat.ChatThreadPropertiesUpdated")]
    ChatThreadPropertiesUpdated,
    /// A message was edited.
    #[serde(rename = "sidetone.chat.ChatMessageEditedInThread")]
    ChatMessageEditedInThread,
    /// A message was deleted.
    #[serde(rename = "sidetone.chat.ChatMessageDeletedInThread")]
    ChatMessageDeletedInThread,
    /// Somebody answered a card of this user's.
    #[serde(rename = "sidetone.chat.ChatCardAnswered")]
    ChatCardAnswered,
}

/// An event, before it is known to whom it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Unique among all events.
    pub id: String,
    /// Which.
    pub kind: EventKind,
    /// When it happened.
    pub time: Timestamp,
    /// Its place among the events of the call.
    pub sequence: u64,
    /// The call.
    pub call: CallId,
    /// The chain of calls.
    pub correlation: CallId,
    /// What of the call it is about.
    pub(crate) subject: String,
    pub(crate) data: Data,
}

/// An event as it is sent: a CloudEvent (specification 1.0, section 3), with the extension attributes `sequence`,
/// `correlationid` and `dataversion`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notification {
    /// Always `1.0`.
    pub specversion: String,
    /// Unique among all events of the service: by it a receiver knows one that comes twice.
    pub id: String,
    /// The tenant whose event it is: `/resources/<id>` or `/organisations/<id>`.
    pub source: String,
    /// Which event.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// What it is about: `call/<call>/startedBy/<raw id>`, `call/<call>/participant/<raw id>`,
    /// `call/<call>/recording/<id>` or `call/<call>/voicemail/<id>`; of chat `thread/<thread>`,
    /// `thread/<thread>/sender/<raw id>` or `thread/<thread>/recipient/<raw id>`.
    pub subject: String,
    /// When it happened.
    pub time: Timestamp,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// Version of `data`.
    pub dataversion: String,
    /// Ten digits that rise within a call: what happened later compares greater as text. There may be gaps.
    #[schema(example = "0000000007")]
    pub sequence: String,
    /// The same for every event of a call, and of those that it was forwarded or transferred to; of chat the thread.
    #[schema(value_type = String, format = Uuid)]
    pub correlationid: CallId,
    /// What happened.
    pub data: Data,
}

impl Event {
    /// The event as one tenant is sent it.
    pub fn notification(&self, scope: &Scope) -> Notification {
        Notification {
            specversion: "1.0".to_owned(),
            id: self.id.clone(),
            source: format!("/{scope}"),
            kind: self.kind,
            subject: self.subject.clone(),
            time: self.time,
            datacontenttype: "application/json".to_owned(),
            dataversion: DATA_VERSION.to_owned(),
            sequence: format!("{:010}", self.sequence),
            correlationid: self.correlation,
            data: self.data.clone(),
        }
    }
}

/// What every event says of its call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallData {
    /// Who placed it.
    pub started_by: User,
    /// The member as whom it was placed, where that was somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<User>,
    /// The call.
    #[schema(value_type = String, format = Uuid)]
    pub server_call_id: CallId,
    /// The group of a group call, or the meeting of a meeting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Place>,
    /// The room of a call in a room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<Place>,
    /// Between two.
    pub is_two_party: bool,
    /// In a room.
    pub is_rooms_call: bool,
    /// As the attribute `correlationid`.
    #[schema(value_type = String, format = Uuid)]
    pub correlation_id: CallId,
}

/// A group, meeting or room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Place {
    /// Its id.
    pub id: String,
}

/// Someone, with what the identity says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The canonical raw id.
    #[schema(value_type = String, example = "member:contoso:8f14e45f-ceea-467f-a83f-0c2d6d1f0a11")]
    pub raw_id: Identifier,
    /// What kind of identity.
    pub kind: UserKind,
    /// The resource of an external user, or of the application that a member uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceId>,
    /// The organisation of a member or voice application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<OrganisationId>,
    /// What it may do, where the call has roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

/// What kind of identity it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum UserKind {
    /// Of a resource.
    ExternalUser,
    /// Of an organisation.
    Member,
    /// A voice application of an organisation.
    Application,
    /// Without an account.
    Guest,
    /// A telephone.
    Phone,
    /// Of a kind that this version does not know.
    Unknown,
}

/// What an event says, by kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Data {
    /// Of every event whose name begins with `sidetone.chat.`.
    Chat(Box<ChatData>),
    /// Of [`EventKind::RecordingFileStatusUpdated`].
    Recording(RecordingData),
    /// Of [`EventKind::RecordingStateChanged`] and [`EventKind::TranscriptionStateChanged`].
    Notice(NoticeData),
    /// Of [`EventKind::ConsentChanged`].
    Consent(ConsentData),
    /// Of [`EventKind::PollStateChanged`].
    Poll(PollData),
    /// Of [`EventKind::QuestionAsked`].
    Question(Box<QuestionData>),
    /// Of [`EventKind::VoicemailReceived`].
    Voicemail(VoicemailData),
    /// Of [`EventKind::CallEnded`].
    Ended(EndedData),
    /// Of [`EventKind::CallRefused`].
    Refused(RefusedData),
    /// Of [`EventKind::CallParticipantAdded`] and [`EventKind::CallParticipantRemoved`].
    Participant(ParticipantData),
    /// Of [`EventKind::IncomingCall`].
    Incoming(IncomingData),
    /// Of [`EventKind::CallStarted`].
    Call(CallData),
}

/// The end of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndedData {
    /// The call.
    #[serde(flatten)]
    pub call: CallData,
    /// How long it lasted, from being placed, in seconds.
    pub duration_of_call: Seconds,
    /// Why it ended.
    #[schema(value_type = Object)]
    pub reason: Reason,
}

/// A call that was none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefusedData {
    /// The call.
    #[serde(flatten)]
    pub call: CallData,
    /// Who was called.
    pub to_communication_identifier: User,
    /// Why it was refused, as the caller was told: its subcode names the gate that was closed.
    #[schema(value_type = Object)]
    pub reason: Reason,
}

/// Someone who joined or left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantData {
    /// The call.
    #[serde(flatten)]
    pub call: CallData,
    /// Who.
    pub user: User,
    /// The name as the service shows it.
    pub display_name: String,
    /// Names this stay within the call.
    pub participant_id: ParticipantId,
    /// What kind of endpoint.
    pub endpoint_type: EndpointType,
}

/// A recording or transcription, and who makes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NoticeData {
    /// Who makes it, and in which call.
    #[serde(flatten)]
    pub initiator: ParticipantData,
    /// Names the recording or transcription.
    pub notice_id: uuid::Uuid,
    /// `active`, `paused` or `inactive`.
    #[schema(value_type = String, example = "active")]
    pub state: NoticeState,
    /// Whether everyone else must agree before they may speak.
    pub consent_required: bool,
}

/// Whether someone agrees to being recorded and transcribed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConsentData {
    /// Who, and in which call.
    #[serde(flatten)]
    pub participant: ParticipantData,
    /// Agrees?
    pub consent_given: bool,
}

/// A poll.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PollData {
    /// Who opened or closed it, and in which call.
    #[serde(flatten)]
    pub initiator: ParticipantData,
    /// Its number within the call.
    pub poll: u32,
    /// People can vote.
    pub is_open: bool,
    /// How many have voted.
    pub voted: u32,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuestionData {
    /// The call.
    #[serde(flatten)]
    pub call: CallData,
    /// Its number within the call.
    pub question: u32,
    /// Who asked, where they did not ask anonymously.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<ParticipantData>,
}

/// Someone is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IncomingData {
    /// Who is called.
    pub to_communication_identifier: User,
    /// Who calls.
    pub from_communication_identifier: User,
    /// The caller's name as the service shows it.
    pub caller_display_name: String,
    /// The call.
    #[schema(value_type = String, format = Uuid)]
    pub server_call_id: CallId,
    /// Free text of the caller's application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_context: Option<String>,
    /// For whom the called one is called: the one who was called first, after forwarding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of_callee: Option<User>,
    /// As the attribute `correlationid`.
    #[schema(value_type = String, format = Uuid)]
    pub correlation_id: CallId,
}

/// A file of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordingData {
    /// Where its parts are.
    pub recording_storage_info: RecordingStorage,
    /// When it began.
    pub recording_start_time: Timestamp,
    /// How long it is, in milliseconds.
    pub recording_duration_ms: u64,
    /// Why it ended.
    pub session_end_reason: RecordingEnd,
    /// The call.
    #[schema(value_type = String, format = Uuid)]
    pub server_call_id: CallId,
    /// As the attribute `correlationid`.
    #[schema(value_type = String, format = Uuid)]
    pub correlation_id: CallId,
}

/// A voice message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VoicemailData {
    /// Its id within the mailbox, by which its sound is fetched.
    pub message_id: String,
    /// Whose mailbox.
    pub mailbox: User,
    /// Who left it.
    pub from_communication_identifier: User,
    /// The caller's name as the service shows it.
    pub caller_display_name: String,
    /// How long it is, in milliseconds.
    pub message_duration_ms: u64,
    /// How many unheard messages are in the mailbox now.
    pub unheard_messages: u32,
    /// The call.
    #[schema(value_type = String, format = Uuid)]
    pub server_call_id: CallId,
    /// As the attribute `correlationid`.
    #[schema(value_type = String, format = Uuid)]
    pub correlation_id: CallId,
}

/// Where the parts of a recording are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordingStorage {
    /// The parts, in order.
    pub recording_chunks: Vec<RecordingChunk>,
}

/// The event of a fact that the call has taken in already, and whose event it is.
pub(crate) fn of(call: &Call, fact: &Fact) -> Option<(Event, BTreeSet<Scope>)> {
    if call.quiet {
        return None;
    }
    let started_by = || format!("startedBy/{}", call.started_by.identity);
    let (kind, about, data) = match &fact.what {
        What::Started { .. } => (EventKind::CallStarted, started_by(), Data::Call(call_data(call))),
        What::Called { to } => (
            EventKind::IncomingCall,
            format!("participant/{}", to.identity),
            Data::Incoming(incoming(call, to)),
        ),
        What::Joined { participant, .. } => (
            EventKind::CallParticipantAdded,
            format!("participant/{}", call.stay(*participant)?.party.identity),
            Data::Participant(participant_data(call, *participant)?),
        ),
        What::Left { participant, .. } => {
            // Who never got out of the lobby was never announced.
            call.stay(*participant)?.joined?;
            (
                EventKind::CallParticipantRemoved,
                format!("participant/{}", call.stay(*participant)?.party.identity),
                Data::Participant(participant_data(call, *participant)?),
            )
        }
        What::Noticed {
            participant,
            id,
            kind,
            state,
            consent,
        } => {
            let (event, what) = match kind {
                NoticeKind::Recording => (EventKind::RecordingStateChanged, "recording"),
                NoticeKind::Transcription => (EventKind::TranscriptionStateChanged, "transcription"),
            };
            let data = NoticeData {
                initiator: participant_data(call, *participant)?,
                notice_id: *id,
                state: *state,
                consent_required: *consent,
            };
            (event, format!("{what}/{id}"), Data::Notice(data))
        }
        What::Consented { participant, given } => {
            let data = ConsentData {
                participant: participant_data(call, *participant)?,
                consent_given: *given,
            };
            let about = format!("participant/{}", data.participant.user.raw_id);
            (EventKind::ConsentChanged, about, Data::Consent(data))
        }
        What::Polled {
            participant,
            poll,
            open,
            voted,
        } => {
            let data = PollData {
                initiator: participant_data(call, *participant)?,
                poll: *poll,
                is_open: *open,
                voted: *voted,
            };
            (
                EventKind::PollStateChanged,
                format!("poll/{poll}"),
                Data::Poll(data),
            )
        }
        What::Asked {
            participant,
            question,
        } => {
            let data = QuestionData {
                call: call_data(call),
                question: *question,
                asked_by: participant.and_then(|participant| participant_data(call, participant)),
            };
            (
                EventKind::QuestionAsked,
                format!("question/{question}"),
                Data::Question(Box::new(data)),
            )
        }
        What::Recorded { file } => (
            EventKind::RecordingFileStatusUpdated,
            format!("recording/{}", file.recording),
            Data::Recording(recording(call, file)),
        ),
        What::Ended { reason } => {
            let ended = EndedData {
                call: call_data(call),
                duration_of_call: call.length(fact.at),
                reason: reason.clone(),
            };
            (EventKind::CallEnded, started_by(), Data::Ended(ended))
        }
        // Made without a call: see `of_message`.
        What::Refused {
            to: Some(to), reason, ..
        } => {
            let refused = RefusedData {
                call: call_data(call),
                to_communication_identifier: user(&Party::new(to.clone(), "")),
                reason: reason.clone(),
            };
            (EventKind::CallRefused, started_by(), Data::Refused(refused))
        }
        What::VoicemailLeft { .. }
        | What::Refused { .. }
        | What::Rang
        | What::Answered
        | What::Grown
        | What::Waits { .. }
        | What::Merged { .. }
        | What::Messages { .. }
        | What::Measured { .. } => return None,
    };
    let scopes = match &fact.what {
        // Only those who are called are to answer it.
        What::Called { to } => to.scopes().collect(),
        What::Refused { .. } => call.started_by.scopes().collect(),
        _ => call.scopes(),
    };
    let event = Event {
        id: fact.id(),
        kind,
        time: fact.at,
        sequence: fact.number,
        call: call.id,
        correlation: call.correlation,
        subject: format!("call/{}/{about}", call.id),
        data,
    };
    Some((event, scopes))
}

/// The event of a message that was left: its owner's organisation's alone.
pub(crate) fn of_message(
    fact: &Fact,
    message: &VoiceMessage,
    call: Option<&Call>,
) -> (Event, BTreeSet<Scope>) {
    let mailbox = Party::new(message.mailbox.clone(), "");
    let correlation = call.map_or(fact.call, |call| call.correlation);
    let data = VoicemailData {
        message_id: message.id.clone(),
        mailbox: user(&mailbox),
        from_communication_identifier: user(&Party::new(message.from.clone(), "")),
        caller_display_name: message.display_name.clone(),
        message_duration_ms: message.duration.as_millis(),
        unheard_messages: message.unheard,
        server_call_id: fact.call,
        correlation_id: correlation,
    };
    let event = Event {
        id: fact.id(),
        kind: EventKind::VoicemailReceived,
        time: fact.at,
        sequence: fact.number,
        call: fact.call,
        correlation,
        subject: format!("call/{}/voicemail/{}", fact.call, message.id),
        data: Data::Voicemail(data),
    };
    (event, mailbox.scopes().collect())
}

fn call_data(call: &Call) -> CallData {
    let place = || call.place.clone().map(|id| Place { id });
    let is_rooms_call = call.kind == crate::CallKind::Room;
    CallData {
        started_by: user(&call.started_by),
        on_behalf_of: call.on_behalf_of.as_ref().map(as_user),
        server_call_id: call.id,
        group: (!is_rooms_call).then(place).flatten(),
        room: is_rooms_call.then(place).flatten(),
        is_two_party: call.kind.is_two_party(),
        is_rooms_call,
        correlation_id: call.correlation,
    }
}

fn participant_data(call: &Call, participant: ParticipantId) -> Option<ParticipantData> {
    let party = &call.stay(participant)?.party;
    Some(ParticipantData {
        call: call_data(call),
        user: user(party),
        display_name: party.display_name.clone(),
        participant_id: participant,
        endpoint_type: party.endpoint_type,
    })
}

fn incoming(call: &Call, to: &Called) -> IncomingData {
    let first = call.called.first().filter(|first| first.identity != to.identity);
    IncomingData {
        to_communication_identifier: as_user(to),
        from_communication_identifier: user(&call.started_by),
        caller_display_name: call.started_by.display_name.clone(),
        server_call_id: call.id,
        custom_context: call.context.clone(),
        on_behalf_of_callee: first.filter(|_| call.kind.is_two_party()).map(as_user),
        correlation_id: call.correlation,
    }
}

fn recording(call: &Call, file: &RecordingFile) -> RecordingData {
    RecordingData {
        recording_storage_info: RecordingStorage {
            recording_chunks: file.chunks.clone(),
        },
        recording_start_time: file.started,
        recording_duration_ms: file.duration.as_millis(),
        session_end_reason: file.session_end_reason,
        server_call_id: call.id,
        correlation_id: call.correlation,
    }
}

fn as_user(called: &Called) -> User {
    user(&Party::new(called.identity.clone(), ""))
}

pub(crate) fn user(party: &Party) -> User {
    User {
        raw_id: party.identity.clone(),
        kind: match party.identity {
            Identifier::ExternalUser { .. } => UserKind::ExternalUser,
            Identifier::Member { .. } => UserKind::Member,
            Identifier::Application { .. } => UserKind::Application,
            Identifier::Guest { .. } => UserKind::Guest,
            Identifier::Phone { .. } => UserKind::Phone,
            _ => UserKind::Unknown,
        },
        resource: party.resource(),
        organisation: party.organisation(),
        role: party.role,
    }
}
