//! Where call records and usage are read again. Only what concerns the viewer is found, and only as the viewer may see
//! it.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use sidetone_ledger::{
    CallDiagnostic, CallIssue, CallLine, CallSummary, Month, Rounding, Scope, Timestamp, Unit, UsageRecord,
    UsageReport, Viewer,
};
use sidetone_signaling::protocol::CallId;
use sidetone_store::{LogName, Record, Sequence, Store, StoreError, WallTime};
use utoipa::ToSchema;

use super::names;

/// Records read from a log in one go.
const STEP: usize = 1_000;

/// Some of the summaries of a call, as kept.
#[derive(Serialize, Deserialize)]
pub(super) struct Sheet {
    pub(super) line: CallLine,
    pub(super) scopes: Vec<Scope>,
    pub(super) summaries: Vec<CallSummary>,
}

/// Rows that one endpoint reported, as kept.
#[derive(Serialize, Deserialize)]
pub(super) struct Rows {
    #[serde(alias = "rows")]
    pub(super) diagnostics: Vec<CallDiagnostic>,
    #[serde(default)]
    pub(super) issues: Vec<CallIssue>,
}

/// All that is kept of a call, as somebody may see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CallReport {
    /// The call in one line.
    #[serde(flatten)]
    pub(crate) line: CallLine,
    /// One for each participant.
    pub(crate) summaries: Vec<CallSummary>,
    /// One for each stream that was measured.
    pub(crate) diagnostics: Vec<CallDiagnostic>,
    /// One for each kind of trouble that a participant was told of.
    #[serde(default)]
    pub(crate) issues: Vec<CallIssue>,
}

/// Reads what accounting wrote.
#[derive(Clone)]
pub(crate) struct Shelf {
    store: Store,
}

impl Shelf {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// A call that is over; the newest, where its id came more than once. `None` when there is none that concerns the
    /// viewer.
    pub(crate) async fn call(
        &self,
        call: CallId,
        viewer: &Viewer,
        since: Timestamp,
        now: WallTime,
    ) -> Result<Option<CallReport>, StoreError> {
        let prefix = names::call(call);
        let mut lives: BTreeMap<String, CallReport> = BTreeMap::new();
        let entries = self.store.kv.list(&prefix, now).await?;
        // The summaries come first: those that may not be seen leave no place for their diagnostics.
        for entry in &entries {
            let Some((life, 's')) = place(&prefix, entry.key.as_str()) else {
                continue;
            };
            let Some(sheet) = parse::<Sheet>(&entry.value) else {
                continue;
            };
            let visible = viewer.scope().is_none_or(|scope| sheet.scopes.contains(&scope));
            if !visible || sheet.line.call_start_time < since {
                continue;
            }
            let report = lives.entry(life.to_owned()).or_insert_with(|| CallReport {
                line: sheet.line.seen_by(viewer),
                summaries: Vec::new(),
                diagnostics: Vec::new(),
                issues: Vec::new(),
            });
            let seen = sheet.summaries.into_iter().map(|summary| summary.seen_by(viewer));
            report.summaries.extend(seen);
        }
        for entry in &entries {
            if let Some((life, 'd')) = place(&prefix, entry.key.as_str())
                && let Some(report) = lives.get_mut(life)
                && let Some(kept) = parse::<Rows>(&entry.value)
            {
                report.issues.extend(kept.issues);
                let seen = kept.diagnostics.into_iter().map(|row| row.seen_by(viewer));
                report.diagnostics.extend(seen);
            }
        }
        // Both came in the order of their keys, which is not that of their numbers.
        Ok(lives.into_values().next_back().map(|mut report| {
            report.summaries.sort_by_key(|summary| summary.participant_id);
            report.issues.sort_by(|a, b| {
                (a.participant_id, &a.issue.name, &a.id).cmp(&(b.participant_id, &b.issue.name, &b.id))
            });
            report
                .diagnostics
                .sort_by(|a, b| (a.time, a.participant_id, &a.id).cmp(&(b.time, b.participant_id, &b.id)));
            report
        }))
    }

