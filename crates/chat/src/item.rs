//! What is kept of a thread: items, each whole and with a name of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sidetone_ledger::Timestamp;
use sidetone_organisation::{OrganisationId, ResourceId};
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::chat::{Card, LinkPreview, MessageKind, Priority, ThreadId, ThreadKind};
use uuid::Uuid;

use crate::Region;

/// Where all of a thread is kept, and whose policies hold for it as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Home {
    /// The organisation of the meeting; of an ad-hoc thread that of the first member. `None`: no member takes part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<OrganisationId>,
    /// The region.
    pub region: Region,
}

/// What is said of a thread as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ThreadRecord {
    /// Which thread.
    pub id: ThreadId,
    /// What kind.
    pub kind: ThreadKind,
    /// What it is about.
    pub topic: String,
    /// Who began it.
    pub created_by: Identifier,
    /// When.
    pub created: Timestamp,
    /// Where it is kept.
    pub home: Home,
    /// Whatever the application put with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Its own retention, in days: 30 to 90.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// Nothing of it is deleted from the store.
    #[serde(default)]
    pub hold: bool,
    /// Messages up to this one are no longer kept.
    #[serde(default)]
    pub purged_through: u64,
    /// Its meeting is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Somebody deleted it for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Deleted>,
    /// The idempotency token with which it was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The thread's version that last changed this.
    pub version: u64,
}

/// A deletion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub by: Identifier,
}

/// A stretch of the messages that somebody may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first.
    pub from: u64,
    /// The last; open while they take part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

/// Up to where somebody has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadMark {
    /// The message.
    pub message: u64,
    /// When.
    pub at: Timestamp,
}

/// Someone who takes part, or did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Participant {
    /// Who.
    pub identity: Identifier,
    /// The name that was wanted for them; of a member it is not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Since when, the last time.
    pub joined: Timestamp,
    /// What they may see, oldest first. The last is open while they take part.
    pub spans: Vec<Span>,
    /// They left the meeting, and are not back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Timestamp>,
    /// They deleted the thread for themselves when this was the newest message: up to it they see nothing.
    #[serde(default)]
    pub hidden_through: u64,
    /// Up to where they have read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<ReadMark>,
    /// The thread's version that last changed whether they take part.
    pub version: u64,
}

impl Participant {
    /// Whether they take part now.
    pub fn is_current(&self) -> bool {
        self.spans.last().is_some_and(|span| span.until.is_none())
    }

    /// Whether they may see a message, by its number alone.
    pub(crate) fn sees(&self, message: u64) -> bool {
        message > self.hidden_through
            && self
                .spans
                .iter()
                .any(|span| span.from <= message && span.until.is_none_or(|until| message <= until))
    }
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum Body {
    /// Plain text.
    Text {
        /// The text.
        text: String,
    },
    /// HTML, cleaned.
    Html {
        /// The HTML.
        html: String,
    },
    /// By the service: somebody takes part now.
    ParticipantAdded {
        /// Who.
        participants: Vec<Identifier>,
    },
    /// By the service: somebody takes part no longer.
    ParticipantRemoved {
        /// Who.
        participants: Vec<Identifier>,
    },
    /// By the service: the topic changed.
    TopicUpdated {
        /// To what.
        topic: String,
    },
}

impl Body {
    /// The text or HTML; empty for what the service says.
    pub fn text(&self) -> &str {
        match self {
            Self::Text { text } => text,
            Self::Html { html } => html,
            _ => "",
        }
    }

    /// Its kind on the wire.
    pub fn kind(&self) -> MessageKind {
        match self {
            Self::Text { .. } => MessageKind::Text,
            Self::Html { .. } => MessageKind::Html,
            Self::ParticipantAdded { .. } => MessageKind::ParticipantAdded,
            Self::ParticipantRemoved { .. } => MessageKind::ParticipantRemoved,
            Self::TopicUpdated { .. } => MessageKind::TopicUpdated,
        }
    }

    /// Whether the service says it.
    pub fn is_system(&self) -> bool {
        !matches!(self, Self::Text { .. } | Self::Html { .. })
    }

