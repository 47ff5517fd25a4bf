//! Which external-access policy holds for someone.

use crate::{
    Application, ExternalAccessPolicy, Member, MemberId, OrganisationId, PolicyName, PolicyOrigin, World,
};

use super::Tenant;

impl World {
    /// The one policy that holds for a member, and why it is that one (spec R17; order under table 1.1: direct
    /// assignment, group assignment, `global`). `None` when there is no such member.
    pub fn effective_policy(
        &self,
        organisation: &OrganisationId,
        member: &MemberId,
    ) -> Option<(&ExternalAccessPolicy, PolicyOrigin)> {
        let tenant = self.organisations.get(organisation)?;
        tenant.policy_of_member(&tenant.members.get(member)?.member)
    }
}

impl Tenant {
    pub(crate) fn policy_of_member(&self, member: &Member) -> Option<(&ExternalAccessPolicy, PolicyOrigin)> {
        if let Some(name) = &member.policy {
            return self.assigned(name, PolicyOrigin::Direct);
        }
        let groups = member.groups.iter().filter_map(|id| self.groups.get(id));
        let assigned = groups.filter_map(|group| Some((group.rank, &group.id, group.policy.as_ref()?)));
        match assigned.min() {
            Some((_, _, name)) => self.assigned(name, PolicyOrigin::Group),
            None => self.assigned(&PolicyName::GLOBAL, PolicyOrigin::Global),
        }
    }

    pub(crate) fn policy_of_application(
        &self,
        application: &Application,
    ) -> Option<(&ExternalAccessPolicy, PolicyOrigin)> {
        match &application.policy {
            Some(name) => self.assigned(name, PolicyOrigin::Direct),
            None => self.assigned(&PolicyName::GLOBAL, PolicyOrigin::Global),
        }
    }

    fn assigned(
        &self,
        name: &PolicyName,
        origin: PolicyOrigin,
    ) -> Option<(&ExternalAccessPolicy, PolicyOrigin)> {
        Some((self.policies.get(name)?, origin))
    }
}
