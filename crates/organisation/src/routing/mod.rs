//! Where a member's calls go (L5, L6): the rules, and the pure decision by them.
//!
//! Rules are asked in this order, each only while those before it did not settle the call:
//!
//! 1. the gates between caller and callee: a call that may not reach the callee is not forwarded either;
//! 2. do not disturb: the call does not ring;
//! 3. always: forward;
//! 4. busy, when the callee is in a call and wants no second one: forward;
//! 5. offline, when no endpoint of the callee is online: forward;
//! 6. ring the callee, and those who ring with them, at once or some seconds later; meanwhile members of a pickup
//!    group of the callee may take the call;
//! 7. no answer, some seconds later: forward;
//! 8. where the call went nowhere: voicemail, of the last it was forwarded to, or else of who forwarded it there.
//!
//! A person that a call is forwarded to has rules too, and they are asked in the same way. A rule is passed over, as
//! if it were not set, when its target may not be called by the caller or by the member whose rule it is, has had the
//! call already, or would be one forward too many. What was passed over is told with the decision.
//!
//! While [`Switches::advanced_routing`](crate::Switches) has the source's value, calls of external users know no
//! forwarding, ringing with, pickup and voicemail. Do not disturb and busy still hold.

mod decide;
mod decision;

use serde::{Deserialize, Serialize};
use sidetone_signaling::Identifier;
use utoipa::ToSchema;

use crate::{DomainError, text};

pub use decision::{
    Attempt, Cause, Decision, Hop, MAX_FORWARDS, Outcome, Reach, Ring, RingTarget, Routed, Skipped,
};

const MAX_ALSO: usize = 8;
const RING_SECONDS: std::ops::RangeInclusive<u16> = 5..=120;

/// A member's rules. By default every call rings the member and nobody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Routing {
    /// No call rings.
    pub do_not_disturb: bool,
    /// A second call does not ring while the member is in one.
    pub busy_on_busy: bool,
    /// Where every call goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub always: Option<Target>,
    /// Where calls go while the member is busy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub busy: Option<Target>,
    /// Where calls go that the member does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_answer: Option<Target>,
    /// Where calls go while no endpoint of the member is online.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offline: Option<Target>,
    /// How long a call rings before it counts as not answered, in seconds (5 to 120).
    #[schema(minimum = 5, maximum = 120)]
    pub ring_seconds: u16,
    /// Who rings with the member.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also_ring: Vec<AlsoRing>,
    /// Whether callers can leave a message when the call went nowhere.
    pub voicemail: bool,
}

impl Default for Routing {
    fn default() -> Self {
        Self {
            do_not_disturb: false,
            busy_on_busy: false,
            always: None,
            busy: None,
            no_answer: None,
            offline: None,
            ring_seconds: 20,
            also_ring: Vec::new(),
            voicemail: false,
        }
    }
}

/// Where a rule sends a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Target {
    /// To the member's own voicemail.
    Voicemail,
    /// To someone.
    Identity {
        /// Whom.
        #[schema(value_type = String, example = "member:contoso:mia", pattern = r"^((external|member|application):[A-Za-z0-9._-]{1,64}:[A-Za-z0-9._-]{1,64}|guest:[A-Za-z0-9._-]{1,64}|phone:[+][0-9]{3,15})$")]
        identity: Identifier,
    },
}

/// Someone who rings with a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AlsoRing {
    /// Who.
    #[schema(value_type = String, example = "member:contoso:mia", pattern = r"^((external|member|application):[A-Za-z0-9._-]{1,64}:[A-Za-z0-9._-]{1,64}|guest:[A-Za-z0-9._-]{1,64}|phone:[+][0-9]{3,15})$")]
    pub identity: Identifier,
    /// How long after the member, in seconds (0 to 120): 0 rings simultaneously, more one after the other.
    #[serde(default)]
    #[schema(maximum = 120)]
    pub after_seconds: u16,
}

impl Routing {
    /// Where this rule sends a call, if it is set.
    fn target(&self, cause: Cause) -> Option<&Target> {
        match cause {
            Cause::Always => self.always.as_ref(),
            Cause::Busy => self.busy.as_ref(),
            Cause::NoAnswer => self.no_answer.as_ref(),
            Cause::Offline => self.offline.as_ref(),
            // Rings more people, and sends the call nowhere.
            Cause::AlsoRing => None,
        }
    }

    pub(crate) fn check(&self) -> Result<(), DomainError> {
        text::count("alsoRing", self.also_ring.len(), MAX_ALSO)?;
        let within = |field, value: u16, least: u16| {
            if (least..=*RING_SECONDS.end()).contains(&value) {
                return Ok(());
            }
            Err(DomainError::OutOfRange {
                field,
                least: least.into(),
                most: (*RING_SECONDS.end()).into(),
            })
        };
        within("ringSeconds", self.ring_seconds, *RING_SECONDS.start())?;
        self.also_ring
            .iter()
            .try_for_each(|also| within("afterSeconds", also.after_seconds, 0))
    }
}
