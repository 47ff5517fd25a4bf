//! What the service writes over HTTP, and the same as the session has it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer};
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::chat as wire;
use sidetone_signaling::protocol::chat::ThreadId;
use uuid::Uuid;

use super::http::Request;
use super::thread::{ReadReceipt, ReadReceipts, ThreadChanges};

/// A moment: RFC 3339 in JSON, milliseconds since the Unix epoch here.
#[derive(Clone, Copy)]
pub(super) struct Moment(u64);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let time = humantime::parse_rfc3339(&text).map_err(serde::de::Error::custom)?;
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// Milliseconds since the Unix epoch as RFC 3339.
pub(super) fn timestamp(millis: u64) -> String {
    // The last moment that has such a form.
    const LAST: u64 = 253_402_300_799_999;
    let time: SystemTime = UNIX_EPOCH + Duration::from_millis(millis.min(LAST));
    humantime::format_rfc3339_millis(time).to_string()
}

#[derive(Deserialize)]
pub(super) struct Page<T, N = String> {
    pub(super) items: Vec<T>,
    #[serde(default = "none")]
    pub(super) next: Option<N>,
}

fn none<N>() -> Option<N> {
    None
}

#[derive(Deserialize)]
pub(super) struct Found {
    items: Vec<Message>,
    searched: u64,
    next: Option<String>,
}