    /// Calls of a tenant that began at `since` or later and are over, newest first: up to `limit`, numbered below
    /// `before`.
    pub(crate) async fn calls(
        &self,
        scope: &Scope,
        since: Timestamp,
        before: Option<Sequence>,
        limit: usize,
    ) -> Result<Vec<(Sequence, CallLine)>, StoreError> {
        let log = names::calls(scope)?;
        let end = self.store.log.end(&log).await?;
        let end = before.map_or(end, |before| before.min(end));
        let mut lines = VecDeque::new();
        let mut high = end;
        let mut span = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        // Backwards in windows. They grow: where numbers are left out, one may be empty.
        while lines.len() < limit && high > Sequence::FIRST {
            let low = Sequence(high.0.saturating_sub(span)).max(Sequence::FIRST);
            let mut window = Vec::new();
            self.within(&log, low, high, |record| {
                let line = parse::<CallLine>(&record.payload).filter(|line| line.call_start_time >= since);
                window.extend(line.map(|line| (record.sequence, line)));
            })
            .await?;
            window.into_iter().rev().for_each(|line| lines.push_back(line));
            high = low;
            span = span.saturating_mul(2);
        }
        lines.truncate(limit);
        Ok(lines.into())
    }

    /// Usage records of a tenant's month, of use that began at `since` or later, from number `from` on.
    pub(crate) async fn usage(
        &self,
        scope: &Scope,
        month: Month,
        since: Timestamp,
        mut from: Sequence,
        limit: usize,
    ) -> Result<Vec<(Sequence, UsageRecord)>, StoreError> {
        let log = names::usage(scope, month)?;
        let mut used = Vec::new();
        while used.len() < limit {
            let records = self.store.log.read(&log, from, limit).await?;
            let Some(last) = records.last() else { break };
            from = last.sequence.next();
            let parsed = records
                .iter()
                .filter_map(|record| Some((record.sequence, parse::<UsageRecord>(&record.payload)?)));
            used.extend(parsed.filter(|(_, record)| began(record) >= since));
        }
        used.truncate(limit);
        Ok(used)
    }

    /// The sum of a tenant's month, of use that began at `since` or later.
    pub(crate) async fn usage_report(
        &self,
        scope: Scope,
        month: Month,
        since: Timestamp,
        rounding: Rounding,
    ) -> Result<UsageReport, StoreError> {
        let log = names::usage(&scope, month)?;
        let mut all = Vec::new();
        self.within(&log, Sequence::FIRST, Sequence(u64::MAX), |record| {
            all.extend(parse::<UsageRecord>(&record.payload).filter(|record| began(record) >= since));
        })
        .await?;
        Ok(UsageReport::new(scope, month, rounding, &all))
    }

    /// Every record of a log from number `from` on and below `end`, in order.
    async fn within(
        &self,
        log: &LogName,
        mut from: Sequence,
        end: Sequence,
        mut take: impl FnMut(&Record),
    ) -> Result<(), StoreError> {
        while from < end {
            // Numbers may be left out and never come twice: no more than this many are below the end.
            let most = usize::try_from(end.0 - from.0).unwrap_or(STEP).min(STEP);
            let records = self.store.log.read(log, from, most).await?;
            let Some(last) = records.last() else {
                return Ok(());
            };
            from = last.sequence.next();
            records
                .iter()
                .take_while(|record| record.sequence < end)
                .for_each(&mut take);
        }
        Ok(())
    }
}

/// When the use began that a record is of, as far as it tells: to the second.
fn began(record: &UsageRecord) -> Timestamp {
    let seconds = match record.unit_type {
        Unit::Seconds => record.quantity,
        Unit::Messages => 0,
    };
    Timestamp::from_millis(
        record
            .time
            .as_millis()
            .saturating_sub(seconds.saturating_mul(1_000)),
    )
}

/// Of `<prefix><start>.<kind>.<number>` the start and the kind.
fn place<'a>(prefix: &str, key: &'a str) -> Option<(&'a str, char)> {
    let (life, rest) = key.strip_prefix(prefix)?.split_once('.')?;
    Some((life, rest.chars().next()?))
}

/// What is kept, if this version understands it.
fn parse<T: serde::de::DeserializeOwned>(payload: &[u8]) -> Option<T> {
    serde_json::from_slice(payload)
        .inspect_err(|error| tracing::error!(%error, "a part of the accounts cannot be read"))
        .ok()
}
