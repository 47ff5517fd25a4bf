//! Who was in a meeting, kept when it is over, so that the roster can be read afterwards (L20). As long as call records
//! are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use sidetone_ledger::Scope;
use sidetone_meeting::{Piece, Place, Stay};
use sidetone_organisation::{MeetingId, OrganisationId};
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::protocol::meeting::{ParticipantId, PersonKind, Role};
use sidetone_signaling::{Identifier, Reason};
use sidetone_store::{Key, Kv, Revision, StoreError, WallTime};
use tokio::sync::mpsc;

use super::running::{Ledger, Running};
use crate::api::registry::Estate;
use crate::clock::wall_now;

/// What the keys begin with.
const PREFIX: &str = "attendance.";
/// Entries in one value: one of a thousand people is more than a value may hold.
pub(super) const SHEET: usize = 200;

/// Where somebody is, or that they are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum State {
    /// Asked to come.
    Ringing,
    /// Before the door.
    InLobby,
    /// In.
    Connected,
    /// In, and the connection is lost.
    Reconnecting,
    /// Gone.
    Disconnected,
}

/// Somebody who is or was in a meeting or its lobby. Times in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attended {
    pub(crate) participant: ParticipantId,
    pub(crate) identity: Identifier,
    pub(crate) display_name: String,
    pub(crate) kind: PersonKind,
    pub(crate) role: Role,
    pub(crate) state: State,
    pub(crate) waited_ms: Option<u64>,
    pub(crate) joined_ms: Option<u64>,
    pub(crate) left_ms: Option<u64>,
    pub(crate) reason: Option<Reason>,
}

/// What there is to keep.
#[derive(Debug)]
pub(crate) enum News {
    /// A meeting that runs is as it is now.
    Runs(Box<Running>),
    /// Of one that runs, this is other than it was.
    Changed(CallId, Vec<Piece>),
    /// One is over.
    Over(Ended),
}

/// A meeting that is over, and everyone who was in it.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) organisation: OrganisationId,
    pub(crate) meeting: MeetingId,
    pub(crate) call: CallId,
    pub(crate) attended: Vec<Attended>,
    pub(crate) minutes: sidetone_meeting::Minutes,
}

/// One value in the store.
#[derive(Serialize, Deserialize)]
struct Sheet {
    call: CallId,
    attended: Vec<Attended>,
}

/// Keeps and finds it.
pub(crate) struct Attendance {
    kv: Arc<dyn Kv>,
    keep: Duration,
}

impl Attendance {
    pub(crate) fn new(kv: Arc<dyn Kv>, keep: Duration) -> Arc<Self> {
        Arc::new(Self { kv, keep })
    }

    /// Keeps what comes, until nothing can come any more.
    pub(crate) async fn keep(self: Arc<Self>, mut ledger: Ledger, mut news: mpsc::Receiver<News>) {
        while let Some(news) = news.recv().await {
            let (kv, now) = (&*self.kv, wall_now());
            let (call, kept) = match news {
                News::Runs(running) => (running.names().0, ledger.put(kv, &running, now).await),
                News::Changed(call, pieces) => (call, ledger.put_pieces(kv, call, pieces, now).await),
                News::Over(ended) => (ended.call, self.over(&mut ledger, &ended, now).await),
            };
            if let Err(error) = kept {
                tracing::error!(%call, %error, "who is or was in a meeting could not be kept");
            }
        }
    }

    async fn over(&self, ledger: &mut Ledger, ended: &Ended, now: WallTime) -> Result<(), StoreError> {
        self.put(ended, now).await?;
        ledger.forget(&*self.kv, ended.call, now).await
    }

    /// What a process that was cut off has left of meetings that ran; and where that is written on.
    pub(crate) async fn left_running(&self, now: WallTime) -> Result<(Ledger, Vec<Running>), StoreError> {
        let mut ledger = Ledger::default();
        let mut left = Vec::new();
        for running in ledger.read(&*self.kv, now).await? {
            let (call, organisation, meeting) = running.names();
            let held = self.of(organisation, meeting, now).await?;
            if held.iter().any(|(known, _)| *known == call) {
                // It was over, and the process was cut off between the two.
                ledger.forget(&*self.kv, call, now).await?;
            } else {
                left.push(running);
            }
        }
        Ok((ledger, left))
    }

