//! Which features a call between an organisation and an external user has (L3, L4, L7). Every other call has all.

use sidetone_signaling::{Identifier, Reason};

use crate::gate::require;
use crate::relation::{Party, Person};
use crate::{ApplicationKind, Gate, RecordingConsent, Refusal, World};

/// A feature of a 1:1 call that an organisation may do without when an external user takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallFeature {
    /// Adding a third, which makes it a group call (L3).
    Escalation,
    /// Recording on the server (L4).
    Recording,
    /// Transcription on the server (L7).
    Transcription,
    /// Handing the call over to someone else (L7).
    Transfer,
    /// Asking someone else while the call is on hold, before handing it over (L7).
    Consultation,
}

impl World {
    /// Whether a call between the two has a feature.
    ///
    /// # Errors
    /// A refusal at [`Gate::Limit`], with a subcode for each limitation.
    pub fn feature(&self, feature: CallFeature, one: &Identifier, other: &Identifier) -> Result<(), Refusal> {
        let insider = match (self.party(one), self.party(other)) {
            (Some(Party::Inside(insider)), Some(Party::Outside(_)))
            | (Some(Party::Outside(_)), Some(Party::Inside(insider))) => insider,
            _ => return Ok(()),
        };
        let switches = &insider.tenant.organisation.switches;
        let (setting, reason) = match feature {
            CallFeature::Escalation => (switches.escalation, Reason::ESCALATION_DISABLED),
            CallFeature::Recording => (switches.call_recording, Reason::RECORDING_DISABLED),
            CallFeature::Transcription | CallFeature::Transfer | CallFeature::Consultation => {
                (switches.call_features, Reason::FEATURE_DISABLED)
            }
        };
        require(setting.is_open(), Gate::Limit, reason)
    }

    /// Whether calls of `identity` are recorded and transcribed only with the consent of everyone else in them.
    pub fn asks_for_consent(&self, identity: &Identifier) -> bool {
        match self.party(identity) {
            Some(Party::Inside(insider)) => {
                insider.tenant.organisation.recording_consent == RecordingConsent::Always
            }
            _ => false,
        }
    }

    /// Whether `identity` is a voicemail application: it records what callers leave, and no calls.
    pub fn takes_messages(&self, identity: &Identifier) -> bool {
        let who = match self.party(identity) {
            Some(Party::Inside(insider)) => insider.who,
            _ => None,
        };
        matches!(who, Some(Person::Application(application)) if application.kind == ApplicationKind::Voicemail)
    }

    /// Whether `transferor`, in a call with `transferee`, may hand that call over to `target`: the call has the
    /// feature, an external target is let (L6), and both may call the target.
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn may_transfer(
        &self,
        transferor: &Identifier,
        transferee: &Identifier,
        target: &Identifier,
    ) -> Result<(), Refusal> {
        self.feature(CallFeature::Transfer, transferor, transferee)?;
        self.may_redirect(transferor, transferee, target)
    }

    /// Whether `by` may have a call from `from` go on to `target`.
    pub(crate) fn may_redirect(
        &self,
        by: &Identifier,
        from: &Identifier,
        target: &Identifier,
    ) -> Result<(), Refusal> {
        if let (Some(Party::Inside(insider)), Some(Party::Outside(_))) = (self.party(by), self.party(target))
        {
            let open = insider.tenant.organisation.switches.external_targets.is_open();
            require(open, Gate::Limit, Reason::EXTERNAL_TARGET_DISABLED)?;
        }
        self.may_call(by, target)?;
        self.may_call(from, target).map(drop)
    }
}
