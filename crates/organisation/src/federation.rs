//! The federation configuration: whether external users may deal with an organisation, and whose.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{DomainError, ResourceId, text};

/// Most resources on one allow-list.
const MAX_RESOURCES: usize = 1_000;

/// The one federation configuration of an organisation (spec R14 to R16). The default is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Federation {
    /// Whether external users may deal with this organisation at all. While it is off the list is kept and ignored.
    #[serde(default)]
    pub enable_external_users: bool,
    /// The resources whose users may. A resource that was deleted since may still be listed: ids are never used
    /// again, so it admits nobody.
    #[serde(default)]
    pub allowed_resources: BTreeSet<ResourceId>,
}

impl Federation {
    pub(crate) fn check(&self) -> Result<(), DomainError> {
        text::count("allowedResources", self.allowed_resources.len(), MAX_RESOURCES)
    }
}
