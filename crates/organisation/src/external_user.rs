//! External users: identities that a resource made for people (or programs) of its own.

use serde::{Deserialize, Serialize};
use sidetone_signaling::identifier::Label;
use utoipa::ToSchema;

use crate::{DomainError, ResourceId, text};

/// Longest name on record, in characters. What is shown of it is shorter: see [`crate::MAX_EXTERNAL_NAME`].
const MAX_NAME: usize = 256;

/// An external user (spec R104): `external:<resource>:<user>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalUser {
    /// The resource it belongs to.
    pub resource: ResourceId,
    /// Its id within the resource.
    #[schema(value_type = String, example = "7c9e6679742540de944be07fc1f90ae7")]
    pub user: Label,
    /// Its name where the application gives none at the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Whether the developer wants it shown as a bot. Without that, a bot looks as a person does (spec R4).
    #[serde(default)]
    pub bot: bool,
}

impl ExternalUser {
    pub(crate) fn check(&self) -> Result<(), DomainError> {
        match &self.display_name {
            Some(name) => text::bounded("displayName", name, MAX_NAME),
            None => Ok(()),
        }
    }
}
