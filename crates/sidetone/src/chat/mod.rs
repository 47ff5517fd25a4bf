//! Chat: a client for threads, and one for a thread. Requests go over HTTP, in the order in which they are made; what
//! happens comes through the session, and what an outage kept away is asked for by itself.

mod calling;
mod card;
mod desk;
mod http;
mod rest;
mod search;
mod thread;
#[cfg(feature = "tls")]
mod tls;
mod tracker;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::Event;
use sidetone_signaling::protocol::chat::{
    CardAnswer, ChatMessage, ChatThread, MessageDeleted, ParticipantsAdded, ParticipantsRemoved,
    ReadReceiptReceived, ThreadCreated, ThreadDeleted, ThreadId, ThreadUpdated, TypingReceived,
};
use tokio::sync::mpsc;

use crate::agent::CallAgent;
use crate::events::Source;
use crate::pending::Pending;
use crate::{Error, Events};

pub(crate) use desk::{Line, Signal, open};
pub(crate) use http::Token;
use http::{Answer, Job, Request};
pub use search::FoundMessages;
pub use thread::{
    ChatThreadClient, MessagePage, OutgoingMessage, ReadReceipt, ReadReceipts, ThreadChanges, ThreadUpdate,
};

/// What happens in the threads of a user.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "passed on one at a time")]
pub enum ChatEvent {
    /// A message came. In a thread, messages come in order and each once.
    MessageReceived(ChatMessage),
    /// What a message says, its reactions, its previews or its pin changed.
    MessageEdited(ChatMessage),
    /// A message was taken back.
    MessageDeleted(MessageDeleted),
    /// Somebody types.
    TypingReceived(TypingReceived),
    /// Somebody has read.
    ReadReceiptReceived(ReadReceiptReceived),
    /// A thread that is new to this user.
    ThreadCreated(ThreadCreated),
    /// A thread is no more, or no more for this user.
    ThreadDeleted(ThreadDeleted),
    /// A thread was deleted, or hidden, while there was no connection.
    ThreadGone(ThreadId),
    /// What is said of a thread changed. While there was no connection, this and who came and went is told by the
    /// service's messages alone.
    ThreadUpdated(ThreadUpdated),
    /// Some were added to a thread.
    ParticipantsAdded(ParticipantsAdded),
    /// Some were removed from a thread, or left.
    ParticipantsRemoved(ParticipantsRemoved),
    /// Somebody answered a card of this user's. Those that came while there was no connection are asked for with
    /// [`ChatThreadClient::answers`].
    CardAnswered(CardAnswer),
    /// Events come: the session is there, and what was missed has been told.
    Connected,
    /// Events do not come until the session is back. Nothing is lost.
    Disconnected,
}

impl ChatEvent {
    /// What the service told, where it is about chat.
    pub(crate) fn of(event: Event) -> Option<Self> {
        Some(match event {
            Event::ChatMessageReceived(message) => Self::MessageReceived(*message),
            Event::ChatMessageEdited(message) => Self::MessageEdited(*message),
            Event::ChatMessageDeleted(gone) => Self::MessageDeleted(gone),
            Event::ChatTypingReceived(typing) => Self::TypingReceived(typing),
            Event::ChatReadReceiptReceived(receipt) => Self::ReadReceiptReceived(receipt),
            Event::ChatThreadCreated(created) => Self::ThreadCreated(*created),
            Event::ChatThreadDeleted(gone) => Self::ThreadDeleted(gone),
            Event::ChatThreadUpdated(updated) => Self::ThreadUpdated(*updated),
            Event::ChatParticipantsAdded(added) => Self::ParticipantsAdded(added),
            Event::ChatParticipantsRemoved(removed) => Self::ParticipantsRemoved(removed),
            Event::ChatCardAnswered(answer) => Self::CardAnswered(answer),
            _ => return None,
        })
    }

