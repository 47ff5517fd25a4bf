//! Who somebody is to an organisation whose meeting they come to, and whether they may come to its door.

use sidetone_signaling::identifier::Label;
use sidetone_signaling::{Identifier, Reason};

use crate::gate::require;
use crate::relation::{Outsider, Party};
use crate::{Gate, IdentityKind, OrganisationId, OrganisationKind, Refusal, World};

/// Who somebody is to an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// One of its own.
    Own,
    /// A guest in its directory.
    Guest,
    /// A member of an organisation that it deals with.
    Federated,
    /// A user of a resource, or nobody's.
    External,
}

impl Origin {
    /// Whether the rules for people from outside hold.
    pub fn is_external(self) -> bool {
        self == Self::External
    }
}

/// Somebody who comes to a meeting, as everybody else is shown them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attendee {
    /// Their name, with the suffix where they are from outside.
    pub display_name: String,
    /// What kind of identity they have.
    pub kind: IdentityKind,
    /// Who they are to the organisation.
    pub origin: Origin,
}

impl World {
    /// Who comes to a meeting of `host`, whose program asks for the name `wanted` (empty for no wish).
    ///
    /// # Errors
    /// What keeps them from it whatever the meeting is: they do not exist (R106), the organisation is a personal one
    /// (L32), the clouds do not trust each other (L40), the organisations do not deal with each other, or nobody comes
    /// from outside at all (R65).
    pub fn attendee(
        &self,
        host: &OrganisationId,
        identity: &Identifier,
        wanted: &str,
    ) -> Result<Attendee, Refusal> {
        let gone = Refusal {
            gate: Gate::Existence,
            reason: Reason::NO_SUCH_MEETING,
        };
        let tenant = self.tenant(host.label()).ok_or(gone)?;
        let origin = match self.party(identity) {
            Some(Party::Inside(insider)) => {
                let known = insider.who.is_some();
                require(known, Gate::Existence, Reason::UNKNOWN_CALLER)?;
                let theirs = &insider.tenant.organisation;
                let ours = &tenant.organisation;
                if theirs.id == ours.id {
                    match insider.member() {
                        Some(member) if member.guest => Origin::Guest,
                        _ => Origin::Own,
                    }
                } else {
                    let deployment = self.deployment();
                    let compatible = deployment.compatible(&theirs.cloud, &ours.cloud);
                    require(compatible, Gate::Cloud, Reason::CLOUD_INCOMPATIBLE)?;
                    let open = theirs.switches.other_organisations.is_open()
                        && ours.switches.other_organisations.is_open();
                    require(open, Gate::Limit, Reason::OTHER_ORGANISATIONS_DISABLED)?;
                    Origin::Federated
                }
            }
            Some(Party::Outside(outsider)) => {
                require(outsider.exists, Gate::Existence, Reason::UNKNOWN_CALLER)?;
                self.outsider_gates(host, outsider)?;
                Origin::External
            }
            // Of an organisation that nobody declared: as anybody from outside.
            Some(Party::Stranger) => {
                let from_outside = tenant.organisation.meetings.anonymous_join;
                require(from_outside, Gate::Policy, Reason::ANONYMOUS_JOIN_DISABLED)?;
                Origin::External
            }
            None => {
                return Err(Refusal {
                    gate: Gate::Existence,
                    reason: Reason::UNKNOWN_CALLER,
                });
            }
        };
        let wanted = Some(wanted).filter(|wanted| !wanted.is_empty());
        let card = self.caller_card(identity, wanted);
        Ok(Attendee {
            display_name: card.display_name,
            kind: card.kind,
            origin,
        })
    }

    fn outsider_gates(&self, host: &OrganisationId, outsider: Outsider<'_>) -> Result<(), Refusal> {
        let Some(organisation) = self.organisation(host) else {
            return Ok(());
        };
        let deployment = self.deployment();
        let cloud: &Label = match outsider.holding {
            Some(holding) => &holding.resource.cloud,
            None => &deployment.cloud,
        };
        let compatible = deployment.compatible(cloud, &organisation.cloud);
        require(compatible, Gate::Cloud, Reason::CLOUD_INCOMPATIBLE)?;
        let kind = match organisation.kind {
            OrganisationKind::Work => true,
            OrganisationKind::Personal => deployment.switches.personal_organisations.is_open(),
        };
        require(kind, Gate::Kind, Reason::PERSONAL_ORGANISATION)?;
        let from_outside = organisation.meetings.anonymous_join;
        require(from_outside, Gate::Policy, Reason::ANONYMOUS_JOIN_DISABLED)
    }

    /// Whether `identity` may come to a group call that `starter` began, and whose link it has: who may call whom
    /// decides, and for members of an organisation whether they come to calls that an application began (L31).
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn may_join_group(&self, starter: &Identifier, identity: &Identifier) -> Result<(), Refusal> {
        self.members_come_to(starter, identity)?;
        if starter == identity {
            return Ok(());
        }
        // Who was called may come, and who may call may come: a link is an invitation.
        match self.may_call(starter, identity) {
            Ok(_) => Ok(()),
            Err(refusal) => self.may_call(identity, starter).map(drop).map_err(|_| refusal),
        }
    }

    /// L31: whether a member comes to a call that an application's user began, other than by being rung.
    fn members_come_to(&self, starter: &Identifier, identity: &Identifier) -> Result<(), Refusal> {
        if let (Some(Party::Outside(_)), Some(Party::Inside(insider))) =
            (self.party(starter), self.party(identity))
        {
            let open = insider.tenant.organisation.switches.group_call_members.is_open();
            require(open, Gate::Limit, Reason::GROUP_CALL_MEMBERS_DISABLED)?;
        }
        Ok(())
    }
}