    async fn put(&self, ended: &Ended, now: WallTime) -> Result<(), StoreError> {
        for (number, chunk) in ended.attended.chunks(SHEET).enumerate() {
            let prefix = prefix(&ended.organisation, Some(&ended.meeting));
            // In the order in which they were held.
            let key = Key::new(format!(
                "{prefix}{:013}.{}.{number:04}",
                now.as_millis(),
                ended.call
            ))?;
            let sheet = Sheet {
                call: ended.call,
                attended: chunk.to_vec(),
            };
            self.kv
                .put(
                    &key,
                    encode(&sheet)?.into(),
                    Revision::ABSENT,
                    Some(now.after(self.keep)),
                    now,
                )
                .await?;
        }
        let until = now.after(self.keep);
        super::minutes::put(&*self.kv, ended, (now, until)).await
    }

    /// What people did beside talking in a meeting, each time it was held, the oldest first.
    pub(crate) async fn minutes(
        &self,
        organisation: &OrganisationId,
        meeting: &MeetingId,
        now: WallTime,
    ) -> Result<Vec<(CallId, sidetone_meeting::Minutes)>, StoreError> {
        super::minutes::of(&*self.kv, organisation, meeting, now).await
    }

    /// Everyone who was in a meeting, each time it was held, the oldest first.
    pub(crate) async fn of(
        &self,
        organisation: &OrganisationId,
        meeting: &MeetingId,
        now: WallTime,
    ) -> Result<Vec<(CallId, Vec<Attended>)>, StoreError> {
        let entries = self.kv.list(&prefix(organisation, Some(meeting)), now).await?;
        let mut held: Vec<(CallId, Vec<Attended>)> = Vec::new();
        for entry in entries {
            match serde_json::from_slice::<Sheet>(&entry.value) {
                Ok(sheet) => match held.last_mut().filter(|(call, _)| *call == sheet.call) {
                    Some((_, attended)) => attended.extend(sheet.attended),
                    None => held.push((sheet.call, sheet.attended)),
                },
                Err(error) => {
                    tracing::error!(key = %entry.key, %error, "who was in a meeting cannot be read")
                }
            }
        }
        Ok(held)
    }

    /// Forgets who was in a meeting.
    pub(crate) async fn forget(
        &self,
        organisation: &OrganisationId,
        meeting: Option<&MeetingId>,
    ) -> Result<(), StoreError> {
        let now = wall_now();
        let mut entries = self.kv.list(&prefix(organisation, meeting), now).await?;
        entries.extend(
            self.kv
                .list(&super::minutes::prefix(organisation, meeting), now)
                .await?,
        );
        let gone = entries
            .iter()
            .map(|entry| self.kv.delete(&entry.key, entry.revision, now));
        let gone: Result<Vec<Revision>, StoreError> = join_all(gone).await.into_iter().collect();
        gone.map(drop)
    }
}

#[async_trait]
impl Estate for Attendance {
    async fn clear(self: Arc<Self>, tenant: &Scope) -> Result<(), StoreError> {
        match tenant {
            Scope::Organisation(organisation) => self.forget(organisation, None).await,
            Scope::Resource(_) => Ok(()),
        }
    }
}

pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::Storage {
        message: error.to_string(),
    })
}

/// Somebody as they are kept.
pub(super) fn attended(stay: &Stay, (now, wall): (Instant, WallTime)) -> Attended {
    let at = |instant: Instant| {
        let ago = now.saturating_duration_since(instant).as_millis();
        wall.as_millis()
            .saturating_sub(u64::try_from(ago).unwrap_or(u64::MAX))
    };
    Attended {
        participant: stay.participant,
        identity: stay.identity.clone(),
        display_name: stay.display_name.clone(),
        kind: stay.kind,
        role: stay.role,
        state: match stay.place {
            Place::Ringing => State::Ringing,
            Place::InLobby(_) => State::InLobby,
            Place::Inside => State::Connected,
            Place::Reconnecting => State::Reconnecting,
            Place::Gone => State::Disconnected,
        },
        waited_ms: stay.waited.map(at),
        joined_ms: stay.joined.map(at),
        left_ms: stay.left.as_ref().map(|(left, _)| at(*left)),
        reason: stay.left.as_ref().map(|(_, reason)| reason.clone()),
    }
}

fn prefix(organisation: &OrganisationId, meeting: Option<&MeetingId>) -> String {
    under(PREFIX, organisation, meeting)
}

/// What the keys of a meeting, or of all of an organisation's, begin with.
pub(super) fn under(prefix: &str, organisation: &OrganisationId, meeting: Option<&MeetingId>) -> String {
    // A label may hold dots and never `=`.
    let organisation = organisation.as_str().replace('.', "=");
    match meeting {
        Some(meeting) => format!("{prefix}{organisation}.{meeting}."),
        None => format!("{prefix}{organisation}."),
    }
}
