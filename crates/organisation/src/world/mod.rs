//! All that exists, held in memory and changed by one checked change at a time.
//!
//! What belongs to an organisation is held inside it, so that nothing of one can be found from another. The world
//! stores nothing and reads no clock: who keeps it writes each change down first and then has it applied.

mod check;
mod effective;
mod lookup;
mod search;

use std::collections::BTreeMap;

use sidetone_signaling::identifier::Label;

use crate::{
    Application, ApplicationId, Change, Deployment, DomainError, Entity, EntityKey, EntityName,
    ExternalAccessPolicy, ExternalKey, ExternalUser, Federation, Group, GroupId, Meeting, MeetingId, Member,
    MemberId, Organisation, OrganisationId, PolicyName, Resource, ResourceId,
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
    /// Whose meeting has which number.
    numbers: BTreeMap<MeetingId, OrganisationId>,
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
    pub(crate) meetings: BTreeMap<MeetingId, Meeting>,
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
            meetings: BTreeMap::new(),
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
            numbers: BTreeMap::new(),
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
                let meetings = tenant.meetings.keys();
                meetings
                    .map(|m| EntityName::Meeting(of(), m.clone()))
                    .chain(members)
                    .chain(applications.map(|a| EntityName::Application(of(), a.clone())))
                    .chain(groups)
                    .chain(policies)
                    .chain([EntityName::Federation(of())])
                    .collect()
            }
            EntityName::Member(id, member) => self
                .meetings(id)
                .filter(|meeting| meeting.organiser == *member)
                .map(|meeting| EntityName::Meeting(id.clone(), meeting.id.clone()))
                .collect(),
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
            Entity::Meeting {
                organisation,
                meeting,
            } => {
                if self.organisations.contains_key(&organisation) {
                    self.numbers.insert(meeting.id.clone(), organisation.clone());
                }
                self.within(&organisation, |tenant| {
                    tenant.meetings.insert(meeting.id.clone(), meeting);
                });
            }
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
                self.numbers.retain(|_, of| of != id);
            }
            // Permanent: the check has refused it.
            EntityName::Federation(_) => {}
            EntityName::Policy(id, name) => self.within(id, |tenant| {
                tenant.policies.remove(name);
            }),
            EntityName::Member(id, member) => {
                // Nobody else's are the meetings that were theirs.
                let theirs: Vec<MeetingId> = self
                    .meetings(id)
                    .filter(|meeting| meeting.organiser == *member)
                    .map(|meeting| meeting.id.clone())
                    .collect();
                theirs.iter().for_each(|meeting| self.remove_meeting(id, meeting));
                self.within(id, |tenant| tenant.remove_member(member));
            }
            EntityName::Meeting(id, meeting) => self.remove_meeting(id, meeting),
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

    fn remove_meeting(&mut self, organisation: &OrganisationId, meeting: &MeetingId) {
        self.within(organisation, |tenant| {
            tenant.meetings.remove(meeting);
        });
        if self.numbers.get(meeting) == Some(organisation) {
            self.numbers.remove(meeting);
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
}
