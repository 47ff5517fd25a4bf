//! What endpoints are told of chat. Everything is asked for over HTTP; here come the events.
//!
//! Every change of a thread that stays (a message, its edit, who takes part) has the next *version* of the thread, and
//! messages are numbered by `id` without gaps. A client that sees a version left out, or that lost its session, asks the
//! service for the changes since the last version it knows.

mod card;

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use card::{Card, CardAction, CardAnswer, CardFact, CardImage, LinkPreview, Translation};

use crate::identifier::Identifier;

/// A thread: one conversation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ThreadId(pub Uuid);

impl fmt::Display for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "thread {}", self.0)
    }
}

/// What kind of conversation it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThreadKind {
    /// Somebody began it.
    #[default]
    AdHoc,
    /// It goes with a meeting.
    Meeting,
    /// It goes with a meeting of a channel. Who comes from outside is in the meeting's part alone.
    Channel,
}

/// What kind of message it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Plain text.
    #[default]
    Text,
    /// HTML that the service has cleaned: it may be shown as it is.
    Html,
    /// By the service: somebody takes part now.
    ParticipantAdded,
    /// By the service: somebody takes part no longer.
    ParticipantRemoved,
    /// By the service: the topic changed.
    TopicUpdated,
}

/// How much the sender wants a message to be noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// As any other.
    #[default]
    Normal,
    /// More than others.
    High,
    /// At once.
    Urgent,
}

/// A file or an image that goes with a message, and is fetched by its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attachment {
    /// Its id within the thread.
    pub id: Uuid,
    /// The name of the file.
    pub name: String,
    /// Its media type (RFC 6838).
    pub content_type: String,
    /// How long it is, in bytes.
    pub size: u64,
    /// An image, to be shown within the text.
    #[serde(default)]
    pub inline: bool,
    /// From when on it is no longer kept, in milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
}

/// One sign of feeling, and who gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reaction {
    /// The sign.
    pub emoji: String,
    /// How many gave it.
    pub count: u32,
    /// The first of them, at most twenty.
    pub by: Vec<Identifier>,
}

/// Someone who takes part, as everybody is shown them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatParticipant {
    /// Who.
    pub identity: Identifier,
    /// Their name, never blank.
    pub display_name: String,
    /// Since when, in milliseconds since the Unix epoch.
    pub joined_at_ms: u64,
    /// They take part no longer.
    #[serde(default)]
    pub removed: bool,
    /// The thread's version that made it so.
    pub version: u64,
}

/// A message as one participant is shown it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatMessage {
    /// Its thread.
    pub thread: ThreadId,
    /// Its place in the thread, from 1 on, without gaps.
    pub id: u64,
    /// The thread's version that last changed it.
    pub version: u64,
    /// What kind it is.
    #[serde(default)]
    pub kind: MessageKind,
    /// Who sent it, or did what it tells.
    pub sender: Identifier,
    /// Their name as it is now, never blank.
    pub sender_display_name: String,
    /// Its text; empty for those of the service and for what was deleted. Of a message with a card it says the same as
    /// the card.
    #[serde(default)]
    pub text: String,
    /// Its card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<Card>,
    /// What is behind the addresses in it, once that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previews: Vec<LinkPreview>,
    /// The topic, where it tells of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Those of whom it tells that they were added or removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub participants: Vec<Identifier>,
    /// When it was sent, in milliseconds since the Unix epoch.
    pub created_at_ms: u64,
    /// When its text last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at_ms: Option<u64>,
    /// When it was deleted: nothing is left of what it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at_ms: Option<u64>,
    /// Whatever the application put with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<u64>,
    /// Who is spoken to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<Identifier>,
    /// What goes with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// What others felt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
    /// It is pinned to the thread.
    #[serde(default)]
    pub pinned: bool,
    /// How much it wants to be noticed.
    #[serde(default)]
    pub priority: Priority,
}

/// A thread as one participant is shown it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatThread {
    /// The thread.
    pub id: ThreadId,
    /// What kind it is.
    #[serde(default)]
    pub kind: ThreadKind,
    /// What it is about.
    pub topic: String,
    /// Who began it.
    pub created_by: Identifier,
    /// When, in milliseconds since the Unix epoch.
    pub created_at_ms: u64,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at_ms: Option<u64>,
    /// When its meeting ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at_ms: Option<u64>,
    /// Whatever the application put with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Its version.
    pub version: u64,
    /// The id of the newest message, 0 for none.
    pub last_message: u64,
    /// Messages up to this id are no longer kept, 0 for none.
    #[serde(default)]
    pub purged_through: u64,
}

/// `chat.message_received`, and `chat.message_edited` for one whose text, reactions, previews or pin changed.
pub type MessageEvent = ChatMessage;

/// `chat.message_deleted`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageDeleted {
    /// The thread.
    pub thread: ThreadId,
    /// The message.
    pub id: u64,
    /// The thread's version.
    pub version: u64,
    /// When, in milliseconds since the Unix epoch.
    pub deleted_at_ms: u64,
}

/// `chat.typing_received`: somebody writes. Shown for a few seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TypingReceived {
    /// Where.
    pub thread: ThreadId,
    /// Who.
    pub sender: Identifier,
    /// Their name.
    pub display_name: String,
}

/// `chat.read_receipt_received`. In a thread of more than twenty the sender of the message alone is told, and of
/// numbers only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadReceiptReceived {
    /// The thread.
    pub thread: ThreadId,
    /// The message up to which was read.
    pub message: u64,
    /// Who read it, where that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reader: Option<Identifier>,
    /// When, in milliseconds since the Unix epoch.
    pub read_at_ms: u64,
    /// How many have read the message by now, its sender not counted.
    pub read_by: u32,
    /// Of how many.
    pub of: u32,
}

/// `chat.thread_created`: this identity takes part in a thread that it did not take part in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ThreadCreated {
    /// The thread.
    pub thread: ChatThread,
    /// Who takes part.
    pub participants: Vec<ChatParticipant>,
}

/// `chat.thread_deleted`: the thread is no more, or no more for this identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ThreadDeleted {
    /// The thread.
    pub thread: ThreadId,
    /// The thread's version.
    pub version: u64,
    /// Who did it.
    pub by: Identifier,
    /// When, in milliseconds since the Unix epoch.
    pub deleted_at_ms: u64,
    /// What was said is to be shown no longer.
    pub hide_history: bool,
}

/// `chat.thread_updated`: the topic, or something else that is said of the thread, changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ThreadUpdated {
    /// The thread as it is now.
    pub thread: ChatThread,
    /// Who changed it.
    pub by: Identifier,
}

/// `chat.participants_added`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParticipantsAdded {
    /// The thread.
    pub thread: ThreadId,
    /// The thread's version.
    pub version: u64,
    /// Who was added.
    pub participants: Vec<ChatParticipant>,
    /// By whom.
    pub by: Identifier,
}

/// `chat.participants_removed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParticipantsRemoved {
    /// The thread.
    pub thread: ThreadId,
    /// The thread's version.
    pub version: u64,
    /// Who was removed, or left.
    pub participants: Vec<Identifier>,
    /// By whom.
    pub by: Identifier,
}
