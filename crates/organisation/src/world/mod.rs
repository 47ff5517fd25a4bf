//! All that exists, held in memory and changed by one checked change at a time.
//!
//! What belongs to an organisation is held inside it, so that nothing of one can be found from another. The world
//! stores nothing and reads no clock: who keeps it writes each change down first and then has it applied.

mod check;
mod effective;
mod search;

use std::collections::BTreeMap;

use sidetone_signaling::Identifier;
use sidetone_signaling::identifier::Label;

use crate::access::Role;
use crate::{
    Application, ApplicationId, Change, Deployment, DomainError, Entity, EntityKey, EntityName,
    ExternalAccessPolicy, ExternalKey, ExternalUser, Federation, Group, GroupId, Member, MemberId,
    Organisation, OrganisationId, OrganisationRole, PolicyName, Resource, ResourceId,
};

/// All organisations, resources and what is in them.
///
/// Invariants, kept by [`World::check`]: an organisation has exactly one federation configuration and one policy
/// `global`; a policy or group that is referred to exists; no two members of an organisation have the same directory
/// key.
#[derive(Clone, Debug)]
pub struct World {
    deployment: Deployment,
    organisations: BTreeMap<OrganisationId, Tenant>,
    resources: BTreeMap<ResourceId, Holding>,
}

/// An organisation and all that is in it.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    pub(crate) organisation: Organisation,
    pub(crate) federation: Federation,
    pub(crate) policies: BTreeMap<PolicyName, ExternalAccessPolicy>,
    pub(crate) groups: BTreeMap<GroupId, Group>,
    pub(crate) members: BTreeMap<MemberId, Entry>,
    pub(crate) applications: BTreeMap<ApplicationId, Application>,
    sources: BTreeMap<ExternalKey, MemberId>,
}

/// A member, with the text that searches look in.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) member: Member,
    folded: String,
}

/// A resource and its users.
#[derive(Clone, Debug)]
pub(crate) struct Holding {
    pub(crate) resource: Resource,
    pub(crate) users: BTreeMap<Label, ExternalUser>,
}

impl Tenant {
    /// A new organisation is closed to external users.
    fn new(organisation: Organisation) -> Self {
        let global = ExternalAccessPolicy::closed(PolicyName::GLOBAL);
        Self {
            organisation,
            federation: Federation::default(),
            policies: BTreeMap::from([(PolicyName::GLOBAL, global)]),
            groups: BTreeMap::new(),
            members: BTreeMap::new(),
            applications: BTreeMap::new(),
            sources: BTreeMap::new(),
        }
    }

    fn put_member(&mut self, member: Member) {
        self.remove_member(&member.id);
        if let Some(source) = &member.source {
            self.sources.insert(source.clone(), member.id.clone());
        }
        let folded = search::fold_member(&member);
        self.members.insert(member.id.clone(), Entry { member, folded });
    }

    fn remove_member(&mut self, id: &MemberId) {
        if let Some(entry) = self.members.remove(id)
            && let Some(source) = entry.member.source
        {
            self.sources.remove(&source);
        }
    }
}

impl World {
    /// An empty world.
    pub fn new(deployment: Deployment) -> Self {
        Self {
            deployment,
            organisations: BTreeMap::new(),
            resources: BTreeMap::new(),
        }
    }

    /// A world of these entities, in whatever order they come. Those that do not fit (what they refer to is gone)
    /// are left out and told, so that one damaged record does not keep a service from starting.
    pub fn load(
        deployment: Deployment,
        entities: impl IntoIterator<Item = Entity>,
    ) -> (Self, Vec<(EntityKey, DomainError)>) {
        let mut world = Self::new(deployment);
        let mut entities: Vec<(EntityKey, Entity)> = entities
            .into_iter()
            .map(|entity| (entity.key(), entity))
            .collect();
        entities.sort_by_key(|(key, _)| key.name().kind());
        let mut left_out = Vec::new();
        for (key, entity) in entities {
            match world.check_put(&entity) {
                Ok(()) => world.put(entity),
                Err(error) => left_out.push((key, error)),
            }
        }
        (world, left_out)
    }

    /// Takes a change.
    ///
    /// # Errors
    /// As [`World::check`], and then nothing was changed.
    pub fn apply(&mut self, change: Change) -> Result<(), DomainError> {
        self.check(&change)?;
        match change {
            Change::Put(entity) => self.put(entity),
            Change::Delete(key) => self.delete(key.name()),
        }
        Ok(())
    }

