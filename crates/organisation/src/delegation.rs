//! Calling on a member's behalf (L39): only who the member named, and only where the organisation lets that be.

use sidetone_signaling::{Identifier, Reason};

use crate::gate::require;
use crate::relation::Party;
use crate::{Gate, Refusal, World};

impl World {
    /// Whether `actor` may call as `member`. Everybody may act for themselves. An external user must also be let in
    /// to the organisation by the gates.
    ///
    /// # Errors
    /// The first that does not hold. Who refuses audits it, as it does each use.
    pub fn may_act_for(&self, actor: &Identifier, member: &Identifier) -> Result<(), Refusal> {
        if actor == member {
            return Ok(());
        }
        let represented = match self.party(member) {
            Some(Party::Inside(insider)) => insider.member().map(|member| (insider.tenant, member)),
            _ => None,
        };
        // Who may not call the member learns no more than that: not who the member trusts.
        self.may_call(actor, member)?;
        let (tenant, represented) = represented.ok_or(Refusal {
            gate: Gate::Existence,
            reason: Reason::NO_SUCH_CALLEE,
        })?;
        let open = tenant.organisation.switches.delegation.is_open();
        require(open, Gate::Limit, Reason::DELEGATION_DISABLED)?;
        require(
            represented.delegates.contains(actor),
            Gate::Limit,
            Reason::NOT_DELEGATED,
        )
    }
}
