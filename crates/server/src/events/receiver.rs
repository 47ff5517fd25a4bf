//! Serves one subscription: reads the tenant's log, sends what the window says, and writes down how far it came. One
//! task for each; reads the monotonic clock for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderValue, Method, StatusCode, header};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};
use sidetone_ledger::{Notification, Timestamp};
use sidetone_signaling::protocol::CallId;
use sidetone_store::{DedupeId, LogName, Pattern, Record, Revision, Sequence, Store, StoreError};
use tokio::sync::mpsc;
use utoipa::ToSchema;

use super::delivery::{Cursor, Delivery, DeliveryConfig, Letter, Outcome, Verdict};
use super::subscription::{self, Subscription};
use crate::accounting::names;
use crate::clock::wall_now;
use crate::outbound::{Ask, Bounds, Outbound, sign};

/// How often it looks for new events that it was not told of.
const LOOK: Duration = Duration::from_secs(5);
/// Wait after the store failed.
const STORE_RETRY: Duration = Duration::from_secs(1);
/// Longest answer of a receiver: nothing of it is needed.
const MAX_ANSWER: usize = 16 * 1024;
/// Longest reason that is kept, in characters.
const MAX_REASON: usize = 200;

/// What a running receiver is told.
pub(super) enum Command {
    /// The subscription was changed.
    Change(Box<Subscription>),
    /// Send everything from this record on again.
    Replay(Sequence),
}

/// Why a receiver ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It was told to.
    Told,
    /// It answered that it is gone for good (410).
    Gone,
}

/// How deliveries to a receiver go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Health {
    /// Every event of the tenant's log before this number is done.
    pub(crate) next_sequence: u64,
    /// When the receiver last took an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_success: Option<Timestamp>,
    /// When it last did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_failure: Option<Timestamp>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_error: Option<String>,
    /// Attempts at the event that fails for the longest time; zero when none does.
    pub(crate) failed_attempts: u32,
}

/// An event that the receiver never took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadLetter {
    /// When it was laid aside.
    pub(crate) time: Timestamp,
    /// Its number in the tenant's log: from there it can be sent again.
    pub(crate) event_sequence: u64,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// Why the last attempt failed.
    pub(crate) reason: String,
    /// The event.
    pub(crate) event: Notification,
}

/// The task's state.
pub(super) struct Receiver {
    store: Store,
    outbound: Outbound,
    config: DeliveryConfig,
    subscription: Arc<Subscription>,
    delivery: Delivery,
    saved: (Cursor, Revision),
    health: Arc<Mutex<Health>>,
    /// Rises with every replay: answers to what was sent before count no longer.
    round: u64,
}

/// An attempt that is over.
struct Answered {
    round: u64,
    sequence: Sequence,
    result: Result<(), Refused>,
}

/// Why an attempt failed.
struct Refused {
    why: String,
    gone: bool,
    retry_after: Option<Duration>,
}

impl Receiver {
    /// Picks up where deliveries to this receiver stopped.
    pub(super) async fn open(
        store: Store,
        outbound: Outbound,
        config: DeliveryConfig,
        subscription: Subscription,
        health: Arc<Mutex<Health>>,
    ) -> Result<Self, StoreError> {
        let found = store
            .kv
            .get(&subscription::cursor(subscription.id)?, wall_now())
            .await?;
        let cursor: Option<Cursor> = found
            .as_ref()
            .and_then(|entry| serde_json::from_slice(&entry.value).ok());
        let cursor = cursor.unwrap_or_else(|| Cursor::at(Sequence::FIRST));
        let revision = found.map_or(Revision::ABSENT, |entry| entry.revision);
        Ok(Self {
            store,
            outbound,
            config,
            subscription: Arc::new(subscription),
            delivery: Delivery::new(cursor.clone(), config),
            saved: (cursor, revision),
            health,
            round: 0,
        })
    }