    /// What goes when this is deleted: all that is within an organisation or a resource. Who keeps the world in a
    /// store deletes these there first, so that nothing of an old organisation is found in a new one of its name.
    pub fn dependants(&self, key: &EntityKey) -> Vec<EntityKey> {
        let names: Vec<EntityName> = match key.name() {
            EntityName::Organisation(id) => {
                let Some(tenant) = self.organisations.get(id) else {
                    return Vec::new();
                };
                let of = || id.clone();
                let members = tenant.members.keys().map(|m| EntityName::Member(of(), m.clone()));
                let applications = tenant.applications.keys();
                let groups = tenant.groups.keys().map(|g| EntityName::Group(of(), g.clone()));
                let policies = tenant
                    .policies
                    .keys()
                    .map(|p| EntityName::Policy(of(), p.clone()));
                members
                    .chain(applications.map(|a| EntityName::Application(of(), a.clone())))
                    .chain(groups)
                    .chain(policies)
                    .chain([EntityName::Federation(of())])
                    .collect()
            }
            EntityName::Resource(id) => {
                let users = self
                    .resources
                    .get(id)
                    .into_iter()
                    .flat_map(|holding| holding.users.keys());
                users
                    .map(|user| EntityName::ExternalUser(id.clone(), user.clone()))
                    .collect()
            }
            _ => Vec::new(),
        };
        names.into_iter().map(EntityKey::from).collect()
    }

    fn put(&mut self, entity: Entity) {
        match entity {
            Entity::Organisation(organisation) => {
                match self.organisations.get_mut(&organisation.id) {
                    Some(tenant) => tenant.organisation = organisation,
                    None => {
                        let id = organisation.id.clone();
                        self.organisations.insert(id, Tenant::new(organisation));
                    }
                };
            }
            Entity::Federation {
                organisation,
                federation,
            } => self.within(&organisation, |tenant| tenant.federation = federation),
            Entity::Policy { organisation, policy } => self.within(&organisation, |tenant| {
                tenant.policies.insert(policy.name.clone(), policy);
            }),
            Entity::Member { organisation, member } => {
                self.within(&organisation, |tenant| tenant.put_member(member));
            }
            Entity::Group { organisation, group } => self.within(&organisation, |tenant| {
                tenant.groups.insert(group.id.clone(), group);
            }),
            Entity::Application {
                organisation,
                application,
            } => self.within(&organisation, |tenant| {
                tenant.applications.insert(application.id.clone(), application);
            }),
            Entity::Resource(resource) => match self.resources.get_mut(&resource.id) {
                Some(holding) => holding.resource = resource,
                None => {
                    let users = BTreeMap::new();
                    self.resources
                        .insert(resource.id.clone(), Holding { resource, users });
                }
            },
            Entity::ExternalUser(user) => {
                if let Some(holding) = self.resources.get_mut(&user.resource) {
                    holding.users.insert(user.user.clone(), user);
                }
            }
        }
    }

    fn delete(&mut self, name: &EntityName) {
        match name {
            EntityName::Organisation(id) => {
                self.organisations.remove(id);
            }
            // Permanent: the check has refused it.
            EntityName::Federation(_) => {}
            EntityName::Policy(id, name) => self.within(id, |tenant| {
                tenant.policies.remove(name);
            }),
            EntityName::Member(id, member) => self.within(id, |tenant| tenant.remove_member(member)),
            EntityName::Group(id, group) => self.within(id, |tenant| {
                tenant.groups.remove(group);
            }),
            EntityName::Application(id, application) => self.within(id, |tenant| {
                tenant.applications.remove(application);
            }),
            EntityName::Resource(id) => {
                self.resources.remove(id);
            }
            EntityName::ExternalUser(id, user) => {
                if let Some(holding) = self.resources.get_mut(id) {
                    holding.users.remove(user);
                }
            }
        }
    }

    fn within(&mut self, organisation: &OrganisationId, change: impl FnOnce(&mut Tenant)) {
        if let Some(tenant) = self.organisations.get_mut(organisation) {
            change(tenant);
        }
    }

    pub(crate) fn tenant(&self, organisation: &Label) -> Option<&Tenant> {
        self.organisations.get(organisation)
    }

    pub(crate) fn holding(&self, resource: &Label) -> Option<&Holding> {
        self.resources.get(resource)
    }

    /// What the operator decided.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// The operator decides anew.
    pub fn set_deployment(&mut self, deployment: Deployment) {
        self.deployment = deployment;
    }

    /// An organisation.
    pub fn organisation(&self, id: &OrganisationId) -> Option<&Organisation> {
        self.organisations.get(id).map(|tenant| &tenant.organisation)
    }

    /// All organisations, by id.
    pub fn organisations(&self) -> impl Iterator<Item = &Organisation> {
        self.organisations.values().map(|tenant| &tenant.organisation)
    }

    /// The federation configuration of an organisation; there is one for each that exists.
    pub fn federation(&self, organisation: &OrganisationId) -> Option<&Federation> {
        self.organisations
            .get(organisation)
            .map(|tenant| &tenant.federation)
    }

