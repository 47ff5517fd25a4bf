//! What people at an endpoint were told was wrong: the user-facing diagnostics of spec 3.5 over the life of a call. Comes
//! from outside, so it is checked before it is believed.

use serde::{Deserialize, Serialize};
use sidetone_signaling::protocol::CallId;
use utoipa::ToSchema;

use super::stream::{MAX_TEXT, ReportError, is_visible};
use crate::{Call, Fact, ParticipantId, Timestamp, What};

/// One kind of trouble at one endpoint, over the whole call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssueReport {
    /// The diagnostic that was raised, such as `networkReceiveQuality` or `microphoneNotFunctioning`.
    pub name: String,
    /// The worst that it was.
    pub value: IssueValue,
    /// How many times it was raised.
    pub times: u32,
    /// How long after its end of the call began it was raised first, in milliseconds.
    pub first_raised_after_in_ms: u64,
    /// How long it was raised altogether, in milliseconds.
    pub raised_for_in_ms: u64,
}

/// How a diagnostic stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum IssueValue {
    /// Whether it was so.
    Flag(bool),
    /// 1 is good, 2 poor, 3 bad.
    Quality(u8),
}

impl IssueReport {
    /// Whether the report can be true.
    ///
    /// # Errors
    /// [`ReportError`]: the first field that cannot.
    pub fn check(&self) -> Result<(), ReportError> {
        if !is_visible(&self.name, MAX_TEXT) {
            return Err(ReportError::Text("name"));
        }
        let raised = match self.value {
            IssueValue::Flag(raised) => raised,
            IssueValue::Quality(quality) => matches!(quality, 2..=3),
        };
        if !raised {
            return Err(ReportError::NotRaised("value"));
        }
        if self.times == 0 {
            return Err(ReportError::NotRaised("times"));
        }
        Ok(())
    }
}

/// One kind of trouble of one participant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallIssue {
    /// Unique within the call.
    pub id: String,
    /// When it was reported.
    pub time: Timestamp,
    /// The call.
    #[schema(value_type = String, format = Uuid)]
    pub call: CallId,
    /// When the call was placed.
    pub call_start_time: Timestamp,
    /// Whose. Who that is stands in the summaries.
    pub participant_id: ParticipantId,
    /// What was wrong.
    #[serde(flatten)]
    pub issue: IssueReport,
}

/// The rows of a fact that the call has taken in already: none, unless it is a report.
pub fn issues(call: &Call, fact: &Fact) -> Vec<CallIssue> {
    let What::Measured {
        participant,
        report,
        issues,
        ..
    } = &fact.what
    else {
        return Vec::new();
    };
    if call.stay(*participant).is_none() {
        return Vec::new();
    }
    let row = |(index, issue): (usize, &IssueReport)| CallIssue {
        id: format!("{participant}.{report}.{}", index + 1),
        time: fact.at,
        call: call.id,
        call_start_time: call.started,
        participant_id: *participant,
        issue: issue.clone(),
    };
    issues.iter().enumerate().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused() {
        let check = |change: fn(&mut IssueReport)| {
            let mut report = IssueReport {
                name: "networkSendQuality".to_owned(),
                value: IssueValue::Quality(3),
                times: 2,
                first_raised_after_in_ms: 4_000,
                raised_for_in_ms: 11_000,
            };
            change(&mut report);
            report.check()
        };
        assert_eq!(check(|_| ()), Ok(()));
        assert_eq!(check(|r| r.value = IssueValue::Flag(true)), Ok(()));
        assert_eq!(check(|r| r.name.clear()), Err(ReportError::Text("name")));
        assert_eq!(check(|r| r.name = "a".repeat(65)), Err(ReportError::Text("name")));
        assert_eq!(check(|r| r.name = "a b".into()), Err(ReportError::Text("name")));
        for good in [
            IssueValue::Flag(false),
            IssueValue::Quality(1),
            IssueValue::Quality(4),
        ] {
            let mut report = IssueReport {
                name: "noNetwork".to_owned(),
                value: good,
                times: 1,
                first_raised_after_in_ms: 0,
                raised_for_in_ms: 0,
            };
            assert_eq!(report.check(), Err(ReportError::NotRaised("value")));
            report.value = IssueValue::Flag(true);
            report.times = 0;
            assert_eq!(report.check(), Err(ReportError::NotRaised("times")));
        }
    }
}
