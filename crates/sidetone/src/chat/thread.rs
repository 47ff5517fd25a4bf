//! One thread.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::json;
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::chat::{
    Attachment, Card, ChatMessage, ChatParticipant, ChatThread, Priority, ThreadId,
};
use uuid::Uuid;

use super::ChatClient;
use super::http::{Request, escape};
use super::rest;
use crate::Error;
use crate::pending::Pending;

/// A message to send.
#[derive(Clone, Debug, Default)]
pub struct OutgoingMessage {
    /// The text, or HTML, at most 28 KB. May be empty where files or a card go with it. With a card it is plain text: what
    /// clients are given that show no cards, made of the card where it is empty.
    pub content: String,
    /// The content is HTML. What is not harmless is taken out of it by the service.
    pub html: bool,
    /// Whatever the app puts with it.
    pub metadata: BTreeMap<String, String>,
    /// The message that it answers.
    pub reply_to: Option<u64>,
    /// Who is spoken to.
    pub mentions: Vec<Identifier>,
    /// Files that were uploaded with [`ChatThreadClient::upload`].
    pub attachments: Vec<Uuid>,
    /// How much it wants to be noticed.
    pub priority: Priority,
    /// A card. Its images are among the attachments.
    pub card: Option<Card>,
}

impl OutgoingMessage {
    /// Plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            content: text.into(),
            ..Self::default()
        }
    }

    /// HTML.
    pub fn html(html: impl Into<String>) -> Self {
        Self {
            html: true,
            ..Self::text(html)
        }
    }

    /// A card.
    pub fn card(card: Card) -> Self {
        Self {
            card: Some(card),
            ..Self::default()
        }
    }
}

/// What changes about a thread. What is absent stays.
#[derive(Clone, Debug, Default)]
pub struct ThreadUpdate {
    /// What it is about.
    pub topic: Option<String>,
    /// Whatever the app puts with it, all of it.
    pub metadata: Option<BTreeMap<String, String>>,
}

/// A page of messages, the newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MessagePage {
    /// The messages.
    pub messages: Vec<ChatMessage>,
    /// Give it as `before` for older ones; absent on the last page.
    pub next: Option<u64>,
}

/// Up to where somebody has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadReceipt {
    /// Who.
    pub reader: Identifier,
    /// The message.
    pub message: u64,
    /// When, in milliseconds since the Unix epoch.
    pub read_at_ms: u64,
}

/// The receipts of a thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadReceipts {
    /// Each reader's. Empty in a thread of more than twenty.
    pub receipts: Vec<ReadReceipt>,
    /// There: at each message, how many have read up to it or further.
    pub counts: Vec<(u64, u32)>,
}

/// What changed in a thread since a version, each thing once and as it is now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ThreadChanges {
    /// The thread, where that changed.
    pub thread: Option<ChatThread>,
    /// People who came, went or changed.
    pub participants: Vec<ChatParticipant>,
    /// Messages that were sent, edited or deleted, in order.
    pub messages: Vec<ChatMessage>,
    /// Everything up to this version is told with these.
    pub version: u64,
    /// There is more.
    pub more: bool,
}

/// One thread. Cheap to clone.
#[derive(Clone)]
pub struct ChatThreadClient {
    pub(super) chat: ChatClient,
    id: ThreadId,
}

impl fmt::Debug for ChatThreadClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ChatThreadClient").field(&self.id).finish()
    }
}

/// Every request may end in [`Error::Refused`] with the service's reason, or in [`Error::Network`].
impl ChatThreadClient {
    pub(super) fn new(chat: ChatClient, id: ThreadId) -> Self {
        Self { chat, id }
    }

    /// Which thread.
    pub fn id(&self) -> ThreadId {
        self.id
    }

    pub(super) fn path(&self, rest: &str) -> String {
        format!("/v1/chat/threads/{}{rest}", self.id)
    }

    /// What is said of the thread as a whole.
    pub fn properties(&self) -> Pending<ChatThread> {
        self.chat.ask(Request::get(self.path("")), |answer| {
            Ok(answer.json::<rest::Thread>()?.into())
        })
    }

    /// Changes what is said of the thread as a whole.
    pub fn update(&self, update: ThreadUpdate) -> Pending<ChatThread> {
        let mut change = json!({});
        if let Some(topic) = update.topic {
            change["topic"] = topic.into();
        }
        if let Some(metadata) = update.metadata {
            change["metadata"] = json!(metadata);
        }
        self.chat.ask(Request::patch(self.path(""), &change), |answer| {
            Ok(answer.json::<rest::Thread>()?.into())
        })
    }

    /// Sends a message; gives its id. Repeated by itself while the network is away, and there once.
    pub fn send(&self, message: OutgoingMessage) -> Pending<u64> {
        let mentions: Vec<String> = message.mentions.iter().map(Identifier::raw_id).collect();
        let mut wish = json!({
            "content": message.content,
            "type": if message.html { "html" } else { "text" },
            "metadata": message.metadata,
            "mentions": mentions,
            "attachments": message.attachments,
            "priority": message.priority,
            "idempotencyToken": Uuid::new_v4(),
        });
        if let Some(answered) = message.reply_to {
            wish["replyTo"] = answered.into();
        }
        if let Some(card) = &message.card {
            wish["card"] = json!(card);
        }
        self.chat
            .ask(Request::post(self.path("/messages"), &wish), |answer| {
                Ok(answer.json::<rest::Sent>()?.id)
            })
    }

    /// A message.
    pub fn message(&self, id: u64) -> Pending<ChatMessage> {
        let request = Request::get(self.path(&format!("/messages/{id}")));
        self.chat
            .ask(request, |answer| Ok(answer.json::<rest::Message>()?.into()))
    }