    /// A policy.
    pub fn policy(&self, organisation: &OrganisationId, name: &PolicyName) -> Option<&ExternalAccessPolicy> {
        self.organisations.get(organisation)?.policies.get(name)
    }

    /// The policies of an organisation, `global` first and the others by name.
    pub fn policies(&self, organisation: &OrganisationId) -> impl Iterator<Item = &ExternalAccessPolicy> {
        self.organisations
            .get(organisation)
            .into_iter()
            .flat_map(|tenant| tenant.policies.values())
    }

    /// A group.
    pub fn group(&self, organisation: &OrganisationId, id: &GroupId) -> Option<&Group> {
        self.organisations.get(organisation)?.groups.get(id)
    }

    /// The groups of an organisation, by id.
    pub fn groups(&self, organisation: &OrganisationId) -> impl Iterator<Item = &Group> {
        self.organisations
            .get(organisation)
            .into_iter()
            .flat_map(|tenant| tenant.groups.values())
    }

    /// A member.
    pub fn member(&self, organisation: &OrganisationId, id: &MemberId) -> Option<&Member> {
        Some(&self.organisations.get(organisation)?.members.get(id)?.member)
    }

    /// The members of an organisation, by id.
    pub fn members(&self, organisation: &OrganisationId) -> impl Iterator<Item = &Member> {
        let tenant = self.organisations.get(organisation).into_iter();
        tenant
            .flat_map(|tenant| tenant.members.values())
            .map(|entry| &entry.member)
    }

    /// The member whose entry comes from this key of the outside directory.
    pub fn member_by_source(&self, organisation: &OrganisationId, source: &ExternalKey) -> Option<&Member> {
        self.member(
            organisation,
            self.organisations.get(organisation)?.sources.get(source)?,
        )
    }

    /// A voice application.
    pub fn application(&self, organisation: &OrganisationId, id: &ApplicationId) -> Option<&Application> {
        self.organisations.get(organisation)?.applications.get(id)
    }

    /// The voice applications of an organisation, by id.
    pub fn applications(&self, organisation: &OrganisationId) -> impl Iterator<Item = &Application> {
        self.organisations
            .get(organisation)
            .into_iter()
            .flat_map(|tenant| tenant.applications.values())
    }

    /// A resource.
    pub fn resource(&self, id: &ResourceId) -> Option<&Resource> {
        self.resources.get(id).map(|holding| &holding.resource)
    }

    /// All resources, by id.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.resources.values().map(|holding| &holding.resource)
    }

    /// A user of a resource.
    pub fn external_user(&self, resource: &ResourceId, user: &Label) -> Option<&ExternalUser> {
        self.resources.get(resource)?.users.get(user)
    }

    /// The users of a resource, by id.
    pub fn external_users(&self, resource: &ResourceId) -> impl Iterator<Item = &ExternalUser> {
        self.resources
            .get(resource)
            .into_iter()
            .flat_map(|holding| holding.users.values())
    }

    /// Whatever this key names, as it is now.
    pub fn entity(&self, key: &EntityKey) -> Option<Entity> {
        Some(match key.name() {
            EntityName::Organisation(id) => Entity::Organisation(self.organisation(id)?.clone()),
            EntityName::Federation(id) => Entity::Federation {
                organisation: id.clone(),
                federation: self.federation(id)?.clone(),
            },
            EntityName::Policy(id, name) => Entity::Policy {
                organisation: id.clone(),
                policy: self.policy(id, name)?.clone(),
            },
            EntityName::Member(id, member) => Entity::Member {
                organisation: id.clone(),
                member: self.member(id, member)?.clone(),
            },
            EntityName::Group(id, group) => Entity::Group {
                organisation: id.clone(),
                group: self.group(id, group)?.clone(),
            },
            EntityName::Application(id, application) => Entity::Application {
                organisation: id.clone(),
                application: self.application(id, application)?.clone(),
            },
            EntityName::Resource(id) => Entity::Resource(self.resource(id)?.clone()),
            EntityName::ExternalUser(id, user) => Entity::ExternalUser(self.external_user(id, user)?.clone()),
        })
    }

    /// The roles that an identity has by being who it is. Operators and owners have theirs by a key.
    pub fn roles_of(&self, identity: &Identifier) -> Vec<Role> {
        let Identifier::Member { organisation, user } = identity else {
            return Vec::new();
        };
        let (organisation, id) = (organisation.clone().into(), user.clone().into());
        let Some(member) = self.member(&organisation, &id) else {
            return Vec::new();
        };
        let administrator = member.roles.contains(&OrganisationRole::Administrator);
        let mut roles = vec![Role::Member(organisation.clone(), id)];
        if administrator {
            roles.push(Role::Administrator(organisation));
        }
        roles
    }
}
