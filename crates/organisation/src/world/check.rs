//! What a change must fulfil.

use crate::{
    Change, DomainError, Entity, EntityKey, EntityName, GroupId, Meeting, Member, Organisation,
    OrganisationId, PolicyName, Resource, ResourceId, World,
};

use super::Tenant;

impl World {
    /// Whether a change can be taken.
    ///
    /// # Errors
    /// What it lacks or breaks. The world is not changed.
    pub fn check(&self, change: &Change) -> Result<(), DomainError> {
        match change {
            Change::Put(entity) => {
                self.check_put(entity)?;
                self.check_new_allowances(entity)
            }
            Change::Delete(key) => self.check_delete(key),
        }
    }

    pub(super) fn check_put(&self, entity: &Entity) -> Result<(), DomainError> {
        match entity {
            Entity::Organisation(organisation) => self.check_organisation(organisation),
            Entity::Federation {
                organisation,
                federation,
            } => {
                self.existing(organisation)?;
                federation.check()
            }
            Entity::Policy { organisation, .. } => self.existing(organisation).map(drop),
            Entity::Member { organisation, member } => self.check_member(organisation, member),
            Entity::Group { organisation, group } => {
                let tenant = self.existing(organisation)?;
                group.check()?;
                check_policy(tenant, group.policy.as_ref())
            }
            Entity::Application {
                organisation,
                application,
            } => {
                let tenant = self.existing(organisation)?;
                application.check()?;
                check_policy(tenant, application.policy.as_ref())
            }
            Entity::Meeting {
                organisation,
                meeting,
            } => self.check_meeting(organisation, meeting),
            Entity::Resource(resource) => self.check_resource(resource),
            Entity::ExternalUser(user) => {
                if self.resource(&user.resource).is_none() {
                    return Err(no_such(EntityName::Resource(user.resource.clone())));
                }
                user.check()
            }
        }
    }

    fn check_organisation(&self, organisation: &Organisation) -> Result<(), DomainError> {
        organisation.check()?;
        match self.organisation(&organisation.id) {
            Some(old) if old.cloud != organisation.cloud => Err(DomainError::Immutable {
                key: EntityName::Organisation(old.id.clone()).into(),
                field: "cloud",
            }),
            _ => Ok(()),
        }
    }

    fn check_resource(&self, resource: &Resource) -> Result<(), DomainError> {
        resource.check()?;
        match self.resource(&resource.id) {
            Some(old) if old.cloud != resource.cloud => Err(DomainError::Immutable {
                key: EntityName::Resource(old.id.clone()).into(),
                field: "cloud",
            }),
            _ => Ok(()),
        }
    }

    fn check_member(&self, organisation: &OrganisationId, member: &Member) -> Result<(), DomainError> {
        let tenant = self.existing(organisation)?;
        member.check()?;
        check_policy(tenant, member.policy.as_ref())?;
        if let Some(group) = member
            .groups
            .iter()
            .find(|group| !tenant.groups.contains_key(*group))
        {
            return Err(no_such(EntityName::Group(organisation.clone(), group.clone())));
        }
        let holder = member
            .source
            .as_ref()
            .and_then(|source| tenant.sources.get(source));
        match holder {
            Some(holder) if *holder != member.id => Err(DomainError::DuplicateSource {
                member: holder.clone(),
            }),
            _ => Ok(()),
        }
    }

    fn check_meeting(&self, organisation: &OrganisationId, meeting: &Meeting) -> Result<(), DomainError> {
        let tenant = self.existing(organisation)?;
        meeting.check()?;
        if !tenant.members.contains_key(&meeting.organiser) {
            return Err(no_such(EntityName::Member(
                organisation.clone(),
                meeting.organiser.clone(),
            )));
        }
        match self.numbers.get(&meeting.id) {
            Some(other) if other != organisation => Err(DomainError::NumberTaken),
            _ => Ok(()),
        }
    }

