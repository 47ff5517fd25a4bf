//! External-access policies: for which members external access is open.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::PolicyName;

/// An external-access policy (spec R17 to R19). The one named `global` always exists; others are assigned to members,
/// groups and applications. The default is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalAccessPolicy {
    /// Its name within the organisation.
    pub name: PolicyName,
    /// Whether external users may call those it is assigned to, and be called by them.
    #[serde(default)]
    pub enable_federation_access: bool,
}

impl ExternalAccessPolicy {
    /// A policy of this name that denies.
    pub fn closed(name: PolicyName) -> Self {
        Self {
            name,
            enable_federation_access: false,
        }
    }
}

/// Why a policy is the effective one. Direct assignment comes before group assignment, and that before `global`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum PolicyOrigin {
    /// Assigned to the member or application itself.
    Direct,
    /// Assigned to a group of the member: of several, to the one of lowest rank, and among those to the first by id.
    Group,
    /// Nothing is assigned.
    Global,
}
