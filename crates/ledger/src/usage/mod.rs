//! Usage: what a call consumed, entered once it is over, one record for each stay and sender (spec M, table 1.4).
//!
//! Every participant-second counts at one rate, whatever the media and whoever the people: no kind of call has a meter
//! of its own (R3), the lobby counts, and an identity makes no difference (R126). Whose account it goes to is the
//! party's [`account`](crate::Party::account).

mod report;
mod rounding;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::CallId;
use utoipa::ToSchema;

pub use report::{MeterTotal, UsageReport};
pub use rounding::Rounding;

use crate::{Account, Call, CallKind, EndpointType, Party, Scope, Stay, Timestamp};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Meter {
    /// Being in a call over the internet, the lobby included.
    Calling,
    /// Being in a call by telephone.
    Phone,
    /// Messages sent in a call.
    Messages,
}

/// In what it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Unit {
    /// Whole seconds. What a stay lasted beyond them is dropped: nobody is charged for what was not used.
    Seconds,
    /// Messages.
    Messages,
}

impl Meter {
    /// In what it is counted.
    pub fn unit(self) -> Unit {
        match self {
            Self::Calling | Self::Phone => Unit::Seconds,
            Self::Messages => Unit::Messages,
        }
    }
}

/// One use by one participant. Made once, from facts alone: the same facts give the same records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageRecord {
    /// Unique: by it, entering it twice is noticed.
    pub id: String,
    /// When the use was over. It belongs to the month that this moment is in.
    pub time: Timestamp,
    /// What was done: `call`, `preCallTest` or `message`.
    pub operation_name: String,
    /// Version of the meaning of this record.
    pub operation_version: String,
    /// Always `usage`.
    pub category: String,
    /// The chain of calls.
    #[schema(value_type = String, format = Uuid)]
    pub correlation_id: CallId,
    /// The call.
    #[schema(value_type = String, format = Uuid)]
    pub call: CallId,
    /// What is counted.
    pub usage_type: Meter,
    /// In what.
    pub unit_type: Unit,
    /// How much; of a stay the nearest whole seconds.
    pub quantity: u64,
    /// Seconds of it in the lobby, at the same rate.
    pub lobby_seconds: u64,
    /// Whether the resource is charged. Otherwise the use is listed and covered by others.
    pub metered: bool,
    /// Whose account it is entered in.
    #[schema(value_type = Object)]
    pub account: Account,
    /// Who used it.
    #[schema(value_type = String, example = "external:0f8fad5bd9cb469fa16570867728950e:eve")]
    pub identity: Identifier,
}

/// The usage of a call that is over, each record with the tenants in whose lists it stands: the one whose account it
/// is, and where it is covered also the resources of the call, which see it at zero.
pub fn usage(call: &Call) -> Vec<(UsageRecord, BTreeSet<Scope>)> {
    let Some((end, _)) = &call.ended else {
        return Vec::new();
    };
    let stays = call.stays.iter().filter_map(|stay| used_stay(call, stay, *end));
    let messages = call
        .messages
        .iter()
        .enumerate()
        .map(|(index, (party, count))| sent_messages(call, index, party, *count, *end));
    let resources: BTreeSet<Scope> = call
        .scopes()
        .into_iter()
        .filter(|scope| matches!(scope, Scope::Resource(_)))
        .collect();
    stays
        .chain(messages)
        .map(|record| {
            let listed = match &record.account {
                Account::Resource(resource) => BTreeSet::from([Scope::Resource(resource.clone())]),
                Account::Organisation(organisation) => {
                    let own = Scope::Organisation(organisation.clone());
                    resources.iter().cloned().chain([own]).collect()
                }
                Account::Operator => resources.clone(),
            };
            (record, listed)
        })
        .collect()
}

fn used_stay(call: &Call, stay: &Stay, end: Timestamp) -> Option<UsageRecord> {
    let meter = match stay.party.endpoint_type {
        EndpointType::Server => return None,
        EndpointType::Phone => Meter::Phone,
        EndpointType::Voip | EndpointType::Bot | EndpointType::Unknown => Meter::Calling,
    };
    // A telephone has no account of its own: whoever placed the call brought it in.
    let payer = if meter == Meter::Phone {
        &call.started_by
    } else {
        &stay.party
    };
    let operation = if call.kind == CallKind::PreCallTest {
        "preCallTest"
    } else {
        "call"
    };
    Some(UsageRecord {
        quantity: stay.length(end).nearest(),
        lobby_seconds: stay.lobby(end).nearest(),
        time: stay.left.unwrap_or(end),
        identity: stay.party.identity.clone(),
        ..record(call, format!("p{}", stay.participant), operation, meter, payer)
    })
}

fn sent_messages(call: &Call, index: usize, party: &Party, count: u64, end: Timestamp) -> UsageRecord {
    UsageRecord {
        quantity: count,
        time: end,
        ..record(call, format!("m{}", index + 1), "message", Meter::Messages, party)
    }
}

fn record(call: &Call, part: String, operation: &str, meter: Meter, payer: &Party) -> UsageRecord {
    let account = payer.account();
    UsageRecord {
        id: format!("{}.{}.{part}", call.id, call.started.as_millis()),
        time: call.started,
        operation_name: operation.to_owned(),
        operation_version: "1.0".to_owned(),
        category: "usage".to_owned(),
        correlation_id: call.correlation,
        call: call.id,
        usage_type: meter,
        unit_type: meter.unit(),
        quantity: 0,
        lobby_seconds: 0,
        metered: account.is_metered(),
        account,
        identity: payer.identity.clone(),
    }
}
