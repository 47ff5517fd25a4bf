//! Who two identities are to each other: colleagues, an organisation and an outsider, or two outsiders.

use sidetone_signaling::identifier::{Identifier, Label};

use crate::world::{Holding, Tenant};
use crate::{Application, ExternalAccessPolicy, ExternalUser, Member, PolicyOrigin, Undeclared, World};

/// What kind of call it is, by who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// Within one organisation.
    SameOrganisation,
    /// Between two organisations.
    BetweenOrganisations,
    /// From an external user to an organisation.
    Inbound,
    /// From an organisation to an external user.
    Outbound,
    /// Between two users of one resource.
    SameResource,
    /// Between users of two resources.
    BetweenResources,
    /// Between identities that nobody declared, as [`Undeclared::Admitted`](crate::Undeclared) lets them.
    Undeclared,
}

impl Relation {
    /// Whether an organisation and an external user meet in it, which is what the gates are about.
    pub fn crosses(self) -> bool {
        matches!(self, Self::Inbound | Self::Outbound)
    }
}

/// An identity, looked up.
#[derive(Clone, Copy)]
pub(crate) enum Party<'w> {
    /// In a declared organisation. It may still not be in its directory.
    Inside(Insider<'w>),
    /// Of a resource, or a guest.
    Outside(Outsider<'w>),
    /// In an organisation that nobody declared, where that is let.
    Stranger,
}

#[derive(Clone, Copy)]
pub(crate) struct Insider<'w> {
    pub(crate) tenant: &'w Tenant,
    /// `None`: not in the directory.
    pub(crate) who: Option<Person<'w>>,
}

#[derive(Clone, Copy)]
pub(crate) enum Person<'w> {
    Member(&'w Member),
    Application(&'w Application),
}

#[derive(Clone, Copy)]
pub(crate) struct Outsider<'w> {
    /// `None`: a guest, or of a resource that nobody declared.
    pub(crate) holding: Option<&'w Holding>,
    pub(crate) user: Option<&'w ExternalUser>,
    /// Whether it counts as existing.
    pub(crate) exists: bool,
}

impl<'w> Insider<'w> {
    /// The effective policy. `None` only for who is not in the directory.
    pub(crate) fn policy(&self) -> Option<(&'w ExternalAccessPolicy, PolicyOrigin)> {
        match self.who? {
            Person::Member(member) => self.tenant.policy_of_member(member),
            Person::Application(application) => self.tenant.policy_of_application(application),
        }
    }

    pub(crate) fn member(&self) -> Option<&'w Member> {
        match self.who? {
            Person::Member(member) => Some(member),
            Person::Application(_) => None,
        }
    }
}

impl World {
    /// Whether an identity counts as existing: in a directory, of a resource, or let in undeclared.
    pub fn knows(&self, identity: &Identifier) -> bool {
        match self.party(identity) {
            Some(Party::Inside(insider)) => insider.who.is_some(),
            Some(Party::Outside(outsider)) => outsider.exists,
            Some(Party::Stranger) => true,
            None => false,
        }
    }

    /// Looks an identity up. `None`: its organisation or resource does not exist, or it is of a kind that cannot
    /// take part in a call here.
    pub(crate) fn party(&self, identity: &Identifier) -> Option<Party<'_>> {
        let open = self.deployment().undeclared == Undeclared::Admitted;
        match identity {
            Identifier::Member { organisation, user } => self.inside(organisation, open, |tenant| {
                tenant
                    .members
                    .get(user)
                    .map(|entry| Person::Member(&entry.member))
            }),
            Identifier::Application {
                organisation,
                application,
            } => self.inside(organisation, open, |tenant| {
                tenant.applications.get(application).map(Person::Application)
            }),
            Identifier::ExternalUser { resource, user } => {
                let holding = self.holding(resource);
                let user = holding.and_then(|holding| holding.users.get(user));
                (holding.is_some() || open).then_some(Party::Outside(Outsider {
                    holding,
                    user,
                    exists: user.is_some() || open,
                }))
            }
            Identifier::Guest { .. } => Some(Party::Outside(Outsider {
                holding: None,
                user: None,
                exists: true,
            })),
            // Telephones, and kinds of a later version.
            _ => None,
        }
    }

    fn inside<'w>(
        &'w self,
        organisation: &Label,
        open: bool,
        find: impl FnOnce(&'w Tenant) -> Option<Person<'w>>,
    ) -> Option<Party<'w>> {
        match self.tenant(organisation) {
            Some(tenant) => Some(Party::Inside(Insider {
                tenant,
                who: find(tenant),
            })),
            None => open.then_some(Party::Stranger),
        }
    }
}