    /// Until nobody can tell it anything any more, or the receiver says that it is gone.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) -> End {
        let mut under_way = FuturesUnordered::new();
        let news = async {
            let subject = names::news(&self.subscription.scope)?;
            self.store.bus.subscribe(&Pattern::from(subject), 1).await
        };
        let mut news = news.await.ok();
        loop {
            if let Err(error) = self.refill().await {
                tracing::warn!(%error, "events to be sent could not be read");
                tokio::time::sleep(STORE_RETRY).await;
            }
            self.save().await;
            let now = Instant::now();
            for (sequence, letter) in self.delivery.due(now) {
                let send = send(
                    self.outbound,
                    self.subscription.clone(),
                    letter,
                    self.config.timeout,
                );
                let round = self.round;
                under_way.push(async move {
                    Answered {
                        round,
                        sequence,
                        result: send.await,
                    }
                });
            }
            let look_at = self.delivery.next_due(now).unwrap_or(now + LOOK).min(now + LOOK);
            tokio::select! {
                Some(answered) = under_way.next(), if !under_way.is_empty() => {
                    if self.settle(answered).await {
                        return End::Gone;
                    }
                }
                command = commands.recv() => match command {
                    Some(Command::Change(changed)) => self.subscription = Arc::new(*changed),
                    Some(Command::Replay(from)) => {
                        self.delivery = Delivery::new(Cursor::at(from), self.config);
                        self.round += 1;
                    }
                    None => return End::Told,
                },
                Some(_) = async { news.as_mut()?.next().await } => {}
                () = tokio::time::sleep_until(look_at.into()) => {}
            }
        }
    }

    /// Fills the window from the log.
    async fn refill(&mut self) -> Result<(), StoreError> {
        let log = names::events(&self.subscription.scope)?;
        loop {
            let (from, place) = self.delivery.wants();
            if place == 0 {
                return Ok(());
            }
            let records = self.store.log.read(&log, from, place).await?;
            if records.is_empty() {
                return Ok(());
            }
            for record in records {
                self.delivery.offer(record.sequence, self.letter(&record));
            }
        }
    }

    /// The letter that a record is for this receiver.
    fn letter(&self, record: &Record) -> Option<Letter> {
        let parsed = serde_json::from_slice::<Notification>(&record.payload);
        let event = parsed
            .inspect_err(
                |error| tracing::error!(%error, sequence = %record.sequence, "an event cannot be read"),
            )
            .ok()?;
        self.subscription.wants(event.kind).then(|| Letter {
            call: call_of(&event),
            id: event.id,
            body: record.payload.clone(),
        })
    }

    /// Takes what became of an attempt; true when the receiver is gone for good.
    async fn settle(&mut self, answered: Answered) -> bool {
        if answered.round != self.round {
            return false;
        }
        let (outcome, refused) = match answered.result {
            Ok(()) => (Outcome::Delivered, None),
            Err(refused) => (Outcome::Failed(refused.retry_after), Some(refused)),
        };
        if refused.as_ref().is_some_and(|refused| refused.gone) {
            return true;
        }
        let verdict = self
            .delivery
            .settle(answered.sequence, &outcome, Instant::now(), rand::random());
        let why = refused.map(|refused| refused.why);
        self.note(why.as_deref());
        if let Verdict::Dead(letter, attempts) = verdict {
            let why = why.unwrap_or_default();
            let laid = self.lay_aside(answered.sequence, &letter, attempts, &why);
            if let Err(error) = laid.await {
                tracing::error!(%error, event = letter.id, "an event that nobody took could not be laid aside");
            }
        }
        false
    }

    fn note(&self, why: Option<&str>) {
        let now = Timestamp::from_millis(wall_now().as_millis());
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        match why {
            None => health.last_success = Some(now),
            Some(why) => {
                health.last_failure = Some(now);
                health.last_error = Some(why.to_owned());
            }
        }
        health.failed_attempts = self.delivery.failing().map_or(0, |(_, attempts)| attempts);
    }

    async fn lay_aside(
        &self,
        sequence: Sequence,
        letter: &Letter,
        attempts: u32,
        reason: &str,
    ) -> Result<(), StoreError> {
        tracing::warn!(
            event = letter.id,
            attempts,
            "an event is given up: its receiver does not take it"
        );
        let now = wall_now();
        let unreadable = |error: serde_json::Error| StoreError::Storage {
            message: error.to_string(),
        };
        let dead = DeadLetter {
            time: Timestamp::from_millis(now.as_millis()),
            event_sequence: sequence.0,
            attempts,
            reason: reason.to_owned(),
            event: serde_json::from_slice(&letter.body).map_err(unreadable)?,
        };
        let payload = serde_json::to_vec(&dead).map_err(unreadable)?;
        let log: LogName = subscription::dead_letters(self.subscription.id)?;
        let id = DedupeId::new(format!("{}.{}", letter.id, now.as_millis()))?;
        self.store
            .log
            .append(&log, Some(&id), payload.into(), now)
            .await
            .map(drop)
    }

    /// Writes down how far the receiver was served, if that changed.
    async fn save(&mut self) {
        let cursor = self.delivery.cursor().clone();
        self.health
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next_sequence = cursor.from;
        if cursor == self.saved.0 && self.saved.1 != Revision::ABSENT {
            return;
        }
        let written = async {
            let value = serde_json::to_vec(&cursor).unwrap_or_default();
            let key = subscription::cursor(self.subscription.id)?;
            self.store
                .kv
                .put(&key, value.into(), self.saved.1, None, wall_now())
                .await
        };
        match written.await {
            Ok(revision) => self.saved = (cursor, revision),
            Err(StoreError::Conflict { found, .. }) => self.saved.1 = found,
            // What was sent since the last time goes out again after a restart, and is known by its id.
            Err(error) => tracing::warn!(%error, "how far events were delivered could not be written down"),
        }
    }
}

