//! Looking things up, one by one and in lists.

use sidetone_signaling::Identifier;
use sidetone_signaling::identifier::Label;

use crate::access::Role;
use crate::{
    Application, ApplicationId, ApplicationKind, Entity, EntityKey, EntityName, ExternalAccessPolicy,
    ExternalKey, ExternalUser, Federation, Group, GroupId, Meeting, MeetingId, Member, MemberId,
    Organisation, OrganisationId, OrganisationRole, PolicyName, Resource, ResourceId, World,
};

impl World {
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

    /// A meeting.
    pub fn meeting(&self, organisation: &OrganisationId, id: &MeetingId) -> Option<&Meeting> {
        self.organisations.get(organisation)?.meetings.get(id)
    }

    /// The meetings of an organisation, by number.
    pub fn meetings(&self, organisation: &OrganisationId) -> impl Iterator<Item = &Meeting> {
        self.organisations
            .get(organisation)
            .into_iter()
            .flat_map(|tenant| tenant.meetings.values())
    }

    /// The meeting of a number, and whose it is: no two organisations have one of the same number.
    pub fn meeting_by_number(&self, id: &MeetingId) -> Option<(&OrganisationId, &Meeting)> {
        let organisation = self.numbers.get(id)?;
        Some((organisation, self.meeting(organisation, id)?))
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
            EntityName::Meeting(id, meeting) => Entity::Meeting {
                organisation: id.clone(),
                meeting: self.meeting(id, meeting)?.clone(),
            },
            EntityName::Resource(id) => Entity::Resource(self.resource(id)?.clone()),
            EntityName::ExternalUser(id, user) => Entity::ExternalUser(self.external_user(id, user)?.clone()),
        })
    }

    /// The roles that an identity has by being who it is. Operators and owners have theirs by a key.
    pub fn roles_of(&self, identity: &Identifier) -> Vec<Role> {
        let (organisation, id) = match identity {
            Identifier::Member { organisation, user } => (organisation.clone().into(), user.clone().into()),
            Identifier::Application {
                organisation,
                application,
            } => return self.roles_of_application(organisation.clone().into(), application.clone().into()),
            _ => return Vec::new(),
        };
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

    fn roles_of_application(&self, organisation: OrganisationId, id: ApplicationId) -> Vec<Role> {
        let Some(application) = self.application(&organisation, &id) else {
            return Vec::new();
        };
        let mut roles = Vec::new();
        if application.kind == ApplicationKind::Voicemail {
            roles.push(Role::Voicemail(organisation.clone()));
        }
        roles.push(Role::Application(organisation, id));
        roles
    }
}
