//! What was wrong in a call over its life, for the call's records.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use sidetone_signaling::protocol::ReportItem;

use super::{Diagnostic, DiagnosticChanged, DiagnosticValue};

/// Each kind of trouble that there was, since the call began at this end.
#[derive(Debug)]
pub(crate) struct History {
    began: Instant,
    kinds: BTreeMap<Diagnostic, Kind>,
}

#[derive(Debug)]
struct Kind {
    worst: DiagnosticValue,
    times: u32,
    first: Instant,
    /// Altogether, up to `since`.
    raised: Duration,
    /// Since when it is raised again.
    since: Option<Instant>,
}

/// One kind, as the service keeps it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Issue {
    name: Diagnostic,
    value: DiagnosticValue,
    times: u32,
    first_raised_after_in_ms: u128,
    raised_for_in_ms: u128,
}

impl History {
    pub fn new(began: Instant) -> Self {
        Self {
            began,
            kinds: BTreeMap::new(),
        }
    }

    /// Takes a change down.
    pub fn note(&mut self, DiagnosticChanged { name, value }: DiagnosticChanged, now: Instant) {
        if value.is_good() {
            if let Some(kind) = self.kinds.get_mut(&name) {
                kind.clear(now);
            }
            return;
        }
        let kind = self.kinds.entry(name).or_insert(Kind {
            worst: value,
            times: 0,
            first: now,
            raised: Duration::ZERO,
            since: None,
        });
        kind.worst = kind.worst.max(value);
        // From poor to bad is not another time.
        if kind.since.is_none() {
            kind.times = kind.times.saturating_add(1);
            kind.since = Some(now);
        }
    }

    /// All of it, as of now.
    pub fn issues(mut self, now: Instant) -> Vec<ReportItem> {
        self.kinds.values_mut().for_each(|kind| kind.clear(now));
        let issue = |(name, kind): (Diagnostic, Kind)| Issue {
            name,
            value: kind.worst,
            times: kind.times,
            first_raised_after_in_ms: kind.first.saturating_duration_since(self.began).as_millis(),
            raised_for_in_ms: kind.raised.as_millis(),
        };
        let issues = self.kinds.into_iter().map(issue);
        issues.filter_map(|issue| object(&issue)).collect()
    }
}

impl Kind {
    fn clear(&mut self, now: Instant) {
        if let Some(since) = self.since.take() {
            self.raised += now.saturating_duration_since(since);
        }
    }
}

/// As an object of a report.
fn object(item: &impl Serialize) -> Option<ReportItem> {
    match serde_json::to_value(item) {
        Ok(serde_json::Value::Object(object)) => Some(object),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::NetworkQuality::{Bad, Good, Poor};
    use super::*;

    #[test]
    fn each_kind_is_told_once_with_its_worst() {
        let began = Instant::now();
        let at = |second| began + Duration::from_secs(second);
        let mut history = History::new(began);
        let mut note = |name, value, second| history.note(DiagnosticChanged { name, value }, at(second));
        let receive = Diagnostic::NetworkReceiveQuality;
        note(receive, DiagnosticValue::Quality(Poor), 4);
        note(receive, DiagnosticValue::Quality(Bad), 6);
        note(receive, DiagnosticValue::Quality(Good), 10);
        note(receive, DiagnosticValue::Quality(Poor), 20);
        note(Diagnostic::NoNetwork, DiagnosticValue::Flag(false), 21);
        note(
            Diagnostic::MicrophoneNotFunctioning,
            DiagnosticValue::Flag(true),
            22,
        );
        let issues = serde_json::to_value(history.issues(at(25))).unwrap();
        let expected = json!([
            {
                "name": "networkReceiveQuality", "value": 3, "times": 2,
                "firstRaisedAfterInMs": 4000, "raisedForInMs": 11000,
            },
            {
                "name": "microphoneNotFunctioning", "value": true, "times": 1,
                "firstRaisedAfterInMs": 22000, "raisedForInMs": 3000,
            },
        ]);
        assert_eq!(issues, expected);
    }
}
