//! Who may do what through the service's faces. The operator approves and reads, and decides nothing that is an
//! organisation's or a resource's own; administrators decide for their organisation, owners for their resource.
//!
//! This knows roles and operations. How a caller proves a role (a key, a token) is the server's business.

mod operation;

use std::fmt;

use crate::{ApplicationId, MemberId, OrganisationId, ResourceId};

pub use operation::{Operation, Scope};

/// A role that a caller holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Runs the deployment.
    Operator,
    /// Configures an organisation.
    Administrator(OrganisationId),
    /// Holds a key of a resource.
    Owner(ResourceId),
    /// Is a member of an organisation.
    Member(OrganisationId, MemberId),
    /// Is a voice application of an organisation.
    Application(OrganisationId, ApplicationId),
    /// Is one that takes messages for its members.
    Voicemail(OrganisationId),
}

/// A role that would do: as [`Role`], or any member of an organisation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wanted {
    /// This role.
    Role(Role),
    /// Any member of the organisation.
    AnyMember(OrganisationId),
}

impl Wanted {
    fn is_met_by(&self, role: &Role) -> bool {
        match (self, role) {
            (Self::Role(wanted), role) => wanted == role,
            (Self::AnyMember(organisation), Role::Member(of, _)) => organisation == of,
            (Self::AnyMember(_), _) => false,
        }
    }
}

/// Whether one of these roles may do this.
///
/// # Errors
/// [`AccessDenied`], which names the roles of which one is missing.
pub fn allowed(roles: &[Role], operation: &Operation) -> Result<(), AccessDenied> {
    let wanted = operation.wanted();
    if wanted
        .iter()
        .any(|wanted| roles.iter().any(|role| wanted.is_met_by(role)))
    {
        return Ok(());
    }
    Err(AccessDenied {
        operation: operation.name(),
        missing: wanted,
    })
}

/// A refused operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("access denied: {operation} needs the role {}", list(missing))]
pub struct AccessDenied {
    /// What was to be done, in words.
    pub operation: &'static str,
    /// The roles that would do, the most usual first. Never empty.
    pub missing: Vec<Wanted>,
}

fn list(wanted: &[Wanted]) -> String {
    wanted
        .iter()
        .map(Wanted::to_string)
        .collect::<Vec<_>>()
        .join(" or ")
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("operator"),
            Self::Administrator(organisation) => write!(f, "administrator of {organisation}"),
            Self::Owner(resource) => write!(f, "owner of resource {resource}"),
            Self::Member(organisation, member) => write!(f, "member {member} of {organisation}"),
            Self::Application(organisation, application) => {
                write!(f, "voice application {application} of {organisation}")
            }
            Self::Voicemail(organisation) => write!(f, "voicemail of {organisation}"),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(role) => role.fmt(f),
            Self::AnyMember(organisation) => write!(f, "member of {organisation}"),
        }
    }
}
