//! A call in one line, for lists, with the tenants it concerns.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::{Identifier, Reason};
use utoipa::ToSchema;

use super::summary::{CallType, ParticipantType};
use crate::{Call, CallKind, Called, Party, Scope, Seconds, Timestamp};

/// A call that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallLine {
    /// The call.
    #[schema(value_type = String, format = Uuid)]
    pub call: CallId,
    /// The chain of calls.
    #[schema(value_type = String, format = Uuid)]
    pub correlation_id: CallId,
    /// What kind.
    pub kind: CallKind,
    /// The same, in two words.
    pub call_type: CallType,
    /// When it was placed.
    pub call_start_time: Timestamp,
    /// How long it lasted, from being placed, in seconds.
    pub call_duration: Seconds,
    /// Who was called: the first, and those whom the call was forwarded to.
    #[serde(default)]
    pub called: Vec<CalledParty>,
    /// Whether somebody answered.
    pub answered: bool,
    /// How many stays there were in it.
    pub participants: u32,
    /// Why it ended.
    #[schema(value_type = Object)]
    pub end_reason: Reason,
    /// Whom it concerns. Not for them to see: a tenant learns of others what the summaries tell.
    #[serde(skip)]
    pub scopes: BTreeSet<Scope>,
}

/// Someone who was called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CalledParty {
    /// Who. Absent for an external user that the viewer sees as anonymous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub identifier: Option<Identifier>,
    /// What kind of identity.
    pub participant_type: ParticipantType,
}

impl CallLine {
    /// The line of a call that is over.
    pub fn of(call: &Call) -> Option<Self> {
        let (end, reason) = call.ended.as_ref()?;
        Some(Self {
            call: call.id,
            correlation_id: call.correlation,
            kind: call.kind,
            call_type: call.kind.into(),
            call_start_time: call.started,
            call_duration: call.length(*end),
            called: call.called.iter().map(CalledParty::of).collect(),
            answered: call.answered.is_some() || call.stays.iter().any(|stay| stay.joined.is_some()),
            participants: u32::try_from(call.stays.len()).unwrap_or(u32::MAX),
            end_reason: reason.clone(),
            scopes: call.scopes(),
        })
    }
}

impl CalledParty {
    fn of(called: &Called) -> Self {
        Self {
            identifier: Some(called.identity.clone()),
            participant_type: Party::new(called.identity.clone(), "").participant_type(),
        }
    }
}