    /// A resource that is put on an allow-list must exist, so that a slip of the pen is noticed. One that is there
    /// already may be gone since.
    fn check_new_allowances(&self, entity: &Entity) -> Result<(), DomainError> {
        let Entity::Federation {
            organisation,
            federation,
        } = entity
        else {
            return Ok(());
        };
        let listed = |id: &ResourceId| {
            self.federation(organisation)
                .is_some_and(|old| old.allowed_resources.contains(id))
        };
        let unknown = |id: &&ResourceId| !listed(id) && self.resource(id).is_none();
        match federation.allowed_resources.iter().find(unknown) {
            Some(id) => Err(no_such(EntityName::Resource(id.clone()))),
            None => Ok(()),
        }
    }

    fn check_delete(&self, key: &EntityKey) -> Result<(), DomainError> {
        let found = match key.name() {
            EntityName::Organisation(id) => self.organisation(id).is_some(),
            EntityName::Federation(id) => {
                self.existing(id)?;
                return Err(DomainError::Permanent { key: key.clone() });
            }
            EntityName::Policy(id, name) => {
                let tenant = self.existing(id)?;
                if *name == PolicyName::GLOBAL {
                    return Err(DomainError::Permanent { key: key.clone() });
                }
                if let Some(by) = user_of_policy(tenant, name) {
                    return Err(DomainError::InUse {
                        key: key.clone(),
                        by: by.into(),
                    });
                }
                tenant.policies.contains_key(name)
            }
            EntityName::Group(id, group) => {
                let tenant = self.existing(id)?;
                if let Some(by) = member_of_group(tenant, group) {
                    return Err(DomainError::InUse {
                        key: key.clone(),
                        by: by.into(),
                    });
                }
                tenant.groups.contains_key(group)
            }
            EntityName::Member(id, member) => self.member(id, member).is_some(),
            EntityName::Application(id, application) => self.application(id, application).is_some(),
            EntityName::Meeting(id, meeting) => self.meeting(id, meeting).is_some(),
            EntityName::Resource(id) => self.resource(id).is_some(),
            EntityName::ExternalUser(id, user) => self.external_user(id, user).is_some(),
        };
        if found {
            Ok(())
        } else {
            Err(DomainError::NoSuch { key: key.clone() })
        }
    }

    fn existing(&self, organisation: &OrganisationId) -> Result<&Tenant, DomainError> {
        self.organisations
            .get(organisation)
            .ok_or_else(|| no_such(EntityName::Organisation(organisation.clone())))
    }
}

fn no_such(name: EntityName) -> DomainError {
    DomainError::NoSuch { key: name.into() }
}

fn check_policy(tenant: &Tenant, policy: Option<&PolicyName>) -> Result<(), DomainError> {
    match policy {
        Some(name) if !tenant.policies.contains_key(name) => Err(no_such(EntityName::Policy(
            tenant.organisation.id.clone(),
            name.clone(),
        ))),
        _ => Ok(()),
    }
}

/// The first that a policy is assigned to.
fn user_of_policy(tenant: &Tenant, name: &PolicyName) -> Option<EntityName> {
    let of = || tenant.organisation.id.clone();
    let groups = tenant
        .groups
        .values()
        .filter(|group| group.policy.as_ref() == Some(name));
    let members = tenant.members.values().map(|entry| &entry.member);
    let members = members.filter(|member| member.policy.as_ref() == Some(name));
    let applications = tenant.applications.values();
    let applications = applications.filter(|application| application.policy.as_ref() == Some(name));
    groups
        .map(|group| EntityName::Group(of(), group.id.clone()))
        .chain(members.map(|member| EntityName::Member(of(), member.id.clone())))
        .chain(applications.map(|application| EntityName::Application(of(), application.id.clone())))
        .next()
}

fn member_of_group(tenant: &Tenant, group: &GroupId) -> Option<EntityName> {
    let mut members = tenant.members.values().map(|entry| &entry.member);
    let member = members.find(|member| member.groups.contains(group))?;
    Some(EntityName::Member(
        tenant.organisation.id.clone(),
        member.id.clone(),
    ))
}
