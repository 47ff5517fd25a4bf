//! Call diagnostics: one row for each stream, as the endpoint at its end measured it.

use serde::{Deserialize, Serialize};
use sidetone_organisation::{OrganisationId, ResourceId};
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::{CallId, SessionId};
use utoipa::ToSchema;

use super::stream::StreamReport;
use super::summary::ParticipantType;
use crate::{Call, EndpointType, Fact, ParticipantId, Timestamp, What};

/// One stream of one participant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallDiagnostic {
    /// Unique within the call.
    pub id: String,
    /// When it was reported.
    pub time: Timestamp,
    /// Always `callDiagnostics`.
    pub operation_name: String,
    /// Version of the meaning of these fields.
    pub operation_version: String,
    /// Always `callDiagnostics`.
    pub category: String,
    /// The chain of calls.
    #[schema(value_type = String, format = Uuid)]
    pub correlation_id: CallId,
    /// The call.
    #[schema(value_type = String, format = Uuid)]
    pub call: CallId,
    /// When the call was placed.
    pub call_start_time: Timestamp,
    /// Whose end of the stream.
    pub participant_id: ParticipantId,
    /// Who. Absent for an external user that the viewer sees as anonymous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub identifier: Option<Identifier>,
    /// What kind of identity.
    pub participant_type: ParticipantType,
    /// The organisation, of a member or voice application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant_organisation: Option<OrganisationId>,
    /// The resource, of an external user, or of a member who uses its application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant_resource: Option<ResourceId>,
    /// The endpoint, where it had a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Uuid)]
    pub endpoint_id: Option<SessionId>,
    /// What kind of endpoint.
    pub endpoint_type: EndpointType,
    /// What was measured.
    #[serde(flatten)]
    pub stream: StreamReport,
}

/// The rows of a fact that the call has taken in already: none, unless it is a measurement.
pub fn diagnostics(call: &Call, fact: &Fact) -> Vec<CallDiagnostic> {
    let What::Measured {
        participant,
        report,
        streams,
        ..
    } = &fact.what
    else {
        return Vec::new();
    };
    let Some(stay) = call.stay(*participant) else {
        return Vec::new();
    };
    let party = &stay.party;
    let row = |(index, stream): (usize, &StreamReport)| CallDiagnostic {
        id: format!("{participant}.{report}.{}", index + 1),
        time: fact.at,
        operation_name: "callDiagnostics".to_owned(),
        operation_version: "1.0".to_owned(),
        category: "callDiagnostics".to_owned(),
        correlation_id: call.correlation,
        call: call.id,
        call_start_time: call.started,
        participant_id: *participant,
        identifier: Some(party.identity.clone()),
        participant_type: party.participant_type(),
        participant_organisation: party.organisation(),
        participant_resource: party.resource(),
        endpoint_id: party.endpoint,
        endpoint_type: party.endpoint_type,
        stream: stream.clone(),
    };
    streams.iter().enumerate().map(row).collect()
}