impl From<Found> for super::FoundMessages {
    fn from(found: Found) -> Self {
        Self {
            messages: found.items.into_iter().map(Into::into).collect(),
            searched: found.searched,
            next: found.next,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Made {
    pub(super) chat_thread: Thread,
}

#[derive(Deserialize)]
pub(super) struct Sent {
    pub(super) id: u64,
}

#[derive(Deserialize)]
pub(super) struct Added {
    pub(super) added: Vec<Identifier>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Kind {
    AdHoc,
    Meeting,
    Channel,
    #[serde(other)]
    Later,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Thread {
    pub(super) id: ThreadId,
    kind: Kind,
    topic: String,
    created_by: Identifier,
    created_on: Moment,
    ended_on: Option<Moment>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    version: u64,
    last_message: u64,
    #[serde(default)]
    purged_through: u64,
}

impl From<Thread> for wire::ChatThread {
    fn from(thread: Thread) -> Self {
        Self {
            id: thread.id,
            kind: match thread.kind {
                Kind::AdHoc | Kind::Later => wire::ThreadKind::AdHoc,
                Kind::Meeting => wire::ThreadKind::Meeting,
                Kind::Channel => wire::ThreadKind::Channel,
            },
            topic: thread.topic,
            created_by: thread.created_by,
            created_at_ms: thread.created_on.0,
            deleted_at_ms: None,
            ended_at_ms: thread.ended_on.map(|moment| moment.0),
            metadata: thread.metadata,
            version: thread.version,
            last_message: thread.last_message,
            purged_through: thread.purged_through,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Participant {
    pub(super) id: Identifier,
    display_name: String,
    joined_on: Moment,
    #[serde(default)]
    removed: bool,
    version: u64,
}

impl From<Participant> for wire::ChatParticipant {
    fn from(one: Participant) -> Self {
        Self {
            identity: one.id,
            display_name: one.display_name,
            joined_at_ms: one.joined_on.0,
            removed: one.removed,
            version: one.version,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct File {
    id: Uuid,
    name: String,
    content_type: String,
    size: u64,
    #[serde(default)]
    inline: bool,
    expires_on: Moment,
}

impl From<File> for wire::Attachment {
    fn from(file: File) -> Self {
        Self {
            id: file.id,
            name: file.name,
            content_type: file.content_type,
            size: file.size,
            inline: file.inline,
            expires_at_ms: file.expires_on.0,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    #[serde(default)]
    message: String,
    topic: Option<String>,
    #[serde(default)]
    participants: Vec<Identifier>,
    #[serde(default)]
    attachments: Vec<File>,
    card: Option<wire::Card>,
    #[serde(default)]
    previews: Vec<wire::LinkPreview>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum MessageKind {
    Html,
    ParticipantAdded,
    ParticipantRemoved,
    TopicUpdated,
    /// Plain text, and what a later version may have.
    #[serde(other)]
    Text,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message {
    id: u64,
    thread_id: ThreadId,
    version: u64,
    r#type: MessageKind,
    sender: Identifier,
    sender_display_name: String,
    content: Content,
    created_on: Moment,
    edited_on: Option<Moment>,
    deleted_on: Option<Moment>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    reply_to: Option<u64>,
    #[serde(default)]
    mentions: Vec<Identifier>,
    #[serde(default)]
    reactions: Vec<wire::Reaction>,
    #[serde(default)]
    pinned: bool,
    #[serde(default)]
    priority: wire::Priority,
}

impl From<Message> for wire::ChatMessage {
    fn from(message: Message) -> Self {
        Self {
            thread: message.thread_id,
            id: message.id,
            version: message.version,
            kind: match message.r#type {
                MessageKind::Text => wire::MessageKind::Text,
                MessageKind::Html => wire::MessageKind::Html,
                MessageKind::ParticipantAdded => wire::MessageKind::ParticipantAdded,
                MessageKind::ParticipantRemoved => wire::MessageKind::ParticipantRemoved,
                MessageKind::TopicUpdated => wire::MessageKind::TopicUpdated,
            },
            sender: message.sender,
            sender_display_name: message.sender_display_name,
            text: message.content.message,
            card: message.content.card,
            previews: message.content.previews,
            topic: message.content.topic,
            participants: message.content.participants,
            created_at_ms: message.created_on.0,
            edited_at_ms: message.edited_on.map(|moment| moment.0),
            deleted_at_ms: message.deleted_on.map(|moment| moment.0),
            metadata: message.metadata,
            reply_to: message.reply_to,
            mentions: message.mentions,
            attachments: message.content.attachments.into_iter().map(Into::into).collect(),
            reactions: message.reactions,
            pinned: message.pinned,
            priority: message.priority,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    reader: Identifier,
    message: u64,
    read_on: Moment,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Count {
    message: u64,
    read_by: u32,
}

#[derive(Deserialize)]
pub(super) struct Receipts {
    receipts: Vec<Receipt>,
    counts: Vec<Count>,
}

impl From<Receipts> for ReadReceipts {
    fn from(all: Receipts) -> Self {
        let receipts = all.receipts.into_iter().map(|one| ReadReceipt {
            reader: one.reader,
            message: one.message,
            read_at_ms: one.read_on.0,
        });
        Self {
            receipts: receipts.collect(),
            counts: all
                .counts
                .into_iter()
                .map(|one| (one.message, one.read_by))
                .collect(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Changes {
    thread: Option<Thread>,
    participants: Vec<Participant>,
    messages: Vec<Message>,
    version: u64,
    more: bool,
}

impl From<Changes> for ThreadChanges {
    fn from(changes: Changes) -> Self {
        Self {
            thread: changes.thread.map(Into::into),
            participants: changes.participants.into_iter().map(Into::into).collect(),
            messages: changes.messages.into_iter().map(Into::into).collect(),
            version: changes.version,
            more: changes.more,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GivenAnswer {
    by: Identifier,
    display_name: String,
    action: String,
    #[serde(default)]
    value: String,
    version: u64,
    answered_on: Moment,
}

#[derive(Deserialize)]
pub(super) struct Answers {
    items: Vec<GivenAnswer>,
}

impl Answers {
    /// They are those to this message.
    pub(super) fn of(self, thread: ThreadId, message: u64) -> Vec<wire::CardAnswer> {
        let items = self.items.into_iter();
        items
            .map(|one| wire::CardAnswer {
                thread,
                message,
                version: one.version,
                by: one.by,
                display_name: one.display_name,
                action: one.action,
                value: one.value,
                answered_at_ms: one.answered_on.0,
            })
            .collect()
    }
}

pub(super) fn changes_request(thread: ThreadId, since: u64) -> Request {
    Request::get(format!("/v1/chat/threads/{thread}/changes?since={since}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_as_the_session_has_it() {
        let text = r#"{"id":3,"threadId":"0f8fad5b-d9cb-469f-a165-70867728950e","version":7,"type":"html",
            "sender":"member:contoso:mia","senderDisplayName":"Mia","content":{"message":"<b>x</b>","card":{"title":"A","actions":[
            {"type":"press","id":"ok","title":"OK"},{"type":"slide","later":1}]},
            "previews":[{"url":"https://a.example/","title":"A"}]},
            "createdOn":"2026-03-01T10:00:00.250Z","metadata":{},"mentions":[],
            "reactions":[{"emoji":"+","count":1,"by":["guest:g"]}],"pinned":true,"priority":"high","later":1}"#;
        let message: wire::ChatMessage = serde_json::from_str::<Message>(text).unwrap().into();
        assert_eq!((message.id, message.version, message.pinned), (3, 7, true));
        assert_eq!(message.created_at_ms, 1_772_359_200_250);
        assert_eq!(message.priority, wire::Priority::High);
        let card = message.card.unwrap();
        assert_eq!((card.title.as_str(), card.actions.len()), ("A", 2));
        assert_eq!(card.actions[1], wire::CardAction::Later);
        assert_eq!(message.previews[0].url, "https://a.example/");
        assert_eq!(timestamp(message.created_at_ms), "2026-03-01T10:00:00.250Z");
        let later = text.replace("\"html\"", "\"poll\"");
        assert!(
            serde_json::from_str::<Message>(&later).is_ok(),
            "a kind of a later version"
        );
    }
}
