//! The audit log: who changed what, when, as digests of before and after. Append-only; an entry is written before its
//! change, so that no change is without one.
//!
//! Everything is in the log `audit`, and what concerns one organisation or resource again in a log of its own, so
//! that its administrators read theirs and nobody else's.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use sidetone_organisation::{Entity, EntityKey, OrganisationId, ResourceId};
use sidetone_store::{DedupeId, Log, LogName, Sequence, StoreError, WallTime};
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Actor;
use super::keys::hex;

/// Which audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AuditScope {
    /// All of the deployment.
    Deployment,
    /// What concerns an organisation.
    Organisation(OrganisationId),
    /// What concerns a resource.
    Resource(ResourceId),
}

impl AuditScope {
    /// Whose log has entries about this, besides the deployment's.
    pub(crate) fn of(key: &EntityKey) -> Self {
        let name = key.name();
        match (name.organisation(), name.resource()) {
            (Some(organisation), _) => Self::Organisation(organisation.clone()),
            (None, Some(resource)) => Self::Resource(resource.clone()),
            (None, None) => Self::Deployment,
        }
    }

    fn log(&self) -> Result<LogName, StoreError> {
        // A label may hold dots and never `=`.
        let escape = |label: &str| label.replace('.', "=");
        LogName::new(match self {
            Self::Deployment => "audit".to_owned(),
            Self::Organisation(id) => format!("audit.organisation.{}", escape(id.as_str())),
            Self::Resource(id) => format!("audit.resource.{}", escape(id.as_str())),
        })
    }
}

/// One entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditEntry {
    /// The entry's own id, the same in every log that has it.
    pub(crate) id: Uuid,
    /// When (RFC 3339).
    #[schema(format = DateTime)]
    pub(crate) at: String,
    /// Who.
    pub(crate) actor: Actor,
    /// What was done, such as `member.put` or `organisation.approve`.
    pub(crate) action: String,
    /// To what, such as `member.contoso.ann`.
    pub(crate) target: String,
    /// SHA-256 of what was there, absent when it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<String>,
    /// SHA-256 of what is there now, absent when it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<String>,
    /// More for people, such as the reason of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

impl AuditEntry {
    /// That somebody did this to that.
    pub(crate) fn new(
        actor: Actor,
        action: impl Into<String>,
        target: impl Into<String>,
        now: WallTime,
    ) -> Self {
        Self {
            id: Uuid::new_v4(),
            at: timestamp(now),
            actor,
            action: action.into(),
            target: target.into(),
            before: None,
            after: None,
            note: None,
        }
    }

    /// With what was there and what is there now.
    pub(crate) fn changing(mut self, before: Option<&Entity>, after: Option<&Entity>) -> Self {
        self.before = before.and_then(digest_of);
        self.after = after.and_then(digest_of);
        self
    }

    /// With words for people. Bounded, for they may come from outside.
    pub(crate) fn noting(mut self, note: &str) -> Self {
        self.note = Some(note.chars().take(500).collect());
        self
    }
}

/// `sha256:` and the digest of an entity as stored.
fn digest_of(entity: &Entity) -> Option<String> {
    let stored = serde_json::to_vec(entity).ok()?;
    Some(format!("sha256:{}", hex(digest(&SHA256, &stored).as_ref())))
}

/// A time as RFC 3339 text, in UTC with milliseconds. Times past the year 9999 are shown as its end.
pub(crate) fn timestamp(time: WallTime) -> String {
    const LAST: u64 = 253_402_300_799_999;
    let since = Duration::from_millis(time.as_millis().min(LAST));
    humantime::format_rfc3339_millis(UNIX_EPOCH + since).to_string()
}

/// Writes and reads the audit logs.
#[derive(Clone)]
pub(crate) struct Audit {
    log: Arc<dyn Log>,
}

impl Audit {
    pub(crate) fn new(log: Arc<dyn Log>) -> Self {
        Self { log }
    }

