//! Which joins and leaves the bots of an organisation are told of (L30). What its analytics show of external users
//! (L36, L37) is decided where records are viewed.

use sidetone_signaling::Identifier;

use crate::card::IdentityKind;
use crate::{OrganisationId, World};

impl World {
    /// Whether the bots of an organisation are told that someone joins or leaves a call: of external users and guests
    /// only where the switch is open.
    pub fn bots_are_told(&self, organisation: &OrganisationId, identity: &Identifier) -> bool {
        let open = self
            .organisation(organisation)
            .is_some_and(|found| found.switches.bot_events.is_open());
        open || !IdentityKind::of(identity).is_external()
    }
}
