//! What an organisation sees of external users in its analytics, and what its bots are told of them (L30, L36, L37).
//! The resource's own side always sees everything: it is not asked here.

use sidetone_signaling::Identifier;

use crate::card::IdentityKind;
use crate::{OrganisationId, Setting, Switches, World};

/// What stands for an external user whose name is not shown.
const ANONYMOUS: &str = "Anonymous";

impl World {
    /// The name under which someone stands in the call analytics of an organisation. `shown` is the one of their card.
    pub fn analytics_name<'a>(
        &self,
        organisation: &OrganisationId,
        identity: &Identifier,
        shown: &'a str,
    ) -> &'a str {
        if self.sees(organisation, identity, |switches| switches.analytics_names) {
            shown
        } else {
            ANONYMOUS
        }
    }

    /// Whether someone is in the live view of an organisation.
    pub fn in_live_view(&self, organisation: &OrganisationId, identity: &Identifier) -> bool {
        self.sees(organisation, identity, |switches| switches.live_analytics)
    }

    /// Whether the bots of an organisation are told that someone joins or leaves.
    pub fn bots_are_told(&self, organisation: &OrganisationId, identity: &Identifier) -> bool {
        self.sees(organisation, identity, |switches| switches.bot_events)
    }

    /// Everybody who is not from outside is seen; the others where the switch is open.
    fn sees(
        &self,
        organisation: &OrganisationId,
        identity: &Identifier,
        setting: impl Fn(&Switches) -> Setting,
    ) -> bool {
        !IdentityKind::of(identity).is_external()
            || self
                .organisation(organisation)
                .is_some_and(|found| setting(&found.switches).is_open())
    }
}