    /// A page of messages before this id, the newest first; the newest of all without. At most 200.
    pub fn messages(&self, before: Option<u64>, limit: u32) -> Pending<MessagePage> {
        let before = before
            .map(|before| format!("&before={before}"))
            .unwrap_or_default();
        let request = Request::get(self.path(&format!("/messages?limit={limit}{before}")));
        self.chat.ask(request, |answer| {
            let page: rest::Page<rest::Message, u64> = answer.json()?;
            Ok(MessagePage {
                messages: page.items.into_iter().map(Into::into).collect(),
                next: page.next,
            })
        })
    }

    /// Changes what a message of this user says. A card that it had is gone.
    pub fn update_message(&self, id: u64, content: impl Into<String>, html: bool) -> Pending<ChatMessage> {
        let change = json!({ "content": content.into(), "type": if html { "html" } else { "text" } });
        let request = Request::patch(self.path(&format!("/messages/{id}")), &change);
        self.chat
            .ask(request, |answer| Ok(answer.json::<rest::Message>()?.into()))
    }

    /// Takes a message of this user back.
    pub fn delete_message(&self, id: u64) -> Pending<()> {
        self.done(Request::delete(self.path(&format!("/messages/{id}"))))
    }

    /// Gives a message a sign of feeling.
    pub fn react(&self, message: u64, emoji: &str) -> Pending<()> {
        self.done(Request::put(self.reaction(message, emoji)))
    }

    /// Takes a sign of feeling back.
    pub fn unreact(&self, message: u64, emoji: &str) -> Pending<()> {
        self.done(Request::delete(self.reaction(message, emoji)))
    }

    fn reaction(&self, message: u64, emoji: &str) -> String {
        self.path(&format!("/messages/{message}/reactions/{}", escape(emoji)))
    }

    /// Pins a message to the thread, or takes it down.
    pub fn pin(&self, message: u64, pinned: bool) -> Pending<()> {
        let path = self.path(&format!("/messages/{message}/pin"));
        self.done(if pinned {
            Request::put(path)
        } else {
            Request::delete(path)
        })
    }

    /// Who takes part, all of them.
    pub fn participants(&self) -> Pending<Vec<ChatParticipant>> {
        let path = self.path("/participants?limit=200");
        self.chat.paged(
            Request::get(path.clone()),
            path,
            |page: rest::Page<rest::Participant>| {
                (page.items.into_iter().map(Into::into).collect(), page.next)
            },
        )
    }

    /// Adds participants, who see what was said since `history` (milliseconds since the Unix epoch), or without it what
    /// is said from now on. Gives those who are new.
    pub fn add_participants(
        &self,
        who: impl IntoIterator<Item = Identifier>,
        history: Option<u64>,
    ) -> Pending<Vec<Identifier>> {
        let participants: Vec<_> = who.into_iter().map(|one| json!({ "id": one.raw_id() })).collect();
        let mut wish = json!({ "participants": participants });
        if let Some(history) = history {
            wish["shareHistoryTime"] = rest::timestamp(history).into();
        }
        self.chat
            .ask(Request::post(self.path("/participants"), &wish), |answer| {
                Ok(answer.json::<rest::Added>()?.added)
            })
    }

    /// Removes a participant. Of oneself: leaves.
    pub fn remove_participant(&self, who: &Identifier) -> Pending<()> {
        let who = escape(&who.raw_id());
        self.done(Request::delete(self.path(&format!("/participants/{who}"))))
    }

    /// Tells the others that this user types. Not repeated: a moment later it would not be true.
    pub fn typing(&self) -> Pending<()> {
        let request = Request::post(self.path("/typing"), &json!({}));
        self.done(request.once())
    }

    /// Says up to which message this user has read.
    pub fn read(&self, message: u64) -> Pending<()> {
        let receipt = json!({ "message": message });
        self.done(Request::post(self.path("/read-receipts"), &receipt))
    }

    /// Up to where everybody has read.
    pub fn read_receipts(&self) -> Pending<ReadReceipts> {
        self.chat
            .ask(Request::get(self.path("/read-receipts")), |answer| {
                Ok(answer.json::<rest::Receipts>()?.into())
            })
    }

    /// Uploads a file or an image, to be sent with a message within a day.
    pub fn upload(
        &self,
        name: &str,
        content_type: &str,
        inline: bool,
        bytes: impl Into<Vec<u8>>,
    ) -> Pending<Attachment> {
        let name = escape(name);
        let path = self.path(&format!("/attachments?name={name}&inline={inline}"));
        self.chat
            .ask(Request::upload(path, content_type, bytes.into()), |answer| {
                Ok(answer.json::<rest::File>()?.into())
            })
    }

    /// The bytes of a file.
    pub fn download(&self, attachment: Uuid) -> Pending<Vec<u8>> {
        let request = Request::get(self.path(&format!("/attachments/{attachment}")));
        self.chat.ask(request, |answer| Ok(answer.body.to_vec()))
    }

    /// What changed since a version, at most 200 things. [`ChatClient::events`](super::ChatClient::events) asks this by
    /// itself after an outage; an app that keeps messages itself asks for what was said while it was not running.
    pub fn changes(&self, since: u64) -> Pending<ThreadChanges> {
        self.chat.ask(rest::changes_request(self.id, since), |answer| {
            Ok(answer.json::<rest::Changes>()?.into())
        })
    }

    fn done(&self, request: Request) -> Pending<()> {
        self.chat.ask(request, |_| Ok::<(), Error>(()))
    }
}
