//! Threads, participants and messages as they are written over HTTP.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sidetone_chat::{Content, Refused};
use sidetone_ledger::Timestamp;
use sidetone_signaling::protocol::chat as wire;
use sidetone_signaling::{Identifier, Reason};
use utoipa::ToSchema;
use uuid::Uuid;

use super::card::{Card, LinkPreview};
use crate::api::openapi::RawId;
use crate::api::problem::Problem;
use crate::chat::problem;

/// A moment of the wire.
fn moment(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// What kind of conversation it is.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum ThreadKind {
    /// Somebody began it.
    AdHoc,
    /// It goes with a meeting.
    Meeting,
    /// It goes with a meeting of a channel.
    Channel,
}

/// A thread, as the caller is shown it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChatThread {
    id: Uuid,
    kind: ThreadKind,
    /// What it is about.
    topic: String,
    /// Who began it.
    #[schema(value_type = RawId)]
    created_by: Identifier,
    /// When.
    created_on: Timestamp,
    /// When its meeting ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_on: Option<Timestamp>,
    /// Whatever the application put with it.
    metadata: BTreeMap<String, String>,
    /// Its version: that of its newest change.
    version: u64,
    /// The id of the newest message, 0 for none.
    last_message: u64,
    /// Messages up to this id are no longer kept, 0 for none.
    purged_through: u64,
}

impl From<wire::ChatThread> for ChatThread {
    fn from(thread: wire::ChatThread) -> Self {
        Self {
            id: thread.id.0,
            kind: match thread.kind {
                wire::ThreadKind::AdHoc => ThreadKind::AdHoc,
                wire::ThreadKind::Meeting => ThreadKind::Meeting,
                wire::ThreadKind::Channel => ThreadKind::Channel,
            },
            topic: thread.topic,
            created_by: thread.created_by,
            created_on: moment(thread.created_at_ms),
            ended_on: thread.ended_at_ms.map(moment),
            metadata: thread.metadata,
            version: thread.version,
            last_message: thread.last_message,
            purged_through: thread.purged_through,
        }
    }
}

/// Someone who takes part, or did.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChatParticipant {
    /// Who.
    #[schema(value_type = RawId)]
    pub(super) id: Identifier,
    /// Their name, the same for everybody and never blank.
    display_name: String,
    /// Since when, the last time.
    joined_on: Timestamp,
    /// They take part no longer.
    removed: bool,
    /// The thread's version that made it so.
    version: u64,
}

impl From<wire::ChatParticipant> for ChatParticipant {
    fn from(one: wire::ChatParticipant) -> Self {
        Self {
            id: one.identity,
            display_name: one.display_name,
            joined_on: moment(one.joined_at_ms),
            removed: one.removed,
            version: one.version,
        }
    }
}

/// What kind of message it is.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum MessageType {
    /// Plain text.
    Text,
    /// HTML that the service has cleaned.
    Html,
    /// By the service: somebody takes part now.
    ParticipantAdded,
    /// By the service: somebody takes part no longer.
    ParticipantRemoved,
    /// By the service: the topic changed.
    TopicUpdated,
}

/// How much a sender wants a message to be noticed.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum Priority {
    /// As any other.
    #[default]
    Normal,
    /// More than others.
    High,
    /// At once.
    Urgent,
}

impl From<Priority> for wire::Priority {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::Normal => Self::Normal,
            Priority::High => Self::High,
            Priority::Urgent => Self::Urgent,
        }
    }
}

/// What a message says.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageContent {
    /// The text or HTML; empty for what the service says and what was deleted.
    message: String,
    /// The topic, where it tells of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    /// Those of whom it tells that they were added or removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<RawId>)]
    participants: Vec<Identifier>,
    /// Files that go with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment>,
    /// Its card: who shows it does not show `message`, which says the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    card: Option<Card>,
    /// What is behind the addresses in it, some time after it was sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    previews: Vec<LinkPreview>,
}

/// A file that goes with a message.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attachment {
    pub(super) id: Uuid,
    /// The name of the file.
    pub(super) name: String,
    /// Its media type.
    pub(super) content_type: String,
    /// How long it is, in bytes.
    pub(super) size: u64,
    /// An image, to be shown within the text.
    pub(super) inline: bool,
    /// From when on it is no longer kept.
    pub(super) expires_on: Timestamp,
}

