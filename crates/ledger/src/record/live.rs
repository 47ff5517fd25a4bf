//! The live view: calls that run, and who is in them right now (L37).

use serde::{Deserialize, Serialize};
use sidetone_organisation::ResourceId;
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::CallId;
use utoipa::ToSchema;

use super::summary::ParticipantType;
use super::view::{ANONYMOUS, Viewer};
use crate::{Call, CallKind, EndpointType, ParticipantId, Seconds, Stay, Timestamp};

/// A call that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveCall {
    /// The call.
    #[schema(value_type = String, format = Uuid)]
    pub call: CallId,
    /// The chain of calls.
    #[schema(value_type = String, format = Uuid)]
    pub correlation_id: CallId,
    /// What kind.
    pub kind: CallKind,
    /// When it was placed.
    pub start_time: Timestamp,
    /// How long ago that was, in seconds.
    pub duration: Seconds,
    /// Somebody answered.
    pub answered: bool,
    /// Who is there.
    pub participants: Vec<LiveParticipant>,
}

/// Someone in a call that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveParticipant {
    /// Names the stay within the call.
    pub participant_id: ParticipantId,
    /// Who. Absent for an external user that the viewer sees as anonymous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub identifier: Option<Identifier>,
    /// The name as it is shown.
    pub display_name: String,
    /// What kind of identity.
    pub participant_type: ParticipantType,
    /// The resource whose application it uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceId>,
    /// What kind of endpoint.
    pub endpoint_type: EndpointType,
    /// Since when it is there.
    pub since: Timestamp,
    /// Still in the lobby.
    pub in_lobby: bool,
}

/// The running calls that concern the viewer, oldest first.
pub fn live<'a>(calls: impl Iterator<Item = &'a Call>, viewer: &Viewer, now: Timestamp) -> Vec<LiveCall> {
    let scope = viewer.scope();
    let mut calls: Vec<LiveCall> = calls
        .filter(|call| scope.as_ref().is_none_or(|scope| call.scopes().contains(scope)))
        .map(|call| seen(call, viewer, now))
        .collect();
    calls.sort_by_key(|call| (call.start_time, call.call));
    calls
}

fn seen(call: &Call, viewer: &Viewer, now: Timestamp) -> LiveCall {
    let participants = call
        .present()
        .filter(|stay| viewer.shows_live(stay.party.participant_type()));
    LiveCall {
        call: call.id,
        correlation_id: call.correlation,
        kind: call.kind,
        start_time: call.started,
        duration: call.length(now),
        answered: call.answered.is_some(),
        participants: participants.map(|stay| participant(stay, viewer)).collect(),
    }
}

fn participant(stay: &Stay, viewer: &Viewer) -> LiveParticipant {
    let party = &stay.party;
    let kind = party.participant_type();
    let hidden = viewer.hides(kind);
    LiveParticipant {
        participant_id: stay.participant,
        identifier: (!hidden).then(|| party.identity.clone()),
        display_name: if hidden {
            ANONYMOUS.to_owned()
        } else {
            party.display_name.clone()
        },
        participant_type: kind,
        resource: party.resource(),
        endpoint_type: party.endpoint_type,
        since: stay.entered,
        in_lobby: stay.joined.is_none(),
    }
}
