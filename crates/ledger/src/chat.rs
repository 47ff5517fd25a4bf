//! Events and usage of chat, in the same envelope and the same lists as those of calls (spec 3.8, R125). What happened is
//! said by whoever keeps the threads; this only puts it into words.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::protocol::chat::ThreadId;
use utoipa::ToSchema;

use crate::event::user;
use crate::{Account, Data, Event, EventKind, Meter, Party, Scope, Timestamp, UsageRecord, User};

/// What an event of chat says. Which fields there are depends on its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatData {
    /// The thread.
    #[schema(value_type = String, format = Uuid)]
    pub thread_id: ThreadId,
    /// Unique for what happened: the same in the events of every participant.
    pub transaction_id: String,
    /// The version of the thread.
    pub version: u64,
    /// Whose event it is, where it is one participant's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_communication_identifier: Option<User>,
    /// The message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// What it says: text, or cleaned HTML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_body: Option<String>,
    /// `text`, `html`, `participantAdded`, `participantRemoved` or `topicUpdated`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub message_type: Option<String>,
    /// `high` or `urgent`, where the sender wants the message to be noticed more than others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// What was answered to the message's card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_answer: Option<ChatCardAnswer>,
    /// Who sent the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_communication_identifier: Option<User>,
    /// Their name as the service shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_display_name: Option<String>,
    /// When the message was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compose_time: Option<Timestamp>,
    /// When it was edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit_time: Option<Timestamp>,
    /// When it, or the thread, was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_time: Option<Timestamp>,
    /// Whatever the application put with the message or the thread.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// What is said of the thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<ChatProperties>,
    /// Who takes part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub participants: Vec<ChatMember>,
    /// Who began the thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by_communication_identifier: Option<User>,
    /// When the thread was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_time: Option<Timestamp>,
    /// Who changed, deleted, added or removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_communication_identifier: Option<User>,
    /// Who was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant_added: Option<ChatMember>,
    /// Who was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant_removed: Option<ChatMember>,
}

/// What is said of a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatProperties {
    /// What it is about.
    pub topic: String,
}

/// An answer to a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatCardAnswer {
    /// The id of the button.
    pub action: String,
    /// What was chosen or written; empty for a button that was pressed.
    pub value: String,
    /// The name of who answered, as the service shows it.
    pub display_name: String,
}

/// Someone who takes part in a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatMember {
    /// Who.
    pub communication_identifier: User,
    /// Their name as the service shows it.
    pub display_name: String,
}

impl ChatMember {
    /// Someone, with the name that the service shows.
    pub fn new(identity: Identifier, display_name: impl Into<String>) -> Self {
        Self {
            communication_identifier: user(&Party::new(identity, "")),
            display_name: display_name.into(),
        }
    }
}

impl ChatData {
    /// Nothing but the thread and its version.
    pub fn new(thread: ThreadId, version: u64) -> Self {
        Self {
            thread_id: thread,
            transaction_id: format!("{thread}.{version}"),
            version,
            recipient_communication_identifier: None,
            message_id: None,
            message_body: None,
            message_type: None,
            priority: None,
            card_answer: None,
            sender_communication_identifier: None,
            sender_display_name: None,
            compose_time: None,
            edit_time: None,
            delete_time: None,
            metadata: BTreeMap::new(),
            properties: None,
            participants: Vec::new(),
            created_by_communication_identifier: None,
            create_time: None,
            actor_communication_identifier: None,
            participant_added: None,
            participant_removed: None,
        }
    }
}

/// Something that happened in a thread, and whose event it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatHappening {
    /// Which event.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// The participant whose event it is, for those that go to each. `None`: one for the thread.
    pub recipient: Option<Identifier>,
    /// Who did it.
    pub by: Identifier,
    /// Tells several of one version, kind and recipient apart.
    pub number: Option<usize>,
    /// What it says.
    pub data: ChatData,
    /// Who is sent it.
    pub scopes: BTreeSet<Scope>,
}

