//! Where something is kept.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sidetone_organisation::{OrganisationId, World};
use sidetone_signaling::Identifier;
use sidetone_signaling::identifier::{IdentifierError, Label};

/// The name of a region. A deployment that names none has the one called `local`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(Option<Label>);

impl Region {
    /// The region where none is named.
    pub const LOCAL: Self = Self(None);

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_ref().map_or("local", Label::as_str)
    }

    /// The region of an organisation.
    pub fn of_organisation(world: &World, organisation: &OrganisationId) -> Self {
        let region = world
            .organisation(organisation)
            .and_then(|one| one.region.clone());
        region.map(Self::from).unwrap_or_default()
    }

    /// The region of the resource of an external user; `None` for who comes from no resource.
    pub fn of_external_user(world: &World, identity: &Identifier) -> Option<Self> {
        let Identifier::ExternalUser { resource, .. } = identity else {
            return None;
        };
        let resource = world.resource(&resource.clone().into());
        let region = resource.and_then(|resource| resource.region.clone());
        Some(region.map(Self::from).unwrap_or_default())
    }
}

impl From<Label> for Region {
    fn from(label: Label) -> Self {
        Self((label.as_str() != Self::LOCAL.as_str()).then_some(label))
    }
}

impl FromStr for Region {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        text.parse::<Label>().map(Self::from)
    }
}

impl TryFrom<String> for Region {
    type Error = IdentifierError;

    fn try_from(text: String) -> Result<Self, IdentifierError> {
        text.parse()
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.as_str().to_owned()
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