/// The call of an event.
fn call_of(event: &Notification) -> CallId {
    use sidetone_ledger::Data;
    match &event.data {
        Data::Chat(data) => CallId(data.thread_id.0),
        Data::Call(data) => data.server_call_id,
        Data::Ended(data) => data.call.server_call_id,
        Data::Refused(data) => data.call.server_call_id,
        Data::Participant(data) => data.call.server_call_id,
        Data::Incoming(data) => data.server_call_id,
        Data::Recording(data) => data.server_call_id,
        Data::Notice(data) => data.initiator.call.server_call_id,
        Data::Poll(data) => data.initiator.call.server_call_id,
        Data::Question(data) => data.call.server_call_id,
        Data::Consent(data) => data.participant.call.server_call_id,
        Data::Voicemail(data) => data.server_call_id,
    }
}

/// The wait that a receiver asks for, where it says it in seconds (RFC 9110 section 10.2.3). What is no number is as if it
/// had not been said; how long is too long is decided where it is used.
pub(crate) fn seconds(value: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?.trim();
    // `parse` would take a sign.
    text.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
    text.parse().ok().map(Duration::from_secs)
}

/// One attempt.
async fn send(
    outbound: Outbound,
    subscription: Arc<Subscription>,
    letter: Letter,
    timeout: Duration,
) -> Result<(), Refused> {
    let mut headers = sign(&subscription.secret, &letter.id, wall_now(), &letter.body);
    let kind = HeaderValue::from_static("application/cloudevents+json; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    let ask = Ask {
        method: Method::POST,
        url: &subscription.url,
        headers,
        body: letter.body,
    };
    let bounds = Bounds {
        time: timeout,
        body: MAX_ANSWER,
    };
    match outbound.ask(ask, bounds).await {
        Ok(answer) if answer.status.is_success() => Ok(()),
        Ok(answer) => Err(Refused {
            why: format!("the receiver answered {}", answer.status),
            gone: answer.status == StatusCode::GONE,
            retry_after: answer
                .headers
                .get(header::RETRY_AFTER)
                .and_then(|value| seconds(value.as_bytes())),
        }),
        Err(error) => Err(Refused {
            why: error.to_string().chars().take(MAX_REASON).collect(),
            gone: false,
            retry_after: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_is_a_wait() {
        let wait = |text: &str| seconds(text.as_bytes()).map(|wait| wait.as_secs());
        assert_eq!(wait("120"), Some(120));
        assert_eq!(wait(" 0 "), Some(0));
        for text in [
            "",
            "+5",
            "-5",
            "1.5",
            "5s",
            "0x10",
            "Fri, 31 Dec 1999 23:59:59 GMT",
            "99999999999999999999",
        ] {
            assert_eq!(wait(text), None, "{text:?}");
        }
        assert_eq!(seconds(&[0xff]), None);
    }
}