    /// The thread and the version that it has by this, where it is about one that changed.
    pub(crate) fn place(&self) -> Option<(ThreadId, u64)> {
        Some(match self {
            Self::MessageReceived(message) | Self::MessageEdited(message) => {
                (message.thread, message.version)
            }
            Self::MessageDeleted(gone) => (gone.thread, gone.version),
            Self::ThreadCreated(created) => (created.thread.id, created.thread.version),
            Self::ThreadDeleted(gone) => (gone.thread, gone.version),
            Self::ThreadUpdated(updated) => (updated.thread.id, updated.thread.version),
            Self::ParticipantsAdded(added) => (added.thread, added.version),
            Self::ParticipantsRemoved(removed) => (removed.thread, removed.version),
            Self::TypingReceived(_)
            | Self::ReadReceiptReceived(_)
            | Self::CardAnswered(_)
            | Self::ThreadGone(_)
            | Self::Connected
            | Self::Disconnected => return None,
        })
    }
}

/// A thread to begin.
#[derive(Clone, Debug, Default)]
pub struct NewThread {
    /// What it is about.
    pub topic: String,
    /// Who takes part besides this user. Members and external users are named in the same way.
    pub participants: Vec<Identifier>,
    /// Whatever the app puts with it.
    pub metadata: BTreeMap<String, String>,
    /// After how many days its messages are deleted, 30 to 90. The organisations' policies hold besides.
    pub retention_days: Option<u32>,
}

impl NewThread {
    /// A thread with these.
    pub fn with(participants: impl IntoIterator<Item = Identifier>) -> Self {
        Self {
            participants: participants.into_iter().collect(),
            ..Self::default()
        }
    }
}

/// How a thread is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ThreadDeletion {
    /// This user takes part no longer, and keeps what was said.
    Leave,
    /// This user sees nothing of what was said so far.
    HideForMe,
    /// It is gone for everybody.
    ForAll,
    /// The members are removed and what was said is hidden from them. For external users.
    RemoveMembers,
}

impl ThreadDeletion {
    fn word(self) -> &'static str {
        match self {
            Self::Leave => "leave",
            Self::HideForMe => "hideForMe",
            Self::ForAll => "forAll",
            Self::RemoveMembers => "removeMembers",
        }
    }
}

/// What the handles of a chat share.
pub(crate) struct ChatShared {
    pub jobs: mpsc::UnboundedSender<Job>,
    pub events: Source<ChatEvent>,
}

/// One user's chats. Cheap to clone.
///
/// It shares session and token with its [`CallAgent`], and keeps it. Requests are made in the order in which they are
/// asked for; what the network kept from being answered is asked again, and done once.
#[derive(Clone)]
pub struct ChatClient {
    agent: CallAgent,
    shared: Arc<ChatShared>,
}

impl fmt::Debug for ChatClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatClient")
            .field("agent", &self.agent)
            .finish_non_exhaustive()
    }
}

impl ChatClient {
    pub(crate) fn new(agent: CallAgent, shared: Arc<ChatShared>) -> Self {
        Self { agent, shared }
    }

    /// Who this is, by the token.
    pub fn identity(&self) -> Option<Identifier> {
        self.agent.identity()
    }

    /// The agent whose session this shares.
    pub fn agent(&self) -> &CallAgent {
        &self.agent
    }

    /// Begins a thread.
    ///
    /// # Errors
    /// [`Error::Refused`] with the gate or limit that is closed; [`Error::Network`].
    pub fn create_thread(&self, new: NewThread) -> Pending<ChatThreadClient> {
        let participants: Vec<Value> = new
            .participants
            .iter()
            .map(|one| json!({ "id": one.raw_id() }))
            .collect();
        let mut wish = json!({
            "topic": new.topic,
            "participants": participants,
            "metadata": new.metadata,
            "idempotencyToken": uuid::Uuid::new_v4(),
        });
        if let Some(days) = new.retention_days {
            wish["retentionDays"] = days.into();
        }
        let client = self.clone();
        self.ask(Request::post("/v1/chat/threads", &wish), move |answer| {
            let made: rest::Made = answer.json()?;
            Ok(client.thread(made.chat_thread.id))
        })
    }

