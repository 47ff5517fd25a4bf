//! Who asks, when, and in which world.

use sidetone_ledger::{Scope, Timestamp};
use sidetone_organisation::{IdentityKind, ResourceId, World};
use sidetone_signaling::{Identifier, Reason};

use crate::{ChatLimits, Refused};

/// What somebody's token lets them do in chat (spec 3.1), less first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rights {
    /// Nothing.
    None,
    /// Read and write (`chat.join.limited`).
    Limited,
    /// Also add and remove participants (`chat.join`).
    Join,
    /// Also create, change and delete threads (`chat`).
    Full,
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Who.
    pub identity: Identifier,
    /// The name that their program wants shown; of a member it is not asked.
    pub name: Option<String>,
    /// Through which resource's application a member acts. Without: the native client.
    pub through: Option<ResourceId>,
    /// What they may do.
    pub rights: Rights,
}

impl Actor {
    /// Somebody who may do everything in chat, on the native client.
    pub fn new(identity: Identifier) -> Self {
        Self {
            identity,
            name: None,
            through: None,
            rights: Rights::Full,
        }
    }

    /// Whether they come from outside every organisation.
    pub(crate) fn is_external(&self) -> bool {
        is_external(&self.identity)
    }

    pub(crate) fn is_member(&self) -> bool {
        matches!(self.identity, Identifier::Member { .. })
    }

    /// Asks for a right.
    pub(crate) fn wants(&self, rights: Rights) -> Result<(), Refused> {
        if self.rights < rights {
            let missing = match rights {
                Rights::Full => "the token lacks the scope chat",
                Rights::Join => "the token lacks the scope chat.join",
                Rights::Limited | Rights::None => "the token lacks the scope chat.join.limited",
            };
            return Err(Refused {
                detail: Some(missing),
                ..Reason::SCOPE_MISSING.into()
            });
        }
        Ok(())
    }
}

/// In which world, and when.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Who there is and what they decided.
    pub world: &'a World,
    /// The time of day.
    pub now: Timestamp,
    /// What the operator set.
    pub limits: ChatLimits,
    /// Whether a tenant wants events: what nobody wants is not put into words.
    pub wanted: &'a dyn Fn(&Scope) -> bool,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// Whether somebody comes from outside every organisation.
pub(crate) fn is_external(identity: &Identifier) -> bool {
    IdentityKind::of(identity).is_external()
}

/// Whether two are of one tenant. Who is of none is of nobody's.
pub(crate) fn same_tenant(one: &Identifier, other: &Identifier) -> bool {
    use Identifier::{Application, ExternalUser, Member};
    match (one, other) {
        (ExternalUser { resource: a, .. }, ExternalUser { resource: b, .. }) => a == b,
        (
            Member { organisation: a, .. } | Application { organisation: a, .. },
            Member { organisation: b, .. } | Application { organisation: b, .. },
        ) => a == b,
        _ => false,
    }
}

/// The tenants of an identity.
pub(crate) fn scopes_of(identity: &Identifier) -> Option<Scope> {
    match identity {
        Identifier::ExternalUser { resource, .. } => Some(Scope::Resource(resource.clone().into())),
        Identifier::Member { organisation, .. } | Identifier::Application { organisation, .. } => {
            Some(Scope::Organisation(organisation.clone().into()))
        }
        _ => None,
    }
}