    /// The same without what it said.
    pub(crate) fn emptied(&self) -> Self {
        match self {
            Self::Html { .. } => Self::Html { html: String::new() },
            Self::Text { .. } => Self::Text { text: String::new() },
            other => other.clone(),
        }
    }
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Its place in the thread, from 1 on.
    pub id: u64,
    /// The thread's version that last changed it.
    pub version: u64,
    /// Who sent it, or did what it tells.
    pub sender: Identifier,
    /// Through which resource's application a member sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<ResourceId>,
    /// What it says.
    pub body: Body,
    /// Its card. The body says the same to clients that show none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<Card>,
    /// What is behind the addresses in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previews: Vec<LinkPreview>,
    /// When it was sent.
    pub created: Timestamp,
    /// When its text last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<Timestamp>,
    /// When it was deleted: nothing is left of what it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Timestamp>,
    /// Whatever the application put with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<u64>,
    /// Who is spoken to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<Identifier>,
    /// Files that go with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Uuid>,
    /// Signs of feeling, and who gave each, in the order in which they came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<(String, Vec<Identifier>)>,
    /// It is pinned to the thread.
    #[serde(default)]
    pub pinned: bool,
    /// How much it wants to be noticed.
    #[serde(default)]
    pub priority: Priority,
    /// The idempotency token with which it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// What is known of a file. Its bytes are kept beside it, in the same region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachmentRecord {
    /// Its id within the thread.
    pub id: Uuid,
    /// Who uploaded it.
    pub by: Identifier,
    /// The name of the file.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// How long it is, in bytes.
    pub size: u64,
    /// An image, to be shown within the text.
    pub inline: bool,
    /// From when on it is no longer kept.
    pub expires: Timestamp,
    /// The message that it goes with; absent while it waits to be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<u64>,
    /// What was found in it, once somebody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// What was found in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Nothing.
    Clean,
    /// Something for which it is given out to nobody.
    Refused,
}

/// What somebody answered to a card: the newest answer of each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The message with the card.
    pub message: u64,
    /// Its version that was answered.
    pub version: u64,
    /// Its place among the answers to the message, from 1 on: it grows, and is no other answer's.
    pub number: u64,
    /// Who answers.
    pub by: Identifier,
    /// The button's id.
    pub action: String,
    /// What was chosen or written.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// When.
    pub at: Timestamp,
}

/// What somebody deleted or edited away while a hold was on: kept, and shown to nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The message as it was.
    pub message: Message,
    /// When it was deleted or edited.
    pub at: Timestamp,
}

/// The copy of an external user's newest message in the region of the resource (spec R96).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// The resource's region.
    pub region: Region,
    /// The message.
    pub message: Message,
}

/// One thing that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "item", content = "is")]
#[allow(clippy::large_enum_variant, reason = "passed on one at a time")]
pub enum Item {
    /// What is said of the thread as a whole.
    Thread(ThreadRecord),
    /// Someone who takes part, or did.
    Participant(Participant),
    /// A message.
    Message(Message),
    /// What is known of a file.
    Attachment(AttachmentRecord),
    /// A copy in another region.
    Copy(Copied),
    /// What a hold keeps.
    Held(Held),
    /// An answer to a card.
    Answer(Answer),
}

/// The name of an item within its thread, and where it is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemKey {
    /// [`Item::Thread`].
    Thread,
    /// [`Item::Participant`].
    Participant(Identifier),
    /// [`Item::Message`], in the home region.
    Message(u64),
    /// [`Item::Attachment`], in the home region. Its bytes go with it.
    Attachment(Uuid),
    /// [`Item::Copy`], in this region.
    Copy(Region, Identifier),
    /// [`Item::Held`], in the home region: of which message, at which version.
    Held(u64, u64),
    /// [`Item::Answer`], in the home region: to which message, by whom.
    Answer(u64, Identifier),
}

impl Item {
    /// Its name.
    pub fn key(&self) -> ItemKey {
        match self {
            Self::Thread(_) => ItemKey::Thread,
            Self::Participant(participant) => ItemKey::Participant(participant.identity.clone()),
            Self::Message(message) => ItemKey::Message(message.id),
            Self::Attachment(file) => ItemKey::Attachment(file.id),
            Self::Copy(copy) => ItemKey::Copy(copy.region.clone(), copy.message.sender.clone()),
            Self::Held(held) => ItemKey::Held(held.message.id, held.message.version),
            Self::Answer(answer) => ItemKey::Answer(answer.message, answer.by.clone()),
        }
    }
}
