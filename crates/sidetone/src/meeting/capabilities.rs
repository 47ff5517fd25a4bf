//! What this end may do in a meeting, and why not.

use sidetone_signaling::protocol::meeting::{Capabilities, CapabilitiesChanged, Capability, Standing};

use crate::call::{Call, CallEvent};

impl super::Meeting {
    pub(super) fn change_capabilities(&mut self, changed: CapabilitiesChanged) -> Vec<CallEvent> {
        self.capabilities.extend(&changed.new);
        let role = std::mem::replace(&mut self.info.role, changed.role);
        let mut told = Vec::new();
        if role != changed.role {
            told.push(CallEvent::RoleChanged(changed.role));
        }
        told.push(CallEvent::CapabilitiesChanged {
            old: changed.old,
            new: changed.new,
            cause: changed.cause,
        });
        told
    }
}

/// What this end may do. See [`Call::capabilities`].
#[derive(Clone, Debug)]
pub struct CapabilitiesFeature(Call);

impl CapabilitiesFeature {
    /// Everything that the service tells. Changes come as [`CallEvent::CapabilitiesChanged`].
    pub fn all(&self) -> Capabilities {
        self.0
            .in_meeting(|meeting| meeting.capabilities.clone())
            .unwrap_or_default()
    }

    /// Whether this end may do this, or why not.
    pub fn get(&self, capability: Capability) -> Standing {
        let known = self
            .0
            .in_meeting(|meeting| meeting.capabilities.get(&capability).copied());
        known.flatten().unwrap_or(Standing::NotInThisCallType)
    }

    /// Whether this end may do this.
    pub fn is_capable(&self, capability: Capability) -> bool {
        self.get(capability).is_capable()
    }
}

impl Call {
    /// What this end may do.
    pub fn capabilities(&self) -> CapabilitiesFeature {
        CapabilitiesFeature(self.clone())
    }
}