    /// A thread that is known by its id.
    pub fn thread(&self, id: ThreadId) -> ChatThreadClient {
        ChatThreadClient::new(self.clone(), id)
    }

    /// The threads in which this user takes part, or did, all of them.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Network`].
    pub fn list_threads(&self) -> Pending<Vec<ChatThread>> {
        let first = Request::get("/v1/chat/threads?limit=200");
        self.paged(
            first,
            "/v1/chat/threads?limit=200",
            |page: rest::Page<rest::Thread>| (page.items.into_iter().map(Into::into).collect(), page.next),
        )
    }

    /// Deletes a thread, in one of the ways or as is usual.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Network`].
    pub fn delete_thread(&self, id: ThreadId, how: Option<ThreadDeletion>) -> Pending<()> {
        let mode = how.map(|how| format!("?mode={}", how.word())).unwrap_or_default();
        self.ask(
            Request::delete(format!("/v1/chat/threads/{id}{mode}")),
            |_| Ok(()),
        )
    }

    /// What happens from now on.
    pub fn events(&self) -> Events<ChatEvent> {
        self.shared.events.subscribe()
    }

    /// Calls `handler` for whatever happens from now on, on a thread of its own.
    pub fn on_event(&self, handler: impl FnMut(ChatEvent) + Send + 'static) {
        self.shared.events.callback("chat events", handler);
    }

    /// Makes a request; its answer becomes the outcome.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        request: Request,
        read: impl FnOnce(Answer) -> Result<T, Error> + Send + 'static,
    ) -> Pending<T> {
        let (reply, pending) = Pending::new();
        self.then(request, move |answer| {
            // Nobody may be waiting any more.
            let _ = reply.send(answer.and_then(read));
        });
        pending
    }

    /// Makes a request, and hands its answer on.
    pub(crate) fn then(&self, request: Request, done: impl FnOnce(Result<Answer, Error>) + Send + 'static) {
        let done = Box::new(done);
        // A client that is closed drops the job, and with it whoever waits: the outcome is `Closed`.
        let _ = self.shared.jobs.send(Job { request, done });
    }

    /// Makes requests for page after page.
    pub(crate) fn paged<P, T>(
        &self,
        first: Request,
        path: impl Into<String>,
        read: impl Fn(P) -> (Vec<T>, Option<String>) + Send + 'static,
    ) -> Pending<Vec<T>>
    where
        P: serde::de::DeserializeOwned + 'static,
        T: Send + 'static,
    {
        let (reply, pending) = Pending::new();
        next_page(
            self.shared.clone(),
            first,
            path.into(),
            Vec::new(),
            Box::new(read),
            reply,
        );
        pending
    }
}

type ReadPage<P, T> = Box<dyn Fn(P) -> (Vec<T>, Option<String>) + Send>;

/// Asks for a page, and for the next when it is there.
fn next_page<P, T>(
    shared: Arc<ChatShared>,
    request: Request,
    path: String,
    mut found: Vec<T>,
    read: ReadPage<P, T>,
    reply: crate::pending::Reply<Vec<T>>,
) where
    P: serde::de::DeserializeOwned + 'static,
    T: Send + 'static,
{
    let again = Arc::downgrade(&shared);
    let done = Box::new(move |answer: Result<Answer, Error>| {
        let page = answer.and_then(|answer| answer.json::<P>());
        let (items, next) = match page {
            Ok(page) => read(page),
            Err(error) => return drop(reply.send(Err(error))),
        };
        found.extend(items);
        match (next, again.upgrade()) {
            (Some(next), Some(shared)) => {
                let request = Request::get(format!("{path}&after={}", http::escape(&next)));
                next_page(shared, request, path, found, read, reply);
            }
            (None, _) => drop(reply.send(Ok(found))),
            (Some(_), None) => drop(reply.send(Err(Error::Closed))),
        }
    });
    let _ = shared.jobs.send(Job { request, done });
}
