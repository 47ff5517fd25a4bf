//! Taking a call that rings at somebody else, as members of a pickup group may.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CallId, Incoming};
use crate::identifier::Identifier;

/// `pickup.offered`: a call rings at somebody else, and this endpoint may take it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PickupOffered {
    /// The call.
    pub call: CallId,
    /// Who calls.
    pub from: Identifier,
    /// The caller's name.
    #[serde(default)]
    pub display_name: String,
    /// Where it rings: the callee, or who it was forwarded to.
    pub at: Identifier,
}

/// `pickup.withdrawn`: the call can be taken no longer. It was answered or taken, rings elsewhere, or is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PickupWithdrawn {
    /// The call.
    pub call: CallId,
}

/// `call.pick_up`: take a call that was offered. It is answered here at once, without ringing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PickUp {
    /// The call.
    pub call: CallId,
}

/// Answer to `call.pick_up`: the call is this endpoint's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PickedUp {
    /// The call and its leg here.
    pub incoming: Incoming,
}
