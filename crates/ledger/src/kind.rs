//! Kinds of calls.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of call it is. Events and usage are the same for all of them (spec L24, R3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum CallKind {
    /// Between two.
    #[default]
    TwoParty,
    /// Between any number, by a group's id.
    Group,
    /// In a room, by invitation.
    Room,
    /// In a meeting, by its link.
    Meeting,
    /// With the service itself, to try out devices and network.
    PreCallTest,
}

impl CallKind {
    /// Whether two people talk and no third can come.
    pub fn is_two_party(self) -> bool {
        matches!(self, Self::TwoParty | Self::PreCallTest)
    }
}