/// One sign of feeling.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Reaction {
    /// The sign.
    emoji: String,
    /// How many gave it.
    count: u32,
    /// The first twenty of them.
    #[schema(value_type = Vec<RawId>)]
    by: Vec<Identifier>,
}

/// A message, as the caller is shown it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChatMessage {
    /// Its place in the thread, from 1 on, without gaps.
    id: u64,
    thread_id: Uuid,
    /// The thread's version that last changed it.
    version: u64,
    r#type: MessageType,
    /// Who sent it, or did what it tells.
    #[schema(value_type = RawId)]
    sender: Identifier,
    /// Their name, the same for everybody and never blank.
    sender_display_name: String,
    content: MessageContent,
    created_on: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    edited_on: Option<Timestamp>,
    /// When it was deleted: nothing is left of what it said.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_on: Option<Timestamp>,
    metadata: BTreeMap<String, String>,
    /// The message that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<u64>,
    /// Who is spoken to.
    #[schema(value_type = Vec<RawId>)]
    mentions: Vec<Identifier>,
    reactions: Vec<Reaction>,
    pinned: bool,
    priority: Priority,
}

impl From<wire::ChatMessage> for ChatMessage {
    fn from(message: wire::ChatMessage) -> Self {
        let reactions = message.reactions.into_iter().map(|one| Reaction {
            emoji: one.emoji,
            count: one.count,
            by: one.by,
        });
        Self {
            id: message.id,
            thread_id: message.thread.0,
            version: message.version,
            r#type: match message.kind {
                wire::MessageKind::Text => MessageType::Text,
                wire::MessageKind::Html => MessageType::Html,
                wire::MessageKind::ParticipantAdded => MessageType::ParticipantAdded,
                wire::MessageKind::ParticipantRemoved => MessageType::ParticipantRemoved,
                wire::MessageKind::TopicUpdated => MessageType::TopicUpdated,
            },
            sender: message.sender,
            sender_display_name: message.sender_display_name,
            content: MessageContent {
                message: message.text,
                topic: message.topic,
                participants: message.participants,
                attachments: message.attachments.into_iter().map(Attachment::from).collect(),
                card: message.card.map(Card::from),
                previews: message.previews.into_iter().map(LinkPreview::from).collect(),
            },
            created_on: moment(message.created_at_ms),
            edited_on: message.edited_at_ms.map(moment),
            deleted_on: message.deleted_at_ms.map(moment),
            metadata: message.metadata,
            reply_to: message.reply_to,
            mentions: message.mentions,
            reactions: reactions.collect(),
            pinned: message.pinned,
            priority: match message.priority {
                wire::Priority::Normal => Priority::Normal,
                wire::Priority::High => Priority::High,
                wire::Priority::Urgent => Priority::Urgent,
            },
        }
    }
}

impl From<wire::Attachment> for Attachment {
    fn from(file: wire::Attachment) -> Self {
        Self {
            id: file.id,
            name: file.name,
            content_type: file.content_type,
            size: file.size,
            inline: file.inline,
            expires_on: moment(file.expires_at_ms),
        }
    }
}

/// As what a text is to be read.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum ContentType {
    /// Plain text.
    #[default]
    Text,
    /// HTML. What is not harmless is taken out of it.
    Html,
}

impl ContentType {
    /// What is said with a text of this type, and a card where there is one.
    ///
    /// # Errors
    /// HTML instead of a card.
    pub(super) fn of(self, text: String, card: Option<Card>) -> Result<Content, Problem> {
        Ok(match (self, card) {
            (Self::Text, None) => Content::Text(text),
            (Self::Html, None) => Content::Html(text),
            (Self::Text, Some(card)) => Content::Card(Box::new(card.into()), text),
            (Self::Html, Some(_)) => {
                return Err(problem(Refused {
                    detail: Some("what is read instead of a card is plain text"),
                    ..Reason::BAD_CONTENT.into()
                }));
            }
        })
    }
}
