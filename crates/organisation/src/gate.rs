//! The gates that a call passes, and the refusal at one of them.

use std::fmt;

use sidetone_signaling::Reason;

/// What was asked of a call. Gates 0 to 7 are those of spec table 1.1, in that order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gate {
    /// Do both exist? Has no number. Asked of the caller first, and of the callee behind the gates that concern the
    /// organisation or resource as a whole, so that a stranger cannot find out who is in a directory.
    Existence,
    /// 0: the same cloud, or clouds that trust each other?
    Cloud,
    /// 1: has the operator approved the organisation?
    Approval,
    /// 2: is it a work organisation?
    Kind,
    /// 3: does its federation configuration let external users in?
    Federation,
    /// 4: is the resource on its allow-list?
    Resource,
    /// 5: does the member's effective policy open external access?
    Policy,
    /// 6: is the member in native-only mode?
    Mode,
    /// A limit that an organisation or resource chose by a switch. Has no number; asked before gate 7.
    Limit,
    /// 7: is an endpoint registered and online?
    Reachability,
}

impl Gate {
    /// The number in spec table 1.1, where it has one.
    pub fn number(self) -> Option<u8> {
        match self {
            Self::Existence | Self::Limit => None,
            Self::Cloud => Some(0),
            Self::Approval => Some(1),
            Self::Kind => Some(2),
            Self::Federation => Some(3),
            Self::Resource => Some(4),
            Self::Policy => Some(5),
            Self::Mode => Some(6),
            Self::Reachability => Some(7),
        }
    }

    /// Its name, for logs and the audit.
    pub fn name(self) -> &'static str {
        match self {
            Self::Existence => "existence",
            Self::Cloud => "cloud",
            Self::Approval => "approval",
            Self::Kind => "kind",
            Self::Federation => "federation",
            Self::Resource => "resource",
            Self::Policy => "policy",
            Self::Mode => "mode",
            Self::Limit => "limit",
            Self::Reachability => "reachability",
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number() {
            Some(number) => write!(f, "gate {number} ({})", self.name()),
            None => write!(f, "gate {}", self.name()),
        }
    }
}

/// A refusal: at which gate, and the reason that the caller is given. One cause, one subcode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{gate}: {reason}")]
pub struct Refusal {
    /// Where.
    pub gate: Gate,
    /// Why.
    pub reason: Reason,
}

/// Refuses with `reason` at `gate` unless `holds`.
pub(crate) fn require(holds: bool, gate: Gate, reason: Reason) -> Result<(), Refusal> {
    if holds {
        Ok(())
    } else {
        Err(Refusal { gate, reason })
    }
}
