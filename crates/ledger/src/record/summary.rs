//! Call summaries: one for each stay of each participant.

use serde::{Deserialize, Serialize};
use sidetone_organisation::{OrganisationId, ResourceId};
use sidetone_signaling::protocol::{CallId, SessionId};
use sidetone_signaling::{Identifier, Reason, end_reason::Category};
use utoipa::ToSchema;

use crate::{Call, CallKind, EndpointType, ParticipantId, Party, Seconds, Stay, Timestamp};

/// One participant of a call that is over. A call that nobody was in has one summary, of who placed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallSummary {
    /// When this was entered: the end of the call.
    pub time: Timestamp,
    /// Always `callSummary`.
    pub operation_name: String,
    /// Version of the meaning of these fields.
    pub operation_version: String,
    /// Always `callSummary`.
    pub category: String,
    /// The chain of calls.
    #[schema(value_type = String, format = Uuid)]
    pub correlation_id: CallId,
    /// The call.
    #[schema(value_type = String, format = Uuid)]
    pub call: CallId,
    /// When the call was placed.
    pub call_start_time: Timestamp,
    /// How long it lasted, from being placed, in seconds.
    pub call_duration: Seconds,
    /// Between two, or among several.
    pub call_type: CallType,
    /// The group, room or meeting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Names this stay within the call. Absent where nobody was in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant_id: Option<ParticipantId>,
    /// Who. Absent for an external user that the viewer sees as anonymous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub identifier: Option<Identifier>,
    /// The name as it was shown.
    pub display_name: String,
    /// What kind of identity.
    pub participant_type: ParticipantType,
    /// The organisation, of a member or voice application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant_organisation: Option<OrganisationId>,
    /// The resource, of an external user, or of a member who uses its application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant_resource: Option<ResourceId>,
    /// When it came, to the lobby or the call.
    pub participant_start_time: Timestamp,
    /// How long it stayed, the lobby included, in seconds.
    pub participant_duration: Seconds,
    /// How long of that in the lobby, in seconds.
    pub lobby_duration: Seconds,
    /// Why it left: code.
    pub participant_end_reason: u16,
    /// Why it left: the one cause.
    pub participant_end_sub_code: u32,
    /// Whose doing that was.
    #[schema(value_type = String)]
    pub result_category: Category,
    /// The endpoint, where it had a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Uuid)]
    pub endpoint_id: Option<SessionId>,
    /// What kind of endpoint.
    pub endpoint_type: EndpointType,
    /// Name and version of the SDK. Absent in another tenant's view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdk_version: Option<String>,
    /// Name and version of the operating system. Absent in another tenant's view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// Which way the call went at a telephone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_participant_call_type: Option<PhoneCallType>,
}

/// Between two, or among several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum CallType {
    /// From endpoint to endpoint.
    P2P,
    /// Among any number.
    Group,
}

impl From<CallKind> for CallType {
    fn from(kind: CallKind) -> Self {
        if kind.is_two_party() {
            Self::P2P
        } else {
            Self::Group
        }
    }
}

/// What kind of identity a participant has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ParticipantType {
    /// An external user.
    External,
    /// A member.
    Member,
    /// A voice application.
    Application,
    /// A guest.
    Guest,
    /// A telephone.
    Phone,
    /// Not known.
    Unknown,
}

/// Which way a call goes at a telephone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum PhoneCallType {
    /// The telephone called.
    Inbound,
    /// The telephone was called.
    Outbound,
}

impl Party {
    pub(crate) fn participant_type(&self) -> ParticipantType {
        match self.identity {
            Identifier::ExternalUser { .. } => ParticipantType::External,
            Identifier::Member { .. } => ParticipantType::Member,
            Identifier::Application { .. } => ParticipantType::Application,
            Identifier::Guest { .. } => ParticipantType::Guest,
            Identifier::Phone { .. } => ParticipantType::Phone,
            _ => ParticipantType::Unknown,
        }
    }
}

/// The summaries of a call that is over, in full.
pub fn summaries(call: &Call) -> Vec<CallSummary> {
    let Some((end, reason)) = &call.ended else {
        return Vec::new();
    };
    if call.stays.is_empty() {
        let nobody = Stay {
            participant: ParticipantId(0),
            party: call.started_by.clone(),
            entered: *end,
            joined: None,
            left: Some(*end),
            reason: None,
            reports: 0,
        };
        let summary = CallSummary {
            participant_id: None,
            participant_start_time: call.started,
            ..summary(call, &nobody, *end, reason)
        };
        return vec![summary];
    }
    let summaries = call.stays.iter().map(|stay| summary(call, stay, *end, reason));
    summaries.collect()
}

fn summary(call: &Call, stay: &Stay, end: Timestamp, reason: &Reason) -> CallSummary {
    let party = &stay.party;
    let why = stay.reason.as_ref().unwrap_or(reason);
    let phone = matches!(party.identity, Identifier::Phone { .. }).then(|| {
        if call.started_by.identity == party.identity {
            PhoneCallType::Inbound
        } else {
            PhoneCallType::Outbound
        }
    });
    CallSummary {
        time: end,
        operation_name: "callSummary".to_owned(),
        operation_version: "1.0".to_owned(),
        category: "callSummary".to_owned(),
        correlation_id: call.correlation,
        call: call.id,
        call_start_time: call.started,
        call_duration: call.length(end),
        call_type: call.kind.into(),
        place: call.place.clone(),
        participant_id: Some(stay.participant),
        identifier: Some(party.identity.clone()),
        display_name: party.display_name.clone(),
        participant_type: party.participant_type(),
        participant_organisation: party.organisation(),
        participant_resource: party.resource(),
        participant_start_time: stay.entered,
        participant_duration: stay.length(end),
        lobby_duration: stay.lobby(end),
        participant_end_reason: why.code,
        participant_end_sub_code: why.subcode,
        result_category: why.category,
        endpoint_id: party.endpoint,
        endpoint_type: party.endpoint_type,
        sdk_version: party.client.sdk_version.clone(),
        os_version: party.client.os_version.clone(),
        phone_participant_call_type: phone,
    }
}