/// The event of something that happened in a thread. The same happening gives the same event with the same id.
pub fn chat_event(happening: ChatHappening) -> (Event, BTreeSet<Scope>) {
    let ChatHappening {
        kind,
        at,
        recipient,
        by,
        number,
        mut data,
        scopes,
    } = happening;
    let thread = data.thread_id;
    let subject = match &recipient {
        Some(recipient) => format!("thread/{thread}/recipient/{recipient}"),
        None => format!("thread/{thread}/sender/{by}"),
    };
    data.recipient_communication_identifier = recipient.as_ref().map(of);
    let mut id = format!("{}.{}", data.transaction_id, short(kind));
    if let Some(number) = number {
        id.push_str(&format!(".{number}"));
    }
    if let Some(recipient) = &recipient {
        // Names in a store have no colons and no pluses, and dots between parts only; labels have no `/` and no `=`.
        let part = recipient.raw_id().replace(':', "/").replace('.', "=");
        id.push_str(&format!(".{}", part.replace('+', "")));
    }
    let event = Event {
        id,
        kind,
        time: at,
        sequence: data.version,
        call: CallId(thread.0),
        correlation: CallId(thread.0),
        subject,
        data: Data::Chat(Box::new(data)),
    };
    (event, scopes)
}

fn of(identity: &Identifier) -> User {
    user(&Party::new(identity.clone(), ""))
}

/// A few letters for each kind.
fn short(kind: EventKind) -> &'static str {
    match kind {
        EventKind::ChatMessageReceived => "mr",
        EventKind::ChatMessageEdited => "me",
        EventKind::ChatMessageDeleted => "md",
        EventKind::ChatThreadCreatedWithUser => "tc",
        EventKind::ChatThreadWithUserDeleted => "td",
        EventKind::ChatThreadPropertiesUpdatedPerUser => "tp",
        EventKind::ChatParticipantAddedToThreadWithUser => "pa",
        EventKind::ChatParticipantRemovedFromThreadWithUser => "pr",
        EventKind::ChatThreadCreated => "Tc",
        EventKind::ChatThreadDeleted => "Td",
        EventKind::ChatThreadParticipantAdded => "Pa",
        EventKind::ChatThreadParticipantRemoved => "Pr",
        EventKind::ChatMessageReceivedInThread => "Mr",
        EventKind::ChatThreadPropertiesUpdated => "Tp",
        EventKind::ChatMessageEditedInThread => "Me",
        EventKind::ChatMessageDeletedInThread => "Md",
        EventKind::ChatCardAnswered => "ca",
        _ => "call",
    }
}

/// The usage of one message that somebody sent (R125), with the tenants in whose lists it stands: the one whose account
/// it is, and where it is covered also the resources whose users take part, which see it at zero.
pub fn message_usage(
    thread: ThreadId,
    message: u64,
    sender: &Party,
    at: Timestamp,
    resources: &BTreeSet<Scope>,
) -> (UsageRecord, BTreeSet<Scope>) {
    let account = sender.account();
    let listed = match &account {
        Account::Resource(resource) => BTreeSet::from([Scope::Resource(resource.clone())]),
        Account::Organisation(organisation) => {
            let own = Scope::Organisation(organisation.clone());
            resources.iter().cloned().chain([own]).collect()
        }
        Account::Operator => resources.clone(),
    };
    let record = UsageRecord {
        id: format!("{thread}.{message}.chat"),
        time: at,
        operation_name: "message".to_owned(),
        operation_version: "1.0".to_owned(),
        category: "usage".to_owned(),
        correlation_id: CallId(thread.0),
        call: CallId(thread.0),
        usage_type: Meter::Messages,
        unit_type: Meter::Messages.unit(),
        quantity: 1,
        lobby_seconds: 0,
        metered: account.is_metered(),
        account,
        identity: sender.identity.clone(),
    };
    (record, listed)
}
