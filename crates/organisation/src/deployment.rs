//! What the operator decides for the whole deployment.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sidetone_signaling::identifier::Label;
use utoipa::ToSchema;

use crate::{Approval, DeploymentSwitches};

/// The deployment as its operator has set it up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// The cloud this deployment is.
    pub cloud: Label,
    /// Other clouds that it trusts (L40). Those must trust this one too: that is their side's decision.
    #[serde(default)]
    pub trusted_clouds: BTreeSet<Label>,
    /// How an organisation is approved (L41).
    #[serde(default)]
    pub approval: ApprovalPolicy,
    /// What identities of organisations and resources that nobody declared may do.
    #[serde(default)]
    pub undeclared: Undeclared,
    /// Which limits the operator chose.
    #[serde(default)]
    pub switches: DeploymentSwitches,
}

impl Deployment {
    /// A deployment of this cloud, and otherwise the defaults.
    pub fn new(cloud: Label) -> Self {
        Self {
            cloud,
            trusted_clouds: BTreeSet::new(),
            approval: ApprovalPolicy::default(),
            undeclared: Undeclared::default(),
            switches: DeploymentSwitches::default(),
        }
    }

    /// Whether two clouds may deal with each other (gate 0): they are the same, or this deployment trusts both.
    pub(crate) fn compatible(&self, one: &Label, other: &Label) -> bool {
        let trusts = |cloud: &Label| *cloud == self.cloud || self.trusted_clouds.contains(cloud);
        one == other || (self.switches.trusted_clouds.is_open() && trusts(one) && trusts(other))
    }

    /// Whether an organisation with this approval may deal with others (gate 1).
    pub(crate) fn accepts(&self, approval: &Approval) -> bool {
        match approval {
            Approval::Approved => true,
            Approval::Pending => self.approval == ApprovalPolicy::Automatic,
            Approval::Refused { .. } => false,
        }
    }
}

/// How an organisation is approved (L41). `Manual` is the source's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ApprovalPolicy {
    /// By asking: one that the operator has not refused is approved.
    #[default]
    Automatic,
    /// By the operator, one by one.
    Manual,
}

impl ApprovalPolicy {
    /// The state of a new organisation.
    pub fn initial(self) -> Approval {
        match self {
            Self::Automatic => Approval::Approved,
            Self::Manual => Approval::Pending,
        }
    }
}

/// What identities of organisations and resources that nobody declared may do. For development: a token can be
/// issued for any identity there, before anything was configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Undeclared {
    /// Nothing: they do not exist.
    #[default]
    Refused,
    /// Call each other. Towards a declared organisation they remain strangers.
    Admitted,
}
