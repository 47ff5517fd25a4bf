//! Who may call whom: the gates of spec table 1.1, asked in their order. The first that does not hold refuses.
//!
//! The gates stand wherever an external user and an organisation meet, whoever calls. Colleagues call each other
//! freely. Two organisations meet at gates 0 and 1 and at a switch of each; two external users of different resources
//! at a switch of each resource.

use sidetone_signaling::{Identifier, Reason};

use crate::gate::require;
use crate::relation::{Insider, Outsider, Party};
use crate::{
    Gate, MemberMode, OrganisationKind, PolicyName, PolicyOrigin, Refusal, Relation, Setting, World,
};

/// How an identity can be reached, at best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Presence {
    /// No endpoint is registered.
    None,
    /// Endpoints are registered, and none is online.
    Offline,
    /// Only push could wake an endpoint.
    PushOnly,
    /// An endpoint is online.
    Online,
}

/// A call that was let through, with what the audit wants to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// What kind of call it is.
    pub relation: Relation,
    /// The policy of gate 5 and why it was that one, where the gate was asked.
    pub policy: Option<(PolicyName, PolicyOrigin)>,
}

/// What somebody wants of somebody else: each has its limit.
#[derive(Clone, Copy)]
enum Wish {
    Call,
    Chat,
}

impl Admitted {
    fn freely(relation: Relation) -> Self {
        Self {
            relation,
            policy: None,
        }
    }
}

impl Presence {
    /// Gate 7.
    ///
    /// # Errors
    /// A refusal at [`Gate::Reachability`], with a subcode for each state.
    pub fn admit(self) -> Result<(), Refusal> {
        let reason = match self {
            Self::Online => return Ok(()),
            Self::None => Reason::NO_ENDPOINT,
            Self::Offline => Reason::OFFLINE,
            Self::PushOnly => Reason::PUSH_ONLY,
        };
        Err(Refusal {
            gate: Gate::Reachability,
            reason,
        })
    }
}

impl World {
    /// Whether `from` may call `to`, and can: gates 0 to 7. `presence` is the callee's.
    ///
    /// # Errors
    /// The first gate that does not hold.
    pub fn admit(&self, from: &Identifier, to: &Identifier, presence: Presence) -> Result<Admitted, Refusal> {
        let admitted = self.may_call(from, to)?;
        presence.admit()?;
        Ok(admitted)
    }

    /// Whether `from` may call `to`, online or not: gates 0 to 6. What forwards a call, or takes a message, asks this.
    ///
    /// # Errors
    /// The first gate that does not hold.
    pub fn may_call(&self, from: &Identifier, to: &Identifier) -> Result<Admitted, Refusal> {
        self.may_reach(from, to, Some(Wish::Call))
    }

    /// Whether `from` may begin a chat with `to`, or take `to` into one: as [`World::may_call`], with the limit of chats
    /// (L9) in the place of that of calls.
    ///
    /// # Errors
    /// The first gate that does not hold.
    pub fn may_begin_chat(&self, from: &Identifier, to: &Identifier) -> Result<Admitted, Refusal> {
        self.may_reach(from, to, Some(Wish::Chat))
    }

    /// Whether two may be in a chat with each other, whoever began it: gates 0 to 6 as they are now.
    ///
    /// # Errors
    /// The first gate that does not hold.
    pub fn may_meet_in_chat(&self, one: &Identifier, other: &Identifier) -> Result<Admitted, Refusal> {
        self.may_reach(one, other, None)
    }

    fn may_reach(&self, from: &Identifier, to: &Identifier, wish: Option<Wish>) -> Result<Admitted, Refusal> {
        let caller = self.party(from).ok_or_else(unknown_caller)?;
        let callee = self.party(to).ok_or_else(no_such_callee)?;
        match (caller, callee) {
            (Party::Inside(caller), _) if caller.who.is_none() => Err(unknown_caller()),
            (Party::Outside(caller), _) if !caller.exists => Err(unknown_caller()),
            (Party::Inside(caller), Party::Inside(callee)) => self.between_insiders(caller, callee),
            (Party::Outside(caller), Party::Inside(callee)) => self.inbound(caller, callee),
            (Party::Inside(caller), Party::Outside(callee)) => self.outbound(caller, callee, wish),
            (Party::Outside(caller), Party::Outside(callee)) => between_outsiders(caller, callee),
            (Party::Stranger, Party::Stranger) => Ok(Admitted::freely(Relation::Undeclared)),
            (Party::Stranger, Party::Outside(other)) | (Party::Outside(other), Party::Stranger)
                if other.holding.is_none() =>
            {
                Ok(Admitted::freely(Relation::Undeclared))
            }
            (Party::Stranger, _) => Err(unknown_caller()),
            (_, Party::Stranger) => Err(no_such_callee()),
        }
    }

    fn between_insiders(&self, caller: Insider<'_>, callee: Insider<'_>) -> Result<Admitted, Refusal> {
        let (from, to) = (&caller.tenant.organisation, &callee.tenant.organisation);
        let relation = if from.id == to.id {
            Relation::SameOrganisation
        } else {
            let deployment = self.deployment();
            let compatible = deployment.compatible(&from.cloud, &to.cloud);
            require(compatible, Gate::Cloud, Reason::CLOUD_INCOMPATIBLE)?;
            let approved = deployment.accepts(&from.approval) && deployment.accepts(&to.approval);
            require(approved, Gate::Approval, Reason::ORGANISATION_NOT_APPROVED)?;
            let open =
                from.switches.other_organisations.is_open() && to.switches.other_organisations.is_open();
            require(open, Gate::Limit, Reason::OTHER_ORGANISATIONS_DISABLED)?;
            Relation::BetweenOrganisations
        };
        require(callee.who.is_some(), Gate::Existence, Reason::NO_SUCH_CALLEE)?;
        Ok(Admitted::freely(relation))
    }

