//! Hands the app what happens: passes on what the session tells, and asks for what it did not tell.

use std::collections::VecDeque;
use std::sync::Arc;

use sidetone_signaling::protocol::Event;
use sidetone_signaling::protocol::chat::{ChatThread, MessageDeleted, ThreadCreated, ThreadId};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::http::Uri;

use super::http::{Http, Job, Request, Token, escape, work};
use super::tracker::{Step, Tracker};
use super::{ChatEvent, ChatShared, ThreadChanges, rest};
use crate::Error;
use crate::events::{Events, Source};

/// What the driver tells of the session.
#[derive(Clone, Debug)]
pub(crate) enum Signal {
    /// The session is there. Where it is a new one, what was told meanwhile did not come.
    Online {
        /// It is a new session.
        new: bool,
    },
    /// It has no connection.
    Offline,
    /// Something happened in a chat.
    Event(Box<Event>),
}

/// What a chat stands on.
pub(crate) struct Line {
    /// Where the service's WebSocket is.
    pub(crate) base: Uri,
    /// The token in use.
    pub(crate) token: Token,
    /// What the driver tells.
    pub(crate) signals: Events<Signal>,
    /// Whether the session is there already.
    pub(crate) online: bool,
}

/// A chat, and the two tasks that carry it.
pub(crate) fn open(line: Line) -> (Arc<ChatShared>, [crate::driver::Chore; 2]) {
    let (jobs, queue) = mpsc::unbounded_channel::<Job>();
    let shared = Arc::new(ChatShared {
        jobs,
        events: Source::default(),
    });
    // A chat may go on before the app has had a chance to ask for events.
    shared.events.keep();
    let http = || Http::new(line.base.clone(), line.token.clone());
    let worker = Box::pin(work(http(), queue));
    let desk = Desk {
        http: http(),
        tracker: Tracker::default(),
        events: shared.events.clone(),
        begun: false,
    };
    let desk = Box::pin(desk.run(line.signals, line.online));
    (shared, [worker, desk])
}

struct Desk {
    http: Http,
    tracker: Tracker,
    events: Source<ChatEvent>,
    /// How things were when the app began is known.
    begun: bool,
}

impl Desk {
    async fn run(mut self, mut signals: Events<Signal>, online: bool) {
        if online {
            self.online(true).await;
        }
        while let Some(signal) = signals.recv().await {
            match signal {
                Signal::Online { new } => self.online(new).await,
                Signal::Offline => self.events.emit(ChatEvent::Disconnected),
                Signal::Event(event) => {
                    if let Some(event) = ChatEvent::of(*event) {
                        let steps = self.tracker.event(event);
                        self.take(steps).await;
                    }
                }
            }
        }
        self.events.close();
    }

    /// The session is there (again): what was missed is told first.
    async fn online(&mut self, new: bool) {
        if new {
            match self.threads().await {
                Ok(threads) if self.begun => self.renewed(threads).await,
                Ok(threads) => {
                    self.begun = true;
                    for thread in threads {
                        self.tracker.begin(thread.id, thread.version, thread.last_message);
                    }
                }
                // The next event of each thread shows what is missing.
                Err(error) => tracing::warn!(%error, "threads could not be listed"),
            }
        }
        self.events.emit(ChatEvent::Connected);
    }

    async fn renewed(&mut self, threads: Vec<ChatThread>) {
        for thread in &threads {
            // One that began meanwhile.
            if self.tracker.last_message(thread.id).is_none() {
                let created = ThreadCreated {
                    thread: thread.clone(),
                    participants: Vec::new(),
                };
                self.events.emit(ChatEvent::ThreadCreated(created));
            }
        }
        let places = threads.into_iter().map(|thread| (thread.id, thread.version));
        let steps = self.tracker.renewed(places);
        self.take(steps).await;
    }

    async fn take(&mut self, steps: Vec<Step>) {
        let mut steps = VecDeque::from(steps);
        while let Some(step) = steps.pop_front() {
            match step {
                Step::Tell(event) => self.events.emit(event),
                Step::Ask(thread, since) => match self.changes(thread, since).await {
                    Ok(changes) => {
                        let (version, more) = (changes.version, changes.more);
                        let found = found(thread, self.tracker.last_message(thread), changes);
                        let next = self.tracker.answered(thread, version, found, more);
                        steps.extend(next);
                    }
                    Err(error) => {
                        tracing::warn!(%thread, %error, "what was missed could not be asked for");
                        self.tracker.failed(thread);
                    }
                },
            }
        }
    }

    async fn threads(&mut self) -> Result<Vec<ChatThread>, Error> {
        let path = "/v1/chat/threads?limit=200";
        let mut request = Request::get(path);
        let mut threads = Vec::new();
        loop {
            let page: rest::Page<rest::Thread> = self.http.ask(&request).await?.json()?;
            threads.extend(page.items.into_iter().map(ChatThread::from));
            match page.next {
                Some(next) => request = Request::get(format!("{path}&after={}", escape(&next))),
                None => return Ok(threads),
            }
        }
    }

    async fn changes(&mut self, thread: ThreadId, since: u64) -> Result<ThreadChanges, Error> {
        let answer = self.http.ask(&rest::changes_request(thread, since)).await?;
        Ok(answer.json::<rest::Changes>()?.into())
    }
}

/// What changed, as the events that would have told it.
fn found(thread: ThreadId, known: Option<u64>, changes: ThreadChanges) -> Vec<ChatEvent> {
    let known = known.unwrap_or_default();
    let mut events = Vec::new();
    for message in changes.messages {
        events.push(match message.deleted_at_ms {
            Some(deleted_at_ms) => ChatEvent::MessageDeleted(MessageDeleted {
                thread,
                id: message.id,
                version: message.version,
                deleted_at_ms,
            }),
            None if message.id > known => ChatEvent::MessageReceived(message),
            None => ChatEvent::MessageEdited(message),
        });
    }
    events
}
