//! Handing a call over (SIP has REFER and Replaces for it, RFC 3515 and RFC 3891).
//!
//! Three take part: the *transferor* has the call and gives it away, the *transferee* is at its other end, the
//! *target* gets it. The transferee places a new call to the target, by the transferor's right; when that is answered,
//! the old call is over. Until then the old call goes on, and it stays when the new one fails.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CallId;
use crate::end_reason::Reason;
use crate::identifier::Identifier;

/// `call.transfer` (transferor): hand the call over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Transfer {
    /// The call.
    pub call: CallId,
    /// To whom.
    pub to: TransferTarget,
    /// Ring the target and nobody else: rules of theirs that would send the call elsewhere are not asked.
    #[serde(default)]
    pub target_only: bool,
}

/// To whom a call is handed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransferTarget {
    /// To someone, who rings.
    Identity(Identifier),
    /// To the other end of another call of the transferor, who was asked there. That call is replaced too.
    Call(CallId),
    /// To someone's voicemail.
    Voicemail(Identifier),
}

/// `call.transfer_requested` (to the transferee): place this call with `replaces`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransferRequested {
    /// The call that is handed over.
    pub call: CallId,
    /// The call to place.
    pub new_call: CallId,
    /// Whom it is for.
    pub to: Identifier,
}

/// `call.transfer_changed` (to the transferor).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransferChanged {
    /// The call that is handed over.
    pub call: CallId,
    /// How it went.
    pub outcome: TransferOutcome,
}

/// How a transfer went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransferOutcome {
    /// The target has the call.
    Transferred,
    /// The target has not, and the call stays as it is.
    Failed(Reason),
}