    /// Writes an entry, to the deployment's log and to that of `scope`.
    ///
    /// # Errors
    /// Of the store: what the entry is about must not be done then.
    pub(crate) async fn append(
        &self,
        scope: &AuditScope,
        entry: &AuditEntry,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let payload = serde_json::to_vec(entry).map_err(|error| StoreError::Storage {
            message: error.to_string(),
        })?;
        let payload = bytes::Bytes::from(payload);
        let id = DedupeId::new(entry.id.to_string())?;
        let all = AuditScope::Deployment.log()?;
        let everything = self.log.append(&all, Some(&id), payload.clone(), now);
        if *scope == AuditScope::Deployment {
            everything.await?;
            return Ok(());
        }
        let own = scope.log()?;
        // Both at once: one flush of the store has them both.
        let (everything, own) = tokio::join!(everything, self.log.append(&own, Some(&id), payload, now));
        everything.and(own).map(drop)
    }

    /// Up to `limit` entries behind number `after` that were made at `since` or later, oldest first, each with its
    /// number.
    ///
    /// # Errors
    /// Of the store.
    pub(crate) async fn read(
        &self,
        scope: &AuditScope,
        after: u64,
        since: WallTime,
        limit: usize,
    ) -> Result<Vec<(u64, AuditEntry)>, StoreError> {
        let log = scope.log()?;
        let mut from = Sequence(after.saturating_add(1));
        let mut entries = Vec::new();
        while entries.len() < limit {
            let records = self.log.read(&log, from, limit).await?;
            let Some(last) = records.last() else { break };
            from = last.sequence.next();
            for record in records.iter().filter(|record| record.at >= since) {
                match serde_json::from_slice(&record.payload) {
                    Ok(entry) => entries.push((record.sequence.0, entry)),
                    Err(error) => {
                        let sequence = record.sequence.0;
                        tracing::error!(%error, sequence, "an audit entry cannot be understood");
                    }
                }
            }
        }
        entries.truncate(limit);
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use sidetone_store::Store;

    use super::*;

    #[tokio::test]
    async fn an_entry_is_in_its_own_log_and_in_the_deployments() {
        let store = Store::in_memory().unwrap();
        let audit = Audit::new(store.log);
        let acme = AuditScope::Organisation("acme".parse().unwrap());
        let now = WallTime::from_millis(1_700_000_000_123);
        let entry = AuditEntry::new(Actor::Service, "test", "organisation.acme", now).noting("why");
        audit.append(&acme, &entry, now).await.unwrap();
        assert_eq!(entry.at, "2023-11-14T22:13:20.123Z");
        for scope in [acme, AuditScope::Deployment] {
            let read = async |after, since| audit.read(&scope, after, since, 10).await.unwrap();
            assert_eq!(read(0, now).await, [(1, entry.clone())]);
            assert!(read(1, now).await.is_empty());
            assert!(
                read(0, WallTime::from_millis(now.as_millis() + 1))
                    .await
                    .is_empty()
            );
        }
        let other = AuditScope::Organisation("acme.b".parse().unwrap());
        assert!(audit.read(&other, 0, now, 10).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_was_before_a_time_takes_no_place_on_a_page() {
        let store = Store::in_memory().unwrap();
        let audit = Audit::new(store.log);
        for n in 0..50 {
            let at = WallTime::from_millis(n);
            let entry = AuditEntry::new(Actor::Service, "test", n.to_string(), at);
            audit.append(&AuditScope::Deployment, &entry, at).await.unwrap();
        }
        let since = WallTime::from_millis(33);
        let page = audit.read(&AuditScope::Deployment, 0, since, 5).await.unwrap();
        let targets: Vec<_> = page.iter().map(|(_, entry)| entry.target.as_str()).collect();
        assert_eq!(targets, ["33", "34", "35", "36", "37"]);
    }

    #[test]
    fn the_end_of_time_can_be_shown() {
        assert_eq!(
            timestamp(WallTime::from_millis(u64::MAX)),
            "9999-12-31T23:59:59.999Z"
        );
    }
}
