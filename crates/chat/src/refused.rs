//! How a request is refused.

use std::time::Duration;

use sidetone_organisation::Refusal;
use sidetone_signaling::Reason;

/// A refusal: one cause, one subcode, and when it is worth trying again where waiting helps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}{}", detail.map(|detail| format!(": {detail}")).unwrap_or_default())]
pub struct Refused {
    /// Why.
    pub reason: Reason,
    /// What of the request is wrong, where the reason leaves it open.
    pub detail: Option<&'static str>,
    /// How long to wait, where that helps.
    pub retry_after: Option<Duration>,
}

impl Refused {
    /// Content against the rules.
    pub(crate) fn content(detail: &'static str) -> Self {
        Self {
            detail: Some(detail),
            ..Reason::BAD_CONTENT.into()
        }
    }
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            detail: None,
            retry_after: None,
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        refusal.reason.into()
    }
}
