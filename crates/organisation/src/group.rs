//! Groups of members: policy for many at once, and picking up each other's calls.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{DomainError, GroupId, PolicyName, text};

/// A group of members. Who is in it is told by the members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Its id within the organisation.
    pub id: GroupId,
    /// Shown to people.
    pub name: String,
    /// The policy of members who have none of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyName>,
    /// Which policy wins for a member of several groups: the one of the lowest rank.
    #[serde(default)]
    pub rank: u32,
    /// Whether its members may pick up each other's ringing calls.
    #[serde(default)]
    pub pickup: bool,
}

impl Group {
    pub(crate) fn check(&self) -> Result<(), DomainError> {
        text::name("name", &self.name)
    }
}
