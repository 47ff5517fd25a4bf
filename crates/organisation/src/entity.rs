//! Everything the world is made of, as one type, and a change to it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Application, EntityKey, EntityName, ExternalAccessPolicy, ExternalUser, Federation, Group, Meeting,
    Member, Organisation, OrganisationId, Resource,
};

/// One thing that exists, with the organisation it is of where it does not say so itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "entity")]
#[allow(
    clippy::large_enum_variant,
    reason = "passed on one at a time, on the way into a map or out of it"
)]
pub enum Entity {
    /// An organisation.
    Organisation(Organisation),
    /// The one federation configuration of an organisation.
    Federation {
        /// Whose.
        organisation: OrganisationId,
        /// The configuration.
        federation: Federation,
    },
    /// An external-access policy.
    Policy {
        /// Whose.
        organisation: OrganisationId,
        /// The policy.
        policy: ExternalAccessPolicy,
    },
    /// A member.
    Member {
        /// Of which organisation.
        organisation: OrganisationId,
        /// The member.
        member: Member,
    },
    /// A group of members.
    Group {
        /// Of which organisation.
        organisation: OrganisationId,
        /// The group.
        group: Group,
    },
    /// A voice application.
    Application {
        /// Of which organisation.
        organisation: OrganisationId,
        /// The application.
        application: Application,
    },
    /// A meeting.
    Meeting {
        /// Of which organisation.
        organisation: OrganisationId,
        /// The meeting.
        meeting: Meeting,
    },
    /// A resource.
    Resource(Resource),
    /// A user of a resource.
    ExternalUser(ExternalUser),
}

impl Entity {
    /// Where it is kept.
    pub fn key(&self) -> EntityKey {
        let name = match self {
            Self::Organisation(organisation) => EntityName::Organisation(organisation.id.clone()),
            Self::Federation { organisation, .. } => EntityName::Federation(organisation.clone()),
            Self::Policy { organisation, policy } => {
                EntityName::Policy(organisation.clone(), policy.name.clone())
            }
            Self::Member { organisation, member } => {
                EntityName::Member(organisation.clone(), member.id.clone())
            }
            Self::Group { organisation, group } => EntityName::Group(organisation.clone(), group.id.clone()),
            Self::Application {
                organisation,
                application,
            } => EntityName::Application(organisation.clone(), application.id.clone()),
            Self::Meeting {
                organisation,
                meeting,
            } => EntityName::Meeting(organisation.clone(), meeting.id.clone()),
            Self::Resource(resource) => EntityName::Resource(resource.id.clone()),
            Self::ExternalUser(user) => EntityName::ExternalUser(user.resource.clone(), user.user.clone()),
        };
        name.into()
    }
}

/// The kinds of entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EntityKind {
    /// A resource.
    Resource,
    /// An organisation.
    Organisation,
    /// A federation configuration.
    Federation,
    /// An external-access policy.
    Policy,
    /// A group.
    Group,
    /// A member.
    Member,
    /// A voice application.
    Application,
    /// A meeting.
    Meeting,
    /// An external user.
    ExternalUser,
}

impl EntityKind {
    /// All, each after those that it refers to.
    pub const ALL: [Self; 9] = [
        Self::Resource,
        Self::Organisation,
        Self::Federation,
        Self::Policy,
        Self::Group,
        Self::Member,
        Self::Application,
        Self::Meeting,
        Self::ExternalUser,
    ];

    /// The first part of its keys; with a dot behind it, the beginning that all of them share.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Organisation => "organisation",
            Self::Federation => "federation",
            Self::Policy => "policy",
            Self::Group => "group",
            Self::Member => "member",
            Self::Application => "application",
            Self::Meeting => "meeting",
            Self::ExternalUser => "external-user",
        }
    }
}

/// A change to the world.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "passed on one at a time")]
pub enum Change {
    /// Create, or replace as a whole.
    Put(Entity),
    /// Delete, with all that is within it.
    Delete(EntityKey),
}

impl Change {
    /// What changes.
    pub fn key(&self) -> EntityKey {
        match self {
            Self::Put(entity) => entity.key(),
            Self::Delete(key) => key.clone(),
        }
    }
}
