//! Call records: what happened to each call, kept in the store's log `calls` for as long as configured. Holds who
//! called whom and when; never an address, a description or a token.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::switchboard::Record;
use sidetone_signaling::{Identifier, Reason};
use sidetone_store::{DedupeId, Log, LogName, Sequence, StoreError, WallTime};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::clock::wall_now;
use crate::metrics::Metrics;

/// Name of the log.
const LOG: &str = "calls";
/// Records that may wait for the disk.
const WAITING: usize = 4_096;
/// How often expired records are removed.
const TRIM_INTERVAL: Duration = Duration::from_secs(3600);
/// Records looked at in one go while trimming.
const TRIM_STEP: usize = 256;
/// Attempts at storing one record before it is given up.
const ATTEMPTS: u32 = 5;

/// One fact about a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Which call.
    pub call: CallId,
    /// What happened.
    #[serde(flatten)]
    pub fact: CallFact,
}

/// What happened to a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum CallFact {
    /// It was placed.
    Started {
        /// Who calls.
        from: Identifier,
        /// Whom.
        to: Identifier,
    },
    /// An endpoint answered.
    Answered {
        /// Milliseconds since it rang.
        after_ms: u64,
    },
    /// Someone is in the call now.
    ParticipantAdded {
        /// Who.
        identity: Identifier,
    },
    /// Someone is in the call no longer.
    ParticipantRemoved {
        /// Who.
        identity: Identifier,
    },
    /// It crossed another call of the same two people, and goes on as that one.
    Merged {
        /// The call that goes on.
        into: CallId,
    },
    /// It is over, or was refused.
    Ended {
        /// Why, as the caller was told.
        reason: Reason,
        /// Milliseconds since it was placed.
        duration_ms: u64,
        /// Milliseconds since it was answered, where it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        talk_ms: Option<u64>,
    },
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl CallRecord {
    /// The call record in a switchboard's report, if it is about a call's life.
    fn from_switchboard(record: &Record, now: WallTime) -> Option<Self> {
        let (call, fact) = match record {
            Record::CallStarted { call, from, to, .. } => (
                *call,
                CallFact::Started {
                    from: from.clone(),
                    to: to.clone(),
                },
            ),
            Record::CallAnswered { call, after } => (
                *call,
                CallFact::Answered {
                    after_ms: millis(*after),
                },
            ),
            Record::ParticipantAdded { call, identity } => (
                *call,
                CallFact::ParticipantAdded {
                    identity: identity.clone(),
                },
            ),
            Record::ParticipantRemoved { call, identity } => (
                *call,
                CallFact::ParticipantRemoved {
                    identity: identity.clone(),
                },
            ),
            Record::CallsMerged { call, void } => (*void, CallFact::Merged { into: *call }),
            Record::CallEnded {
                call,
                reason,
                duration,
                talk_time,
            } => {
                let talk_ms = talk_time.map(millis);
                (
                    *call,
                    CallFact::Ended {
                        reason: reason.clone(),
                        duration_ms: millis(*duration),
                        talk_ms,
                    },
                )
            }
            _ => return None,
        };
        Some(Self {
            at_ms: now.as_millis(),
            call,
            fact,
        })
    }
}

/// The switchboard driver's end: hands records over without waiting.
pub(crate) struct Recorder {
    queue: mpsc::Sender<CallRecord>,
    metrics: Arc<Metrics>,
}

impl Recorder {
    /// The recorder, and the task that writes to `log`; the task ends, with everything written, once the recorder is
    /// dropped.
    pub(crate) fn start(
        log: Arc<dyn Log>,
        keep: Duration,
        metrics: Arc<Metrics>,
    ) -> Result<(Self, tokio::task::JoinHandle<()>), StoreError> {
        let name = LogName::new(LOG)?;
        let (queue, waiting) = mpsc::channel(WAITING);
        let writer = tokio::spawn(write(log, name, keep, waiting, metrics.clone()));
        Ok((Self { queue, metrics }, writer))
    }

    pub(crate) fn record(&self, record: &Record) {
        let Some(record) = CallRecord::from_switchboard(record, wall_now()) else {
            return;
        };
        if self.queue.try_send(record).is_err() {
            self.metrics.records_lost.inc();
        }
    }
}