    fn inbound(&self, caller: Outsider<'_>, callee: Insider<'_>) -> Result<Admitted, Refusal> {
        self.organisation_gates(callee, caller)?;
        require(callee.who.is_some(), Gate::Existence, Reason::NO_SUCH_CALLEE)?;
        let policy = member_gates(callee)?;
        Ok(Admitted {
            relation: Relation::Inbound,
            policy,
        })
    }

    /// The sources speak of the *called* member's policy and mode. When a member calls out, the member who calls is
    /// the one in the organisation, so it is that one's policy and mode that gates 5 and 6 ask for: access that is
    /// closed is closed in both directions.
    fn outbound(
        &self,
        caller: Insider<'_>,
        callee: Outsider<'_>,
        wish: Option<Wish>,
    ) -> Result<Admitted, Refusal> {
        self.organisation_gates(caller, callee)?;
        let policy = member_gates(caller)?;
        let switches = &caller.tenant.organisation.switches;
        let (setting, reason) = match wish {
            Some(Wish::Call) => (switches.outgoing_calls, Reason::OUTGOING_CALLS_DISABLED),
            Some(Wish::Chat) => (switches.chat_initiation, Reason::CHAT_INITIATION_DISABLED),
            None => (Setting::Open, Reason::NOT_ALLOWED),
        };
        require(setting.is_open(), Gate::Limit, reason)?;
        require(callee.exists, Gate::Existence, Reason::NO_SUCH_CALLEE)?;
        Ok(Admitted {
            relation: Relation::Outbound,
            policy,
        })
    }

    /// Gates 0 to 4: of the organisation as a whole.
    fn organisation_gates(&self, insider: Insider<'_>, outsider: Outsider<'_>) -> Result<(), Refusal> {
        let deployment = self.deployment();
        let organisation = &insider.tenant.organisation;
        let federation = &insider.tenant.federation;
        let resource = outsider.holding.map(|holding| &holding.resource);

        // A guest is of this deployment's cloud.
        let cloud = resource.map_or(&deployment.cloud, |resource| &resource.cloud);
        let compatible = deployment.compatible(cloud, &organisation.cloud);
        require(compatible, Gate::Cloud, Reason::CLOUD_INCOMPATIBLE)?;

        let approved = deployment.accepts(&organisation.approval);
        require(approved, Gate::Approval, Reason::ORGANISATION_NOT_APPROVED)?;

        let kind = match organisation.kind {
            OrganisationKind::Work => true,
            OrganisationKind::Personal => deployment.switches.personal_organisations.is_open(),
        };
        require(kind, Gate::Kind, Reason::PERSONAL_ORGANISATION)?;

        let enabled = federation.enable_external_users;
        require(enabled, Gate::Federation, Reason::TENANT_FEDERATION_DISABLED)?;

        let listed = resource.is_some_and(|resource| federation.allowed_resources.contains(&resource.id));
        require(listed, Gate::Resource, Reason::RESOURCE_NOT_ALLOWED)
    }
}

/// Gates 5 and 6: of the member. A voice application has a policy and no mode.
fn member_gates(insider: Insider<'_>) -> Result<Option<(PolicyName, PolicyOrigin)>, Refusal> {
    let policy = insider.policy();
    let open = policy.is_some_and(|(policy, _)| policy.enable_federation_access);
    require(open, Gate::Policy, Reason::POLICY_DENIED)?;

    let native = match insider.member().map(|member| member.mode) {
        Some(MemberMode::Legacy) => insider.tenant.organisation.switches.legacy_members.is_open(),
        Some(MemberMode::NativeOnly) | None => true,
    };
    require(native, Gate::Mode, Reason::USER_MODE_INCOMPATIBLE)?;
    Ok(policy.map(|(policy, origin)| (policy.name.clone(), origin)))
}

/// No organisation takes part, so no gate stands between them.
fn between_outsiders(caller: Outsider<'_>, callee: Outsider<'_>) -> Result<Admitted, Refusal> {
    let resource = |party: Outsider<'_>| party.holding.map(|holding| holding.resource.id.clone());
    let relation = match (resource(caller), resource(callee)) {
        (None, None) => Relation::Undeclared,
        (one, other) if one == other => Relation::SameResource,
        _ => {
            let open = |party: Outsider<'_>| {
                party
                    .holding
                    .is_none_or(|holding| holding.resource.switches.other_resources.is_open())
            };
            let both = open(caller) && open(callee);
            require(both, Gate::Limit, Reason::OTHER_RESOURCES_DISABLED)?;
            Relation::BetweenResources
        }
    };
    require(callee.exists, Gate::Existence, Reason::NO_SUCH_CALLEE)?;
    Ok(Admitted::freely(relation))
}

fn unknown_caller() -> Refusal {
    Refusal {
        gate: Gate::Existence,
        reason: Reason::UNKNOWN_CALLER,
    }
}

fn no_such_callee() -> Refusal {
    Refusal {
        gate: Gate::Existence,
        reason: Reason::NO_SUCH_CALLEE,
    }
}
