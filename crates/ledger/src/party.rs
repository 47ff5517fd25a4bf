//! Who is in a call: the identity, the name shown, the endpoint, and whose account the use goes to.

use std::fmt;

use serde::{Deserialize, Serialize};
use sidetone_organisation::{OrganisationId, ResourceId};
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::SessionId;
use utoipa::ToSchema;

/// One end of a call, as it was when it took part. Kept with the facts: a later change of a name changes no record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Party {
    /// Who.
    pub identity: Identifier,
    /// The name as the service shows it, suffix included.
    pub display_name: String,
    /// The endpoint, where it has a session with the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<SessionId>,
    /// What kind of endpoint.
    pub endpoint_type: EndpointType,
    /// The program.
    #[serde(default)]
    pub client: Client,
    /// What the person may do, where the call has roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

/// What kind of endpoint takes part (spec 3.8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum EndpointType {
    /// A program over the internet.
    Voip,
    /// A telephone.
    Phone,
    /// A program that says it is one.
    Bot,
    /// The service itself: a test peer, a recorder. Uses nothing that is counted.
    Server,
    /// Not known.
    #[default]
    Unknown,
}

/// What a person may do in a call that has roles (spec 1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// The one whose meeting it is.
    Organiser,
    /// As the organiser.
    CoOrganiser,
    /// Speaks and shows.
    Presenter,
    /// Listens, and speaks when let.
    Attendee,
}

/// The program an endpoint runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Client {
    /// The resource whose application it is, by its token. A member without one uses the native client. The program's
    /// own word does not count: it would decide who pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<ResourceId>,
    /// Name and version of the SDK, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdk_version: Option<String>,
    /// Name and version of the operating system, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
}

/// A tenant: who may see events, usage and records.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "id")]
pub enum Scope {
    /// The developer's side.
    Resource(ResourceId),
    /// The members' side.
    Organisation(OrganisationId),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource(id) => write!(f, "resources/{id}"),
            Self::Organisation(id) => write!(f, "organisations/{id}"),
        }
    }
}

/// Where a use is entered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "id")]
pub enum Account {
    /// Metered to a resource.
    Resource(ResourceId),
    /// Covered by the licence of a member's organisation: listed, not charged.
    Organisation(OrganisationId),
    /// Covered by the operator: a guest on the native client.
    Operator,
}

impl Account {
    /// Whether somebody is charged.
    pub fn is_metered(&self) -> bool {
        matches!(self, Self::Resource(_))
    }
}

impl Party {
    /// A party known by its identity alone.
    pub fn new(identity: Identifier, display_name: impl Into<String>) -> Self {
        let endpoint_type = match identity {
            Identifier::Phone { .. } => EndpointType::Phone,
            Identifier::Unknown { .. } => EndpointType::Unknown,
            _ => EndpointType::Voip,
        };
        Self {
            identity,
            display_name: display_name.into(),
            endpoint: None,
            endpoint_type,
            client: Client::default(),
            role: None,
        }
    }

    /// The resource whose application it uses: an external user's own, or that of a member's token.
    pub fn resource(&self) -> Option<ResourceId> {
        match &self.identity {
            Identifier::ExternalUser { resource, .. } => Some(resource.clone().into()),
            _ => self.client.application.clone(),
        }
    }

    /// The organisation it belongs to.
    pub fn organisation(&self) -> Option<OrganisationId> {
        match &self.identity {
            Identifier::Member { organisation, .. } | Identifier::Application { organisation, .. } => {
                Some(organisation.clone().into())
            }
            _ => None,
        }
    }

    /// Whose events, usage and records tell of it.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> {
        let resource = self.resource().map(Scope::Resource);
        resource
            .into_iter()
            .chain(self.organisation().map(Scope::Organisation))
    }

    /// Where its use is entered. Which identity it has makes no difference (spec R126): who uses a resource's
    /// application is metered to that resource, a member too; a member on the native client is covered.
    pub fn account(&self) -> Account {
        match (self.resource(), self.organisation()) {
            (Some(resource), _) => Account::Resource(resource),
            (None, Some(organisation)) => Account::Organisation(organisation),
            (None, None) => Account::Operator,
        }
    }

    /// Whether it is an external user or a guest: somebody that an organisation sees from outside.
    pub fn is_external(&self) -> bool {
        matches!(
            self.identity,
            Identifier::ExternalUser { .. } | Identifier::Guest { .. }
        )
    }
}