async fn write(
    log: Arc<dyn Log>,
    name: LogName,
    keep: Duration,
    mut waiting: mpsc::Receiver<CallRecord>,
    metrics: Arc<Metrics>,
) {
    let mut trim = tokio::time::interval(TRIM_INTERVAL);
    loop {
        tokio::select! {
            record = waiting.recv() => {
                let Some(record) = record else { return };
                if let Err(error) = append(&*log, &name, &record).await {
                    tracing::error!(%error, "a call record could not be stored");
                    metrics.records_lost.inc();
                }
            }
            _ = trim.tick() => {
                if let Err(error) = remove_expired(&*log, &name, keep, wall_now()).await {
                    tracing::warn!(%error, "old call records could not be removed");
                }
            }
        }
    }
}

async fn append(log: &dyn Log, name: &LogName, record: &CallRecord) -> Result<(), StoreError> {
    let payload = serde_json::to_vec(record)
        .map(Bytes::from)
        .map_err(|error| StoreError::Storage {
            message: error.to_string(),
        })?;
    // The id makes repeating safe when an append was stored but its answer lost.
    let id = DedupeId::new(Uuid::new_v4().to_string())?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        match log
            .append(
                name,
                Some(&id),
                payload.clone(),
                WallTime::from_millis(record.at_ms),
            )
            .await
        {
            Ok(_) => return Ok(()),
            Err(error @ StoreError::Storage { .. }) if attempt < ATTEMPTS => {
                tracing::warn!(%error, attempt, "storing a call record failed, trying again");
                tokio::time::sleep(Duration::from_millis(100) * attempt).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Removes records older than `keep`.
async fn remove_expired(
    log: &dyn Log,
    name: &LogName,
    keep: Duration,
    now: WallTime,
) -> Result<(), StoreError> {
    loop {
        let oldest = log.read(name, Sequence::FIRST, TRIM_STEP).await?;
        let expired = oldest
            .iter()
            .take_while(|record| record.at.after(keep) <= now)
            .count();
        let Some(last) = expired.checked_sub(1).and_then(|index| oldest.get(index)) else {
            return Ok(());
        };
        log.trim(name, last.sequence.next()).await?;
        if expired < oldest.len() {
            return Ok(());
        }
    }
}

/// Call records from number `from` on, with their numbers. A record of a kind this version does not know is left out.
pub(crate) async fn read(
    log: &dyn Log,
    from: Sequence,
    limit: usize,
) -> Result<Vec<(Sequence, CallRecord)>, StoreError> {
    let records = log.read(&LogName::new(LOG)?, from, limit).await?;
    let parse = |payload: &[u8]| serde_json::from_slice(payload).ok();
    Ok(records
        .into_iter()
        .filter_map(|r| Some((r.sequence, parse(&r.payload)?)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sidetone_store::Store;

    fn ended(at_ms: u64) -> CallRecord {
        let fact = CallFact::Ended {
            reason: Reason::HUNG_UP,
            duration_ms: 5,
            talk_ms: Some(3),
        };
        CallRecord {
            at_ms,
            call: CallId(Uuid::from_u128(at_ms.into())),
            fact,
        }
    }

    #[tokio::test]
    async fn records_read_back_and_expire() {
        let store = Store::in_memory().unwrap();
        let name = LogName::new(LOG).unwrap();
        for n in 0..1000 {
            append(&*store.log, &name, &ended(n)).await.unwrap();
        }
        let all = read(&*store.log, Sequence::FIRST, 2000).await.unwrap();
        assert_eq!(all.len(), 1000);
        assert_eq!(all[7], (Sequence(8), ended(7)));
        remove_expired(
            &*store.log,
            &name,
            Duration::from_millis(100),
            WallTime::from_millis(899),
        )
        .await
        .unwrap();
        let kept = read(&*store.log, Sequence::FIRST, 2000).await.unwrap();
        assert_eq!(kept.first().unwrap().1, ended(800));
        assert_eq!(kept.len(), 200);
        remove_expired(&*store.log, &name, Duration::ZERO, WallTime::from_millis(5000))
            .await
            .unwrap();
        assert!(read(&*store.log, Sequence::FIRST, 2000).await.unwrap().is_empty());
    }
}
